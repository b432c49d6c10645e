r"""The weight gradient with fewer multiplications: Winograd's rule (`winograd`), read backwards.

Each of the three products of a tile, m = v u, asks for one product of its gradient, du = v dm.  The tile's outputs were
sums of the m, so dm is sums of dy; u was sums of the taps, so dw is sums of du.  Three products again, not four:

    y0 = m1 + m2         dm1 = dy0             du1 = (x0 - x1) dm1         u1 = w0           dw0 = du1 + du2
                         dm2 = dy0 + dy1       du2 = x1 dm2                u2 = w0 + w1
    y1 = m2 + m3         dm3 = dy1             du3 = (x2 - x1) dm3         u3 = w1           dw1 = du2 + du3

    for each task: some phases, a share of the batch
        for each 128 tiles
            V = differences of the windows of x, E = sums of dy, at 9 points
            for each point: dU[point] += V[point]^T E[point]                              a row of V, E = a tile
    for each tap: dW = the sum of dU at the points that its weight was in, over the shares, in order

A NaN or an infinity reaches the taps that it did before; in the last row and column of tiles, those beside, too.
"""

from __future__ import annotations

import numpy as np

from .pool import (
    address,
    address_of,
    aligned,
    array,
    empty,
    inner,
    integer,
    keep,
    parallel_for,
    part,
    put,
    run,
    table,
    task,
)
from .tile import ROWS, panel_tile, tile_panel, width_for
from .winograd import Plan, addresses, differences, spread

DEPTH = 128  # tiles that are at hand at a time
PARTS = 4  # tasks: the phases in up to 4 parts,
SHARES = 2  # times 2 shares of the batch


@task
def _points32(i, p):
    _points(i, p, np.float32(1))


@task
def _points64(i, p):
    _points(i, p, np.float64(1))


@inner
def _points(number, p, one):
    """dU at the 9 points: rows of some phases, from a share of the batch."""
    x, dy, sums, zeros, x_at, y_at = (
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3),
        integer(p, 4),
        integer(p, 5),
    )
    wanted, tiles, phases, N, C, Co = (
        integer(p, 6),
        integer(p, 7),
        integer(p, 8),
        integer(p, 9),
        integer(p, 10),
        integer(p, 11),
    )
    x_step, y_step, width, tile, parts, shares, size = (
        integer(p, 12),
        integer(p, 13),
        integer(p, 14),
        integer(p, 15),
        integer(p, 16),
        integer(p, 17),
        integer(p, 18),
    )
    (f0, f1), share = part(phases, number % parts, parts), number // parts
    first, last = part(N * tiles, share, shares)
    rows, most = (f1 - f0) * C, min(DEPTH, last - first)
    blocks = (rows + ROWS - 1) // ROWS
    v_step, e_step = (blocks * ROWS * size + 127) // 128 * 128 + 64, (Co * size + 127) // 128 * 128 + 64
    v_point, e_point = most * v_step + 64, most * e_step + 64
    v_memory, e_memory = np.empty(9 * v_point // 8 + 8, np.int64), np.empty(9 * e_point // 8 + width + 8, np.int64)
    V, E = aligned(v_memory), aligned(e_memory)
    tables, nowhere = np.empty(2 * blocks * ROWS + 18, np.int64), np.empty(C + Co, np.int64)
    counts = np.empty(9, np.int64)  # tiles that have been copied, at each point
    c, init = address_of(tables), address_of(tables) + 8 * blocks * ROWS
    sources, targets = init + 8 * blocks * ROWS, init + 8 * blocks * ROWS + 72
    for k0 in range(first, last, DEPTH):
        counts[:] = 0
        for k in range(k0, min(k0 + DEPTH, last)):
            n, t = k // tiles, k % tiles
            for q in range(9):
                put(
                    targets + 8 * q,
                    E + q * e_point + counts[q] * e_step if integer(wanted, q * tiles + t) else address_of(nowhere),
                )
            addresses(sources, dy + n * y_step, y_at + 32 * t, 4, Co * size, zeros)
            spread(sources, targets, Co * size, one)
            for f in range(f0, f1):
                for q in range(9):
                    put(
                        targets + 8 * q,
                        V + q * v_point + counts[q] * v_step + (f - f0) * C * size
                        if integer(wanted, q * tiles + t)
                        else address_of(nowhere),
                    )
                addresses(sources, x + n * x_step, x_at + 72 * (t * phases + f), 9, C * size, zeros)
                differences(sources, targets, C * size, one)
            for q in range(9):
                counts[q] += integer(wanted, q * tiles + t)
        for q in range(9):
            of_sums = sums + ((share * 9 + q) * phases + f0) * C * Co * size
            for m in range(blocks * ROWS):
                put(c + 8 * m, of_sums + m * Co * size if m < rows else address_of(nowhere))
                put(init + 8 * m, zeros if k0 == first else integer(c, m))
            if counts[q] == 0 and k0 == first:
                array(of_sums, rows * Co, one)[:] = 0
            for j in range((Co + width - 1) // width if counts[q] else 0):
                for t in range(blocks):
                    at = 8 * ROWS * t
                    tile_panel(
                        tile,
                        V + q * v_point + t * ROWS * size,
                        v_step,
                        counts[q],
                        E + q * e_point + j * width * size,
                        e_step,
                        init + at,
                        c + at,
                        j * width * size,
                        Co - j * width,
                        one,
                    )
    keep(v_memory, e_memory, tables, nowhere, counts)


@task
def _taps32(i, p):
    _taps(i, p, np.float32(1))


@task
def _taps64(i, p):
    _taps(i, p, np.float64(1))


@inner
def _taps(tap, p, one):
    """dW at a tap: the sum of dU at the points that its weight was in, over the shares."""
    sums, dW, n, shares, size, sh, sw = (
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3),
        integer(p, 4),
        integer(p, 5),
        integer(p, 6),
    )
    i, j = tap // (2 * sw), tap % (2 * sw)
    w, step = array(dW + tap * n * size, n, one), sh * sw * n * size
    for share in range(shares):
        at = sums + (9 * share + i // sh * 3 + j // sw) * step + (i % sh * sw + j % sw) * n * size
        a, b = array(at, n, one), array(at + step, n, one)
        c, d = array(at + 3 * step, n, one), array(at + 4 * step, n, one)
        if share == 0:
            for k in range(n):
                w[k] = (a[k] + b[k]) + (c[k] + d[k])
        else:
            for k in range(n):
                w[k] += (a[k] + b[k]) + (c[k] + d[k])


def weight_grad_at_points(x, dy, dW, plan: Plan, stride) -> None:
    """dW of conv2d, from the plan that made y."""
    size, N, (Ci, Co), phases = x.itemsize, len(x), dW.shape[2:], stride[0] * stride[1]
    parts, shares = min(PARTS, phases), SHARES if N * plan.tiles >= 2 * DEPTH else 1
    sums, zeros = empty((shares, 9, phases, Ci, Co), x.dtype), np.zeros(max(Ci, Co), x.dtype)
    p = table(
        x,
        dy,
        sums,
        zeros,
        plan.given,
        plan.made,
        plan.wanted,
        plan.tiles,
        phases,
        N,
        Ci,
        Co,
        x[0].nbytes,
        dy[0].nbytes,
        width_for(Co, size),
        panel_tile(Co, size),
        parts,
        shares,
        size,
    )
    run(parallel_for, (_points32 if size == 4 else _points64).address, parts * shares, address(p))
    p = table(sums, dW, Ci * Co, shares, size, *stride)
    run(parallel_for, (_taps32 if size == 4 else _taps64).address, 4 * phases, address(p))
