"""Activations: numbers that fit on a page, and their derivatives at the kink."""

import numpy as np
import pytest
from small_layers import value

from scratchgan import layers as L
from scratchgan.layers import (
    SiLU,
)


def test_silu_by_hand():
    np.testing.assert_allclose(value(SiLU(), [[0, np.log(3), -800, 800]]), [[0, 0.75 * np.log(3), 0, 800]], atol=1e-15)


@pytest.mark.parametrize(
    ("layer", "slope", "curvature"),
    [
        (L.ReLU(), 0, 0),
        (L.LeakyReLU(0.3), 0.3, 0),
        (L.LeakyReLU(0), 0, 0),
        (L.ELU(0.7), 0.7, 0.7),
        (L.ELU(), 1, 1),
    ],
    ids=["relu", "leaky", "leaky-0", "elu", "elu-1"],
)
def test_at_the_kink(layer, slope, curvature):
    """phi' and phi'' at x = 0 are the ones from the left, as the docstrings say; -0.0 is no other number."""
    x = np.array([[0.0, -0.0]])
    y, cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x), cache), [[slope] * 2])
    np.testing.assert_array_equal(layer.tangent(np.ones_like(x), cache), [[slope] * 2])
    np.testing.assert_array_equal(layer.tangent_backward(np.ones_like(x), cache), [[slope + curvature] * 2])
    for dtype in (np.float32, np.float64):
        second = layer.d2phi(x.astype(dtype), y.astype(dtype))
        assert (second.dtype, second.tolist()) == (dtype, [[pytest.approx(curvature)] * 2])
    assert layer.kink_distance(cache) == 0
