"""Parzen windows: by hand, near the truth in one dimension, and misleading as documented."""

import math

import numpy as np
import pytest

from scratchgan import metrics
from scratchgan.metrics import (
    choose_sigma,
    parzen_log_likelihood,
    uniform_noise,
)


def test_parzen_by_hand():
    """One sample at 0, sigma 2, test points 0 and 2 on a line."""
    top = -0.5 * math.log(2 * math.pi * 4)
    mean, error = parzen_log_likelihood([[0.0]], [[0.0], [2.0]], sigma=2)
    assert mean == pytest.approx(top - 0.25)
    assert error == pytest.approx(0.25)
    assert parzen_log_likelihood([[0.0]], [[0.0], [2.0]], sigma=0.01)[0] == pytest.approx(3.686 - 1e4, abs=1e-2)


def test_parzen_of_a_gaussian(rng):
    """With many samples in one dimension it is near the true value, and sigma is chosen well."""
    samples, validation, test = (rng.standard_normal((n, 1)) for n in (2000, 500, 500))
    sigma = choose_sigma(samples, validation)
    truth = np.mean(-0.5 * test**2 - 0.5 * math.log(2 * math.pi))
    assert parzen_log_likelihood(samples, test, sigma=sigma)[0] == pytest.approx(truth, abs=0.02)
    tried = [parzen_log_likelihood(samples, validation, sigma=s)[0] for s in np.geomspace(0.02, 1, 30)]
    assert parzen_log_likelihood(samples, validation, sigma=sigma)[0] == pytest.approx(max(tried), abs=2e-3)
    assert choose_sigma([[0.0]], [[3.0], [-3.0]]) == pytest.approx(3, rel=0.04)  # (Parzen.3): the distance itself


def test_parzen_misleads_as_documented(digits, rng):
    """300 k-means centres of the training images beat 300 of the images themselves (Theis et al. 2016)."""
    x = digits[0].reshape(-1, 64).astype(np.float64)
    train, validation, test = x[:898], x[898:1347], x[1347:]
    centres = train[:300].copy()
    for _ in range(15):
        owner = metrics.neighbours.nearest(train, centres)[1][:, 0]
        centres = np.stack([train[owner == c].mean(0) if (owner == c).any() else centres[c] for c in range(300)])
    score = lambda samples: parzen_log_likelihood(samples, test, sigma=choose_sigma(samples, validation))[0]
    assert score(centres) > score(train[:300]) + 4
    assert score(train) == pytest.approx(-16.5, abs=2.2)
    assert score(uniform_noise(train, 898, rng=rng)) == pytest.approx(-83, abs=3)
