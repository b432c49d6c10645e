"""The records of a training as columns of numbers; what a record lacks, or what is not finite, is nan."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses

LOSSES = ("d_loss", "g_loss", "d_real", "d_fake")
#: what `signals` adds and the rules look at
SIGNALS = (
    "d_grad",
    "g_grad",
    "d_update",
    "g_update",
    "real_logit",
    "fake_logit",
    "separation",
    "slope",
    "diversity",
    "uncovered",
    "stray",
    "neighbour",
    "g_dead",
    "g_dead_worst",
)
#: these are only there for some data
SOMETIMES = ("copied", "memorised")


@dataclass(frozen=True)
class Log:
    """The columns of a log.

    steps      (T,) rising
    columns    key -> (T,) float, nan where it is missing or not finite
    broken     (step, keys) of the first record with a loss that is not finite, or None
    loss       the name of the recipe's loss, "" if it is not known
    notes      what was wrong with the log itself
    """

    steps: np.ndarray
    columns: Mapping[str, np.ndarray]
    broken: tuple[int, tuple[str, ...]] | None = None
    loss: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def has(self, key: str) -> bool:
        """Whether any record has a number there."""
        return key in self.columns and bool(np.isfinite(self.columns[key]).any())

    def __getitem__(self, key: str) -> np.ndarray:
        """The column (T,), nan throughout if no record has it."""
        return self.columns.get(key, np.full(len(self), math.nan))

    def window(self, start: float = 2 / 3, end: float = 1.0) -> slice:
        """The records from `start` to `end` of the run, counted in records; the last third if nothing is said."""
        return slice(int(len(self) * start), max(math.ceil(len(self) * end), 1))

    def median(self, key: str, start: float = 2 / 3, end: float = 1.0) -> float:
        """The median over a window, nan if nothing is known there."""
        return median(self[key][self.window(start, end)])

    @property
    def facts(self) -> losses.Loss | None:
        """The loss itself, which knows what its numbers mean; None if it is not known."""
        return losses.get(self.loss) if self.loss in losses.LOSSES else None

    @property
    def slopes(self) -> np.ndarray:
        """(Signals.2), (T,).  An old log lacks it; where D(x) is a probability, it follows from the mean D(G(z))."""
        loss = self.facts
        if self.has("slope") or not isinstance(loss, losses.Pointwise) or not loss.gives_probability:
            return self["slope"]
        with np.errstate(divide="ignore", invalid="ignore"):
            logits = np.log(self["d_fake"]) - np.log1p(-self["d_fake"])
        return np.abs(loss.generator_term(logits)[1])

    @property
    def missing(self) -> tuple[str, ...]:
        """The signals that this log does not have."""
        return tuple(key for key in SIGNALS if not self.has(key))


def median(values: np.ndarray) -> float:
    """The median of what is finite, nan if nothing is."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else math.nan


def smooth(values: np.ndarray, half: int = 3) -> np.ndarray:
    """Running medians over `half` values on either side, (T,)."""
    return np.array([median(values[max(i - half, 0) : i + half + 1]) for i in range(len(values))])


def from_records(records: Iterable[Mapping[str, Any]], *, loss: str = "", notes: Iterable[str] = ()) -> Log:
    """Columns of records as `train` makes them.  Of two with one step, as after a resume, the later one counts."""
    by_step = {int(record["step"]): record for record in records}
    steps = sorted(by_step)
    keys = dict.fromkeys(key for record in by_step.values() for key in record if key not in ("step", "seconds"))
    columns = {}
    for key in keys:
        column = np.array([_number(by_step[step].get(key)) for step in steps])
        if not any(isinstance(by_step[step].get(key), (dict, list, str)) for step in steps):
            columns[key] = column
    broken = None
    for step in steps:
        wrong = tuple(key for key in LOSSES if key in by_step[step] and not math.isfinite(_number(by_step[step][key])))
        if wrong:
            broken = step, wrong
            break
    return Log(np.array(steps), columns, broken, loss, tuple(notes))


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return math.nan
    try:
        return float(value) if math.isfinite(value) else math.nan
    except OverflowError:  # an integer of thousands of digits
        return math.nan
