"""The kernel distance and MMD: by hand, unbiased, in blocks, far away."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    kernel_distance,
    median_distance,
    mmd,
    parzen_log_likelihood,
)
from scratchgan.metrics.mmd import kernel_mmd


def test_kernel_distances_by_hand():
    """x = 0, 1; y = 2, 2 with F = 1.  k(a, b) = (ab + 1)^3: off the diagonal 1 and 125; across 1, 1, 27, 27."""
    x, y = [[0.0], [1.0]], [[2.0], [2.0]]
    assert kernel_distance(x, y) == pytest.approx(1 + 125 - 2 * 14)
    assert kernel_distance(x, y, degree=1) == pytest.approx(1 + 5 - 2 * 2)
    e = math.exp
    assert mmd(x, y, bandwidths=1) == pytest.approx(e(-0.5) + 1 - (e(-2) + e(-0.5)))
    assert mmd(x, y, bandwidths=1, unbiased=False) == pytest.approx((1 + e(-0.5)) / 2 + 1 - (e(-2) + e(-0.5)))
    assert mmd(x, y, bandwidths=[1, 1, 1]) == pytest.approx(mmd(x, y, bandwidths=1))
    assert median_distance([[0.0], [1.0], [5.0]]) == pytest.approx(4)


@pytest.mark.parametrize("metric", [mmd, kernel_distance])
def test_unbiased_means_unbiased(metric, rng):
    values = [metric(rng.standard_normal((15, 3)), rng.standard_normal((25, 3))) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20
    assert min(values) < 0


def test_kernel_sums_do_not_depend_on_blocks(rng):
    real, fake = rng.standard_normal((50, 6)), rng.standard_normal((33, 6))
    kernel = lambda a, b: (a @ b.T / 6 + 1) ** 3
    for unbiased in (True, False):
        whole = kernel_mmd(real, fake, kernel, unbiased=unbiased)
        for block in (1, 7, 49, 1000):
            assert kernel_mmd(real, fake, kernel, unbiased=unbiased, block=block) == pytest.approx(whole, rel=1e-11)


def test_mmd_of_far_away_data(rng):
    """Far from the origin |a|^2 + |b|^2 - 2 a.b loses digits; the data are centred first."""
    real, fake = rng.standard_normal((50, 3)), rng.standard_normal((40, 3)) + 0.5
    assert mmd(real + 1e6, fake + 1e6) == pytest.approx(mmd(real, fake), rel=1e-7)
    near = parzen_log_likelihood(fake, real, sigma=0.3)
    assert parzen_log_likelihood(fake + 1e6, real + 1e6, sigma=0.3) == pytest.approx(near, rel=1e-6)
