"""Activations, their gradients, and sums over rows (such as the gradient of a bias): one pass over memory each."""

from __future__ import annotations

import numpy as np

from ..activations import leaky_relu, leaky_relu_grad, leaky_relu_grad_sum
from ..products import channel_dot, channel_sum
from .gemm import DTYPES
from .pool import array, contiguous, empty, float_task, part, release, run, scratch, share, size_of
from .tables import read, real, slots

SMALL = 2048  # arrays with fewer numbers are left to NumPy
BLOCK = 128  # rows that are added up in the dtype of the arrays

LEAKY = slots("x y n tasks slope")
LEAKY_GRAD = slots("dy y dx n tasks slope")
SUMS = slots("kind M C tasks a b dx partial out slope")
SUM, DOT, LEAKY_GRAD_SUM = range(3)  # the kinds


@float_task
def _leaky(i, p, one):
    """y = x where x > 0, else slope x."""
    args, slope = read(p, LEAKY), real(p, LEAKY.slope, one)
    x, y = share(args.x, args.n, i, args.tasks, one), share(args.y, args.n, i, args.tasks, one)
    for k in range(x.size):
        y[k] = x[k] if x[k] > 0 else slope * x[k]


@float_task
def _leaky_grad(i, p, one):
    """dx = dy where y > 0, else slope dy."""
    args, slope = read(p, LEAKY_GRAD), real(p, LEAKY_GRAD.slope, one)
    dy, y = share(args.dy, args.n, i, args.tasks, one), share(args.y, args.n, i, args.tasks, one)
    dx = share(args.dx, args.n, i, args.tasks, one)
    for k in range(dx.size):
        dx[k] = dy[k] if y[k] > 0 else slope * dy[k]


@float_task
def _sums(i, p, one):
    """Sums over a share of the rows, in float64: of a, of a b, or of leaky's gradient, for dy = a and y = b.

    Blocks of 128 rows are added up in the dtype of the arrays, the blocks in float64: then rounding errors do not grow
    with the number of rows.
    """
    args, slope = read(p, SUMS), real(p, SUMS.slope, one)
    C = args.C
    lo, hi = part(args.M, i, args.tasks)
    total = array(args.partial + 8 * C * i, C, 1.0)
    memory = scratch(C * size_of(one))
    block = array(memory, C, one)
    for c in range(C):
        total[c] = 0
    for m0 in range(lo, hi, BLOCK):
        for c in range(C):
            block[c] = 0
        for m in range(m0, min(m0 + BLOCK, hi)):
            at = size_of(one) * m * C
            a = array(args.a + at, C, one)
            if args.kind == SUM:
                for c in range(C):
                    block[c] += a[c]
            elif args.kind == DOT:
                b = array(args.b + at, C, one)
                for c in range(C):
                    block[c] += a[c] * b[c]
            else:
                y, dx = array(args.b + at, C, one), array(args.dx + at, C, one)
                for c in range(C):
                    dx[c] = a[c] if y[c] > 0 else slope * a[c]
                for c in range(C):
                    block[c] += dx[c]
        for c in range(C):
            total[c] += block[c]
    release(memory)


@float_task
def _add_up(i, p, one):
    """out = the sums of all tasks, added up in order."""
    args = read(p, SUMS)
    C, out = args.C, array(args.out, args.C, one)
    partial = array(args.partial, args.tasks * C, 1.0)
    for c in range(C):
        total = partial[c]
        for t in range(1, args.tasks):
            total += partial[t * C + c]
        out[c] = total


def _tasks(n: int) -> int:
    return 1 if n < 1 << 14 else 8


def _run_sums(kind: int, a, b, dx, out, slope=1.0) -> None:
    """Run `_sums` on arrays of any shape, with as many channels as `out` has numbers, and write the totals to `out`."""
    C, size, tasks = out.size, a.itemsize, _tasks(a.size)
    partial = empty((tasks, C), np.float64)
    slope = a.dtype.type(slope)
    p = SUMS.table(kind=kind, M=a.size // C, C=C, tasks=tasks, a=a, b=b, dx=dx, partial=partial, out=out, slope=slope)
    run(_add_up[size], 1, p, first=_sums[size], n_first=tasks)


def _usable(*arrays) -> bool:
    """Whether all have the same shape and a compiled dtype, and are large enough; if not, the twin is called."""
    first = arrays[0]
    alike = all(a.dtype == first.dtype and a.shape == first.shape for a in arrays)
    return alike and first.dtype in DTYPES and first.size >= SMALL


@leaky_relu.engine("numba")
def _(x, *, slope):
    if not _usable(x):
        return leaky_relu.twin(x, slope=slope)
    x, y, tasks = contiguous(x), empty(x.shape, x.dtype), _tasks(x.size)
    run(_leaky[x.itemsize], tasks, LEAKY.table(x=x, y=y, n=x.size, tasks=tasks, slope=x.dtype.type(slope)))
    return y


@leaky_relu_grad.engine("numba")
def _(dy, y, *, slope):
    if not _usable(dy, y):
        return leaky_relu_grad.twin(dy, y, slope=slope)
    dy, y, dx, tasks = contiguous(dy), contiguous(y), empty(dy.shape, dy.dtype), _tasks(dy.size)
    p = LEAKY_GRAD.table(dy=dy, y=y, dx=dx, n=dy.size, tasks=tasks, slope=dy.dtype.type(slope))
    run(_leaky_grad[dy.itemsize], tasks, p)
    return dx


@leaky_relu_grad_sum.engine("numba")
def _(dy, y, *, slope):
    if not _usable(dy, y):
        return leaky_relu_grad_sum.twin(dy, y, slope=slope)
    dx, total = empty(dy.shape, dy.dtype), empty(dy.shape[-1:], dy.dtype)
    _run_sums(LEAKY_GRAD_SUM, contiguous(dy), contiguous(y), dx, total, slope)
    return dx, total


@channel_sum.engine("numba")
def _(a):
    if not _usable(a):
        return channel_sum.twin(a)
    a, total = contiguous(a), empty(a.shape[-1:], a.dtype)
    _run_sums(SUM, a, a, a, total)
    return total


@channel_dot.engine("numba")
def _(a, b):
    if not _usable(a, b):
        return channel_dot.twin(a, b)
    a, b, total = contiguous(a), contiguous(b), empty(a.shape[-1:], a.dtype)
    _run_sums(DOT, a, b, a, total)
    return total
