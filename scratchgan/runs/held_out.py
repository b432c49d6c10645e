"""Which examples are kept out of training, so that D can be evaluated on examples that it has not been trained on.

The choice depends only on recipe.seed, through a SeedSequence that nothing else uses: a run that is repeated or resumed
holds out the same examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data import Data
from .recipe import Recipe

BRANCH = 1001  # spawn_key; `build` uses 1000 for the order of the data


def split(recipe: Recipe, data: Data) -> tuple[Data, np.ndarray | None]:
    """Return (the data to train on, the held-out examples (recipe.held_out, ...) or None if recipe.held_out is 0).

    Raises ValueError for data that are not a fixed set of examples (a density gives new examples in every batch), and
    if less than one batch would be left.
    """
    m = recipe.held_out
    if not m:
        return data, None
    if data.kind == "density":
        raise ValueError(f'held_out = {m}: "{data.name}" is a density, every batch is new; expected held_out = 0')
    if data.kind == "pair":
        raise ValueError(f'held_out = {m}: "{data.name}" consists of two data sets; expected held_out = 0')
    n = len(data.x)
    if n - m < recipe.batch_size:
        raise ValueError(
            f"held_out = {m}: {max(n - m, 0)} of {n} examples are left to train on, fewer than one batch; "
            f"expected at most {max(n - recipe.batch_size, 0)} (batch_size = {recipe.batch_size})"
        )
    order = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(BRANCH,))).permutation(n)
    held, kept = order[:m], np.sort(order[m:])
    labels = None if data.labels is None else data.labels[kept]
    return replace(data, x=data.x[kept], labels=labels), data.x[held]
