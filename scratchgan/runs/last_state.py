"""Signals for logs that have none: measured once, from the checkpoint that the run left.

G is asked for samples and D for their logits, in evaluation mode, next to real samples of the recipe's data.  Each
number becomes a column whose last third has that one value: it tells where the run ended, not how it came there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..doctor.records import Log
from ..doctor.signals import SAMPLES, distance_signals, plain, separation
from . import build
from .recipe import Recipe

SEED = 0  # of noise and choice: a diagnosis repeats


def with_last_state(log: Log, folder: Path) -> tuple[Log, list[str]]:
    """Return (log with the columns that could be measured, what to tell about them)."""
    try:
        gan, recipe = build.restore(folder)
        if gan.conditional or gan.kind != "samples":
            raise ValueError("D wants labels or images of two domains, or says more than a logit")
        real = _real(recipe)
    except (OSError, ValueError, AttributeError) as error:
        return log, [f"samples could not be judged: {' '.join(str(error).split())}"]
    if real is None:
        return log, [f'samples could not be judged: the data "{recipe.data}" are not at hand']
    fake = gan.sample(SAMPLES, seed=SEED)
    if real.shape[1:] != fake.shape[1:] or not np.isfinite(fake).all():
        return log, ["samples could not be judged: they do not fit the data, or are not finite"]
    real = real.astype(gan.D.dtype)
    logits = [gan.D.forward(x, train=False)[0] for x in (real, fake.astype(real.dtype))]
    measured = {**distance_signals(real, fake), "separation": separation(*logits)}
    columns = dict(log.columns)
    for key, value in measured.items():
        column = np.full(len(log), np.nan)
        column[log.window()] = np.nan if (number := plain(value)) is None else number
        columns[key] = column
    return replace(log, columns=columns), [
        f"{', '.join(measured)}: not in the log, measured once from the checkpoint after {gan.steps:,} steps"
    ]


def _real(recipe: Recipe) -> np.ndarray | None:
    """SAMPLES real samples of the recipe's data, if they need no download."""
    from ..data import TOY
    from ..data.embedded import EMBEDDED

    if recipe.data not in TOY and recipe.data not in EMBEDDED and not Path(recipe.data).exists():
        return None
    _, data = build.load_data(recipe)
    rng = np.random.default_rng(SEED)
    if data.kind == "density":
        return data.sample(SAMPLES, rng=rng)
    assert data.kind == "examples"  # a pair is a CycleGAN's
    return data.x[rng.permutation(len(data.x))[:SAMPLES]]
