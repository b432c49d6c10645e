"""Passing values between the grader and a notebook's process as JSON: numbers, text, arrays, and lists of these.

Answers come from the notebook's process, which can send arbitrary text: nothing in them is executed or unpickled.
Inputs go the other way.  For a function or an object (a few exercises have such inputs) goes how it is made; see
`exercises.inputs`.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from ..exercises.inputs import made, recipe_of

MOST = 8_000_000  # limit for the characters of one answer


class Unsendable:
    """Stands for an answer of another type, called `kind`; it is equal only to itself."""

    def __init__(self, kind: str):
        self.kind = kind


def pack(value: Any) -> str:
    """An answer as JSON text."""
    return json.dumps(_packed(value, False))


def unpack(text: str) -> Any:
    """The answer from its JSON text.  Raises ValueError if the text is too long or not an answer."""
    if len(text) > MOST:
        raise ValueError(f"the answer is {len(text):,} characters long, expected at most {MOST:,}")
    try:
        return _unpacked(json.loads(text), False)
    except (RecursionError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"that is not an answer: {type(error).__name__}") from None


def pack_input(value: Any) -> str:
    """What the grader sends as JSON text; for functions and objects, how they are made."""
    return json.dumps(_packed(value, True))


def unpack_input(text: str) -> Any:
    """What the grader sent; functions and objects are made anew."""
    return _unpacked(json.loads(text), True)


def reply(function: Any, given: str) -> str:
    """JSON text: the answer of `function` to the packed arguments `given`, or the error it raised.

    If `function` is None, the text says that it is missing.
    """
    if function is None:
        return json.dumps({"missing": True})
    try:
        value = function(**unpack_input(given))
        return json.dumps({"value": _packed(value, False)})
    except (Exception, SystemExit) as error:  # sent as part of the reply
        return json.dumps({"raised": type(error).__name__, "says": str(error)[:1000]})


def _packed(value: Any, given: bool) -> Any:
    if value is None or value is ... or value is NotImplemented:
        return {"open": True}
    if isinstance(value, (bool, str)) and not isinstance(value, np.generic):
        return value if type(value) in (bool, str) else str.__str__(value)
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return {"number": repr(value)}  # JSON has no inf
    if isinstance(value, (tuple, list)):
        return {"list" if isinstance(value, list) else "tuple": [_packed(part, given) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_packed(part, given) for part in pair] for pair in value.items()]}
    if isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "biufc":
        array = np.ascontiguousarray(value)
        return {
            "array": base64.b64encode(array.tobytes()).decode(),
            "dtype": array.dtype.str,
            "shape": list(np.shape(value)),
        }
    recipe = recipe_of(value) if given else None
    return (
        {"other": type(value).__name__}
        if recipe is None
        else {"made": [recipe[0], *(_packed(a, True) for a in recipe[1])]}
    )


def _unpacked(value: Any, given: bool) -> Any:
    if isinstance(value, (bool, str)):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"that is not an answer: {type(value).__name__}")
    if "open" in value:
        return None
    if "number" in value:
        return float(value["number"]) if any(c in value["number"] for c in ".einf") else int(value["number"])
    if "tuple" in value:
        return tuple(_unpacked(part, given) for part in value["tuple"])
    if "list" in value:
        return [_unpacked(part, given) for part in value["list"]]
    if "dict" in value:
        return {_unpacked(key, given): _unpacked(part, given) for key, part in value["dict"]}
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufc":
            raise ValueError(f"that is not an answer: an array of {dtype}")
        flat = np.frombuffer(base64.b64decode(value["array"], validate=True), dtype)
        array = flat.reshape([int(n) for n in value["shape"]]).copy()
        return array if array.ndim else array[()]
    if given and "made" in value:
        return made(value["made"][0], *(_unpacked(part, True) for part in value["made"][1:]))
    return Unsendable(str(value["other"]))
