"""The earth mover's distance on a line: by hand, its floor, and that it is a distance."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.metrics import (
    earth_mover_1d,
)


def test_earth_mover_by_hand():
    assert earth_mover_1d([0, 1], [2, 3]) == 2
    assert earth_mover_1d([0], [0, 1, 5]) == pytest.approx(2)
    assert earth_mover_1d([0, 10], [0, 10], [3, 1], [1, 3]) == pytest.approx(5)
    assert earth_mover_1d([[1.0], [2.0]], [2.0, 1.0]) == 0
    assert earth_mover_1d([0.0, 1], [0.0, 0, 1, 1]) == 0


def test_earth_mover_floor(rng):
    values = [earth_mover_1d(rng.standard_normal(1000), rng.standard_normal(1000)) for _ in range(60)]
    assert np.mean(values) == pytest.approx(0.058, abs=4 * np.std(values) / math.sqrt(60))


numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=12)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(numbers, numbers, numbers, st.integers(-20, 20))
def test_earth_mover_is_a_distance(x, y, z, shift):
    d = earth_mover_1d
    assert d(x, y) == pytest.approx(d(y, x), abs=1e-12)
    assert d(x, x) == 0
    assert d(x, z) <= d(x, y) + d(y, z) + 1e-9
    assert d(x, np.array(x) + shift) == pytest.approx(abs(shift), abs=1e-9)
    weights = np.unique(x, return_counts=True)
    assert d(weights[0], y, weights[1]) == pytest.approx(d(x, y), abs=1e-9)
