r"""Convolution and its two gradients as matrix products whose rows are found through tables of addresses.

No patch matrix of a batch is ever written: it would be several times the size of the image, and writing it would
take longer than the sums.  Images are channels last, so the C numbers of a pixel lie side by side, and the tile can
read them where they are (`tile`; Dukhan 2019).  All that the geometry decides stands in a `Phase`, made once for a
shape: for each output pixel and each tap of the kernel, which pixel of the image lies under it, or that none does.

    conv2d          row m of A = an output pixel; its segments = the pixels under the k x k taps, C numbers each; a
                    pixel outside of the image is the address of a row of zeros
    input gradient  pixels of dx with the same (h + p) mod s and (w + p) mod s are under the same taps of the kernel:
                    each such phase is a small convolution of dy with those taps, and writes its own pixels of dx
    weight gradient A^T is needed: what lies under the kernel is copied, for a hundred pixels of dy at a time

Where the kernel is twice as large as the stride, fewer multiplications will do: `winograd`.

With few channels a pixel is too short for that (one number, in a grey image): there the rows of the kernel are the
taps, on an image that was padded first.

    conv2d, input gradient     a task owns some images
    weight gradient            a task owns some rows of dW; where these are few, a share of the pixels, too, and the
                               shares are added up in order
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..convolution import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_output_size, pad_images
from .gemm import DTYPES, fits_bias, pack_panel
from .pool import (
    address,
    address_of,
    aligned,
    array,
    empty,
    get,
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
from .tile import ROWS, copy_bytes, copy_number, panel_tile, rows_tile, tile_panel, tile_rows, width_for
from .winograd import convolve, forward_plan, input_grad_plan, plan_if_it_pays
from .winograd_grad import weight_grad_at_points

SHORT = 16  # fewer channels than this: the rows of the kernel are the taps
GROUP = 400  # output pixels that a task has at hand at a time, about
DEPTH = 128  # pixels of a weight gradient that are packed at a time
TASKS = 8  # of packing, and of a weight gradient at least
OUTSIDE = -1


@dataclass
class Phase:
    """Pixels that the same taps lie over: where they are, and where the taps' pixels are."""

    taps: np.ndarray  # (S,) numbers of the taps, i * kw + j
    source: np.ndarray  # (S, M) pixel of the image that is read, counted from its first; or OUTSIDE
    target: np.ndarray  # (M,) pixel of the image that is written


@functools.lru_cache(maxsize=256)
def forward_phase(H: int, W: int, kernel_size, stride, padding) -> Phase:
    """The one phase of conv2d: every output pixel is under all taps.  (Conv2D.1)"""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    a = sh * np.arange(Ho)[None, :] + np.arange(kh)[:, None] - ph  # (kh, Ho) row of the image
    b = sw * np.arange(Wo)[None, :] + np.arange(kw)[:, None] - pw
    return Phase(np.arange(kh * kw), _pixels(a, b, H, W), np.arange(Ho * Wo))


@functools.lru_cache(maxsize=256)
def input_grad_phases(H: int, W: int, kernel_size, stride, padding) -> list[Phase]:
    """dx[h] is under tap i of dy[o] where h + p = s o + i: the taps with i = h + p mod s.  (Conv2D.2)"""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    phases = []
    for rh in range(sh):
        for rw in range(sw):
            h, w = np.arange((rh - ph) % sh, H, sh), np.arange((rw - pw) % sw, W, sw)
            i, j = np.arange(rh, kh, sh), np.arange(rw, kw, sw)
            if len(h) and len(w):
                source = _pixels((h[None, :] + ph - i[:, None]) // sh, (w[None, :] + pw - j[:, None]) // sw, Ho, Wo)
                phases.append(Phase((i[:, None] * kw + j).ravel(), source, (h[:, None] * W + w).ravel()))
    return phases


def _pixels(a: np.ndarray, b: np.ndarray, H: int, W: int) -> np.ndarray:
    """Rows a (I, Ho) and columns b (J, Wo) of an H x W image -> numbers of the pixels (I J, Ho Wo), or OUTSIDE."""
    a, b = a[:, None, :, None], b[None, :, None, :]
    inside = (a >= 0) & (a < H) & (b >= 0) & (b < W)
    pixels = np.where(inside, a * W + b, OUTSIDE)
    I, J, Ho, Wo = pixels.shape
    return np.ascontiguousarray(pixels.reshape(I * J, Ho * Wo), np.int64)


# -- packing the weight -----------------------------------------------------------------------------------------------


@task
def _pack_taps(number, p):
    """Task (panel, s): the B of the s-th tap of the list, (K, N), into packed[panel, s, k, :]."""
    weight, packed, taps, S, K, N = (
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3),
        integer(p, 4),
        integer(p, 5),
    )
    step_k, step_n, width, size, zeros = integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 9), integer(p, 10)
    panel, s = number // S, number % S
    pack_panel(
        weight + integer(taps, s) * K * N * size,
        step_k,
        step_n,
        packed + (panel * S + s) * K * width * size,
        K,
        panel * width,
        N,
        width,
        size,
        zeros,
    )


def pack_taps(W: np.ndarray, taps: np.ndarray, transposed: bool) -> np.ndarray:
    """The taps' matrices (Ci, Co), or (Co, Ci) if transposed, one below the other, as panels of columns."""
    Ci, Co = W.shape[2:]
    (K, N), (step_k, step_n) = ((Co, Ci), (1, Co)) if transposed else ((Ci, Co), (Co, 1))
    size, width = W.itemsize, width_for(N, W.itemsize)
    panels = -(-N // width)
    packed = empty((panels * len(taps) * K * width,), W.dtype)
    zeros = np.zeros(1, np.int64)
    p = table(W, packed, taps, len(taps), K, N, step_k * size, step_n * size, width, size, zeros)
    run(parallel_for, _pack_taps.address, panels * len(taps), address(p))
    return packed


# -- forward and input gradient ---------------------------------------------------------------------------------------


@task
def _gather32(i, p):
    _gather(i, p, get(p + 8 * 17, np.float32(1)))


@task
def _gather64(i, p):
    _gather(i, p, get(p + 8 * 17, np.float64(1)))


@inner
def _gather(group, p, slope):
    """Some images of one phase: made[n, target pixel] = sum over taps of given[n, source pixel] @ B[tap]."""
    given, made, packed, zeros, bias = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3), integer(p, 4)
    source, target, S, M, N = integer(p, 5), integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 9)
    K, columns, images = integer(p, 10), integer(p, 11), integer(p, 12)
    given_step, made_step, width, tile = integer(p, 13), integer(p, 14), integer(p, 15), integer(p, 16)
    size, pixel_step = integer(p, 18), integer(p, 19)
    first, last = group * images, min(N, (group + 1) * images)
    count = (last - first) * M
    rows = (count + ROWS - 1) // ROWS * ROWS
    tables = np.empty((S + 2) * rows, np.int64)
    nowhere = np.empty(columns, np.int64)
    a, c, init = address_of(tables), address_of(tables) + 8 * S * rows, address_of(tables) + 8 * (S + 1) * rows
    for m in range(rows):
        put(c + 8 * m, address_of(nowhere))
        put(init + 8 * m, bias)
    for n in range(first, last):
        for m in range(M):
            put(c + 8 * ((n - first) * M + m), made + n * made_step + integer(target, m) * columns * size)
    for s in range(S):
        at = a + 8 * s * rows
        for n in range(first, last):
            image = given + n * given_step
            for m in range(M):
                pixel = integer(source, s * M + m)
                put(at, zeros if pixel < 0 else image + pixel * pixel_step)
                at += 8
        for _ in range(count, rows):
            put(at, zeros)
            at += 8
    for j in range((columns + width - 1) // width):
        for t in range(rows // ROWS):
            at = 8 * ROWS * t
            tile_rows(
                tile,
                a + at,
                8 * rows,
                S,
                K,
                packed + j * S * K * width * size,
                width * size,
                init + at,
                c + at,
                j * width * size,
                columns - j * width,
                slope,
            )
    keep(tables, nowhere)


def gather(given, W, made, phases, transposed, bias, slope, images) -> None:
    """made = the phases' small convolutions of `given` (N, H, W, C) with W, plus bias, then leaky."""
    kind, size, N = given.dtype.type, given.itemsize, len(given)
    (columns, K) = W.shape[2:] if transposed else W.shape[:1:-1]
    zeros = np.zeros(max(K, columns), given.dtype)
    slope = np.array([slope], kind)
    for phase in phases:
        S = len(phase.taps)
        if S == 0:  # stride > kernel: nothing but the bias reaches these pixels
            rest = made.reshape(N, -1, columns)
            value = np.zeros(columns, kind) if bias is None else bias
            rest[:, phase.target] = np.where(value > 0, value, slope * value)
            continue
        packed = pack_taps(W, phase.taps, transposed)
        p = table(
            given,
            made,
            packed,
            zeros,
            zeros if bias is None else bias,
            phase.source,
            phase.target,
            S,
            len(phase.target),
            N,
            K,
            columns,
            images,
            given[0].nbytes,
            made[0].nbytes,
            width_for(columns, size),
            rows_tile(columns, size),
            0,
            size,
            given.shape[3] * size,
        )
        p[17:18].view(kind)[0] = slope[0]
        run(parallel_for, (_gather32 if size == 4 else _gather64).address, -(-N // images), address(p))


# -- few channels -----------------------------------------------------------------------------------------------------
#
# The image is padded first (it is small).  Then kw neighbouring pixels of a row are kw C neighbouring numbers: a kernel
# with kh x kw taps of C channels becomes one of kh taps of kw C channels, each next C numbers after the one before.


@functools.lru_cache(maxsize=256)
def short_phase(H: int, W: int, kernel_size, stride, padding) -> Phase:
    """The phase of conv2d on a padded image, with a tap for each row of the kernel."""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Hp, Wp = H + 2 * ph, W + 2 * pw
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    a = sh * np.arange(Ho)[None, :] + np.arange(kh)[:, None]
    return Phase(np.arange(kh), _pixels(a, sw * np.arange(Wo)[None, :], Hp, Wp), np.arange(Ho * Wo))


@task
def _short_input_grad32(i, p):
    _short_input_grad(i, p, get(p + 8 * 18, np.float32(1)), np.float32(1))


@task
def _short_input_grad64(i, p):
    _short_input_grad(i, p, get(p + 8 * 18, np.float64(1)), np.float64(1))


@inner
def _short_input_grad(group, p, slope, one):
    """dx of some images: patches = dy W^T, whose rows are added to the padded image that they lie over."""
    dy, dx, packed, zeros, bias, pixels = (
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3),
        integer(p, 4),
        integer(p, 5),
    )
    S, M, N, C, Co, images = integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 9), integer(p, 10), integer(p, 11)
    H, W, ph, pw, run_length = integer(p, 12), integer(p, 13), integer(p, 14), integer(p, 15), integer(p, 16)
    tile, width, size = integer(p, 17), integer(p, 19), integer(p, 20)
    K, rows, Wp = S * run_length, (M + ROWS - 1) // ROWS * ROWS, W + 2 * pw
    buffer, tables = np.empty(rows * K, np.int64), np.empty(3 * rows, np.int64)
    whole = np.empty((H + 2 * ph) * Wp * C, array(dy, 1, one).dtype)
    a, c, init = address_of(tables), address_of(tables) + 8 * rows, address_of(tables) + 16 * rows
    start = array(bias, C, one)
    for m in range(rows):
        put(c + 8 * m, address_of(buffer) + m * K * size)
        put(init + 8 * m, zeros)
    for n in range(group * images, min(N, (group + 1) * images)):
        for m in range(rows):
            put(a + 8 * m, dy + (n * M + min(m, M - 1)) * Co * size)
        for j in range((K + width - 1) // width):
            for t in range(rows // ROWS):
                at = 8 * ROWS * t
                tile_rows(
                    tile,
                    a + at,
                    0,
                    1,
                    Co,
                    packed + j * Co * width * size,
                    width * size,
                    init + at,
                    c + at,
                    j * width * size,
                    K - j * width,
                    one,
                )
        whole[:] = 0
        for m in range(M):
            for s in range(S):
                patch = array(address_of(buffer) + (m * K + s * run_length) * size, run_length, one)
                first = integer(pixels, s * M + m) * C
                for k in range(run_length):
                    whole[first + k] += patch[k]
        image = array(dx + n * H * W * C * size, H * W * C, one)
        for h in range(H):
            for w in range(W):
                for ch in range(C):
                    v = whole[((h + ph) * Wp + w + pw) * C + ch] + start[ch]
                    image[(h * W + w) * C + ch] = v if v > 0 else slope * v
    keep(buffer, tables)


def short_input_grad(dy, W, dx, phase, padding, bias, slope, images) -> None:
    """conv2d's input gradient for a dx with few channels."""
    kind, size, (N, H, Wd, C) = W.dtype.type, W.itemsize, dx.shape
    kh, kw, _, Co = W.shape
    packed = pack_taps(W.reshape(1, 1, kh * kw * C, Co), np.zeros(1, np.int64), True)
    zeros = np.zeros(max(kh * kw * C, Co), W.dtype)
    p = table(
        dy,
        dx,
        packed,
        zeros,
        zeros if bias is None else bias,
        phase.source,
        kh,
        len(phase.target),
        N,
        C,
        Co,
        images,
        H,
        Wd,
        *padding,
        kw * C,
        rows_tile(kh * kw * C, size),
        0,
        width_for(kh * kw * C, size),
        size,
    )
    p[18:19].view(kind)[0] = slope
    run(parallel_for, (_short_input_grad32, _short_input_grad64)[size == 8].address, -(-N // images), address(p))


# -- weight gradient --------------------------------------------------------------------------------------------------


@task
def _pack_dy(i, p):
    """A share of dy's rows into panels: packed[panel, pixel, column]."""
    dy, packed, P, Co, width, size, zeros = (
        integer(p, 0),
        integer(p, 1),
        integer(p, 2),
        integer(p, 3),
        integer(p, 4),
        integer(p, 5),
        integer(p, 6),
    )
    lo, hi = part(P, i, TASKS)
    for j in range((Co + width - 1) // width):
        pack_panel(
            dy + lo * Co * size,
            Co * size,
            size,
            packed + (j * P + lo) * width * size,
            hi - lo,
            j * width,
            Co,
            width,
            size,
            zeros,
        )


@task
def _weight_grad32(i, p):
    _weight_grad(i, p, np.float32(1))


@task
def _weight_grad64(i, p):
    _weight_grad(i, p, np.float64(1))


@inner
def _weight_grad(number, p, one):
    """Some rows of dW, from a share of the pixels."""
    x, packed, out, zeros, pixels = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3), integer(p, 4)
    S, M, P, C, Co = integer(p, 5), integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 9)
    x_step, width, tile, parts, shares, size = (
        integer(p, 10),
        integer(p, 11),
        integer(p, 12),
        integer(p, 13),
        integer(p, 14),
        integer(p, 15),
    )
    pixel_step = integer(p, 16)
    t0, t1 = part((S * C + ROWS - 1) // ROWS, number % parts, parts)
    lo, hi = part(P, number // parts, shares)
    tiles, all_rows = t1 - t0, S * C
    row = (tiles * ROWS * size + 127) // 128 * 128 + 64  # an odd number of lines: rows do not share a cache set
    panel_array, nowhere = np.empty(DEPTH * row // 8 + 8, np.int64), np.zeros(Co, np.int64)
    tables = np.empty(2 * tiles * ROWS, np.int64)
    panel, c, init = aligned(panel_array), address_of(tables), address_of(tables) + 8 * tiles * ROWS
    for m in range(tiles * ROWS):
        at = t0 * ROWS + m
        put(c + 8 * m, out + (number // parts * all_rows + at) * Co * size if at < all_rows else address_of(nowhere))
        put(init + 8 * m, zeros)
    for k0 in range(lo, hi, DEPTH):
        depth = min(DEPTH, hi - k0)
        for k in range(depth):
            n, m = (k0 + k) // M, (k0 + k) % M
            _copy_column(
                x + n * x_step,
                pixels + 8 * m,
                pixel_step,
                M,
                C,
                t0 * ROWS,
                min(t1 * ROWS, all_rows),
                panel + k * row,
                size,
                zeros,
            )
        for j in range((Co + width - 1) // width):
            of_dy = packed + (j * P + k0) * width * size
            for t in range(tiles):
                at = 8 * ROWS * t
                tile_panel(
                    tile,
                    panel + t * ROWS * size,
                    row,
                    depth,
                    of_dy,
                    width * size,
                    init + at,
                    c + at,
                    j * width * size,
                    Co - j * width,
                    one,
                )
        if k0 == lo:
            for m in range(tiles * ROWS):
                put(init + 8 * m, integer(c, m))
    keep(panel_array, nowhere, tables)


@inner
def _copy_column(image, pixels, pixel_step, M, C, lo, hi, to, size, zeros):
    """What lies under the taps of one output pixel, C numbers each: the lo-th to the last before the hi-th of them."""
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
    C = dW[..., 0].size // S  # numbers under a tap, which is a whole row for few channels
    P, width = len(x) * M, width_for(Co, size)
    tiles = -(-S * C // ROWS)
    parts = min(TASKS, max(1, tiles // 4))
    shares = -(-TASKS // parts) if P >= 8 * DEPTH else 1
    zeros = np.zeros(max(C, Co), x.dtype)
    packed = dy  # as wide as a panel: it is one
    if Co != width:
        packed = empty((-(-Co // width) * P * width,), x.dtype)
        p = table(dy, packed, P, Co, width, size, zeros)
        run(parallel_for, _pack_dy.address, TASKS, address(p))
    sums = dW if shares == 1 else np.empty((shares, *dW.shape), dW.dtype)
    p = table(
        x,
        packed,
        sums,
        zeros,
        phase.source,
        S,
        M,
        P,
        C,
        Co,
        x[0].nbytes,
        width,
        panel_tile(Co, size),
        parts,
        shares,
        size,
        x.shape[3] * size,
    )
    run(parallel_for, (_weight_grad32 if size == 4 else _weight_grad64).address, parts * shares, address(p))
    if shares > 1:
        dW[...] = sums[0]
        for share in sums[1:]:
            dW += share


# -- engines ----------------------------------------------------------------------------------------------------------


def _usable(*arrays) -> bool:
    """Whether there is something to do, in one dtype that is compiled for."""
    return all(a.dtype == arrays[0].dtype and a.size for a in arrays) and arrays[0].dtype in DTYPES


def _images(N: int, pixels: int) -> int:
    """Images to a task: an even number of tasks with about GROUP pixels each."""
    tasks = max(1, -(-N * pixels // GROUP))
    tasks += tasks % 2
    return max(1, -(-N // tasks))


@conv2d.engine("numba")
def _(x, W, *, stride, padding, bias=None, slope=1.0):
    phase = forward_phase(*x.shape[1:3], W.shape[:2], stride, padding)
    sizes = (conv_output_size(x.shape[1 + a], W.shape[a], stride[a], padding[a]) for a in (0, 1))
    y = empty((len(x), *sizes, W.shape[3]), x.dtype)
    if not _usable(x, W, y) or x.shape[3] != W.shape[2] or not fits_bias(bias, W.shape[3], x.dtype):
        return conv2d.twin(x, W, stride=stride, padding=padding, bias=bias, slope=slope)
    x, W, images = np.ascontiguousarray(x), np.ascontiguousarray(W), _images(len(x), len(phase.target))
    plan = plan_if_it_pays(forward_plan, x.shape, W, stride, padding)
    if plan:
        convolve(x, W, y, plan, stride, False, bias, slope)
    elif x.shape[3] < SHORT:
        kh, kw, C, Co = W.shape
        gather(
            pad_images(np.ascontiguousarray(x), padding),
            W.reshape(kh, 1, kw * C, Co),
            y,
            [short_phase(*x.shape[1:3], (kh, kw), stride, padding)],
            False,
            bias,
            slope,
            images,
        )
    else:
        gather(x, W, y, [phase], False, bias, slope, images)
    return y


@conv2d_input_grad.engine("numba")
def _(dy, W, *, x_shape, stride, padding, bias=None, slope=1.0):
    sizes = tuple(conv_output_size(x_shape[1 + a], W.shape[a], stride[a], padding[a]) for a in (0, 1))
    fits = dy.shape == (x_shape[0], *sizes, W.shape[3]) and x_shape[3] == W.shape[2]
    if not fits or not _usable(dy, W) or 0 in x_shape or not fits_bias(bias, x_shape[3], dy.dtype):
        return conv2d_input_grad.twin(dy, W, x_shape=x_shape, stride=stride, padding=padding, bias=bias, slope=slope)
    geometry = (*x_shape[1:3], W.shape[:2], stride, padding)
    dy, W, images = np.ascontiguousarray(dy), np.ascontiguousarray(W), _images(len(dy), dy.shape[1] * dy.shape[2])
    dx, plan = empty(x_shape, dy.dtype), plan_if_it_pays(input_grad_plan, x_shape, W, stride, padding)
    if plan:
        convolve(dy, W, dx, plan, stride, True, bias, slope)
    elif x_shape[3] < SHORT:
        short_input_grad(dy, W, dx, short_phase(*geometry), padding, bias, slope, images)
    else:
        gather(dy, W, dx, input_grad_phases(*geometry), True, bias, slope, images)
    return dx


@conv2d_weight_grad.engine("numba")
def _(x, dy, *, kernel_size, stride, padding):
    sizes = tuple(conv_output_size(x.shape[1 + a], kernel_size[a], stride[a], padding[a]) for a in (0, 1))
    if not _usable(x, dy) or dy.shape[:3] != (len(x), *sizes):
        return conv2d_weight_grad.twin(x, dy, kernel_size=kernel_size, stride=stride, padding=padding)
    dW = empty((*kernel_size, x.shape[3], dy.shape[3]), x.dtype)
    geometry = (*x.shape[1:3], kernel_size, stride, padding)
    plan = plan_if_it_pays(forward_plan, x.shape, dW, stride, padding)
    if plan:
        weight_grad_at_points(np.ascontiguousarray(x), np.ascontiguousarray(dy), dW, plan, stride)
    elif x.shape[3] < SHORT:
        weight_grad(pad_images(np.ascontiguousarray(x), padding), np.ascontiguousarray(dy), dW, short_phase(*geometry))
    else:
        weight_grad(np.ascontiguousarray(x), np.ascontiguousarray(dy), dW, forward_phase(*geometry))
    return dW
