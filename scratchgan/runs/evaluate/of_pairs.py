"""`evaluate` for a run on pairs: which pairs, which task, and `paired.measure` on what the net makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..recipe import Recipe
from ..run_data import RunData, held_out_pairs
from .images import DIGITS
from .paired import measure
from .paired_report import PairedEvaluation

if TYPE_CHECKING:
    from ...data.paired import Paired
    from ...models.paired_game import PairedGAN

TRAINING = 2000  # training pairs, at most, that rivals may choose from


def evaluate_pairs(gan: PairedGAN, recipe: Recipe, own: RunData, *, n: int, seed: int) -> PairedEvaluation:
    """Measure a run on at most n pairs that it was not trained on: those held out, or the test part of its data.

    If there are none, or the data have changed since the run began, the evaluation says so in a note.
    Raises ValueError as `paired.measure`, and for data that the net cannot take.
    """
    data, held = (own.data, None) if own.changed else own.split()
    assert data.kind == "paired"
    if (data.input_shape, data.example_shape) != (gan.input_shape, gan.data_shape):
        raise ValueError(
            f"{own.recipe.data}: the net turns {gan.input_shape} into {gan.data_shape}, but these pairs have "
            f"{data.input_shape} and {data.example_shape}"
        )
    test = held_out_pairs(data, held)
    rng = np.random.default_rng([seed, 1001])
    x, y = some(test, n, rng)
    train_x, train_y = some(data, TRAINING, rng)
    evaluation = measure(
        gan.apply(x),
        x,
        y,
        task=task_of(recipe, gan),
        train_x=train_x,
        train_y=train_y,
        factor=gan.data_shape[0] // gan.input_shape[0],
        digits=recipe.data in DIGITS or recipe.data_b in DIGITS,
        seed=seed,
        title=f"{recipe.name} ({recipe.model} on {recipe.data}, {gan.steps:,} steps)",
    )
    notes = [own.changed] if own.changed else []
    if test is data:
        notes.append("the net was trained on these pairs: the data have no test part, and the recipe holds none out")
    return replace(evaluation, notes=(*notes, *evaluation.notes))


def task_of(recipe: Recipe, gan: PairedGAN) -> str:
    """One of paired.TASKS."""
    if recipe.degrade == "holes":
        return "inpainting"
    if gan.data_shape[0] != gan.input_shape[0]:
        return "super-resolution"
    return "translation" if recipe.degrade == "none" else "enhancement"


def some(data: Paired, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of at most n pairs, chosen at random."""
    index = np.sort(rng.permutation(len(data.y))[:n])
    return data.inputs(rng, index), data.y.x[index]
