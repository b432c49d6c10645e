"""The loop that measures the arithmetic does what is counted."""

import platform

import pytest

from scratchgan.kernels.compiled import tile
from scratchgan.runs.peak import CHAINS, FLOP_PER_ROUND, LANES, only_arithmetic, start


def test_all_chains_move_and_tend_to_2():
    assert all(start(m) != 2 for m in range(CHAINS))
    x = [start(m) for m in range(CHAINS)]
    for rounds in range(1, 6):
        x = [0.5 * v + 1 for v in x]
        assert only_arithmetic(rounds) == pytest.approx(sum(x), rel=1e-6)
    assert only_arithmetic(1000) == pytest.approx(2 * CHAINS, rel=1e-6)
    assert FLOP_PER_ROUND == 2 * CHAINS * LANES


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64") or not tile.FUSED, reason="counts vfmadd")
def test_no_multiply_add_is_left_out_by_the_compiler():
    only_arithmetic(1)
    (code,) = only_arithmetic.inspect_asm().values()
    count = sum("vfmadd" in line for line in code.splitlines())
    assert count > 0
    assert count % CHAINS == 0
