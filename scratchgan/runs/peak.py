"""How fast a processor core can multiply and add: a loop of multiply-adds that never leaves the registers.

    x_m <- x_m / 2 + 1          for CHAINS chains x_m, each a vector of LANES numbers of float32

The chains do not wait for each other, so every arithmetic unit has something to do.  All of them tend to 2, and none
starts there: a chain that stays where it is would be left out by the compiler, and the loop would do less than is
counted.  The loop is written in LLVM's vector instructions, because from plain loops a compiler might not use the widest
vectors.
"""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ..kernels.compiled import tile

CHAINS = 12
LANES = tile.VECTOR_BYTES // 4
#: operations of one round: a multiplication and an addition for each lane of each chain
FLOP_PER_ROUND = 2 * CHAINS * LANES


def start(m: int) -> float:
    """Where chain m starts; never at 2, where it would stay."""
    return m + 0.25


@intrinsic
def _multiply_adds(typing_context, rounds):
    """The loop; the sum of all chains afterwards, in lane 0."""

    def generate(context, builder, signature, arguments):
        vector, integer = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
        constant = lambda value: ir.Constant(vector, [ir.Constant(ir.FloatType(), value)] * LANES)
        before, loop = builder.block, builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        builder.branch(loop)
        builder.position_at_end(loop)
        i, registers = builder.phi(integer), [builder.phi(vector) for _ in range(CHAINS)]
        fma = ir.Function(builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32")
        half, one = constant(0.5), constant(1.0)
        results = [
            builder.call(fma, [x, half, one]) if tile.FUSED else builder.fadd(builder.fmul(x, half), one)
            for x in registers
        ]
        following = builder.add(i, ir.Constant(integer, 1))
        chains = ((x, constant(start(m)), y) for m, (x, y) in enumerate(zip(registers, results, strict=True)))
        for phi, first, later in [(i, ir.Constant(integer, 0), following), *chains]:
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", following, arguments[0]), loop, after)
        builder.position_at_end(after)
        total = results[0]
        for y in results[1:]:
            total = builder.fadd(total, y)  # used, so that the compiler cannot leave the loop out
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return types.float32(types.int64), generate


@njit
def only_arithmetic(rounds):
    """Do `rounds` >= 1 rounds of multiply-adds, FLOP_PER_ROUND operations each; returns the sum of the chains."""
    return _multiply_adds(rounds)
