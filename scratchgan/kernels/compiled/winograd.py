r"""Convolution with fewer multiplications: Winograd's F(2, 2), for kernels twice as large as the stride (k4 s2, k2 s1).

Two neighbouring outputs of a kernel with two taps take four products; Winograd (1980) needs three.  The middle input,
which both outputs read, is multiplied once, by the sum of the taps; of the other two, only the difference from it is
multiplied:

    y0 = x0 w0 + x1 w1         x0 - x1 --(w0     )--> m1 --+
                                                           +--> y0 = m1 + m2          m1 = (x0 - x1) w0
    y1 = x1 w0 + x2 w1              x1 --(w0 + w1)--> m2 --+                          m2 = x1 (w0 + w1)
                                                           +--> y1 = m2 + m3          m3 = (x2 - x1) w1
                               x2 - x1 --(w1     )--> m3 --+

In two dimensions the rule is nested: along the columns of a 3 x 3 window, then along its rows.  A tile of 2 x 2 outputs
then takes 9 products, at the 9 *points* (p, q), instead of 16 (Lavin & Gray 2015).  Here x is a pixel with C channels,
and w a C x Co matrix.  A difference of pixels costs C operations and a product 2 C Co, so far more work is saved than
added.  If the number of outputs is odd, m3 of the last tile is not needed: 7 outputs take 11 products instead of 14,
and 7 x 7 outputs take 0.62 of the products that they take directly.

With stride s and a kernel of size 2 s, the rows h = s o + a of an image, for a fixed a, lie under taps a and s + a: two
taps with stride 1 in o.  In two dimensions there are s s such *phases*.  conv2d sums over them, so they are put side by
side as channels.  In the input gradient the outputs form phases, all of which read the same windows of dy.

    conv2d          for each task: some tiles, few enough that what follows stays in the cache
    input gradient      V = differences of the windows, at 9 points
                        for each phase of the output (conv2d: one)
                            for each point: M[point] = V[point] U[point]        a row of M, V = a tile; U = sums of taps
                            outputs = sums of M, plus bias, then leaky

The weight gradient is the same rule read backwards: `winograd_grad`.

An output of a tile is computed only from the pixels and taps that it depends on.  So a NaN or an infinity in an image
makes the same outputs non-finite as in the direct sum, and none of their neighbours.  But an infinity may turn into a
NaN, and the difference of two numbers near the largest float may overflow.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from ..convolution import conv_output_size
from .compiling import inner
from .gemm import pack, pack_panels
from .pool import array, empty, float_task, integer, part, put, release, run, scratch, size_of
from .tables import read, real, slots
from .tile import I64, ROWS, VECTOR_BYTES, _Emitter, _Loop, rows_tile, tile_rows, width_for

GROUP = 64  # tiles per task, approximately: V, M and the part of U in use then fit in the second-level cache
FEWEST = 512  # with fewer tiles in a batch than this, or
NARROW = 32  # with fewer channels, the sums and differences cost more than is saved
LARGEST = 5 << 18  # bytes of U: a larger one would be read from memory again for each group
NONE = -1

WEIGHTS = slots("W packed taps n K N step_k step_n width packer size zeros phases point_step phase_step panel_step")
TILES = slots(
    "given made packed zeros bias given_at made_at wanted tiles inputs phases N C columns "
    "tasks given_step made_step width tile size slope"
)


@dataclass
class Plan:
    """Which pixels the tiles of an image read and write; NONE stands for no pixel."""

    tiles: int
    given: np.ndarray  # (tiles, phases, 9) pixels that are read
    made: np.ndarray  # (tiles, phases, 4) pixels that are written
    wanted: np.ndarray  # (9, phases, tiles) 1 if a pixel that is written needs the point's product, else 0


@functools.lru_cache(maxsize=256)
def forward_plan(H: int, W: int, stride, padding) -> Plan:
    """Plan of conv2d, which reads x and writes y.  Tile t writes outputs 2 t and 2 t + 1."""
    x, y = [], []
    for size, s, p in zip((H, W), stride, padding, strict=True):
        out = conv_output_size(size, 2 * s, s, p)
        tiles = -(-out // 2)
        x.append(_axis(3, tiles, s, s, -p, size))
        y.append(_axis(2, tiles, 1, 1, 0, out))
    return _plan(x, W, y, conv_output_size(W, 2 * stride[1], stride[1], padding[1]))


@functools.lru_cache(maxsize=256)
def input_grad_plan(H: int, W: int, stride, padding) -> Plan:
    """Plan of the input gradient: dx[h], h + p = s o + a, is computed from dy[o - 1] and dy[o]."""
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


def _plan(given: Any, given_W: int, made: Any, made_W: int) -> Plan:
    a, b = (np.stack([v[..., 0], v[..., 0] | v[..., 1], v[..., 1]]) for v in (axis != NONE for axis in made))
    wanted = a[:, None, :, None, :, None] & b[None, :, None, :, None, :]
    P, Q, T, U, A, B = wanted.shape
    wanted = wanted.reshape(P * Q, T * U, A * B).swapaxes(1, 2)
    return Plan(T * U, _both(*given, given_W), _both(*made, made_W), np.ascontiguousarray(wanted, np.int64))  # type: ignore[call-arg]  # given and made are three arguments each


def plan_if_it_pays(plan_of, x_shape, weight, stride, padding) -> Plan | None:
    """`plan_of` images of x_shape, or None if the rule does not apply to such a convolution or takes longer."""
    kh, kw, Ci, Co = weight.shape
    if (kh, kw) != (2 * stride[0], 2 * stride[1]) or min(Ci, Co) < NARROW:
        return None
    plan = plan_of(*x_shape[1:3], stride, padding)
    return plan if x_shape[0] * plan.tiles >= FEWEST and 9 * weight.nbytes <= 4 * LARGEST else None


# -- the rule of one dimension, nested --------------------------------------------------------------------------------


def _nested(rule, places: int, activation: bool = False):
    """Intrinsic: the rule along the columns, then the rows, of `places` x `places` runs of n bytes, in registers.

    The runs and the places for the results are given as tables of addresses.  A run is at least as long as a vector;
    its last vector ends where the run ends, and may repeat some numbers of the vector before.
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
    """Write the addresses of `count` pixels of n bytes to a table; that of `nothing` for NONE."""
    for k in range(count):
        pixel = integer(pixels, k)
        put(to + 8 * k, nothing if pixel < 0 else image + pixel * n)


# -- weights ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def sums_of_taps(stride, reverse: bool) -> np.ndarray:
    """(9 points, phases, 4): the taps whose sum is U; in reverse order for the input gradient."""
    rule = np.array([(0, NONE), (0, 1), (1, NONE)])[:: -1 if reverse else 1, None]
    h, w = (np.where(rule == NONE, NONE, s * rule + np.arange(s)[:, None]) for s in stride)
    return _both(h, w, 2 * stride[1])


@float_task
def _weights(i, p, one):
    """Task (point, phase): the sum of up to four taps, into panels."""
    args = read(p, WEIGHTS)
    W, n, K, N, width, size = args.W, args.n, args.K, args.N, args.width, size_of(one)
    memory = scratch(n * size)
    total, source = array(memory, n, one), W + integer(args.taps, 4 * i) * n * size
    for k in range(4 * i + 1, 4 * i + 4):
        if integer(args.taps, k) >= 0:
            a, b = array(source, n, one), array(W + integer(args.taps, k) * n * size, n, one)
            for m in range(n):
                total[m] = a[m] + b[m]
            source = memory
    to = args.packed + i // args.phases * args.point_step + i % args.phases * args.phase_step
    for j in range((N + width - 1) // width):
        panel = to + j * args.panel_step
        pack_panels(
            args.packer, source, args.step_k, args.step_n, panel, K, j * width, N, width, size, args.zeros, 1, 0
        )
    release(memory)


def pack_weights(W: np.ndarray, stride, transposed: bool) -> np.ndarray:
    """U in panels: [point][panel] of rows (phase, Ci) and columns Co, or, transposed, [phase][point][panel]."""
    Ci, Co = W.shape[2:]
    phases, size = stride[0] * stride[1], W.itemsize
    (K, N), (step_k, step_n) = ((Co, Ci), (1, Co)) if transposed else ((Ci, Co), (Co, 1))
    width, zeros = width_for(N, size), np.zeros(1, np.int64)
    panels, panel = -(-N // width), K * width * size
    point_step, phase_step, panel_step = (
        (panels * panel, 9 * panels * panel, panel) if transposed else (phases * panels * panel, panel, phases * panel)
    )
    packed = empty((9 * phases * panels * K * width,), W.dtype)
    p = WEIGHTS.table(
        W=W,
        packed=packed,
        taps=sums_of_taps(stride, transposed),
        n=Ci * Co,
        K=K,
        N=N,
        step_k=step_k * size,
        step_n=step_n * size,
        width=width,
        packer=pack.address,
        size=size,
        zeros=zeros,
        phases=phases,
        point_step=point_step,
        phase_step=phase_step,
        panel_step=panel_step,
    )
    run(_weights[size], 9 * phases, p)
    return packed


# -- forward and input gradient ---------------------------------------------------------------------------------------


@float_task
def _tiles(i, p, one):
    """All that some tiles write, of the tiles of the whole batch."""
    args, slope = read(p, TILES), real(p, TILES.slope, one)
    tiles, inputs, phases, C, columns = args.tiles, args.inputs, args.phases, args.C, args.columns
    width, size, zeros = args.width, size_of(one), args.zeros
    first, last = part(args.N * tiles, i, args.tasks)
    rows, most, K = last - first, (last - first + ROWS - 1) // ROWS * ROWS, inputs * C
    v_step, m_step = K * size, columns * size
    v_point, m_point = rows * v_step + 64, rows * m_step + 64  # + 64: the points lie in different cache sets
    V, M = scratch(9 * v_point), scratch(9 * m_point)
    tables, nowhere = scratch(24 * most + 144), scratch(8 * columns)
    a, c, init = tables, tables + 8 * most, tables + 16 * most
    sources, targets = tables + 24 * most, tables + 24 * most + 72
    for m in range(most):
        put(init + 8 * m, zeros)
    for row in range(rows):
        image, t = args.given + (first + row) // tiles * args.given_step, (first + row) % tiles
        for f in range(inputs):
            addresses(sources, image, args.given_at + 72 * (t * inputs + f), 9, C * size, zeros)
            for point in range(9):
                put(targets + 8 * point, V + point * v_point + row * v_step + f * C * size)
            differences(sources, targets, C * size, one)
    for f in range(phases):
        for point in range(9):
            count = 0
            for row in range(rows):
                if integer(args.wanted, (point * phases + f) * tiles + (first + row) % tiles):
                    put(a + 8 * count, V + point * v_point + row * v_step)
                    put(c + 8 * count, M + point * m_point + row * m_step)
                    count += 1
            blocks = (count + ROWS - 1) // ROWS
            for m in range(count, blocks * ROWS):
                put(a + 8 * m, V)
                put(c + 8 * m, nowhere)
            of_u = args.packed + (f * 9 + point) * ((columns + width - 1) // width) * K * width * size
            for j in range((columns + width - 1) // width):
                b, offset, left = of_u + j * K * width * size, j * width * size, columns - j * width
                for t in range(blocks):
                    at = 8 * ROWS * t
                    tile_rows(args.tile, a + at, 0, 1, K, b, width * size, init + at, c + at, offset, left, one)
        for row in range(rows):
            image, t = args.made + (first + row) // tiles * args.made_step, (first + row) % tiles
            for point in range(9):
                put(sources + 8 * point, M + point * m_point + row * m_step)
            addresses(targets, image, args.made_at + 32 * (t * phases + f), 4, m_step, nowhere)
            _outputs(sources, targets, m_step, args.bias, slope)
    release(V)
    release(M)
    release(tables)
    release(nowhere)


def convolve(given, W, made, plan: Plan, stride, transposed: bool, bias, slope) -> None:
    """made = convolution of `given` with W, or its adjoint if transposed, plus bias, then leaky."""
    size, N, C, columns = given.itemsize, len(given), given.shape[3], made.shape[3]
    packed, zeros = pack_weights(W, stride, transposed), np.zeros(max(C, columns), given.dtype)
    tasks = -(-N * plan.tiles // (2 * GROUP)) * 2
    p = TILES.table(
        given=given,
        made=made,
        packed=packed,
        zeros=zeros,
        bias=zeros if bias is None else bias,
        given_at=plan.given,
        made_at=plan.made,
        wanted=plan.wanted,
        tiles=plan.tiles,
        inputs=plan.given.shape[1],
        phases=plan.made.shape[1],
        N=N,
        C=C,
        columns=columns,
        tasks=tasks,
        given_step=given[0].nbytes,
        made_step=made[0].nbytes,
        width=width_for(columns, size),
        tile=rows_tile(columns, size),
        size=size,
        slope=given.dtype.type(slope),
    )
    run(_tiles[size], tasks, p)
