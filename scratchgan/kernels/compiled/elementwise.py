"""Activations and their gradients, with the sum that the bias before them wants: one pass over memory each."""

from __future__ import annotations

import numpy as np

from ..activations import leaky_relu, leaky_relu_grad, leaky_relu_grad_sum
from ..products import channel_dot, channel_sum
from .gemm import DTYPES
from .pool import (
    address_of,
    array,
    empty,
    get,
    inner,
    integer,
    jit,
    keep,
    parallel_for,
    part,
    put,
    run,
    share,
    size_of,
    task,
)

SMALL = 2048  # fewer numbers than this are left to NumPy
BLOCK = 128  # rows that are added up in the numbers' own precision


@inner
def _leaky(i, p, one):
    n, tasks, slope = integer(p, 2), integer(p, 3), get(p + 32, one)
    x, y = share(integer(p, 0), n, i, tasks, one), share(integer(p, 1), n, i, tasks, one)
    for k in range(x.size):
        y[k] = x[k] if x[k] > 0 else slope * x[k]


@inner
def _leaky_grad(i, p, one):
    n, tasks, slope = integer(p, 3), integer(p, 4), get(p + 40, one)
    dy, y = share(integer(p, 0), n, i, tasks, one), share(integer(p, 1), n, i, tasks, one)
    dx = share(integer(p, 2), n, i, tasks, one)
    for k in range(dx.size):
        dx[k] = dy[k] if y[k] > 0 else slope * dy[k]


@inner
def _sums(i, p, one):
    """A share of the rows: sum of a, of a b, or of leaky's gradient; into the share's row of float64 partial sums.

    Blocks of 128 rows are added up in the numbers' own precision, the blocks in float64: rounding errors do not grow
    with the number of rows.
    """
    kind, M, C, tasks = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3)
    lo, hi = part(M, i, tasks)
    total = array(integer(p, 7) + 8 * C * i, C, 1.0)
    block = np.empty(C, array(integer(p, 4), 1, one).dtype)
    slope = get(p + 64, one)
    for c in range(C):
        total[c] = 0
    for m0 in range(lo, hi, BLOCK):
        for c in range(C):
            block[c] = 0
        for m in range(m0, min(m0 + BLOCK, hi)):
            at = size_of(one) * m * C
            a = array(integer(p, 4) + at, C, one)
            if kind == 0:
                for c in range(C):
                    block[c] += a[c]
            elif kind == 1:
                b = array(integer(p, 5) + at, C, one)
                for c in range(C):
                    block[c] += a[c] * b[c]
            else:
                y, dx = array(integer(p, 5) + at, C, one), array(integer(p, 6) + at, C, one)
                for c in range(C):
                    dx[c] = a[c] if y[c] > 0 else slope * a[c]
                for c in range(C):
                    block[c] += dx[c]
        for c in range(C):
            total[c] += block[c]


@task
def _leaky32(i, p):
    _leaky(i, p, np.float32(1))


@task
def _leaky64(i, p):
    _leaky(i, p, np.float64(1))


@task
def _leaky_grad32(i, p):
    _leaky_grad(i, p, np.float32(1))


@task
def _leaky_grad64(i, p):
    _leaky_grad(i, p, np.float64(1))


@task
def _sums32(i, p):
    _sums(i, p, np.float32(1))


@task
def _sums64(i, p):
    _sums(i, p, np.float64(1))


@jit
def _launch_leaky(address, x, y, slope):
    p = np.empty(5, np.int64)
    n = x.size
    tasks = 1 if n < 1 << 14 else 8
    p[0], p[1], p[2], p[3] = address_of(x), address_of(y), n, tasks
    put(address_of(p) + 32, slope)
    parallel_for(address, tasks, address_of(p))
    keep(p)


@jit
def _launch_leaky_grad(address, dy, y, dx, slope):
    p = np.empty(6, np.int64)
    n = dy.size
    tasks = 1 if n < 1 << 14 else 8
    p[0], p[1], p[2], p[3], p[4] = address_of(dy), address_of(y), address_of(dx), n, tasks
    put(address_of(p) + 40, slope)
    parallel_for(address, tasks, address_of(p))
    keep(p)


@jit
def _launch_sums(address, kind, a, b, dx, out, slope):
    C = out.size
    M = a.size // C
    tasks = 1 if a.size < 1 << 14 else 8
    partial = np.empty((tasks, C), np.float64)
    p = np.empty(9, np.int64)
    p[0], p[1], p[2], p[3], p[4] = kind, M, C, tasks, address_of(a)
    p[5], p[6], p[7] = address_of(b), address_of(dx), address_of(partial)
    put(address_of(p) + 64, slope)
    parallel_for(address, tasks, address_of(p))
    for c in range(C):
        total = partial[0, c]
        for t in range(1, tasks):
            total += partial[t, c]
        out[c] = total
    keep(partial, p)


def _usable(*arrays) -> bool:
    """Whether all have one shape and a dtype that is compiled for, and are large enough; else the twin has its say."""
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
    run(_launch_leaky, (_leaky32 if x.itemsize == 4 else _leaky64).address, flat(x), y.reshape(-1), x.dtype.type(slope))
    return y


@leaky_relu_grad.engine("numba")
def _(dy, y, *, slope):
    if not _usable(dy, y):
        return leaky_relu_grad.twin(dy, y, slope=slope)
    dx = empty(dy.shape, dy.dtype)
    run(
        _launch_leaky_grad,
        (_leaky_grad32 if dy.itemsize == 4 else _leaky_grad64).address,
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
        (_sums32 if dy.itemsize == 4 else _sums64).address,
        2,
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
    run(_launch_sums, (_sums32 if a.itemsize == 4 else _sums64).address, 0, a, a, a, total, a.dtype.type(1))
    return total


@channel_dot.engine("numba")
def _(a, b):
    if not _usable(a, b):
        return channel_dot.twin(a, b)
    a, b, total = flat(a), flat(b), np.empty(a.shape[1], a.dtype)
    run(_launch_sums, (_sums32 if a.itemsize == 4 else _sums64).address, 1, a, b, a, total, a.dtype.type(1))
    return total
