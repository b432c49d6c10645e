"""An oracle that shares no line with us: PyTorch in float64.  Skipped where it is not installed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scratchgan import losses  # noqa: E402
from scratchgan.layers import BatchNorm, Conv2D, ConvTranspose2D, Dense  # noqa: E402
from scratchgan.models import dcgan, mlp_gan  # noqa: E402
from scratchgan.optim import SGD, Adam, RMSProp  # noqa: E402

nn, F = torch.nn, torch.nn.functional


def nchw(a):
    return torch.tensor(np.ascontiguousarray(a.transpose(0, 3, 1, 2)))


def nhwc(t):
    return t.detach().numpy().transpose(0, 2, 3, 1)


def close(a, b, tolerance=1e-10):
    scale = max(np.abs(b).max(), 1e-300)
    assert np.abs(a - b).max() / scale <= tolerance


@pytest.mark.parametrize(("k", "s", "p"), [(4, 2, 1), (3, 1, 0), (1, 1, 0), (2, 3, 1), (5, 2, 3)])
def test_conv(k, s, p, rng):
    layer = Conv2D(3, 4, kernel_size=k, stride=s, padding=p, rng=rng, dtype=np.float64)
    x = rng.standard_normal((2, 9, 7, 3))
    layer.params["b"][...] = rng.standard_normal(4)
    t, w = nchw(x).requires_grad_(), torch.tensor(layer.params["W"].transpose(3, 2, 0, 1).copy(), requires_grad=True)
    expected = F.conv2d(t, w, torch.tensor(layer.params["b"]), stride=s, padding=p)
    y, cache = layer.forward(x, train=True)
    close(y, nhwc(expected))
    dy = rng.standard_normal(y.shape)
    expected.backward(nchw(dy))
    close(layer.backward(dy, cache), nhwc(t.grad))
    close(layer.grads["W"], w.grad.numpy().transpose(2, 3, 1, 0))


@pytest.mark.parametrize(("k", "s", "p", "o"), [(4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 0, 0), (2, 3, 0, 2), (5, 3, 2, 1)])
def test_conv_transpose(k, s, p, o, rng):
    layer = ConvTranspose2D(3, 4, kernel_size=k, stride=s, padding=p, output_padding=o, rng=rng, dtype=np.float64)
    x = rng.standard_normal((2, 4, 5, 3))
    t, w = nchw(x).requires_grad_(), torch.tensor(layer.params["W"].transpose(3, 2, 0, 1).copy(), requires_grad=True)
    expected = F.conv_transpose2d(t, w, torch.tensor(layer.params["b"]), stride=s, padding=p, output_padding=o)
    y, cache = layer.forward(x, train=True)
    close(y, nhwc(expected))
    dy = rng.standard_normal(y.shape)
    expected.backward(nchw(dy))
    close(layer.backward(dy, cache), nhwc(t.grad))
    close(layer.grads["W"], w.grad.numpy().transpose(2, 3, 1, 0))


@pytest.mark.parametrize("train", [True, False])
def test_batchnorm(train, rng):
    layer, peer = BatchNorm(3, dtype=np.float64), nn.BatchNorm2d(3).double()
    layer.params["gamma"][...], layer.params["beta"][...] = rng.standard_normal((2, 3))
    with torch.no_grad():
        peer.weight.copy_(torch.tensor(layer.params["gamma"]))
        peer.bias.copy_(torch.tensor(layer.params["beta"]))
    for _ in range(3):
        x = 2 + 3 * rng.standard_normal((4, 3, 2, 3))
        layer.forward(x, train=True)
        peer(nchw(x))
    peer.train(train)
    t = nchw(x).requires_grad_()
    y, cache = layer.forward(x, train=train)
    expected = peer(t)
    close(y, nhwc(expected))
    dy = rng.standard_normal(y.shape)
    expected.backward(nchw(dy))
    close(layer.backward(dy, cache), nhwc(t.grad))
    close(layer.grads["gamma"], peer.weight.grad.numpy())
    close(layer.state["mean"], peer.running_mean.numpy())
    close(layer.state["var"], peer.running_var.numpy())


class Peer(nn.Module):
    """One of our nets as a function of torch tensors, from its own parameters."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        own = {path.replace(".", "_"): nn.Parameter(torch.tensor(w)) for path, w in net.parameters()}
        self.p = nn.ParameterDict(own)

    def of(self, path):
        return self.p[path.replace(".", "_")]

    def forward(self, x):
        for i, layer in enumerate(self.net.layers):
            get = lambda name, i=i: self.p[f"{i}_{name}"] if f"{i}_{name}" in self.p else None
            kind = type(layer).__name__
            if kind == "Dense":
                x = x @ get("W") + (0 if get("b") is None else get("b"))
            elif kind == "Conv2D":
                x = F.conv2d(x, get("W").permute(3, 2, 0, 1), get("b"), layer.stride, layer.padding)
            elif kind == "ConvTranspose2D":
                x = F.conv_transpose2d(x, get("W").permute(3, 2, 0, 1), get("b"), layer.stride, layer.padding,
                                       layer.output_padding)
            elif kind == "BatchNorm":
                x = F.batch_norm(x, None, None, get("gamma"), get("beta"), training=True, eps=layer.eps)
            elif kind == "LeakyReLU":
                x = F.leaky_relu(x, layer.slope)
            elif kind in ("ReLU", "Tanh"):
                x = getattr(torch, kind.lower())(x)
            elif kind == "Reshape":
                x = x.reshape(-1, *layer.shape)
                x = x.permute(0, 3, 1, 2) if len(layer.shape) == 3 else x
            else:
                assert kind == "Flatten"
                x = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)
        return x


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
@pytest.mark.parametrize("make", [
    lambda **kw: dcgan(image_size=16, width=3, latent_dim=5, dtype=np.float64, label_smoothing=0.1, **kw),
    lambda **kw: mlp_gan(2, 3, (7, 6), dtype=np.float64, **kw),
], ids=["dcgan", "mlp"])
def test_a_whole_step_of_the_game(make, loss, rng):
    """Losses and every weight gradient of D and of G, and the weights after Adam."""
    gan = make(loss=loss)
    images = len(gan.data_shape) == 3
    real, Z = rng.standard_normal((6, *gan.data_shape)), rng.standard_normal((6, gan.latent_dim))
    G, D = Peer(gan.G), Peer(gan.D)
    x, z = nchw(real) if images else torch.tensor(real), torch.tensor(Z)
    smooth = getattr(gan.loss, "label_smoothing", 0.0)

    bce = F.binary_cross_entropy_with_logits
    r, f = D(x), D(G(z).detach())
    d_loss = bce(r, torch.full_like(r, 1 - smooth)) + bce(f, torch.zeros_like(f))
    d_loss.backward()
    assert gan.d_gradients(real, Z)["d_loss"] == pytest.approx(d_loss.item(), rel=1e-12)
    for path, g in gan.D.gradients():
        close(g, D.of(path).grad.numpy(), 1e-9)
    torch.optim.Adam(D.parameters(), 2e-4, (0.5, 0.999)).step()
    gan.d_optimizer.step()
    with torch.no_grad():
        for path, w in gan.D.parameters():
            np.testing.assert_allclose(w, D.of(path).numpy(), rtol=1e-8, atol=1e-9)
            D.of(path).copy_(torch.tensor(w))
    f = D(G(z))
    g_loss = bce(f, torch.ones_like(f)) if loss == "non-saturating" else -bce(f, torch.zeros_like(f))
    g_loss.backward()
    assert gan.g_gradients(Z)["g_loss"] == pytest.approx(g_loss.item(), rel=1e-12)
    for path, g in gan.G.gradients():
        close(g, G.of(path).grad.numpy(), 1e-9)


@pytest.mark.parametrize(("ours", "theirs"), [
    (lambda net: SGD(net, 0.01, momentum=0.9), lambda p: torch.optim.SGD(p, 0.01, 0.9)),
    (lambda net: SGD(net, 0.01, momentum=0.9, nesterov=True), lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True)),
    (lambda net: RMSProp(net, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    (lambda net: Adam(net, 0.01), lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.999))),
], ids=["sgd", "nesterov", "rmsprop", "adam"])
def test_optimisers(ours, theirs, rng):
    net = Dense(4, 3, rng=rng, dtype=np.float64)
    peers = [nn.Parameter(torch.tensor(w)) for _, w in net.parameters()]
    a, b = ours(net), theirs(peers)
    for _ in range(10):
        for (_, g), p in zip(net.gradients(), peers, strict=True):
            g[...] = rng.standard_normal(g.shape)
            p.grad = torch.tensor(g)
        a.step()
        b.step()
    for (_, w), p in zip(net.parameters(), peers, strict=True):
        close(w, p.detach().numpy())


def test_losses_at_random_and_extreme_logits(rng):
    r, f = 5 * rng.standard_normal((2, 50, 1))
    r[:2, 0] = f[:2, 0] = [1000, -1000]
    for smooth in (0.0, 0.1):
        tr, tf = (torch.tensor(a, requires_grad=True) for a in (r, f))
        bce = F.binary_cross_entropy_with_logits
        expected = bce(tr, torch.full_like(tr, 1 - smooth)) + bce(tf, torch.zeros_like(tf))
        expected.backward()
        value, d_real, d_fake = losses.get("non-saturating", label_smoothing=smooth).discriminator(r, f)
        assert value == pytest.approx(expected.item(), rel=1e-13)
        close(d_real, tr.grad.numpy(), 1e-13)
        close(d_fake, tf.grad.numpy(), 1e-13)
