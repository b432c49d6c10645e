"""Batch normalisation together with the activation that follows it: two passes over memory forward, two backward.

The moments take one pass.  Let s be a sample of the channel, and m the mean over all samples:

    mean = s + m(x - s),     var = m((x - s)^2) - m(x - s)^2

Because s lies within a few standard deviations of the mean, this loses almost no digits.  (Chan, Golub & LeVeque 1983:
shifted data.)  Each share of the rows has its own sums: within a block of rows in the dtype of the arrays, over the
blocks in float64.  The shares are added up in order.

A row of channels is short, and short loops are slow.  So the constants of the channels are repeated for 16 rows
(`_widen`), and loops run over 16 rows at once.  The sums are kept for 16 rows as well, and folded afterwards.
"""

from __future__ import annotations

import numpy as np

from ..normalisation import batchnorm_backward, batchnorm_forward
from .compiling import inner
from .gemm import DTYPES
from .pool import array, contiguous, empty, fill_zeros, float_task, integer, part, release, run, scratch, size_of
from .tables import read, real, slots

TASKS = 8
SMALL = 1024  # arrays with fewer numbers are left to NumPy
WIDE = 16  # rows that a loop runs over at once
BLOCK = 8  # BLOCK * WIDE rows are added up in the dtype of the arrays

# Tables begin with the entries of WIDEN, whose `first` is the address of the first of the vectors to be repeated, and
# `rows` is WIDE.  (The compiler would write out a loop of 16 turns 16 times, and take seconds for that.)
WIDEN = slots("M C rows wide first")
MOMENTS = slots("M C rows wide s x sums")
NORMALISE = slots("M C rows wide mean r gamma beta x xhat y slope")
GRADIENT_SUMS = slots("M C rows dy y xhat sums slope")
INPUT_GRAD = slots("M C rows wide scale a b dy y xhat dx slope")


@float_task
def _widen(v, p, one):
    """Repeat the C numbers of vector v of the table WIDE times."""
    args, source = read(p, WIDEN), integer(p, WIDEN.first + v)
    C, rows = args.C, args.rows
    numbers, repeated = array(source, C, one), array(args.wide + v * rows * C * size_of(one), rows * C, one)
    for k in range(rows):
        for c in range(C):
            repeated[k * C + c] = numbers[c]


@inner
def fold(sums, total, rows, C):
    """Add both sums of a number of rows, sums (2, rows, C), to `total` (2, C), and set them to zero."""
    for k in range(2 * rows):
        at = C if k >= rows else 0
        for c in range(C):
            total[at + c] += sums[k * C + c]
    for k in range(2 * rows * C):
        sums[k] = 0


@float_task
def _moments(i, p, one):
    """Sums of x - s and of (x - s)^2 over a share of the rows; s is the first row of x."""
    args, size = read(p, MOMENTS), size_of(one)
    M, C = args.M, args.C
    lo, hi = part(M, i, TASKS)
    s, total = array(args.wide, WIDE * C, one), array(args.sums + 16 * C * i, 2 * C, 1.0)
    memory = scratch(2 * WIDE * C * size)
    both = array(memory, 2 * WIDE * C, one)
    first, second = array(memory, WIDE * C, one), array(memory + WIDE * C * size, WIDE * C, one)
    fill_zeros(memory, 2 * WIDE * C, one)
    for c in range(2 * C):
        total[c] = 0
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
            fold(both, total, args.rows, C)
    release(memory)


@float_task
def _normalise(i, p, one):
    """xhat and y for a share of the rows."""
    args, size = read(p, NORMALISE), size_of(one)
    M, C, slope = args.M, args.C, real(p, NORMALISE.slope, one)
    lo, hi = part(M, i, TASKS)
    n = WIDE * C
    mean, r = array(args.wide, n, one), array(args.wide + n * size, n, one)
    gamma, beta = array(args.wide + 2 * n * size, n, one), array(args.wide + 3 * n * size, n, one)
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
    M, C, slope = args.M, args.C, real(p, GRADIENT_SUMS.slope, one)
    lo, hi = part(M, i, TASKS)
    total, n = array(args.sums + 16 * C * i, 2 * C, 1.0), WIDE * C
    memory = scratch(3 * n * size)
    both, g = array(memory, 2 * n, one), array(memory + 2 * n * size, n, one)
    sums, dots = array(memory, n, one), array(memory + n * size, n, one)
    fill_zeros(memory, 2 * n, one)
    for c in range(2 * C):
        total[c] = 0
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
            fold(both, total, args.rows, C)
    release(memory)


@float_task
def _input_grad(i, p, one):
    """dx = scale (g - a - xhat b) for a share of the rows; g is dy after the activation's gradient."""
    args, size = read(p, INPUT_GRAD), size_of(one)
    M, C, slope = args.M, args.C, real(p, INPUT_GRAD.slope, one)
    lo, hi = part(M, i, TASKS)
    n = WIDE * C
    scale, a = array(args.wide, n, one), array(args.wide + n * size, n, one)
    b, memory = array(args.wide + 2 * n * size, n, one), scratch(n * size)
    g = array(memory, n, one)
    for m in range(lo, hi, WIDE):
        n = min(WIDE, hi - m) * C
        dy, y = array(args.dy + size * m * C, n, one), array(args.y + size * m * C, n, one)
        xhat, dx = array(args.xhat + size * m * C, n, one), array(args.dx + size * m * C, n, one)
        for k in range(n):
            g[k] = (dy[k] if y[k] > 0 else slope * dy[k]) - a[k]
        for k in range(n):
            dx[k] = scale[k] * (g[k] - xhat[k] * b[k])
    release(memory)


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
    x, (M, C), dtype = contiguous(x), x.shape, x.dtype
    size, sums, xhat, y = x.itemsize, empty((TASKS, 2, C), np.float64), empty(x.shape, dtype), empty(x.shape, dtype)
    wide = empty((4, WIDE, C), dtype)
    run(
        _moments[size],
        TASKS,
        MOMENTS.table(M=M, C=C, rows=WIDE, wide=wide, s=x, x=x, sums=sums),
        first=_widen[size],
        n_first=1,
    )
    shifted, squares = sums.sum(axis=0) / M
    mean, var = (x[0] + shifted).astype(dtype), np.maximum(squares - shifted**2, 0).astype(dtype)
    r = (1 / np.sqrt(var + dtype.type(eps))).astype(dtype)
    p = NORMALISE.table(
        M=M,
        C=C,
        rows=WIDE,
        wide=wide,
        mean=mean,
        r=r,
        gamma=gamma,
        beta=beta,
        x=x,
        xhat=xhat,
        y=y,
        slope=dtype.type(slope),
    )
    run(_normalise[size], TASKS, p, first=_widen[size], n_first=-4)
    return y, xhat, r, mean, var


@batchnorm_backward.engine("numba")
def _(dy, y, xhat, gamma, r, *, slope=1.0, input_grad=True):
    if not _usable(dy, (y, xhat), (gamma, r)):
        return batchnorm_backward.twin(dy, y, xhat, gamma, r, slope=slope, input_grad=input_grad)
    dy, y, xhat = (contiguous(a) for a in (dy, y, xhat))
    (M, C), dtype = dy.shape, dy.dtype
    size, slope, sums = dy.itemsize, dtype.type(slope), empty((TASKS, 2, C), np.float64)
    run(
        _gradient_sums[size],
        TASKS,
        GRADIENT_SUMS.table(M=M, C=C, rows=WIDE, dy=dy, y=y, xhat=xhat, sums=sums, slope=slope),
    )
    dbeta, dgamma = sums.sum(axis=0)
    dx = None
    if input_grad:
        dx, wide = empty(dy.shape, dtype), empty((3, WIDE, C), dtype)
        a, b, scale = (dbeta / M).astype(dtype), (dgamma / M).astype(dtype), gamma * r
        p = INPUT_GRAD.table(
            M=M, C=C, rows=WIDE, wide=wide, scale=scale, a=a, b=b, dy=dy, y=y, xhat=xhat, dx=dx, slope=slope
        )
        run(_input_grad[size], TASKS, p, first=_widen[size], n_first=-3)
    return dx, dgamma.astype(dtype), dbeta.astype(dtype)
