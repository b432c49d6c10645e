r"""Gradient penalties: limits on how steep D is, and where.  Their weight gradients are second derivatives by hand.

A penalty P(g) is a function of g = dF/dx, the gradient of a net's output with respect to its input, sample by sample.
To minimise it over the weights we need dP/dtheta, and g itself is already a derivative.  By (Families.1), dP/dtheta is
the ordinary weight gradient, differentiated along u = dP/dg in input space.  The four passes compute it: `forward`,
`backward`, `tangent` along u, and `tangent_backward`, which adds dP/dtheta to `grads`.

For a net of linear layers and (Leaky)ReLU, phi'' = 0: every tdx is None and skipped, and only dW += B(tx, dy) is left
of the last pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .checks import real
from .core import Layer
from .layers.norm import BatchNorm


class Penalty:
    """Called with per-sample gradients g (N, ...), it returns (P, u = dP/dg); P is a mean over the N samples."""

    name = ""

    def __call__(self, g: np.ndarray) -> tuple[float, np.ndarray]:
        """(P, dP/dg)."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__")


class R1(Penalty):
    r"""Zero-centred penalty at real samples (Mescheder et al. 2018, equation 9): D must be flat where the data is.

    (R1.1)   P = gamma / (2N) sum_n |g_n|^2,      u = gamma g / N

    Arguments: gamma >= 0.
    """

    name = "r1"

    def __init__(self, gamma: float = 10.0):
        self.gamma = real(type(self).__name__, "gamma", gamma, 0, np.inf, open_high=True)

    def __call__(self, g: np.ndarray) -> tuple[float, np.ndarray]:
        """(R1.1)."""
        N = _batch(g)
        scale = g.dtype.type(self.gamma / N)
        return 0.5 * self.gamma / N * float(np.sum(g.astype(np.float64) ** 2)), scale * g


class R2(R1):
    r"""The same function as R1, (R1.1), at fakes (Mescheder et al. 2018, equation 10)."""

    name = "r2"


class WganGp(Penalty):
    r"""Gradient norm 1 at points between real samples and fakes (Gulrajani et al. 2017, equation 3).

    (WganGp.1)   P = weight / N sum_n (|g_n| - 1)^2,      u_n = 2 weight / N (|g_n| - 1) g_n / |g_n|

    |g_n| is the Euclidean norm over all entries of sample n.  Where |g_n| = 0 there is no derivative; u_n = 0 is used.
    one_sided: only norms above 1 are penalised (the paper's section 4): (max(0, |g_n| - 1))^2.
    Take g at `interpolate(real, fake)`, as the paper's algorithm 1 does, not at the real samples.

    Arguments: weight >= 0 (the paper's lambda = 10).
    """

    name = "wgan-gp"

    def __init__(self, weight: float = 10.0, *, one_sided: bool = False):
        self.weight = real(type(self).__name__, "weight", weight, 0, np.inf, open_high=True)
        self.one_sided = bool(one_sided)

    def __call__(self, g: np.ndarray) -> tuple[float, np.ndarray]:
        """(WganGp.1)."""
        N, norm = _batch(g), _norms(g)
        excess = np.maximum(norm - 1, 0) if self.one_sided else norm - 1
        direction = np.divide(g, norm, out=np.zeros_like(g), where=norm > 0)
        value = self.weight / N * float(np.sum(excess.astype(np.float64) ** 2))
        return value, g.dtype.type(2 * self.weight / N) * excess * direction


class Dragan(WganGp):
    r"""The function (WganGp.1) at points around the data, `perturb(real)` (Kodali et al. 2017)."""

    name = "dragan"


class PathLength(Penalty):
    r"""For G: steps of equal length in z should change the image by equal lengths (Karras et al. 2020, equation 4).

    Here g = (dG/dz)^T y with y ~ N(0, I) in image space: pass `path_noise(image shape)` as `dy` to `penalty_backward`.

    (PathLength.1)   P = weight / N sum_n (|g_n| - a)^2,      u_n = 2 weight / N (|g_n| - a) g_n / |g_n|
    (PathLength.2)   a <- decay a + (1 - decay) mean_n |g_n|,     after P is computed: in (1), a is a constant

    Arguments: weight >= 0; decay in [0, 1]; `target` is a, 0 at the start.
    """

    name = "path-length"

    def __init__(self, weight: float = 2.0, *, decay: float = 0.99, target: float = 0.0):
        self.weight = real("PathLength", "weight", weight, 0, np.inf, open_high=True)
        self.decay = real("PathLength", "decay", decay, 0, 1)
        self.target = real("PathLength", "target", target, 0, np.inf, open_high=True)

    def __call__(self, g: np.ndarray) -> tuple[float, np.ndarray]:
        """(PathLength.1, 2)."""
        N, norm = _batch(g), _norms(g)
        excess = norm - g.dtype.type(self.target)
        direction = np.divide(g, norm, out=np.zeros_like(g), where=norm > 0)
        value = self.weight / N * float(np.sum(excess.astype(np.float64) ** 2))
        self.target = self.decay * self.target + (1 - self.decay) * float(norm.mean(dtype=np.float64))
        return value, g.dtype.type(2 * self.weight / N) * excess * direction


def penalty_backward(
    net: Layer,
    x: np.ndarray,
    phi: Callable[[np.ndarray], tuple[float, np.ndarray]],
    *,
    dy: np.ndarray | None = None,
    train: bool = True,
    rng: np.random.Generator | None = None,
    input_grad: bool = True,
    **conditions: np.ndarray,
) -> tuple[float, np.ndarray | None]:
    """For P = phi(g), g = d<dy, net(x)>/dx: add dP/dtheta to the net's `grads`; return (P, dP/dx).

    x            where the gradient is taken (N, ...)
    phi          g -> (P, u = dP/dg); a `Penalty` or any function
    dy           weights of the outputs; None: ones, so that g_n is the gradient of sample n's own logit
    train        whether the net runs in training mode
    input_grad   whether to compute dP/dx; if not, None is returned for it
    conditions   further inputs of the net's forward, such as labels; held constant

    Raises ValueError for a net with BatchNorm in training, which has no per-sample gradient.  Layers with minibatch
    statistics are accepted: the penalty then applies to the gradient of the *sum* of all logits.
    """
    if train:
        refuse_batchnorm(net)
    y, cache = net.forward(x, train=train, rng=rng, **conditions)  # (Families.1), from right to left
    g = net.backward(np.ones_like(y) if dy is None else dy, cache, param_grads=False)
    value, u = phi(g)
    net.tangent(u, cache)
    dx = net.tangent_backward(None, cache, input_grad=input_grad)
    if input_grad and dx is None:  # a piecewise linear net
        dx = np.zeros_like(x)
    return value, dx


class Penalised:
    """A net together with a penalty on it, for the gradient checker: check(Penalised(net, R1(10.0)), x).

    train    whether the net runs in training mode
    noise    weight the output with noise instead of ones, as the path-length penalty needs
    """

    def __init__(self, net: Layer, penalty: Penalty, *, train: bool = True, noise: bool = False):
        self.net, self.penalty, self.train, self.noise = net, penalty, train, noise

    def backward(self, x: np.ndarray, **options: Any) -> tuple[float, np.ndarray | None]:
        """`penalty_backward` of this net and this penalty at x."""
        return penalty_backward(self.net, x, self.penalty, train=self.train, **options)

    def __repr__(self) -> str:
        return f"{type(self.penalty).__name__} of {self.net.label}"


def interpolate(real: np.ndarray, fake: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """A random point between each real sample and a fake: e x + (1 - e) G(z), with one e ~ U(0, 1) per sample.

    (Gulrajani et al. 2017, algorithm 1.)  Raises ValueError unless both have the same shape.
    """
    if real.shape != fake.shape:
        raise ValueError(f"interpolate: real and fake must have the same shape, got {real.shape} and {fake.shape}")
    e = rng.random((len(real),) + (1,) * (real.ndim - 1)).astype(real.dtype)
    return e * real + (1 - e) * fake


def perturb(real: np.ndarray, *, rng: np.random.Generator, scale: float = 0.5) -> np.ndarray:
    """DRAGAN's points: x + scale std(X) d, d ~ U(0, 1) per entry, std over the whole batch (its authors' code)."""
    return real + (scale * real.std() * rng.random(real.shape)).astype(real.dtype)


def path_noise(shape: tuple[int, ...], *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> np.ndarray:
    """N(0, 1) / sqrt(pixels) for images (N, H, W, C), pixels = H W: |(dG/dz)^T y| does not grow with the resolution."""
    pixels = shape[1] * shape[2] if len(shape) == 4 else 1
    return (rng.standard_normal(shape) / pixels**0.5).astype(dtype)


def refuse_batchnorm(net: Layer) -> None:
    """Raise ValueError, with the reason, if there is a BatchNorm in `net`."""
    for _, layer in net.walk():
        if isinstance(layer, BatchNorm):
            raise ValueError(
                f"a gradient penalty cannot go through {layer.label} in training: it normalises with the mean and "
                "variance of the batch, so every output depends on every sample, and the per-sample gradient that the "
                "penalty needs does not exist.  Use LayerNorm, InstanceNorm, GroupNorm or no normalisation in this "
                "net (Gulrajani et al. 2017, section 4)"
            )


def _batch(g: np.ndarray) -> int:
    if not isinstance(g, np.ndarray) or g.ndim < 2 or len(g) == 0:
        raise ValueError(f"a penalty takes gradients (N, ...) of at least one sample, got {np.shape(g)}")
    return len(g)


def _norms(g: np.ndarray) -> np.ndarray:
    """|g_n|, of shape (N, 1, ..., 1)."""
    return np.sqrt(np.sum(g * g, axis=tuple(range(1, g.ndim)), keepdims=True))
