"""Checks of arguments, with uniform messages: who, which argument, what was expected, what was got."""

from __future__ import annotations

import numbers
from collections.abc import Collection
from typing import Any

import numpy as np


def positive_int(who: str, name: str, value: object, *, least: int = 1) -> int:
    """Return value as an int; ValueError unless it is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{who}: {name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def pair(who: str, name: str, value: object, *, least: int = 1) -> tuple[int, int]:
    """Return (value, value) for an integer, or value itself if it is a pair of integers (height, width)."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{who}: {name} must be an integer or a pair (height, width), got {value!r}")
        height, width = (positive_int(who, name, v, least=least) for v in value)
        return height, width
    return (positive_int(who, name, value, least=least),) * 2


def real(
    who: str, name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> float:
    """Return value as a float; ValueError unless it is a number in [low, high], without an end that is open."""
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool)
    fits = fits and (low < value if open_low else low <= value) and (value < high if open_high else value <= high)
    if not fits:
        span = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{who}: {name} must be a number in {span}, got {value!r}")
    return float(value)


def one_of(who: str, name: str, value: object, known: Collection[str]) -> None:
    """Raise ValueError, which suggests the nearest known name, unless value is one of `known`."""
    import difflib

    if not isinstance(value, str) or value not in known:
        near = difflib.get_close_matches(str(value), list(known), 1)
        hint = f", did you mean {near[0]!r}?" if near else ","
        raise ValueError(f"{who}: unknown {name} {value!r}{hint} known: {', '.join(map(str, known))}")


def require_rng(who: str, rng: object) -> None:
    """TypeError unless rng is a NumPy Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"{who}: rng must be a numpy.random.Generator such as np.random.default_rng(0), got {type(rng).__name__}"
        )
