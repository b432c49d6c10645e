"""Numbers that fit on a page, ties, and bad arguments: the layers beyond the first nets."""

import numpy as np
import pytest

from scratchgan import Sequential, kernels
from scratchgan.core import ShapeError
from scratchgan.gradcheck import check
from scratchgan.layers import (
    Flatten,
    Maxout,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    PixelShuffle,
    SelfAttention,
    SiLU,
    Softmax,
    UpsampleBilinear2D,
    minibatch,
)


def value(layer, x):
    return layer.forward(np.asarray(x, np.float64), train=True)[0]


def test_silu_by_hand():
    np.testing.assert_allclose(value(SiLU(), [[0, np.log(3), -800, 800]]), [[0, 0.75 * np.log(3), 0, 800]], atol=1e-15)


def test_softmax_by_hand_and_at_extremes():
    x = np.log([[1.0, 2.0, 5.0]])
    y, cache = Softmax().forward(x, train=True)
    np.testing.assert_allclose(y, [[1 / 8, 2 / 8, 5 / 8]])
    layer = cache.layer
    np.testing.assert_allclose(layer.backward(np.array([[8.0, 0, 0]]), cache), [[7 / 8, -2 / 8, -5 / 8]])
    np.testing.assert_array_equal(value(Softmax(), [[1000, -1000], [-1e300, -1e300]]), [[1, 0], [0.5, 0.5]])


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


def test_batch_matmul_against_loops(rng):
    a, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    expected = np.array(
        [[[sum(a[n, i, k] * b[n, k, j] for k in range(4)) for j in range(5)] for i in range(3)] for n in range(2)]
    )
    for ta in (False, True):
        for tb in (False, True):
            c = kernels.batch_matmul(
                a.swapaxes(1, 2) if ta else a, b.swapaxes(1, 2) if tb else b, transpose_a=ta, transpose_b=tb
            )
            np.testing.assert_allclose(c, expected, rtol=1e-12, atol=1e-14)


def test_pixel_shuffle_order_of_channels():
    """(PixelShuffle.1): channel (k i + j) C + c goes to row i, column j, channel c of the block."""
    y = value(PixelShuffle(2), np.arange(8.0).reshape(1, 1, 1, 8))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[1, 3], [5, 7]])


def test_minibatch_std_by_hand():
    """Features 1 and 2 with standard deviations 1 and 3: one channel with their mean 2 more."""
    layer = MinibatchStd(eps=1e-300)
    np.testing.assert_allclose(value(layer, [[0, 0], [2, 6]]), [[0, 0, 2], [2, 6, 2]])
    two = value(MinibatchStd(2, eps=1e-300), [[0, 0], [2, 6], [1, 1], [1, 1]])
    np.testing.assert_allclose(two[:, 2], [2, 2, 0, 0], atol=1e-100)
    with pytest.raises(ValueError, match="2 groups of one size; 3 samples do not divide so"):
        value(MinibatchStd(2), np.ones((3, 2)))


@pytest.mark.parametrize("x", [np.ones((4, 2)), np.ones((1, 2, 2, 1))], ids=["all equal", "one sample"])
def test_minibatch_std_is_smooth_where_samples_agree(x):
    layer = MinibatchStd()
    y, cache = layer.forward(x, train=True)
    np.testing.assert_allclose(y[..., -1], 1e-4)
    np.testing.assert_array_equal(layer.backward(np.ones_like(y), cache), 1)
    layer.tangent(np.ones_like(x), cache)
    assert np.isfinite(layer.tangent_backward(y, cache)).all()


def test_minibatch_discrimination_by_hand(rng):
    """Two samples ln 2 apart: each sees itself as 1 and the other as 1/2; two equal ones: 2."""
    layer = MinibatchDiscrimination(1, 1, 2, rng=rng, dtype=np.float64)
    layer.params["T"][...] = [[[0.25, -0.75]]]
    x = np.array([[0.0], [np.log(2)]])
    np.testing.assert_allclose(value(layer, x), [[0, 1.5], [np.log(2), 1.5]])
    np.testing.assert_allclose(value(layer, np.ones((2, 1))), [[1, 2], [1, 2]])
    _, cache = layer.forward(x, train=True)
    assert layer.kink_distance(cache) == pytest.approx(0.25 * np.log(2))
    assert layer.kink_distance(layer.forward(x[:1], train=True)[1]) == np.inf


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda rng: MaxPool2D(3), (1, 2, 5, 1)),
        (lambda rng: Maxout(2), (4, 3)),
        (lambda rng: UpsampleBilinear2D(2), (4, 2)),
        (lambda rng: UpsampleBilinear2D(2), (4, 0, 2, 1)),
        (lambda rng: PixelShuffle(2), (1, 2, 2, 6)),
        (lambda rng: Softmax(), (4,)),
        (lambda rng: Softmax(), (4, 0)),
        (lambda rng: MinibatchStd(), (4,)),
        (lambda rng: MinibatchDiscrimination(3, 2, 2, rng=rng), (4, 2)),
        (lambda rng: SelfAttention(3, rng=rng), (1, 2, 2, 4)),
        (lambda rng: SelfAttention(3, rng=rng), (1, 0, 2, 3)),
    ],
    ids=lambda v: str(v) if isinstance(v, tuple) else "",
)
def test_wrong_shapes(make, shape, rng):
    layer = make(rng)
    with pytest.raises(ShapeError, match=f"{type(layer).__name__} expects .* got "):
        layer.forward(np.zeros(shape, np.float32), train=True)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda rng: MaxPool2D(0), ValueError, "MaxPool2D: size must be an integer of at least 1, got 0"),
        (lambda rng: Maxout(1.5), ValueError, "Maxout: pieces must be an integer of at least 1, got 1.5"),
        (lambda rng: UpsampleBilinear2D(-1), ValueError, "UpsampleBilinear2D: size must be"),
        (lambda rng: PixelShuffle("2"), ValueError, "PixelShuffle: size must be"),
        (lambda rng: MinibatchStd(0), ValueError, "MinibatchStd: groups must be"),
        (lambda rng: MinibatchStd(eps=0), ValueError, r"MinibatchStd: eps must be a number in \(0, 1\], got 0"),
        (lambda rng: MinibatchDiscrimination(3, 0, 2, rng=rng), ValueError, "MinibatchDiscrimination: kernels must be"),
        (lambda rng: MinibatchDiscrimination(3, 2, 2, rng=None), TypeError, "MinibatchDiscrimination: rng must be"),
    ],
    ids=lambda value: "",
)
def test_bad_arguments(build, error, message, rng):
    with pytest.raises(error, match=message):
        build(rng)


class DropsTq(MinibatchStd):
    """(MinibatchStd.8) without tq."""

    def tangent_backward(self, tdy, cache, **kw):
        cache.tx = None
        return super().tangent_backward(tdy, cache, **kw)


class OneSided(MinibatchDiscrimination):
    """(MinibatchDisc.6) without do[j]: what a sample does to its batch-mates is forgotten."""

    def backward(self, dy, cache, **kw):
        super().backward(dy, cache, **kw)
        dM = minibatch._signed_sum(cache.M, cache.e * dy[:, None, self.Di :])
        return dy[:, : self.Di] + self._back(dM, cache.T)


@pytest.mark.parametrize(
    ("bug", "shape"),
    [
        (lambda rng: DropsTq(), (4, 3)),
        (lambda rng: OneSided(3, 2, 2, rng=rng), (4, 3)),
    ],
    ids=["tq", "one-sided"],
)
def test_checks_catch(bug, shape, rng):
    report = check(bug(rng), rng.standard_normal(shape))
    assert not report.ok
    assert report.max_error > 1e-3


def test_ties_are_drawn_again(rng):
    x = np.round(rng.standard_normal((2, 4, 4, 1)))
    for layer in (MaxPool2D(2), Sequential([Flatten(), Maxout(2)])):
        assert check(layer, x).ok
    assert check(MinibatchDiscrimination(2, 2, 2, rng=rng), np.array([[1.0, 0], [1, 0], [2, 3]])).ok
