"""Tools for the gradient check: central differences, nets as pure functions, inputs away from kinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ..core import Layer
from ..layers import fused
from .report import Row

#: arrays of up to FULL entries are checked entry by entry, larger ones in DIRECTIONS random directions
FULL, DIRECTIONS = 200, 12
#: every pre-activation must be at least REACH * h away from a kink
REACH = 50
#: scale of a random direction that moves all arrays at once, chosen so that the truncation error, which grows with the
#: square of the step, is about as small as for a step h in a single entry
ALONG = 0.25

Thing = TypeVar("Thing")
Net = TypeVar("Net", bound=Layer)


class Frozen:
    """A net as a pure function: every call draws the same random numbers and restores the running statistics.

    conditions    further inputs of its forward pass (labels), which stay fixed
    """

    def __init__(self, net: Layer, train: bool, conditions: Mapping[str, np.ndarray] | None = None):
        self.net, self.train, self.conditions = net, train, conditions or {}
        self.buffers = [(a, a.copy()) for _, a in net.buffers()]

    def restore(self) -> None:
        """Restore the running statistics."""
        for live, kept in self.buffers:
            live[...] = kept

    def forward(self, x):
        """(y, cache) at x."""
        with fused.off():
            result = self.net.forward(x, train=self.train, rng=same_rng(), **self.conditions)
        self.restore()
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[0], np.ndarray):
            raise TypeError(f"check: {self.net.label}.forward must return (y, cache), got {type(result).__name__}")
        return result

    def backward(self, x, dy):
        """[dx, dtheta...] at x for the output gradient dy and the net's present parameters."""
        _, cache = self.forward(x)
        self.net.zero_grads()
        dx = self.net.backward(dy, cache)
        return [dx, *(g.copy() for _, g in self.net.gradients())]


class Shifted:
    """Context manager that adds `step` times its direction to each array, and restores the exact values afterwards."""

    def __init__(self, arrays, directions, step: float):
        self.arrays, self.directions, self.step = arrays, directions, step

    def __enter__(self):
        self.kept = [a.copy() for a in self.arrays]
        for a, v in zip(self.arrays, self.directions, strict=True):
            a += (self.step * v).astype(a.dtype)

    def __exit__(self, *exc):
        for a, kept in zip(self.arrays, self.kept, strict=True):
            a[...] = kept


def same_rng() -> np.random.Generator:
    """The generator that layers get in a check; it always starts from the same seed."""
    return np.random.default_rng(7)


def gradient_row(
    step: str,
    name: str,
    array: np.ndarray,
    gradient: np.ndarray,
    value: Callable[[], float],
    rng: np.random.Generator,
    h: float,
) -> Row:
    """Compare `gradient` with central differences of value() by each entry of `array`, or, if large, by directions."""
    if array.size <= FULL:
        directions = np.eye(array.size).reshape(array.size, *array.shape)
        by_hand, shape = gradient, array.shape
    else:
        directions = rng.standard_normal((DIRECTIONS, *array.shape))
        directions /= np.sqrt((directions**2).sum(axis=tuple(range(1, directions.ndim)), keepdims=True))
        by_hand, shape = np.tensordot(directions, gradient, axes=array.ndim), (DIRECTIONS,)
    numbers = np.empty(len(directions))
    for i, v in enumerate(directions):
        numbers[i] = central([array], [v], lambda: [value()], h)[0]
    return Row(step, name, array.shape, by_hand, numbers.reshape(shape))


def central(arrays, directions, values: Callable[[], list], h: float) -> list:
    """(values(+h) - values(-h)) / 2h for each of the values, with `arrays` moved along `directions` by +-h."""
    with Shifted(arrays, directions, +h):
        plus = [np.array(v) for v in values()]  # copies, because a value may be a view of a moved array
    with Shifted(arrays, directions, -h):
        minus = [np.array(v) for v in values()]
    return [(p - m) / (2 * h) for p, m in zip(plus, minus, strict=True)]


_NO_INPUT = (
    "check: found no input whose pre-activations are all away from the kinks; use fewer samples or a smaller "
    "net (with thousands of ReLUs, one is always near its corner)"
)


def away_from_kinks(
    build: Callable[[], Thing],
    x: np.ndarray,
    distance: Callable[[Thing, np.ndarray], float],
    rng: np.random.Generator,
    h: float,
    tries: int = 200,
) -> tuple[Thing, np.ndarray]:
    """(thing, x) with distance(thing, x) > REACH * h; both are drawn again until this holds.

    Raises RuntimeError after `tries` failed attempts.
    """
    spread, start = x.std(), x
    for _ in range(tries):
        thing = build()
        if distance(thing, x) > REACH * h:
            return thing, x
        x = (start + 0.2 * spread * rng.standard_normal(x.shape)).astype(start.dtype)
    raise RuntimeError(_NO_INPUT)


def kink_distance(net: Layer, x: np.ndarray, train: bool, conditions: Mapping[str, np.ndarray] | None = None) -> float:
    """The smallest distance between a pre-activation of net(x) and a kink."""
    _, cache = Frozen(net, train, conditions).forward(x)
    return net.kink_distance(cache)


def random_copy(net: Net, rng: np.random.Generator, randomise: bool, dtype: DTypeLike) -> Net:
    """A copy in `dtype`, if `randomise` with random parameters that keep activations near 1 in size, and running
    statistics in [0.5, 1.5].
    """
    twin = net.astype(dtype)
    if randomise:
        for _, w in twin.parameters():
            if w.ndim > 1:
                w[...] = rng.standard_normal(w.shape) / np.sqrt(max(1, w.size // w.shape[-1]))
            else:
                w[...] = rng.uniform(0.5, 1.5, w.shape) * rng.choice([-1, 1], w.shape)
        for _, a in twin.buffers():
            a[...] = rng.uniform(0.5, 1.5, a.shape)
    return twin


def dense(a: np.ndarray | None, shape) -> np.ndarray:
    """a as an array, or zeros of `shape` if a is None, which stands for an identically zero derivative."""
    return np.zeros(shape) if a is None else np.asarray(a)
