r"""The register tile: the few lines in which all matrix products and convolutions spend their time.

A processor core has 16 or 32 vector registers.  A product is fast when the sums *stay in these registers*: a tile of
R rows times V vectors of C = A B is kept in registers while k runs along the whole sum,

                  B[k, :]   v v v v v v v v | v v v v v v v v        V vectors of L neighbouring columns: V loads
                           +-----------------+----------------+
        A[0, k]  o ------> | acc acc ...     | acc acc ...    |      each number of A fills a vector: R loads
        A[1, k]  o ------> | acc acc ...     | acc acc ...    |
          ...              |                 |                |      R V fused multiply-adds with nothing to wait for:
        A[R-1,k] o ------> | acc acc ...     | acc acc ...    |      acc[m, v] += A[m, k] B[k, v]
                           +-----------------+----------------+

so R + V loads feed R V multiply-adds: 10 loads for 24 with the tile of AVX-512, 6 rows by 4 vectors of 16 floats.  A
smaller tile needs more loads for each multiply-add.  A larger one does not fit, and parts of it would be moved to
memory and back.  If C has few columns, a narrow tile of one vector is used.

A row of A need not be near its neighbour: `tile_rows` finds each of its R rows through an address.  A row may also
consist of several segments, each with an address of its own (a convolution's patch is k x k runs of C neighbouring
numbers: Dukhan 2019, "The Indirect Convolution Algorithm").  `tile_panel` is for A^T: the R numbers of one k lie side
by side.

The tile is written in LLVM's vector instructions, because a compiler does not keep the accumulators of a plain loop
nest in registers.  Written as loops, it is

    acc[m, v] = init[m][v]
    for s in range(segments):                       # tile_panel: one segment
        for k in range(length):
            acc[m, v] += A[s][m][k] * B[s * length + k][v]          for all m, v
    C[m][v] = acc[m, v] if acc[m, v] > 0 else slope * acc[m, v]

with addresses (int64) for all pointers.  The rows of `init` and C are found through tables of addresses, too.  So the
sum may start from a bias, from zeros or from an earlier sum, and a row that is not needed may be written to a buffer
that is never read.
"""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiling import by_address_for_floats

I32, I64 = ir.IntType(32), ir.IntType(64)


def _host() -> tuple[int, int, int, bool]:
    """(rows R, vectors V, bytes of a vector, whether there is a fused multiply-add) for this processor."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 6, 4, 64, True  # it has 32 registers of 64 bytes
    if features.get("avx2") and features.get("fma"):
        return 6, 2, 32, True  # 16 of 32
    if features.get("neon") or llvm.get_process_triple().startswith(("aarch64", "arm64")):
        return 8, 2, 16, True  # 32 of 16
    return 4, 2, 16, False  # any other: 8 of 16


ROWS, VECTORS, VECTOR_BYTES, FUSED = _host()


def width_for(N: int, itemsize: int) -> int:
    """Number of columns of the tile that is used for a C of N columns."""
    one_vector = VECTOR_BYTES // itemsize
    return one_vector if narrow(N, itemsize) else VECTORS * one_vector


def narrow(N: int, itemsize: int) -> bool:
    """Whether the narrow tile takes fewer operations: the wide one also computes columns that C does not have."""
    return N <= VECTORS // 2 * (VECTOR_BYTES // itemsize)


class _Emitter:
    """What all tiles share: vector types, loads, stores, one step of the loop over k."""

    def __init__(self, builder, element, vectors):
        self.b, self.vectors = builder, vectors
        self.bits = element.bitwidth
        self.size = self.bits // 8
        self.lanes = VECTOR_BYTES // self.size
        self.scalar = ir.DoubleType() if self.bits == 64 else ir.FloatType()
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.zero = ir.Constant(self.vector, [ir.Constant(self.scalar, 0.0)] * self.lanes)

    def declare(self, name, result, arguments):
        return self.b.module.globals.get(name) or ir.Function(self.b.module, ir.FunctionType(result, arguments), name)

    def splat(self, value, type_):
        one = self.b.insert_element(ir.Constant(type_, ir.Undefined), value, ir.Constant(I32, 0))
        return self.b.shuffle_vector(
            one,
            ir.Constant(type_, ir.Undefined),
            ir.Constant(ir.VectorType(I32, self.lanes), [ir.Constant(I32, 0)] * self.lanes),
        )

    def pointer(self, address, type_):
        return self.b.inttoptr(address, type_.as_pointer())

    def plus(self, address, offset: int):
        return self.b.add(address, ir.Constant(I64, offset))

    def entry(self, table, index: int):
        """The address table[index]."""
        return self.b.load(self.pointer(self.plus(table, 8 * index), I64))

    def masks(self, ncols):
        """For each vector: which of its lanes are columns of C."""
        places = ir.Constant(ir.VectorType(I64, self.lanes), [ir.Constant(I64, i) for i in range(self.lanes)])
        kind = ir.VectorType(I64, self.lanes)
        rest = [self.splat(self.plus(ncols, -v * self.lanes), kind) for v in range(self.vectors)]
        return [self.b.icmp_signed("<", places, n) for n in rest]

    def load_tile(self, table, offset, masks):
        name = f"llvm.masked.load.v{self.lanes}f{self.bits}.p0"
        load = self.declare(name, self.vector, [self.vector.as_pointer(), I32, self.mask, self.vector])
        rows = [self.b.add(self.entry(table, m), offset) for m in range(ROWS)]
        return [
            self.b.call(
                load,
                [
                    self.pointer(self.plus(row, v * VECTOR_BYTES), self.vector),
                    ir.Constant(I32, self.size),
                    masks[v],
                    self.zero,
                ],
            )
            for row in rows
            for v in range(self.vectors)
        ]

    def prefetch(self, table, offset):
        """Ask for the cache lines of the tile's rows, which are written after the loop over k.

        Without it each store waits for its line, and in products with few k that takes longer than the arithmetic.
        """
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), I32, I32, I32])
        fetch = cgutils.get_or_insert_function(self.b.module, kind, "llvm.prefetch.p0")
        write, soon, data = ir.Constant(I32, 1), ir.Constant(I32, 3), ir.Constant(I32, 1)
        for m in range(ROWS):
            row = self.b.add(self.entry(table, m), offset)
            for line in range(0, self.vectors * VECTOR_BYTES, 64):
                self.b.call(fetch, [self.pointer(self.plus(row, line), ir.IntType(8)), write, soon, data])

    def store_tile(self, table, offset, masks, ncols, tile, slope):
        """Store the tile after the activation.

        A masked store takes some twenty times as long as a plain one on processors with AVX2: only the last tile of a
        row, which C does not fill, uses it.
        """
        name = f"llvm.masked.store.v{self.lanes}f{self.bits}.p0"
        store = self.declare(name, ir.VoidType(), [self.vector, self.vector.as_pointer(), I32, self.mask])
        slope = self.splat(slope, self.vector)
        rows = [self.b.add(self.entry(table, m), offset) for m in range(ROWS)]
        places = [
            self.pointer(self.plus(row, v * VECTOR_BYTES), self.vector) for row in rows for v in range(self.vectors)
        ]
        results = [self.b.select(self.b.fcmp_ordered(">", x, self.zero), x, self.b.fmul(x, slope)) for x in tile]
        whole = self.b.icmp_signed(">=", ncols, ir.Constant(I64, self.vectors * self.lanes))
        with self.b.if_else(whole, likely=True) as (then, otherwise):
            with then:
                for y, place in zip(results, places, strict=True):
                    self.b.store(y, place, align=self.size)
            with otherwise:
                for k, (y, place) in enumerate(zip(results, places, strict=True)):
                    self.b.call(store, [y, place, ir.Constant(I32, self.size), masks[k % self.vectors]])

    def multiply_add(self, a, v, acc):
        if not FUSED:
            return self.b.fadd(self.b.fmul(a, v), acc)
        fma = self.declare(f"llvm.fma.v{self.lanes}f{self.bits}", self.vector, [self.vector] * 3)
        return self.b.call(fma, [a, v, acc])

    def step(self, numbers, row, acc):
        """One k: all R V multiply-adds.  `numbers[m]` points to A[m, k], `row` is the address of B[k, :]."""
        vectors = [
            self.b.load(self.pointer(self.plus(row, v * VECTOR_BYTES), self.vector), align=self.size)
            for v in range(self.vectors)
        ]
        new = []
        for m in range(ROWS):
            a = self.splat(self.b.load(numbers[m]), self.vector)
            new += [self.multiply_add(a, vectors[v], acc[m * self.vectors + v]) for v in range(self.vectors)]
        return new


class _Loop:
    """for i in range(n), n >= 1, with values carried in registers (phi nodes) from one iteration to the next."""

    def __init__(self, builder, n, carried):
        self.b, self.n = builder, n
        before, self.body, self.after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.branch(self.body)
        builder.position_at_end(self.body)
        self.values = []
        for value in [ir.Constant(I64, 0), *carried]:
            phi = builder.phi(value.type)
            phi.add_incoming(value, before)
            self.values.append(phi)

    def end(self, carried):
        i = self.b.add(self.values[0], ir.Constant(I64, 1))
        for phi, value in zip(self.values, [i, *carried], strict=True):
            phi.add_incoming(value, self.b.block)
        self.b.cbranch(self.b.icmp_signed("<", i, self.n), self.body, self.after)
        self.b.position_at_end(self.after)


def _rows_tile(vectors):
    def generate(context, builder, signature, arguments):
        table, segment_step, segments, length, row, b_step, init, c, offset, ncols, slope = arguments
        e = _Emitter(builder, signature.args[-1], vectors)
        masks = e.masks(ncols)
        e.prefetch(c, offset)
        outer = _Loop(builder, segments, [table, row, *e.load_tile(init, offset, masks)])
        _, table, row, *acc = outer.values
        rows = [e.pointer(e.entry(table, m), e.scalar) for m in range(ROWS)]
        inner = _Loop(builder, length, [row, *acc])
        k, row, *acc = inner.values
        acc = e.step([builder.gep(a, [k]) for a in rows], row, acc)
        row = builder.add(row, b_step)
        inner.end([row, *acc])
        outer.end([builder.add(table, segment_step), row, *acc])
        e.store_tile(c, offset, masks, ncols, acc, slope)
        return context.get_dummy_value()

    return generate


def _panel_tile(vectors):
    def generate(context, builder, signature, arguments):
        a, a_step, length, row, b_step, init, c, offset, ncols, slope = arguments
        e = _Emitter(builder, signature.args[-1], vectors)
        masks = e.masks(ncols)
        e.prefetch(c, offset)
        loop = _Loop(builder, length, [a, row, *e.load_tile(init, offset, masks)])
        _, a, row, *acc = loop.values
        first = e.pointer(a, e.scalar)
        acc = e.step([builder.gep(first, [ir.Constant(I64, m)]) for m in range(ROWS)], row, acc)
        loop.end([builder.add(a, a_step), builder.add(row, b_step), *acc])
        e.store_tile(c, offset, masks, ncols, acc, slope)
        return context.get_dummy_value()

    return generate


@intrinsic
def _rows(typingctx, a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope):
    """C tile = leaky(init + sum over segments and k of A B).

    a_table        table of `segments` x R addresses: where the rows of A begin
    segment_step   bytes from a row's address in one segment to the same row's in the next, within the table
    b, b_step      address of B's first row (of this tile's columns), bytes to the next
    init, c        tables of R addresses; `offset` bytes are added to each: the tile's first column
    ncols          columns of C from this tile's first on; lanes beyond them are neither read nor written
    slope          1 leaves C as it is; its type says whether the numbers are float32 or float64
    """
    return types.void(*[types.int64] * 10, slope), _rows_tile(VECTORS)


@intrinsic
def _rows_narrow(typingctx, a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope):
    """`_rows` for the narrow tile."""
    return types.void(*[types.int64] * 10, slope), _rows_tile(1)


@intrinsic
def _panel(typingctx, a, a_step, length, b, b_step, init, c, offset, ncols, slope):
    """The same for A^T: A[m, k] is the m-th number from the address a + k a_step on."""
    return types.void(*[types.int64] * 9, slope), _panel_tile(VECTORS)


@intrinsic
def _panel_narrow(typingctx, a, a_step, length, b, b_step, init, c, offset, ncols, slope):
    """`_panel` for the narrow tile."""
    return types.void(*[types.int64] * 9, slope), _panel_tile(1)


def _caller(integers):
    """An intrinsic f(address, `integers` int64, slope) that calls the function at that address."""

    def generate(context, builder, signature, arguments):
        number = context.get_value_type(signature.args[-1])
        kind = ir.FunctionType(ir.VoidType(), [I64] * integers + [number])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return generate


@intrinsic
def tile_rows(typingctx, tile, a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope):
    """Call the tile at the address `tile`: see `_rows`."""
    return types.void(*[types.int64] * 11, slope), _caller(10)


@intrinsic
def tile_panel(typingctx, tile, a, a_step, length, b, b_step, init, c, offset, ncols, slope):
    """Call the tile at the address `tile`: see `_panel`."""
    return types.void(*[types.int64] * 10, slope), _caller(9)


@by_address_for_floats("void(" + "int64, " * 10 + "{})")
def rows(a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope):
    """The tile that reads rows of A in place."""
    _rows(a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope)


@by_address_for_floats("void(" + "int64, " * 10 + "{})")
def rows_narrow(a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope):
    """The narrow tile that reads rows of A in place."""
    _rows_narrow(a_table, segment_step, segments, length, b, b_step, init, c, offset, ncols, slope)


@by_address_for_floats("void(" + "int64, " * 9 + "{})")
def panel(a, a_step, length, b, b_step, init, c, offset, ncols, slope):
    """The tile that reads A^T."""
    _panel(a, a_step, length, b, b_step, init, c, offset, ncols, slope)


@by_address_for_floats("void(" + "int64, " * 9 + "{})")
def panel_narrow(a, a_step, length, b, b_step, init, c, offset, ncols, slope):
    """The narrow tile that reads A^T."""
    _panel_narrow(a, a_step, length, b, b_step, init, c, offset, ncols, slope)


def rows_tile(N: int, itemsize: int) -> int:
    """Address of the tile that reads rows of A, for a C of N columns."""
    return (rows_narrow if narrow(N, itemsize) else rows)[itemsize].address


def panel_tile(N: int, itemsize: int) -> int:
    """Address of the tile that reads A^T, for a C of N columns."""
    return (panel_narrow if narrow(N, itemsize) else panel)[itemsize].address


@intrinsic
def copy_bytes(typingctx, target, source, n):
    """Copy n bytes from one address to another."""

    def generate(context, builder, signature, arguments):
        kind = ir.IntType(8).as_pointer()
        target, source = (builder.inttoptr(a, kind) for a in arguments[:2])
        name = "llvm.memcpy.p0.p0.i64"
        function = builder.module.globals.get(name) or ir.Function(
            builder.module, ir.FunctionType(ir.VoidType(), [kind, kind, I64, ir.IntType(1)]), name
        )
        builder.call(function, [target, source, arguments[2], ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def copy_vector(typingctx, target, source):
    """Copy the bytes of one vector."""

    def generate(context, builder, signature, arguments):
        piece = ir.VectorType(I32, VECTOR_BYTES // 4).as_pointer()
        value = builder.load(builder.inttoptr(arguments[1], piece), align=4)
        builder.store(value, builder.inttoptr(arguments[0], piece), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def copy_number(typingctx, target, source, size):
    """Copy one number of `size` bytes (4 or 8)."""

    def generate(context, builder, signature, arguments):
        for bits in (32, 64):
            kind = ir.IntType(bits).as_pointer()
            with builder.if_then(builder.icmp_signed("==", arguments[2], ir.Constant(I64, bits // 8))):
                builder.store(builder.load(builder.inttoptr(arguments[1], kind)), builder.inttoptr(arguments[0], kind))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate
