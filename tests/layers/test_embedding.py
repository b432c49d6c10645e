"""Embedding: by hand, and what it says to labels that are none."""

import copy

import numpy as np
import pytest
from small_layers import embedding, ones, said

from scratchgan import Sequential
from scratchgan.core import OrderError, ShapeError
from scratchgan.layers import (
    Embedding,
)


def test_embedding_by_hand(rng):
    layer, labels = Embedding(3, 2, rng=rng, dtype=np.float64), np.array([2, 0, 2], np.uint8)
    kept = labels.copy()
    y, cache = layer.forward(labels, train=True)
    np.testing.assert_array_equal(y, layer.params["W"][[2, 0, 2]])
    dy = np.array([[1.0, 2], [3, 4], [5, 6]])
    assert layer.backward(dy, cache) is None
    np.testing.assert_array_equal(layer.grads["W"], [[3, 4], [0, 0], [6, 8]])
    layer.backward(dy, cache)
    np.testing.assert_array_equal(layer.grads["W"], [[6, 8], [0, 0], [12, 16]])
    layer.backward(dy, cache, param_grads=False)
    np.testing.assert_array_equal(layer.grads["W"], [[6, 8], [0, 0], [12, 16]])
    layer.zero_grads()
    assert layer.tangent(None, cache) is None
    assert layer.tangent_backward(None, cache) is None
    assert (layer.grads["W"] == 0).all()
    tW = rng.standard_normal((3, 2))
    np.testing.assert_array_equal(layer.tangent(None, cache, {"W": tW}), tW[[2, 0, 2]])
    assert layer.tangent_backward(dy, cache) is None
    np.testing.assert_array_equal(layer.grads["W"], [[3, 4], [0, 0], [6, 8]])
    np.testing.assert_array_equal(labels, kept)
    y[...] = 0  # a copy, not the table
    assert (layer.params["W"] != 0).all()


def test_embedding_keeps_the_contract(rng):
    layer = Embedding(3, 2, rng=rng)
    y, cache = layer.forward(np.zeros(0, int), train=True)
    assert y.shape == (0, 2)
    assert y.dtype == np.float32
    assert layer.output_shape(()) == layer.output_shape(None) == (2,)
    y, cache = layer.forward(np.array([1, 1]), train=True)
    with pytest.raises(OrderError, match="needs backward and tangent"):
        layer.tangent_backward(None, cache)
    with pytest.raises(ShapeError, match=r"dy must have the shape \(2, 2\), got \(1, 2\)"):
        layer.backward(y[:1], cache)
    with pytest.raises(TypeError, match="dy must be float32"):
        layer.backward(y.astype(np.float64), cache)
    with pytest.raises(OrderError, match="the cache of"):
        copy.deepcopy(layer).backward(y, cache)
    with pytest.raises(TypeError, match="labels have no tangent"):
        layer.tangent(y, cache)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 1], TypeError, "Embedding expects a NumPy array of labels, got list"),
        (np.array([0.0, 1.0]), TypeError, r"integer labels, got float64: use labels.astype\(np.int64\)"),
        (np.array([True, False]), TypeError, "integer labels, got bool"),
        (np.array([[0, 1]]), ShapeError, r"expects labels \(N,\), got \(1, 2\)"),
        (np.array([0, 3, 4]), ValueError, "labels from 0 to 2, got 3 at position 1"),
        (np.array([0, -1]), ValueError, "labels from 0 to 2, got -1 at position 1"),
    ],
    ids=lambda value: "",
)
def test_bad_labels(labels, error, message, rng):
    with pytest.raises(error, match=message):
        Embedding(3, 2, rng=rng).forward(labels, train=True)


def test_embedding_stands_in_no_sequential(rng):
    with pytest.raises(TypeError, match="expects float32 or float64, got int64"):
        Sequential([Embedding(3, 2, rng=rng)]).forward(np.array([0, 1]), train=True)


def test_the_cache_of_labels():
    layer, labels = embedding(), np.array([1, 0])
    for train in (True, False):
        y, cache = layer.forward(labels, train=train)
        assert (cache.layer, cache.train, cache.y_shape, y.shape) == (layer, train, (2, 2), (2, 2))
        assert cache.labels is labels
        assert cache.couples is False


def test_labels_check_every_pass():
    layer, wrong = embedding(), ones(2, 3)
    y, cache = layer.forward(np.array([1, 0]), train=True)
    for _ in range(2):
        for name, d in (("backward", "dy"), ("tangent_backward", "tdy")):
            assert said(lambda name=name: getattr(layer, name)(wrong, cache), ShapeError) == (
                f"Embedding: {d} must have the shape (2, 2), got (2, 3)"
            )
        layer.backward(y, cache)
        layer.tangent(None, cache)
    assert said(lambda: layer.tangent(None, cache, {"V": y})) == "Embedding has no parameter 'V'; it has W"
