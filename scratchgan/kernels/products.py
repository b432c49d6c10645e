"""The matrix product, and sums over rows."""

from __future__ import annotations

import numpy as np

from .registry import kernel


def leaky(y: np.ndarray, bias: np.ndarray | None, slope: float) -> np.ndarray:
    """Return y + bias where that is positive, slope (y + bias) elsewhere; in place."""
    if bias is not None:
        y += bias
    if slope != 1:
        np.maximum(y, y.dtype.type(slope) * y, out=y)
    return y


@kernel
def matmul(
    a: np.ndarray,
    b: np.ndarray,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: np.ndarray | None = None,
    slope: float = 1.0,
) -> np.ndarray:
    """c = op(a) op(b), op = transpose where asked; a (M, K), b (K, N) -> c (M, N); plus bias (N,), then `leaky`.

    for each row m (parallel: a thread owns its rows)
        for each column n
            c[m, n] = sum over k of a[m, k] b[k, n]
    """
    return leaky((a.T if transpose_a else a) @ (b.T if transpose_b else b), bias, slope)


@kernel
def channel_sum(a: np.ndarray) -> np.ndarray:
    """s[c] = sum over rows n of a[n, c]; a (N, C) -> (C,).

    First within blocks of 128 rows, then over the blocks in float64: rounding errors do not grow with N, and the order
    of summation depends on the shape alone.
    """
    N, C = a.shape
    blocks, rest = divmod(N, 128)
    total = a[N - rest :].sum(axis=0, dtype=np.float64)
    if blocks:
        total += a[: N - rest].reshape(blocks, 128, C).sum(axis=1).sum(axis=0, dtype=np.float64)
    return total.astype(a.dtype)


@kernel
def channel_dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """s[c] = sum over rows n of a[n, c] b[n, c]; a, b (N, C) -> (C,)."""
    return channel_sum.twin(a * b)
