"""The results of an evaluation as a table, a file and a picture, each number on a scale from noise to real data.

A metric by itself is a number without a scale.  So each is computed three times with the same number of examples: on
the run's samples, on other real data and on noise.  The last two give the scale: is the run as good as real data, or no
better than noise?
"""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ...files.atomic import write_text
from ...plots import BLACK, FAKE, REAL, figure, image_grid, save_figure
from ...plots.style import drawing
from ...plots.text import words

BEST = {"low": "low", "high": "high", "real": "as real"}
GREY = "#777777"


@dataclass(frozen=True)
class Measure:
    """One line of the table.

    name        name of the metric
    value       for the run's samples
    real        for other real examples instead: the best value that can be expected with this number of examples
    noise       for noise instead
    best        which values are best: "low", "high", or "real" (as close as possible to `real`)
    means       what the metric measures, in one line
    squared     whether it is the square of a distance: the picture then uses its square root
    """

    name: str
    value: float
    real: float
    noise: float
    best: str
    means: str
    squared: bool = False

    @property
    def closeness(self) -> float:
        """Where the value lies between noise (0) and real (1), clipped to [0, 1].

        nan if this is not defined: a number is missing, or the metric is not worse for noise than for real data.
        """
        value, real, noise = (
            math.sqrt(max(v, 0.0)) if self.squared else v for v in (self.value, self.real, self.noise)
        )
        span = {"low": noise - real, "high": real - noise, "real": abs(noise - real)}[self.best]
        if not all(map(math.isfinite, (value, real, noise))) or span <= 0:
            return math.nan
        if self.best == "real":
            return max(0.0, 1 - abs(value - real) / span)
        return min(max((value - noise) / (real - noise), 0.0), 1.0)


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` returns.  `str()` is the table.

    title       describes the run
    n           number of samples, and of real examples
    seed        for the samples and every random choice
    features    what distances between examples are computed from
    measures    a tuple of Measure
    notes       how things were measured, and what could not be, one line each
    classes     for digits: {"samples" or "real": the number of images of each class, 0 to 9, that the classifier is at
                least 90 % sure of}
    """

    title: str
    n: int
    seed: int
    features: str
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    classes: dict[str, list[int]] | None = None

    def __getitem__(self, name: str) -> Measure:
        """The measure called `name`.  Raises KeyError, with the known names, if there is none."""
        for measure in self.measures:
            if measure.name == name:
                return measure
        raise KeyError(f"no measure {name!r}; known are: {', '.join(m.name for m in self.measures)}")

    def __str__(self) -> str:
        rows = [("", "this run", "real", "noise", "best", "what it measures")]
        rows += [(m.name, show(m.value), show(m.real), show(m.noise), BEST[m.best], m.means) for m in self.measures]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [f"{self.title}: {self.n:,} samples, seed {self.seed}", f"  {self.features}", ""]
        for name, *numbers, best, means in rows:
            cells = "  ".join(f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:4], strict=True))
            lines.append(f"{name:<{widths[0]}}  {cells}  {best:<{widths[4]}}  {means}")
        if self.classes is not None:
            lines += ["", "sure (at least 90 %) of      " + "".join(f"{k:>6}" for k in range(10))]
            lines += [
                f"  {name:<27}" + "".join(f"{n:>6}" for n in self.classes[key])
                for key, name in (("samples", f"of {self.n:,} samples"), ("real", f"of {self.n:,} real images"))
            ]
        lines += ["", *(line for note in self.notes for line in textwrap.wrap(note, 118, subsequent_indent="  "))]
        return "\n".join(lines).rstrip()

    def save(self, folder: str | Path, samples: np.ndarray | None = None, real: np.ndarray | None = None) -> list[Path]:
        """Write evaluation.json and evaluation.png into `folder`; return their paths.

        samples, real    examples (n, ...) to be shown in the picture, or None
        """
        folder = Path(folder)
        text = json.dumps(_plain(asdict(self)), indent=1, ensure_ascii=False)
        text = text.encode(errors="backslashreplace").decode()  # half a surrogate pair, as JSON writes it
        write_text(folder / "evaluation.json", text + "\n")
        draw(folder / "evaluation.png", self, samples, real)
        return [folder / "evaluation.json", folder / "evaluation.png"]


def show(value: float) -> str:
    """A number as text for the table: about three significant digits, if possible without an exponent."""
    if not math.isfinite(value):
        return "-" if math.isnan(value) else f"{value}"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 else f"{value:.3g}"


@drawing
def draw(path: str | Path, evaluation: Evaluation, samples: np.ndarray | None, real: np.ndarray | None) -> None:
    """Write the picture: each measure on a scale from noise to real, and beside the scales examples and classes."""
    measures = [m for m in evaluation.measures if not math.isnan(m.closeness)]
    examples = samples is not None and real is not None
    fig = figure(12.5 if examples else 8, max(3.8, 1.7 + 0.34 * len(measures)))
    axes = fig.add_axes((0.21 if examples else 0.33, 0.15, 0.39 if examples else 0.55, 0.71))
    _scales(axes, measures)
    title, room = (
        f"{evaluation.title}: the further right a blue point, the closer to real data",
        fig.get_figwidth() * 0.96,
    )
    fig.text(0.02, 0.955, words(title, width=room, size=11), fontsize=11)
    below = words(f"{evaluation.n:,} samples; {evaluation.features}", width=room, size=7.5)
    fig.text(0.02, 0.02, below, fontsize=7.5, color=GREY)
    if examples:
        _examples(fig, evaluation, samples, real)
    save_figure(fig, path)


def _scales(axes, measures) -> None:
    """One line per measure: noise on the left, real on the right, and the run's value at its `closeness`."""
    for y, m in enumerate(reversed(measures)):
        axes.plot([0, 1], [y, y], color="#DDDDDD", linewidth=5, solid_capstyle="round", zorder=1)
        axes.plot(m.closeness, y, "o", color=FAKE, markersize=8, zorder=3)
        axes.text(-0.02, y, show(m.noise), ha="right", va="center", fontsize=7, color=GREY)
        axes.text(1.02, y, show(m.real), ha="left", va="center", fontsize=7, color=REAL)
        axes.text(m.closeness, y + 0.28, show(m.value), ha="center", va="bottom", fontsize=7, color=FAKE)
    axes.axvline(1, color=REAL, linewidth=1, zorder=2)
    axes.axvline(0, color=BLACK, linewidth=1, linestyle=":", zorder=2)
    names = [m.name + (" (square root)" if m.squared else "") for m in reversed(measures)]
    axes.set_yticks(range(len(measures)), names, fontsize=8)
    axes.tick_params(axis="y", length=0, pad=34)
    axes.set_xticks([0, 1], ["as noise", "as real data"], fontsize=8)
    axes.set_xlabel("where the run lies between the two", fontsize=8)
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.6, len(measures) - 0.2))
    for spine in axes.spines.values():
        spine.set_visible(False)


def _examples(fig, evaluation, samples, real) -> None:
    """Samples next to real images, or both as points; and for digits how often each class occurs."""
    left, width = 0.68, 0.3
    if samples.ndim == 4:
        for i, (name, images) in enumerate((("samples", samples), ("real", real))):
            axes = fig.add_axes((left + i * 0.155, 0.47 if evaluation.classes else 0.3, 0.145, 0.4))
            grid = image_grid(images[:48], columns=6)
            axes.imshow(grid if grid.shape[-1] == 3 else grid[..., 0], cmap="gray", interpolation="nearest")
            axes.set_title(name, fontsize=9, color=FAKE if i == 0 else REAL)
            axes.set_axis_off()
    else:
        axes = fig.add_axes((left + 0.03, 0.15, width - 0.03, 0.68))
        bins = np.histogram_bin_edges(np.concatenate([samples, real])[:, 0], 80)
        for points, colour, name in ((real, REAL, "real"), (samples, FAKE, "samples")):
            if points.shape[1] == 1:
                axes.hist(points[:, 0], bins, color=colour, alpha=0.5, label=name)
            else:
                axes.scatter(*points[:, :2].T, s=3, color=colour, alpha=0.4, linewidths=0, label=name)
        axes.set(
            xlabel="$x_1$",
            ylabel="count" if samples.shape[1] == 1 else "$x_2$",
            aspect="auto" if samples.shape[1] == 1 else "equal",
        )
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=8, markerscale=3)
    if evaluation.classes is not None:
        axes = fig.add_axes((left + 0.03, 0.15, width - 0.04, 0.23))
        for offset, (key, colour) in zip((-0.2, 0.2), (("samples", FAKE), ("real", REAL)), strict=True):
            axes.bar(
                np.arange(10) + offset, np.array(evaluation.classes[key]) / evaluation.n, 0.4, color=colour, label=key
            )
        axes.set_xticks(range(10))
        axes.tick_params(labelsize=7)
        axes.set_xlabel("digit, where the classifier is at least 90 % sure", fontsize=8)
        axes.set_ylabel("share", fontsize=8)
        axes.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, 1.28), frameon=False)


def _plain(value):
    """A value for JSON: nan and infinity become None (null), NumPy numbers become Python numbers."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
