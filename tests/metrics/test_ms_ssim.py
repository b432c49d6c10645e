"""MS-SSIM and diversity: constant images by hand, properties, the scales of each size of image."""

import numpy as np
import pytest

from scratchgan.metrics import (
    diversity,
    ms_ssim,
    uniform_noise,
)
from scratchgan.metrics.ms_ssim import scales


def test_ms_ssim_of_constant_images():
    """Means only: cs = 1 everywhere, and MS-SSIM = l^{w_S} with l = (2ab + C1) / (a^2 + b^2 + C1)."""
    a, b = np.zeros((1, 28, 28, 1)), np.full((1, 28, 28, 1), 0.6)  # 0.5 and 0.8 of the light
    l = (2 * 0.4 + 1e-4) / (0.25 + 0.64 + 1e-4)
    assert ms_ssim(a, b)[0] == pytest.approx(l ** (0.2856 / (0.0448 + 0.2856)))
    assert ms_ssim(a[:, :8, :8], b[:, :8, :8])[0] == pytest.approx(l)


def test_ms_ssim_properties(digits, rng):
    a, b = digits[0][:300], digits[0][300:600]
    np.testing.assert_allclose(ms_ssim(a, a), 1, rtol=1e-12)
    np.testing.assert_allclose(ms_ssim(a, b), ms_ssim(b, a), rtol=1e-12)
    assert 0 <= ms_ssim(a, b).min() < ms_ssim(a, b).max() < 1
    np.testing.assert_array_equal(ms_ssim(a, b)[280:], ms_ssim(a[280:], b[280:]))  # image by image
    noise = [ms_ssim(a, np.clip(a + s * rng.standard_normal(a.shape), -1, 1)).mean() for s in (0.05, 0.2, 0.8)]
    assert 1 > noise[0] > noise[1] > noise[2]
    assert np.all(ms_ssim(a, -a) >= 0)  # negative structure counts as 0, and no root of it is taken


@pytest.mark.parametrize(
    ("side", "count", "window"),
    [
        (1, 1, 1),
        (8, 1, 7),
        (10, 1, 9),
        (11, 1, 11),
        (21, 1, 11),
        (22, 2, 11),
        (28, 2, 11),
        (32, 2, 11),
        (64, 3, 11),
        (175, 4, 11),
        (176, 5, 11),
        (2000, 5, 11),
    ],
)
def test_scales(side, count, window):
    weights, size, sigma = scales(side, side + 5)
    assert (len(weights), size, sigma) == (count, window, pytest.approx(1.5 * window / 11))
    assert weights.sum() == pytest.approx(1)
    small = np.random.default_rng(0).uniform(-1, 1, (1, min(side, 200), min(side, 200) + 5, 1))
    assert ms_ssim(small, small)[0] == pytest.approx(1)


def test_diversity(digits, rng):
    x, labels = digits
    assert diversity(x, rng=rng) == pytest.approx(0.19, abs=0.03)
    assert diversity(x, rng=rng, labels=labels) == pytest.approx(0.49, abs=0.03)
    assert diversity(uniform_noise(x, 300, rng=rng), rng=rng) == pytest.approx(0.10, abs=0.03)
    assert diversity(np.repeat(x[:1], 5, axis=0), rng=rng) == pytest.approx(1)
    pair = np.stack([x[0], x[0], x[1], x[1], x[2]])  # the class of one is left out, equal images are the classes
    assert diversity(pair, rng=rng, labels=[4, 4, 7, 7, 1]) == pytest.approx(1)
    assert diversity(x[:2], rng=rng, pairs=9) == pytest.approx(ms_ssim(x[:1], x[1:2])[0])
