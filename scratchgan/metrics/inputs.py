"""Checks of the inputs of all metrics: the shapes, finite values, and the number of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LARGEST = 1e50  # its sixth power, needed by the kernel distance, is still finite


def rows(who: str, name: str, values: ArrayLike, *, least: int = 1) -> np.ndarray:
    """Return values (N, F), or images (N, H, W, C) flattened to (N, F), as float64.

    ValueError unless there are at least `least` rows, not empty, of finite real numbers below 1e50 in absolute value.
    """
    array = numbers(who, name, values)
    if array.ndim < 2 or array[:1].size == 0 or len(array) < least:
        raise ValueError(
            f"{who} expects {name} as rows (N, F) or images (N, H, W, C) with N at least {least}, "
            f"got shape {array.shape}"
        )
    return finite(who, name, array.reshape(len(array), -1))


def two_samples(
    who: str, real: ArrayLike, fake: ArrayLike, *, least: int = 1, names: tuple[str, str] = ("real", "fake")
) -> tuple[np.ndarray, np.ndarray]:
    """Apply `rows` to both samples; ValueError also if their rows have different shapes."""
    shapes = np.shape(real)[1:], np.shape(fake)[1:]
    a, b = rows(who, names[0], real, least=least), rows(who, names[1], fake, least=least)
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{who} expects {names[0]} and {names[1]} with rows of the same shape, got {shapes[0]} and {shapes[1]}"
        )
    return a, b


def column(who: str, name: str, values: ArrayLike, *, least: int = 1) -> np.ndarray:
    """Return values (N,) or (N, 1) as (N,) float64; ValueError unless they are finite and N is at least `least`."""
    array = numbers(who, name, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) < least:
        raise ValueError(f"{who} expects {name} as numbers (N,) with N at least {least}, got shape {array.shape}")
    return finite(who, name, array)


def images(who: str, name: str, values: ArrayLike) -> np.ndarray:
    """Return images (N, H, W, C) as float64; ValueError for other shapes and for pixels outside [-1, 1]."""
    array = numbers(who, name, values)
    if array.ndim != 4 or array.size == 0:
        raise ValueError(f"{who} expects {name} as images (N, H, W, C), got shape {array.shape}")
    array = finite(who, name, array)
    if np.abs(array).max() > 1 + 1e-3:  # tolerates the rounding of a float32 tanh and of resizing
        raise ValueError(f"{who} expects {name} with pixels in [-1, 1], got {array.min():g} to {array.max():g}")
    return array


def numbers(who: str, name: str, values: ArrayLike) -> np.ndarray:
    """Return values as an array of real numbers; ValueError for any other type."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{who} expects {name} as an array of real numbers, got {array.dtype}")
    return array


def finite(who: str, name: str, array: np.ndarray) -> np.ndarray:
    """Return the array as float64; ValueError with the number of rows that hold nan, inf or a number beyond 1e50."""
    array = np.asarray(array, dtype=np.float64)
    good = np.abs(array) < LARGEST  # false for nan
    good = good.all(axis=tuple(range(1, array.ndim)))
    if not good.all():
        raise ValueError(
            f"{who} expects finite {name} (below {LARGEST:g}): {(~good).sum()} of {len(good)} rows are "
            f"not, first {good.argmin()}"
        )
    return array
