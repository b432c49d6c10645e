r"""A gradient penalty, added to D's loss, limits how steep D is at real samples, fakes, or points between them.

D then minimises J_D instead of L_D, with C(x) the logit:

    (GradientPenalty.1)   J_D = L_D + P(g),   g = dC(x)/dx at the points x

    where       x                                 usual with
    "real"      real samples                      R1 (Mescheder et al. 2018)
    "fake"      fakes                             R2 (the same)
    "between"   e x + (1 - e) G(z)                WGAN-GP (Gulrajani et al. 2017, algorithm 1)
    "around"    x + 0.5 std(X) d, d ~ U(0, 1)     DRAGAN (Kodali et al. 2017)

The weight gradient of P is a second derivative: see `scratchgan.penalties`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..checks import one_of, positive_int
from ..penalties import R1, R2, Dragan, Penalty, WganGp, interpolate, penalty_backward, perturb, refuse_batchnorm
from .rule import Rule

if TYPE_CHECKING:
    from ..gan import GAN

PLACES = ("real", "fake", "between", "around")
#: the option `penalty` of a model -> the penalties that are added to L_D, each with the points where it is taken
PENALTIES: dict[str, tuple[tuple[Callable[[float], Penalty], str], ...]] = {
    "none": (),
    "r1": ((R1, "real"),),
    "r2": ((R2, "fake"),),
    "r1+r2": ((R1, "real"), (R2, "fake")),
    "wgan-gp": ((WganGp, "between"),),
    "dragan": ((Dragan, "around"),),
}


class GradientPenalty(Rule):
    """Add `penalty` to D's loss, taken at `where`; with every = k, only in every k-th step, multiplied by k.

    The latter is lazy regularisation (Karras et al. 2020, section 3.1); the average gradient is the same.
    """

    def __init__(self, penalty: Penalty, where: str, *, every: int = 1):
        self.penalty, self.where = penalty, where
        one_of("GradientPenalty", "where", where, PLACES)
        self.every = positive_int("GradientPenalty", "every", every)

    def d_gradients(self, gan: GAN, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        """(GradientPenalty.1)."""
        if gan.steps % self.every:
            return {}
        rng = gan.layer_rng()
        x = {
            "real": lambda: real,
            "fake": lambda: fake,
            "between": lambda: interpolate(real, fake, rng=rng),
            "around": lambda: perturb(real, rng=rng),
        }[self.where]()
        phi = self.penalty if self.every == 1 else self._heavier
        value, _ = penalty_backward(gan.D, x, phi, rng=rng, input_grad=False, **gan.conditions)
        return {f"penalty_{self.where}": value}

    def _heavier(self, g: np.ndarray) -> tuple[float, np.ndarray]:
        value, u = self.penalty(g)
        return self.every * value, g.dtype.type(self.every) * u

    def check(self, gan: GAN) -> None:
        """Raise ValueError if D has a BatchNorm: see `penalty_backward`."""
        refuse_batchnorm(gan.D)

    def describe(self) -> str:
        """The penalty's name, and the points where it is taken."""
        return f'{self.penalty.name}, "{self.where}"' + (f", every={self.every}" if self.every > 1 else "")


def penalised(name: str, weight: float, *, every: int = 1) -> list[GradientPenalty]:
    """The rules for `name`, a key of PENALTIES; `weight` is gamma for R1 and R2, otherwise lambda."""
    one_of("training", "penalty", name, PENALTIES)
    return [GradientPenalty(make(weight), where, every=every) for make, where in PENALTIES[name]]
