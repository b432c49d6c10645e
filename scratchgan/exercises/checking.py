"""How an answer is checked: run it on fresh random input, compare it with the solution, recognise known mistakes."""

from __future__ import annotations

import contextlib
import copy
import difflib
import importlib
import inspect
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
    found: Any = None

    def ask(given: dict[str, Any], seed: int) -> Any:
        nonlocal found
        found = answer(**copy.deepcopy(given))
        return found

    verdict = judge(name, ask, np.random.default_rng(seed))
    if verdict.status == OPEN and found is None and not _untouched(answer):
        return Verdict(name, WRONG, "Your function returns nothing: is there a `return`, with the result behind it?")
    return verdict


def _untouched(answer: Callable[..., Any]) -> bool:
    """Whether a function that returned nothing is still the skeleton of the notebook, or raises NotImplementedError."""
    code = getattr(answer, "__code__", None)
    if code is None or code.co_code == _skeleton.__code__.co_code or "NotImplementedError" in code.co_names:
        return True
    try:
        return re.search(r"^\s*\.\.\.\s*# your code\s*$", inspect.getsource(answer), re.MULTILINE) is not None
    except (OSError, TypeError):  # its source is not there
        return False


def _skeleton() -> None: ...


def judge(name: str, ask: Callable[[dict[str, Any], int], Any], rng: np.random.Generator) -> Verdict:
    """The Verdict on the answers of ask(given, seed), where `given` is exercise.arguments(seed).

    The fixed cases of the exercise are asked first, then TRIALS random ones.  The seed is passed as well because
    `scratchgan.grading` runs the function in another process, which makes the same input from it.
    """
    exercise = find(name)
    fixed = [-1 - i for i in range(len(exercise.edges()))]
    for seed in fixed + [int(n) for n in rng.integers(2**63, size=TRIALS)]:
        given = exercise.arguments(seed)
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
        if (hint := _compare(exercise, found, given)) is not None:
            with contextlib.suppress(Exception):  # the function may raise for another input
                hint = (_of_random_input(exercise, ask, rng) if seed < 0 else None) or hint
                hint = _recognised(exercise, ask, seed, rng) or hint
            return Verdict(name, WRONG, hint + (f"  See {exercise.about}." if exercise.about else ""))
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
        m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]) if re.fullmatch(r"ch\d\d[a-z]?", m.name)
    ):
        for exercise in importlib.import_module(f"scratchgan.exercises.{module}").EXERCISES:
            found[exercise.name] = exercise
    return found


# -- comparing --------------------------------------------------------------------------------------------------------


def _compare(exercise: Exercise, found: Any, given: dict[str, Any]) -> str | None:
    """None if `found` is right, otherwise a hint."""
    results = _as_tuple(found, exercise)
    right = _as_tuple(exercise.solution(**copy.deepcopy(given)), exercise)
    if len(results) != len(right):
        return f"It should return {len(right)} values, {', '.join(exercise.returns)}; it returns {len(results)}."
    if _all_equal(results, right, exercise.tolerance):
        return None
    for name, a, b in zip(exercise.returns, results, right, strict=True):
        if (difference := _difference(name, a, b, exercise.tolerance, given)) is not None:
            return difference
    return "Something differs."


def _as_tuple(value: Any, exercise: Exercise) -> tuple:
    return tuple(value) if len(exercise.returns) > 1 and isinstance(value, (tuple, list)) else (value,)


def _all_equal(results: tuple, right: tuple, tolerance: float) -> bool:
    return len(results) == len(right) and all(_equal(a, b, tolerance) for a, b in zip(results, right, strict=True))


def _equal(a: Any, b: Any, tolerance: float) -> bool:
    """Whether `a` is `b` by value: its dtype does not matter, but float32 has only seven digits."""
    try:
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape:
            return False
        if b.dtype.kind not in "fc":
            return bool((a == b).all())
        if a.dtype == np.float32:
            tolerance = max(tolerance, 50 * float(np.finfo(np.float32).eps))
        finite = np.isfinite(b)  # the result of a known mistake may be NaN
        if not (np.isfinite(a) == finite).all():
            return False
        scale = max(float(np.abs(b[finite]).max(initial=0.0)), 1e-12)
        return bool((np.abs(a[finite] - b[finite]) <= tolerance * scale).all())
    except (TypeError, ValueError):
        return False


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
        a, b = np.asarray(a), np.asarray(b, float)
        if a.dtype.kind not in "biufc":
            a = np.asarray(a, float)
    except (TypeError, ValueError):
        return f"{name} should be {'a number' if np.ndim(b) == 0 else 'an array'}; it is {type(a).__name__}."
    if a.dtype.kind == "c":
        return f"{name} is complex; it should be real."
    if a.shape != b.shape:
        return f"{name} has the shape {a.shape}, expected {b.shape}{_why_shape(a, b, given)}."
    if a.dtype.kind in "iu" and np.isfinite(b).all() and _equal(a, np.trunc(b), tolerance):
        return f"{name} has the dtype {a.dtype}, which cuts off what stands behind the decimal point: use floats."
    a = np.asarray(a, float)
    if not np.isfinite(a).all() and np.isfinite(b).all():
        return f"{name} is not finite: does something overflow, or do you take the logarithm of 0, or divide by 0?"
    if _equal(-a, b, tolerance):
        return f"{name} has the wrong sign."
    return (_factor(name, a, b, tolerance, given) if a.size > 2 else None) or _where(name, a, b, tolerance)


def _why_shape(a: np.ndarray, b: np.ndarray, given: dict[str, Any]) -> str:
    """What a wrong shape looks like, as the end of a sentence."""
    if a.size == b.size and [n for n in a.shape if n != 1] == [n for n in b.shape if n != 1]:
        return ": an axis of length 1 is " + (
            "missing" if a.ndim < b.ndim else "too many" if a.ndim > b.ndim else "elsewhere"
        )
    if a.ndim == 2 and a.shape == b.shape[::-1]:
        return ": is something transposed?"
    batch = {len(v) for v in given.values() if np.ndim(v) > 0}
    if a.ndim == b.ndim + 1 and a.shape[0] in batch and a.shape[1:] == b.shape:
        return ": a sum over the batch is missing"
    if b.ndim == a.ndim + 1 and b.shape[0] in batch and a.shape == b.shape[1:]:
        return ": do not sum it over the batch"
    return ""


#: factors that tell what went wrong
SIMPLE = {
    "2": 2.0,
    "1/2": 0.5,
    "4": 4.0,
    "1/4": 0.25,
    "pi": np.pi,
    "1/pi": 1 / np.pi,
    "log 2": np.log(2),
    "1/log 2": 1 / np.log(2),
}


def _scale(a: np.ndarray, b: np.ndarray, tolerance: float) -> float | None:
    """The number s with a = s b, or None if there is none."""
    scale = float((a * b).sum() / max(float((b * b).sum()), 1e-300))
    return scale if scale != 0 and _equal(a / scale, b, max(tolerance, 1e-9)) else None


def _named(scale: float, given: dict[str, Any]) -> str | None:
    """A factor in words, if it is simple: a small number, or the length of an argument, or one over it."""
    sign = "minus " if scale < 0 else ""
    for text, value in SIMPLE.items():
        if np.isclose(abs(scale), value, rtol=1e-6):
            return f"{sign}{text} times"
    for what, v in given.items():
        n = len(v) if np.ndim(v) > 0 else 0
        if n > 2 and np.isclose(abs(scale), n, rtol=1e-6):
            return f"{sign}{n} times (the length of {what})"
        if n > 2 and np.isclose(abs(scale), 1 / n, rtol=1e-6):
            return f"{sign}1/{n} of (the length of {what} is {n})"
    return None


def _factor(name: str, a: np.ndarray, b: np.ndarray, tolerance: float, given: dict[str, Any]) -> str | None:
    """A hint if the array a is a multiple of b."""
    if (scale := _scale(a, b, tolerance)) is None:
        return None
    simple = _named(scale, given) or f"{scale:.4g} times"
    return f"Every entry of {name} is {simple} what it should be: where does that factor come from?"


def _of_random_input(
    exercise: Exercise, ask: Callable[[dict[str, Any], int], Any], rng: np.random.Generator
) -> str | None:
    """The hint for a random input, where shapes and factors say more than in a fixed case; None if it is right there."""
    seed = int(rng.integers(2**63))
    given = exercise.arguments(seed)
    found = ask(given, seed)
    return None if found is None else _compare(exercise, found, given)


def _recognised(
    exercise: Exercise, ask: Callable[[dict[str, Any], int], Any], seed: int, rng: np.random.Generator
) -> str | None:
    """A hint if a wrong answer is a known mistake, or a simple multiple of the right number.

    It has to agree for two more random inputs: a fixed case may not tell two mistakes apart, and a single wrong number
    is always a multiple of the right one.
    """
    seeds = [seed, *rng.integers(2**63, size=2).tolist()]
    inputs = [exercise.arguments(s) for s in seeds]
    answers = [_as_tuple(ask(given, s), exercise) for given, s in zip(inputs, seeds, strict=True)]
    for hint, wrong in exercise.mistakes.items():
        try:
            with np.errstate(all="ignore"):
                mistaken = [_as_tuple(wrong(**copy.deepcopy(given)), exercise) for given in inputs]
        except Exception:  # the wrong function may not work with these shapes
            continue
        if all(_all_equal(a, b, exercise.tolerance) for a, b in zip(answers, mistaken, strict=True)):
            return hint
    if len(exercise.returns) != 1:
        return None
    factors = set()
    for (found,), given in list(zip(answers, inputs, strict=True))[1:]:
        a, b = np.asarray(found, float), np.asarray(exercise.solution(**copy.deepcopy(given)), float)
        scale = _scale(a, b, exercise.tolerance) if a.shape == b.shape == () else None
        factors.add(_named(scale, given) if scale is not None and abs(scale - 1) > 1e-6 else None)
    (factor, *others) = factors
    if factor is None or others:
        return None
    return f"{exercise.returns[0]} is {factor} what it should be: where does that factor come from?"


def _where(name: str, a: np.ndarray, b: np.ndarray, tolerance: float) -> str:
    """A hint that says which share of the entries is right, and shows the first wrong one."""
    if a.ndim == 0:
        return f"{name} is wrong: for one input of the check, your function returned {float(a):.6g}."
    wrong = np.abs(a - b) > tolerance * max(float(np.abs(b).max(initial=0.0)), 1e-12)
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    at = f"the first wrong one is at [{', '.join(map(str, first))}]; your function returned {float(a[first]):.6g} there"
    share = 1 - float(wrong.mean())
    if share > 0:
        return f"{share:.0%} of the entries of {name} are right; {at}."
    return f"{name} has the right shape, but no entry is right: {at}."


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
