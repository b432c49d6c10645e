"""The birthday test: repeats by hand, and the number of images that a generator can make."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    birthday_test,
)
from scratchgan.metrics.birthday import poisson_upper


def test_birthday_by_hand():
    x = np.array([[0.0], [0], [0], [5], [5.5], [9]])
    report = birthday_test(x, threshold=0.5, closest=4)
    assert (report.repeats, report.n_pairs, report.support) == (4, 15, 15 / 4)
    np.testing.assert_array_equal(report.pairs, [[0, 1], [0, 2], [1, 2], [3, 4]])
    np.testing.assert_array_equal(report.distances, [0, 0, 0, 0.5])
    assert report.half_batch == pytest.approx(math.sqrt(2 * math.log(2) * 15 / 4))
    assert birthday_test(x, threshold=0.0).repeats == 3
    assert birthday_test(x, real=[[0.0], [0], [7], [20], [13.5]]).threshold == 6.5  # the copy sets no threshold
    assert "support        about 4, more than" in str(report)


@pytest.mark.parametrize("n", [30, 1000])
def test_birthday_finds_the_number_of_images(n, rng):
    images = rng.standard_normal((n, 4, 4, 1))
    draws = images[rng.integers(n, size=1000)]
    report = birthday_test(draws, threshold=0.0)
    assert report.support == pytest.approx(n, rel=0.2)
    assert 0.8 * n * 0.8 < report.at_least < report.support
    fresh = birthday_test(rng.standard_normal((1000, 16)), threshold=0.0)
    assert (fresh.support, fresh.half_batch, fresh.repeats) == (math.inf, math.inf, 0)
    assert fresh.at_least == pytest.approx(1000**2 / 6, rel=0.02)
    assert "support        more than 168" in str(fresh)
    assert birthday_test(draws[:1].repeat(9, 0), threshold=0.0).at_least == 1


def test_birthday_of_the_real_images(digits):
    x, _ = digits
    report = birthday_test(x[:300], real=x[:300])
    assert report.repeats == 1  # the pair that set the threshold
    assert report.distances[0] == report.threshold


def test_poisson_upper():
    """P(C <= c) = 0.05 at this mean, within 1 %."""
    for c in (0, 1, 5, 40):
        u = poisson_upper(c)
        tail = lambda mean, c=c: sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(c + 1))
        assert tail(1.01 * u) < 0.05 < tail(0.99 * u)
