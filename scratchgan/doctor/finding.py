"""What a rule says, and how it counts: swings of a series, and since when it is beyond a threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .records import Log, smooth


@dataclass(frozen=True)
class Signal:
    """A signal that shows a fault: its key, the threshold (a name of THRESHOLDS, or "") and the median it had."""

    key: str
    threshold: str
    value: float
    over: bool = True  # the fault lies above the threshold


@dataclass(frozen=True)
class Finding:
    """A fault, the numbers that show it, since which step, and what to try.

    fault      one of FAULTS
    evidence   sentences with the numbers
    signals    those of the picture, the most telling first
    since      the first step of the stretch, up to the end, in which the first of them is beyond its threshold
    advice     what to try, the most promising first
    """

    fault: str
    evidence: tuple[str, ...]
    signals: tuple[Signal, ...]
    since: int | None
    advice: tuple[str, ...]


def swings(values: np.ndarray, low: float, high: float) -> list[int]:
    """Where a series changes from above `high` to below `low` or back; what lies between changes nothing."""
    turns, side = [], 0
    for i, value in enumerate(values):
        now = int(value > high) - int(value < low)
        if now and now != side:
            if side:
                turns.append(i)
            side = now
    return turns


def largest(values: Iterable[float]) -> float:
    """The largest that is finite, nan if nothing is."""
    array = np.asarray(values)
    finite = array[np.isfinite(array)]
    return float(finite.max()) if len(finite) else math.nan


def since(log: Log, beyond: np.ndarray) -> int | None:
    """The first step from which on most records, in every window of seven, are beyond a threshold."""
    mostly = smooth(beyond.astype(float)) > 0.5
    if not len(mostly) or not mostly[-1]:
        return None
    last_good = np.flatnonzero(~mostly)
    return int(log.steps[last_good[-1] + 1 if len(last_good) else 0])
