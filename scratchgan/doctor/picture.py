"""The picture of a diagnosis: the signals that show the faults, over time, with their thresholds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..plots import BLUE, GREY, VERMILLION, figure, save_figure
from ..plots.style import drawing
from ..plots.text import heading
from .finding import Signal
from .records import Log, smooth
from .report import Diagnosis
from .rules import limit

PANELS = 4
#: the signals, and their thresholds, in the picture of a healthy run
HEALTHY = (("separation", ""), ("diversity", "diversity"), ("uncovered", "uncovered"), ("g_grad", ""))
#: the titles of the panels
NAMES = {
    "separation": "separation: share of pairs that D ranks correctly",
    "diversity": "diversity of fakes / of real samples",
    "uncovered": "uncovered: data without a fake nearby",
    "stray": "stray: fakes without data nearby",
    "neighbour": "neighbour: accuracy of 1-nearest-neighbour",
    "slope": "slope of G's loss at the fakes",
    "g_grad": "|gradient of G|",
    "d_grad": "|gradient of D|",
    "g_dead": "share of dead units in G",
    "d_dead": "share of dead units in D",
    "g_dead_worst": "share of dead units in G's worst layer",
    "d_dead_worst": "share of dead units in D's worst layer",
    "memorised": "memorised: 1 = held-out data look fake to D",
    "copied": "copied: 0 = fakes are training examples",
    "d_loss": "D's loss",
    "g_loss": "G's loss",
    "real_logit": "mean logit of real samples",
    "fake_logit": "mean logit of fakes",
    "g_update": "|update of G| / |weights of G|",
    "d_update": "|update of D| / |weights of D|",
}
#: signals in [0, 1]
SHARES = ("separation", "neighbour", "g_dead", "d_dead", "g_dead_worst", "d_dead_worst")
#: the mean outputs of D: probabilities for some losses
OUTPUTS = {"d_real": "{}(x)", "d_fake": "{}(G(z))"}
#: the signals for panels that are left
FILL = ("d_loss", "separation", "diversity", "g_grad", "d_real", "d_fake")


@drawing
def save_picture(path: str | Path, diagnosis: Diagnosis) -> None:
    """Write the picture of a diagnosis as a PNG.  Raises OSError if the file cannot be written."""
    panels = _panels(diagnosis)
    rows = math.ceil(len(panels) / 2)
    fig = figure(11, 2.4 * rows + 0.9)
    grid = np.ravel(fig.subplots(rows, 2, squeeze=False))
    for axes, (key, marks) in zip(grid, panels.items(), strict=False):
        _panel(axes, diagnosis.log, key, marks)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    fig.suptitle(heading(fig, f"{Path(diagnosis.name).name} - {diagnosis.title}", _line(diagnosis)), fontsize=10)
    fig.tight_layout()
    save_figure(fig, path)


def _panel(axes: Any, log: Log, key: str, marks: list[Signal]) -> None:
    """Plot one signal: values, running medians, thresholds, and the last third of the log, which the rules use."""
    values, probability = log[key], log.facts is None or log.facts.gives_probability
    share = key in SHARES or (key in OUTPUTS and probability)
    zeros, logarithmic = int((values == 0).sum()), not share and _spread(values)
    if logarithmic:
        values = np.where(values > 0, values, np.nan)
        axes.set_yscale("log")
    axes.plot(
        log.steps,
        values,
        color=BLUE,
        alpha=0.4,
        linewidth=0.8,
        label=f"exactly 0 at {zeros} of {len(log)}" if logarithmic and zeros else None,
    )
    long = len(log) >= limit("records")
    axes.plot(log.steps, smooth(values) if long else values, color=BLUE, linewidth=1.8, marker=None if long else "o")
    for mark in marks:
        side, bound = "above" if mark.over else "below", limit(mark.threshold)
        text = {"winning": f"D is ahead above {bound:g}", "losing": f"D is behind below {bound:g}"}.get(
            mark.threshold, f"a fault {side} {bound:g}"
        )
        axes.axhline(bound, color=VERMILLION, linestyle="--" if mark.over else ":", linewidth=1.3, label=text)
    if long:
        axes.axvspan(log.steps[log.window()][0], log.steps[-1], color=GREY, alpha=0.12, linewidth=0)
    if log.broken is not None:
        axes.axvline(log.broken[0], color=VERMILLION, linewidth=1.3, label=f"not finite at step {log.broken[0]:,}")
    if share:
        axes.set_ylim(-0.04, 1.04)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="best")
    name = OUTPUTS[key].format("D" if probability else "C") if key in OUTPUTS else NAMES.get(key, key)
    axes.set_title(name, fontsize=9)
    axes.set_xlabel("training step (grey: the part that the rules use)" if long else "training step", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _panels(diagnosis: Diagnosis) -> dict[str, list[Signal]]:
    """{signal: the thresholds to draw}: those of the first finding, then of the others, then FILL, up to PANELS."""
    log = diagnosis.log
    panels: dict[str, list[Signal]] = {}
    signals = [mark for finding in diagnosis.findings for mark in finding.signals]
    if not signals:
        signals = [Signal(key, threshold, math.nan, key != "diversity") for key, threshold in HEALTHY]
    signals += [Signal(key, "", math.nan) for key in FILL]
    for mark in signals:
        if log.has(mark.key) and (mark.key in panels or len(panels) < PANELS):
            marks = panels.setdefault(mark.key, [])
            if mark.threshold and mark.threshold not in [other.threshold for other in marks]:
                marks.append(mark)
    return panels


def _line(diagnosis: Diagnosis) -> str:
    from textwrap import shorten

    if diagnosis.findings:
        return shorten(diagnosis.findings[0].evidence[0], 150, placeholder=" ...")
    return "no signal is beyond its threshold" if diagnosis.healthy else "a longer log is needed"


def _spread(values: np.ndarray) -> bool:
    """Whether a logarithmic scale is better: no value is negative, and they span more than two orders of magnitude."""
    there = values[np.isfinite(values)]
    positive = there[there > 0]
    return bool(len(positive) and (there >= 0).all() and positive.max() > 100 * positive.min())
