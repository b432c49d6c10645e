r"""The matrix product C = op(A) op(B), cut into tiles (see `tile`).

    for each block of C, some rows by some panels of columns                              (parallel: one task each)
        for each 512 of the K terms of the sums                             (so that what is read stays in the cache)
            for each panel of columns of the block
                for each tile of R rows of the block
                    C tile += A[rows, k ...] @ B[k ..., panel]

B is packed first, into panels as wide as a tile: the numbers that a tile reads for one k lie side by side, followed by
those for the next k.  (In B itself they are a whole row apart, which is a page of memory in a wide matrix, and few such
rows fit in the first-level cache at a time.)  If C has few rows, each task packs its own panels instead, one after
another.  A is read in place; of A^T, the rows that a block needs are copied side by side.

A product with a single column reads every number only once, and has its own loop in `thin`.  The code here copies
numbers by their size alone; only the tile distinguishes float32 from float64.
"""

from __future__ import annotations

import functools
from array import array
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..products import leaky, matmul
from . import thin
from .compiling import by_address, inner
from .pool import contiguous, empty, float_task, get, integer, part, put, release, run, scratch, size_of, task
from .tables import read, real, slots
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

BLOCK = 11  # largest number of tiles of rows of C in one task
DEPTH = 512  # terms of the sums that are added up before the next panel
TASKS = 8  # the columns are divided as well if the blocks of rows give fewer tasks than this
SHARED = 1 << 15  # a B with fewer numbers is packed by one thread
TOGETHER = 4  # panels that are packed at a time
SMALL = 4096  # products with fewer multiplications are left to NumPy
DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
EMPTY = {t: np.empty(0, t) for t in DTYPES}

# One table for `_pack` and `_block`.  Its first part: the addresses of A, B, B's panels, C, zeros and the bias.  The
# second depends on the shapes alone: C is M x N, and its sums have K terms; the bytes from one k or n of B to the next;
# how the blocks are divided among the tasks; the tile.
ARRAYS = "a b packed c zeros bias slope"
SHAPES = "M N K a_transposed b_packed step_k step_n blocks columns_of_tasks panels_each width tile packer size"
PRODUCT, PRODUCT_ARRAYS, PRODUCT_SHAPES = slots(f"{ARRAYS} {SHAPES}"), slots(ARRAYS), slots(SHAPES)


@intrinsic
def pack_panels(typingctx, packer, b, step_k, step_n, packed, K, first, N, width, size, zeros, panels, panel_step):
    """Call the function at the address `packer`, which is that of `pack`."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * 12)
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 13), generate


@by_address("void(" + ", ".join(["int64"] * 12) + ")")
def pack(b, step_k, step_n, packed, K, first, N, width, size, zeros, panels, panel_step):
    """Copy columns of B from `first` on to panels, `panel_step` bytes apart, with zeros beyond column N.

    A panel has `width` columns: panel q gets packed[q][k, column].  B[k, n] is at the address b + k step_k + n step_n:
    the steps, in bytes, decide whether B is transposed.  Several panels at a time are faster than one after another,
    because more of a row of B is read at once.
    """
    if step_n == size and first + panels * width <= N:
        for k in range(K):
            for q in range(panels):
                to, at = packed + q * panel_step + k * width * size, b + k * step_k + (first + q * width) * size
                for v in range(0, width * size, VECTOR_BYTES):
                    copy_vector(to + v, at + v)
    else:
        for q in range(panels):
            to, start = packed + q * panel_step, first + q * width
            for k in range(0, K, 64):  # 64 rows of the panel fit in the first-level cache
                for v in range(width):
                    source, step = (b + k * step_k + (start + v) * step_n, step_k) if start + v < N else (zeros, 0)
                    if size == 4:
                        _copy_column(to + (k * width + v) * 4, width * 4, source, step, min(64, K - k), np.int32(0))
                    else:
                        _copy_column(to + (k * width + v) * 8, width * 8, source, step, min(64, K - k), np.int64(0))


@inner
def _copy_column(to, to_step, source, step, K, like):
    """Copy K numbers, `step` bytes apart, to places `to_step` bytes apart; of their type, only the size matters."""
    for k in range(K):
        put(to + k * to_step, get(source + k * step, like))


@task
def _pack(i, p):
    """Task i of packing: some panels."""
    args = read(p, PRODUCT)
    step, j = args.K * args.width * args.size, i * TOGETHER
    panels = min(TOGETHER, (args.N + args.width - 1) // args.width - j)
    pack_panels(
        args.packer,
        args.b,
        args.step_k,
        args.step_n,
        args.packed + j * step,
        args.K,
        j * args.width,
        args.N,
        args.width,
        args.size,
        args.zeros,
        panels,
        step,
    )


@float_task
def _block(i, p, one):
    """Task i of a product: one block of C."""
    args, slope = read(p, PRODUCT), real(p, PRODUCT.slope, one)
    a, b, c, M, N, K = args.a, args.b, args.c, args.M, args.N, args.K
    width, tile, size = args.width, args.tile, size_of(one)
    t0, t1 = part((M + ROWS - 1) // ROWS, i // args.columns_of_tasks, args.blocks)
    m0, j0, tiles = t0 * ROWS, (i % args.columns_of_tasks) * args.panels_each, t1 - t0
    rows, j1 = min(tiles * ROWS, M - m0), min(j0 + args.panels_each, (N + width - 1) // width)
    nowhere = scratch(8 * N)
    table = 8 * tiles * ROWS
    tables = scratch(3 * table)
    a_rows, c_rows, start = tables, tables + table, tables + 2 * table
    # an odd number of cache lines, so that the rows lie in different cache sets
    row = (tiles * ROWS * size + 127) // 128 * 128 + 64
    panel = scratch(min(K, DEPTH) * row if args.a_transposed else 0)
    own = scratch(0 if args.b_packed else TOGETHER * min(K, DEPTH) * width * size)
    for m in range(tiles * ROWS):
        put(c_rows + 8 * m, c + (m0 + m) * N * size if m < rows else nowhere)
    for k0 in range(0, K, DEPTH):
        depth = min(DEPTH, K - k0)
        last = slope if k0 + depth == K else one  # the activation is applied once the sum is complete
        if args.a_transposed:
            for k in range(depth):
                copy_bytes(panel + k * row, a + ((k0 + k) * M + m0) * size, rows * size)
        for m in range(tiles * ROWS):
            put(a_rows + 8 * m, a + (min(m0 + m, M - 1) * K + k0) * size)
            put(start + 8 * m, args.bias if k0 == 0 else integer(c_rows, m))
        for j in range(j0, j1):
            of_b, step = args.packed + (j * K + k0) * width * size, width * size
            if not args.b_packed:
                number, one_panel = (j - j0) % TOGETHER, depth * width * size
                of_b = own + number * one_panel
                if number == 0:
                    pack_panels(
                        args.packer,
                        b + k0 * args.step_k,
                        args.step_k,
                        args.step_n,
                        own,
                        depth,
                        j * width,
                        N,
                        width,
                        size,
                        args.zeros,
                        min(TOGETHER, j1 - j),
                        one_panel,
                    )
            for t in range(tiles):
                at, offset, left = 8 * ROWS * t, j * width * size, N - j * width
                if args.a_transposed:
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
    release(nowhere)
    release(tables)
    release(panel)
    release(own)


def blocks_for(M: int) -> int:
    """The number of blocks that the rows of C are divided into: an even number, unless there are fewer tiles."""
    tiles = -(-M // ROWS)
    blocks = -(-tiles // BLOCK)
    return min(tiles, blocks + blocks % 2)


@dataclass(frozen=True)
class Cut:
    """How a product of given shapes is cut into tasks."""

    tasks: int
    packing: int  # tasks of packing; 0 if each task packs its own panels; negative: for the calling thread alone
    packed: int  # numbers in the panels of B
    table: array  # the entries of PRODUCT that depend on the shapes


@functools.lru_cache(maxsize=1024)
def _cut(M: int, N: int, K: int, transpose_a: bool, transpose_b: bool, size: int) -> Cut:
    width, blocks = width_for(N, size), blocks_for(M)
    panels, b_packed = -(-N // width), blocks > 2
    columns_of_tasks = max(1, min(panels, -(-TASKS // blocks)))
    panels_each = -(-panels // columns_of_tasks)
    columns_of_tasks = -(-panels // panels_each)
    packing = -(-panels // TOGETHER) * (1 if K * N >= SHARED else -1)
    table = PRODUCT_SHAPES.table(
        M=M,
        N=N,
        K=K,
        a_transposed=int(transpose_a),
        b_packed=int(b_packed),
        step_k=size if transpose_b else N * size,
        step_n=K * size if transpose_b else size,
        blocks=blocks,
        columns_of_tasks=columns_of_tasks,
        panels_each=panels_each,
        width=width,
        tile=(panel_tile if transpose_a else rows_tile)(N, size),
        packer=pack.address,
        size=size,
    )
    return Cut(blocks * columns_of_tasks, packing if b_packed else 0, panels * K * width, table)


@functools.lru_cache(maxsize=256)
def _zeros(n: int, dtype) -> np.ndarray:
    return np.zeros(n, dtype)


def product(a, b, c, K: int, transpose_a: bool, transpose_b: bool, bias, slope: float) -> None:
    """C = leaky(op(A) op(B) + bias) for contiguous arrays; the sums have K terms."""
    (M, N), size, dtype = c.shape, c.itemsize, c.dtype
    cut, zeros = _cut(M, N, K, bool(transpose_a), bool(transpose_b), size), _zeros(N + ROWS, dtype)
    packed = empty((cut.packed,), dtype) if cut.packing else EMPTY[dtype]
    p = (
        PRODUCT_ARRAYS.table(
            a=a, b=b, packed=packed, c=c, zeros=zeros, bias=zeros if bias is None else bias, slope=dtype.type(slope)
        )
        + cut.table
    )
    if cut.packing:
        run(_block[size], cut.tasks, p, first=_pack, n_first=cut.packing)
    else:
        run(_block[size], cut.tasks, p)


def fits_bias(bias, N: int, dtype) -> bool:
    """Whether `bias` is None, or a contiguous vector of N numbers of that dtype."""
    return bias is None or (bias.shape == (N,) and bias.dtype == dtype and bias.flags.c_contiguous)


@matmul.engine("numba")
def _(a, b, *, transpose_a=False, transpose_b=False, bias=None, slope=1.0):
    (K, M), (L, N) = a.shape if transpose_a else a.shape[::-1], b.shape[::-1] if transpose_b else b.shape
    fits = a.dtype == b.dtype and a.dtype in DTYPES and K == L and fits_bias(bias, N, a.dtype)
    if not fits or M * N * K < SMALL:
        return matmul.twin(a, b, transpose_a=transpose_a, transpose_b=transpose_b, bias=bias, slope=slope)
    a, b = contiguous(a), contiguous(b)
    if N == 1:
        return leaky(thin.column(a, b, transpose_a), bias, slope)
    if K == 1:
        return leaky(thin.outer(a, b), bias, slope)
    c = empty((M, N), a.dtype)
    product(a, b, c, K, transpose_a, transpose_b, bias, slope)
    return c
