"""The sliced Wasserstein distance: by hand and of a shift."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    earth_mover_1d,
    sliced_wasserstein,
)


def test_sliced_wasserstein_by_hand(rng):
    """On a line every direction is +-1: the plain distance, p = 1 and 2, equal and unequal numbers."""
    assert sliced_wasserstein([[0.0], [1]], [[2.0], [5]], projections=3, rng=rng) == pytest.approx(3)
    assert sliced_wasserstein([[0.0], [1]], [[2.0], [5]], projections=3, p=2, rng=rng) == pytest.approx(math.sqrt(10))
    assert sliced_wasserstein([[0.0]], [[0.0], [1], [5]], projections=3, p=2, rng=rng) == pytest.approx(
        math.sqrt(26 / 3)
    )
    x = np.random.default_rng(1).standard_normal((40, 1))
    assert sliced_wasserstein(x, x[:23] + 1, rng=rng) == pytest.approx(earth_mover_1d(x, x[:23] + 1))


def test_sliced_wasserstein_of_a_shift(rng):
    """Along u a shift by s moves by |<s, u>|: on average |s| 2/pi in the plane."""
    x = rng.standard_normal((30, 2))
    value = sliced_wasserstein(x, x + np.array([3, 4]), projections=4000, rng=rng)
    assert value == pytest.approx(10 / math.pi, rel=0.03)
