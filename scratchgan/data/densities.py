r"""Densities that can be both sampled and evaluated, so that a GAN's samples can be compared with the true p(x).

Three kinds cover all the toy data: Gaussian mixtures, curves with Gaussian noise, and uniform squares.  Each is a
mixture of K components, and `sample_labelled` returns the component of every point.  The named toy densities are in
`scratchgan.data.toy`.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from ..checks import positive_int, require_rng
from .limits import check_fits

_BLOCK = 2**15  # entries of the (points, centres) table computed at a time: 256 KB fit in the cache


class Density:
    r"""A probability density on R^dim that can be evaluated at every point.

    Attributes
        name     str, as the user writes it
        about    str, one line
        dim      1 or 2
        extent   (xmin, xmax) or (xmin, xmax, ymin, ymax): the region to plot
        weights  (K,) float64, probability of each component; the sum is 1
        modes    (K, dim) float64, or None if the density has no point modes
        sigmas   (K,) float64, standard deviation of the noise of each component, or None
        kind     "density": see data/kinds.py
    """

    kind: ClassVar[Literal["density"]] = "density"
    #: the component of a point does not count as a label: GANs are not conditioned on it
    n_classes: ClassVar[int] = 0
    classes: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        name: str,
        about: str,
        extent: Sequence[float],
        weights: Sequence[float] | np.ndarray,
        *,
        modes: np.ndarray | None = None,
        sigmas: np.ndarray | None = None,
    ):
        self.name, self.about = name, about
        self.extent = tuple(float(v) for v in extent)
        self.dim = len(self.extent) // 2
        self.weights = np.asarray(weights, dtype=np.float64)
        self.modes, self.sigmas = modes, sigmas

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one point, (dim,)."""
        return (self.dim,)

    @property
    def sigma(self) -> float | None:
        """The standard deviation of the noise if it is the same for all components, otherwise None."""
        if self.sigmas is None or np.any(self.sigmas != self.sigmas[0]):
            return None
        return float(self.sigmas[0])

    def sample(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw n independent points: (n, dim) float32.  Errors: see `sample_labelled`."""
        return self.sample_labelled(n, rng=rng)[0]

    def sample_labelled(self, n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw n independent points and the component of each: (n, dim) float32, (n,) int64 in 0..K-1.

        ValueError if n is not a positive integer or n points would not fit into memory; TypeError if rng is not a
        Generator.
        """
        n = positive_int(self.name, "n", n)
        require_rng(self.name, rng)
        check_fits((n, 2 * self.dim), self.name)  # the factor 2: the points are drawn as float64
        labels = rng.choice(len(self.weights), size=n, p=self.weights).astype(np.int64)
        return np.ascontiguousarray(self._draw(labels, rng), dtype=np.float32), labels

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Log p(x), natural logarithm, at x (n, dim): (n,) float64; -inf outside the support.

        ValueError if x is not (n, dim) or not finite.
        """
        x = np.asarray(x, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"{self.name} expects points (n, {self.dim}), got {x.shape}")
        bad = ~np.isfinite(x).all(axis=1)
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"{self.name} expects finite points, got {x[i].tolist()} in row {i}")
        return self._log_density(x)

    def density(self, x: np.ndarray) -> np.ndarray:
        """p(x) at x (n, dim): (n,) float64.  Errors: see `log_density`."""
        return np.exp(self.log_density(x))

    def __repr__(self):
        return f"<{self.name}: {self.about}>"

    def _draw(self, labels, rng):
        raise NotImplementedError

    def _log_density(self, x):
        raise NotImplementedError


def log_gaussian_sum(x, centres, weights, sigmas):
    r"""log sum_j w_j N(x; c_j, sigma_j^2 I) by log-sum-exp, which stays finite where the density itself underflows.

    x (n, d), centres (m, d), weights (m,), sigmas (m,) -> (n,) float64
    """
    d = x.shape[1]
    log_scale = np.log(weights) - d * np.log(sigmas) - 0.5 * d * math.log(2 * math.pi)
    minus_half_precision = -0.5 / sigmas**2
    out = np.empty(len(x))
    rows = max(1, _BLOCK // len(centres))
    for start in range(0, len(x), rows):
        block = x[start : start + rows]
        table = np.square(block[:, 0, None] - centres[:, 0])
        for k in range(1, d):
            table += np.square(block[:, k, None] - centres[:, k])
        table *= minus_half_precision
        table += log_scale
        top = table.max(axis=1)
        table -= top[:, None]
        np.exp(table, out=table)
        out[start : start + rows] = top + np.log(table.sum(axis=1))
    return out


def _box(points, sigma):
    """Plotting limits around points (m, d), with a margin of four sigma or 15 % of the span, whichever is larger."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.maximum(4 * sigma, 0.15 * (high - low))
    return np.stack([low - margin, high + margin], axis=1).ravel()


class GaussianMixture(Density):
    r"""p(x) = sum_k w_k N(x; mu_k, sigma_k^2 I).

    means (K, dim); sigmas a number or (K,); weights (K,), positive, normalised here to sum to 1; None: equal weights.
    ValueError if the shapes do not match, or if a sigma or a weight is not a positive number.
    """

    modes: np.ndarray
    sigmas: np.ndarray

    def __init__(self, name, about, means, sigmas, weights=None):
        means = np.array(means, dtype=np.float64)
        if means.ndim != 2 or not len(means) or means.shape[1] not in (1, 2) or not np.isfinite(means).all():
            raise ValueError(f"{name}: means must be finite, (K, 1) or (K, 2), got shape {means.shape}")
        sigmas = _positive(name, "sigma", sigmas, len(means))
        weights = _positive(name, "weights", 1.0 if weights is None else weights, len(means))
        super().__init__(name, about, _box(means, sigmas.max()), weights / weights.sum(), modes=means, sigmas=sigmas)

    def _draw(self, labels, rng):
        noise = rng.standard_normal((len(labels), self.dim))
        return self.modes[labels] + self.sigmas[labels, None] * noise

    def _log_density(self, x):
        return log_gaussian_sum(x, self.modes, self.weights, self.sigmas)


class NoisyCurves(Density):
    r"""Points on curves plus Gaussian noise:  x = c_k(t) + sigma e,  t ~ U(0, 1),  e ~ N(0, I_2).

    Its density is a line integral,

        p(x) = sum_k w_k  int_0^1 N(x; c_k(t), sigma^2 I) dt,

    which has no closed form on an arc.  It is approximated by Gauss-Legendre quadrature with 8 nodes per panel, on
    panels no longer than 2 sigma; the result is again a Gaussian mixture, with means on the curves.  Compared with
    panels ten times finer, the relative error is below 1e-8 wherever p is above 1e-5 of its peak.  Sampling uses the
    curves themselves, not the quadrature.

    curves: functions t (m,) -> (m, 2);  sigma > 0;  all curves have the same weight.
    """

    def __init__(self, name, about, curves, sigma):
        sigma = float(_positive(name, "sigma", sigma, 1)[0])
        self.curves = list(curves)
        fine = np.linspace(0.0, 1.0, 4097)
        traces = np.stack([curve(fine) for curve in self.curves])
        if not np.isfinite(traces).all():
            raise ValueError(f"{name}: the curves must be finite")
        speed = np.linalg.norm(np.diff(traces, axis=1), axis=2).max() * 4096  # upper bound of |dc/dt|, up to 1e-7
        panels = math.ceil(speed / (2 * sigma))
        check_fits((len(self.curves), panels, 8, 2), f"{name} with sigma {sigma:g}")
        node, weight = np.polynomial.legendre.leggauss(8)
        t = ((np.arange(panels)[:, None] + 0.5 + 0.5 * node) / panels).ravel()
        share = np.full(len(self.curves), 1 / len(self.curves))
        self._nodes = np.concatenate([curve(t) for curve in self.curves])
        self._node_weights = np.tile(np.tile(weight / (2 * panels), panels), len(self.curves)) / len(self.curves)
        box = _box(traces.reshape(-1, 2), sigma)
        super().__init__(name, about, box, share, sigmas=np.full(len(self.curves), sigma))

    def _draw(self, labels, rng):
        t = rng.random(len(labels))
        x = self.sigma * rng.standard_normal((len(labels), 2))
        for k, curve in enumerate(self.curves):
            mine = labels == k
            x[mine] += curve(t[mine])
        return x

    def _log_density(self, x):
        sigmas = np.full(len(self._nodes), self.sigma)
        return log_gaussian_sum(x, self._nodes, self._node_weights, sigmas)


class Squares(Density):
    """Uniform on the dark squares of a chessboard centred at 0; the lower left square is dark, as on a real board.

    squares: the number per side;  half_width: of the board.  The components are the dark squares, row by row from the
    bottom.
    """

    def __init__(self, name, about, squares, half_width):
        squares = positive_int(name, "squares", squares)
        half_width = float(_positive(name, "half_width", half_width, 1)[0])
        check_fits((squares, squares), name)
        self.edges = np.linspace(-half_width, half_width, squares + 1)
        row, column = np.nonzero(np.add.outer(np.arange(squares), np.arange(squares)) % 2 == 0)
        self._cells = np.stack([column, row], axis=1)
        self._log_p = -math.log(len(row)) - 2 * math.log(2 * half_width / squares)
        margin = 1.1 * half_width
        super().__init__(name, about, (-margin, margin) * 2, np.full(len(row), 1 / len(row)))

    def _draw(self, labels, rng):
        low, high = self.edges[self._cells[labels]], self.edges[self._cells[labels] + 1]
        x = (low + (high - low) * rng.random((len(labels), 2))).astype(np.float32)
        # Rounding to float32 may move a point across an edge, where the density is 0: move it back inside.
        x = np.where(x >= high, np.nextafter(x, np.float32(-np.inf)), x)
        return np.where(x < low, np.nextafter(x, np.float32(np.inf)), x)

    def _log_density(self, x):
        cell = np.searchsorted(self.edges, x, side="right") - 1
        inside = ((cell >= 0) & (cell < len(self.edges) - 1)).all(axis=1)
        return np.where(inside & (cell.sum(axis=1) % 2 == 0), self._log_p, -np.inf)


def _positive(name, what, values, size):
    """`values` as (size,) float64 (a single number is repeated); ValueError unless all are positive and finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((), (size,)):
        raise ValueError(f"{name}: {what} must be one number or {size}, got shape {array.shape}")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{name}: {what} must be positive and finite, got {values!r}")
    return np.broadcast_to(array, (size,)).copy()
