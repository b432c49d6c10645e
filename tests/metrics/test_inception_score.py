"""The inception score: by hand, and between 1 and the number of classes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.metrics import (
    inception_score,
)


def test_inception_score_by_hand():
    assert inception_score(np.eye(4)) == pytest.approx(4)
    assert inception_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert inception_score([[1.0, 0.0]]) == 1
    p, q = [0.9, 0.1], [0.5, 0.5]
    kl = (
        sum(a * math.log(a / b) for a, b in zip(p, (0.7, 0.3)))
        + sum(a * math.log(a / b) for a, b in zip(q, (0.7, 0.3)))
    ) / 2
    assert inception_score([p, q]) == pytest.approx(math.exp(kl))
    single = np.random.default_rng(0).dirichlet(np.ones(10), 50)
    assert inception_score(single.astype(np.float32)) == pytest.approx(inception_score(single), rel=1e-5)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 99))
def test_inception_score_range(n, k, seed):
    p = np.random.default_rng(seed).dirichlet(np.full(k, 0.1), n)
    assert 1 <= inception_score(p) <= min(k, n) + 1e-9
