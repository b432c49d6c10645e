"""Memorisation: ratios by hand, of fresh samples and of copies."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    memorisation_ratio,
)


def test_memorisation_by_hand():
    train, held_out, samples = [[0.0], [10], [20]], [[4.0], [14], [23]], [[1.0], [12], [0]]
    report = memorisation_ratio(train, held_out, samples, copy_quantile=0.5)
    np.testing.assert_array_equal(report.distances, [1, 2, 0])
    np.testing.assert_array_equal(report.nearest, [0, 1, 0])
    assert report.ratio == pytest.approx(1 / 3)  # medians of 1, 2, 0 and of 3, 2, 4
    assert report.nearer_train == pytest.approx((1 + 0.5 + 1) / 3)
    assert (report.copy_distance, report.copies) == (4, 1)  # held out: 4, 4, 3
    assert "0.333 train / held-out" in str(report)


def test_memorisation_of_fresh_samples_and_of_copies(digits):
    x, _ = digits
    train, held_out, fresh = x[:599], x[599:1198], x[1198:]
    report = memorisation_ratio(train, held_out, fresh)
    assert report.ratio == pytest.approx(1, abs=0.06)
    assert report.nearer_train == pytest.approx(0.5, abs=0.09)
    assert report.copies < 0.035
    copies = memorisation_ratio(train, held_out, train[::2])
    assert (copies.ratio, copies.nearer_train, copies.copies) == (0, 1, 1)
    np.testing.assert_array_equal(copies.nearest, np.arange(0, 599, 2))
    few = memorisation_ratio(train, held_out, np.concatenate([fresh[:540], train[:60]]))
    assert few.copies == pytest.approx(0.1, abs=0.04)
    assert few.ratio > 0.9
    uneven = memorisation_ratio(train, held_out[:100], fresh)
    assert uneven.n_compared == 100
    assert uneven.ratio == pytest.approx(1, abs=0.12)  # although there are six times as many training images
    assert memorisation_ratio(train, train, train).ratio == 1  # 0/0
    assert memorisation_ratio(train, held_out, held_out).ratio == math.inf
