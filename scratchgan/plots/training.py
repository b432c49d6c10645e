"""The training curves: both losses, and what D thinks of real and generated examples."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import one_of
from .base import BLACK, FAKE, GREEN, PURPLE, REAL, figure, save_figure
from .density import PROBABILITY

#: (mean sigmoid of D's logit, D's loss) where p = q; None: any constant logit is at rest.  See scratchgan/losses.py
REST = {
    "least-squares": (1 / (1 + math.exp(-0.5)), 0.25),
    "hinge": (None, 2.0),
    "wasserstein": (None, 0.0),
    "relativistic-average": (None, 2 * math.log(2)),
}


def save_curves(
    path: str | Path, log: Sequence[Mapping[str, Any]], *, label_smoothing: float = 0.0, loss: str = "non-saturating"
) -> None:
    """Write the training curves as a PNG; see `curves`.  Raises OSError if the file cannot be written."""
    save_figure(curves(log, label_smoothing=label_smoothing, loss=loss), path)


def curves(log: Sequence[Mapping[str, Any]], *, label_smoothing: float = 0.0, loss: str = "non-saturating"):
    """Draw the training curves: both losses, and D's mean probability for real and generated examples.

    log holds the records of log.jsonl (step, d_loss, g_loss, d_real, d_fake); null counts as missing.  Lines are
    running means over a tenth of the log, on top of the values themselves.  Marked is where the game would rest, p = q:
    see `equilibrium`, or REST for other losses than minimax and non-saturating; penalties come on top of that.
    `loss` is the loss's name.  Returns a Figure.

    Raises ValueError if the log is empty or lacks one of the keys, or for an unknown loss.
    """
    one_of("curves", "loss", loss, (*PROBABILITY, *REST))
    keys = ("step", "d_loss", "g_loss", "d_real", "d_fake")
    if not log:
        raise ValueError("curves need at least one record of the log, got none")
    if missing := [key for key in keys if key not in log[0]]:
        raise ValueError(f"curves need records with {', '.join(keys)}; {', '.join(missing)} missing")
    step, d_loss, g_loss, d_real, d_fake = (
        np.array([math.nan if record[key] is None else record[key] for record in log], dtype=float) for key in keys
    )
    known = loss in PROBABILITY
    rest, rest_loss = equilibrium(label_smoothing) if known else REST[loss]
    exact = "2 log 2 = " if math.isclose(rest_loss, 2 * math.log(2)) else ""
    fig = figure(11, 4.2)
    left, right = fig.subplots(1, 2)
    lines = (
        (left, "D's loss", d_loss, GREEN),
        (left, "G's loss", g_loss, PURPLE),
        (right, "D(x), real", d_real, REAL),
        (right, "D(G(z)), generated", d_fake, FAKE),
    )
    for axes, name, values, colour in lines:
        axes.plot(step, values, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(step, running_mean(values, max(1, len(values) // 20)), color=colour, linewidth=1.8, label=name)
    left.axhline(
        rest_loss, color=BLACK, linestyle="--", linewidth=1, label=f"D's loss if p = q: {exact}{rest_loss:.3f}"
    )
    if rest is not None:
        right.axhline(
            rest,
            color=BLACK,
            linestyle="--",
            linewidth=1,
            label=f"p = q: {'D' if known else 'sigmoid(D)'} = {'1/2' if rest == 0.5 else f'{rest:.3g}'}",
        )
    left.set(
        title="Losses: a balance, not a score - neither tells how good samples are",
        ylabel="loss" + " (nats)" * (known or loss == "relativistic-average"),
    )
    right.set(
        title="D is right if the lines are apart, and fooled where they meet",
        ylabel="mean probability of real" if known else "mean sigmoid of D's logit",
        ylim=(0, 1),
    )
    for axes in (left, right):
        axes.set_xlabel("training step")
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="best")
    fig.tight_layout()
    return fig


def equilibrium(label_smoothing: float = 0.0) -> tuple[float, float]:
    """Return (D, D's loss) where the game would rest, p = q: (1/2, 2 log 2) without label smoothing.

    With the target t = 1 - s for real examples, D minimises -t log D - (1 - t) log(1 - D) - log(1 - D): D = t / 2.
    """
    target = 1 - label_smoothing
    D = target / 2
    return D, -target * math.log(D) - (2 - target) * math.log(1 - D)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Return the mean of up to `window` values on either side of each value, (n,); nan is left out."""
    known = np.isfinite(values)
    kernel = np.ones(2 * window + 1)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window]
    return np.where(known, total / np.maximum(count, 1), np.nan)
