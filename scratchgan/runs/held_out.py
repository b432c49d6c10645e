"""Which examples a run is not trained on, so that D can be asked about examples that it was never trained on.

Which ones follows from recipe.seed alone, by a branch of it that nothing else uses: a run that is repeated or resumed
holds out the same.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data import Data
from .recipe import Recipe

BRANCH = 1001  # spawn_key, next to that of the data's order in `build`


def split(recipe: Recipe, data: Data) -> tuple[Data, np.ndarray | None]:
    """Return (the data to train on, the examples (recipe.held_out, ...) that are held out, or None for held_out = 0).

    Raises ValueError for data that are not a fixed set of examples (of a density every batch is new anyway), and if
    less than a batch would be left.
    """
    m = recipe.held_out
    if not m:
        return data, None
    if data.kind == "density":
        raise ValueError(f'held_out = {m}: "{data.name}" is a density, of which every batch is new; expected 0')
    if data.kind == "pair":
        raise ValueError(f'held_out = {m}: "{data.name}" are two data sets, expected one, or 0')
    n = len(data.x)
    if n - m < recipe.batch_size:
        raise ValueError(
            f"held_out = {m}: of {n} examples {max(n - m, 0)} are left to train on, fewer than one batch; "
            f"expected at most {max(n - recipe.batch_size, 0)} (batch_size = {recipe.batch_size})"
        )
    order = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(BRANCH,))).permutation(n)
    held, kept = order[:m], np.sort(order[m:])
    labels = None if data.labels is None else data.labels[kept]
    return replace(data, x=data.x[kept], labels=labels), data.x[held]
