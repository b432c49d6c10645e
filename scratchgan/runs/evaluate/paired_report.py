"""The evaluation of a run on pairs as a table, a file and a picture: the run between its rivals, the truth and noise."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np

from ...files.atomic import write_text
from ...plots import save_pairs
from .report import BEST, Evaluation, Measure, show

MOST_EACH = 32  # images: with more, the file has no numbers of single ones
COLUMNS = 12  # of the picture
AS_GIVEN = ("input", "blocks")  # rivals that look like what was given
NOTICE = {
    "translation": "output: the truth's colours, with edges as sharp? What the line does not show can only be guessed",
    "super-resolution": "output: sharper than the rival, and the same image?",
    "enhancement": "output: nearer to the truth than what was given, and as sharp?",
    "inpainting": "output: no seam, and one answer instead of the grey mean of all?",
}


@dataclass(frozen=True)
class PairedMeasure(Measure):
    """A `Measure` with rivals.

    value, real, noise    for the run, for the truth (or the floor), and for noise
    rivals                {name: value}
    each                  {"this run" or a rival's name: a number per image}; empty for measures of sets
    """

    rivals: dict[str, float] = field(default_factory=dict)
    each: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def lost_to(self) -> tuple[str, ...]:
        """The rivals that are at least as good as the run; none where the run is perfect."""
        worse = {
            "low": lambda v: v,
            "high": lambda v: -v,
            "real": lambda v: 0.0 if v == self.real else abs(v - self.real),
        }[self.best]
        if self.value == self.real:
            return ()
        return tuple(name for name, value in self.rivals.items() if worse(value) <= worse(self.value))


@dataclass(frozen=True)
class PairedEvaluation(Evaluation):
    """What `paired.measure` returns.  `str()` is the table.

    measures    a tuple of PairedMeasure
    task        one of paired.TASKS
    images      {"given", "output", "truth" or a rival's name: images (N, H, W, C)}; "given" may be smaller
    """

    measures: tuple[PairedMeasure, ...]
    task: str = ""
    images: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def rivals(self) -> tuple[str, ...]:
        """The names of the rivals, in the order of the table."""
        return tuple(name for name in self.images if name not in ("given", "output", "truth"))

    def __str__(self) -> str:
        names = self.rivals
        rows = [("", "this run", *names, "truth", "noise", "best", "what it measures")]
        for m in self.measures:
            values = [m.value, *(m.rivals[name] for name in names), m.real, m.noise]
            rows.append((m.name, *map(show, values), BEST[m.best].replace("real", "truth"), m.means))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
        lines = [
            f"{self.title}: {self.n:,} held-out pairs, seed {self.seed}",
            *textwrap.wrap(self.features, 116, initial_indent="  ", subsequent_indent="  "),
            "",
        ]
        for name, *numbers, best, means in rows:
            cells = "  ".join(f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:-1], strict=True))
            lines.append(f"{name:<{widths[0]}}  {cells}  {best:<{widths[-1]}}  {means}")
        lines += ["", *(line for note in self.notes for line in textwrap.wrap(note, 118, subsequent_indent="  "))]
        return "\n".join(lines).rstrip()

    def save(self, folder: str | Path, samples: np.ndarray | None = None, real: np.ndarray | None = None) -> list[Path]:
        """Write evaluation.json and evaluation.png into `folder`; return their paths.

        In the file, an infinite number is the text "inf" or "-inf", and one that is not defined is null.  Numbers of
        single images are in it for at most 32 images.  `samples` and `real` are not used: the pairs are drawn.
        """
        folder = Path(folder)
        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("images", "measures", "classes")}
        measures = [asdict(m) for m in self.measures]
        if self.n > MOST_EACH:
            measures = [{key: value for key, value in m.items() if key != "each"} for m in measures]
        text = json.dumps(_plain({**kept, "measures": measures}), indent=1, ensure_ascii=False)
        write_text(folder / "evaluation.json", text.encode(errors="backslashreplace").decode() + "\n")
        self.draw(folder / "evaluation.png")
        return [folder / "evaluation.json", folder / "evaluation.png"]

    def draw(self, path: str | Path) -> None:
        """Write the picture: given, output, truth and two rivals at most, for the first images."""
        rivals = [name for name in self.rivals if name not in AS_GIVEN][:2]
        drawn = ["given", "output", "truth", *rivals]
        first = next((m for m in self.measures if "dB" in m.name and m.each), None)
        headings = None
        if first is not None:
            headings = [f"{v:.1f} dB" for v in first.each["this run"][:COLUMNS]]
        save_pairs(
            path,
            {name: self.images[name][:COLUMNS] for name in drawn},
            headings=headings,
            title=self.title
            + (f"; over the columns: {first.name.replace(' (dB)', '')} of the output" if first else ""),
            notice=NOTICE[self.task],
        )


def _plain(value):
    """A value for JSON; see `PairedEvaluation.save`."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    return value
