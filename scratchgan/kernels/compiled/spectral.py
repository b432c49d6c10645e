"""The power iteration: both products of a round read Wm row by row, and a task owns some rows.

v = Wm^T u       a task adds up its rows, times their entries of u; what the tasks have is then added up in order
u = Wm v         a task has its rows' entries of u
a / |a|          one task; the last length of u is sigma, for u^T Wm v = |Wm v| once u = Wm v / |Wm v|
"""

from __future__ import annotations

import numpy as np

from .. import spectral
from .conv import address, table
from .gemm import DTYPES
from .pool import _call, array, inner, integer, jit, parallel_for, part, run, task

SMALL = 4096  # entries of a weight below which NumPy does it
GRAIN = 1 << 14  # entries that a task is worth
MOST = 16  # tasks at most


@task
def _down32(i, p):
    _down(i, p, np.float32(1))


@task
def _down64(i, p):
    _down(i, p, np.float64(1))


@inner
def _down(i, p, one):
    """sums[i, c] = sum over the task's rows k of Wm[k, c] u[k]."""
    K, Co, size = integer(p, 5), integer(p, 6), integer(p, 8)
    u, sums = array(integer(p, 1), K, one), array(integer(p, 3) + i * Co * size, Co, one)
    first, last = part(K, i, integer(p, 7))
    for c in range(Co):
        sums[c] = 0
    for k in range(first, last):
        row = array(integer(p, 0) + k * Co * size, Co, one)
        for c in range(Co):
            sums[c] += u[k] * row[c]


@task
def _up32(i, p):
    _up(i, p, np.float32(1))


@task
def _up64(i, p):
    _up(i, p, np.float64(1))


@inner
def _up(i, p, one):
    """u[k] = sum over c of Wm[k, c] v[c], for the task's rows k."""
    K, Co, size = integer(p, 5), integer(p, 6), integer(p, 8)
    u, v = array(integer(p, 1), K, one), array(integer(p, 2), Co, one)
    first, last = part(K, i, integer(p, 7))
    for k in range(first, last):
        row = array(integer(p, 0) + k * Co * size, Co, one)
        total = one - one
        for c in range(Co):
            total += row[c] * v[c]
        u[k] = total


@task
def _finish32(which, p):
    _finish(which, p, np.float32(1))


@task
def _finish64(which, p):
    _finish(which, p, np.float64(1))


@inner
def _finish(which, p, one):
    """v = the tasks' sums, added up in order; or u as it is (`which` 0 or 1).  Then divided by its length."""
    K, Co, tasks = integer(p, 5), integer(p, 6), integer(p, 7)
    a = array(integer(p, 1 if which else 2), K if which else Co, one)
    if not which:
        sums = array(integer(p, 3), tasks * Co, one)
        for c in range(Co):
            a[c] = sums[c]
        for t in range(1, tasks):
            for c in range(Co):
                a[c] += sums[t * Co + c]
    total = one - one
    for e in range(len(a)):
        total += a[e] * a[e]
    length = np.sqrt(total)
    for e in range(len(a)):
        a[e] = one - one if length == 0 else a[e] / length
    array(integer(p, 4), 1, one)[0] = length


@jit
def _iterate(down, up, finish, tasks, iterations, p):
    for _ in range(iterations):
        parallel_for(down, tasks, p)
        _call(finish, 0, p)
        parallel_for(up, tasks, p)
        _call(finish, 1, p)


@spectral.power_iteration.engine("numba")
def _(Wm, u, *, iterations):
    if Wm.dtype not in DTYPES or u.dtype != Wm.dtype or Wm.size < SMALL or u.shape != Wm.shape[:1] or iterations < 1:
        return spectral.power_iteration.twin(Wm, u, iterations=iterations)
    Wm, u, (K, Co) = np.ascontiguousarray(Wm), u.copy(), Wm.shape
    tasks = max(1, min(MOST, K, Wm.size // GRAIN))
    v, sums, sigma = np.empty(Co, Wm.dtype), np.empty((tasks, Co), Wm.dtype), np.empty(1, Wm.dtype)
    p = table(Wm, u, v, sums, sigma, K, Co, tasks, Wm.itemsize)
    wide = Wm.itemsize == 8
    run(
        _iterate,
        *((f, d)[wide].address for f, d in ((_down32, _down64), (_up32, _up64), (_finish32, _finish64))),
        tasks,
        iterations,
        address(p),
    )
    return u, v, sigma[0]
