"""The matrix product of every sample with its own matrix, which attention uses."""

from __future__ import annotations

import numpy as np

from .registry import kernel


@kernel
def batch_matmul(a: np.ndarray, b: np.ndarray, *, transpose_a: bool = False, transpose_b: bool = False) -> np.ndarray:
    """c[n] = op(a[n]) op(b[n]), op = transpose where asked; a (N, I, K), b (N, K, J) -> c (N, I, J).

    for each sample n (parallel: a thread owns its samples)
        for each row i, for each column j
            c[n, i, j] = sum over k of a[n, i, k] b[n, k, j]
    """
    return (a.swapaxes(1, 2) if transpose_a else a) @ (b.swapaxes(1, 2) if transpose_b else b)
