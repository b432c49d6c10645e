"""Initial weights have the spread that their papers ask for."""

import numpy as np
import pytest

from scratchgan import initializers
from scratchgan.initializers import fans, glorot, he, normal, orthogonal


def test_fans():
    assert fans((5, 7)) == (5, 7)
    assert fans((3, 4, 5, 7)) == (60, 84)
    with pytest.raises(ValueError, match="at least two axes"):
        fans((3,))


def test_spreads(rng):
    shape = (4, 4, 64, 128)
    assert normal(0.02, mean=1)(shape, rng=rng).std() == pytest.approx(0.02, rel=0.02)
    assert normal(0.02, mean=1)(shape, rng=rng).mean() == pytest.approx(1, rel=1e-3)
    assert he()(shape, rng=rng).var() == pytest.approx(2 / 1024, rel=0.02)
    assert he(0.2)(shape, rng=rng).var() == pytest.approx(2 / 1.04 / 1024, rel=0.02)
    w = glorot()(shape, rng=rng)
    assert w.var() == pytest.approx(2 / (1024 + 2048), rel=0.02)
    assert np.abs(w).max() <= np.sqrt(6 / (1024 + 2048)) * (1 + 1e-6)


def test_he_keeps_the_variance_through_relu(rng):
    x = rng.standard_normal((2000, 256))
    for _ in range(4):
        x = np.maximum(x @ he()((256, 256), rng=rng, dtype=np.float64), 0)
    assert (x**2).mean() == pytest.approx(1, rel=0.25)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 5), (1, 1, 3, 9)])
def test_orthogonal(shape, rng):
    w = orthogonal(2.0)(shape, rng=rng, dtype=np.float64).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


@pytest.mark.parametrize("name", initializers.NAMES)
def test_by_name_seeded_and_in_the_asked_dtype(name):
    init = initializers.get(name)
    a, b = (init((8, 8), rng=np.random.default_rng(0), dtype=np.float32) for _ in range(2))
    assert a.dtype == np.float32
    np.testing.assert_array_equal(a, b)
