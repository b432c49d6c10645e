r"""The Dirac-GAN: all data at the point 0, a generator with a single parameter and a linear discriminator.

    data   x = 0          G(z) = theta          C(x) = psi x

(Mescheder, Geiger & Nowozin 2018, section 2.)  The only equilibrium is theta = psi = 0.  It is the smallest game that
fails in the same way as large ones, because like theirs its data fill no volume, and every variant can be solved by
hand.

With real logits r = psi e and fake logits f = psi (theta + e), where e is 0 or, with instance noise, N(0, sigma^2), and
with a, b, c as in `losses.Pointwise`, both players descend

    (Dirac.1)   v_psi   = E[a'(r) e] + E[b'(f) (theta + e)] + dP/dpsi
                v_theta = E[c'(f)] psi
                P = gamma/2 psi^2 (R1 and R2: C is linear, its slope psi everywhere),
                P = gamma/2 (|psi| - 1)^2 (WGAN-GP; the package's weight is gamma/2)
    (Dirac.2)   consensus:  v + gamma J^T v, J = dv/d(psi, theta),  that is both players also descend gamma/2 |v|^2

**The flow.**  d(psi, theta)/dt = -v.  Its Jacobian at 0 is

    (Dirac.3)   -J(0) = -[[d, s], [-s, e]],      s = b'(0) = -c'(0):  1/2 (minimax, non-saturating), 1 (Wasserstein)
    (Dirac.4)   lambda = -(d + e)/2 +- sqrt((d - e)^2/4 - s^2)

        variant                  d               e            lambda
        none                     0               0            +- s i              circles
        R1, R2                   gamma           0            -gamma/2 +- sqrt(gamma^2/4 - s^2)
        instance noise           2 sigma^2/4     0            -sigma^2/4 +- sqrt(sigma^4/16 - s^2)  (not Wasserstein)
        consensus                gamma s^2       gamma s^2    -gamma s^2 +- s i
        WGAN-GP                  no derivative at psi = 0: the penalty has a kink exactly at the equilibrium

(Signs as in the paper, whose field is -v; negative real parts mean convergence.)

**The updates.**  With learning rate h, either both at once, or first D, n_d times, and then G:

    (Dirac.5)   simultaneous   mu = 1 + h lambda            without damping |mu|^2 = 1 + h^2 s^2 > 1: diverges
    (Dirac.6)   alternating    rho = (1 - h d)^n_d,   S = 1 + (1 - h d) + ... + (1 - h d)^(n_d - 1)
                               psi <- rho psi - h s S theta,    theta <- (1 - h e) theta + h s psi
                               mu^2 - T mu + rho (1 - h e) = 0,    T = rho + 1 - h e - h^2 s^2 S

so without damping the product of the two mu is 1: alternating updates circle if h s sqrt(n_d) < 2, and else diverge.

**Beyond the eigenvalues.**  The non-saturating flow has the same +- i/2, but with R^2 = psi^2 + theta^2, f = psi theta

    (Dirac.7)   d(R^2)/dt = -2 f tanh(f/2)  ~  -f^2,     mean of f^2 over a turn = R^4/8,     so  R ~ sqrt(8/t):

it does converge, but only like 1/sqrt(t).  Simultaneous steps add h s^2 R^2 = h R^2/4 to R^2 per unit of time; the two
terms balance on a circle of radius sqrt(2 h), so there is no convergence.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..checks import one_of, positive_int, real

PENALTIES = ("none", "r1", "r2", "wgan-gp")
MODES = ("simultaneous", "alternating")
#: N(0, 1) as a batch of six: the Gauss-Hermite rule with three nodes and weights 1/6, 4/6, 1/6; exact to the 5th power
NOISE = np.array([-math.sqrt(3), 0.0, 0.0, 0.0, 0.0, math.sqrt(3)])


class Terms(NamedTuple):
    """The derivatives of a, b and c of a loss, derived independently of the package's own, for comparison.

    real        r -> (a', a'')
    fake        f -> (b', b'', c', c'')
    slope       s in (Dirac.3)
    curvature   a''(0) = b''(0)
    """

    real: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    fake: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    slope: float
    curvature: float


def _logistic(x: np.ndarray) -> np.ndarray:
    """The sigmoid as (1 + tanh(x/2)) / 2, computed differently from the package's own."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def _real(r: np.ndarray) -> tuple[np.ndarray, ...]:
    D = _logistic(r)
    return D - 1, D * (1 - D)


def _minimax(f: np.ndarray) -> tuple[np.ndarray, ...]:
    D = _logistic(f)
    return D, D * (1 - D), -D, -D * (1 - D)


def _non_saturating(f: np.ndarray) -> tuple[np.ndarray, ...]:
    D = _logistic(f)
    return D, D * (1 - D), D - 1, D * (1 - D)


LOSSES: dict[str, Terms] = {
    "minimax": Terms(_real, _minimax, 0.5, 0.25),
    "non-saturating": Terms(_real, _non_saturating, 0.5, 0.25),
    "wasserstein": Terms(
        lambda r: (-np.ones_like(r), np.zeros_like(r)),
        lambda f: (np.ones_like(f), np.zeros_like(f), -np.ones_like(f), np.zeros_like(f)),
        1.0,
        0.0,
    ),
}


@dataclass(frozen=True)
class Variant:
    """One way to train the Dirac-GAN.

    label       for tables and titles
    loss        a key of LOSSES: "minimax", "non-saturating" or "wasserstein"
    penalty     "none", "r1", "r2" or "wgan-gp"; gamma >= 0 is its weight in (Dirac.1)
    noise       standard deviation sigma >= 0 of the instance noise on real samples and fakes
    clip        D's weight is clipped to [-clip, clip] after each step; inf: no clipping
    consensus   gamma >= 0 of (Dirac.2); 0: none

    Raises ValueError for an unknown name or a number out of range, and for consensus together with a penalty or noise.
    """

    label: str
    loss: str = "minimax"
    penalty: str = "none"
    gamma: float = 0.0
    noise: float = 0.0
    clip: float = math.inf
    consensus: float = 0.0

    def __post_init__(self) -> None:
        one_of("Variant", "loss", self.loss, LOSSES)
        one_of("Variant", "penalty", self.penalty, PENALTIES)
        for name in ("gamma", "noise", "consensus"):
            real("Variant", name, getattr(self, name), 0, math.inf, open_high=True)
        real("Variant", "clip", self.clip, 0, math.inf, open_low=True)
        if self.consensus and (self.penalty != "none" or self.noise):
            raise ValueError("Variant: consensus is implemented only without a penalty and without noise")

    @property
    def slope(self) -> float:
        """s in (Dirac.3)."""
        return LOSSES[self.loss].slope


#: the variants that Mescheder et al. 2018 compare, with the constants of the benchmark
VARIANTS = {
    v.label: v
    for v in (
        Variant("minimax"),
        Variant("non-saturating", "non-saturating"),
        Variant("WGAN", "wasserstein"),
        Variant("WGAN, clipped", "wasserstein", clip=1.0),
        Variant("WGAN-GP", "wasserstein", "wgan-gp", gamma=1.0),
        Variant("instance noise", "non-saturating", noise=1.0),
        Variant("R1", "non-saturating", "r1", gamma=0.5),
        Variant("R2", "non-saturating", "r2", gamma=0.5),
        Variant("consensus", "non-saturating", consensus=1.0),
    )
}


def field(variant: Variant, psi: ArrayLike, theta: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(v_psi, v_theta) of (Dirac.1, 2), which the players descend; psi and theta are numbers or arrays of one shape."""
    psi, theta = np.asarray(psi, np.float64)[..., None], np.asarray(theta, np.float64)[..., None]
    e = variant.noise * NOISE if variant.noise else np.zeros(1)
    terms = LOSSES[variant.loss]
    da, _ = terms.real(psi * e)
    db, d2b, dc, d2c = terms.fake(psi * (theta + e))
    v_psi = (da * e + db * (theta + e)).mean(axis=-1)
    v_theta = (dc * psi).mean(axis=-1)
    psi, theta = psi[..., 0], theta[..., 0]
    if variant.penalty in ("r1", "r2"):
        v_psi = v_psi + variant.gamma * psi
    elif variant.penalty == "wgan-gp":
        v_psi = v_psi + variant.gamma * (np.abs(psi) - 1) * np.sign(psi)
    if variant.consensus:  # J without consensus, then v + gamma J^T v
        db, d2b, dc, d2c = db[..., 0], d2b[..., 0], dc[..., 0], d2c[..., 0]
        f = psi * theta
        dd, dg, gd, gg = d2b * theta**2, db + d2b * f, dc + d2c * f, d2c * psi**2
        v_psi, v_theta = (
            v_psi + variant.consensus * (dd * v_psi + gd * v_theta),
            v_theta + variant.consensus * (dg * v_psi + gg * v_theta),
        )
    return v_psi, v_theta


def damping(variant: Variant) -> tuple[float, float]:
    """(d, e) of (Dirac.3).  Raises ValueError for WGAN-GP, which has no derivative at psi = 0."""
    if variant.penalty == "wgan-gp" and variant.gamma:
        raise ValueError(
            f"{variant.label}: the penalty (|psi| - 1)^2 has a kink at the equilibrium psi = 0, so "
            "the field has no Jacobian and no eigenvalues there"
        )
    both = variant.consensus * variant.slope**2
    penalty = variant.gamma if variant.penalty != "none" else 0.0
    return 2 * LOSSES[variant.loss].curvature * variant.noise**2 + penalty + both, both


def jacobian(variant: Variant) -> np.ndarray:
    """J(0) of (Dirac.3), (2, 2), rows and columns in the order (psi, theta).  Raises ValueError as `damping` does."""
    (d, e), s = damping(variant), variant.slope
    return np.array([[d, s], [-s, e]])


def eigenvalues(variant: Variant) -> tuple[complex, complex]:
    """(Dirac.4): both eigenvalues lambda of the flow at the equilibrium.  Raises ValueError as `damping` does."""
    (d, e), s = damping(variant), variant.slope
    root = cmath.sqrt((d - e) ** 2 / 4 - s**2)
    return -(d + e) / 2 + root, -(d + e) / 2 - root


def update_eigenvalues(variant: Variant, h: float, mode: str, n_d: int = 1) -> tuple[complex, complex]:
    """(Dirac.5, 6): both eigenvalues mu of one update at the equilibrium; it converges if both are in the unit circle.

    Raises ValueError as `damping` does, and for h, mode and n_d as `trajectory` does.
    """
    h, n_d = check_updates(h, mode, n_d)
    if mode == "simultaneous":
        first, second = eigenvalues(variant)
        return 1 + h * first, 1 + h * second
    (d, e), s = damping(variant), variant.slope
    rho, S = (1 - h * d) ** n_d, sum((1 - h * d) ** k for k in range(n_d))
    half = (rho + 1 - h * e - h**2 * s**2 * S) / 2
    root = cmath.sqrt(half**2 - rho * (1 - h * e))
    return half + root, half - root


def trajectory(
    variant: Variant,
    *,
    h: float = 0.2,
    steps: int = 500,
    mode: str = "simultaneous",
    n_d: int = 1,
    start: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """The points (psi, theta), `start` and after each update: (steps + 1, 2).

    h       learning rate > 0 of both players
    mode    "simultaneous": both players step from the same point.  "alternating": D makes n_d steps, then G one
    n_d     D's updates per update of G; must be 1 for simultaneous updates

    Raises ValueError for a number out of range, an unknown mode, or a start that is not two finite numbers.
    """
    h, n_d = check_updates(h, mode, n_d)
    steps = positive_int("trajectory", "steps", steps)
    if np.shape(start) != (2,) or not np.isfinite(start).all():
        raise ValueError(f"trajectory: start must be two finite numbers (psi, theta), got {start!r}")
    psi: Any = float(start[0])
    theta: Any = float(start[1])
    path = np.empty((steps + 1, 2))
    path[0] = psi, theta
    for t in range(1, steps + 1):
        if mode == "simultaneous":
            v_psi, v_theta = field(variant, psi, theta)
            psi, theta = _clip(psi - h * v_psi, variant), theta - h * v_theta
        else:
            for _ in range(n_d):
                psi = _clip(psi - h * field(variant, psi, theta)[0], variant)
            theta = theta - h * field(variant, psi, theta)[1]
        path[t] = psi, theta
    return path


def _clip(psi: Any, variant: Variant) -> Any:
    return min(max(psi, -variant.clip), variant.clip)


def check_updates(h: float, mode: str, n_d: int) -> tuple[float, int]:
    """Return (h, n_d).  Raises ValueError unless h > 0, mode is known, n_d >= 1, and n_d = 1 if simultaneous."""
    h = real("Dirac-GAN", "h", h, 0, math.inf, open_low=True, open_high=True)
    n_d = positive_int("Dirac-GAN", "n_d", n_d)
    one_of("Dirac-GAN", "mode", mode, MODES)
    if mode == "simultaneous" and n_d != 1:
        raise ValueError(f"Dirac-GAN: simultaneous updates have one step of D per step of G, got n_d = {n_d}")
    return h, n_d
