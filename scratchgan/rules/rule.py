"""The base class of rules: it has a method for each point of the training procedure that a rule may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..gan import GAN

#: (fake, real, d_grads) -> (L_G, dL_G/dfake), through D; with d_grads, dL_G/dtheta_D is then in D.gradients()
Objective = Callable[..., tuple[float, np.ndarray]]


class Rule:
    """A rule that changes nothing.  `gan` is the `scratchgan.GAN` that is trained; it applies its rules in order.

    Rules draw their random numbers from `gan.layer_rng()`, so that a resumed training gives the same bits.
    """

    def transformed(self, gan: GAN, x: np.ndarray) -> np.ndarray:
        """D's input for the samples x (N, ...), real or fake.  Its derivative in x must be the identity."""
        return x

    def d_gradients(self, gan: GAN, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        """Add the gradient of an extra term of D's loss to D.gradients(); return {name: value of the term}."""
        return {}

    def after_d(self, gan: GAN) -> None:
        """Called after every update of D's weights."""

    def generator(
        self, gan: GAN, fake: np.ndarray, real: np.ndarray | None, objective: Objective, d_grads: bool = False
    ) -> tuple[float, np.ndarray]:
        """(L_G, dL_G/dfake); `objective` computes this pair for the game with the rules before this one."""
        return objective(fake, real, d_grads=d_grads)

    def check(self, gan: GAN) -> None:
        """Raise ValueError if this rule cannot be used with `gan`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def describe(self) -> str:
        """The constructor's arguments, for `repr`."""
        return ""
