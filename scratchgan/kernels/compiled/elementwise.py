"""Activations, their gradients, and sums over rows (such as the gradient of a bias): one pass over memory each."""

from __future__ import annotations

import numpy as np

from ..activations import leaky_relu, leaky_relu_grad, leaky_relu_grad_sum
from ..products import channel_dot, channel_sum
from .gemm import DTYPES
from .pool import (
    address_of,
    array,
    empty,
    float_task,
    jit,
    keep,
    parallel_for,
    part,
    put,
    run,
    share,
    size_of,
)
from .tables import read, real, slots

SMALL = 2048  # arrays with fewer numbers are left to NumPy
BLOCK = 128  # rows that are added up in the dtype of the arrays

LEAKY = slots("x y n tasks slope")
LEAKY_GRAD = slots("dy y dx n tasks slope")
SUMS = slots("kind M C tasks a b dx partial slope")
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
    block = np.empty(C, array(args.a, 1, one).dtype)
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


@jit
def _launch_leaky(address, x, y, slope):
    p, n = np.empty(len(LEAKY), np.int64), x.size
    tasks = 1 if n < 1 << 14 else 8
    p[LEAKY.x], p[LEAKY.y], p[LEAKY.n], p[LEAKY.tasks] = address_of(x), address_of(y), n, tasks
    put(address_of(p) + 8 * LEAKY.slope, slope)
    parallel_for(address, tasks, address_of(p))
    keep(p)


@jit
def _launch_leaky_grad(address, dy, y, dx, slope):
    p, n = np.empty(len(LEAKY_GRAD), np.int64), dy.size
    tasks = 1 if n < 1 << 14 else 8
    p[LEAKY_GRAD.dy], p[LEAKY_GRAD.y], p[LEAKY_GRAD.dx] = address_of(dy), address_of(y), address_of(dx)
    p[LEAKY_GRAD.n], p[LEAKY_GRAD.tasks] = n, tasks
    put(address_of(p) + 8 * LEAKY_GRAD.slope, slope)
    parallel_for(address, tasks, address_of(p))
    keep(p)


@jit
def _launch_sums(address, kind, a, b, dx, out, slope):
    C = out.size
    M = a.size // C
    tasks = 1 if a.size < 1 << 14 else 8
    partial = np.empty((tasks, C), np.float64)
    p = np.empty(len(SUMS), np.int64)
    p[SUMS.kind], p[SUMS.M], p[SUMS.C], p[SUMS.tasks] = kind, M, C, tasks
    p[SUMS.a], p[SUMS.b], p[SUMS.dx] = address_of(a), address_of(b), address_of(dx)
    p[SUMS.partial] = address_of(partial)
    put(address_of(p) + 8 * SUMS.slope, slope)
    parallel_for(address, tasks, address_of(p))
    for c in range(C):
        total = partial[0, c]
        for t in range(1, tasks):
            total += partial[t, c]
        out[c] = total
    keep(partial, p)


def _usable(*arrays) -> bool:
    """Whether all have the same shape and a compiled dtype, and are large enough; if not, the twin is called."""
    first = arrays[0]
    alike = all(a.dtype == first.dtype and a.shape == first.shape for a in arrays)
    return alike and first.dtype in DTYPES and first.size >= SMALL


def flat(a: np.ndarray) -> np.ndarray:
    """The numbers of `a` in row-major order, as one contiguous vector."""
    return np.ascontiguousarray(a).reshape(-1)


@leaky_relu.engine("numba")
def _(x, *, slope):
    if not _usable(x):
        return leaky_relu.twin(x, slope=slope)
    y = empty(x.shape, x.dtype)
    run(_launch_leaky, _leaky[x.itemsize].address, flat(x), y.reshape(-1), x.dtype.type(slope))
    return y


@leaky_relu_grad.engine("numba")
def _(dy, y, *, slope):
    if not _usable(dy, y):
        return leaky_relu_grad.twin(dy, y, slope=slope)
    dx = empty(dy.shape, dy.dtype)
    run(
        _launch_leaky_grad,
        _leaky_grad[dy.itemsize].address,
        flat(dy),
        flat(y),
        dx.reshape(-1),
        dy.dtype.type(slope),
    )
    return dx


@leaky_relu_grad_sum.engine("numba")
def _(dy, y, *, slope):
    if not _usable(dy, y):
        return leaky_relu_grad_sum.twin(dy, y, slope=slope)
    dx, total = empty(dy.shape, dy.dtype), np.empty(dy.shape[-1], dy.dtype)
    run(
        _launch_sums,
        _sums[dy.itemsize].address,
        LEAKY_GRAD_SUM,
        flat(dy),
        flat(y),
        dx.reshape(-1),
        total,
        dy.dtype.type(slope),
    )
    return dx, total


@channel_sum.engine("numba")
def _(a):
    if not _usable(a):
        return channel_sum.twin(a)
    a, total = flat(a), np.empty(a.shape[1], a.dtype)
    run(_launch_sums, _sums[a.itemsize].address, SUM, a, a, a, total, a.dtype.type(1))
    return total


@channel_dot.engine("numba")
def _(a, b):
    if not _usable(a, b):
        return channel_dot.twin(a, b)
    a, b, total = flat(a), flat(b), np.empty(a.shape[1], a.dtype)
    run(_launch_sums, _sums[a.itemsize].address, DOT, a, b, a, total, a.dtype.type(1))
    return total
