"""Means over groups of channels of a sample, for the normalisations of each sample by itself."""

from __future__ import annotations

import numpy as np

from .registry import kernel


@kernel
def group_mean(x: np.ndarray, *, groups: int = 1) -> np.ndarray:
    """m[n, g] = mean of x[n, p, c] over all p and the C/groups neighbouring c of group g; x (N, P, C) -> (N, groups).

    for each sample n (parallel: a thread owns its samples)
        for each position p, for each channel c
            sum[n, c] += x[n, p, c]
    m[n, g] = sum over group g's c of sum[n, c], divided by P C/groups
    """
    N, _, C = x.shape
    return x.mean(axis=1).reshape(N, groups, C // groups).mean(axis=2)


@kernel
def group_mean_dot(a: np.ndarray, b: np.ndarray, *, groups: int = 1) -> np.ndarray:
    """m[n, g] = mean of a[n, p, c] b[n, p, c] over the same p and c."""
    return group_mean.twin(a * b, groups=groups)
