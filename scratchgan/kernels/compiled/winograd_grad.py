r"""The weight gradient with fewer multiplications: Winograd's rule (`winograd`), read backwards.

Each of the three products of a tile, m = v u, needs one product for its gradient, du = v dm.  The outputs of the tile
are sums of the m, so each dm is a sum of dy; each u is a sum of taps, so each dw is a sum of du.  Again there are three
products, not four:

    y0 = m1 + m2         dm1 = dy0             du1 = (x0 - x1) dm1         u1 = w0           dw0 = du1 + du2
                         dm2 = dy0 + dy1       du2 = x1 dm2                u2 = w0 + w1
    y1 = m2 + m3         dm3 = dy1             du3 = (x2 - x1) dm3         u3 = w1           dw1 = du2 + du3

    for some phases, and a share of the batch                   (parallel: a task)
        for every 128 tiles
            V = differences of the windows of x, E = sums of dy, at 9 points
            for each point: dU[point] += V[point]^T E[point]                              a row of V, E = a tile
    for each tap: dW = the sum of dU at the points where its weight was used, over the shares, in order

A NaN or an infinity reaches the same taps as in the direct sum, and in the last row and column of tiles also the taps
next to them.
"""

from __future__ import annotations

import numpy as np

from .pool import array, empty, fill_zeros, float_task, integer, part, put, release, run, scratch, size_of
from .tables import read, slots
from .tile import ROWS, panel_tile, tile_panel, width_for
from .winograd import Plan, addresses, differences, spread

DEPTH = 128  # tiles that are transformed at a time
PARTS = 4  # the phases are divided into up to 4 parts, and
SHARES = 2  # the batch into up to 2 shares: each part and share is a task

POINTS = slots("x dy sums zeros x_at y_at wanted tiles phases N C Co x_step y_step width tile parts shares size")
TAPS = slots("sums dW n shares size sh sw")


@float_task
def _points(i, p, one):
    """dU at the 9 points: rows of some phases, from a share of the batch."""
    args = read(p, POINTS)
    tiles, phases, C, Co = args.tiles, args.phases, args.C, args.Co
    width, size, zeros = args.width, size_of(one), args.zeros
    (f0, f1), share = part(phases, i % args.parts, args.parts), i // args.parts
    first, last = part(args.N * tiles, share, args.shares)
    rows, most = (f1 - f0) * C, min(DEPTH, last - first)
    blocks = (rows + ROWS - 1) // ROWS
    v_step, e_step = (blocks * ROWS * size + 127) // 128 * 128 + 64, (Co * size + 127) // 128 * 128 + 64
    v_point, e_point = most * v_step + 64, most * e_step + 64
    V, E = scratch(9 * v_point), scratch(9 * e_point + 8 * width)
    tables, nowhere, memory = scratch(16 * blocks * ROWS + 144), scratch(8 * (C + Co)), scratch(72)
    counts = array(memory, 9, np.int64(0))  # tiles that have been copied, at each point
    c, init = tables, tables + 8 * blocks * ROWS
    sources, targets = init + 8 * blocks * ROWS, init + 8 * blocks * ROWS + 72
    for k0 in range(first, last, DEPTH):
        fill_zeros(memory, 9, np.int64(0))
        for k in range(k0, min(k0 + DEPTH, last)):
            n, t = k // tiles, k % tiles
            for q in range(9):
                to = E + q * e_point + counts[q] * e_step
                put(targets + 8 * q, to if integer(args.wanted, q * tiles + t) else nowhere)
            addresses(sources, args.dy + n * args.y_step, args.y_at + 32 * t, 4, Co * size, zeros)
            spread(sources, targets, Co * size, one)
            for f in range(f0, f1):
                for q in range(9):
                    to = V + q * v_point + counts[q] * v_step + (f - f0) * C * size
                    put(targets + 8 * q, to if integer(args.wanted, q * tiles + t) else nowhere)
                addresses(sources, args.x + n * args.x_step, args.x_at + 72 * (t * phases + f), 9, C * size, zeros)
                differences(sources, targets, C * size, one)
            for q in range(9):
                counts[q] += integer(args.wanted, q * tiles + t)
        for q in range(9):
            of_sums = args.sums + ((share * 9 + q) * phases + f0) * C * Co * size
            for m in range(blocks * ROWS):
                put(c + 8 * m, of_sums + m * Co * size if m < rows else nowhere)
                put(init + 8 * m, zeros if k0 == first else integer(c, m))
            if counts[q] == 0 and k0 == first:
                fill_zeros(of_sums, rows * Co, one)
            for j in range((Co + width - 1) // width if counts[q] else 0):
                b, offset, left = E + q * e_point + j * width * size, j * width * size, Co - j * width
                for t in range(blocks):
                    a, at = V + q * v_point + t * ROWS * size, 8 * ROWS * t
                    tile_panel(args.tile, a, v_step, counts[q], b, e_step, init + at, c + at, offset, left, one)
    release(V)
    release(E)
    release(tables)
    release(nowhere)
    release(memory)


@float_task
def _taps(tap, p, one):
    """dW at a tap: the sum of dU at the points where its weight was used, over the shares."""
    args = read(p, TAPS)
    n, size, sh, sw = args.n, size_of(one), args.sh, args.sw
    i, j = tap // (2 * sw), tap % (2 * sw)
    w, step = array(args.dW + tap * n * size, n, one), sh * sw * n * size
    for share in range(args.shares):
        at = args.sums + (9 * share + i // sh * 3 + j // sw) * step + (i % sh * sw + j % sw) * n * size
        a, b = array(at, n, one), array(at + step, n, one)
        c, d = array(at + 3 * step, n, one), array(at + 4 * step, n, one)
        if share == 0:
            for k in range(n):
                w[k] = (a[k] + b[k]) + (c[k] + d[k])
        else:
            for k in range(n):
                w[k] += (a[k] + b[k]) + (c[k] + d[k])


def weight_grad_at_points(x, dy, dW, plan: Plan, stride) -> None:
    """dW of conv2d, with the plan of the forward pass."""
    size, N, (Ci, Co), phases = x.itemsize, len(x), dW.shape[2:], stride[0] * stride[1]
    parts, shares = min(PARTS, phases), SHARES if N * plan.tiles >= 2 * DEPTH else 1
    sums, zeros = empty((shares, 9, phases, Ci, Co), x.dtype), np.zeros(max(Ci, Co), x.dtype)
    p = POINTS.table(
        x=x,
        dy=dy,
        sums=sums,
        zeros=zeros,
        x_at=plan.given,
        y_at=plan.made,
        wanted=plan.wanted,
        tiles=plan.tiles,
        phases=phases,
        N=N,
        C=Ci,
        Co=Co,
        x_step=x[0].nbytes,
        y_step=dy[0].nbytes,
        width=width_for(Co, size),
        tile=panel_tile(Co, size),
        parts=parts,
        shares=shares,
        size=size,
    )
    run(_points[size], parts * shares, p)
    p = TAPS.table(sums=sums, dW=dW, n=Ci * Co, shares=shares, size=size, sh=stride[0], sw=stride[1])
    run(_taps[size], 4 * phases, p)
