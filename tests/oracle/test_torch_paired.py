"""PyTorch in float64 for images into images: the U-Net, the residual net, and both losses of the game with pairs.

The nets and the losses are written out here once more, from the docstrings, with our weights.  Skipped without PyTorch.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scratchgan.gradcheck.rows_paired import inputs  # noqa: E402
from scratchgan.models import paired  # noqa: E402
from scratchgan.models.paired_nets import residual_net, unet  # noqa: E402

F = torch.nn.functional
pytestmark = pytest.mark.usefixtures("one_thread")


class Weights(dict):
    """A net's weights as torch variables, by path, with the layers that use them; images are (N, C, H, W)."""

    def __init__(self, net):
        super().__init__((path, torch.tensor(w, requires_grad=True)) for path, w in net.parameters())

    def conv(self, x, path, stride=1, padding=1):
        return F.conv2d(x, self[path + "W"].permute(3, 2, 0, 1).contiguous(), self.get(path + "b"), stride, padding)

    def up(self, x, path):
        return F.conv_transpose2d(x, self[path + "W"].permute(3, 2, 0, 1).contiguous(), self.get(path + "b"), 2, 1)

    def norm(self, x, path):
        mean = x.mean((2, 3), keepdim=True)
        x = (x - mean) / torch.sqrt(((x - mean) ** 2).mean((2, 3), keepdim=True) + 1e-5)
        return x * self[path + "gamma"].view(1, -1, 1, 1) + self[path + "beta"].view(1, -1, 1, 1)


def unet_of(w, x, depth, dropped=None):
    """(UNet.1): after a convolution e_0; then down, the smaller block beside what it is given, up."""
    leaky = lambda t: F.leaky_relu(t, 0.2)

    def block(e, i, path):
        d = leaky(w.norm(w.conv(e, path + "0.", stride=2), path + "1."))
        if i + 1 < depth:
            d = torch.cat([d, block(d, i + 1, path + "3.1.")], 1)
        k = 4 if i + 1 < depth else 3
        u = F.relu(w.norm(w.up(d, f"{path}{k}."), f"{path}{k + 1}."))
        return u if dropped is None or (i == 0 and depth > 1) else u * dropped[i]

    e = leaky(w.conv(x, "0."))
    return torch.tanh(w.conv(torch.cat([e, block(e, 0, "2.1.")], 1), "3."))


def residual_of(w, x, blocks, scale):
    h = F.relu(w.conv(x, "0.1.0."))
    k = 2
    for _ in range(blocks):
        h = h + w.conv(F.relu(w.conv(h, f"0.1.{k}.branch.0.")), f"0.1.{k}.branch.2.")
        k += 1
    for _ in range({1: 0, 2: 1, 4: 2}[scale]):
        h = w.conv(h, f"0.1.{k}.")
        N, C, H, W = h.shape
        h = F.pixel_shuffle(h.view(N, 2, 2, C // 4, H, W).permute(0, 3, 1, 2, 4, 5).reshape(N, C, H, W), 2)
        h, k = F.relu(h), k + 3
    skip = x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
    return w.conv(torch.cat([skip, h], 1), "1.")


def d_of(w, s):
    """(logits, the outputs of both activations)."""
    first = F.leaky_relu(w.conv(s, "0.", stride=2), 0.2)
    second = F.leaky_relu(w.norm(w.conv(first, "2.", stride=2), "3."), 0.2)
    return w.conv(second, "5."), [first, second]


def phi_of(w, v):
    v = F.leaky_relu(w.conv(v, "0."), 0.2)
    return F.leaky_relu(w.conv(F.leaky_relu(w.conv(v, "2.", stride=2), 0.2), "4.", stride=2), 0.2)


def nchw(a, grad=False):
    return torch.tensor(np.ascontiguousarray(np.moveaxis(a, -1, 1)), requires_grad=grad)


def nhwc(t):
    return np.moveaxis(t.detach().numpy(), 1, -1)


def close(a, b, tolerance=1e-10):
    assert a.shape == b.shape
    assert np.abs(a - b).max() <= tolerance * max(np.abs(b).max(), 1e-3)


def randomised(net, rng):
    """The net with weights of a usual size, none of which is 0 or 1."""
    for _, w in net.parameters():
        fan_in = w.size // w.shape[-1] if w.ndim > 1 else 1
        w[...] = rng.standard_normal(w.shape) * (2 / fan_in) ** 0.5 if w.ndim > 1 else rng.uniform(0.5, 1.5, w.shape)
    return net


NETS = {
    "U-Net 16": (lambda rng: unet((16, 16, 2), 3, 3, rng, np.float64), lambda w, x: unet_of(w, x, 2)),
    "U-Net 32": (lambda rng: unet((32, 32, 1), 3, 2, rng, np.float64), lambda w, x: unet_of(w, x, 3)),
    "U-Net 28": (lambda rng: unet((28, 28, 4), 1, 2, rng, np.float64), lambda w, x: unet_of(w, x, 2)),
    "residual 1": (lambda rng: residual_net((9, 7, 2), 1, 4, 2, rng, np.float64), lambda w, x: residual_of(w, x, 2, 1)),
    "residual 2": (
        lambda rng: residual_net((6, 5, 1), 3, 4, 1, rng, np.float64, scale=2),
        lambda w, x: residual_of(w, x, 1, 2),
    ),
    "residual 4": (
        lambda rng: residual_net((5, 6, 3), 3, 4, 3, rng, np.float64, scale=4),
        lambda w, x: residual_of(w, x, 3, 4),
    ),
}
SIZES = {
    "U-Net 16": (16, 16, 2),
    "U-Net 32": (32, 32, 1),
    "U-Net 28": (28, 28, 4),
    "residual 1": (9, 7, 2),
    "residual 2": (6, 5, 1),
    "residual 4": (5, 6, 3),
}


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_first_derivatives_of_the_nets(name, rng):
    build, function = NETS[name]
    net = randomised(build(rng), rng)
    x = rng.standard_normal((2, *SIZES[name]))
    w, t = Weights(net), nchw(x, grad=True)
    expected = function(w, t)
    y, cache = net.forward(x, train=True)
    close(y, nhwc(expected))
    dy = rng.standard_normal(y.shape)
    expected.backward(nchw(dy))
    close(net.backward(dy, cache), nhwc(t.grad))
    for path, g in net.gradients():
        close(g, w[path].grad.numpy())


def shown(d_sees, x, v, mask):
    if d_sees == "pair":
        return torch.cat(
            [
                torch.repeat_interleave(
                    torch.repeat_interleave(x, v.shape[2] // x.shape[2], 2), v.shape[3] // x.shape[3], 3
                ),
                v,
            ],
            1,
        )
    return v if d_sees == "output" else torch.cat([mask * v, x[:, -1:]], 1)


softplus = lambda t: F.softplus(t, threshold=1e9)
LOSSES = {
    "non-saturating": (lambda r, f: softplus(-r).mean() + softplus(f).mean(), lambda r, f: softplus(-f).mean()),
    "least-squares": (
        lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        lambda r, f: ((f - 1) ** 2).mean() / 2,
    ),
    "relativistic-average": (
        lambda r, f: softplus(f.mean() - r).mean() + softplus(f - r.mean()).mean(),
        lambda r, f: softplus(r.mean() - f).mean() + softplus(r - f.mean()).mean(),
    ),
}
CONTENTS = {
    "l1": lambda d: d.abs(),
    "l2": lambda d: d**2,
    "charbonnier": lambda d: torch.sqrt(d**2 + 1e-6) - 1e-3,
}
GAMES = {
    "pix2pix": {"input_channels": 2, "content_weight": 100.0},
    "all terms": {"content_weight": 3.0, "adversarial_weight": 0.7, "feature_weight": 0.4, "perceptual_weight": 0.6},
    "enlarged, relativistic": {
        "net": "residual",
        "scale": 2,
        "loss": "relativistic-average",
        "content": "charbonnier",
        "content_weight": 1.0,
        "feature_weight": 0.3,
    },
    "hole": {"d_sees": "hole", "content": "l2", "content_weight": 0.9, "feature_weight": 0.2, "loss": "least-squares"},
    "hole in the pair": {"d_sees": "pair", "composite": True, "content_weight": 2.0, "perceptual_weight": 0.5},
    "output": {"d_sees": "output", "content": "charbonnier", "content_weight": 1.0, "channels": 3},
}


@pytest.mark.parametrize("name", GAMES)
def test_both_losses_and_all_gradients_of_the_game(name, rng):
    """(Paired.2) and (Paired.3) with their gradients by every weight of D and of G."""
    options = {"image_size": 16, "channels": 1, "width": 2, "d_width": 3, "blocks": 2, **GAMES[name]}
    gan = paired(**options, dtype=np.float64)
    randomised(gan.G, rng)
    randomised(gan.D, rng)
    x, y = inputs(gan, 3, rng), rng.uniform(-1, 1, (3, *gan.data_shape))
    if gan.composite:
        y = np.where(x[..., -1:] > 0, y, x[..., :-1])

    g, d, tx, ty = Weights(gan.G), Weights(gan.D), nchw(x), nchw(y)
    made = residual_of(g, tx, 2, options["scale"]) if options.get("net") == "residual" else unet_of(g, tx, 2)
    mask = (tx[:, -1:] > 0).double() if gan.composite else torch.ones_like(ty[:, :1])
    u = mask * made + (1 - mask) * tx[:, : ty.shape[1]] if gan.composite else made
    see = lambda v: shown(options.get("d_sees", "pair"), tx, v, mask)
    (r, of_real), (f, of_fake) = d_of(d, see(ty)), d_of(d, see(u))
    disc, gen = LOSSES[options.get("loss", "non-saturating")]
    content = (mask * CONTENTS[options.get("content", "l1")](u - ty)).sum() / (mask.expand_as(ty)).sum()
    terms = [options["content_weight"] * content, options.get("adversarial_weight", 1.0) * gen(r, f)]
    if "feature_weight" in options:
        apart = sum((a - b).abs().mean() for a, b in zip(of_fake, of_real, strict=True))
        terms.append(options["feature_weight"] * apart)
    if "perceptual_weight" in options:
        p = Weights(gan.features)
        terms.append(options["perceptual_weight"] * ((phi_of(p, u) - phi_of(p, ty)) ** 2).mean())
    l_g = sum(terms)

    ours, through_g = gan.make(x)
    close(ours, nhwc(u))
    report = gan.g_gradients(x, y, ours, through_g)
    assert report["g_loss"] == pytest.approx(l_g.item(), rel=1e-12)
    expected = torch.autograd.grad(l_g, list(g.values()), retain_graph=True)
    for (path, own), theirs in zip(gan.G.gradients(), expected, strict=True):
        assert path in g
        close(own, theirs.numpy())

    r, f = d_of(d, see(ty))[0], d_of(d, see(u.detach()))[0]
    l_d = disc(r, f)
    report = gan.d_gradients(x, y, ours)
    assert report["d_loss"] == pytest.approx(l_d.item(), rel=1e-12)
    for (_, own), theirs in zip(gan.D.gradients(), torch.autograd.grad(l_d, list(d.values())), strict=True):
        close(own, theirs.numpy())
