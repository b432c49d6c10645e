"""A matrix product for each sample, computed with the blocks of `gemm`.

for each sample n                                           (parallel: a task handles some of the samples)
    pack b[n] into panels, which stay in the cache
    for each block of rows of c[n]: as in `gemm`
"""

from __future__ import annotations

import numpy as np

from .. import batched, products
from .crew import call
from .gemm import DTYPES, PRODUCT, SMALL, _block, blocks_for, pack, pack_panels
from .pool import array, contiguous, empty, fill_zeros, part, release, run, scratch, task
from .tables import read, slots
from .tile import ROWS, panel_tile, rows_tile, width_for

MOST = 64  # largest number of tasks

BATCH = slots("a b c N I J K a_transposed step_k step_n tasks width tile packer size block blocks slope")


@task
def _samples(i, p):
    """Task i: the products c[n] = a[n] b[n], (I, K) times (K, J), of its samples."""
    args = read(p, BATCH)
    I, J, K, width, size = args.I, args.J, args.K, args.width, args.size
    panels = (J + width - 1) // width
    packed, zeros = scratch(panels * K * width * size), scratch(8 * (J + ROWS))
    fill_zeros(zeros, J + ROWS, np.int64(0))
    table = scratch(8 * len(PRODUCT))
    q = array(table, len(PRODUCT), np.int64(0))  # the table of a single product, see gemm.product
    q[PRODUCT.packed], q[PRODUCT.b_packed], q[PRODUCT.zeros] = packed, 1, zeros
    q[PRODUCT.M], q[PRODUCT.N], q[PRODUCT.K], q[PRODUCT.a_transposed] = I, J, K, args.a_transposed
    q[PRODUCT.blocks], q[PRODUCT.columns_of_tasks], q[PRODUCT.panels_each] = args.blocks, 1, panels
    q[PRODUCT.width], q[PRODUCT.tile], q[PRODUCT.size] = width, args.tile, size
    q[PRODUCT.packer] = args.packer
    q[PRODUCT.bias], q[PRODUCT.slope] = zeros, args.slope  # no bias, and slope 1
    q[PRODUCT.b], q[PRODUCT.step_k], q[PRODUCT.step_n] = 0, 0, 0  # read only where B is not packed
    first, last = part(args.N, i, args.tasks)
    for n in range(first, last):
        for j in range(panels):
            b, to = args.b + n * K * J * size, packed + j * K * width * size
            pack_panels(args.packer, b, args.step_k, args.step_n, to, K, j * width, J, width, size, zeros, 1, 0)
        q[PRODUCT.a], q[PRODUCT.c] = args.a + n * I * K * size, args.c + n * I * J * size
        for m in range(args.blocks):
            call(args.block, m, table)
    release(packed)
    release(zeros)
    release(table)


@batched.batch_matmul.engine("numba")
def _(a, b, *, transpose_a=False, transpose_b=False):
    if not _usable(a, b, transpose_a, transpose_b):
        return batched.batch_matmul.twin(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    if len(a) == 1:
        return products.matmul.engines["numba"](a[0], b[0], transpose_a=transpose_a, transpose_b=transpose_b)[None]
    I, K = a.shape[:0:-1] if transpose_a else a.shape[1:]
    N, J, size = len(b), b.shape[1 if transpose_b else 2], a.itemsize
    a, b, c = contiguous(a), contiguous(b), empty((N, I, J), a.dtype)
    step_k, step_n = (size, K * size) if transpose_b else (J * size, size)
    tasks = min(N, MOST)
    p = BATCH.table(
        a=a,
        b=b,
        c=c,
        N=N,
        I=I,
        J=J,
        K=K,
        a_transposed=bool(transpose_a),
        step_k=step_k,
        step_n=step_n,
        tasks=tasks,
        width=width_for(J, size),
        tile=(panel_tile if transpose_a else rows_tile)(J, size),
        size=size,
        packer=pack.address,
        block=_block[size].address,
        blocks=blocks_for(I),
        slope=a.dtype.type(1),
    )
    run(_samples, tasks, p)
    return c


def _usable(a, b, transpose_a, transpose_b):
    """Whether the shapes fit and there is enough work; if not, the twin is called."""
    if a.dtype != b.dtype or a.dtype not in DTYPES or a.ndim != 3 or b.ndim != 3 or len(a) != len(b):
        return False
    fits = a.shape[1 if transpose_a else 2] == b.shape[2 if transpose_b else 1]
    return fits and a.size * b.shape[1 if transpose_b else 2] >= SMALL
