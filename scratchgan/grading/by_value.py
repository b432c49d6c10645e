"""Sending functions and objects from the grader to a notebook's process, which cannot import where they are defined.

The modules `scratchgan.exercises.chNN` contain the solutions, so a notebook's process must not import them.  A few
exercises have inputs made there: a function to differentiate, a game with a fault.  These are pickled by value: code,
captured variables, and of the module's global variables only those that the code names.  Everything else is pickled as
usual.  Both processes run the same Python, and the grader never unpickles anything.
"""

from __future__ import annotations

import builtins
import importlib
import io
import marshal
import pickle
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

HIDDEN = re.compile(r"scratchgan\.exercises\.ch\d\d[a-z]?$")
NOT_COPIED = {"__dict__", "__weakref__", "__module__", "__doc__"}


def dumps(value: Any) -> bytes:
    """`value` as bytes for `loads`."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getvalue()


def loads(content: bytes) -> Any:
    """The value again, in the notebook's process."""
    return pickle.loads(content)


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return importlib.import_module, (value.__name__,)
        if isinstance(value, (staticmethod, classmethod)):
            return type(value), (value.__func__,)
        if isinstance(value, property):
            return property, (value.fget, value.fset, value.fdel)
        if isinstance(value, types.FunctionType) and (_hidden(value) or "<" in value.__qualname__):
            closure = value.__closure__ or ()
            state = {
                "globals": {n: value.__globals__[n] for n in code_names(value.__code__) if n in value.__globals__},
                "closure": [cell.cell_contents for cell in closure],
                "defaults": (value.__defaults__, value.__kwdefaults__),
                "names": (value.__name__, value.__qualname__),
            }
            made = (marshal.dumps(value.__code__), len(closure))
            return _function, made, state, None, None, _fill_function
        if isinstance(value, type) and _hidden(value):
            parts = {name: part for name, part in vars(value).items() if name not in NOT_COPIED}
            return _class, (value.__name__, value.__bases__), parts, None, None, _fill_class
        game = sys.modules.get("scratchgan.game")
        if game is not None and isinstance(
            value, game.Game
        ):  # which refuses to be pickled, since it is no way to keep a game
            return object.__reduce_ex__(value, 4)
        return NotImplemented


def _hidden(value: Any) -> bool:
    return HIDDEN.match(value.__module__ or "") is not None


def code_names(code: types.CodeType) -> Iterator[str]:
    """All names that a function's code looks up, in itself and in the functions within it."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from code_names(part)


def _function(code: bytes, captured: int) -> types.FunctionType:
    namespace = {"__builtins__": builtins, "__name__": "scratchgan.grading.given"}
    closure = tuple(types.CellType() for _ in range(captured))
    return types.FunctionType(marshal.loads(code), namespace, closure=closure or None)


def _fill_function(function: types.FunctionType, state: dict[str, Any]) -> None:
    function.__globals__.update(state["globals"])
    for cell, content in zip(function.__closure__ or (), state["closure"], strict=True):
        cell.cell_contents = content
    function.__defaults__, function.__kwdefaults__ = state["defaults"]
    function.__name__, function.__qualname__ = state["names"]


def _class(name: str, bases: tuple[type, ...]) -> type:
    return type(name, bases, {"__module__": "scratchgan.grading.given"})


def _fill_class(made: type, parts: dict[str, Any]) -> None:
    for name, part in parts.items():
        setattr(made, name, part)
