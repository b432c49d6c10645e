"""Resampling maps and their adjoints: average and max pooling, nearest-neighbour and bilinear up-sampling.

Average pooling and nearest-neighbour up-sampling are each other's adjoint up to the factor 1/k^2.  Max pooling is
linear once the position of each maximum is known; finding the positions is a separate kernel.
"""

from __future__ import annotations

import math

import numpy as np

from .registry import kernel


@kernel
def average_pool(x: np.ndarray, *, size: int) -> np.ndarray:
    """y[n, h, w, c] = mean of the size x size block at (size h, size w); x (N, H, W, C) -> (N, H/size, W/size, C).

    Rows and columns that do not fill a block are left out.
    """
    N, H, W, C = x.shape
    h, w = H // size, W // size
    return x[:, : h * size, : w * size].reshape(N, h, size, w, size, C).mean(axis=(2, 4))


@kernel
def average_pool_adjoint(dy: np.ndarray, *, size: int, x_shape: tuple) -> np.ndarray:
    """dx[n, size h + i, size w + j, c] = dy[n, h, w, c] / size^2; zero outside of all blocks."""
    _, h, w, _ = dy.shape
    dx = np.zeros(x_shape, dy.dtype)
    dx[:, : h * size, : w * size] = upsample_nearest(dy / dy.dtype.type(size * size), size=size)
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


def pool_blocks(x: np.ndarray, size: int) -> np.ndarray:
    """The size x size blocks of images (N, H, W, C), each in row-major order: (N, H/size, W/size, C, size^2).

    Rows and columns that do not fill a block are left out.
    """
    N, H, W, C = x.shape
    h, w = H // size, W // size
    x = x[:, : h * size, : w * size].reshape(N, h, size, w, size, C)
    return x.transpose(0, 1, 3, 5, 2, 4).reshape(N, h, w, C, size * size)


@kernel
def max_pool_argmax(x: np.ndarray, *, size: int) -> np.ndarray:
    """Position of the largest entry in each size x size block; x (N, H, W, C) -> integers (N, H/size, W/size, C).

    Positions are counted in row-major order.  The first of several equal maxima wins, and so does the first NaN.

        for each image n (parallel: a thread owns its images), for each block (h, w), for each channel c
            for each position (i, j) of the block
                if x[n, size h + i, size w + j, c] is larger than the largest so far: remember size i + j
    """
    return pool_blocks(x, size).argmax(axis=-1)


@kernel
def max_pool_take(x: np.ndarray, at: np.ndarray, *, size: int) -> np.ndarray:
    """y[n, h, w, c] = the entry of x's block at the position at[n, h, w, c]."""
    return np.take_along_axis(pool_blocks(x, size), at[..., None], axis=-1)[..., 0]


@kernel
def max_pool_adjoint(dy: np.ndarray, at: np.ndarray, *, size: int, x_shape: tuple) -> np.ndarray:
    """dx = dy[n, h, w, c] at the position at[n, h, w, c] of its block, zero elsewhere and outside of all blocks."""
    _, h, w, _ = dy.shape
    dx = np.zeros(x_shape, dy.dtype)
    for place in range(size * size):
        i, j = divmod(place, size)
        dx[:, i : h * size : size, j : w * size : size] = np.where(at == place, dy, 0)
    return dx


@kernel
def upsample_bilinear(x: np.ndarray, *, size: int) -> np.ndarray:
    """Linear interpolation along height, then along width; x (N, H, W, C) -> (N, size H, size W, C).

    for each output pixel size h + i (parallel: a thread owns its rows), with u = (i + 1/2) / size - 1/2
        y = (1 - |u|) x[h] + |u| x[h - 1 if u < 0 else h + 1]           (beyond an edge: the edge pixel itself)
    """
    return _interpolate(_interpolate(x, 1, size), 2, size)


@kernel
def upsample_bilinear_adjoint(dy: np.ndarray, *, size: int) -> np.ndarray:
    """dx of `upsample_bilinear`: each output pixel's dy is added, with the same weights, to its sources."""
    return _interpolate_adjoint(_interpolate_adjoint(dy, 2, size), 1, size)


def _phases(size: int) -> list[tuple[float, bool]]:
    """For each of the `size` output pixels per pixel: the neighbour's weight |u|, and whether it is the one before."""
    offsets = [(i + 0.5) / size - 0.5 for i in range(size)]
    return [(abs(u), u < 0) for u in offsets]


def _interpolate(x: np.ndarray, axis: int, size: int) -> np.ndarray:
    shape, x = x.shape, _lines(x, axis)
    before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    after = np.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    y = np.empty((len(x), shape[axis], size, x.shape[2]), x.dtype)
    for i, (share, first) in enumerate(_phases(size)):
        y[:, :, i] = (1 - share) * x + share * (before if first else after)
    return y.reshape(*shape[:axis], shape[axis] * size, *shape[axis + 1 :])


def _interpolate_adjoint(dy: np.ndarray, axis: int, size: int) -> np.ndarray:
    shape, dy = dy.shape, _lines(dy, axis)
    n = shape[axis] // size
    dy = dy.reshape(len(dy), n, size, dy.shape[2])
    dx = np.zeros((len(dy), n, dy.shape[3]), dy.dtype)
    for i, (share, first) in enumerate(_phases(size)):
        dx += (1 - share) * dy[:, :, i]
        g = share * dy[:, :, i]
        if first:
            dx[:, :-1] += g[:, 1:]
            dx[:, 0] += g[:, 0]
        else:
            dx[:, 1:] += g[:, :-1]
            dx[:, -1] += g[:, -1]
    return dx.reshape(*shape[:axis], n, *shape[axis + 1 :])


def _lines(x: np.ndarray, axis: int) -> np.ndarray:
    """Everything before `axis`, the axis, everything after it: three axes."""
    return x.reshape(math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]))
