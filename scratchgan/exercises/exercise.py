"""What an exercise is: what is asked, a right answer to compare with, and the wrong ones that people give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    name        "03.dense_backward": the chapter, and what the student's function is called
    ask         what is asked, one sentence
    solution    a right function
    given       draws its arguments: given(rng) -> {name: value}, in the order of the function's parameters
    returns     what the results are called, in order: ("dx", "dW", "db")
    mistakes    hint -> a wrong function of the same arguments: who gives its answer is told the hint
    tolerance   relative, of the largest entry
    about       what to read again: an equation's label, or a file
    """

    name: str
    ask: str
    solution: Callable[..., Any]
    given: Callable[[np.random.Generator], Arguments]
    returns: tuple[str, ...]
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    tolerance: float = 1e-6
    about: str = ""
