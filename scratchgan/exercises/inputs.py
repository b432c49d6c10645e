"""Inputs of exercises that are functions or objects: how each is made, without any solution in sight.

`made("kind", ...)` makes one and remembers how.  `scratchgan grade` sends that, (kind, arguments), to the notebook's
process, which makes its own; so nothing but numbers and text goes between the two.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..models import mlp_gan

_recipes: WeakKeyDictionary[Any, tuple[str, tuple]] = WeakKeyDictionary()


class SquaresAndProduct:
    """f(x) = sum a x^2 + the product of all x, for arrays a and x (n,).

    Its derivative by one entry depends on the others, and central differences are exact, whatever the step.
    """

    def __init__(self, a: np.ndarray):
        self.a = a

    def __call__(self, x: np.ndarray) -> float:
        """f(x)."""
        return float(np.sum(self.a * np.asarray(x) ** 2) + np.prod(x))


class GradientPenalty:
    """10 times the mean of (|g_n| - 1)^2 over gradients g (N, n); or, with other arguments, what is not a penalty.

    axis    along which the norm is taken
    total   "mean" or "sum"
    """

    def __init__(self, axis: int, total: str):
        self._axis, self._total = axis, total

    def __call__(self, g: np.ndarray) -> float:
        """The penalty, a number."""
        norms = np.sqrt((np.asarray(g, float) ** 2).sum(axis=self._axis))
        return float(10 * getattr(np, self._total)((norms - 1) ** 2))


class Careless:
    """A game that may have a fault in G's turn, in this one object: who stands still, who moves?"""

    def __init__(self, gan: Any, g_moves: bool, d_moves: bool):
        self.gan, self.g_moves, self.d_moves = gan, g_moves, d_moves

    def __getattr__(self, name: str) -> Any:
        if name == "gan":  # during a copy the attribute is not set yet
            raise AttributeError(name)
        return getattr(self.gan, name)

    def __deepcopy__(self, memo: dict) -> Careless:  # the game's own would leave the fault behind
        return Careless(copy.deepcopy(self.gan, memo), self.g_moves, self.d_moves)

    def g_step(self, N: int, real: np.ndarray | None = None) -> dict[str, float]:
        """G's turn, as this game plays it."""
        report = self.gan.g_step(N, real) if self.g_moves else {}
        if self.d_moves:
            self.gan.d_optimizer.step()
        return report


def _game(seed: int, g_moves: bool, d_moves: bool) -> Careless:
    rng = np.random.default_rng(seed)
    gan = mlp_gan(2, 2, (4,), seed=seed)
    gan.d_gradients(rng.standard_normal((6, 2)).astype(np.float32), gan.noise(6))
    return Careless(gan, g_moves, d_moves)


MAKERS: dict[str, Callable[..., Any]] = {
    "squares and product": SquaresAndProduct,
    "penalty": GradientPenalty,
    "game": _game,
}


def made(kind: str, *arguments: Any) -> Any:
    """The input of this kind, a key of MAKERS, from numbers, text and arrays.  Raises ValueError for another kind."""
    if kind not in MAKERS:
        raise ValueError(f"inputs: unknown kind {kind!r}; known: {', '.join(MAKERS)}")
    value = MAKERS[kind](*arguments)
    _recipes[value] = kind, arguments
    return value


def recipe_of(value: Any) -> tuple[str, tuple] | None:
    """(kind, arguments) of something that `made` made; None for anything else."""
    try:
        return _recipes.get(value)
    except TypeError:  # no weak reference to it is possible, so `made` did not make it
        return None
