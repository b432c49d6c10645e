"""The machinery of a check: central differences, nets as pure functions, inputs away from kinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ..core import Layer
from ..layers import fused
from .report import Row

#: arrays of up to so many entries are checked entry by entry, larger ones in DIRECTIONS random directions
FULL, DIRECTIONS = 200, 12
#: a kink must be farther than so many steps h from every pre-activation
REACH = 50
#: size of the entries of a direction that moves everything at once: a step along it is then about as long as a step
#: h in one entry, and the error of the difference, which grows with its square, no larger
ALONG = 0.25

Thing = TypeVar("Thing")
Net = TypeVar("Net", bound=Layer)


class Frozen:
    """A net as a pure function: running statistics are put back after each call, and each draws the same numbers.

    conditions    further inputs of its forward (labels), held fixed
    """

    def __init__(self, net: Layer, train: bool, conditions: Mapping[str, np.ndarray] | None = None):
        self.net, self.train, self.conditions = net, train, conditions or {}
        self.buffers = [(a, a.copy()) for _, a in net.buffers()]

    def restore(self) -> None:
        """Put the running statistics back."""
        for live, kept in self.buffers:
            live[...] = kept

    def forward(self, x):
        """(y, cache) at x."""
        with fused.off():
            y, cache = self.net.forward(x, train=self.train, rng=same_rng(), **self.conditions)
        self.restore()
        return y, cache

    def backward(self, x, dy):
        """[dx, dtheta...] at x, for the net's present parameters."""
        _, cache = self.forward(x)
        self.net.zero_grads()
        dx = self.net.backward(dy, cache)
        return [dx, *(g.copy() for _, g in self.net.gradients())]


class Shifted:
    """While it is open, each array is moved by `step` times its direction; then it gets its own bits back."""

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
    """What layers draw from during a check: always the same numbers."""
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
    """Central differences of value() in each entry of `array`, or in random directions if it is large."""
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
    """(values(+h) - values(-h)) / 2h for `arrays` that move along `directions`, for each of the values."""
    with Shifted(arrays, directions, +h):
        plus = [np.array(v) for v in values()]  # copies: a value may be a view of what is moved back in a moment
    with Shifted(arrays, directions, -h):
        minus = [np.array(v) for v in values()]
    return [(p - m) / (2 * h) for p, m in zip(plus, minus, strict=True)]


_NO_INPUT = (
    "check: found no input whose pre-activations are all away from the kinks; use fewer samples or a smaller "
    "net (a net with thousands of ReLUs always has one near its corner)"
)


def away_from_kinks(
    build: Callable[[], Thing],
    x: np.ndarray,
    distance: Callable[[Thing, np.ndarray], float],
    rng: np.random.Generator,
    h: float,
    tries: int = 200,
) -> tuple[Thing, np.ndarray]:
    """(thing, x) with `distance(thing, x)` beyond the reach of h: both are drawn again until it is.

    Raises RuntimeError if no try succeeds.
    """
    spread, start = x.std(), x
    for _ in range(tries):
        thing = build()
        if distance(thing, x) > REACH * h:
            return thing, x
        x = (start + 0.2 * spread * rng.standard_normal(x.shape)).astype(start.dtype)
    raise RuntimeError(_NO_INPUT)


def kink_distance(net: Layer, x: np.ndarray, train: bool, conditions: Mapping[str, np.ndarray] | None = None) -> float:
    """How near a kink any pre-activation of net(x) is."""
    _, cache = Frozen(net, train, conditions).forward(x)
    return net.kink_distance(cache)


def random_copy(net: Net, rng: np.random.Generator, randomise: bool, dtype: DTypeLike) -> Net:
    """A copy in `dtype` with random parameters that keep signals near 1, and running statistics in [0.5, 1.5]."""
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
    """a, or zeros of `shape` where a is None: identically zero."""
    return np.zeros(shape) if a is None else np.asarray(a)
