"""What an exercise consists of: the question, a correct solution to compare with, and common wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    returns     the names of the results, in order: ("dx", "dW", "db")
    mistakes    {hint: a wrong function of the same arguments}; an answer that agrees with that function gets the hint
    tolerance   largest allowed error, relative to the largest entry of the correct result
    about       what to read again: the label of an equation, or a file
    """

    name: str
    ask: str
    solution: Callable[..., Any]
    given: Callable[[np.random.Generator], Arguments]
    returns: tuple[str, ...]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    tolerance: float = 1e-6
    about: str = ""
