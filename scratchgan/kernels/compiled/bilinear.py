"""Bilinear up-sampling and its adjoint, row by row as in `resampling`.

up-sampling     each fine row: mix two rows of the coarse image, then neighbouring pixels of the result
its adjoint     each coarse row: collect from the fine rows that were mixed from it, then, for each coarse pixel, from
                the pixels of the result.  (If each fine row were added to two coarse rows instead, two tasks might
                write to the same place.)
"""

from __future__ import annotations

import numpy as np

from .. import pooling
from .compiling import inner
from .pool import array, contiguous, empty, float_task, part, release, scratch
from .resampling import RESAMPLE, fill_zeros, pooled, resample, upsampled, usable
from .tables import read


@inner
def _other(f, k, n):
    """Fine pixel f lies between coarse pixels f // k and this one, which is the last again beyond an edge of the n."""
    return max(f // k - 1, 0) if 2 * (f % k) + 1 < k else min(f // k + 1, n - 1)


@inner
def _mix(source, step, to, f, k, n, numbers, shares, one):
    """Compute the `numbers` numbers of fine line f from two of the n coarse lines, which are `step` bytes apart."""
    share = array(shares, 2 * k, one)
    own, other = share[f % k], share[k + f % k]
    x, z = array(source + f // k * step, numbers, one), array(source + _other(f, k, n) * step, numbers, one)
    y = array(to, numbers, one)
    for e in range(numbers):
        y[e] = own * x[e] + other * z[e]


@inner
def _collect(source, step, to, q, k, n, numbers, shares, one):
    """The adjoint of `_mix`: compute coarse line q, of n, from all fine lines that have a share of it."""
    dx, share = array(to, numbers, one), array(shares, 2 * k, one)
    fill_zeros(to, numbers, one)
    for f in range(max(0, (q - 1) * k), min(n, q + 2) * k):
        is_own, is_other = f // k == q, _other(f, k, n) == q
        if is_own or is_other:
            of_f = (share[f % k] if is_own else one - one) + (share[k + f % k] if is_other else one - one)
            dy = array(source + f * step, numbers, one)
            for e in range(numbers):
                dx[e] += of_f * dy[e]


@float_task
def _bilinear(i, p, one):
    """Some fine rows: mix two coarse rows, then the neighbouring pixels of the result."""
    args = read(p, RESAMPLE)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    buffer = scratch(w * C * size)
    for row in range(first, last):
        image = args.source + row // H * h * w * C * size
        _mix(image, w * C * size, buffer, row % H, k, h, w * C, args.shares, one)
        for f in range(W):
            to = args.target + (row * W + f) * C * size
            _mix(buffer, C * size, to, f, k, w, C, args.shares, one)
    release(buffer)


@float_task
def _bilinear_adjoint(i, p, one):
    """Some coarse rows: collect the fine rows, then the pixels of the result."""
    args = read(p, RESAMPLE)
    H, W, h, w, C, k, size = args.H, args.W, args.h, args.w, args.C, args.k, args.size
    first, last = part(args.rows, i, args.tasks)
    buffer = scratch(W * C * size)
    for row in range(first, last):
        image = args.source + row // h * H * W * C * size
        _collect(image, W * C * size, buffer, row % h, k, h, W * C, args.shares, one)
        for q in range(w):
            to = args.target + (row * w + q) * C * size
            _collect(buffer, C * size, to, q, k, w, C, args.shares, one)
    release(buffer)


def _shares(k, dtype):
    """(2, k): the share that each of the k fine lines of a coarse line has of it, and its share of the other line."""
    other = np.array([share for share, _ in pooling._phases(k)])
    return np.array([1 - other, other], dtype)


@pooling.upsample_bilinear.engine("numba")
def _(x, *, size):
    shape = upsampled(x.shape, size)
    if not usable(x, shape, x.shape, size):
        return pooling.upsample_bilinear.twin(x, size=size)
    return resample(
        _bilinear,
        contiguous(x),
        empty(shape, x.dtype),
        size,
        shares=_shares(size, x.dtype),
    )


@pooling.upsample_bilinear_adjoint.engine("numba")
def _(dy, *, size):
    shape = pooled(dy.shape, size)
    if not usable(dy, dy.shape, shape, size, exactly=True):
        return pooling.upsample_bilinear_adjoint.twin(dy, size=size)
    return resample(
        _bilinear_adjoint,
        contiguous(dy),
        empty(shape, dy.dtype),
        size,
        shares=_shares(size, dy.dtype),
    )
