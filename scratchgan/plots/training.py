"""The training curves: both losses, and D's mean output for real and generated examples."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import losses
from .base import BLACK, FAKE, GREEN, PURPLE, REAL, figure, save_figure
from .density import number
from .style import drawing


def save_curves(
    path: str | Path,
    log: Sequence[Mapping[str, Any]],
    *,
    label_smoothing: float = 0.0,
    loss: str | losses.Loss = "non-saturating",
) -> None:
    """Write the training curves as a PNG; see `curves`.  Raises OSError if the file cannot be written."""
    save_figure(curves(log, label_smoothing=label_smoothing, loss=loss), path)


@drawing
def curves(
    log: Sequence[Mapping[str, Any]],
    *,
    label_smoothing: float = 0.0,
    loss: str | losses.Loss = "non-saturating",
) -> Any:
    """Draw the training curves: both losses, and D's mean output for real and generated examples.

    log holds the records of log.jsonl (step, d_loss, g_loss, d_real, d_fake); null means missing.  Thin lines are the
    values, bold lines their running means over a tenth of the log.  Dashed lines mark the values at p = q, if the loss
    has them (`Loss.rest`); penalties are added to those.
    `loss` is a loss or its name; label_smoothing applies to a name.  Returns a Figure.

    Raises ValueError if the log is empty or a key is missing, or for an unknown loss.
    """
    played = losses.get(loss, label_smoothing=label_smoothing)
    keys = ("step", "d_loss", "g_loss", "d_real", "d_fake")
    if not log:
        raise ValueError("curves need at least one record of the log, got none")
    if missing := [key for key in keys if key not in log[0]]:
        raise ValueError(f"curves need records with {', '.join(keys)}; {', '.join(missing)} missing")
    step, d_loss, g_loss, d_real, d_fake = (
        np.array([math.nan if record[key] is None else record[key] for record in log], dtype=float) for key in keys
    )
    rest, mark = played.rest, played.symbol[0]
    fig = figure(11, 4.2)
    left, right = fig.subplots(1, 2)
    lines = (
        (left, "D's loss", d_loss, GREEN),
        (left, "G's loss", g_loss, PURPLE),
        (right, f"{mark}(x), real", d_real, REAL),
        (right, f"{mark}(G(z)), generated", d_fake, FAKE),
    )
    for axes, name, values, colour in lines:
        axes.plot(step, values, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(step, running_mean(values, max(1, len(values) // 20)), color=colour, linewidth=1.8, label=name)
    if rest.d_loss is not None:
        exact = "2 log 2 = " if math.isclose(rest.d_loss, 2 * math.log(2)) else ""
        label = f"D's loss if p = q: {exact}{rest.d_loss:.3f}"
        left.axhline(rest.d_loss, color=BLACK, linestyle="--", linewidth=1, label=label)
    if rest.output is not None:
        label = f"p = q: {mark} = {number(rest.output)}"
        right.axhline(rest.output, color=BLACK, linestyle="--", linewidth=1, label=label)
    left.set(
        title="The losses show a balance: neither tells how good the samples are",
        ylabel="loss" + (f" ({played.unit})" if played.unit else ""),
    )
    right.set(
        title="D is right where the lines are apart, and fooled where they meet", ylabel=f"mean {played.output_name}"
    )
    if played.gives_probability:
        right.set(ylabel="mean probability of real", ylim=(0, 1))
    for axes in (left, right):
        axes.set_xlabel("training step")
        axes.title.set_fontsize(10)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="best")
    fig.tight_layout()
    return fig


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Running mean (n,): of each value and up to `window` values on either side of it; nan is ignored."""
    known = np.isfinite(values)
    kernel = np.ones(2 * window + 1)
    total = np.convolve(np.where(known, values, 0.0), kernel)[window:-window]
    count = np.convolve(known.astype(float), kernel)[window:-window]
    return np.where(known, total / np.maximum(count, 1), np.nan)
