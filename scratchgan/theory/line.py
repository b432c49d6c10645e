r"""Densities on the real line with exact formulas, and numerical integrals with error estimates.

p, q = gaussian(0.0, 1.0), gaussian(1.0, 1.0)
integrate(p.density, p.interval)         # Integral(value=1.0, error=...)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..checks import positive_int, real

#: the interval of a Gaussian extends this many sigma to either side; the mass outside is 4e-33
REACH = 12.0
#: Gauss-Legendre nodes per panel: exact for polynomials up to degree 19
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


class Integral(NamedTuple):
    """The value of an integral and its estimated absolute error."""

    value: float
    error: float


@dataclass(frozen=True)
class Line:
    """A probability density on the real line.

    name          for titles and messages
    log_density   x (n,) -> log p(x) (n,), natural logarithm; -inf outside the support
    cdf           x (n,) -> P(X <= x) (n,), in [0, 1]
    interval      (low, high) that contains all the mass, up to a negligible part
    breaks        where the density jumps
    """

    name: str
    log_density: Callable[[np.ndarray], np.ndarray]
    cdf: Callable[[np.ndarray], np.ndarray]
    interval: tuple[float, float]
    breaks: tuple[float, ...] = ()

    def density(self, x: np.ndarray) -> np.ndarray:
        """p(x) at x (n,)."""
        return np.exp(self.log_density(x))


def gaussian(mean: float = 0.0, sigma: float = 1.0) -> Line:
    """N(mean, sigma^2).  Raises ValueError unless mean is finite and sigma > 0."""
    return mixture([mean], [sigma], [1.0])


def mixture(means: Sequence[float], sigmas: Sequence[float] | float, weights: Sequence[float] | None = None) -> Line:
    """The mixture sum_k w_k N(mean_k, sigma_k^2).

    means (K,); sigmas a number or (K,); weights (K,), normalised to sum to 1, None: equal weights.
    Raises ValueError for other shapes, for sigmas and weights that are not positive, and for nan.
    """
    mean = np.asarray(means, np.float64)
    if mean.ndim != 1 or not mean.size or not np.isfinite(mean).all():
        raise ValueError(f"mixture: means must be a list of finite numbers, got {mean.tolist()}")
    sigma = _positive("sigmas", sigmas, mean.size)
    weight = _positive("weights", 1.0 if weights is None else weights, mean.size)
    weight = weight / weight.sum()

    def log_density(x):
        x = _points(x)
        log_terms = np.log(weight / (sigma * math.sqrt(2 * math.pi))) - 0.5 * ((x[:, None] - mean) / sigma) ** 2
        top = log_terms.max(axis=1)
        return top + np.log(np.exp(log_terms - top[:, None]).sum(axis=1))

    def cdf(x):
        return normal_cdf((_points(x)[:, None] - mean) / sigma) @ weight

    low, high = float((mean - REACH * sigma).min()), float((mean + REACH * sigma).max())
    name = f"N({mean[0]:g}, {sigma[0]:g}^2)" if mean.size == 1 else f"a mixture of {mean.size} Gaussians"
    return Line(name, log_density, cdf, (low, high))


def uniform(low: float = 0.0, high: float = 1.0) -> Line:
    """U(low, high).  Raises ValueError unless low < high, both finite."""
    low = real("uniform", "low", low, -math.inf, math.inf, open_low=True, open_high=True)
    high = real("uniform", "high", high, low, math.inf, open_low=True, open_high=True)

    def log_density(x):
        x = _points(x)
        return np.where((x >= low) & (x < high), -math.log(high - low), -np.inf)

    def cdf(x):
        return np.clip((_points(x) - low) / (high - low), 0, 1)

    return Line(f"U({low:g}, {high:g})", log_density, cdf, (low, high), (low, high))


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Phi(x) = erfc(-x / sqrt 2) / 2, any shape."""
    flat = [0.5 * math.erfc(-value / math.sqrt(2)) for value in np.ravel(x)]
    return np.reshape(flat, np.shape(x))


def normal_points(n: int) -> np.ndarray:
    """A deterministic sample (n,) of N(0, 1): its quantiles at (i + 1/2) / n, i = 0 .. n - 1."""
    from statistics import NormalDist

    n, quantile = positive_int("normal_points", "n", n), NormalDist().inv_cdf
    return np.array([quantile((i + 0.5) / n) for i in range(n)])


def nodes(interval: tuple[float, float], *, breaks: Sequence[float] = (), panels: int = 400):
    """Nodes x (n,) and weights w (n,) of Gauss-Legendre quadrature on at least `panels` panels; breaks are panel edges.

    Each piece between two breaks gets a number of panels in proportion to its length, but at least a tenth of
    `panels`: a narrow density next to a wide gap is resolved if its ends are breaks.

    Raises ValueError for an interval that is empty or not finite, and for panels below 1.
    """
    low, high = (float(end) for end in interval)
    panels = positive_int("nodes", "panels", panels)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"nodes: an interval needs finite ends low < high, got ({low}, {high})")
    corners = np.unique([low, high, *(b for b in breaks if low < b < high)])
    pieces = [np.linspace(a, b, math.ceil(panels * max(0.1, (b - a) / (high - low))) + 1) for a, b in pairwise(corners)]
    left = np.concatenate([piece[:-1] for piece in pieces])
    width = np.concatenate([np.diff(piece) for piece in pieces])
    x = left[:, None] + width[:, None] * (0.5 + 0.5 * _NODES)
    return x.ravel(), (width[:, None] * (0.5 * _WEIGHTS)).ravel()


def integrate(
    f: Callable[[np.ndarray], np.ndarray],
    interval: tuple[float, float],
    *,
    breaks: Sequence[float] = (),
    panels: int = 400,
) -> Integral:
    r"""int f(x) dx over an interval, by Gauss-Legendre quadrature with 10 nodes per panel, and an error estimate.

    f            x (n,) -> (n,)
    breaks       where f jumps or has a corner, if known

    (Line.1)   error = |I_n - I_{n/2}| + 4 eps sum_i w_i |f(x_i)|       n panels, eps = 2.2e-16

    The difference is an estimate and not a bound: it approximates the error of the coarser rule, which for a smooth f
    is much larger than that of I_n.  The second term accounts for rounding.  The tails outside the interval are not
    included.  If f is +-inf at a node, so is the integral.  Raises ValueError if f is nan at a node.
    """
    sums = []
    for count in (max(1, panels // 2), panels):
        x, w = nodes(interval, breaks=breaks, panels=count)
        y = np.asarray(f(x), np.float64)
        if y.shape != x.shape:
            raise ValueError(f"integrate: f must return one value per point, {x.shape}, got {y.shape}")
        if np.isnan(y).any():
            raise ValueError(f"integrate: f is nan at x = {x[np.isnan(y).argmax()]:g}")
        sums.append(float(w @ y) if np.isfinite(y).all() else float(y[~np.isfinite(y)].sum()))
    if not math.isfinite(sums[1]):
        return Integral(sums[1], 0.0)
    difference = abs(sums[1] - sums[0]) if math.isfinite(sums[0]) else math.inf
    return Integral(sums[1], difference + 4 * np.finfo(float).eps * float(w @ np.abs(y)))


def _points(x) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 1:
        raise ValueError(f"a density on the line expects points (n,), got {x.shape}")
    return x


def _positive(name: str, values, size: int) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.shape not in ((), (size,)) or not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"mixture: {name} must be positive and finite, one or {size} of them, got {values!r}")
    return np.broadcast_to(array, (size,)).copy()
