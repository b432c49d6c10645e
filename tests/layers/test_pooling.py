"""Pooling, upsampling and maxout: by hand, against loops, at ties and kinks."""

import numpy as np
import pytest
from small_layers import value

from scratchgan import Sequential, kernels
from scratchgan import layers as L
from scratchgan.gradcheck import check
from scratchgan.layers import (
    Flatten,
    Maxout,
    MaxPool2D,
    MinibatchDiscrimination,
    PixelShuffle,
    UpsampleBilinear2D,
)


def test_max_pool_by_hand_and_at_ties():
    """(MaxPool.2) at a tie: the first in row-major order gets everything.  The last column fills no block."""
    x = np.array([[1, 5, 2, 2, 9], [5, 0, 2, 2, 9]], float).reshape(1, 2, 5, 1)
    layer = MaxPool2D(2)
    y, cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(y[0, :, :, 0], [[5, 2]])
    dx = layer.backward(np.array([3.0, 4.0]).reshape(1, 1, 2, 1), cache)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 3, 4, 0, 0], [0, 0, 0, 0, 0]])
    assert layer.kink_distance(cache) == 0
    _, cache = layer.forward(np.arange(8.0).reshape(1, 2, 4, 1), train=True)
    assert layer.kink_distance(cache) == 1
    assert MaxPool2D(1).kink_distance(MaxPool2D(1).forward(x, train=True)[1]) == np.inf


def test_max_pool_shows_a_nan():
    x = np.zeros((1, 2, 2, 1))
    x[0, 1, 0, 0] = np.nan
    assert np.isnan(value(MaxPool2D(2), x)).all()


def test_maxout_by_hand_and_at_ties():
    layer = Maxout(3)
    y, cache = layer.forward(np.array([[1.0, 7, 3, 4, 2, 4]]), train=True)
    np.testing.assert_array_equal(y, [[7, 4]])
    np.testing.assert_array_equal(layer.backward(np.array([[10.0, 20.0]]), cache), [[0, 10, 0, 20, 0, 0]])
    assert layer.kink_distance(cache) == 0


def test_the_place_of_the_maximum_belongs_to_the_call():
    layer, x = MaxPool2D(2), np.arange(4.0).reshape(1, 2, 2, 1)
    _, first = layer.forward(x, train=True)
    layer.forward(-x, train=True)
    np.testing.assert_array_equal(layer.backward(np.ones((1, 1, 1, 1)), first).ravel(), [0, 0, 0, 1])


def test_bilinear_by_hand():
    """(UpsampleBilinear.1) for k = 2: shares 3/4 and 1/4; the edges stand in for what lies beyond."""
    y = value(UpsampleBilinear2D(2), np.array([0.0, 4.0, 8.0]).reshape(1, 1, 3, 1))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 1, 3, 5, 7, 8]] * 2)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_bilinear_keeps_constants_and_its_adjoint_their_sum(size, rng):
    layer = UpsampleBilinear2D(size)
    y, cache = layer.forward(np.full((1, 3, 2, 2), 0.3), train=True)
    np.testing.assert_allclose(y, 0.3, rtol=1e-15)
    dy = rng.standard_normal(y.shape)
    assert layer.backward(dy, cache).sum() == pytest.approx(dy.sum(), rel=1e-12)


def bilinear_by_loops(x, k):
    """Each output pixel on its own, from its place in the input."""
    H, W = x.shape
    y = np.zeros((k * H, k * W))
    for i in range(k * H):
        for j in range(k * W):
            a, b = max((i + 0.5) / k - 0.5, 0), max((j + 0.5) / k - 0.5, 0)
            h, w = int(a), int(b)
            h1, w1, p, q = min(h + 1, H - 1), min(w + 1, W - 1), a - h, b - w
            y[i, j] = (1 - p) * ((1 - q) * x[h, w] + q * x[h, w1]) + p * ((1 - q) * x[h1, w] + q * x[h1, w1])
    return y


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 2)])
def test_bilinear_against_loops(k, shape, rng):
    x = rng.standard_normal(shape)
    np.testing.assert_allclose(
        kernels.upsample_bilinear(x[None, :, :, None], size=k)[0, :, :, 0],
        bilinear_by_loops(x, k),
        rtol=1e-13,
        atol=1e-13,
    )


@pytest.mark.parametrize(("H", "W", "k"), [(4, 4, 2), (5, 7, 3), (2, 3, 1), (3, 3, 3)])
def test_max_pool_kernels_against_loops(H, W, k, rng):
    x = rng.standard_normal((2, H, W, 3))
    at = kernels.max_pool_argmax(x, size=k)
    y = kernels.max_pool_take(x, at, size=k)
    dy = rng.standard_normal(y.shape)
    dx = kernels.max_pool_adjoint(dy, at, size=k, x_shape=x.shape)
    expected = np.zeros_like(x)
    for n, h, w, c in np.ndindex(y.shape):
        block = x[n, k * h : k * (h + 1), k * w : k * (w + 1), c]
        assert y[n, h, w, c] == block.max()
        i, j = np.unravel_index(block.argmax(), block.shape)
        expected[n, k * h + i, k * w + j, c] = dy[n, h, w, c]
    np.testing.assert_array_equal(dx, expected)


def test_pixel_shuffle_order_of_channels():
    """(PixelShuffle.1): channel (k i + j) C + c goes to row i, column j, channel c of the block."""
    y = value(PixelShuffle(2), np.arange(8.0).reshape(1, 1, 1, 8))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[1, 3], [5, 7]])


def test_ties_are_drawn_again(rng):
    x = np.round(rng.standard_normal((2, 4, 4, 1)))
    for layer in (MaxPool2D(2), Sequential([Flatten(), Maxout(2)])):
        assert check(layer, x).ok
    assert check(MinibatchDiscrimination(2, 2, 2, rng=rng), np.array([[1.0, 0], [1, 0], [2, 3]])).ok


@pytest.mark.parametrize(
    "layer", [L.Maxout(2), L.MaxPool2D(2), L.ReLU(), L.Maxout(1)], ids=["maxout", "maxpool", "relu", "one-piece"]
)
def test_no_kink_where_there_is_no_number(layer):
    shape = (3, 2) if layer.describe() == "1" else (0, 2, 2, 2)
    assert layer.kink_distance(layer.forward(np.zeros(shape), train=True)[1]) == np.inf
