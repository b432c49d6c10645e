"""Precision, recall, density and coverage: by hand, in any units, of copies and outliers."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    density_coverage,
    precision_recall,
)


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
