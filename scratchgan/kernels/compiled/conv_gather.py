"""conv2d and its input gradient: products whose rows are gathered from the image where they are.

    for each phase (conv2d has one), for each group of images         (parallel: a group is a task)
        made[n, target pixel] = sum over taps of given[n, source pixel] @ B[tap],  plus bias, then leaky

A row of the product is a pixel that is computed; its segments are the pixels under the taps, C numbers each.
"""

from __future__ import annotations

import numpy as np

from .gemm import pack, pack_panels
from .pool import empty, float_task, integer, put, release, run, scratch, size_of, task
from .tables import read, real, slots
from .tile import ROWS, rows_tile, tile_rows, width_for

PACK = slots("weight packed taps S K N step_k step_n width packer size zeros")
GATHER = slots(
    "given made packed zeros bias source target S M N K columns images "
    "given_step made_step pixel_step width tile size slope"
)


@task
def _pack_taps(i, p):
    """Task (panel, s): the matrix (K, N) of the s-th tap of the list, into packed[panel, s, k, :]."""
    args = read(p, PACK)
    S, K, N, width, size = args.S, args.K, args.N, args.width, args.size
    panel, s = i // S, i % S
    b, to = args.weight + integer(args.taps, s) * K * N * size, args.packed + (panel * S + s) * K * width * size
    pack_panels(args.packer, b, args.step_k, args.step_n, to, K, panel * width, N, width, size, args.zeros, 1, 0)


def pack_taps(W: np.ndarray, taps: np.ndarray, transposed: bool) -> np.ndarray:
    """The taps' matrices (Ci, Co), or (Co, Ci) if transposed, one below the other, as panels of columns."""
    Ci, Co = W.shape[2:]
    (K, N), (step_k, step_n) = ((Co, Ci), (1, Co)) if transposed else ((Ci, Co), (Co, 1))
    size, width = W.itemsize, width_for(N, W.itemsize)
    panels = -(-N // width)
    packed = empty((panels * len(taps) * K * width,), W.dtype)
    zeros = np.zeros(1, np.int64)
    p = PACK.table(
        weight=W,
        packed=packed,
        taps=taps,
        S=len(taps),
        K=K,
        N=N,
        step_k=step_k * size,
        step_n=step_n * size,
        width=width,
        packer=pack.address,
        size=size,
        zeros=zeros,
    )
    run(_pack_taps, panels * len(taps), p)
    return packed


@float_task
def _gather(group, p, one):
    """Some images of one phase: made[n, target pixel] = sum over taps of given[n, source pixel] @ B[tap]."""
    args, slope = read(p, GATHER), real(p, GATHER.slope, one)
    S, M, K, columns, width, size = args.S, args.M, args.K, args.columns, args.width, size_of(one)
    first, last = group * args.images, min(args.N, (group + 1) * args.images)
    count = (last - first) * M
    rows = (count + ROWS - 1) // ROWS * ROWS
    tables, nowhere = scratch(8 * (S + 2) * rows), scratch(8 * columns)
    a, c, init = tables, tables + 8 * S * rows, tables + 8 * (S + 1) * rows
    for m in range(rows):
        put(c + 8 * m, nowhere)
        put(init + 8 * m, args.bias)
    for n in range(first, last):
        for m in range(M):
            pixel = args.made + n * args.made_step + integer(args.target, m) * columns * size
            put(c + 8 * ((n - first) * M + m), pixel)
    for s in range(S):
        at = a + 8 * s * rows
        for n in range(first, last):
            image = args.given + n * args.given_step
            for m in range(M):
                pixel = integer(args.source, s * M + m)
                put(at, args.zeros if pixel < 0 else image + pixel * args.pixel_step)
                at += 8
        for _ in range(count, rows):
            put(at, args.zeros)
            at += 8
    for j in range((columns + width - 1) // width):
        b, offset, left = args.packed + j * S * K * width * size, j * width * size, columns - j * width
        for t in range(rows // ROWS):
            at = 8 * ROWS * t
            tile_rows(args.tile, a + at, 8 * rows, S, K, b, width * size, init + at, c + at, offset, left, slope)
    release(tables)
    release(nowhere)


def gather(given, W, made, phases, transposed, bias, slope, images) -> None:
    """made = the phases' small convolutions of `given` (N, H, W, C) with W, plus bias, then leaky."""
    size, N = given.itemsize, len(given)
    (columns, K) = W.shape[2:] if transposed else W.shape[:1:-1]
    zeros = np.zeros(max(K, columns), given.dtype)
    slope = given.dtype.type(slope)
    for phase in phases:
        S = len(phase.taps)
        if S == 0:  # stride > kernel: only the bias reaches these pixels
            rest = made.reshape(N, -1, columns)
            value = np.zeros(columns, given.dtype) if bias is None else bias
            rest[:, phase.target] = np.where(value > 0, value, slope * value)
            continue
        packed = pack_taps(W, phase.taps, transposed)
        p = GATHER.table(
            given=given,
            made=made,
            packed=packed,
            zeros=zeros,
            bias=zeros if bias is None else bias,
            source=phase.source,
            target=phase.target,
            S=S,
            M=len(phase.target),
            N=N,
            K=K,
            columns=columns,
            images=images,
            given_step=given[0].nbytes,
            made_step=made[0].nbytes,
            pixel_step=given.shape[3] * size,
            width=width_for(columns, size),
            tile=rows_tile(columns, size),
            size=size,
            slope=slope,
        )
        run(_gather[size], -(-N // images), p)
