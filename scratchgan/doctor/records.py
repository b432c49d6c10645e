"""Training records as columns of numbers, with nan for values that are missing or not finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses

LOSSES = ("d_loss", "g_loss", "d_real", "d_fake")
#: the signals of `signals` that the rules need
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
#: these exist only for some data
SOMETIMES = ("copied", "memorised")


@dataclass(frozen=True)
class Log:
    """The columns of a log.

    steps      (T,) increasing
    columns    key -> (T,) float, nan where a value is missing or not finite
    broken     (step, keys) of the first record with a loss or output of D that is not finite, or None
    loss       the name of the recipe's loss, "" if it is not known
    notes      problems with the log itself
    """

    steps: np.ndarray
    columns: Mapping[str, np.ndarray]
    broken: tuple[int, tuple[str, ...]] | None = None
    loss: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    def has(self, key: str) -> bool:
        """Whether any record has a finite number for this key."""
        return key in self.columns and bool(np.isfinite(self.columns[key]).any())

    def __getitem__(self, key: str) -> np.ndarray:
        """The column (T,), nan throughout if no record has it."""
        return self.columns.get(key, np.full(len(self), math.nan))

    def window(self, start: float = 2 / 3, end: float = 1.0) -> slice:
        """The slice of records from the fraction `start` to the fraction `end` of the log; default: the last third."""
        return slice(int(len(self) * start), max(math.ceil(len(self) * end), 1))

    def median(self, key: str, start: float = 2 / 3, end: float = 1.0) -> float:
        """The median of a column over such a window, nan if it has no finite number there."""
        return median(self[key][self.window(start, end)])

    @property
    def facts(self) -> losses.Loss | None:
        """The loss as a `losses.Loss`, whose attributes describe its numbers; None if it is not known."""
        return losses.get(self.loss) if self.loss in losses.LOSSES else None

    @property
    def slopes(self) -> np.ndarray:
        """(Signals.2), (T,).  For old logs without it, estimated from the mean D(G(z)) if that is a probability."""
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
    """The median of the finite values, nan if there are none."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else math.nan


def smooth(values: np.ndarray, half: int = 3) -> np.ndarray:
    """Running medians (T,) of `values` (T,), each over the value itself and `half` values on either side."""
    return np.array([median(values[max(i - half, 0) : i + half + 1]) for i in range(len(values))])


def from_records(records: Iterable[Mapping[str, Any]], *, loss: str = "", notes: Iterable[str] = ()) -> Log:
    """A Log from records as `train` writes them.  Of two records with the same step, the later one counts."""
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
