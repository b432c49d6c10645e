"""Which library functions a function is, or calls: what a teacher should know when a library has the asked one ready."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from typing import Any

LIBRARIES = {"scratchgan", "scipy", "sklearn", "torch", "torchvision", "tensorflow", "keras", "jax", "autograd", "ot"}
#: belongs to the course, not to the library
OURS = ("scratchgan.exercises", "scratchgan.grading")
DEEPEST = 4  # functions that call functions that ...


def library_calls(function: Any, depth: int = DEEPEST) -> set[str]:
    """Full names of the library functions that `function` calls by name, itself or through other functions.

    Classes, such as layers, are not functions in this sense.
    """
    while isinstance(function, (functools.partial, types.MethodType)):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    function = getattr(function, "py_func", function)  # compiled by Numba
    if name := _of_library(function):
        return {name}
    if not isinstance(function, types.FunctionType):
        call = vars(type(function)).get("__call__")  # an object of the notebook's own class
        return library_calls(call, depth - 1) if isinstance(call, types.FunctionType) and depth else set()
    names = list(code_names(function.__code__))
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    values += [cell.cell_contents for cell in function.__closure__ or () if _filled(cell)]
    found = {f"a function of {name}" for name in names if "." in name and _library(name)}  # an import in the function
    for value in values:
        if isinstance(value, types.ModuleType):
            found |= _named_in(value, names)
        elif depth and callable(value) and not isinstance(value, type):
            found |= library_calls(value, depth - 1)
    return found


def _named_in(module: types.ModuleType, names: list[str]) -> set[str]:
    """Library functions of a module, or of a module in it, that code with these names looks up."""
    modules, found = [module], set()
    for place in modules:  # which grows
        if _library(place.__name__):
            parts = [vars(place).get(name) for name in names]
            found |= {name for part in parts if (name := _of_library(part))}
            modules += [part for part in parts if isinstance(part, types.ModuleType) and part not in modules]
    return found


def _library(module: Any) -> bool:
    name = str(module or "")
    return name.split(".")[0] in LIBRARIES and not name.startswith(OURS)


def _of_library(value: Any) -> str:
    """The full name of a library's function; "" for anything else."""
    if isinstance(value, type) or not callable(value) or not _library(getattr(value, "__module__", "")):
        return ""
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__name__)}"


def _filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def code_names(code: types.CodeType) -> Iterator[str]:
    """All names that a function's code looks up, in itself and in the functions within it."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from code_names(part)
