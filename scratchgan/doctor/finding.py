"""What a rule returns, and what it computes from a series: its swings, and since when it is beyond a threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from .advice import Accepts, Advice
from .records import Log, smooth


@dataclass(frozen=True)
class Signal:
    """A signal that shows a fault: its key, its threshold (a name in THRESHOLDS, or "") and its median (or extreme)."""

    key: str
    threshold: str
    value: float
    over: bool = True  # whether values above the threshold are the fault, or values below it


@dataclass(frozen=True)
class Finding:
    """A fault, the numbers that show it, since which step, and what to try.

    fault      one of FAULTS
    evidence   sentences with the numbers
    signals    the signals to plot, the most important first
    since      the step from which the first of these signals has stayed beyond its threshold; None if it has not
    advice     what to try, the most promising first
    """

    fault: str
    evidence: tuple[str, ...]
    signals: tuple[Signal, ...]
    since: int | None
    advice: tuple[Advice, ...]

    def within(self, accepts: Accepts | None) -> Finding:
        """The same finding with only the advice that `accepts` accepts."""
        left = [kept for tip in self.advice if (kept := tip.within(accepts)) is not None]
        return replace(self, advice=tuple(left))


def swings(values: np.ndarray, low: float, high: float) -> list[int]:
    """Indices at which a series changes from above `high` to below `low` or back; values in between are ignored."""
    turns, side = [], 0
    for i, value in enumerate(values):
        now = int(value > high) - int(value < low)
        if now and now != side:
            if side:
                turns.append(i)
            side = now
    return turns


def largest(values: Iterable[float]) -> float:
    """The largest finite value, nan if there is none."""
    array = np.asarray(values)
    finite = array[np.isfinite(array)]
    return float(finite.max()) if len(finite) else math.nan


def since(log: Log, beyond: np.ndarray) -> int | None:
    """The step from which on, in every window of seven records, most are `beyond` a threshold; None if not at the end.

    beyond     (T,) booleans, one per record
    """
    mostly = smooth(beyond.astype(float)) > 0.5
    if not len(mostly) or not mostly[-1]:
        return None
    last_good = np.flatnonzero(~mostly)
    return int(log.steps[last_good[-1] + 1 if len(last_good) else 0])
