"""The weight gradient of conv2d: dW = (pixels under the taps)^T dy, a product with A transposed.

    for some rows of dW, and a share of the output pixels               (parallel: one task each)
        for every 128 output pixels
            copy what lies under the kernel for each of them, side by side        (A^T: rows of dW by pixels)
            for each panel of columns, for each tile of rows: dW tile += A^T @ dy
    dW = the sum of the shares, in order

The pixels are divided into shares only if there are too few rows of dW for all tasks.
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .gemm import pack, pack_panels
from .pool import empty, fill_zeros, float_task, integer, part, put, release, run, scratch, size_of, task
from .tables import read, slots
from .tile import ROWS, copy_bytes, copy_number, panel_tile, tile_panel, width_for

DEPTH = 128  # output pixels whose patches are copied at a time
TASKS = 8  # of packing, and at least of the product

PACK = slots("dy packed P Co width packer size zeros")
WEIGHT_GRAD = slots("x packed sums zeros pixels S M P C Co x_step pixel_step width tile size parts shares")


@task
def _pack_dy(i, p):
    """A share of dy's rows into panels: packed[panel, pixel, column]."""
    args = read(p, PACK)
    P, Co, width, size = args.P, args.Co, args.width, args.size
    lo, hi = part(P, i, TASKS)
    for j in range((Co + width - 1) // width):
        b, to = args.dy + lo * Co * size, args.packed + (j * P + lo) * width * size
        pack_panels(args.packer, b, Co * size, size, to, hi - lo, j * width, Co, width, size, args.zeros, 1, 0)


@float_task
def _weight_grad(i, p, one):
    """Some rows of dW, from a share of the pixels."""
    args = read(p, WEIGHT_GRAD)
    M, P, C, Co, width, size, zeros = args.M, args.P, args.C, args.Co, args.width, size_of(one), args.zeros
    all_rows, number, share = args.S * C, i % args.parts, i // args.parts
    t0, t1 = part((all_rows + ROWS - 1) // ROWS, number, args.parts)
    lo, hi = part(P, share, args.shares)
    tiles = t1 - t0
    # an odd number of cache lines, so that the rows lie in different cache sets
    row = (tiles * ROWS * size + 127) // 128 * 128 + 64
    panel, nowhere, tables = scratch(DEPTH * row), scratch(8 * Co), scratch(16 * tiles * ROWS)
    fill_zeros(nowhere, Co, np.int64(0))  # sums continue from there, too
    c, init = tables, tables + 8 * tiles * ROWS
    for m in range(tiles * ROWS):
        at = t0 * ROWS + m
        put(c + 8 * m, args.sums + (share * all_rows + at) * Co * size if at < all_rows else nowhere)
        put(init + 8 * m, zeros)
    for k0 in range(lo, hi, DEPTH):
        depth = min(DEPTH, hi - k0)
        for k in range(depth):
            n, m = (k0 + k) // M, (k0 + k) % M
            image, pixels, to = args.x + n * args.x_step, args.pixels + 8 * m, panel + k * row
            last = min(t1 * ROWS, all_rows)
            _copy_patch(image, pixels, args.pixel_step, M, C, t0 * ROWS, last, to, size, zeros)
        for j in range((Co + width - 1) // width):
            b, offset, left = args.packed + (j * P + k0) * width * size, j * width * size, Co - j * width
            for t in range(tiles):
                a, at = panel + t * ROWS * size, 8 * ROWS * t
                tile_panel(args.tile, a, row, depth, b, width * size, init + at, c + at, offset, left, one)
        if k0 == lo:
            for m in range(tiles * ROWS):
                put(init + 8 * m, integer(c, m))
    release(panel)
    release(nowhere)
    release(tables)


@inner
def _copy_patch(image, pixels, pixel_step, M, C, lo, hi, to, size, zeros):
    """Copy numbers lo ... hi - 1 of those that lie under the taps of one output pixel, C numbers under each tap."""
    tap, channel = lo // C, lo % C
    while lo < hi:
        pixel, n = integer(pixels, tap * M), min(hi - lo, C - channel)
        source = zeros if pixel < 0 else image + pixel * pixel_step + channel * size
        if n * size < 64:
            for k in range(0, n * size, 4):
                copy_number(to + k, source + k, 4)
        else:
            copy_bytes(to, source, n * size)
        to += n * size
        lo += n
        tap, channel = tap + 1, 0


def weight_grad(x, dy, dW, phase) -> None:
    """dW = (pixels under the taps)^T dy."""
    size, (S, M), Co = x.itemsize, phase.source.shape, dW.shape[3]
    C = dW[..., 0].size // S  # numbers under a tap: with few channels, a tap is a whole row of the kernel
    P, width = len(x) * M, width_for(Co, size)
    tiles = -(-S * C // ROWS)
    parts = min(TASKS, max(1, tiles // 4))
    shares = -(-TASKS // parts) if P >= 8 * DEPTH else 1
    zeros = np.zeros(max(C, Co), x.dtype)
    packed = dy  # if dy is as wide as a panel, it is a panel already
    if Co != width:
        packed = empty((-(-Co // width) * P * width,), x.dtype)
        p = PACK.table(dy=dy, packed=packed, P=P, Co=Co, width=width, packer=pack.address, size=size, zeros=zeros)
        run(_pack_dy, TASKS, p)
    sums = dW if shares == 1 else empty((shares, *dW.shape), dW.dtype)
    p = WEIGHT_GRAD.table(
        x=x,
        packed=packed,
        sums=sums,
        zeros=zeros,
        pixels=phase.source,
        S=S,
        M=M,
        P=P,
        C=C,
        Co=Co,
        x_step=x[0].nbytes,
        pixel_step=x.shape[3] * size,
        width=width,
        tile=panel_tile(Co, size),
        size=size,
        parts=parts,
        shares=shares,
    )
    run(_weight_grad[size], parts * shares, p)
    if shares > 1:
        dW[...] = sums[0]
        for share in sums[1:]:
            dW += share
