"""Batch normalisation together with the activation that follows it: two passes over memory forward, two backward.

The moments take one pass.  Let s be a sample of the channel, and m the mean over all samples:

    mean = s + m(x - s),     var = m((x - s)^2) - m(x - s)^2

Because s lies within a few standard deviations of the mean, this loses almost no digits.  (Chan, Golub & LeVeque 1983:
shifted data.)  Each share of the rows has its own sums: within a block of rows in the dtype of the arrays, over the
blocks in float64.  The shares are added up in order.

A row of channels is short, and short loops are slow.  So the constants of the channels are repeated for 16 rows
(`wide`), and loops run over 16 rows at once.  The sums are kept for 16 rows as well, and folded afterwards.
"""

from __future__ import annotations

import numpy as np

from ..normalisation import batchnorm_backward, batchnorm_forward
from .gemm import DTYPES
from .pool import array, empty, float_task, inner, part, run, size_of
from .tables import read, real, slots

TASKS = 8
SMALL = 1024  # arrays with fewer numbers are left to NumPy
WIDE = 16  # rows that a loop runs over at once
BLOCK = 8  # BLOCK * WIDE rows are added up in the dtype of the arrays

MOMENTS = slots("M C x sums")
NORMALISE = slots("M C x xhat mean r gamma beta y slope")
GRADIENT_SUMS = slots("M C dy y xhat sums slope")
INPUT_GRAD = slots("M C dy y xhat scale a b dx slope")


@inner
def wide(address, C, one):
    """The C numbers at an address, repeated WIDE times."""
    numbers = array(address, C, one)
    repeated = np.empty(WIDE * C, numbers.dtype)
    for k in range(WIDE):
        for c in range(C):
            repeated[k * C + c] = numbers[c]
    return repeated


@inner
def fold(sums, total, C):
    """Add the sums of WIDE rows to `total` (C,), and set them to zero."""
    for k in range(WIDE):
        for c in range(C):
            total[c] += sums[k * C + c]
    for k in range(WIDE * C):
        sums[k] = 0


@float_task
def _moments(i, p, one):
    """Sums of x - s and of (x - s)^2 over a share of the rows; s is the first row of x."""
    args, size = read(p, MOMENTS), size_of(one)
    M, C = args.M, args.C
    lo, hi = part(M, i, TASKS)
    s, at = wide(args.x, C, one), args.sums + 16 * C * i
    total, squares = array(at, C, 1.0), array(at + 8 * C, C, 1.0)
    first, second = np.zeros(WIDE * C, s.dtype), np.zeros(WIDE * C, s.dtype)
    for c in range(C):
        total[c], squares[c] = 0, 0
    blocks = 0
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        x = array(args.x + size * m * C, n, one)
        for k in range(n):
            d = x[k] - s[k]
            first[k] += d
            second[k] += d * d
        blocks += 1
        if blocks % BLOCK == 0 or m + WIDE >= hi:
            fold(first, total, C)
            fold(second, squares, C)


@float_task
def _normalise(i, p, one):
    """xhat and y for a share of the rows."""
    args, size = read(p, NORMALISE), size_of(one)
    M, C = args.M, args.C
    lo, hi = part(M, i, TASKS)
    mean, r = wide(args.mean, C, one), wide(args.r, C, one)
    gamma, beta, slope = wide(args.gamma, C, one), wide(args.beta, C, one), real(p, NORMALISE.slope, one)
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        x, xhat = array(args.x + size * m * C, n, one), array(args.xhat + size * m * C, n, one)
        y = array(args.y + size * m * C, n, one)
        for k in range(n):  # two loops: the compiler does not vectorise one with seven arrays
            xhat[k] = (x[k] - mean[k]) * r[k]
        for k in range(n):
            v = gamma[k] * xhat[k] + beta[k]
            y[k] = v if v > 0 else slope * v


@float_task
def _gradient_sums(i, p, one):
    """Sums of g and of g xhat over a share of the rows; g is dy after the activation's gradient."""
    args, size = read(p, GRADIENT_SUMS), size_of(one)
    M, C = args.M, args.C
    lo, hi = part(M, i, TASKS)
    at, slope = args.sums + 16 * C * i, real(p, GRADIENT_SUMS.slope, one)
    total, products = array(at, C, 1.0), array(at + 8 * C, C, 1.0)
    dtype = array(args.dy, 1, one).dtype
    sums, dots, g = np.zeros(WIDE * C, dtype), np.zeros(WIDE * C, dtype), np.zeros(WIDE * C, dtype)
    for c in range(C):
        total[c], products[c] = 0, 0
    blocks = 0
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        dy, y = array(args.dy + size * m * C, n, one), array(args.y + size * m * C, n, one)
        xhat = array(args.xhat + size * m * C, n, one)
        for k in range(n):
            g[k] = dy[k] if y[k] > 0 else slope * dy[k]
        for k in range(n):
            sums[k] += g[k]
            dots[k] += g[k] * xhat[k]
        blocks += 1
        if blocks % BLOCK == 0 or m + WIDE >= hi:
            fold(sums, total, C)
            fold(dots, products, C)


@float_task
def _input_grad(i, p, one):
    """dx = scale (g - a - xhat b) for a share of the rows; g is dy after the activation's gradient."""
    args, size = read(p, INPUT_GRAD), size_of(one)
    M, C = args.M, args.C
    lo, hi = part(M, i, TASKS)
    scale, a, b = wide(args.scale, C, one), wide(args.a, C, one), wide(args.b, C, one)
    slope = real(p, INPUT_GRAD.slope, one)
    g = np.zeros(WIDE * C, scale.dtype)
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        dy, y = array(args.dy + size * m * C, n, one), array(args.y + size * m * C, n, one)
        xhat, dx = array(args.xhat + size * m * C, n, one), array(args.dx + size * m * C, n, one)
        for k in range(n):
            g[k] = (dy[k] if y[k] > 0 else slope * dy[k]) - a[k]
        for k in range(n):
            dx[k] = scale[k] * (g[k] - xhat[k] * b[k])


def _usable(x, alike, of_channels) -> bool:
    """Whether the arrays have the shape of x (M, C) and the vectors C numbers; if not, the twin is called."""
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
    sums, xhat, y = np.empty((TASKS, 2, C)), empty(x.shape, dtype), empty(x.shape, dtype)
    run(_moments[x.itemsize], TASKS, MOMENTS.table(M=M, C=C, x=x, sums=sums))
    shifted, squares = sums.sum(axis=0) / M
    mean, var = (x[0] + shifted).astype(dtype), np.maximum(squares - shifted**2, 0).astype(dtype)
    r = (1 / np.sqrt(var + dtype.type(eps))).astype(dtype)
    p = NORMALISE.table(M=M, C=C, x=x, xhat=xhat, mean=mean, r=r, gamma=gamma, beta=beta, y=y, slope=dtype.type(slope))
    run(_normalise[x.itemsize], TASKS, p)
    return y, xhat, r, mean, var


@batchnorm_backward.engine("numba")
def _(dy, y, xhat, gamma, r, *, slope=1.0, input_grad=True):
    if not _usable(dy, (y, xhat), (gamma, r)):
        return batchnorm_backward.twin(dy, y, xhat, gamma, r, slope=slope, input_grad=input_grad)
    dy, y, xhat = (np.ascontiguousarray(a) for a in (dy, y, xhat))
    (M, C), dtype = dy.shape, dy.dtype
    slope, sums = dtype.type(slope), np.empty((TASKS, 2, C))
    run(
        _gradient_sums[dy.itemsize], TASKS, GRADIENT_SUMS.table(M=M, C=C, dy=dy, y=y, xhat=xhat, sums=sums, slope=slope)
    )
    dbeta, dgamma = sums.sum(axis=0)
    dx = None
    if input_grad:
        dx = empty(dy.shape, dtype)
        a, b, scale = (dbeta / M).astype(dtype), (dgamma / M).astype(dtype), gamma * r
        p = INPUT_GRAD.table(M=M, C=C, dy=dy, y=y, xhat=xhat, scale=scale, a=a, b=b, dx=dx, slope=slope)
        run(_input_grad[dy.itemsize], TASKS, p)
    return dx, dgamma.astype(dtype), dbeta.astype(dtype)
