"""What grading does in the process of a notebook: `check` remembers what it got, and functions are called when asked.

The grader's process has the solutions, makes the inputs, and judges the answers.  Here `check` judges nothing.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from . import guard, wire
from .calls import library_calls

MOST_OFFERED = 12  # different functions that are tried for one exercise
CHECKED: dict[str, list[Any]] = {}
_offered: dict[str, list[Callable[..., Any]]] = {}
_names: dict[str, str] = {}
_others: dict[str, Callable[..., Any]] = {}


def begin(shell: Any, message: str) -> None:
    """Prepare the process; `message` is what the grader says of this notebook: see `kernel.Kernel.prepare`."""
    facts = wire.unpack_input(message)
    guard.report_to(facts["report"])
    guard.limit_memory(facts["memory"])
    _names.update(facts["names"])
    _others.update(_references(facts["others"], facts["chapter"]))
    _replace(facts["chapter"], facts["handed"])
    guard.no_exit(shell)
    guard.limit_printing(shell)
    guard.hide_solutions()


def _references(names: list[str], chapter: str) -> dict[str, Callable[..., Any]]:
    """The package's functions for exercises of other chapters, on which this one builds; their modules do not stay."""
    before = set(sys.modules)
    found: dict[str, Callable[..., Any]] = {}
    for name in names:
        other = name.split(".")[0]
        if other != chapter:
            module = importlib.import_module(f"scratchgan.exercises.ch{other}")
            found |= {exercise.name: exercise.solution for exercise in module.EXERCISES if exercise.name == name}
    for module_name in set(sys.modules) - before:
        if guard.MODULE.match(module_name):
            del sys.modules[module_name]
    return found


def _replace(chapter: str, handed: dict[str, Any]) -> None:
    """Put what follows in the place of the functions of `scratchgan.exercises`."""
    from .. import exercises
    from ..exercises import borrowed, checking

    replaced = {"check": check, "names": names, "find": _find, "judge": _find, "solved": solved}
    for module in (exercises, checking, borrowed):
        vars(module).update({name: function for name, function in replaced.items() if hasattr(module, name)})
    if handed:  # what a chapter itself imports from the module of its exercises
        made = types.ModuleType(f"scratchgan.exercises.ch{chapter}")
        vars(made).update(_secret(handed))
        sys.modules[made.__name__] = made


class Secret(str):
    """A text that a notebook needs, and does not show: the fault of one of the patients."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "(not shown while grading)"

    __str__ = __repr__

    def __format__(self, how: str) -> str:
        return format(repr(self), how)


def _secret(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _secret(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_secret(part) for part in value)
    return Secret(value) if isinstance(value, str) else value


def check(name: str, answer: Callable[..., Any], *, seed: int | None = None) -> Any:
    """Remember the answer; it is judged in another process."""
    if name not in _names:
        raise ValueError(f"no exercise {name!r}")
    if not callable(answer):
        raise TypeError(f"check takes your function itself; got {type(answer).__name__}")
    CHECKED.setdefault(name, []).append(answer)
    return _recorded(name)


def _recorded(name: str) -> Any:
    from ..exercises import Verdict

    class Recorded(Verdict):
        ok = True

        def _repr_html_(self) -> str:
            return f"<div>{self}</div>"

    return Recorded(name, "recorded, and judged by the grader")


def names() -> dict[str, str]:
    """{name: question} of all exercises."""
    return dict(_names)


def solved(name: str, where: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """The package's function for an exercise of another chapter; for one of this chapter the notebook's own, unjudged.

    Takes the place of `exercises.solved`, and has its arguments.
    """
    if name in _others:
        print(f"{name:<24} the package's")
        return _others[name]
    own = (_main() if where is None else where).get(name.split(".")[-1])
    if not callable(own):
        raise NotImplementedError(f"{name}: {guard.REFUSED}")
    print(f"{name:<24} yours")
    return own


def _find(name: str, *rest: Any, **options: Any) -> Any:
    guard.report("solutions", f"asks for the exercise {name}")
    raise LookupError(f"{name}: {guard.REFUSED}")


def _main() -> dict[str, Any]:
    return vars(sys.modules["__main__"])


def offered(name: str, expressions: list[str]) -> str:
    """JSON text: [[where the function is from, the library functions that it calls]] for what may answer an exercise.

    First the function that has the exercise's name; then what the notebook passes to `check`, the last first:
    expressions, evaluated now that all cells have run, and what `check` was called with.  `ask` calls one of them.
    """
    namespace = _main()
    found: list[tuple[str, Any]] = [("name", namespace.get(name.split(".")[1]))]
    for expression in reversed(expressions):
        try:
            found.append(("check", eval(expression, dict(namespace))))
        except BaseException:  # the names in it may have been deleted, and the notebook's code may raise anything
            continue
    found += [("check", function) for function in reversed(CHECKED.get(name, []))]
    different: dict[Any, tuple[str, Any]] = {}
    for place, function in found:
        if callable(function) and len(different) < MOST_OFFERED:
            different.setdefault(_same(function), (place, function))
    _offered[name] = [function for _, function in different.values()]
    facts = [[place, sorted(_calls(function))] for place, function in different.values()]
    tried = len({_same(function) for _, function in found if callable(function)})
    return json.dumps({"offered": facts, "tried": tried, "replaced": namespace.get("check", check) is not check})


def _same(function: Any) -> Any:
    """Equal for two evaluations of the same lambda."""
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    if code is None or cells or function.__defaults__:
        return id(function)
    return code.co_code, code.co_consts, code.co_names


def _calls(function: Any) -> set[str]:
    try:
        return library_calls(function)
    except Exception:  # objects of the notebook may do anything when they are looked at
        return set()


def ask(name: str, number: int, given: str) -> str:
    """JSON text: the answer of function `number` of `offered` to the packed arguments `given`."""
    function = _offered[name][number]

    def called(**arguments: Any) -> Any:
        value = function(**arguments)
        if isinstance(value, Secret):
            guard.report("handed", name)
        return value

    return wire.reply(called, given)
