"""The gradient check of the search of models/completion.py: its objective by the latent vectors."""

from __future__ import annotations

import copy

import numpy as np

from ..layers import fused
from ..models.completion import Completion
from .differences import away_from_kinks, gradient_row, random_copy
from .report import Row


def completion_rows(
    objective: Completion, Z: np.ndarray, rng: np.random.Generator, h: float = 1e-5, randomise: bool = True
) -> list[Row]:
    """The sum of (Completion.1) over latent vectors Z (N, latent_dim), by Z, against differences of its values.

    Z           in the dtype of the computation; drawn again until no kink, of a layer or of |G(z) - x|, is near
    randomise   whether to replace the nets' weights and running statistics by random numbers

    One row for each of the two terms, and one for both.  The objective is not changed.
    """
    trial = copy.copy(objective)

    def distance(nets, z):
        """The smallest distance to a kink in both nets, or to the corner of |G(z) - x|."""
        trial.G, trial.D = nets
        trial.x = objective.x.astype(z.dtype)
        made, through_g = trial.G.forward(trial.inputs(z), train=False)
        _, through_d = trial.D.forward(trial.copies(made), train=False, **trial.conditions(len(z)))
        apart = np.abs(made - trial.x)[:, ~trial.hole]
        return min(trial.G.kink_distance(through_g), trial.D.kink_distance(through_d), float(apart.min()))

    rows = []
    with fused.off():
        (trial.G, trial.D), Z = away_from_kinks(
            lambda: (
                random_copy(objective.G, rng, randomise, Z.dtype),
                random_copy(objective.D, rng, randomise, Z.dtype),
            ),
            Z,
            distance,
            rng,
            h,
        )
        for what, weight in (("known pixels", 0.0), ("both terms", objective.weight or 1.0)):
            trial.weight = weight
            _, _, dZ = trial.gradients(Z)
            rows.append(
                gradient_row("backward", f"z, {what}", Z, dZ.copy(), lambda: float(trial.gradients(Z)[0].sum()), rng, h)
            )
    return rows
