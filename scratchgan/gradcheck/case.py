"""One line of the table of what has a derivative: a thing and the shape of its input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike

from . import Report, check


@dataclass(frozen=True)
class Case:
    """A thing to check: `build(rng)` makes it; `x_shape` is the shape of its input with batch axis, None: no input."""

    name: str
    build: Callable[[np.random.Generator], object] = field(repr=False)
    x_shape: tuple[int, ...] | None = None
    train: bool = True

    def input(self, rng: np.random.Generator, dtype: DTypeLike = np.float64) -> np.ndarray:
        """A random batch of shape `x_shape`."""
        return rng.standard_normal(self.x_shape).astype(dtype)

    def check(self, **options) -> Report:
        """Run the gradient check; `options` are passed to `gradcheck.check`."""
        rng = np.random.default_rng(1)
        x = None if self.x_shape is None else self.input(rng)
        return check(self.build(rng), x, train=self.train, name=self.name, **options)

    def __str__(self) -> str:
        return self.name
