"""Membership inference: its advantage by hand, by chance, and against all thresholds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.metrics import (
    membership_advantage,
)

numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=12)


def test_membership_by_hand():
    report = membership_advantage([3, 2, 2, 0], [2, 1, 0, 0])
    assert report.advantage == pytest.approx(3 / 4 - 1 / 4)
    assert report.threshold == 2
    # ties: 2 with 2 twice, 0 with 0 twice; pairs won: 4 + 3 + 3 + 0
    assert report.auc == pytest.approx((10 + 0.5 * 4) / 16)
    swapped = membership_advantage([2, 1, 0, 0], [3, 2, 2, 0])
    assert swapped.auc == pytest.approx(1 - report.auc)
    assert (swapped.advantage, swapped.threshold) == (0, math.inf)
    perfect = membership_advantage([[5.0], [6]], [1, 2])
    assert (perfect.advantage, perfect.auc, perfect.threshold) == (1, 1, 5)
    assert "advantage      1.000" in str(perfect)


def test_membership_floor(rng):
    reports = [membership_advantage(rng.standard_normal(1000), rng.standard_normal(1000)) for _ in range(200)]
    values = [r.advantage for r in reports]
    assert reports[0].floor == pytest.approx(0.028, abs=5e-4)
    assert np.mean(values) == pytest.approx(reports[0].floor, abs=0.002)
    assert np.std([r.auc for r in reports]) == pytest.approx(math.sqrt(2 / 1000 / 12), rel=0.2)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(numbers, numbers)
def test_membership_against_all_thresholds(members, others):
    report = membership_advantage(members, others)
    m, o = np.array(members), np.array(others)
    assert report.advantage == pytest.approx(max([0, *(np.mean(m >= t) - np.mean(o >= t) for t in members + others)]))
    assert report.auc == pytest.approx(np.mean((m[:, None] > o) + 0.5 * (m[:, None] == o)))
    assert 0 <= report.advantage <= 1
    assert np.mean(m >= report.threshold) - np.mean(o >= report.threshold) == pytest.approx(report.advantage)
