"""Pooling and nearest up-sampling.  Each row of the output is computed separately; a task computes some of the rows.

Below, "fine" is the larger image (N, H, W, C) and "coarse" the smaller one (N, h, w, C): a pixel of the coarse image
belongs to a block of k x k pixels of the fine one.  The innermost loop always runs over the C numbers of a pixel.

    for each row of the output                                  (parallel: a task handles some of the rows)
        for each pixel of the row
            blocks become pixels     y = scale * sum over the k x k pixels of the block         mean, sum
            pixels become blocks     y = scale * the pixel                                      their adjoints
            maxima                   store the place of the maximum, take the number there, or put a number there

`bilinear` works in the same way.
"""

from __future__ import annotations

import numpy as np

from .. import pooling
from .gemm import DTYPES
from .pool import array, contiguous, empty, fill_zeros, float_task, part, release, run, scratch
from .tables import read, real, slots

SMALL = 2048  # arrays with fewer numbers are left to NumPy
GRAIN = 1 << 14  # numbers that make a task worthwhile
MOST = 64  # largest number of tasks

# `rows` counts the output's rows in all images; `places` (of maxima) and `shares` (of `bilinear`) may be 0
RESAMPLE = slots("source target rows H W h w C k tasks scale size places shares")


# -- sums and copies of blocks ----------------------------------------------------------------------------------------


@float_task
def _shrink(i, p, one):
    """Each coarse pixel = scale times the sum of its block."""
    args, scale = read(p, RESAMPLE), real(p, RESAMPLE.scale, one)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    for row in range(first, last):
        block = args.source + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            y = array(args.target + (row * w + q) * C * size, C, one)
            for c in range(C):
                y[c] = 0
            for a in range(k):
                for b in range(k):
                    x = array(block + (a * W + b) * C * size, C, one)
                    for c in range(C):
                        y[c] += x[c]
            for c in range(C):
                y[c] *= scale
            block += k * C * size


@float_task
def _grow(i, p, one):
    """Each pixel of a block = scale times the coarse pixel; pixels outside of all blocks are zero."""
    args, scale = read(p, RESAMPLE), real(p, RESAMPLE.scale, one)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    for row in range(first, last):
        r = row % H // k
        source, to = args.source + (row // H * h + r) * w * C * size, args.target + row * W * C * size
        filled = w if r < h else 0
        for q in range(filled):
            x = array(source + q * C * size, C, one)
            for _ in range(k):
                y = array(to, C, one)
                for c in range(C):
                    y[c] = scale * x[c]
                to += C * size
        fill_zeros(to, (W - filled * k) * C, one)


# -- maxima -----------------------------------------------------------------------------------------------------------


@float_task
def _argmax(i, p, one):
    """The place in its block of the first NaN or, if there is none, of the first of the largest entries."""
    args = read(p, RESAMPLE)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    buffer = scratch(C * size)
    largest = array(buffer, C, one)
    for row in range(first, last):
        block = args.source + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            at, x = array(args.target + (row * w + q) * C * 8, C, np.int64(1)), array(block, C, one)
            for c in range(C):
                largest[c] = x[c]
                at[c] = 0
            for a in range(k):
                for b in range(k):
                    x = array(block + (a * W + b) * C * size, C, one)
                    for c in range(C):
                        found = (largest[c] == largest[c]) & (not x[c] <= largest[c])
                        largest[c] = x[c] if found else largest[c]
                        at[c] = a * k + b if found else at[c]
            block += k * C * size
    release(buffer)


@float_task
def _take(i, p, one):
    """Each coarse pixel = the entries of its block at the given places."""
    args = read(p, RESAMPLE)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    for row in range(first, last):
        block = args.source + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            y = array(args.target + (row * w + q) * C * size, C, one)
            at = array(args.places + (row * w + q) * C * 8, C, np.int64(1))
            for a in range(k):
                for b in range(k):
                    x = array(block + (a * W + b) * C * size, C, one)
                    for c in range(C):
                        here, before = x[c], y[c]
                        y[c] = here if at[c] == a * k + b else before
            block += k * C * size


@float_task
def _put_back(i, p, one):
    """Each pixel of a block = those entries of the coarse pixel whose place it is, and zero elsewhere."""
    args = read(p, RESAMPLE)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    for row in range(first, last):
        r, a = row % H // k, row % H % k
        source, to = (row // H * h + r) * w * C, args.target + row * W * C * size
        filled = w if r < h else 0
        for q in range(filled):
            dy = array(args.source + (source + q * C) * size, C, one)
            at = array(args.places + (source + q * C) * 8, C, np.int64(1))
            for b in range(k):
                dx = array(to, C, one)
                for c in range(C):
                    dx[c] = dy[c] if at[c] == a * k + b else one - one
                to += C * size
        fill_zeros(to, (W - filled * k) * C, one)


# -- engines ----------------------------------------------------------------------------------------------------------


def resample(task, source, target, k, *, scale=1.0, places=0, shares=0):
    """Compute all rows of `target` from `source` with the tasks {bytes of a number: task}, and return it."""
    (N, H, W, C), (_, h, w, _) = (source.shape, target.shape)[:: 1 if source.shape[1] > target.shape[1] else -1]
    rows, size = N * target.shape[1], source.itemsize
    tasks = max(1, min(rows, MOST, N * H * W * C // GRAIN))
    p = RESAMPLE.table(
        source=source,
        target=target,
        rows=rows,
        H=H,
        W=W,
        h=h,
        w=w,
        C=C,
        k=k,
        tasks=tasks,
        scale=source.dtype.type(scale),
        size=size,
        places=places,
        shares=shares,
    )
    run(task[size], tasks, p)
    return target


def usable(a, fine, coarse, k, exactly=False):
    """Whether `a`, of the shape `fine` or `coarse`, is large enough and the shapes fit; if not, the twin is called."""
    if a.dtype not in DTYPES or len(fine) != 4 or len(coarse) != 4 or fine[::3] != coarse[::3] or 0 in coarse:
        return False
    rest = [fine[axis] - k * coarse[axis] for axis in (1, 2)]
    return min(rest) >= 0 and not (exactly and any(rest)) and fine[0] * fine[1] * fine[2] * fine[3] >= SMALL


def pooled(shape, k):
    """The shape of an image after each k x k block has become one pixel."""
    return (*shape[:1], *(n // k for n in shape[1:3]), *shape[3:])


def upsampled(shape, k):
    """The shape of an image after each pixel has become a k x k block."""
    return (*shape[:1], *(n * k for n in shape[1:3]), *shape[3:])


@pooling.average_pool.engine("numba")
def _(x, *, size):
    shape = pooled(x.shape, size)
    if not usable(x, x.shape, shape, size):
        return pooling.average_pool.twin(x, size=size)
    return resample(_shrink, contiguous(x), empty(shape, x.dtype), size, scale=1 / size**2)


@pooling.average_pool_adjoint.engine("numba")
def _(dy, *, size, x_shape):
    if not usable(dy, x_shape, dy.shape, size):
        return pooling.average_pool_adjoint.twin(dy, size=size, x_shape=x_shape)
    return resample(_grow, contiguous(dy), empty(x_shape, dy.dtype), size, scale=1 / size**2)


@pooling.upsample_nearest.engine("numba")
def _(x, *, size):
    shape = upsampled(x.shape, size)
    if not usable(x, shape, x.shape, size):
        return pooling.upsample_nearest.twin(x, size=size)
    return resample(_grow, contiguous(x), empty(shape, x.dtype), size)


@pooling.upsample_nearest_adjoint.engine("numba")
def _(dy, *, size):
    shape = pooled(dy.shape, size)
    if not usable(dy, dy.shape, shape, size, exactly=True):
        return pooling.upsample_nearest_adjoint.twin(dy, size=size)
    return resample(_shrink, contiguous(dy), empty(shape, dy.dtype), size)


@pooling.max_pool_argmax.engine("numba")
def _(x, *, size):
    shape = pooled(x.shape, size)
    if not usable(x, x.shape, shape, size):
        return pooling.max_pool_argmax.twin(x, size=size)
    return resample(_argmax, np.ascontiguousarray(x), empty(shape, np.int64), size)


@pooling.max_pool_take.engine("numba")
def _(x, at, *, size):
    shape = pooled(x.shape, size)
    if not usable(x, x.shape, shape, size) or at.shape != shape:
        return pooling.max_pool_take.twin(x, at, size=size)
    at = np.ascontiguousarray(at, np.int64)
    return resample(_take, contiguous(x), empty(shape, x.dtype), size, places=at)


@pooling.max_pool_adjoint.engine("numba")
def _(dy, at, *, size, x_shape):
    if not usable(dy, x_shape, dy.shape, size) or at.shape != dy.shape:
        return pooling.max_pool_adjoint.twin(dy, at, size=size, x_shape=x_shape)
    at = np.ascontiguousarray(at, np.int64)
    return resample(_put_back, contiguous(dy), empty(x_shape, dy.dtype), size, places=at)
