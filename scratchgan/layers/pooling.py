"""Averaging blocks of pixels, and copying pixels into blocks: linear maps, each the other's adjoint up to 1/k^2."""

from __future__ import annotations

from ..checks import positive_int
from ..families import LinearMap
from ..kernels import average_pool, average_pool_adjoint, upsample_nearest, upsample_nearest_adjoint


class AveragePool2D(LinearMap):
    r"""Mean of every k x k block.

    Symbols   x (N, H, W, C)   y (N, floor(H/k), floor(W/k), C)
    (AveragePool.1)   y[n,h,w,c] = 1/k^2 sum_{i,j} x[n, k h + i, k w + j, c]
    (AveragePool.2)   dx[n, k h + i, k w + j, c] = dy[n,h,w,c] / k^2,   0 in rows and columns that fill no block

    Errors    ValueError if x is not (N, H, W, C) with H and W at least k.
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = positive_int("AveragePool2D", "size", size)

    def apply(self, x, cache):
        """(AveragePool.1)."""
        return average_pool(x, size=self.size)

    def adjoint(self, dy, cache):
        """(AveragePool.2)."""
        return average_pool_adjoint(dy, size=self.size, x_shape=cache.x.shape)

    def output_shape(self, shape, batch="N"):
        """(H, W, C) -> (floor(H/k), floor(W/k), C)."""
        if shape is None:
            return (None, None, None)
        if len(shape) != 3 or any(n is not None and n < self.size for n in shape[:2]):
            raise self.misfit(f"images (N, H, W, C) of at least {self.size} pixels a side", shape, batch)
        return (*(None if n is None else n // self.size for n in shape[:2]), shape[2])

    def describe(self):
        """Size."""
        return str(self.size)


class UpsampleNearest2D(LinearMap):
    r"""Every pixel becomes a k x k block of itself.

    Symbols   x (N, H, W, C)   y (N, k H, k W, C)
    (UpsampleNearest.1)   y[n, k h + i, k w + j, c] = x[n,h,w,c]
    (UpsampleNearest.2)   dx[n,h,w,c] = sum_{i,j} dy[n, k h + i, k w + j, c]

    Followed by a convolution it is the cure for checkerboard artefacts (Odena et al. 2016).
    Errors    ValueError if x is not (N, H, W, C).
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = positive_int("UpsampleNearest2D", "size", size)

    def apply(self, x, cache):
        """(UpsampleNearest.1)."""
        return upsample_nearest(x, size=self.size)

    def adjoint(self, dy, cache):
        """(UpsampleNearest.2)."""
        return upsample_nearest_adjoint(dy, size=self.size)

    def output_shape(self, shape, batch="N"):
        """(H, W, C) -> (k H, k W, C)."""
        if shape is None:
            return (None, None, None)
        if len(shape) != 3:
            raise self.misfit("images (N, H, W, C)", shape, batch)
        return (*(None if n is None else n * self.size for n in shape[:2]), shape[2])

    def describe(self):
        """Size."""
        return str(self.size)
