"""The input gradient for an image of few channels: each patch is computed, then added to the image it was taken from.

for each group of images                                            (parallel: a group is a task)
    for each image
        patches = dy @ W^T                                          (output pixels, kh kw C)
        for each output pixel, for each row of the kernel
            padded image[the kw pixels under that row] += that part of the patch
        dx = leaky(the padded image without its border + bias)
"""

from __future__ import annotations

import numpy as np

from .conv_gather import pack_taps
from .pool import array, fill_zeros, float_task, integer, put, release, run, scratch, size_of
from .tables import read, real, slots
from .tile import ROWS, rows_tile, tile_rows, width_for

SCATTER = slots("dy dx packed zeros bias pixels S M N C Co images H W ph pw run_length width tile size slope")


@float_task
def _scatter(group, p, one):
    """dx of some images: patches = dy W^T, whose rows are added to the padded image that they lie over."""
    args, slope = read(p, SCATTER), real(p, SCATTER.slope, one)
    S, M, C, Co, H, W, ph, pw = args.S, args.M, args.C, args.Co, args.H, args.W, args.ph, args.pw
    run_length, width, size = args.run_length, args.width, size_of(one)
    K, rows, Wp = S * run_length, (M + ROWS - 1) // ROWS * ROWS, W + 2 * pw
    buffer, tables, padded = scratch(rows * K * size), scratch(24 * rows), scratch((H + 2 * ph) * Wp * C * size)
    whole = array(padded, (H + 2 * ph) * Wp * C, one)
    a, c, init = tables, tables + 8 * rows, tables + 16 * rows
    start = array(args.bias, C, one)
    for m in range(rows):
        put(c + 8 * m, buffer + m * K * size)
        put(init + 8 * m, args.zeros)
    for n in range(group * args.images, min(args.N, (group + 1) * args.images)):
        for m in range(rows):
            put(a + 8 * m, args.dy + (n * M + min(m, M - 1)) * Co * size)
        for j in range((K + width - 1) // width):
            b, offset, left = args.packed + j * Co * width * size, j * width * size, K - j * width
            for t in range(rows // ROWS):
                at = 8 * ROWS * t
                tile_rows(args.tile, a + at, 0, 1, Co, b, width * size, init + at, c + at, offset, left, one)
        fill_zeros(padded, (H + 2 * ph) * Wp * C, one)
        for m in range(M):
            for s in range(S):
                patch = array(buffer + (m * K + s * run_length) * size, run_length, one)
                first = integer(args.pixels, s * M + m) * C
                for k in range(run_length):
                    whole[first + k] += patch[k]
        image = array(args.dx + n * H * W * C * size, H * W * C, one)
        for h in range(H):
            for w in range(W):
                for ch in range(C):
                    v = whole[((h + ph) * Wp + w + pw) * C + ch] + start[ch]
                    image[(h * W + w) * C + ch] = v if v > 0 else slope * v
    release(buffer)
    release(tables)
    release(padded)


def scatter(dy, W, dx, phase, padding, bias, slope, images) -> None:
    """dx = the input gradient of conv2d, plus bias, then leaky; `phase` is the `rows_phase` of the shape."""
    size, (N, H, Wd, C) = W.itemsize, dx.shape
    kh, kw, _, Co = W.shape
    packed = pack_taps(W.reshape(1, 1, kh * kw * C, Co), np.zeros(1, np.int64), True)
    zeros = np.zeros(max(kh * kw * C, Co), W.dtype)
    p = SCATTER.table(
        dy=dy,
        dx=dx,
        packed=packed,
        zeros=zeros,
        bias=zeros if bias is None else bias,
        pixels=phase.source,
        S=kh,
        M=len(phase.target),
        N=N,
        C=C,
        Co=Co,
        images=images,
        H=H,
        W=Wd,
        ph=padding[0],
        pw=padding[1],
        run_length=kw * C,
        width=width_for(kh * kw * C, size),
        tile=rows_tile(kh * kw * C, size),
        size=size,
        slope=W.dtype.type(slope),
    )
    run(_scatter[size], -(-N // images), p)
