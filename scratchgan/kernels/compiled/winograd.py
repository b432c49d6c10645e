r"""Convolution with fewer multiplications: Winograd's F(2, 2), for kernels twice as large as the stride (k4 s2, k2 s1).

Two neighbouring outputs of a kernel with two taps need four products; Winograd (1980) does it with three.  The middle
input, which both outputs read, is multiplied once, by the sum of the taps; the others as differences from it:

    y0 = x0 w0 + x1 w1         x0 - x1 --(w0     )--> m1 --+
                                                           +--> y0 = m1 + m2          m1 = (x0 - x1) w0
    y1 = x1 w0 + x2 w1              x1 --(w0 + w1)--> m2 --+                          m2 = x1 (w0 + w1)
                                                           +--> y1 = m2 + m3          m3 = (x2 - x1) w1
                               x2 - x1 --(w1     )--> m3 --+

In two dimensions the rule is nested: along the columns of a 3 x 3 window, then along its rows.  A tile of 2 x 2 outputs
then takes 9 products, at the 9 *points* (p, q), instead of 16 (Lavin & Gray 2015).  x is a pixel here, with C channels,
and w a matrix: the sums and differences are C numbers each, the products C Co, so what is saved far outweighs what is
added.  Where the number of outputs is odd, m3 of the last tile is not wanted: 7 outputs take 11 products, not 14, and
7 x 7 take 0.62 of what they took.

With stride s and a kernel of 2 s, the rows h = s o + a of an image, for one a, lie under taps a and s + a, two taps
with stride 1 in o.  There are s s such *phases*.  In conv2d they are summed over: they stand side by side as channels.
In the input gradient the outputs fall into phases, and all of them read the same windows of dy.

    conv2d          for each task: some tiles, so few that what follows stays in the cache
    input gradient      V = differences of the windows, at 9 points
                        for each phase of what is made (conv2d: one)
                            for each point: M[point] = V[point] U[point]        a row of M, V = a tile; U = sums of taps
                            outputs = sums of M, plus bias, then leaky

The weight gradient is the same rule read backwards: `winograd_grad`.

An output of a tile is made of the pixels and taps that it depends on, and of no others: where an image holds a NaN or
an infinity, the same outputs are not finite as by the direct sum, and none of their neighbours.  But an infinity may
come out as NaN, and a difference of numbers near the largest that there are may overflow.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..convolution import conv_output_size
from .gemm import pack_panel
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
from .tile import I64, ROWS, VECTOR_BYTES, _Emitter, _Loop, rows_tile, tile_rows, width_for

GROUP = 64  # tiles of a task, about: its V, M and what is read of U stay in the second-level cache
FEWEST = 512  # tiles in a batch, and
NARROW = 32  # channels, that outweigh the sums and differences
LARGEST = 5 << 18  # bytes of U: more would be read anew from memory, group after group
NONE = -1


@dataclass
class Plan:
    """Which pixels of an image lie in the windows of its tiles; NONE where there is none."""

    tiles: int
    given: np.ndarray  # (tiles, phases, 9) pixels that are read
    made: np.ndarray  # (tiles, phases, 4) pixels that are made
    wanted: np.ndarray  # (9, phases, tiles) 1 if a pixel that is made needs the point's product, else 0


@functools.lru_cache(maxsize=256)
def forward_plan(H: int, W: int, stride, padding) -> Plan:
    """Plan of conv2d: x is given, y is made.  Tile t makes outputs 2 t and 2 t + 1."""
    x, y = [], []
    for size, s, p in zip((H, W), stride, padding, strict=True):
        out = conv_output_size(size, 2 * s, s, p)
        tiles = -(-out // 2)
        x.append(_axis(3, tiles, s, s, -p, size))
        y.append(_axis(2, tiles, 1, 1, 0, out))
    return _plan(x, W, y, conv_output_size(W, 2 * stride[1], stride[1], padding[1]))


@functools.lru_cache(maxsize=256)
def input_grad_plan(H: int, W: int, stride, padding) -> Plan:
    """Plan of the input gradient: dx[h], h + p = s o + a, is made of dy[o - 1] and dy[o]."""
    y, x = [], []
    for size, s, p in zip((H, W), stride, padding, strict=True):
        out, first = conv_output_size(size, 2 * s, s, p), p // s
        tiles = -(-((size - 1 + p) // s - first + 1) // 2)
        y.append(_axis(3, tiles, 1, 1, first - 1, out))
        x.append(_axis(2, tiles, s, s, s * first - p, size))
    return _plan(y, conv_output_size(W, 2 * stride[1], stride[1], padding[1]), x, W)


def _axis(places: int, tiles: int, scale: int, phases: int, shift: int, size: int) -> np.ndarray:
    """Pixel scale (2 t + place) + phase + shift along an axis: (tiles, phases, places), or NONE outside of it."""
    at = scale * (2 * np.arange(tiles)[:, None, None] + np.arange(places)) + np.arange(phases)[:, None] + shift
    return np.where((at < 0) | (at >= size), NONE, at)


def _both(h: np.ndarray, w: np.ndarray, W: int) -> np.ndarray:
    """Two axes -> (tiles, phases, places) numbers h W + w of the pixels, or NONE."""
    a, b = h[:, None, :, None, :, None], w[None, :, None, :, None, :]
    pixels = np.where((a == NONE) | (b == NONE), NONE, a * W + b)
    T, U, A, B, I, J = pixels.shape
    return np.ascontiguousarray(pixels.reshape(T * U, A * B, I * J), np.int64)


def _plan(given: list, given_W: int, made: list, made_W: int) -> Plan:
    a, b = (np.stack([v[..., 0], v[..., 0] | v[..., 1], v[..., 1]]) for v in (axis != NONE for axis in made))
    wanted = a[:, None, :, None, :, None] & b[None, :, None, :, None, :]
    P, Q, T, U, A, B = wanted.shape
    wanted = wanted.reshape(P * Q, T * U, A * B).swapaxes(1, 2)
    return Plan(T * U, _both(*given, given_W), _both(*made, made_W), np.ascontiguousarray(wanted, np.int64))


def plan_if_it_pays(plan_of, x_shape, weight, stride, padding) -> Plan | None:
    """`plan_of` images of x_shape, if this takes such a convolution, and takes less time for it; otherwise None."""
    kh, kw, Ci, Co = weight.shape
    if (kh, kw) != (2 * stride[0], 2 * stride[1]) or min(Ci, Co) < NARROW:
        return None
    plan = plan_of(*x_shape[1:3], stride, padding)
    return plan if x_shape[0] * plan.tiles >= FEWEST and 9 * weight.nbytes <= 4 * LARGEST else None


# -- the rule of one dimension, nested --------------------------------------------------------------------------------


def _nested(rule, places: int, activation: bool = False):
    """Intrinsic: the rule along the columns, then the rows, of `places` x `places` runs of n bytes, in registers.

    Runs are found through a table of addresses, and so are the places for the results.  n is at least a vector: the
    last vector of a run ends where the run does, and may do some numbers again.
    """

    def generate(context, builder, signature, arguments):
        sources, targets, n, *start, slope = arguments
        e = _Emitter(builder, signature.args[-1], 1)
        given = [e.entry(sources, k) for k in range(places**2)]
        made = [e.entry(targets, k) for k in range(4 if activation else 9)]
        last, step = e.plus(n, -VECTOR_BYTES), ir.Constant(I64, VECTOR_BYTES)
        loop = _Loop(builder, builder.sdiv(e.plus(n, VECTOR_BYTES - 1), step), [])
        at = builder.mul(loop.values[0], step)
        at = builder.select(builder.icmp_signed("<", at, last), at, last)
        load = lambda address: builder.load(e.pointer(builder.add(address, at), e.vector), align=e.size)
        window = [load(z) for z in given]
        rows = [rule(builder, *window[k : k + places]) for k in range(0, places**2, places)]
        columns = [rule(builder, *column) for column in zip(*rows, strict=True)]
        results = [v for row in zip(*columns, strict=True) for v in row]
        if activation:
            results = [builder.fadd(v, load(start[0])) for v in results]
            slope = e.splat(slope, e.vector)
            results = [builder.select(builder.fcmp_ordered(">", v, e.zero), v, builder.fmul(v, slope)) for v in results]
        for to, v in zip(made, results, strict=True):
            builder.store(v, e.pointer(builder.add(to, at), e.vector), align=e.size)
        loop.end([])
        return context.get_dummy_value()

    return generate


@intrinsic
def differences(typingctx, sources, targets, n, like):
    """3 x 3 pixels -> V at the 9 points."""
    rule = lambda b, x0, x1, x2: (b.fsub(x0, x1), x1, b.fsub(x2, x1))
    return types.void(*[types.int64] * 3, like), _nested(rule, 3)


@intrinsic
def spread(typingctx, sources, targets, n, like):
    """2 x 2 pixels of dy -> E at the 9 points."""
    rule = lambda b, y0, y1: (y0, b.fadd(y0, y1), y1)
    return types.void(*[types.int64] * 3, like), _nested(rule, 2)


@intrinsic
def _outputs(typingctx, sources, targets, n, start, slope):
    """M at the 9 points -> 2 x 2 pixels; plus a start, then leaky."""
    rule = lambda b, m1, m2, m3: (b.fadd(m1, m2), b.fadd(m2, m3))
    return types.void(*[types.int64] * 4, slope), _nested(rule, 3, True)


@inner
def addresses(to, image, pixels, count, n, nothing):
    """Addresses of pixels of n bytes, into a table."""
    for k in range(count):
        pixel = integer(pixels, k)
        put(to + 8 * k, nothing if pixel < 0 else image + pixel * n)


# -- weights ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def sums_of_taps(stride, reverse: bool) -> np.ndarray:
    """(9 points, phases, 4): the taps whose sum is U; reversed for the input gradient, which meets them so."""
    rule = np.array([(0, NONE), (0, 1), (1, NONE)])[:: -1 if reverse else 1, None]
    h, w = (np.where(rule == NONE, NONE, s * rule + np.arange(s)[:, None]) for s in stride)
    return _both(h, w, 2 * stride[1])


@task
def _weights32(i, p):
    _weights(i, p, np.float32(1))


@task
def _weights64(i, p):
    _weights(i, p, np.float64(1))


@inner
def _weights(i, p, one):
    """Task (point, phase): the sum of up to four taps, into panels."""
    W, packed, taps, n, K, N = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3), integer(p, 4), integer(p, 5)
    step_k, step_n, width, size, zeros = integer(p, 6), integer(p, 7), integer(p, 8), integer(p, 9), integer(p, 10)
    phases, point_step, phase_step, panel_step = integer(p, 11), integer(p, 12), integer(p, 13), integer(p, 14)
    memory = np.empty(n * size // 8 + 8, np.int64)
    total, source = array(aligned(memory), n, one), W + integer(taps, 4 * i) * n * size
    for k in range(4 * i + 1, 4 * i + 4):
        if integer(taps, k) >= 0:
            a, b = array(source, n, one), array(W + integer(taps, k) * n * size, n, one)
            for m in range(n):
                total[m] = a[m] + b[m]
            source = aligned(memory)
    to = packed + i // phases * point_step + i % phases * phase_step
    for j in range((N + width - 1) // width):
        pack_panel(source, step_k, step_n, to + j * panel_step, K, j * width, N, width, size, zeros)
    keep(memory)


def pack_weights(W: np.ndarray, stride, transposed: bool) -> np.ndarray:
    """U in panels: [point][panel] of rows (phase, Ci) and columns Co, or, transposed, [phase][point][panel]."""
    Ci, Co = W.shape[2:]
    phases, size = stride[0] * stride[1], W.itemsize
    (K, N), (step_k, step_n) = ((Co, Ci), (1, Co)) if transposed else ((Ci, Co), (Co, 1))
    width, zeros = width_for(N, size), np.zeros(1, np.int64)
    panels, panel = -(-N // width), K * width * size
    steps = (
        (panels * panel, 9 * panels * panel, panel) if transposed else (phases * panels * panel, panel, phases * panel)
    )
    packed = empty((9 * phases * panels * K * width,), W.dtype)
    p = table(
        W,
        packed,
        sums_of_taps(stride, transposed),
        Ci * Co,
        K,
        N,
        step_k * size,
        step_n * size,
        width,
        size,
        zeros,
        phases,
        *steps,
    )
    run(parallel_for, (_weights32 if size == 4 else _weights64).address, 9 * phases, address(p))
    return packed


# -- forward and input gradient ---------------------------------------------------------------------------------------


@task
def _tiles32(i, p):
    _tiles(i, p, get(p + 8 * 20, np.float32(1)), np.float32(1))


@task
def _tiles64(i, p):
    _tiles(i, p, get(p + 8 * 20, np.float64(1)), np.float64(1))


@inner
def _tiles(number, p, slope, one):
    """All that some tiles make, of the batch's tiles counted through."""
    given, made, packed, zeros, bias = integer(p, 0), integer(p, 1), integer(p, 2), integer(p, 3), integer(p, 4)
    given_at, made_at, wanted, tiles = integer(p, 5), integer(p, 6), integer(p, 7), integer(p, 8)
    inputs, phases, N, C, columns = integer(p, 9), integer(p, 10), integer(p, 11), integer(p, 12), integer(p, 13)
    tasks, given_step, made_step, width, tile, size = (
        integer(p, 14),
        integer(p, 15),
        integer(p, 16),
        integer(p, 17),
        integer(p, 18),
        integer(p, 19),
    )
    first, last = part(N * tiles, number, tasks)
    rows, most, K = last - first, (last - first + ROWS - 1) // ROWS * ROWS, inputs * C
    v_step, m_step = K * size, columns * size
    v_point, m_point = rows * v_step + 64, rows * m_step + 64  # 64: the points do not share a cache set
    v_memory, m_memory = np.empty(9 * v_point // 8 + 8, np.int64), np.empty(9 * m_point // 8 + 8, np.int64)
    V, M = aligned(v_memory), aligned(m_memory)
    tables, nowhere = np.empty(3 * most + 18, np.int64), np.empty(columns, np.int64)
    a, c, init = address_of(tables), address_of(tables) + 8 * most, address_of(tables) + 16 * most
    sources, targets = address_of(tables) + 24 * most, address_of(tables) + 24 * most + 72
    for m in range(most):
        put(init + 8 * m, zeros)
    for row in range(rows):
        image, t = given + (first + row) // tiles * given_step, (first + row) % tiles
        for f in range(inputs):
            addresses(sources, image, given_at + 72 * (t * inputs + f), 9, C * size, zeros)
            for point in range(9):
                put(targets + 8 * point, V + point * v_point + row * v_step + f * C * size)
            differences(sources, targets, C * size, one)
    for f in range(phases):
        for point in range(9):
            count = 0
            for row in range(rows):
                if integer(wanted, (point * phases + f) * tiles + (first + row) % tiles):
                    put(a + 8 * count, V + point * v_point + row * v_step)
                    put(c + 8 * count, M + point * m_point + row * m_step)
                    count += 1
            blocks = (count + ROWS - 1) // ROWS
            for m in range(count, blocks * ROWS):
                put(a + 8 * m, V)
                put(c + 8 * m, address_of(nowhere))
            of_u = packed + (f * 9 + point) * ((columns + width - 1) // width) * K * width * size
            for j in range((columns + width - 1) // width):
                for t in range(blocks):
                    at = 8 * ROWS * t
                    tile_rows(
                        tile,
                        a + at,
                        0,
                        1,
                        K,
                        of_u + j * K * width * size,
                        width * size,
                        init + at,
                        c + at,
                        j * width * size,
                        columns - j * width,
                        one,
                    )
        for row in range(rows):
            image, t = made + (first + row) // tiles * made_step, (first + row) % tiles
            for point in range(9):
                put(sources + 8 * point, M + point * m_point + row * m_step)
            addresses(targets, image, made_at + 32 * (t * phases + f), 4, m_step, address_of(nowhere))
            _outputs(sources, targets, m_step, bias, slope)
    keep(v_memory, m_memory, tables, nowhere)


def convolve(given, W, made, plan: Plan, stride, transposed: bool, bias, slope) -> None:
    """made = convolution of `given` with W, or its adjoint if transposed, plus bias, then leaky."""
    kind, size, N, C, columns = given.dtype.type, given.itemsize, len(given), given.shape[3], made.shape[3]
    packed, zeros = pack_weights(W, stride, transposed), np.zeros(max(C, columns), given.dtype)
    tasks = -(-N * plan.tiles // (2 * GROUP)) * 2
    p = table(
        given,
        made,
        packed,
        zeros,
        zeros if bias is None else bias,
        plan.given,
        plan.made,
        plan.wanted,
        plan.tiles,
        plan.given.shape[1],
        plan.made.shape[1],
        N,
        C,
        columns,
        tasks,
        given[0].nbytes,
        made[0].nbytes,
        width_for(columns, size),
        rows_tile(columns, size),
        size,
        0,
    )
    p[20:21].view(kind)[0] = slope
    run(parallel_for, (_tiles32 if size == 4 else _tiles64).address, tasks, address(p))
