"""An oracle that shares no line with us: PyTorch in float64.  Skipped where it is not installed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scratchgan import Sequential, losses  # noqa: E402
from scratchgan.dynamics import jacobian_vector  # noqa: E402
from scratchgan.layers import (  # noqa: E402
    BatchNorm,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Embedding,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    MatMul,
    Maxout,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    Multiply,
    PixelNorm,
    PixelShuffle,
    ReLU,
    Reshape,
    Residual,
    SelfAttention,
    SiLU,
    Softmax,
    Softplus,
    SpectralNorm,
    Tanh,
    UpsampleBilinear2D,
)
from scratchgan.models import dcgan, mlp_gan  # noqa: E402
from scratchgan.optim import SGD, Adam, RMSProp  # noqa: E402
from scratchgan.penalties import R1, PathLength, WganGp, penalty_backward  # noqa: E402

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
                x = F.conv_transpose2d(
                    x, get("W").permute(3, 2, 0, 1), get("b"), layer.stride, layer.padding, layer.output_padding
                )
            elif kind == "BatchNorm":
                x = F.batch_norm(x, None, None, get("gamma"), get("beta"), training=True, eps=layer.eps)
            elif kind == "LeakyReLU":
                x = F.leaky_relu(x, layer.slope)
            elif kind in ("ReLU", "Tanh"):
                x = getattr(torch, kind.lower())(x)
            elif kind in ("Softplus", "SiLU"):
                x = getattr(F, kind.lower())(x)
            elif kind == "LayerNorm":
                last = x.permute(0, 2, 3, 1) if x.ndim == 4 else x
                last = F.layer_norm(last, get("gamma").shape, get("gamma"), get("beta"), layer.eps)
                x = last.permute(0, 3, 1, 2) if x.ndim == 4 else last
            elif kind == "InstanceNorm":
                x = F.instance_norm(x, weight=get("gamma"), bias=get("beta"), eps=layer.eps)
            elif kind == "GroupNorm":
                x = F.group_norm(x, layer.groups, get("gamma"), get("beta"), layer.eps)
            elif kind == "PixelNorm":
                x = x / torch.sqrt((x * x).mean(1, keepdim=True) + layer.eps)
            elif kind == "Reshape":
                x = x.reshape(-1, *layer.shape)
                x = x.permute(0, 3, 1, 2) if len(layer.shape) == 3 else x
            else:
                assert kind == "Flatten"
                x = (x.permute(0, 2, 3, 1) if x.ndim == 4 else x).flatten(1)
        return x


@pytest.mark.parametrize("loss", ["minimax", "non-saturating"])
@pytest.mark.parametrize(
    "make",
    [
        lambda **kw: dcgan(image_size=16, width=3, latent_dim=5, dtype=np.float64, label_smoothing=0.1, **kw),
        lambda **kw: mlp_gan(2, 3, (7, 6), dtype=np.float64, **kw),
    ],
    ids=["dcgan", "mlp"],
)
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


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda net: SGD(net, 0.01, momentum=0.9), lambda p: torch.optim.SGD(p, 0.01, 0.9)),
        (
            lambda net: SGD(net, 0.01, momentum=0.9, nesterov=True),
            lambda p: torch.optim.SGD(p, 0.01, 0.9, nesterov=True),
        ),
        (lambda net: RMSProp(net, 0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
        (lambda net: Adam(net, 0.01), lambda p: torch.optim.Adam(p, 0.01, (0.5, 0.999))),
    ],
    ids=["sgd", "nesterov", "rmsprop", "adam"],
)
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


ACTIVATIONS = {"tanh": Tanh, "softplus": Softplus, "silu": SiLU, "relu": ReLU, "leaky": lambda: LeakyReLU(0.2)}


def normalisation(rng, shape):
    """One that works on each sample by itself; `shape` is what goes into it."""
    C = shape[-1]
    kinds = [lambda: LayerNorm(shape, dtype=np.float64), lambda: PixelNorm()]
    if len(shape) == 3 and shape[0] * shape[1] > 1:
        kinds += [lambda: InstanceNorm(C, dtype=np.float64), lambda: GroupNorm(2, C, dtype=np.float64)]
    return kinds[rng.integers(len(kinds))]()


def random_net(seed, activation, norm, kind):
    """A random critic, dense or convolutional, or a random generator of images."""
    rng = np.random.default_rng(seed)
    layers, shape = [], {"dense": (5,), "conv": (8, 7, 2), "generator": (4,)}[kind]
    start = shape

    def add(layer):
        nonlocal shape
        layers.append(layer)
        shape = layer.output_shape(shape)

    if kind == "generator":
        add(Dense(4, 2 * 3 * 4, rng=rng, dtype=np.float64))
        add(Reshape((2, 3, 4)))
    for _ in range(rng.integers(1, 4)):
        Co = 2 * int(rng.integers(1, 4))
        if kind == "dense":
            add(Dense(shape[0], 2 * Co, bias=bool(rng.integers(2)), rng=rng, dtype=np.float64))
        else:
            k, s, p = ((4, 2, 1), (3, 1, 1), (3, 2, 1), (2, 1, 0))[rng.integers(4)]
            cls = Conv2D if kind == "conv" else ConvTranspose2D
            add(
                cls(
                    shape[2],
                    Co,
                    kernel_size=k,
                    stride=s,
                    padding=p,
                    bias=bool(rng.integers(2)),
                    rng=rng,
                    dtype=np.float64,
                )
            )
        if norm:
            add(normalisation(rng, shape))
        add(ACTIVATIONS[activation]())
    if kind != "generator":
        add(Flatten())
        add(Dense(shape[0], 1, rng=rng, dtype=np.float64))
    net = Sequential(layers, input_shape=start)
    for _, w in net.parameters():
        w[...] = rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else rng.standard_normal(w.shape) / w[..., 0].size ** 0.5
    return net, rng.standard_normal((4, *start)), rng


def torched(a):
    return nchw(a) if a.ndim == 4 else torch.tensor(a)


def numpied(t):
    return nhwc(t) if t.ndim == 4 else t.detach().numpy()


def all_close(net, grads, tolerance, floor=1e-3):
    """Every gradient of `net` against torch's, relative to the largest of its array or 1e-3 of the largest of all."""
    theirs = [
        np.zeros(w.shape) if g is None else g.detach().numpy()
        for (_, w), g in zip(net.parameters(), grads, strict=True)
    ]
    largest = max(np.abs(g).max() for g in theirs)
    for (path, ours), g in zip(net.gradients(), theirs, strict=True):
        assert np.abs(ours - g).max() <= tolerance * max(np.abs(g).max(), floor * largest), path


@pytest.mark.parametrize("kind", ["dense", "conv", "generator"])
@pytest.mark.parametrize("norm", [False, True], ids=["plain", "normalised"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", [0, 1])
def test_random_nets_to_second_order(kind, norm, activation, seed):
    """60 nets: outputs and first derivatives to 1e-10; R1, WGAN-GP and path length by torch's double backward, and
    Hessian-vector products in weight space, to 1e-8."""
    net, x, rng = random_net(100 * seed + len(kind), activation, norm, kind)
    peer = Peer(net)
    params = [peer.of(path) for path, _ in net.parameters()]
    t = torched(x).requires_grad_()

    y, cache = net.forward(x, train=True)
    expected = peer(t)
    close(y, numpied(expected))
    dy = rng.standard_normal(y.shape)
    first = torch.autograd.grad((expected * torched(dy)).sum(), [t, *params], create_graph=True, allow_unused=True)
    close(net.backward(dy, cache), numpied(first[0]))
    all_close(net, first[1:], 1e-10)

    direction = {path: rng.standard_normal(w.shape) for path, w in net.parameters()}
    net.tangent(None, cache, direction)
    net.zero_grads()
    net.tangent_backward(None, cache)
    moved = sum((g * torch.tensor(v)).sum() for g, v in zip(first[1:], direction.values(), strict=True))
    all_close(net, torch.autograd.grad(moved, params, retain_graph=True, allow_unused=True), 1e-8)

    for penalty in (R1(3.0), WganGp(2.0), PathLength(2.0, target=0.6)):
        weights = dy if isinstance(penalty, PathLength) else np.ones_like(dy)
        g = torch.autograd.grad((peer(t) * torched(weights)).sum(), t, create_graph=True)[0].flatten(1)
        value = {
            "R1": lambda g: 1.5 * (g**2).sum() / 4,
            "WganGp": lambda g: 2 * ((g.norm(dim=1) - 1) ** 2).mean(),
            "PathLength": lambda g: 2 * ((g.norm(dim=1) - 0.6) ** 2).mean(),
        }[type(penalty).__name__](g)
        theirs = torch.autograd.grad(value, [t, *params], allow_unused=True)
        net.zero_grads()
        ours, dx = penalty_backward(net, x, penalty, dy=weights)
        assert ours == pytest.approx(value.item(), rel=1e-10)
        all_close(net, theirs[1:], 1e-8)
        expected_dx = np.zeros_like(x) if theirs[0] is None else numpied(theirs[0])
        assert np.abs(dx - expected_dx).max() <= 1e-8 * max(np.abs(expected_dx).max(), 1e-3)


@pytest.mark.parametrize(
    "loss",
    ["minimax", "non-saturating", "least-squares", "wasserstein", "relativistic-average", "relativistic-pairing"],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda **kw: dcgan(image_size=16, width=2, latent_dim=3, dense=6, dtype=np.float64, **kw),
        lambda **kw: mlp_gan(2, 3, (7, 6), dtype=np.float64, **kw),
    ],
    ids=["dcgan", "mlp"],
)
def test_jacobian_of_the_whole_game(make, loss, rng):
    """v'(theta) t for all weights of both players at once, to 1e-8."""
    gan = make(loss=loss)
    for net in (gan.G, gan.D):
        for _, w in net.parameters():
            fan = w[..., 0].size
            w[...] = rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else rng.standard_normal(w.shape) / fan**0.5
    real, Z = rng.standard_normal((6, *gan.data_shape)), rng.standard_normal((6, gan.latent_dim))
    tD, tG = ({path: rng.standard_normal(w.shape) for path, w in net.parameters()} for net in (gan.D, gan.G))
    G, D = Peer(gan.G), Peer(gan.D)
    pD, pG = [D.of(path) for path in tD], [G.of(path) for path in tG]
    fake = G(torch.tensor(Z))
    r, f = D(torched(real)), D(fake)
    soft = F.softplus
    d_loss, g_loss = {
        "minimax": lambda: (soft(-r).mean() + soft(f).mean(), -soft(f).mean()),
        "non-saturating": lambda: (soft(-r).mean() + soft(f).mean(), soft(-f).mean()),
        "least-squares": lambda: (((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2, ((f - 1) ** 2).mean() / 2),
        "wasserstein": lambda: (f.mean() - r.mean(), -f.mean()),
        "relativistic-average": lambda: (
            soft(-(r - f.mean())).mean() + soft(f - r.mean()).mean(),
            soft(-(f - r.mean())).mean() + soft(r - f.mean()).mean(),
        ),
        "relativistic-pairing": lambda: (soft(f - r).mean(), soft(r - f).mean()),
    }[loss]()
    field = [*torch.autograd.grad(d_loss, pD, create_graph=True), *torch.autograd.grad(g_loss, pG, create_graph=True)]
    # v' t: the derivative of <v, w> in w of the transposed product (double backward gives v'^T w)
    w = [torch.zeros_like(v, requires_grad=True) for v in field]
    transposed = torch.autograd.grad(
        sum((v * a).sum() for v, a in zip(field, w, strict=True)), pD + pG, create_graph=True, allow_unused=True
    )
    along = sum(
        (g * torch.tensor(t)).sum()
        for g, t in zip(transposed, [*tD.values(), *tG.values()], strict=True)
        if g is not None
    )
    theirs = torch.autograd.grad(along, w, allow_unused=True)
    moved_d, moved_g = jacobian_vector(gan, real, Z, tD, tG)
    ours = [*moved_d.values(), *moved_g.values()]
    theirs = [np.zeros_like(a) if b is None else b.numpy() for a, b in zip(ours, theirs, strict=True)]
    largest = max(np.abs(b).max() for b in theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a - b).max() <= 1e-8 * max(np.abs(b).max(), 1e-3 * largest)


# -- normalisations --------------------------------------------------------------------------------------------------


def close_to(a, b, tolerance):
    b = b.detach().numpy() if isinstance(b, torch.Tensor) else b
    assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-300)


def channels_first(f):
    """f of (N, C, H, W) as a function of (N, H, W, C)."""
    return lambda x, *p: f(x.permute(0, 3, 1, 2), *p).permute(0, 2, 3, 1)


def pixelnorm(x):
    return x * torch.rsqrt(torch.mean(x**2, dim=-1, keepdim=True) + 1e-8)


NORMS = {
    "BatchNorm": (lambda: BatchNorm(3), (6, 3), lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True)),
    "BatchNorm, images": (
        lambda: BatchNorm(2),
        (3, 2, 3, 2),
        channels_first(lambda x, g, b: F.batch_norm(x, None, None, g, b, training=True)),
    ),
    "LayerNorm": (lambda: LayerNorm((2, 3, 4)), (3, 2, 3, 4), lambda x, g, b: F.layer_norm(x, (2, 3, 4), g, b)),
    "LayerNorm, vectors": (lambda: LayerNorm(6), (3, 6), lambda x, g, b: F.layer_norm(x, (6,), g, b)),
    "LayerNorm, tokens": (lambda: LayerNorm((6,), affine=False), (2, 3, 6), lambda x: F.layer_norm(x, (6,))),
    "GroupNorm": (lambda: GroupNorm(2, 4), (2, 3, 2, 4), channels_first(lambda x, g, b: F.group_norm(x, 2, g, b))),
    "GroupNorm, vectors": (lambda: GroupNorm(2, 8), (2, 8), lambda x, g, b: F.group_norm(x, 2, g, b)),
    "InstanceNorm": (
        lambda: InstanceNorm(3),
        (2, 3, 3, 3),
        channels_first(lambda x, g, b: F.instance_norm(x, weight=g, bias=b)),
    ),
    "InstanceNorm, not affine": (lambda: InstanceNorm(3, affine=False), (2, 3, 3, 3), channels_first(F.instance_norm)),
    "PixelNorm": (lambda: PixelNorm(), (2, 3, 2, 4), pixelnorm),
}


def compare(layer, f, x, train, rng, paths):
    """All four passes of `layer` against double backward of the torch function f(x, *parameters)."""
    params = [w for _, w in layer.parameters()]
    y, cache = layer.forward(x, train=train)
    dy, tx, tdy = rng.standard_normal(y.shape), rng.standard_normal(x.shape), rng.standard_normal(y.shape)
    tparams = {path: rng.standard_normal(w.shape) for path, w in layer.parameters()}
    dx = layer.backward(dy, cache)
    first = [g.copy() for _, g in layer.gradients()]
    ty = layer.tangent(tx, cache, tparams)
    layer.zero_grads()
    tdx = layer.tangent_backward(tdy, cache)
    second = [g for _, g in layer.gradients()]

    moved = [torch.tensor(a, requires_grad=True) for a in (x, *params)]
    out = f(*moved)
    cotangent = torch.tensor(dy, requires_grad=True)
    grads = torch.autograd.grad(out, moved, cotangent, create_graph=True)
    close_to(y, out, 1e-10)
    for ours, theirs in zip([dx, *first], grads, strict=True):
        close_to(ours, theirs, 1e-10)
    # The scalar <gradients, directions> has the gradient ty in dy; with the part that moves dy along tdy, it has tdx in
    # x and the rest in the parameters.
    directions = [torch.tensor(a) for a in (tx, *(tparams[p] for p in paths))]
    along = sum((g * d).sum() for g, d in zip(grads, directions, strict=True))
    close_to(ty, torch.autograd.grad(along, cotangent, retain_graph=True)[0], 1e-10)
    whole = along + (out * torch.tensor(tdy)).sum()
    for ours, theirs in zip([tdx, *second], torch.autograd.grad(whole, moved), strict=True):
        close_to(ours, theirs, 1e-8)


@pytest.mark.parametrize("name", NORMS)
def test_normalisations(name, rng):
    make, shape, f = NORMS[name]
    layer = make().astype(np.float64)
    for w in layer.params.values():
        w[...] = rng.standard_normal(w.shape)
    x = 1 + 2 * rng.standard_normal(shape)
    compare(layer, f, x, True, rng, list(layer.params))


def dense_pair(rng):
    layer, peer = Dense(5, 4, rng=rng, dtype=np.float64), torch.nn.Linear(5, 4).double()
    return layer, peer, (3, 5), lambda W: W.T, lambda x, S, b: x @ S + b


def conv_pair(rng):
    layer = Conv2D(2, 3, kernel_size=3, stride=2, padding=1, rng=rng, dtype=np.float64)
    peer = torch.nn.Conv2d(2, 3, 3, 2, 1).double()
    return (
        layer,
        peer,
        (2, 5, 4, 2),
        lambda W: W.transpose(3, 2, 0, 1),
        channels_first(lambda x, S, b: F.conv2d(x, S.permute(3, 2, 0, 1), b, 2, 1)),
    )


def conv_transpose_pair(rng):
    layer = ConvTranspose2D(2, 3, kernel_size=4, stride=2, padding=1, rng=rng, dtype=np.float64)
    peer = torch.nn.ConvTranspose2d(2, 3, 4, 2, 1).double()
    return (
        layer,
        peer,
        (2, 3, 2, 2),
        lambda W: W.transpose(3, 2, 0, 1),
        channels_first(lambda x, S, b: F.conv_transpose2d(x, S.permute(3, 2, 0, 1), b, 2, 1)),
    )


def torch_order(layer, u):
    """Our u runs over (k, k, Ci), PyTorch's second vector over (Ci, k, k)."""
    if isinstance(layer.layer, Dense):
        return u
    k = layer.layer.kernel_size
    return u.reshape(*k, -1).transpose(2, 0, 1).ravel()


pairs = pytest.mark.parametrize("pair", [dense_pair, conv_pair, conv_transpose_pair])


@pairs
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_norm_against_its_parametrisation(pair, iterations, rng):
    """From the same u and v: the weight used, u, v and the gradients over some forward passes with a moving W."""
    inner, peer, shape, as_torch, _ = pair(rng)
    layer = SpectralNorm(inner, iterations, rng=rng)
    torch.nn.utils.parametrizations.spectral_norm(peer, n_power_iterations=iterations)
    theirs = peer.parametrizations.weight
    theirs[0]._u.copy_(torch.tensor(layer.state["v"]))
    theirs[0]._v.copy_(torch.tensor(torch_order(layer, layer.state["u"])))
    for train in (True, True, False, True, False):
        W, b = rng.standard_normal(layer.params["W"].shape), rng.standard_normal(layer.params["b"].shape)
        layer.params["W"][...], layer.params["b"][...] = W, b
        with torch.no_grad():
            theirs.original.copy_(torch.tensor(np.ascontiguousarray(as_torch(W))))
            peer.bias.copy_(torch.tensor(b))
        peer.train(train)
        layer.zero_grads()
        peer.zero_grad()
        x = rng.standard_normal(shape)
        t = torch.tensor(x, requires_grad=True)
        y, cache = layer.forward(x, train=train)
        out = peer(t) if t.ndim == 2 else channels_first(peer)(t)
        close_to(y, out, 1e-10)
        dy = rng.standard_normal(y.shape)
        out.backward(torch.tensor(dy))
        close_to(layer.backward(dy, cache), t.grad, 1e-10)
        close_to(as_torch(layer.grads["W"]), theirs.original.grad, 1e-10)
        close_to(layer.grads["b"], peer.bias.grad, 1e-10)
        close_to(layer.state["v"], theirs[0]._u, 1e-10)
        close_to(torch_order(layer, layer.state["u"]), theirs[0]._v, 1e-10)


@pairs
@pytest.mark.parametrize("train", [True, False])
def test_spectral_norm_to_second_order(pair, train, rng):
    """u and v constants, as there: E = u v^T taken from our cache, all else by automatic differentiation."""
    inner, _, shape, _, f = pair(rng)
    layer = SpectralNorm(inner, rng=rng)
    layer.params["W"][...] = rng.standard_normal(layer.params["W"].shape)
    x = rng.standard_normal(shape)
    _, cache = copy_of(layer).forward(x, train=train)
    W = layer.params["W"]
    E = np.outer(cache.u, cache.v)
    if isinstance(inner, ConvTranspose2D):
        E = E.reshape(*W.shape[:2], W.shape[3], W.shape[2]).swapaxes(2, 3)
    E = torch.tensor(E.reshape(W.shape).copy())
    compare(layer, lambda x, W, b: f(x, W / (E * W).sum(), b), x, train, rng, ["W", "b"])


def copy_of(layer):
    return layer.astype(np.float64)


# -- the layers beyond the first nets --------------------------------------------------------------------------------


def first(a):
    """Channels last -> channels first, for what torch wants so."""
    return a.movedim(-1, 1)


def last(a):
    """And back."""
    return a.movedim(1, -1)


def shuffle(x, k, **_):
    """pixel_shuffle after its channels were put into torch's order: k^2 c + place instead of place C + c."""
    N, H, W, C = x.shape
    x = x.reshape(N, H, W, k * k, C // (k * k)).transpose(3, 4).reshape(N, H, W, C)
    return last(F.pixel_shuffle(first(x), k))


def minibatch_std(x, groups):
    """As the sentences of the paper say it, group by group."""
    out = []
    for part in x.chunk(groups):
        sd = torch.sqrt(part.var(dim=0, unbiased=False) + 1e-8)
        out.append(torch.cat([part, sd.mean().expand(*part.shape[:-1], 1)], dim=-1))
    return torch.cat(out)


def minibatch_discrimination(x, T):
    """As the paper's section 3.2 has it: all pairs at once."""
    M = torch.einsum("nd,dbk->nbk", x, T)
    distance = (M[:, None] - M[None]).abs().sum(-1)
    return torch.cat([x, torch.exp(-distance).sum(1)], dim=1)


def attention(x, **p):
    """With torch's own matrix products; the weights are 1 x 1 convolutions."""
    N, H, W, C = x.shape
    f, g, h = (x.reshape(N, H * W, C) @ p[name + ".W"][0, 0] for name in "fgh")
    beta = torch.softmax(torch.einsum("njc,nic->nji", g, f), dim=-1)
    return x + p["gamma"] * ((beta @ h) @ p["v.W"][0, 0]).reshape(N, H, W, C)


def concat(x, **p):
    """[x W + b, tanh x]."""
    return torch.cat([x @ p["0.W"] + p["0.b"], torch.tanh(x)], dim=-1)


def residual(x, **p):
    """x plus a convolution of it."""
    W, b = p["branch.W"], p["branch.b"]
    return x + last(F.conv2d(first(x), W.permute(3, 2, 0, 1), b, padding=1))


CASES = {
    "SiLU": (lambda rng: SiLU(), (4, 5), F.silu),
    "Softmax": (lambda rng: Softmax(), (3, 2, 4), lambda x: torch.softmax(x, -1)),
    "MaxPool2D": (lambda rng: MaxPool2D(2), (2, 5, 4, 3), lambda x: last(F.max_pool2d(first(x), 2))),
    "MaxPool2D 3": (lambda rng: MaxPool2D(3), (2, 7, 6, 2), lambda x: last(F.max_pool2d(first(x), 3))),
    "Maxout": (lambda rng: Maxout(3), (4, 6), lambda x: x.reshape(4, 2, 3).amax(-1)),
    **{
        f"UpsampleBilinear2D {k} {size}": (
            lambda rng, k=k: UpsampleBilinear2D(k),
            (2, *size, 3),
            lambda x, k=k: last(F.interpolate(first(x), scale_factor=k, mode="bilinear", align_corners=False)),
        )
        for k, size in ((1, (2, 3)), (2, (3, 4)), (3, (1, 5)), (4, (5, 2)), (5, (1, 1)))
    },
    "PixelShuffle 2": (lambda rng: PixelShuffle(2), (2, 3, 2, 12), lambda x: shuffle(x, 2)),
    "PixelShuffle 3": (lambda rng: PixelShuffle(3), (2, 1, 3, 18), lambda x: shuffle(x, 3)),
    "MinibatchStd": (lambda rng: MinibatchStd(), (5, 3), lambda x: minibatch_std(x, 1)),
    "MinibatchStd, groups": (lambda rng: MinibatchStd(2), (6, 2, 3, 2), lambda x: minibatch_std(x, 2)),
    "MinibatchDiscrimination": (
        lambda rng: MinibatchDiscrimination(4, 3, 2, rng=rng),
        (5, 4),
        minibatch_discrimination,
    ),
    "Concat": (lambda rng: Concat([Dense(3, 2, rng=rng), Tanh()]), (4, 3), concat),
    "Residual": (lambda rng: Residual(Conv2D(2, 2, kernel_size=3, padding=1, rng=rng)), (2, 3, 4, 2), residual),
    "SelfAttention": (lambda rng: SelfAttention(3, rng=rng), (2, 3, 2, 3), attention),
    "SelfAttention 16": (lambda rng: SelfAttention(16, rng=rng), (2, 2, 2, 16), attention),
}


def match(a, b, tolerance):
    a, b = (np.zeros_like(b) if a is None else a), np.asarray(b)
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-300)


def gradients_of(value, variables):
    """Torch's gradients as arrays, zero where a variable does not matter."""
    made = torch.autograd.grad(value, variables, allow_unused=True) if value.requires_grad else [None] * len(variables)
    return [np.zeros(v.shape) if g is None else g.numpy() for v, g in zip(variables, made, strict=True)]


@pytest.mark.parametrize("name", CASES)
def test_values_gradients_and_double_backward(name, rng):
    """With g = dL/d(x, theta) by torch and a direction t: the derivative of <g, t> is our tangent_backward."""
    build, shape, function = CASES[name]
    layer = build(rng).astype(np.float64)
    for _, w in layer.parameters():
        w[...] = 0.5 * rng.standard_normal(w.shape)
    x, paths = rng.standard_normal(shape), [path for path, _ in layer.parameters()]
    arrays = [x, *(w for _, w in layer.parameters())]
    variables = [torch.tensor(a, requires_grad=True) for a in arrays]
    arguments = dict(zip(paths, variables[1:], strict=True))
    expected = function(variables[0], **arguments)

    y, cache = layer.forward(x, train=True)
    match(y, expected.detach().numpy(), 1e-10)
    dy, tdy = rng.standard_normal((2, *y.shape))
    dy_variable = torch.tensor(dy, requires_grad=True)  # so that <g, t> can be differentiated by dy too
    first_order = torch.autograd.grad(expected, variables, dy_variable, create_graph=True)
    for own, g in zip([layer.backward(dy, cache), *(g for _, g in layer.gradients())], first_order, strict=True):
        match(own, g.detach().numpy(), 1e-10)

    t = [rng.standard_normal(a.shape) for a in arrays]
    along = sum((g * torch.tensor(v)).sum() for g, v in zip(first_order, t, strict=True))
    ty = layer.tangent(t[0], cache, dict(zip(paths, t[1:], strict=True)))
    match(ty, torch.autograd.grad(along, dy_variable, retain_graph=True)[0].numpy(), 1e-10)
    layer.zero_grads()
    tdx = layer.tangent_backward(tdy, cache)
    second = gradients_of(along, variables)  # d<g, t>: how g moves along t, at fixed dy
    moved = torch.autograd.grad(function(variables[0], **arguments), variables, torch.tensor(tdy))
    for own, a, b in zip([tdx, *(g for _, g in layer.gradients())], second, moved, strict=True):
        match(own, a + b.numpy(), 1e-8)


def test_embedding(rng):
    layer, labels = Embedding(5, 3, rng=rng, dtype=np.float64), np.array([4, 0, 4, 2])
    W = torch.tensor(layer.params["W"], requires_grad=True)
    expected = F.embedding(torch.tensor(labels), W)
    y, cache = layer.forward(labels, train=True)
    match(y, expected.detach().numpy(), 1e-10)
    dy, tW = rng.standard_normal(y.shape), rng.standard_normal((5, 3))
    expected.backward(torch.tensor(dy))
    layer.backward(dy, cache)
    match(layer.grads["W"], W.grad.numpy(), 1e-10)
    match(layer.tangent(None, cache, {"W": tW}), tW[labels], 1e-10)


@pytest.mark.parametrize(
    ("product", "function", "shapes"),
    [
        (MatMul(), lambda a, b: a @ b, ((2, 3, 4), (2, 4, 5))),
        (MatMul(transpose_b=True), lambda a, b: a @ b.mT, ((2, 3, 4), (2, 5, 4))),
        (Multiply(), lambda a, b: a * b, ((4, 3), (4, 3))),
        (Multiply(), lambda a, b: a * b, ((2, 3, 3, 4), (2, 1, 1, 4))),
        (Multiply(), lambda a, b: a * b, ((2, 3, 4), (1,))),
        (Multiply(), lambda a, b: a * b, ((2, 1, 4), (1, 4))),
    ],
    ids=str,
)
def test_products(product, function, shapes, rng):
    a, b = (rng.standard_normal(s) for s in shapes)
    ta, tb = (torch.tensor(v, requires_grad=True) for v in (a, b))
    expected = function(ta, tb)
    y, cache = product.forward((a, b), train=True)
    match(y, expected.detach().numpy(), 1e-10)
    dy, tdy = rng.standard_normal((2, *y.shape))
    g = torch.autograd.grad(expected, (ta, tb), torch.tensor(dy), create_graph=True)
    for own, theirs in zip(product.backward(dy, cache), g, strict=True):
        match(own, theirs.detach().numpy(), 1e-10)
    t = [rng.standard_normal(s) for s in shapes]
    match(
        product.tangent(tuple(t), cache),
        (function(torch.tensor(t[0]), tb) + function(ta, torch.tensor(t[1]))).detach().numpy(),
        1e-10,
    )
    second = gradients_of(sum((u * torch.tensor(v)).sum() for u, v in zip(g, t, strict=True)), (ta, tb))
    moved = torch.autograd.grad(function(ta, tb), (ta, tb), torch.tensor(tdy))
    for own, u, v in zip(product.tangent_backward(tdy, cache), second, moved, strict=True):
        match(own, u + v.numpy(), 1e-8)
