"""Passing values between the grader and a notebook's process as JSON: numbers, text, arrays, and lists of these.

Answers come from the notebook's process, which can send arbitrary text: nothing in them is executed or unpickled.
Inputs go the other way.  An exercise whose input is a function or an object (a few are) sends it by value; see `by_value`.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from . import by_value

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
    """What the grader sends as JSON text; functions and objects by value."""
    return json.dumps(_packed(value, True))


def unpack_input(text: str) -> Any:
    """What the grader sent.  Only for the notebook's process: it may run code of the text."""
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


def _packed(value: Any, made: bool) -> Any:
    if value is None or value is ... or value is NotImplemented:
        return {"open": True}
    if isinstance(value, (bool, str)) and not isinstance(value, np.generic):
        return value if type(value) in (bool, str) else str.__str__(value)
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return {"number": repr(value)}  # JSON has no inf
    if isinstance(value, (tuple, list)):
        return {"list" if isinstance(value, list) else "tuple": [_packed(part, made) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_packed(part, made) for part in pair] for pair in value.items()]}
    if isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "biufc":
        array = np.ascontiguousarray(value)
        return {
            "array": base64.b64encode(array.tobytes()).decode(),
            "dtype": array.dtype.str,
            "shape": list(np.shape(value)),
        }
    return {"made": base64.b64encode(by_value.dumps(value)).decode()} if made else {"other": type(value).__name__}


def _unpacked(value: Any, made: bool) -> Any:
    if isinstance(value, (bool, str)):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"that is not an answer: {type(value).__name__}")
    if "open" in value:
        return None
    if "number" in value:
        return float(value["number"]) if any(c in value["number"] for c in ".einf") else int(value["number"])
    if "tuple" in value:
        return tuple(_unpacked(part, made) for part in value["tuple"])
    if "list" in value:
        return [_unpacked(part, made) for part in value["list"]]
    if "dict" in value:
        return {_unpacked(key, made): _unpacked(part, made) for key, part in value["dict"]}
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufc":
            raise ValueError(f"that is not an answer: an array of {dtype}")
        flat = np.frombuffer(base64.b64decode(value["array"], validate=True), dtype)
        array = flat.reshape([int(n) for n in value["shape"]]).copy()
        return array if array.ndim else array[()]
    if made and "made" in value:
        return by_value.loads(base64.b64decode(value["made"]))
    return Unsendable(str(value["other"]))
