"""Minibatch statistics and discrimination: by hand, smooth where samples agree, and checked."""

import numpy as np
import pytest
from small_layers import value

from scratchgan import layers as L
from scratchgan.gradcheck import check
from scratchgan.layers import (
    MinibatchDiscrimination,
    MinibatchStd,
    minibatch,
)


def test_minibatch_std_by_hand():
    """Features 1 and 2 with standard deviations 1 and 3: one channel with their mean 2 more."""
    layer = MinibatchStd(eps=1e-300)
    np.testing.assert_allclose(value(layer, [[0, 0], [2, 6]]), [[0, 0, 2], [2, 6, 2]])
    two = value(MinibatchStd(2, eps=1e-300), [[0, 0], [2, 6], [1, 1], [1, 1]])
    np.testing.assert_allclose(two[:, 2], [2, 2, 0, 0], atol=1e-100)
    with pytest.raises(ValueError, match="2 groups of equal size, got 3 samples"):
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


def test_one_feature_has_its_own_deviation():
    """(MinibatchStd.2) with F = 1."""
    np.testing.assert_allclose(
        L.MinibatchStd(eps=1e-300).forward(np.array([[0.0], [2.0]]), train=True)[0], [[0, 1], [2, 1]]
    )
