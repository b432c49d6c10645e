"""Means over groups of channels: a task owns some samples; where these are few, shares of their positions.

    for each share s of sample n (parallel: a task owns its shares)
        for each of its positions p, for each channel c
            sums[n, s, c] += x[n, p, c], or a[n, p, c] b[n, p, c]
    mean = the shares of each sample, and then the channels of each group, added up in order

The sums are float64: no rounding errors to speak of, however many positions there are.
"""

from __future__ import annotations

import numpy as np

from .. import group_means
from .conv import address, table
from .gemm import DTYPES
from .pool import array, inner, integer, parallel_for, part, run, task

SMALL = 2048  # arrays of fewer numbers are left to NumPy
GRAIN = 1 << 14  # numbers that a task is worth, about
MOST = 64  # tasks at most
SHARES = 8  # there are at least so many, if there is work for them


@task
def _sums32(i, p):
    _sums(i, p, np.float32(1))


@task
def _sums64(i, p):
    _sums(i, p, np.float64(1))


@inner
def _sums(i, p, one):
    """Task i: the sums of its shares; the second array's address is 0 if there is none."""
    a, b, sums = integer(p, 0), integer(p, 1), integer(p, 2)
    P, C, shares, size = integer(p, 4), integer(p, 5), integer(p, 6), integer(p, 8)
    first, last = part(integer(p, 3) * shares, i, integer(p, 7))
    for number in range(first, last):
        lo, hi = part(P, number % shares, shares)
        start, total = (number // shares * P + lo) * C * size, array(sums + number * C * 8, C, 1.0)
        if C == 1:
            total[0] = _line(a + start, b + start if b else 0, hi - lo, one)
        else:
            for c in range(C):
                total[c] = 0
            for at in range(start, start + (hi - lo) * C * size, C * size):
                _add(total, a + at, b + at if b else 0, C, one)


@inner
def _line(a, b, n, one):
    """Sum of n neighbouring numbers, or of the products of two such lines."""
    x, total = array(a, n, one), 0.0
    if b:
        z = array(b, n, one)
        for e in range(n):
            total += x[e] * z[e]
    else:
        for e in range(n):
            total += x[e]
    return total


@inner
def _add(total, a, b, n, one):
    """The n neighbouring numbers, or the products of two such lines, to those in `total`."""
    x = array(a, n, one)
    if b:
        z = array(b, n, one)
        for e in range(n):
            total[e] += x[e] * z[e]
    else:
        for e in range(n):
            total[e] += x[e]


def _means(a, b, groups):
    """(N, groups) of a, or of a b if there is a b."""
    N, P, C = a.shape
    shares = max(1, min(P, -(-SHARES // N), P * C // GRAIN))
    tasks = max(1, min(N * shares, MOST, a.size // GRAIN))
    sums = np.empty((N, shares, C))
    p = table(a, 0 if b is None else b, sums, N, P, C, shares, tasks, a.itemsize)
    run(parallel_for, (_sums32, _sums64)[a.itemsize == 8].address, tasks, address(p))
    return (sums.sum(axis=1).reshape(N, groups, C // groups).sum(axis=2) / (P * (C // groups))).astype(a.dtype)


def _usable(a, groups):
    return a.dtype in DTYPES and a.ndim == 3 and a.size >= SMALL and groups > 0 and a.shape[2] % groups == 0


@group_means.group_mean.engine("numba")
def _(x, *, groups=1):
    if not _usable(x, groups):
        return group_means.group_mean.twin(x, groups=groups)
    return _means(np.ascontiguousarray(x), None, groups)


@group_means.group_mean_dot.engine("numba")
def _(a, b, *, groups=1):
    if not _usable(a, groups) or a.dtype != b.dtype or a.shape != b.shape:
        return group_means.group_mean_dot.twin(a, b, groups=groups)
    return _means(np.ascontiguousarray(a), np.ascontiguousarray(b), groups)
