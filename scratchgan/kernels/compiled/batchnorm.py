"""Batch normalisation with the activation behind it: two passes over memory forward, two backward.

The moments take one pass: with s a sample of the channel, which lies within a few standard deviations of the mean,

    mean = s + m(x - s),     var = m((x - s)^2) - m(x - s)^2

loses no digits to speak of.  (Chan, Golub & LeVeque 1983: shifted data.)  Sums are kept for each share of the rows, in
float64 over blocks of rows, and added up in order.

A row of channels is short, and a loop over it hardly begins before it ends.  So the constants of the channels are laid
out for 16 rows (`wide`), and loops run over 16 rows at once; sums too are kept for 16 rows, and folded at the end.
"""

from __future__ import annotations

import numpy as np

from ..normalisation import batchnorm_backward, batchnorm_forward
from .gemm import DTYPES
from .pool import array, empty, get, inner, integer, parallel_for, part, run, size_of, task

TASKS = 8
SMALL = 1024  # fewer numbers than this are left to NumPy
WIDE = 16  # rows that a loop runs over
BLOCK = 8  # times so many rows are added up in the numbers' own precision


@inner
def wide(address, C, one):
    """The C numbers at an address, WIDE times one after another."""
    numbers = array(address, C, one)
    repeated = np.empty(WIDE * C, numbers.dtype)
    for k in range(WIDE):
        for c in range(C):
            repeated[k * C + c] = numbers[c]
    return repeated


@inner
def fold(sums, total, C):
    """Add the sums of WIDE rows to `total` (C,), and begin them anew."""
    for k in range(WIDE):
        for c in range(C):
            total[c] += sums[k * C + c]
    for k in range(WIDE * C):
        sums[k] = 0


@inner
def _moments(i, p, one):
    """A share of the rows: sums of x - s and of (x - s)^2, s = the first row."""
    M, C, size = integer(p, 0), integer(p, 1), size_of(one)
    lo, hi = part(M, i, TASKS)
    s, at = wide(integer(p, 2), C, one), integer(p, 3) + 16 * C * i
    total, squares = array(at, C, 1.0), array(at + 8 * C, C, 1.0)
    first, second = np.zeros(WIDE * C, s.dtype), np.zeros(WIDE * C, s.dtype)
    for c in range(C):
        total[c], squares[c] = 0, 0
    blocks = 0
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        x = array(integer(p, 2) + size * m * C, n, one)
        for k in range(n):
            d = x[k] - s[k]
            first[k] += d
            second[k] += d * d
        blocks += 1
        if blocks % BLOCK == 0 or m + WIDE >= hi:
            fold(first, total, C)
            fold(second, squares, C)


@inner
def _normalise(i, p, one):
    """A share of the rows: xhat and y."""
    M, C, size = integer(p, 0), integer(p, 1), size_of(one)
    lo, hi = part(M, i, TASKS)
    mean, r = wide(integer(p, 5), C, one), wide(integer(p, 6), C, one)
    gamma, beta, slope = wide(integer(p, 7), C, one), wide(integer(p, 8), C, one), get(p + 80, one)
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        x, xhat = array(integer(p, 2) + size * m * C, n, one), array(integer(p, 4) + size * m * C, n, one)
        y = array(integer(p, 9) + size * m * C, n, one)
        for k in range(n):  # two loops: with seven arrays in one, no compiler vectorises
            xhat[k] = (x[k] - mean[k]) * r[k]
        for k in range(n):
            v = gamma[k] * xhat[k] + beta[k]
            y[k] = v if v > 0 else slope * v


@inner
def _gradient_sums(i, p, one):
    """A share of the rows: sums of dy and of dy xhat, behind the activation's gradient."""
    M, C, size = integer(p, 0), integer(p, 1), size_of(one)
    lo, hi = part(M, i, TASKS)
    at, slope = integer(p, 3) + 16 * C * i, get(p + 80, one)
    total, products = array(at, C, 1.0), array(at + 8 * C, C, 1.0)
    dtype = array(integer(p, 2), 1, one).dtype
    sums, dots, g = np.zeros(WIDE * C, dtype), np.zeros(WIDE * C, dtype), np.zeros(WIDE * C, dtype)
    for c in range(C):
        total[c], products[c] = 0, 0
    blocks = 0
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        dy, y = array(integer(p, 2) + size * m * C, n, one), array(integer(p, 9) + size * m * C, n, one)
        xhat = array(integer(p, 4) + size * m * C, n, one)
        for k in range(n):
            g[k] = dy[k] if y[k] > 0 else slope * dy[k]
        for k in range(n):
            sums[k] += g[k]
            dots[k] += g[k] * xhat[k]
        blocks += 1
        if blocks % BLOCK == 0 or m + WIDE >= hi:
            fold(sums, total, C)
            fold(dots, products, C)


@inner
def _input_grad(i, p, one):
    """A share of the rows: dx = scale (dy - a - xhat b)."""
    M, C, size = integer(p, 0), integer(p, 1), size_of(one)
    lo, hi = part(M, i, TASKS)
    scale, a, b = wide(integer(p, 5), C, one), wide(integer(p, 6), C, one), wide(integer(p, 7), C, one)
    slope = get(p + 80, one)
    g = np.zeros(WIDE * C, scale.dtype)
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        dy, y = array(integer(p, 2) + size * m * C, n, one), array(integer(p, 9) + size * m * C, n, one)
        xhat, dx = array(integer(p, 4) + size * m * C, n, one), array(integer(p, 8) + size * m * C, n, one)
        for k in range(n):
            g[k] = (dy[k] if y[k] > 0 else slope * dy[k]) - a[k]
        for k in range(n):
            dx[k] = scale[k] * (g[k] - xhat[k] * b[k])


@task
def _moments32(i, p):
    _moments(i, p, np.float32(1))


@task
def _moments64(i, p):
    _moments(i, p, np.float64(1))


@task
def _normalise32(i, p):
    _normalise(i, p, np.float32(1))


@task
def _normalise64(i, p):
    _normalise(i, p, np.float64(1))


@task
def _gradient_sums32(i, p):
    _gradient_sums(i, p, np.float32(1))


@task
def _gradient_sums64(i, p):
    _gradient_sums(i, p, np.float64(1))


@task
def _input_grad32(i, p):
    _input_grad(i, p, np.float32(1))


@task
def _input_grad64(i, p):
    _input_grad(i, p, np.float64(1))


_TASKS = {
    4: (_moments32, _normalise32, _gradient_sums32, _input_grad32),
    8: (_moments64, _normalise64, _gradient_sums64, _input_grad64),
}


def _table(slope: float, dtype, *entries) -> np.ndarray:
    p = np.zeros(11, np.int64)
    p[: len(entries)] = [e.__array_interface__["data"][0] if isinstance(e, np.ndarray) else e for e in entries]
    p[10:11].view(dtype)[0] = slope
    return p


def _run(task, p: np.ndarray) -> None:
    run(parallel_for, task.address, TASKS, p.__array_interface__["data"][0])


def _usable(x, alike, of_channels) -> bool:
    """Whether the arrays have the shape of x (M, C), and the vectors C numbers; else the twin has its say."""
    return (
        x.dtype in DTYPES
        and x.size >= SMALL
        and all(a.shape == x.shape and a.dtype == x.dtype for a in alike)
        and all(v.shape == x.shape[1:] and v.dtype == x.dtype and v.flags.c_contiguous for v in of_channels)
    )


@batchnorm_forward.engine("numba")
def _(x, gamma, beta, *, eps, slope=1.0):
    if not _usable(x, (), (gamma, beta)):
        return batchnorm_forward.twin(x, gamma, beta, eps=eps, slope=slope)
    x, (M, C), dtype = np.ascontiguousarray(x), x.shape, x.dtype
    moments, normalise, _, _ = _TASKS[x.itemsize]
    sums, xhat, y = np.empty((TASKS, 2, C)), empty(x.shape, dtype), empty(x.shape, dtype)
    _run(moments, _table(slope, dtype, M, C, x, sums))
    shifted, squares = sums.sum(axis=0) / M
    mean, var = (x[0] + shifted).astype(dtype), np.maximum(squares - shifted**2, 0).astype(dtype)
    r = (1 / np.sqrt(var + dtype.type(eps))).astype(dtype)
    _run(normalise, _table(slope, dtype, M, C, x, sums, xhat, mean, r, gamma, beta, y))
    return y, xhat, r, mean, var


@batchnorm_backward.engine("numba")
def _(dy, y, xhat, gamma, r, *, slope=1.0, input_grad=True):
    if not _usable(dy, (y, xhat), (gamma, r)):
        return batchnorm_backward.twin(dy, y, xhat, gamma, r, slope=slope, input_grad=input_grad)
    dy, y, xhat = (np.ascontiguousarray(a) for a in (dy, y, xhat))
    (M, C), dtype = dy.shape, dy.dtype
    _, _, gradient_sums, input_gradient = _TASKS[dy.itemsize]
    sums = np.empty((TASKS, 2, C))
    _run(gradient_sums, _table(slope, dtype, M, C, dy, sums, xhat, 0, 0, 0, 0, y))
    dbeta, dgamma = sums.sum(axis=0)
    dx = None
    if input_grad:
        dx = empty(dy.shape, dtype)
        a, b, scale = (dbeta / M).astype(dtype), (dgamma / M).astype(dtype), gamma * r
        _run(input_gradient, _table(slope, dtype, M, C, dy, sums, xhat, scale, a, b, dx, y))
    return dx, dgamma.astype(dtype), dbeta.astype(dtype)
