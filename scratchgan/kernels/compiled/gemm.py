r"""The matrix product C = op(A) op(B), cut into tiles (see `tile`).

    for each block of C, some rows by some panels of columns (a task: a thread owns its blocks)
        for each 512 of the K numbers that are summed             (what is read again and again stays in the cache)
            for each panel of columns of the block
                for each tile of R rows of the block
                    C tile += A[rows, k ...] @ B[k ..., panel]

B is packed first: panels as wide as a tile, in which the numbers that a tile reads for one k lie side by side and
the next k follows at once.  (Unpacked, they would be a row of B apart, which is a page of memory in a wide matrix, and
few such rows fit in the first-level cache at a time.)  Where C has few rows, each task packs the panels that it owns,
when it comes to them.  A is read in place; of A^T, the rows that a block needs are copied side by side.

A product with one column only reads every number once: that is a loop of its own, in `thin`.  All of this moves numbers
about by their size alone; only the tile knows whether they are float32 or float64.
"""

from __future__ import annotations

import numpy as np

from ..products import leaky, matmul
from . import thin
from .pool import address_of, aligned, empty, get, inner, integer, jit, keep, parallel_for, part, put, run, task
from .tile import (
    ROWS,
    VECTOR_BYTES,
    copy_bytes,
    copy_vector,
    panel_tile,
    rows_tile,
    tile_panel,
    tile_rows,
    width_for,
)

BLOCK = 11  # tiles of rows of C in a task, at most
DEPTH = 512  # numbers that are summed before the next panel has its turn
TASKS = 8  # the columns are cut, too, until there are so many tasks
SMALL = 4096  # fewer multiplications than this are left to NumPy
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
EMPTY = {t: np.empty(0, t) for t in DTYPES}


@inner
def pack_panel(b, step_k, step_n, packed, K, first, N, width, size, zeros):
    """Columns first ... first + width - 1 of B into packed[k, column], zeros beyond column N.

    B[k, n] stands at b + k step_k + n step_n: the steps, in bytes, say whether it is transposed.
    """
    if step_n == size and first + width <= N:
        for k in range(K):
            for v in range(0, width * size, VECTOR_BYTES):
                copy_vector(packed + k * width * size + v, b + k * step_k + first * size + v)
    else:
        for k in range(0, K, 64):  # so many rows of the panel fit in the first-level cache
            for v in range(width):
                source, step = (b + k * step_k + (first + v) * step_n, step_k) if first + v < N else (zeros, 0)
                if size == 4:
                    _copy_column(packed + (k * width + v) * 4, width * 4, source, step, min(64, K - k), np.int32(0))
                else:
                    _copy_column(packed + (k * width + v) * 8, width * 8, source, step, min(64, K - k), np.int64(0))


@inner
def _copy_column(to, to_step, source, step, K, like):
    """K numbers, `step` bytes apart, to places `to_step` bytes apart; only their size matters."""
    for k in range(K):
        put(to + k * to_step, get(source + k * step, like))


@task
def _pack(j, p):
    """Task j of packing: one panel."""
    K, width, size = integer(p, 4), integer(p, 6), integer(p, 7)
    pack_panel(
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3) + j * K * width * size,
        K,
        j * width,
        integer(p, 5),
        width,
        size,
        integer(p, 8),
    )


@task
def _block32(i, p):
    """Task i of a product of float32: one block of C."""
    _block(i, p, np.float32(1))


@task
def _block64(i, p):
    """Task i of a product of float64."""
    _block(i, p, np.float64(1))


@inner
def _block(i, p, one):
    a, b, c, zeros = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3)
    M, N, K = integer(p, 4), integer(p, 5), integer(p, 6)
    a_transposed, b_packed, step_k, step_n = integer(p, 7), integer(p, 8), integer(p, 16), integer(p, 17)
    columns_of_tasks, panels_each = integer(p, 9), integer(p, 10)
    width, tile, size, bias, slope = integer(p, 11), integer(p, 12), integer(p, 13), integer(p, 14), get(p + 120, one)
    t0, t1 = part((M + ROWS - 1) // ROWS, i // columns_of_tasks, integer(p, 18))
    m0, j0, tiles = t0 * ROWS, (i % columns_of_tasks) * panels_each, t1 - t0
    rows, j1 = min(tiles * ROWS, M - m0), min(j0 + panels_each, (N + width - 1) // width)
    nowhere = np.empty(N if rows < tiles * ROWS else 1, np.int64)
    table = 8 * tiles * ROWS
    tables = np.empty(3 * tiles * ROWS, np.int64)
    a_rows, c_rows, start = address_of(tables), address_of(tables) + table, address_of(tables) + 2 * table
    row = (tiles * ROWS * size + 127) // 128 * 128 + 64  # an odd number of lines: rows do not share a cache set
    panel_array = np.empty((min(K, DEPTH) * row) // 8 + 8 if a_transposed else 8, np.int64)
    panel = aligned(panel_array)
    own_array = np.empty(8 if b_packed else DEPTH * width + 8, np.int64)
    for m in range(tiles * ROWS):
        put(c_rows + 8 * m, c + (m0 + m) * N * size if m < rows else address_of(nowhere))
    for k0 in range(0, K, DEPTH):
        depth = min(DEPTH, K - k0)
        last = slope if k0 + depth == K else one  # the activation comes when the sum is complete
        if a_transposed:
            for k in range(depth):
                copy_bytes(panel + k * row, a + ((k0 + k) * M + m0) * size, rows * size)
        for m in range(tiles * ROWS):
            put(a_rows + 8 * m, a + (min(m0 + m, M - 1) * K + k0) * size)
            put(start + 8 * m, bias if k0 == 0 else integer(c_rows, m))
        for j in range(j0, j1):
            of_b, step = b + (j * K + k0) * width * size, width * size
            if not b_packed:
                of_b = aligned(own_array)
                pack_panel(b + k0 * step_k, step_k, step_n, of_b, depth, j * width, N, width, size, zeros)
            for t in range(tiles):
                at, offset, left = 8 * ROWS * t, j * width * size, N - j * width
                if a_transposed:
                    tile_panel(
                        tile,
                        panel + t * ROWS * size,
                        row,
                        depth,
                        of_b,
                        step,
                        start + at,
                        c_rows + at,
                        offset,
                        left,
                        last,
                    )
                else:
                    tile_rows(tile, a_rows + at, 0, 1, depth, of_b, step, start + at, c_rows + at, offset, left, last)
    keep(tables, nowhere, panel_array, own_array)


@inner
def blocks_for(M):
    """How many blocks the rows of C are cut into: an even number, if there are as many tiles."""
    tiles = (M + ROWS - 1) // ROWS
    blocks = (tiles + BLOCK - 1) // BLOCK
    return min(tiles, blocks + blocks % 2)


@inner
def product(pack, block, tile, a, b, c, M, N, K, a_transposed, b_transposed, width, size, bias, slope):
    """C = leaky(op(A) op(B) + bias) for contiguous arrays at addresses; pack, block and tile are addresses of tasks."""
    panels, blocks = (N + width - 1) // width, blocks_for(M)
    in_place = blocks <= 2
    step_k, step_n = (size, K * size) if b_transposed else (N * size, size)
    packed = np.empty(16 if in_place else panels * K * width * size // 8 + 16, np.int64)
    zeros = np.zeros(N + ROWS, np.int64)
    p = np.empty(19, np.int64)
    p[18] = blocks
    p[16], p[17] = step_k, step_n
    if not in_place:
        p[0], p[1], p[2] = b, step_k, step_n
        p[3], p[4], p[5], p[6], p[7], p[8] = aligned(packed), K, N, width, size, address_of(zeros)
        if K * N < 1 << 15:
            for j in range(panels):
                pack_panel(
                    b,
                    step_k,
                    step_n,
                    aligned(packed) + j * K * width * size,
                    K,
                    j * width,
                    N,
                    width,
                    size,
                    address_of(zeros),
                )
        else:
            parallel_for(pack, panels, address_of(p))
    columns_of_tasks = max(1, min(panels, (TASKS + blocks - 1) // blocks))
    panels_each = (panels + columns_of_tasks - 1) // columns_of_tasks
    columns_of_tasks = (panels + panels_each - 1) // panels_each
    p[0], p[1], p[2], p[3], p[4], p[5] = a, b if in_place else aligned(packed), c, address_of(zeros), M, N
    p[6], p[7], p[8], p[9], p[10] = K, a_transposed, not in_place, columns_of_tasks, panels_each
    p[11], p[12], p[13], p[14] = width, tile, size, bias if bias else address_of(zeros)
    put(address_of(p) + 120, slope)
    parallel_for(block, blocks * columns_of_tasks, address_of(p))
    keep(packed, zeros, p)


@jit
def _launch(pack, block, tile, a, b, c, K, a_transposed, b_transposed, width, bias, slope):
    product(
        pack,
        block,
        tile,
        address_of(a),
        address_of(b),
        address_of(c),
        c.shape[0],
        c.shape[1],
        K,
        a_transposed,
        b_transposed,
        width,
        c.itemsize,
        address_of(bias) if bias.size else 0,
        slope,
    )


def tasks(size: int, transpose_a: bool, N: int) -> tuple[int, int, int]:
    """The addresses that `product` wants, for numbers of `size` bytes and N columns."""
    tile = (panel_tile if transpose_a else rows_tile)(N, size)
    return _pack.address, (_block32 if size == 4 else _block64).address, tile


def fits_bias(bias, N: int, dtype) -> bool:
    """Whether a bias is none, or N neighbouring numbers of that dtype."""
    return bias is None or (bias.shape == (N,) and bias.dtype == dtype and bias.flags.c_contiguous)


@matmul.engine("numba")
def _(a, b, *, transpose_a=False, transpose_b=False, bias=None, slope=1.0):
    (K, M), (L, N) = a.shape if transpose_a else a.shape[::-1], b.shape[::-1] if transpose_b else b.shape
    fits = a.dtype == b.dtype and a.dtype in DTYPES and K == L and fits_bias(bias, N, a.dtype)
    if not fits or M * N * K < SMALL:
        return matmul.twin(a, b, transpose_a=transpose_a, transpose_b=transpose_b, bias=bias, slope=slope)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    if N == 1:
        return leaky(thin.column(a, b, transpose_a), bias, slope)
    if K == 1:
        return leaky(thin.outer(a, b), bias, slope)
    c = empty((M, N), a.dtype)
    run(
        _launch,
        *tasks(a.itemsize, transpose_a, N),
        a,
        b,
        c,
        K,
        bool(transpose_a),
        bool(transpose_b),
        width_for(N, a.itemsize),
        EMPTY[a.dtype] if bias is None else bias,
        a.dtype.type(slope),
    )
    return c
