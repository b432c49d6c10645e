"""A matrix product for every sample: the blocks of `gemm`, one sample after another, so that one B is packed at a time.

for each sample n (parallel: a task owns its samples)
    pack b[n] into panels; it stays in the cache
    for each block of rows of c[n]: as in `gemm`
"""

from __future__ import annotations

import numpy as np

from .. import batched, products
from .conv import address, table
from .gemm import DTYPES, SMALL, blocks_for, pack_panel
from .gemm import tasks as tasks_of_product
from .pool import _call, address_of, aligned, inner, integer, keep, parallel_for, part, run, task
from .tile import ROWS, width_for

MOST = 64  # tasks at most


@task
def _samples(i, p):
    """Task i: the products of its samples."""
    c, N, I, J, K = integer(p, 2), integer(p, 3), integer(p, 4), integer(p, 5), integer(p, 6)
    width, size, block = integer(p, 11), integer(p, 13), integer(p, 14)
    panels = (J + width - 1) // width
    packed, zeros = np.empty(panels * K * width * size // 8 + 16, np.int64), np.zeros(J + ROWS, np.int64)
    q = np.empty(19, np.int64)  # the table of one product, see gemm.product
    q[1], q[3], q[4], q[5], q[6] = aligned(packed), address_of(zeros), I, J, K
    q[7], q[8], q[9], q[10], q[11], q[12], q[13] = integer(p, 7), 1, 1, panels, width, integer(p, 12), size
    q[18] = blocks_for(I)
    q[14], q[15] = address_of(zeros), integer(p, 15)  # no bias, and slope 1
    first, last = part(N, i, integer(p, 10))
    for n in range(first, last):
        _pack_all(integer(p, 1) + n * K * J * size, integer(p, 8), integer(p, 9), q)
        q[0], q[2] = integer(p, 0) + n * I * K * size, c + n * I * J * size
        for m in range(blocks_for(I)):
            _call(block, m, address_of(q))
    keep(packed, zeros, q)


@inner
def _pack_all(b, step_k, step_n, q):
    """B as panels, to where the table q wants it."""
    K, width, size = q[6], q[11], q[13]
    for j in range(q[10]):
        pack_panel(b, step_k, step_n, q[1] + j * K * width * size, K, j * width, q[5], width, size, q[3])


@batched.batch_matmul.engine("numba")
def _(a, b, *, transpose_a=False, transpose_b=False):
    if not _usable(a, b, transpose_a, transpose_b):
        return batched.batch_matmul.twin(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    if len(a) == 1:
        return products.matmul.engines["numba"](a[0], b[0], transpose_a=transpose_a, transpose_b=transpose_b)[None]
    I, K = a.shape[:0:-1] if transpose_a else a.shape[1:]
    N, J, size = len(b), b.shape[1 if transpose_b else 2], a.itemsize
    a, b, c = np.ascontiguousarray(a), np.ascontiguousarray(b), np.empty((N, I, J), a.dtype)
    step_k, step_n = (size, K * size) if transpose_b else (J * size, size)
    (_, block, tile), tasks = tasks_of_product(size, transpose_a, J), min(N, MOST)
    p = table(
        a, b, c, N, I, J, K, bool(transpose_a), step_k, step_n, tasks, width_for(J, size), tile, size, block, *[0] * 3
    )
    p[15:16].view(a.dtype)[0] = 1
    run(parallel_for, _samples.address, tasks, address(p))
    return c


def _usable(a, b, transpose_a, transpose_b):
    """Whether the shapes fit (if not, the twin says so), and there is enough to do."""
    if a.dtype != b.dtype or a.dtype not in DTYPES or a.ndim != 3 or b.ndim != 3 or len(a) != len(b):
        return False
    fits = a.shape[1 if transpose_a else 2] == b.shape[2 if transpose_b else 1]
    return fits and a.size * b.shape[1 if transpose_b else 2] >= SMALL
