"""Products with one column, or with one term per sum: each number is read only once, so a tile would save nothing.

column            c[m] = sum over k of a[m, k] b[k]        a task: some rows, each a dot product
column of A^T     c[m] = sum over k of a[k, m] b[k]        a task: some of the m; rows of a are added up
outer             c[m, n] = a[m] b[n]                      a task: some rows
"""

from __future__ import annotations

from .pool import array, empty, float_task, part, run, share
from .tables import read, slots

TASKS = 8

THIN = slots("a b c M K_or_N")


@float_task
def _column(i, p, one):
    """c = a b for some rows of a (M, K)."""
    args = read(p, THIN)
    M, K = args.M, args.K_or_N
    b, c = array(args.b, K, one), array(args.c, M, one)
    lo, hi = part(M, i, TASKS)
    for m in range(lo, hi):
        row = array(args.a + b.itemsize * K * m, K, one)
        total = one - one
        for k in range(K):
            total += row[k] * b[k]
        c[m] = total


@float_task
def _column_transposed(i, p, one):
    """c = a^T b for some columns of a (K, M)."""
    args = read(p, THIN)
    M, K = args.M, args.K_or_N
    b, c = array(args.b, K, one), share(args.c, M, i, TASKS, one)
    for m in range(c.size):
        c[m] = 0
    for k in range(K):
        row = share(args.a + b.itemsize * M * k, M, i, TASKS, one)
        for m in range(c.size):
            c[m] += row[m] * b[k]


@float_task
def _outer(i, p, one):
    """c[m, n] = a[m] b[n] for some m."""
    args = read(p, THIN)
    M, N = args.M, args.K_or_N
    a, b = array(args.a, M, one), array(args.b, N, one)
    lo, hi = part(M, i, TASKS)
    for m in range(lo, hi):
        row = array(args.c + b.itemsize * N * m, N, one)
        for n in range(N):
            row[n] = a[m] * b[n]


def column(a, b, transposed):
    """C = A b or A^T b, of shape (M, 1), for contiguous A and b with one column."""
    kind = _column_transposed if transposed else _column
    M, K = a.shape[::-1] if transposed else a.shape
    c = empty((M, 1), a.dtype)
    run(kind[a.itemsize], TASKS, THIN.table(a=a, b=b, c=c, M=M, K_or_N=K))
    return c


def outer(a, b):
    """C = a b of shape (M, N), for contiguous a with M numbers and b with N."""
    c = empty((a.size, b.size), a.dtype)
    run(_outer[a.itemsize], TASKS, THIN.table(a=a, b=b, c=c, M=a.size, K_or_N=b.size))
    return c
