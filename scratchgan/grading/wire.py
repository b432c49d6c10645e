"""Passing answers between two processes as JSON: numbers, text, arrays, and tuples of these.

The receiver never executes or unpickles anything, because a student's process can send arbitrary text.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

MOST = 8_000_000  # limit for the characters of one answer


class Unsendable:
    """Stands for an answer of another type, called `kind`; it is equal only to itself."""

    def __init__(self, kind: str):
        self.kind = kind


def pack(value: Any) -> str:
    """An answer as JSON text."""
    return json.dumps(_packed(value))


def unpack(text: str) -> Any:
    """The answer from its JSON text.  Raises ValueError if the text is too long or not an answer."""
    if len(text) > MOST:
        raise ValueError(f"the answer is {len(text):,} characters long, expected at most {MOST:,}")
    try:
        return _unpacked(json.loads(text))
    except (RecursionError, KeyError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"that is not an answer: {type(error).__name__}") from None


def reply(name: str, function: Any, seed: int) -> str:
    """JSON text: the answer of `function` to the exercise `name` on its input arguments(seed), or the error it raised.

    If `function` is None, the text says that it is missing.
    """
    from ..exercises.checking import find

    if function is None:
        return json.dumps({"missing": True})
    try:
        value = function(**find(name).arguments(seed))
    except (Exception, SystemExit) as error:  # sent as part of the reply
        return json.dumps({"raised": type(error).__name__, "says": str(error)[:1000]})
    return json.dumps({"value": _packed(value)})


def _packed(value: Any) -> Any:
    if value is None or value is ... or value is NotImplemented:
        return {"open": True}
    if isinstance(value, (bool, str)) and not isinstance(value, np.generic):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return {"number": repr(value)}  # JSON has no inf
    if isinstance(value, (tuple, list)):
        return {"tuple": [_packed(part) for part in value]}
    if isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "biufc":
        array = np.ascontiguousarray(value)
        return {
            "array": base64.b64encode(array.tobytes()).decode(),
            "dtype": array.dtype.str,
            "shape": list(np.shape(value)),
        }
    return {"other": type(value).__name__}


def _unpacked(value: Any) -> Any:
    if isinstance(value, (bool, str)):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"that is not an answer: {type(value).__name__}")
    if "open" in value:
        return None
    if "number" in value:
        return float(value["number"]) if any(c in value["number"] for c in ".einf") else int(value["number"])
    if "tuple" in value:
        return tuple(_unpacked(part) for part in value["tuple"])
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufc":
            raise ValueError(f"that is not an answer: an array of {dtype}")
        flat = np.frombuffer(base64.b64decode(value["array"], validate=True), dtype)
        array = flat.reshape([int(n) for n in value["shape"]]).copy()
        return array if array.ndim else array[()]
    return Unsendable(str(value["other"]))
