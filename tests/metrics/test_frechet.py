"""The Frechet distance: by hand, of few rows, and its bias."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    frechet_distance,
)


def test_frechet_by_hand():
    """(mean 1, variance 2) and (mean 4, variance 8): 9 + (sqrt 2 - sqrt 8)^2 = 9 + 2."""
    assert frechet_distance([[0.0], [2.0]], [[2.0], [6.0]]) == pytest.approx(11)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_frechet_of_fewer_rows_than_features(n, rng):
    """Rank-deficient covariances: finite, and a rotation or features that never vary change nothing."""
    real, fake = rng.standard_normal((n, 40)), rng.standard_normal((n, 40)) + 1
    value = frechet_distance(real, fake)
    assert math.isfinite(value)
    assert value > 10
    turn = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    assert frechet_distance(real @ turn, fake @ turn) == pytest.approx(value, rel=1e-9)
    wide = [np.concatenate([x, np.full((n, 3), 5.0)], axis=1) for x in (real, fake)]
    assert frechet_distance(*wide) == pytest.approx(value, rel=1e-9)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(0 * real, 0 * real) == 0


def test_frechet_bias_shrinks_with_n(rng):
    means = [
        np.mean([frechet_distance(rng.standard_normal((n, 5)), rng.standard_normal((n, 5))) for _ in range(30)])
        for n in (50, 200)
    ]
    assert means[0] / means[1] == pytest.approx(4, rel=0.3)  # about a constant / N
