"""Answers to the exercises that are not the reference's: right ones in unusual forms, and wrong ones.

A module for each chapter, with two tables:

    RIGHT   exercise -> {what is unusual: function}, at least five of each exercise; all are accepted
    WRONG   exercise -> {what is wrong: function}, besides the `mistakes` that have a hint of their own; none is accepted

tests/course/test_answers.py tries them a few times, `python -m benchmarks.exercises` a hundred times.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answers = dict[str, dict[str, Callable[..., Any]]]


def tables() -> tuple[Answers, Answers]:
    """(RIGHT, WRONG) of all chapters."""
    right: Answers = {}
    wrong: Answers = {}
    for path in sorted(Path(__file__).parent.glob("ch*.py")):
        module = importlib.import_module(f"{__name__}.{path.stem}")
        right |= module.RIGHT
        wrong |= module.WRONG
    return right, wrong
