"""Means over groups of channels.  A task handles some samples or, if there are few samples, some shares of samples.

    for each share s of sample n                                (parallel: a task handles some of the shares)
        for each of its positions p, for each channel c
            sums[n, s, c] += x[n, p, c], or a[n, p, c] b[n, p, c]
    mean = the shares of each sample, and then the channels of each group, added up in order

The sums are float64, so that rounding errors stay negligible, however many positions there are.
"""

from __future__ import annotations

import numpy as np

from .. import group_means
from .compiling import inner
from .gemm import DTYPES
from .pool import array, contiguous, empty, float_task, part, run
from .tables import read, slots

SMALL = 2048  # arrays with fewer numbers are left to NumPy
GRAIN = 1 << 14  # numbers that make a task worthwhile
MOST = 64  # largest number of tasks
SHARES = 8  # smallest number of shares in all, if there are enough positions

SUMS = slots("a b sums N P C shares tasks size")


@float_task
def _sums(i, p, one):
    """Task i: the sums of its shares; the address b is 0 if there is no second array."""
    args = read(p, SUMS)
    a, b, P, C, shares, size = args.a, args.b, args.P, args.C, args.shares, args.size
    first, last = part(args.N * shares, i, args.tasks)
    for number in range(first, last):
        lo, hi = part(P, number % shares, shares)
        start, total = (number // shares * P + lo) * C * size, array(args.sums + number * C * 8, C, 1.0)
        if C == 1:
            total[0] = _line(a + start, b + start if b else 0, hi - lo, one)
        else:
            for c in range(C):
                total[c] = 0
            for at in range(start, start + (hi - lo) * C * size, C * size):
                _add(total, a + at, b + at if b else 0, C, one)


@inner
def _line(a, b, n, one):
    """Sum of the n numbers at the address a, or of their products with those at b."""
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
    """Add to total (n,) the n numbers at the address a, or their products with those at b."""
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
    sums = empty((N, shares, C), np.float64)
    p = SUMS.table(a=a, b=0 if b is None else b, sums=sums, N=N, P=P, C=C, shares=shares, tasks=tasks, size=a.itemsize)
    run(_sums[a.itemsize], tasks, p)
    return (sums.sum(axis=1).reshape(N, groups, C // groups).sum(axis=2) / (P * (C // groups))).astype(a.dtype)


def _usable(a, groups):
    return a.dtype in DTYPES and a.ndim == 3 and a.size >= SMALL and groups > 0 and a.shape[2] % groups == 0


@group_means.group_mean.engine("numba")
def _(x, *, groups=1):
    if not _usable(x, groups):
        return group_means.group_mean.twin(x, groups=groups)
    return _means(contiguous(x), None, groups)


@group_means.group_mean_dot.engine("numba")
def _(a, b, *, groups=1):
    if not _usable(a, groups) or a.dtype != b.dtype or a.shape != b.shape:
        return group_means.group_mean_dot.twin(a, b, groups=groups)
    return _means(contiguous(a), contiguous(b), groups)
