"""Products with one column, or of one term: each number is read once, so that no tile could save anything.

column            c[m] = sum over k of a[m, k] b[k]        a task: some rows, each a dot product
column of A^T     c[m] = sum over k of a[k, m] b[k]        a task: some entries m, for which rows of a are added up
outer             c[m, n] = a[m] b[n]                      a task: some rows
"""

from __future__ import annotations

import numpy as np

from .pool import address_of, array, inner, integer, jit, keep, parallel_for, part, run, share, task

TASKS = 8


@inner
def _column(i, p, one):
    M, K = integer(p, 3), integer(p, 4)
    b, c = array(integer(p, 1), K, one), array(integer(p, 2), M, one)
    lo, hi = part(M, i, TASKS)
    for m in range(lo, hi):
        row = array(integer(p, 0) + b.itemsize * K * m, K, one)
        total = one - one
        for k in range(K):
            total += row[k] * b[k]
        c[m] = total


@inner
def _column_transposed(i, p, one):
    M, K = integer(p, 3), integer(p, 4)
    b, c = array(integer(p, 1), K, one), share(integer(p, 2), M, i, TASKS, one)
    for m in range(c.size):
        c[m] = 0
    for k in range(K):
        row = share(integer(p, 0) + b.itemsize * M * k, M, i, TASKS, one)
        for m in range(c.size):
            c[m] += row[m] * b[k]


@inner
def _outer(i, p, one):
    M, N = integer(p, 3), integer(p, 4)
    a, b = array(integer(p, 0), M, one), array(integer(p, 1), N, one)
    lo, hi = part(M, i, TASKS)
    for m in range(lo, hi):
        row = array(integer(p, 2) + b.itemsize * N * m, N, one)
        for n in range(N):
            row[n] = a[m] * b[n]


@task
def _column32(i, p):
    _column(i, p, np.float32(1))


@task
def _column64(i, p):
    _column(i, p, np.float64(1))


@task
def _column_transposed32(i, p):
    _column_transposed(i, p, np.float32(1))


@task
def _column_transposed64(i, p):
    _column_transposed(i, p, np.float64(1))


@task
def _outer32(i, p):
    _outer(i, p, np.float32(1))


@task
def _outer64(i, p):
    _outer(i, p, np.float64(1))


@jit
def _launch(address, a, b, c, first, second):
    p = np.empty(6, np.int64)
    p[0], p[1], p[2], p[3], p[4] = address_of(a), address_of(b), address_of(c), first, second
    parallel_for(address, np.int64(TASKS), address_of(p))
    keep(p)


def column(a, b, transposed):
    """C = A b or A^T b, of shape (M, 1), for contiguous A and b with one column."""
    kind = (_column_transposed32, _column_transposed64) if transposed else (_column32, _column64)
    M, K = a.shape[::-1] if transposed else a.shape
    c = np.empty((M, 1), a.dtype)
    run(_launch, kind[a.itemsize == 8].address, a, b, c, M, K)
    return c


def outer(a, b):
    """C = a b of shape (M, N), for contiguous a with M numbers and b with N."""
    c = np.empty((a.size, b.size), a.dtype)
    run(_launch, (_outer32, _outer64)[a.itemsize == 8].address, a, b, c, a.size, b.size)
    return c
