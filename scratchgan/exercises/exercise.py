"""What an exercise consists of: the question, a correct solution to compare with, and common wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    name        such as "03.dense_backward": the chapter, and the name of the student's function
    ask         the question, in one sentence
    solution    a correct function
    given       draws its arguments: given(rng) -> {name: value}, in the order of the function's parameters
    edges       fixed arguments, asked before random ones: edges() -> [{name: value}, ...]; the cases that a random input
                hardly ever contains, such as u = v, or a batch without the last label
    returns     the names of the results, in order: ("dx", "dW", "db")
    mistakes    {hint: a wrong function of the same arguments}; an answer that agrees with that function gets the hint
    tolerance   largest allowed error, relative to the largest entry of the correct result
    about       where to read: labels of equations of the chapter, such as "(Dense.1)", or one of its headings, in quotes
    """

    name: str
    ask: str
    solution: Callable[..., Any]
    given: Callable[[np.random.Generator], Arguments]
    returns: tuple[str, ...]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    tolerance: float = 1e-6
    about: str = ""
    edges: Callable[[], Sequence[Arguments]] = tuple

    def arguments(self, seed: int) -> dict[str, Any]:
        """One input: fixed case number -1 - seed for a negative seed, otherwise a random one, drawn with that seed."""
        return dict(self.edges()[-1 - seed] if seed < 0 else self.given(np.random.default_rng(seed)))
