"""Which examples are kept out of training, so that D can be evaluated on examples that it has not been trained on.

The choice depends only on recipe.seed, through a SeedSequence that nothing else uses: a run that is repeated or resumed
holds out the same examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data import Data, Dataset
from ..data.paired import Paired
from .recipe import Recipe

BRANCH = 1001  # spawn_key; `build` uses 1000 for the order of the data


def split(recipe: Recipe, data: Data) -> tuple[Data, np.ndarray | Paired | None]:
    """Return (the data to train on, the held-out examples (recipe.held_out, ...) or None if recipe.held_out is 0).

    Of pairs, the held-out examples are pairs as well.

    Raises ValueError for data that are not a fixed set of examples (a density gives new examples in every batch), and
    if there is less than one batch, or less than one would be left.
    """
    m = recipe.held_out
    if data.kind == "examples":
        check_enough(recipe, data)
    elif data.kind == "pair":
        check_enough(recipe, data.a)
        check_enough(recipe, data.b)
    elif data.kind == "paired":
        check_enough(recipe, data.y)
    if not m:
        return data, None
    if data.kind == "density":
        raise ValueError(f'held_out = {m}: "{data.name}" is a density, every batch is new; expected held_out = 0')
    if data.kind == "pair":
        raise ValueError(f'held_out = {m}: "{data.name}" consists of two data sets; expected held_out = 0')
    n = len(data.y if data.kind == "paired" else data.x)
    order = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(BRANCH,))).permutation(n)
    held, kept = order[:m], np.sort(order[m:])
    if data.kind == "paired":
        return data.split(kept), data.split(held)
    labels = None if data.labels is None else data.labels[kept]
    return replace(data, x=data.x[kept], labels=labels), data.x[held]


def check_enough(recipe: Recipe, data: Dataset) -> None:
    """Raise ValueError, with values that would do, if less than one batch is left to train on."""
    n, m, packing, batch = len(data), recipe.held_out, recipe.packing, recipe.batch_size
    left = n - m
    if left >= batch:
        return
    if n >= batch:
        raise ValueError(
            f"held_out = {m}: {max(left, 0)} of {n} examples are left to train on, fewer than one batch; "
            f"expected at most {n - batch} (batch_size = {batch})"
        )
    least, most = 2 * packing if packing > 1 else 2, left - left % packing  # of one pack, BatchNorm has no variance
    says = f"{data.name}: {n} {'samples are' if n > 1 else 'sample is'} fewer than one batch of {batch}"
    says += f", and held_out = {m} of them" if m else ""
    multiple = f" (a multiple of packing = {packing})" if packing > 1 else ""
    if most >= least:
        raise ValueError(f"{says}: add data, or use batch_size={most}{' or less' if most > least else ''}{multiple}")
    raise ValueError(f"{says}: add data; at least {least + m} are needed, with batch_size={least}{multiple}")
