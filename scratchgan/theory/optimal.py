r"""The best discriminator, point by point, and the value of the game for it.

With p the density of the data and q that of the fakes, D's loss is the integral of p a(C) + q b(C), where C = C(x) is
the logit and a, b are as in `losses.Pointwise`.  D can choose C at each x independently, so at the optimum
p a'(C) + q b'(C) = 0:

    (OptimalD.1)   minimax, non-saturating   C* = log p - log q, the logit of the D* in (Loss.3)
    (OptimalD.2)   least squares             C* = (beta p + alpha q) / (p + q)    labels beta (real) and alpha (fake)
    (OptimalD.3)   hinge                     C* = sign(p - q)

and its loss is then

    (OptimalD.4)   minimax, non-saturating   -V(D*, G), which (Loss.3) gives
    (OptimalD.5)   least squares             (beta - alpha)^2 / 2  int p q / (p + q)
    (OptimalD.6)   hinge                     2 int min(p, q) = 2 (1 - TV(p, q))

(Goodfellow et al. 2014, proposition 1 and theorem 1; Mao et al. 2017 for least squares; Lim & Ye 2017 for the hinge.)

**What G descends.**  D is fixed at D* while G's weights phi are updated, so the gradient acts on q alone, not on D*:

    (OptimalD.7)   minimax          grad E_q[log(1 - D*)] = grad 2 JSD(p, q)
    (OptimalD.8)   non-saturating   E_q[-log D*] = log 2 + KL(q, p) - KL(q, m),     m = (p + q)/2
                                    grad E_q[-log D*] = grad [ KL(q, p) - 2 JSD(p, q) ]

(Arjovsky & Bottou 2017, theorem 2.5).  The second penalises fakes where there are no data (KL(q, p) is infinite then)
but hardly penalises missing data, and its JSD term has the opposite sign, pushing q *away* from p.  For a single logit,
the two gradients differ only in length: d log(1 - D)/dl = -D and d(-log D)/dl = -(1 - D), so the non-saturating
gradient is

    (OptimalD.9)   (1 - D) / D = exp(-l)

times the minimax one, which is large where D is sure of a fake.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..layers.activations import sigmoid
from ..losses import Hinge, Minimax, Pointwise
from .divergences import all_breaks, js, total_variation, union
from .line import Integral, Line, integrate


def optimal_logits(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """(OptimalD.1), log p - log q, any shape: inf where q = 0, -inf where p = 0.

    nan where both are 0, because D is arbitrary there.  Raises ValueError if the shapes differ, and for nan or +inf.
    """
    return Minimax().optimal_logit(*_log_densities(log_p, log_q))


def optimal_discriminator(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """D* = p / (p + q) of (Loss.3) from log densities, in [0, 1]; nan and errors as in `optimal_logits`."""
    return sigmoid(optimal_logits(log_p, log_q))


def least_squares_optimum(log_p: np.ndarray, log_q: np.ndarray, *, fake: float = 0.0, real: float = 1.0) -> np.ndarray:
    """(OptimalD.2) as fake + (real - fake) p/(p + q), with the labels `fake` (alpha) and `real` (beta)."""
    return fake + (real - fake) * optimal_discriminator(log_p, log_q)


def hinge_optimum(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """(OptimalD.3): 1, -1, or 0 where p = q (any C in [-1, 1] is optimal there); nan as in `optimal_logits`."""
    return Hinge().optimal_logit(*_log_densities(log_p, log_q))


def gradient_ratio(logits: np.ndarray | float) -> np.ndarray:
    """(OptimalD.9): the non-saturating gradient divided by the minimax one, exp(-l) = (1 - D) / D."""
    return np.exp(-np.asarray(logits, np.float64))


def value_of_game(p: Line, q: Line) -> Integral:
    """V(D*, G) of (Loss.3): from -log 4 = -1.386 for p = q to 0 for disjoint supports."""
    value, error = js(p, q)
    return Integral(2 * value - math.log(4), 2 * error)


def least_squares_best(p: Line, q: Line) -> Integral:
    """(OptimalD.5): the smallest least-squares loss L_D, with the package's labels 1 and 0."""
    return integrate(
        lambda x: 0.5 * np.exp(_harmonic(p.log_density(x), q.log_density(x))), union(p, q), breaks=all_breaks(p, q)
    )


def hinge_best(p: Line, q: Line) -> Integral:
    """(OptimalD.6): the smallest hinge loss L_D."""
    value, error = total_variation(p, q)
    return Integral(2 * (1 - value), 2 * error)


def expected_loss(
    loss: Pointwise,
    p: Line,
    q: Line,
    logits: Callable[[np.ndarray], np.ndarray],
    *,
    breaks: Sequence[float] = (),
) -> Integral:
    """L_D = E_p[a(C)] + E_q[b(C)] for a loss of the package, by quadrature.

    This is the loss of a batch of infinite size, with the loss's own `real_term` and `fake_term`.
    logits    C as a function x (n,) -> (n,)
    breaks    where C jumps or has a corner
    """

    def integrand(x: np.ndarray) -> np.ndarray:
        l = np.asarray(logits(x), np.float64)
        return _times(p.density(x), loss.real_term(l)[0]) + _times(q.density(x), loss.fake_term(l)[0])

    return integrate(integrand, union(p, q), breaks=(*all_breaks(p, q), *breaks))


def _times(density: np.ndarray, values: np.ndarray) -> np.ndarray:
    """density * values, and 0 where the density is 0, even if the value is infinite."""
    return np.where(density > 0, density * np.where(density > 0, values, 0.0), 0.0)


def _harmonic(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """log(p q / (p + q)), -inf where either is 0."""
    inside = np.isfinite(log_p) & np.isfinite(log_q)
    a, b = np.where(inside, log_p, 0.0), np.where(inside, log_q, 0.0)
    return np.where(inside, a + b - np.logaddexp(a, b), -np.inf)


def _log_densities(log_p: np.ndarray, log_q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    log_p, log_q = np.asarray(log_p, np.float64), np.asarray(log_q, np.float64)
    if log_p.shape != log_q.shape:
        raise ValueError(f"log_p and log_q must have the same shape, got {log_p.shape} and {log_q.shape}")
    for name, value in (("log_p", log_p), ("log_q", log_q)):
        if np.isnan(value).any() or np.isposinf(value).any():
            raise ValueError(f"{name} must be log densities, finite or -inf, got nan or inf")
    return log_p, log_q
