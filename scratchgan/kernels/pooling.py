"""Resampling maps and their adjoints: average pooling and nearest-neighbour up-sampling.  They are each other's
adjoint up to the factor 1/k^2."""

from __future__ import annotations

import numpy as np

from .registry import kernel


@kernel
def average_pool(x: np.ndarray, *, size: int) -> np.ndarray:
    """y[n, h, w, c] = mean of the size x size block at (size h, size w); x (N, H, W, C) -> (N, H/size, W/size, C).

    Rows and columns that do not fill a block are left out.
    """
    N, H, W, C = x.shape
    h, w = H // size, W // size
    return x[:, :h * size, :w * size].reshape(N, h, size, w, size, C).mean(axis=(2, 4))


@kernel
def average_pool_adjoint(dy: np.ndarray, *, size: int, x_shape: tuple) -> np.ndarray:
    """dx[n, size h + i, size w + j, c] = dy[n, h, w, c] / size^2; zero where no block reached."""
    _, h, w, _ = dy.shape
    dx = np.zeros(x_shape, dy.dtype)
    dx[:, :h * size, :w * size] = upsample_nearest(dy / dy.dtype.type(size * size), size=size)
    return dx


@kernel
def upsample_nearest(x: np.ndarray, *, size: int) -> np.ndarray:
    """y[n, size h + i, size w + j, c] = x[n, h, w, c]; x (N, H, W, C) -> (N, size H, size W, C)."""
    return x.repeat(size, axis=1).repeat(size, axis=2)


@kernel
def upsample_nearest_adjoint(dy: np.ndarray, *, size: int) -> np.ndarray:
    """dx[n, h, w, c] = sum of the size x size block of dy that x[n, h, w, c] was copied to."""
    N, H, W, C = dy.shape
    return dy.reshape(N, H // size, size, W // size, size, C).sum(axis=(2, 4))
