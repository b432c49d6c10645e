r"""How far apart are two densities?  Four measures, and what a generator far from the data can learn from each.

    (Divergence.1)   KL(p, q)  = int p log(p / q)                              asymmetric; inf where q = 0 and p > 0
    (Divergence.2)   JSD(p, q) = KL(p, m)/2 + KL(q, m)/2,  m = (p + q)/2       in [0, log 2]
    (Divergence.3)   TV(p, q)  = 1/2 int |p - q|                               in [0, 1]
    (Divergence.4)   W1(p, q)  = int |F_p(x) - F_q(x)| dx                      in the unit of x; F = P(X <= x)

JSD and TV depend only on where p and q overlap.  If they do not overlap, JSD = log 2 and TV = 1 at any distance, the
derivatives are 0, and a generator that follows them does not move.  W1 grows with the distance that mass has to be
moved (Arjovsky et al. 2017, example 1).  (Divergence.4) holds only on the line (for samples: `metrics.earth_mover`); in
general W1 is the largest E_p[C] - E_q[C] that a 1-Lipschitz critic C can reach.

Logarithms are natural (nats).  The integrals come with the error estimate of `line.integrate`; those of (Divergence.2)
and (Divergence.3) include a bound for the mass t_p, t_q outside the interval, which adds at most (t_p + t_q)/2 log 2
and (t_p + t_q)/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..checks import real
from .line import Integral, Line, integrate


def kl(p: Line, q: Line, *, panels: int = 400) -> Integral:
    """(Divergence.1), KL(p, q) in nats; kl(q, p) is the other direction.

    inf if a node lies in p's support but not in q's.  The error does not include the tails outside p's interval.
    """

    def integrand(x: np.ndarray) -> np.ndarray:
        log_p, log_q = p.log_density(x), q.log_density(x)
        inside = log_p > -np.inf  # 0 log 0 = 0
        return np.where(inside, np.exp(log_p) * (np.where(inside, log_p, 0) - log_q), 0.0)

    with np.errstate(invalid="ignore"):  # the 0 * inf outside p's support is discarded
        return integrate(integrand, p.interval, breaks=all_breaks(p, q), panels=panels)


def js(p: Line, q: Line, *, panels: int = 400) -> Integral:
    """(Divergence.2), in nats, at most log 2 = 0.693."""

    def integrand(x: np.ndarray) -> np.ndarray:
        log_p, log_q = p.log_density(x), q.log_density(x)
        log_m = np.logaddexp(log_p, log_q) - math.log(2)
        return 0.5 * (_plogp(log_p, log_m) + _plogp(log_q, log_m))

    interval, breaks = union(p, q), all_breaks(p, q)
    value, error = integrate(integrand, interval, breaks=breaks, panels=panels)
    return Integral(value, error + 0.5 * math.log(2) * _outside(p, q, interval))


def total_variation(p: Line, q: Line, *, panels: int = 400) -> Integral:
    """(Divergence.3), at most 1: the largest difference between the probabilities of an event under p and q."""
    interval, difference = union(p, q), lambda x: p.density(x) - q.density(x)
    breaks = (*all_breaks(p, q), *crossings(difference, interval))
    value, error = integrate(lambda x: 0.5 * np.abs(difference(x)), interval, breaks=breaks, panels=panels)
    return Integral(value, error + 0.5 * _outside(p, q, interval))


def w1(p: Line, q: Line, *, panels: int = 400) -> Integral:
    """(Divergence.4), the earth mover's distance, in the unit of x."""
    interval, difference = union(p, q), lambda x: p.cdf(x) - q.cdf(x)
    breaks = (*all_breaks(p, q), *crossings(difference, interval))
    return integrate(lambda x: np.abs(difference(x)), interval, breaks=breaks, panels=panels)


def crossings(
    f: Callable[[np.ndarray], np.ndarray], interval: tuple[float, float], *, cells: int = 1000
) -> list[float]:
    """Where f, x (n,) -> (n,), changes sign and |f| has a corner, found by bisection in each of `cells` equal parts.

    Two sign changes in the same part are missed; the error estimate of the integral is then larger.
    """
    x = np.linspace(*interval, cells + 1)
    sign = np.sign(f(x))
    x, sign = x[sign != 0], sign[sign != 0]  # parts that meet at a zero are merged
    change = np.flatnonzero(sign[:-1] != sign[1:])
    low, high, at_low = x[change], x[change + 1], sign[change]
    for _ in range(60):
        middle = 0.5 * (low + high)
        same = np.sign(f(middle)) == at_low
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (0.5 * (low + high)).tolist()


# -- closed forms -----------------------------------------------------------------------------------------------------


def kl_gaussians(mean_p: float, sigma_p: float, mean_q: float, sigma_q: float) -> float:
    r"""KL(N(mean_p, sigma_p^2), N(mean_q, sigma_q^2)).

    (Divergence.5)   log(sigma_q / sigma_p) + (sigma_p^2 + (mean_p - mean_q)^2) / (2 sigma_q^2) - 1/2
    """
    sp, sq = _sigma(sigma_p), _sigma(sigma_q)
    return math.log(sq / sp) + (sp**2 + (mean_p - mean_q) ** 2) / (2 * sq**2) - 0.5


def tv_gaussians(shift: float, sigma: float = 1.0) -> float:
    r"""TV of two Gaussians with the same sigma, `shift` apart; their densities cross halfway.

    (Divergence.6)   2 Phi(|shift| / (2 sigma)) - 1 = erf(|shift| / (2 sqrt(2) sigma))
    """
    return math.erf(abs(shift) / (2 * math.sqrt(2) * _sigma(sigma)))


def w1_gaussians(mean_p: float, sigma_p: float, mean_q: float, sigma_q: float) -> float:
    r"""W1 of two Gaussians: the quantiles at Phi(z) differ by a + b z, a = mean_q - mean_p, b = sigma_q - sigma_p.

    (Divergence.7)   W1 = E|a + b Z| = |b| sqrt(2/pi) exp(-a^2 / (2 b^2)) + a erf(a / (|b| sqrt 2)),     |a| for b = 0
    """
    a, b = mean_q - mean_p, abs(_sigma(sigma_q) - _sigma(sigma_p))
    if b == 0:
        return abs(a)
    return b * math.sqrt(2 / math.pi) * math.exp(-(a**2) / (2 * b**2)) + a * math.erf(a / (b * math.sqrt(2)))


def _plogp(log_p: np.ndarray, log_m: np.ndarray) -> np.ndarray:
    """p log(p / m), 0 where p = 0."""
    inside = log_p > -np.inf
    return np.where(inside, np.exp(log_p) * (np.where(inside, log_p, 0) - np.where(inside, log_m, 0)), 0.0)


def union(p: Line, q: Line) -> tuple[float, float]:
    """The smallest interval that contains the intervals of both densities."""
    return min(p.interval[0], q.interval[0]), max(p.interval[1], q.interval[1])


def all_breaks(p: Line, q: Line) -> tuple[float, ...]:
    """All jumps and ends of intervals: otherwise a panel across a wide gap might miss a narrow density at its end."""
    return (*p.breaks, *q.breaks, *p.interval, *q.interval)


def _outside(p: Line, q: Line, interval: tuple[float, float]) -> float:
    """t_p + t_q, the mass outside the interval."""
    ends = np.array(interval)
    return float(sum(max(0.0, 1 - np.diff(density.cdf(ends))[0]) for density in (p, q)))


def _sigma(sigma: float) -> float:
    return real("gaussian", "sigma", sigma, 0, math.inf, open_low=True, open_high=True)
