"""Compute each metric three times: for the samples, for other real examples and for noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...files.console import progress_bar
from .report import Measure


@dataclass(frozen=True)
class Line:
    """How one number is described in the table; see `report.Measure` for the fields."""

    name: str
    best: str
    means: str
    squared: bool = False


@dataclass(frozen=True)
class Entry:
    """One metric: compute(candidate, rng) returns a number for each of its lines, nan where it is not defined."""

    lines: Sequence[Line]
    compute: Callable[[Any, np.random.Generator], Sequence[float]]


@dataclass(frozen=True)
class Candidates:
    """What is compared with the real examples: the run's samples, other real ones, and noise, all of the same type."""

    samples: Any
    real: Any
    noise: Any


@dataclass(frozen=True)
class Prepared:
    """What `images.prepare` and `points.prepare` return to `evaluate`; see `report.Evaluation` for the other fields."""

    entries: Sequence[Entry]
    candidates: Candidates
    n: int
    features: str
    samples: np.ndarray  # these two are for the picture
    real: np.ndarray
    notes: list[str] = field(default_factory=list)
    classes: dict[str, list[int]] | None = None


def entry(name: str, best: str, means: str, compute: Callable, *, squared: bool = False) -> Entry:
    """An Entry with one line; here compute(candidate, rng) returns a single number."""
    return Entry((Line(name, best, means, squared),), lambda candidate, rng: (compute(candidate, rng),))


def table(entries: Sequence[Entry], candidates: Candidates, *, seed: int, progress: bool) -> list[Measure]:
    """Compute all metrics.  Each has its own random generator, seeded alike for all three candidates."""
    measures = []
    bar = progress_bar(entries, desc="evaluating", unit="metric", disable=not progress)
    for i, metric in enumerate(bar):
        bar.set_postfix_str(metric.lines[0].name)
        columns = [
            metric.compute(candidate, np.random.default_rng([seed, i]))
            for candidate in (candidates.samples, candidates.real, candidates.noise)
        ]
        for line, ours, real, noise in zip(metric.lines, *columns, strict=True):
            values = float(ours), float(real), float(noise)
            measures.append(Measure(line.name, *values, line.best, line.means, line.squared))
    return measures
