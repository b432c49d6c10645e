"""How an answer is checked: run it on fresh random input, compare it with the solution, recognise known mistakes."""

from __future__ import annotations

import copy
import difflib
import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .exercise import Exercise

TRIALS = 3
SOLVED, OPEN, WRONG = "solved", "not solved yet", "not right yet"


@dataclass(frozen=True)
class Verdict:
    """The result of `check`: `status` is "solved", "not solved yet" or "not right yet"; `hint` says what to look at."""

    name: str
    status: str
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Whether the exercise is solved."""
        return self.status == SOLVED

    def __str__(self) -> str:
        return f"{self.name}: {self.status}" + (f".  {self.hint}" if self.hint else "")

    def _repr_html_(self) -> str:
        from html import escape

        colour = {SOLVED: "#009E73", OPEN: "#777777", WRONG: "#D55E00"}[self.status]
        return (
            f'<div style="border-left: 4px solid {colour}; padding: 4px 10px"><b>{escape(self.name)}: '
            f"{escape(self.status)}</b><br>{escape(self.hint)}</div>"
        )


def check(name: str, answer: Callable[..., Any], *, seed: int | None = None) -> Verdict:
    """Check a student's function for the exercise `name`; a notebook displays the Verdict.

    seed    of the random input; None draws new input each time, so an answer that fits only one input does not pass

    Raises ValueError for an unknown exercise, TypeError if the answer is not a function.
    """
    if not callable(answer):
        raise TypeError(
            f"check takes your function itself, such as check({name!r}, {find(name).name.split('.')[1]}), without "
            f"brackets after it; got {type(answer).__name__}"
        )
    return judge(name, lambda given, _: answer(**copy.deepcopy(given)), np.random.default_rng(seed))


def judge(name: str, ask: Callable[[dict[str, Any], int], Any], rng: np.random.Generator) -> Verdict:
    """The Verdict on the answers of ask(given, seed), where `given` is exercise.given(default_rng(seed)).

    The seed is passed as well because `scratchgan.grading` runs the function in another process, which draws the same
    input from it.
    """
    exercise = find(name)
    for _ in range(TRIALS):
        seed = int(rng.integers(2**63))
        given = dict(exercise.given(np.random.default_rng(seed)))
        try:
            found = ask(given, seed)
        except NotImplementedError:
            return Verdict(name, OPEN)
        except TypeError as error:
            if "argument" in str(error) and exercise.name.split(".")[1] in str(error):
                return Verdict(name, WRONG, f"It should take the arguments ({', '.join(given)}).")
            return Verdict(name, WRONG, f"It raised TypeError: {_one_line(error)}")
        except (
            Exception,
            SystemExit,
        ) as error:  # whatever a student's code raises becomes a hint; the notebook goes on
            return Verdict(name, WRONG, f"It raised {type(error).__name__}: {_one_line(error)}")
        if found is None or found is ... or found is NotImplemented:
            return Verdict(name, OPEN)
        expected = exercise.solution(**copy.deepcopy(given))
        if (hint := _compare(exercise, found, expected, given)) is not None:
            return Verdict(name, WRONG, hint + (f"  Look at {exercise.about} again." if exercise.about else ""))
    return Verdict(name, SOLVED)


def names() -> dict[str, str]:
    """{name: question} of all exercises, in the order of the chapters."""
    return {exercise.name: exercise.ask for exercise in _all().values()}


def find(name: str) -> Exercise:
    """The exercise with that name.  Raises ValueError, which suggests the nearest name, if it does not exist."""
    known = _all()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, 1)
        raise ValueError(
            f"no exercise {name!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}")
        )
    return known[name]


@cache
def _all() -> dict[str, Exercise]:
    found: dict[str, Exercise] = {}
    for module in sorted(
        m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if re.fullmatch(r"ch\d\d", m.name)
    ):
        for exercise in importlib.import_module(f"scratchgan.exercises.{module}").EXERCISES:
            found[exercise.name] = exercise
    return found


# -- comparing --------------------------------------------------------------------------------------------------------


def _compare(exercise: Exercise, found: Any, expected: Any, given: dict[str, Any]) -> str | None:
    """None if `found` is right, otherwise a hint."""
    results, right = _as_tuple(found, exercise), _as_tuple(expected, exercise)
    if len(results) != len(right):
        return f"It should return {len(right)} values, {', '.join(exercise.returns)}; it returns {len(results)}."
    if all(_equal(a, b, exercise.tolerance) for a, b in zip(results, right, strict=True)):
        return _dtype_hint(exercise, results, right)
    for hint, wrong in exercise.mistakes.items():  # before the shapes are compared: a mistake may change the shape
        try:
            mistaken = _as_tuple(wrong(**copy.deepcopy(given)), exercise)
        except Exception:  # the wrong function may not work with these shapes
            continue
        if len(mistaken) == len(results) and all(
            _equal(a, b, exercise.tolerance) for a, b in zip(results, mistaken, strict=True)
        ):
            return hint
    for name, a, b in zip(exercise.returns, results, right, strict=True):
        if (difference := _difference(name, a, b, exercise.tolerance, given)) is not None:
            return difference
    return "Something differs."


def _as_tuple(value: Any, exercise: Exercise) -> tuple:
    return tuple(value) if len(exercise.returns) > 1 and isinstance(value, (tuple, list)) else (value,)


def _equal(a: Any, b: Any, tolerance: float) -> bool:
    try:
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return False
        if b.dtype.kind not in "fc":
            return bool((a == b).all())
        finite = np.isfinite(b)  # the result of a known mistake may be NaN
        if not (np.isfinite(a) == finite).all():
            return False
        scale = max(float(np.abs(b[finite]).max(initial=0.0)), 1e-12)
        return bool((np.abs(a[finite] - b[finite]) <= tolerance * scale).all())
    except (TypeError, ValueError):
        return False


def _dtype_hint(exercise: Exercise, results: tuple, right: tuple) -> str | None:
    for name, a, b in zip(exercise.returns, results, right, strict=True):
        if isinstance(b, np.ndarray) and b.dtype.kind == "f" and getattr(a, "dtype", b.dtype) != b.dtype:
            return (
                f"The values of {name} are right, but its dtype is {a.dtype}, and the input is {b.dtype}: "
                "a result has the dtype of its input."
            )
    return None


def _difference(name: str, a: Any, b: Any, tolerance: float, given: dict[str, Any]) -> str | None:
    """What is wrong with one result, or None if it is right."""
    if _equal(a, b, tolerance):
        return None
    if isinstance(b, str):
        given_text = isinstance(a, str)
        return f"The {name} is not {a!r}." if given_text else f"{name} should be a string; it is {type(a).__name__}."
    if isinstance(b, bool):
        return f"{name}: {a} is wrong."
    try:
        a, b = np.asarray(a, float), np.asarray(b, float)
    except (TypeError, ValueError):
        return f"{name} should be {'a number' if np.ndim(b) == 0 else 'an array'}; it is {type(a).__name__}."
    if a.shape != b.shape:
        if a.shape == b.shape[::-1]:
            return f"{name} has the shape {a.shape}, expected {b.shape}: is a product transposed?"
        batch = {len(v) for v in given.values() if np.ndim(v) > 0}
        if a.ndim == b.ndim + 1 and a.shape[0] in batch:
            return f"{name} has the shape {a.shape}, expected {b.shape}: a sum over the batch is missing."
        if b.ndim == a.ndim + 1 and b.shape[0] in batch:
            return f"{name} has the shape {a.shape}, expected {b.shape}: do not sum it over the batch."
        return f"{name} has the shape {a.shape}, expected {b.shape}."
    if not np.isfinite(a).all():
        return f"{name} is not finite: does something overflow, or do you take the logarithm of 0?"
    if _equal(-a, b, tolerance):
        return f"{name} has the wrong sign."
    return _factor(name, a, b, tolerance, given) or _where(name, a, b, tolerance)


def _factor(name: str, a: np.ndarray, b: np.ndarray, tolerance: float, given: dict[str, Any]) -> str | None:
    """A hint if a is a multiple of b."""
    scale = float((a * b).sum() / max(float((b * b).sum()), 1e-300))
    if scale == 0 or not _equal(a / scale, b, max(tolerance, 1e-9)):
        return None
    for what, v in given.items():
        for n in {len(v), np.size(v)} if np.ndim(v) > 0 else ():
            if n > 1 and np.isclose(abs(scale), n):
                return (
                    f"{name} is {'minus ' if scale < 0 else ''}{n} times too large: is a factor 1/N missing "
                    f"(N = {n}, the size of {what})?"
                )
            if n > 1 and np.isclose(abs(scale), 1 / n):
                return (
                    f"{name} is {'minus ' if scale < 0 else ''}1/{n} of what it should be: was it divided by N "
                    "once too often?  Losses take a mean over the batch, layers a sum."
                )
    return f"Every entry of {name} is {scale:.4g} times what it should be: where does that factor come from?"


def _where(name: str, a: np.ndarray, b: np.ndarray, tolerance: float) -> str:
    """A hint that says which share of the entries is right, and where a wrong one is."""
    wrong = np.abs(a - b) > tolerance * max(float(np.abs(b).max(initial=0.0)), 1e-12)
    share = wrong.mean() if wrong.ndim else 1.0
    if share < 1:
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        return f"{1 - share:.0%} of the entries of {name} are right; the first wrong one is at {first}."
    return f"{name} has the right shape, but the wrong values."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
