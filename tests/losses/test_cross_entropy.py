"""Softmax cross-entropy: the values and slopes by hand, at extremes, and as a layer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchgan.losses.cross_entropy import CrossEntropy, cross_entropy, cross_entropy_tangent, softmax

LOGITS = arrays(np.float64, (5, 4), elements=st.floats(-50, 50))


def test_cross_entropy_of_two_classes_is_the_games():
    """(Loss.1): logits (0, l) and the label 1 cost softplus(-l)."""
    l = np.array([-3.0, 0.0, 2.0])
    value, d = cross_entropy(np.stack([np.zeros(3), l], axis=1), np.array([1, 1, 1]))
    assert value == pytest.approx(np.log1p(np.exp(-l)).mean())
    np.testing.assert_allclose(d[:, 1], -1 / (1 + np.exp(l)) / 3)


def test_cross_entropy_knows_nothing_and_everything():
    assert cross_entropy(np.full((3, 10), 7.0), np.arange(3))[0] == pytest.approx(np.log(10))
    huge = np.array([[1e4, -1e4], [-1e4, 1e4]])
    value, d = cross_entropy(huge, np.array([0, 0]))
    assert value == pytest.approx(1e4)
    np.testing.assert_allclose(d, [[0, 0], [-0.5, 0.5]])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(LOGITS, st.floats(-100, 100), st.integers(0, 3))
def test_a_number_added_to_all_logits_changes_nothing(logits, c, label):
    labels = np.full(5, label)
    value, d = cross_entropy(logits, labels)
    moved, d_moved = cross_entropy(logits + c, labels)
    assert value >= 0
    assert moved == pytest.approx(value, abs=1e-12)
    np.testing.assert_allclose(d_moved, d, atol=1e-13)
    np.testing.assert_allclose(d.sum(axis=1), 0, atol=1e-15)
    np.testing.assert_allclose(cross_entropy_tangent(logits, labels, np.full((5, 4), c)), 0, atol=1e-12)
    np.testing.assert_allclose(softmax(logits).sum(axis=1), 1)


def test_cross_entropy_is_registered_and_keeps_float32():
    from scratchgan.gradcheck.cases import CASES

    assert "CrossEntropy" in [case.name for case in CASES]
    assert cross_entropy(np.zeros((2, 3), np.float32), np.array([0, 1]))[1].dtype == np.float32


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros((2, 3), int), [0, 1], r"float logits \(N, K\).* got int64 \(2, 3\)"),
        ([[0.0]], [0], "got list"),
        (np.zeros(3), [0], r"got float64 \(3,\)"),
        (np.zeros((0, 3)), [], r"got float64 \(0, 3\)"),
        (np.zeros((2, 3)), [0], "2 whole numbers as labels"),
        (np.zeros((2, 3)), [0.0, 1.0], "2 whole numbers as labels, got float64"),
        (np.zeros((2, 3)), [0, 3], r"labels in 0..2, got 0 to 3"),
        (np.zeros((2, 3)), [-1, 0], r"labels in 0..2, got -1 to 0"),
    ],
)
def test_cross_entropy_refuses(logits, labels, words):
    with pytest.raises(ValueError, match=words):
        cross_entropy(logits, labels)


def test_cross_entropy_as_a_layer_skips_what_nobody_asks():
    layer, x = CrossEntropy(np.array([0, 1])), np.array([[1.0, 2.0], [0.5, 0.0]])
    y, cache = layer.forward(x, train=True)
    assert layer.backward(np.ones_like(y), cache, input_grad=False) is None
    assert layer.tangent(None, cache) is None
    assert layer.tangent_backward(None, cache, input_grad=False) is None
    np.testing.assert_array_equal(layer.tangent_backward(None, cache), 0)
    with pytest.raises(ValueError, match=r"logits \(N, K\)"):
        layer.forward(np.zeros((2, 3, 4)), train=True)
