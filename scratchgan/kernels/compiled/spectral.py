"""The power iteration.  Both of its products read Wm row by row, and a task handles some of the rows.

v = Wm^T u       a task adds up its rows, times their entries of u; then the sums of all tasks are added up in order
u = Wm v         a task computes the entries of u that belong to its rows
a / |a|          one task; the last |u| is sigma, because u^T Wm v = |Wm v| once u = Wm v / |Wm v|
"""

from __future__ import annotations

import numpy as np

from .. import spectral
from .gemm import DTYPES
from .pool import array, contiguous, float_task, part, run
from .tables import read, slots

SMALL = 4096  # weights with fewer entries are left to NumPy
GRAIN = 1 << 14  # entries that make a task worthwhile
MOST = 16  # largest number of tasks

ITERATION = slots("Wm u v sums sigma K Co tasks size which")
U, V = 0, 1  # `which` of the vectors `_finish` divides by its length


@float_task
def _down(i, p, one):
    """sums[i, c] = sum over the task's rows k of Wm[k, c] u[k]."""
    args = read(p, ITERATION)
    K, Co, size = args.K, args.Co, args.size
    u, sums = array(args.u, K, one), array(args.sums + i * Co * size, Co, one)
    first, last = part(K, i, args.tasks)
    for c in range(Co):
        sums[c] = 0
    for k in range(first, last):
        row = array(args.Wm + k * Co * size, Co, one)
        for c in range(Co):
            sums[c] += u[k] * row[c]


@float_task
def _up(i, p, one):
    """u[k] = sum over c of Wm[k, c] v[c], for the task's rows k."""
    args = read(p, ITERATION)
    K, Co, size = args.K, args.Co, args.size
    u, v = array(args.u, K, one), array(args.v, Co, one)
    first, last = part(K, i, args.tasks)
    for k in range(first, last):
        row = array(args.Wm + k * Co * size, Co, one)
        total = one - one
        for c in range(Co):
            total += row[c] * v[c]
        u[k] = total


@float_task
def _finish(i, p, one):
    """Divide u or v by its length; v is first computed as the sum of the tasks' sums, in order."""
    args = read(p, ITERATION)
    Co, tasks, which = args.Co, args.tasks, args.which
    a = array(args.u if which == U else args.v, args.K if which == U else Co, one)
    if which == V:
        sums = array(args.sums, tasks * Co, one)
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
    array(args.sigma, 1, one)[0] = length


@spectral.power_iteration.engine("numba")
def _(Wm, u, *, iterations):
    if Wm.dtype not in DTYPES or u.dtype != Wm.dtype or Wm.size < SMALL or u.shape != Wm.shape[:1] or iterations < 1:
        return spectral.power_iteration.twin(Wm, u, iterations=iterations)
    Wm, u, (K, Co) = contiguous(Wm), u.copy(), Wm.shape
    tasks = max(1, min(MOST, K, Wm.size // GRAIN))
    v, sums, sigma = np.empty(Co, Wm.dtype), np.empty((tasks, Co), Wm.dtype), np.empty(1, Wm.dtype)
    of_v, of_u = (
        ITERATION.table(Wm=Wm, u=u, v=v, sums=sums, sigma=sigma, K=K, Co=Co, tasks=tasks, size=Wm.itemsize, which=which)
        for which in (V, U)
    )
    for _ in range(iterations):
        run(_down[Wm.itemsize], tasks, of_v)
        run(_finish[Wm.itemsize], 1, of_v)
        run(_up[Wm.itemsize], tasks, of_u)
        run(_finish[Wm.itemsize], 1, of_u)
    return u, v, sigma[0]
