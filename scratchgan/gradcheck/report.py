"""The result of a gradient check: one row per derivative, printed as a table; in a notebook as HTML with a figure."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field

import numpy as np

from .. import plots
from ..plots.style import drawing
from ..plots.text import words


@dataclass
class Row:
    """One derivative: the pass, the array, both values, and the error between them."""

    step: str
    array: str
    shape: tuple[int, ...]
    by_hand: np.ndarray = field(repr=False)
    by_differences: np.ndarray = field(repr=False)
    error: float = np.inf

    @property
    def deviation(self) -> np.ndarray:
        """|by hand - by differences|, entry by entry; inf where either is not finite."""
        with np.errstate(invalid="ignore"):
            deviation = np.abs(self.by_hand - self.by_differences)
        return np.where(np.isfinite(deviation), deviation, np.inf)

    @property
    def where(self) -> tuple[int, ...]:
        """Index of the largest deviation: of an entry, or of a random direction if the array was checked in those."""
        deviation = self.deviation
        return tuple(int(i) for i in np.unravel_index(int(np.argmax(deviation)), deviation.shape))

    @property
    def how(self) -> str:
        """Whether all entries were compared, or random directions."""
        return "all entries" if self.by_hand.shape == self.shape else f"{self.by_hand.size} directions"

    def cells(self) -> tuple[str, ...]:
        """The cells of the row as text."""
        return (self.step, self.array, show(self.shape), f"{self.error:.1e}", show(self.where), self.how)


HEADER = ("pass", "array", "shape", "error", "where", "compared")


@dataclass
class Report:
    """The rows of a check and the tolerance.  `print` it, or let a notebook display it.

    missing   passes of a layer that are not written yet, or that raise an error: they have no rows
    faults    what is wrong besides the numbers, in sentences
    notes     what is right, but not as it should be
    """

    name: str
    rows: list[Row]
    tolerance: float
    missing: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        largest = max(
            (float(np.max(np.abs(r.by_differences), initial=0)) for r in self.rows if r.step == "backward"), default=0.0
        )
        for row in self.rows:
            row.error = relative_error(row.by_hand, row.by_differences, floor=1e-3 * largest)

    @property
    def max_error(self) -> float:
        """The largest error of all rows; inf if nothing was checked."""
        return max((row.error for row in self.rows), default=np.inf)

    @property
    def ok(self) -> bool:
        """True if something was checked, every error is within the tolerance (NaN is not), and nothing is missing."""
        return self.right and not self.missing

    @property
    def right(self) -> bool:
        """The same for the passes that exist."""
        return bool(self.rows) and not self.faults and all(row.error <= self.tolerance for row in self.rows)

    @property
    def worst(self) -> Row:
        """The row to look at first: the largest error in the first wrong pass, because later passes depend on it.

        Raises ValueError if nothing was checked.
        """
        candidates = [row for row in self.rows if not row.error <= self.tolerance] or self.rows
        if not candidates:
            raise ValueError(f"{self.name}: nothing was checked")
        return max((row for row in candidates if row.step == candidates[0].step), key=lambda row: row.error)

    def by_step(self) -> dict[str, float]:
        """The largest error of each pass."""
        steps = dict.fromkeys(row.step for row in self.rows)
        return {step: max(r.error for r in self.rows if r.step == step) for step in steps}

    @property
    def headline(self) -> str:
        """The result in one line."""
        nothing = self.missing and not self.rows and not self.faults
        verdict = "ok" if self.ok else "NOT COMPLETE, right so far" if self.right else "WRONG"
        return f"{self.name}: {'NOT COMPLETE, nothing to check yet' if nothing else verdict}" + (
            f", largest error {self.max_error:.1e} (tolerance {self.tolerance:.0e})" if self.rows else ""
        )

    @property
    def remarks(self) -> list[str]:
        """What the report says besides its rows, in lines."""
        missing = [f"missing: {', '.join(self.missing)}"] if self.missing else []
        return missing + [f"WRONG: {text}" for text in self.faults] + [f"note: {text}" for text in self.notes]

    def __str__(self) -> str:
        layout = "  {:<36}{:<22}{:<14}{:>9}  {:<14}{:<14}{}"
        lines = [self.headline, layout.format(*HEADER, "").rstrip()]
        for row in self.rows:
            mark = "" if row.error <= self.tolerance else "<-- WRONG"
            lines.append(layout.format(*row.cells(), mark).rstrip())
        return "\n".join([*lines, *(f"  {remark}" for remark in self.remarks)])

    def _repr_html_(self) -> str:
        """The table for a notebook; if a row is wrong, also a figure that shows where."""
        cell = lambda tag, text: f"<{tag} style='text-align:left'>{html.escape(text)}</{tag}>"
        rows = ["<tr>" + "".join(cell("th", text) for text in HEADER) + "</tr>"]
        for row in self.rows:
            colour = "" if row.error <= self.tolerance else " style='background:#f7c6a3'"
            rows.append(f"<tr{colour}>" + "".join(cell("td", text) for text in row.cells()) + "</tr>")
        picture = ""
        if any(not row.error <= self.tolerance for row in self.rows):
            buffer = io.BytesIO()
            self.figure().savefig(buffer, format="png", dpi=90)
            picture = f"<img src='data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}'>"
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self.remarks)
        return f"<p><b>{html.escape(self.headline)}</b></p><table>{''.join(rows)}</table>{remarks}{picture}"

    @drawing
    def figure(self):
        """A matplotlib Figure of the worst row, entry by entry: by hand, by differences, and |difference|."""
        row = self.worst
        figure = plots.figure(10, 3.4)
        figure.set_layout_engine("constrained")
        panels = figure.subplots(1, 3)
        values = [_as_image(a) for a in (row.by_hand, row.by_differences, row.deviation)]
        limit = max(float(np.max(np.abs(np.where(np.isfinite(v), v, 0)), initial=0)) for v in values[:2]) or 1.0
        for axes, value, title in zip(
            panels, values, ("by hand", "by differences", "|difference|: the error"), strict=True
        ):
            signed = title.startswith("by")
            picture = axes.imshow(
                value,
                cmap="PuOr" if signed else "cividis",
                aspect="auto",
                interpolation="nearest",
                vmin=-limit if signed else 0,
                vmax=limit if signed else None,
            )
            axes.set(title=title, xlabel="last axis", ylabel="all other axes")
            figure.colorbar(picture, ax=axes)
        title = f"{self.name}: {row.step}, {row.array} {show(row.shape)}: error {row.error:.1e}, largest at "
        figure.suptitle(words(title + show(row.where), width=9.8), fontsize=10)
        return figure


def relative_error(by_hand: np.ndarray, by_differences: np.ndarray, *, floor: float) -> float:
    """(Check.1) with `floor` as its last term; 0 if the two are equal, inf if either is not finite."""
    if not (np.isfinite(by_hand).all() and np.isfinite(by_differences).all()):
        return np.inf
    deviation = float(np.max(np.abs(by_hand - by_differences), initial=0))
    scale = max(float(np.max(np.abs(by_hand), initial=0)), float(np.max(np.abs(by_differences), initial=0)), floor)
    return 0.0 if deviation == 0 else deviation / scale


def show(shape: tuple[int, ...]) -> str:
    """A shape or an index as text."""
    return "x".join(map(str, shape)) or "scalar"


def _as_image(a: np.ndarray) -> np.ndarray:
    return a.reshape(-1, a.shape[-1]) if a.ndim > 1 else a.reshape(1, -1)
