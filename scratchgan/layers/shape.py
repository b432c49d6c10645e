"""The same numbers in another shape.  Linear, and its own inverse is its adjoint."""

from __future__ import annotations

import math

from ..checks import positive_int
from ..families import LinearMap


class Reshape(LinearMap):
    r"""Give every sample the shape `shape`.

    Symbols   x (N, ...)   y (N, *shape), with the same number of entries a sample
    (Reshape.1)   y = x read in row-major order as `shape`;   dx = dy read as x's shape.

    Errors    ValueError if the numbers of entries differ.
    """

    def __init__(self, shape):
        super().__init__()
        if isinstance(shape, int):
            shape = (shape,)
        self.shape = tuple(positive_int("Reshape", "shape", n) for n in shape)

    def apply(self, x, cache):
        """(Reshape.1)."""
        return x.reshape(len(x), *self.shape)

    def adjoint(self, dy, cache):
        """(Reshape.1)."""
        return dy.reshape(len(dy), *cache.x.shape[1:])

    def output_shape(self, shape, batch="N"):
        """-> shape."""
        if shape is not None and None not in shape and math.prod(shape) != math.prod(self.shape):
            raise self.misfit(f"{math.prod(self.shape)} entries a sample, to make {self.shape},", shape, batch)
        return self.shape

    def describe(self):
        """Shape."""
        return str(self.shape)


class Flatten(LinearMap):
    r"""Every sample as one vector: x (N, H, W, C) -> y (N, H W C), channels fastest.

    (Flatten.1)   y = x read in row-major order;   dx = dy read as x's shape.
    """

    def apply(self, x, cache):
        """(Flatten.1)."""
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def adjoint(self, dy, cache):
        """(Flatten.1)."""
        return dy.reshape(cache.x.shape)

    def output_shape(self, shape, batch="N"):
        """-> (product of the entries,)."""
        return (None,) if shape is None or None in shape else (math.prod(shape),)
