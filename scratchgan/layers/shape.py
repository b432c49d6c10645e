"""The same entries in another shape or order.  These maps are linear, and the inverse of each is its adjoint."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from ..checks import positive_int
from ..families import LinearMap


class Reshape(LinearMap):
    r"""Give every sample the shape `shape`.

    Symbols   x (N, ...)   y (N, *shape), with the same number of entries per sample
    (Reshape.1)   y = x read in row-major order as `shape`;   dx = dy read as x's shape.

    Errors    ValueError if the numbers of entries differ.
    """

    def __init__(self, shape: int | Sequence[int]):
        super().__init__()
        sizes: Any = (shape,) if isinstance(shape, numbers.Integral) else shape
        self.shape = tuple(positive_int("Reshape", "shape", n) for n in sizes)

    def apply(self, x, cache):
        """(Reshape.1)."""
        return x.reshape(len(x), *self.shape)

    def adjoint(self, dy, cache):
        """(Reshape.1)."""
        return dy.reshape(len(dy), *cache.x.shape[1:])

    def output_shape(self, shape, batch="N"):
        """-> shape."""
        if shape is not None and None not in shape and math.prod(shape) != math.prod(self.shape):
            raise self.misfit(f"{math.prod(self.shape)} entries per sample, to make {self.shape}", shape, batch)
        return self.shape

    def describe(self):
        return str(self.shape)


class Flatten(LinearMap):
    r"""Every sample as one vector: x (N, H, W, C) -> y (N, H W C), with the channels varying fastest.

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


class PixelShuffle(LinearMap):
    r"""Every pixel's k^2 C channels become a k x k block of pixels with C channels.  (Shi et al. 2016, section 2.2.)

    Symbols   x (N, H, W, k^2 C)   y (N, k H, k W, C)
    (PixelShuffle.1)   y[n, k h + i, k w + j, c] = x[n, h, w, (k i + j) C + c];   dx: the same, read from right to left.

    The order of the channels: the row i of the block varies slowest, its column j next, c fastest, so the C numbers of
    an output pixel are adjacent in x, as in TensorFlow's `depth_to_space`.  In PyTorch's `pixel_shuffle` c varies
    slowest: its channel k^2 c + k i + j is (k i + j) C + c here.

    After a convolution it is a learned up-sampling without overlapping patches.
    Errors    ValueError if x is not (N, H, W, a multiple of k^2).
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = positive_int("PixelShuffle", "size", size)

    def apply(self, x, cache):
        """(PixelShuffle.1)."""
        (N, H, W, C), k = x.shape, self.size
        C //= k * k
        return x.reshape(N, H, W, k, k, C).transpose(0, 1, 3, 2, 4, 5).reshape(N, k * H, k * W, C)

    def adjoint(self, dy, cache):
        """(PixelShuffle.1), read from right to left."""
        (N, H, W, C), k = dy.shape, self.size
        H, W = H // k, W // k
        return dy.reshape(N, H, k, W, k, C).transpose(0, 1, 3, 2, 4, 5).reshape(N, H, W, k * k * C)

    def output_shape(self, shape, batch="N"):
        """(H, W, k^2 C) -> (k H, k W, C)."""
        if shape is None:
            return (None, None, None)
        k = self.size
        if len(shape) != 3 or (shape[2] is not None and shape[2] % (k * k)):
            raise self.misfit(f"images (N, H, W, a multiple of {k * k})", shape, batch)
        H, W, C = shape
        return (H and H * k, W and W * k, C and C // (k * k))

    def describe(self):
        return str(self.size)
