r"""Gradient penalties: how steep may D be, and where?  Their weight gradients are second derivatives, taken by hand.

A penalty P(g) looks at the gradient g = dF/dx of a net's output in its input, sample by sample.  To minimise it over
the weights we need dP/dtheta, and g itself is already a derivative.  (Families.1) says how: dP/dtheta is the ordinary
weight gradient, differentiated along u = dP/dg in input space.  Four passes do it, forward, backward, tangent along u,
tangent of backward, and the last one leaves dP/dtheta in `grads`.

For a net of linear layers and (Leaky)ReLU, phi'' = 0: every second-order signal is None and skipped.  Of the last pass
only dW += B(tx, dy) is left.
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
    """A function of per-sample gradients g (N, ...): called with g, it returns (P, u = dP/dg), both averaged over N."""

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
    r"""Slope one between real samples and fakes (Gulrajani et al. 2017, equation 3).

    (WganGp.1)   P = weight / N sum_n (|g_n| - 1)^2,      u_n = 2 weight / N (|g_n| - 1) g_n / |g_n|

    |g_n| is the Euclidean norm over all entries of sample n.  Where |g_n| = 0 there is no derivative; u_n = 0 is taken.
    one_sided: only slopes above 1 are punished (the paper's section 4): (max(0, |g_n| - 1))^2.
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
    r"""The function (WganGp.1), taken around the data: at `perturb(real)` (Kodali et al. 2017)."""

    name = "dragan"


class PathLength(Penalty):
    r"""Steps of equal length in z make steps of equal length in the image (Karras et al. 2020, equation 4; for G).

    Here g = (dG/dz)^T y with y ~ N(0, I) in image space: pass `path_noise(image shape)` as `dy` to `penalty_backward`.

    (PathLength.1)   P = weight / N sum_n (|g_n| - a)^2,      u_n = 2 weight / N (|g_n| - a) g_n / |g_n|
    (PathLength.2)   a <- decay a + (1 - decay) mean_n |g_n|,     after P was taken: within (1), a is a constant

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
    """Add dP/dtheta of P = phi(g), g = d<dy, net(x)>/dx, to net's `grads`; return (P, dP/dx).

    x            where the gradient is taken (N, ...)
    phi          g -> (P, u = dP/dg); a `Penalty` or any function
    dy           what the output is weighted with; None takes ones: each sample's own logit
    train        the mode of the net
    input_grad   whether dP/dx is wanted; if not, None is returned for it
    conditions   further inputs of net's forward, such as labels; held constant

    Raises ValueError for a net with BatchNorm in training: there a sample's gradient does not exist by itself.  Through
    layers with minibatch statistics it runs: what is penalised is then the gradient of the *sum* of all logits.
    """
    if train:
        refuse_batchnorm(net)
    y, cache = net.forward(x, train=train, rng=rng, **conditions)  # (Families.1), from the right:
    g = net.backward(np.ones_like(y) if dy is None else dy, cache, param_grads=False)
    value, u = phi(g)
    net.tangent(u, cache)
    dx = net.tangent_backward(None, cache, input_grad=input_grad)
    if input_grad and dx is None:  # a piecewise linear net
        dx = np.zeros_like(x)
    return value, dx


class Penalised:
    """A net together with the penalty on it: what the gradient checker takes, as check(Penalised(net, R1(10.0)), x).

    train    the mode of the net
    noise    weight the output with noise instead of ones, as the path length does
    """

    def __init__(self, net: Layer, penalty: Penalty, *, train: bool = True, noise: bool = False):
        self.net, self.penalty, self.train, self.noise = net, penalty, train, noise

    def backward(self, x: np.ndarray, **options: Any) -> tuple[float, np.ndarray | None]:
        """`penalty_backward` of the two."""
        return penalty_backward(self.net, x, self.penalty, train=self.train, **options)

    def __repr__(self) -> str:
        return f"{type(self.penalty).__name__} of {self.net.label}"


def interpolate(real: np.ndarray, fake: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """One point on the line from each real sample to a fake, uniform: e x + (1 - e) G(z), e ~ U(0, 1) a sample.

    (Gulrajani et al. 2017, algorithm 1.)  Raises ValueError unless both have one shape.
    """
    if real.shape != fake.shape:
        raise ValueError(f"interpolate: real and fake must have one shape, got {real.shape} and {fake.shape}")
    e = rng.random((len(real),) + (1,) * (real.ndim - 1)).astype(real.dtype)
    return e * real + (1 - e) * fake


def perturb(real: np.ndarray, *, rng: np.random.Generator, scale: float = 0.5) -> np.ndarray:
    """DRAGAN's points: x + scale std(X) d, d ~ U(0, 1) an entry, std over the whole batch (its authors' code)."""
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
                f"a gradient penalty cannot go through {layer.label} in training: it normalises with the batch's own "
                "mean and variance, so that every output depends on every sample of the batch, and the gradient of one "
                "output in its own input alone, which the penalty is about, does not exist.  Use LayerNorm, "
                "InstanceNorm, GroupNorm or no normalisation in this net (Gulrajani et al. 2017, section 4)"
            )


def _batch(g: np.ndarray) -> int:
    if not isinstance(g, np.ndarray) or g.ndim < 2 or len(g) == 0:
        raise ValueError(f"a penalty takes gradients (N, ...) of at least one sample, got {np.shape(g)}")
    return len(g)


def _norms(g: np.ndarray) -> np.ndarray:
    """|g_n|, of the shape (N, 1, ..., 1)."""
    return np.sqrt(np.sum(g * g, axis=tuple(range(1, g.ndim)), keepdims=True))
