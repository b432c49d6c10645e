"""What may be changed in the game: a Rule has a method for each point of the training procedure where it may step in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..gan import GAN

#: (fake, real, d_grads) -> (L_G, dL_G/dfake), through D; with d_grads, dL_G/dtheta_D is in D.gradients() afterwards
Objective = Callable[..., tuple[float, np.ndarray]]


class Rule:
    """Base: a rule that changes nothing.  `gan` is the `scratchgan.GAN` that plays; its rules apply in their order.

    Whatever a rule draws at random comes from `gan.layer_rng()`, so that a saved run goes on with the same bits.
    """

    def transformed(self, gan: GAN, x: np.ndarray) -> np.ndarray:
        """D's input for the samples x (N, ...), real or fake.  Its derivative in x must be the identity."""
        return x

    def d_gradients(self, gan: GAN, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        """Add to D.gradients() whatever is added to D's loss; return that value under a name of its own."""
        return {}

    def after_d(self, gan: GAN) -> None:
        """D's weights have just moved."""

    def generator(
        self, gan: GAN, fake: np.ndarray, real: np.ndarray | None, objective: Objective, d_grads: bool = False
    ) -> tuple[float, np.ndarray]:
        """(L_G, dL_G/dfake); `objective` is what the game and the rules before this one say."""
        return objective(fake, real, d_grads=d_grads)

    def check(self, gan: GAN) -> None:
        """Raise ValueError if this rule cannot be played with `gan`."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def describe(self) -> str:
        """The constructor's arguments, for `repr`."""
        return ""
