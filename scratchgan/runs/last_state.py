"""The doctor's signals for logs that lack them, measured once from the run's checkpoint.

G makes samples, and D computes the logits of these and of real samples, in evaluation mode.  Each signal becomes a
column whose last third holds this one value: it describes the end of the run, not how the run got there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data import Data
from ..doctor.records import Log
from ..doctor.signals import SAMPLES, distance_signals, plain, separation
from . import build
from .given import Given
from .recipe import Recipe
from .run_data import of_run

SEED = 0  # for noise and the choice of real samples, so that a diagnosis can be repeated


def with_last_state(log: Log, folder: Path, data: Given | str | Path | None = None) -> tuple[Log, list[str]]:
    """Return (log with the columns that could be measured, notes for the diagnosis).

    data     where the run's data are now, or the data themselves.  Raises ValueError if it was trained on others
    """
    own = None if data is None else of_run(folder, build.restore(folder)[1], data=data)
    try:
        gan, recipe = build.restore(folder)
        if gan.conditional or gan.kind != "samples":
            raise ValueError("expected an unconditional GAN, got a conditional one, a CycleGAN or a net for pairs")
        if own is None and not _on_this_machine(recipe):
            raise ValueError(f'the data "{recipe.data}" are not on this machine; --data says where they are now')
        own = of_run(folder, recipe) if own is None else own
        if own.changed:
            raise ValueError(own.changed)
        real = _real(own.split()[0])
    except (OSError, ValueError, AttributeError) as error:
        return log, [f"samples could not be judged: {' '.join(str(error).split())}"]
    fake = gan.sample(SAMPLES, seed=SEED)
    if real.shape[1:] != fake.shape[1:] or not np.isfinite(fake).all():
        return log, ["samples could not be judged: their shape differs from the data's, or they are not finite"]
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


def _on_this_machine(recipe: Recipe) -> bool:
    """Whether the recipe's data can be loaded without a download."""
    from ..data import TOY
    from ..data.embedded import EMBEDDED

    return recipe.data in TOY or recipe.data in EMBEDDED or Path(recipe.data).exists()


def _real(data: Data) -> np.ndarray:
    """SAMPLES real samples."""
    rng = np.random.default_rng(SEED)
    if data.kind == "density":
        return data.sample(SAMPLES, rng=rng)
    assert data.kind == "examples"  # only a CycleGAN has a pair
    return data.x[rng.permutation(len(data.x))[:SAMPLES]]
