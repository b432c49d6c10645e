r"""Pooling and up-sampling: every output row is made by itself, so a task owns some rows of the output.

Below, "fine" is the larger image (N, H, W, C), "coarse" the smaller (N, h, w, C), and k x k pixels of one are a pixel
of the other.  The innermost loop always runs over the C neighbouring numbers of a pixel.

    for each row of the output (parallel: a task owns its rows), for each pixel of it
        blocks become pixels     y = scale * sum over the k x k pixels of the block         mean, sum
        pixels become blocks     y = scale * the pixel                                      their adjoints
        maxima                   remember the place, take what stands there, or put it back there

    bilinear          mix two rows of the coarse image; then mix the neighbouring pixels of what came out
    its adjoint       a coarse row collects from the fine rows that have a share of it; then each coarse pixel from the
                      fine pixels of that row.  (Collecting, not giving: no two tasks write the same number.)
"""

from __future__ import annotations

import numpy as np

from .. import pooling
from .conv import address, table
from .gemm import DTYPES
from .pool import address_of, array, get, inner, integer, keep, parallel_for, part, run, task

SMALL = 2048  # arrays of fewer numbers are left to NumPy
GRAIN = 1 << 14  # numbers that a task is worth, about
MOST = 64  # tasks at most
SCALE = 8 * 10  # where the scale stands in the table


@inner
def _geometry(p):
    """(H, W, h, w, C, k, bytes of a number) in a table."""
    return (integer(p, 3), integer(p, 4), integer(p, 5), integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 11))


@inner
def _rows(i, p):
    """(first, last + 1) of task i's rows, counted through all images."""
    return part(integer(p, 2), i, integer(p, 9))


# -- sums and copies of blocks ----------------------------------------------------------------------------------------


@task
def _shrink32(i, p):
    _shrink(i, p, get(p + SCALE, np.float32(1)))


@task
def _shrink64(i, p):
    _shrink(i, p, get(p + SCALE, np.float64(1)))


@inner
def _shrink(i, p, scale):
    """Each coarse pixel = scale times the sum of its block."""
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    for row in range(first, last):
        block = integer(p, 0) + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            y = array(integer(p, 1) + (row * w + q) * C * size, C, scale)
            for c in range(C):
                y[c] = 0
            for a in range(k):
                for b in range(k):
                    x = array(block + (a * W + b) * C * size, C, scale)
                    for c in range(C):
                        y[c] += x[c]
            for c in range(C):
                y[c] *= scale
            block += k * C * size


@task
def _grow32(i, p):
    _grow(i, p, get(p + SCALE, np.float32(1)))


@task
def _grow64(i, p):
    _grow(i, p, get(p + SCALE, np.float64(1)))


@inner
def _grow(i, p, scale):
    """Each pixel of a block = scale times the coarse pixel; zero where no block reached."""
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    for row in range(first, last):
        r = row % H // k
        source, to = integer(p, 0) + (row // H * h + r) * w * C * size, integer(p, 1) + row * W * C * size
        filled = w if r < h else 0
        for q in range(filled):
            x = array(source + q * C * size, C, scale)
            for _ in range(k):
                y = array(to, C, scale)
                for c in range(C):
                    y[c] = scale * x[c]
                to += C * size
        _zeros(to, (W - filled * k) * C, scale)


@inner
def _zeros(to, n, like):
    y = array(to, n, like)
    for e in range(n):
        y[e] = 0


# -- maxima -----------------------------------------------------------------------------------------------------------


@task
def _argmax32(i, p):
    _argmax(i, p, np.float32(1))


@task
def _argmax64(i, p):
    _argmax(i, p, np.float64(1))


@inner
def _argmax(i, p, one):
    """Where in its block the first NaN stands, or else the first of the largest entries."""
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    buffer = np.empty(C, np.int64)
    largest = array(address_of(buffer), C, one)
    for row in range(first, last):
        block = integer(p, 0) + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            at, x = array(integer(p, 1) + (row * w + q) * C * 8, C, np.int64(1)), array(block, C, one)
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
    keep(buffer)


@task
def _take32(i, p):
    _take(i, p, np.float32(1))


@task
def _take64(i, p):
    _take(i, p, np.float64(1))


@inner
def _take(i, p, one):
    """Each coarse pixel = the entries of its block at the places given."""
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    for row in range(first, last):
        block = integer(p, 0) + (row // h * H + row % h * k) * W * C * size
        for q in range(w):
            y = array(integer(p, 1) + (row * w + q) * C * size, C, one)
            at = array(integer(p, 12) + (row * w + q) * C * 8, C, np.int64(1))
            for a in range(k):
                for b in range(k):
                    x = array(block + (a * W + b) * C * size, C, one)
                    for c in range(C):
                        here, before = x[c], y[c]
                        y[c] = here if at[c] == a * k + b else before
            block += k * C * size


@task
def _put_back32(i, p):
    _put_back(i, p, np.float32(1))


@task
def _put_back64(i, p):
    _put_back(i, p, np.float64(1))


@inner
def _put_back(i, p, one):
    """Each pixel of a block = the coarse pixel's entries whose place it is, zero elsewhere."""
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    for row in range(first, last):
        r, a = row % H // k, row % H % k
        source, to = (row // H * h + r) * w * C, integer(p, 1) + row * W * C * size
        filled = w if r < h else 0
        for q in range(filled):
            dy = array(integer(p, 0) + (source + q * C) * size, C, one)
            at = array(integer(p, 12) + (source + q * C) * 8, C, np.int64(1))
            for b in range(k):
                dx = array(to, C, one)
                for c in range(C):
                    dx[c] = dy[c] if at[c] == a * k + b else one - one
                to += C * size
        _zeros(to, (W - filled * k) * C, one)


# -- bilinear ---------------------------------------------------------------------------------------------------------


@inner
def _other(f, k, n):
    """Fine pixel f lies between the coarse pixels f // k and this one; beyond an edge (of n) it is the edge pixel."""
    return max(f // k - 1, 0) if 2 * (f % k) + 1 < k else min(f // k + 1, n - 1)


@inner
def _mix(source, step, to, f, k, n, numbers, shares, one):
    """`numbers` numbers of fine line f, of two of the n coarse lines `step` bytes apart."""
    share = array(shares, 2 * k, one)
    own, other = share[f % k], share[k + f % k]
    x, z = array(source + f // k * step, numbers, one), array(source + _other(f, k, n) * step, numbers, one)
    y = array(to, numbers, one)
    for e in range(numbers):
        y[e] = own * x[e] + other * z[e]


@inner
def _collect(source, step, to, q, k, n, numbers, shares, one):
    """The adjoint of `_mix`: coarse line q, of n, from all fine lines that have a share of it."""
    dx, share = array(to, numbers, one), array(shares, 2 * k, one)
    _zeros(to, numbers, one)
    for f in range(max(0, (q - 1) * k), min(n, q + 2) * k):
        is_own, is_other = f // k == q, _other(f, k, n) == q
        if is_own or is_other:
            of_f = (share[f % k] if is_own else one - one) + (share[k + f % k] if is_other else one - one)
            dy = array(source + f * step, numbers, one)
            for e in range(numbers):
                dx[e] += of_f * dy[e]


@task
def _bilinear32(i, p):
    _bilinear(i, p, np.float32(1))


@task
def _bilinear64(i, p):
    _bilinear(i, p, np.float64(1))


@inner
def _bilinear(i, p, one):
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    buffer = np.empty(w * C, np.int64)
    for row in range(first, last):
        _mix(
            integer(p, 0) + row // H * h * w * C * size,
            w * C * size,
            address_of(buffer),
            row % H,
            k,
            h,
            w * C,
            integer(p, 12),
            one,
        )
        for f in range(W):
            _mix(
                address_of(buffer), C * size, integer(p, 1) + (row * W + f) * C * size, f, k, w, C, integer(p, 12), one
            )
    keep(buffer)


@task
def _bilinear_adjoint32(i, p):
    _bilinear_adjoint(i, p, np.float32(1))


@task
def _bilinear_adjoint64(i, p):
    _bilinear_adjoint(i, p, np.float64(1))


@inner
def _bilinear_adjoint(i, p, one):
    H, W, h, w, C, k, size = _geometry(p)
    first, last = _rows(i, p)
    buffer = np.empty(W * C, np.int64)
    for row in range(first, last):
        _collect(
            integer(p, 0) + row // h * H * W * C * size,
            W * C * size,
            address_of(buffer),
            row % h,
            k,
            h,
            W * C,
            integer(p, 12),
            one,
        )
        for q in range(w):
            _collect(
                address_of(buffer), C * size, integer(p, 1) + (row * w + q) * C * size, q, k, w, C, integer(p, 12), one
            )
    keep(buffer)


# -- engines ----------------------------------------------------------------------------------------------------------


def _run(kinds, source, target, k, *, scale=1.0, extra=0):
    """Let the task of `kinds` (for float32, for float64) make all rows of `target`."""
    kind = source.dtype.type
    (N, H, W, C), (_, h, w, _) = (source.shape, target.shape)[:: 1 if source.shape[1] > target.shape[1] else -1]
    rows = N * target.shape[1]
    tasks = max(1, min(rows, MOST, N * H * W * C // GRAIN))
    p = table(source, target, rows, H, W, h, w, C, k, tasks, 0, source.itemsize, extra)
    p[SCALE // 8 : SCALE // 8 + 1].view(kind)[0] = scale
    run(parallel_for, kinds[source.itemsize == 8].address, tasks, address(p))
    return target


def _usable(a, fine, coarse, k, exactly=False):
    """Whether `a`, of the shape `fine` or `coarse`, is worth it, and the shapes fit: the twin knows what to say."""
    if a.dtype not in DTYPES or len(fine) != 4 or len(coarse) != 4 or fine[::3] != coarse[::3] or 0 in coarse:
        return False
    rest = [fine[axis] - k * coarse[axis] for axis in (1, 2)]
    return min(rest) >= 0 and not (exactly and any(rest)) and fine[0] * fine[1] * fine[2] * fine[3] >= SMALL


def _pooled(shape, k):
    return (*shape[:1], *(n // k for n in shape[1:3]), *shape[3:])


def _upsampled(shape, k):
    return (*shape[:1], *(n * k for n in shape[1:3]), *shape[3:])


@pooling.average_pool.engine("numba")
def _(x, *, size):
    shape = _pooled(x.shape, size)
    if not _usable(x, x.shape, shape, size):
        return pooling.average_pool.twin(x, size=size)
    return _run((_shrink32, _shrink64), np.ascontiguousarray(x), np.empty(shape, x.dtype), size, scale=1 / size**2)


@pooling.average_pool_adjoint.engine("numba")
def _(dy, *, size, x_shape):
    if not _usable(dy, x_shape, dy.shape, size):
        return pooling.average_pool_adjoint.twin(dy, size=size, x_shape=x_shape)
    return _run((_grow32, _grow64), np.ascontiguousarray(dy), np.empty(x_shape, dy.dtype), size, scale=1 / size**2)


@pooling.upsample_nearest.engine("numba")
def _(x, *, size):
    shape = _upsampled(x.shape, size)
    if not _usable(x, shape, x.shape, size):
        return pooling.upsample_nearest.twin(x, size=size)
    return _run((_grow32, _grow64), np.ascontiguousarray(x), np.empty(shape, x.dtype), size)


@pooling.upsample_nearest_adjoint.engine("numba")
def _(dy, *, size):
    shape = _pooled(dy.shape, size)
    if not _usable(dy, dy.shape, shape, size, exactly=True):
        return pooling.upsample_nearest_adjoint.twin(dy, size=size)
    return _run((_shrink32, _shrink64), np.ascontiguousarray(dy), np.empty(shape, dy.dtype), size)


@pooling.max_pool_argmax.engine("numba")
def _(x, *, size):
    shape = _pooled(x.shape, size)
    if not _usable(x, x.shape, shape, size):
        return pooling.max_pool_argmax.twin(x, size=size)
    return _run((_argmax32, _argmax64), np.ascontiguousarray(x), np.empty(shape, np.int64), size)


@pooling.max_pool_take.engine("numba")
def _(x, at, *, size):
    shape = _pooled(x.shape, size)
    if not _usable(x, x.shape, shape, size) or at.shape != shape:
        return pooling.max_pool_take.twin(x, at, size=size)
    at = np.ascontiguousarray(at, np.int64)
    return _run((_take32, _take64), np.ascontiguousarray(x), np.empty(shape, x.dtype), size, extra=at)


@pooling.max_pool_adjoint.engine("numba")
def _(dy, at, *, size, x_shape):
    if not _usable(dy, x_shape, dy.shape, size) or at.shape != dy.shape:
        return pooling.max_pool_adjoint.twin(dy, at, size=size, x_shape=x_shape)
    at = np.ascontiguousarray(at, np.int64)
    return _run((_put_back32, _put_back64), np.ascontiguousarray(dy), np.empty(x_shape, dy.dtype), size, extra=at)


def _shares(k, dtype):
    """What each of the k fine lines of a coarse one has of it; then what it has of the other."""
    other = np.array([share for share, _ in pooling._phases(k)])
    return np.array([1 - other, other], dtype)


@pooling.upsample_bilinear.engine("numba")
def _(x, *, size):
    shape = _upsampled(x.shape, size)
    if not _usable(x, shape, x.shape, size):
        return pooling.upsample_bilinear.twin(x, size=size)
    return _run(
        (_bilinear32, _bilinear64),
        np.ascontiguousarray(x),
        np.empty(shape, x.dtype),
        size,
        extra=_shares(size, x.dtype),
    )


@pooling.upsample_bilinear_adjoint.engine("numba")
def _(dy, *, size):
    shape = _pooled(dy.shape, size)
    if not _usable(dy, dy.shape, shape, size, exactly=True):
        return pooling.upsample_bilinear_adjoint.twin(dy, size=size)
    return _run(
        (_bilinear_adjoint32, _bilinear_adjoint64),
        np.ascontiguousarray(dy),
        np.empty(shape, dy.dtype),
        size,
        extra=_shares(size, dy.dtype),
    )
