"""Pooling and up-sampling: a block of pixels becomes one pixel, or one pixel becomes a block.

All of them are linear maps, max pooling once the positions of the maxima are known.  Averaging and copying are each
other's adjoint up to the factor 1/k^2.
"""

from __future__ import annotations

import numpy as np

from ..checks import positive_int
from ..families import LinearMap
from ..kernels import (
    average_pool,
    average_pool_adjoint,
    max_pool_adjoint,
    max_pool_argmax,
    max_pool_take,
    pool_blocks,
    upsample_bilinear,
    upsample_bilinear_adjoint,
    upsample_nearest,
    upsample_nearest_adjoint,
)


class AveragePool2D(LinearMap):
    r"""Mean of every k x k block.

    Symbols   x (N, H, W, C)   y (N, floor(H/k), floor(W/k), C)
    (AveragePool.1)   y[n,h,w,c] = 1/k^2 sum_{i,j} x[n, k h + i, k w + j, c]
    (AveragePool.2)   dx[n, k h + i, k w + j, c] = dy[n,h,w,c] / k^2,   0 in rows and columns that do not fill a block

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
        return _pooled(self, shape, batch)

    def describe(self):
        return str(self.size)


class MaxPool2D(LinearMap):
    r"""Largest entry of every k x k block.

    Source: Goodfellow, Bengio & Courville 2016, section 9.3.

    Symbols   x (N, H, W, C)   y (N, floor(H/k), floor(W/k), C)
              a[n,h,w,c] = (i, j), the position of the largest entry in its block, found by `forward`

    Forward   (MaxPool.1)   y[n,h,w,c] = max_{i,j} x[n, k h + i, k w + j, c] = x[n, (k h, k w) + a, c]
    Backward  (MaxPool.2)   dx[n, (k h, k w) + a, c] = dy[n,h,w,c],   0 everywhere else
    Why       A small change of x does not change the positions a: with a in the cache, (1) is a selection and linear.
    At a tie  the first of the equal entries in row-major order is a, and gets the whole gradient.

    Errors    ValueError if x is not (N, H, W, C) with H and W at least k.
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = positive_int("MaxPool2D", "size", size)

    def prepare(self, cache, rng):
        """Find the positions of the maxima."""
        cache.at = max_pool_argmax(cache.x, size=self.size)

    def apply(self, x, cache):
        """(MaxPool.1)."""
        return max_pool_take(x, cache.at, size=self.size)

    def adjoint(self, dy, cache):
        """(MaxPool.2)."""
        return max_pool_adjoint(dy, cache.at, size=self.size, x_shape=cache.x.shape)

    def output_shape(self, shape, batch="N"):
        """(H, W, C) -> (floor(H/k), floor(W/k), C)."""
        return _pooled(self, shape, batch)

    def kink_distance(self, cache):
        """The smallest gap between the largest and the second largest entry of a block."""
        return smallest_gap(pool_blocks(cache.x, self.size))

    def describe(self):
        return str(self.size)


def smallest_gap(groups: np.ndarray) -> float:
    """The smallest difference between the two largest entries along the last axis; inf if there is only one."""
    if groups.size == 0 or groups.shape[-1] == 1:
        return np.inf
    top = np.partition(groups, -2, axis=-1)
    return float((top[..., -1] - top[..., -2]).min())


class UpsampleNearest2D(LinearMap):
    r"""Every pixel becomes a k x k block of itself.

    Symbols   x (N, H, W, C)   y (N, k H, k W, C)
    (UpsampleNearest.1)   y[n, k h + i, k w + j, c] = x[n,h,w,c]
    (UpsampleNearest.2)   dx[n,h,w,c] = sum_{i,j} dy[n, k h + i, k w + j, c]

    Followed by a convolution, it avoids checkerboard artefacts (Odena et al. 2016).
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
        return _upsampled(self, shape, batch)

    def describe(self):
        return str(self.size)


class UpsampleBilinear2D(LinearMap):
    r"""Every pixel becomes a k x k block, interpolated linearly between the centres of the pixels.

    Source: Odena, Dumoulin & Olah 2016 for its use in a generator.

    Symbols   x (N, H, W, C)   y (N, k H, k W, C);   in both images a pixel's centre is at its index + 1/2, in its own
              units ("align_corners=False"), so output k h + i lies at h + u_i with u_i = (i + 1/2) / k - 1/2

    Forward   (UpsampleBilinear.1)   along the height, for i = 0..k-1, and then the same along the width:
                                     y[k h + i] = (1 - |u_i|) x[h] + |u_i| x[g],   g = h - 1 if u_i < 0, else h + 1
                                     where g is outside the image, the edge pixel is used: g = h
    Backward  (UpsampleBilinear.2)   the adjoint: dx[h] += (1 - |u_i|) dy[k h + i],   dx[g] += |u_i| dy[k h + i]

    The weights of an output pixel sum to 1: a constant image stays constant.
    Errors    ValueError if x is not (N, H, W, C) with at least one pixel.
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = positive_int("UpsampleBilinear2D", "size", size)

    def apply(self, x, cache):
        """(UpsampleBilinear.1)."""
        return upsample_bilinear(x, size=self.size)

    def adjoint(self, dy, cache):
        """(UpsampleBilinear.2)."""
        return upsample_bilinear_adjoint(dy, size=self.size)

    def output_shape(self, shape, batch="N"):
        """(H, W, C) -> (k H, k W, C)."""
        if shape is not None and 0 in shape[:2]:
            raise self.misfit("images (N, H, W, C) of at least one pixel", shape, batch)
        return _upsampled(self, shape, batch)

    def describe(self):
        return str(self.size)


def _pooled(layer, shape, batch):
    """(H, W, C) -> (floor(H/k), floor(W/k), C)."""
    if shape is None:
        return (None, None, None)
    if len(shape) != 3 or any(n is not None and n < layer.size for n in shape[:2]):
        raise layer.misfit(f"images (N, H, W, C) of at least {layer.size} pixels per side", shape, batch)
    return (*(None if n is None else n // layer.size for n in shape[:2]), shape[2])


def _upsampled(layer, shape, batch):
    """(H, W, C) -> (k H, k W, C)."""
    if shape is None:
        return (None, None, None)
    if len(shape) != 3:
        raise layer.misfit("images (N, H, W, C)", shape, batch)
    return (*(None if n is None else n * layer.size for n in shape[:2]), shape[2])
