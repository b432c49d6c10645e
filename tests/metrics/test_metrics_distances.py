"""Distances between distributions, and balls: hand-computed values, expectations, ties and bias."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.metrics import (
    density_coverage,
    earth_mover_1d,
    frechet_distance,
    kernel_distance,
    median_distance,
    mmd,
    parzen_log_likelihood,
    precision_recall,
    sliced_wasserstein,
)
from scratchgan.metrics.mmd import kernel_mmd

# ---------------------------------------------------------------- distances between distributions


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


# ---------------------------------------------------------------- balls


def test_precision_recall_by_hand():
    """k = 1.  Real 0, 1, 3: radii 1, 1, 2.  Fake 4.5, 5.5, 20: radii 1, 1, 14.5."""
    real, fake = np.array([[0.0], [1], [3]]), np.array([[4.5], [5.5], [20]])
    assert precision_recall(real, fake, k=1) == (1 / 3, 0)  # only 4.5 lies in a real ball, [1, 5]; 20's begins at 5.5
    assert precision_recall(fake, real, k=1) == (0, 1 / 3)
    assert density_coverage(real, fake, k=1) == (1 / 3, 1 / 3)
    assert density_coverage(real, [[1.0]], k=1) == (3, 1)  # on the surface of two balls, in the middle of the third
    assert density_coverage(real, [[-1.0], [7.0]], k=2) == (1 / 2, 2 / 3)  # radii 3, 2, 3


def test_surface_belongs_to_the_ball_in_any_units(rng):
    """Ties on a lattice are ties, also where the matrix product rounds."""
    lattice = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), -1).reshape(-1, 3)
    for scale, shift in ((1, 0), (0.1, 0), (1 / 3, 0), (1.0, 1e6)):
        real, fake = lattice * scale + shift, (lattice + np.eye(3)[0]) * scale + shift
        precision, recall = precision_recall(real, fake, k=1)
        if scale in (1, 1.0):
            assert (precision, recall) == (1, 1)
        assert density_coverage(real, real, k=1)[1] == 1


def test_copies_are_inside_a_ball_of_radius_0(rng):
    """k + 1 copies of a point make a ball of radius 0, which holds further copies and nothing else."""
    point = rng.standard_normal((1, 50)) * 1e3
    real = np.repeat(point, 4, axis=0)
    assert precision_recall(real, real, k=3) == (1, 1)
    assert precision_recall(real, real + 1e-9, k=3) == (0, 0)
    assert density_coverage(real, point, k=3) == (pytest.approx(4 / 3), 1)


def test_density_and_coverage_expectations(rng):
    """(DensityCoverage.3) and (DensityCoverage.4), for N != M."""
    n, m, k = 60, 40, 4
    values = np.array(
        [density_coverage(rng.standard_normal((n, 2)), rng.standard_normal((m, 2)), k=k) for _ in range(400)]
    )
    expected = 1, 1 - math.prod((n - t) / (m + n - t) for t in range(1, k + 1))
    assert np.all(np.abs(values.mean(0) - expected) < 4 * values.std(0) / 20)


def test_an_outlier_fools_precision_and_not_density(rng):
    real, fake = rng.standard_normal((200, 2)), rng.uniform(-6, 6, (200, 2))
    before = precision_recall(real, fake)[0], density_coverage(real, fake)[0]
    real[0] = 40
    after = precision_recall(real, fake)[0], density_coverage(real, fake)[0]
    assert after[0] - before[0] > 0.2
    assert 0 < after[1] - before[1] < 0.2 * 0.5  # a fake in one more ball adds 1/k
