"""The classifier two-sample test: its logistic regression, and samples that no classifier tells apart."""

import math

import numpy as np
import pytest

from scratchgan.metrics import (
    two_sample_accuracy,
)
from scratchgan.metrics.two_sample import fit_logistic

C2ST = lambda real, fake: two_sample_accuracy(real, fake, rng=np.random.default_rng(9))


def test_logistic_regression_is_at_the_minimum(rng):
    """The gradient (TwoSample.3) is 0 there, also for separable classes, features of mixed size and a constant one."""
    x = rng.standard_normal((80, 4)) * [1e-3, 1, 1e3, 0] + [0, 5, 0, 2]
    for y in ((x[:, 1] > 5) * 1.0, rng.integers(2, size=80) * 1.0):
        w, b = fit_logistic(x, y, ridge=0.01)
        p = 1 / (1 + np.exp(-(x @ w + b)))
        np.testing.assert_allclose(x.T @ (p - y) / 80 + 0.01 * w, 0, atol=1e-9)
        assert np.mean(p - y) == pytest.approx(0, abs=1e-9)


def test_two_sample_accuracy_of_what_no_classifier_tells(rng):
    constant = np.full((20, 3), 0.1)
    assert C2ST(constant, constant) == 0.5  # every logit is 0
    values = [
        two_sample_accuracy(rng.standard_normal((40, 3)), rng.standard_normal((70, 3)), rng=rng) for _ in range(80)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=4 * np.std(values) / math.sqrt(80))
    odd = np.concatenate([rng.standard_normal((60, 3)), np.zeros((60, 1))], axis=1)
    assert C2ST(odd[:30], odd[30:] + 1e-6 * np.eye(4)[3]) == 1  # one constant fault gives everything away
