"""Embedding, products, branches and attention: by hand, their paths, and what they refuse."""

import copy

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.core import OrderError, ShapeError
from scratchgan.gradcheck import check
from scratchgan.layers import (
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    LeakyReLU,
    MatMul,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    Multiply,
    ReLU,
    Residual,
    SelfAttention,
    Softmax,
    Tanh,
)


def value(layer, x):
    return layer.forward(np.asarray(x, np.float64), train=True)[0]


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


def test_caches_say_whether_samples_are_coupled(rng):
    x = rng.standard_normal((4, 3))
    std, disc = MinibatchStd(), MinibatchDiscrimination(3, 2, 2, rng=rng, dtype=np.float64)
    for layer, expected in (
        (std, True),
        (disc, True),
        (Softmax(), False),
        (Residual(Tanh()), False),
        (Concat([Tanh(), MinibatchStd()]), True),
        (Concat([Tanh(), ReLU()]), False),
    ):
        assert layer.forward(x, train=True)[1].couples is expected
        assert layer.forward(x, train=False)[1].couples is expected


def test_concat_by_hand_and_paths(rng):
    layer = Concat([Sequential([]), Dense(2, 1, rng=rng), Sequential([Dense(2, 2, rng=rng), BatchNorm(2)])])
    assert [path for path, _ in layer.parameters()] == ["1.W", "1.b", "2.0.W", "2.0.b", "2.1.gamma", "2.1.beta"]
    assert layer.output_shape((2,)) == (5,)
    layer.set_path("D.3")
    assert layer.branches[2][0].path == "D.3.2.0"
    y = value(Concat([Sequential([]), ReLU()]), [[-1, 2]])
    np.testing.assert_array_equal(y, [[-1, 2, 0, 2]])


def test_residual_by_hand_and_paths(rng):
    layer = Residual(Sequential([Dense(2, 2, rng=rng)]))
    assert [path for path, _ in layer.parameters()] == ["branch.0.W", "branch.0.b"]
    np.testing.assert_array_equal(value(Residual(ReLU()), [[-1, 2]]), [[-1, 4]])


def test_kinks_of_branches_are_seen():
    x = np.array([[0.5, -0.25]])
    for layer in (Concat([Tanh(), ReLU()]), Residual(LeakyReLU(0.2))):
        assert layer.kink_distance(layer.forward(x, train=True)[1]) == 0.25


def test_self_attention_begins_as_the_identity(rng):
    layer = SelfAttention(4, rng=rng)
    x = rng.standard_normal((2, 3, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer.forward(x, train=True)[0], x)
    assert {path: w.shape for path, w in layer.parameters()} == {
        "gamma": (1,),
        "f.W": (1, 1, 4, 1),
        "g.W": (1, 1, 4, 1),
        "h.W": (1, 1, 4, 2),
        "v.W": (1, 1, 2, 4),
    }


def test_self_attention_by_hand(rng):
    """Scores 0 everywhere: each position gets the mean of all, through h and v, times gamma."""
    layer = SelfAttention(2, rng=rng, dtype=np.float64)
    layer.params["gamma"][...] = 3
    layer.f.params["W"][...] = 0
    layer.h.params["W"][0, 0] = [[1], [10]]
    layer.v.params["W"][0, 0] = [[1, -1]]
    x = np.array([[1.0, 2], [3, 4]]).reshape(1, 1, 2, 2)
    mean = (1 + 20 + 3 + 40) / 2
    np.testing.assert_allclose(value(layer, x)[0, 0], [[1 + 3 * mean, 2 - 3 * mean], [3 + 3 * mean, 4 - 3 * mean]])


def test_product_contract(rng):
    """None in a tangent is zero; both factors are checked."""
    layer = MatMul()
    a, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    y, cache = layer.forward((a, b), train=True)
    with pytest.raises(OrderError, match="backward and tangent"):
        layer.tangent_backward(None, cache)
    dy = rng.standard_normal(y.shape)
    assert layer.backward(dy, cache, input_grad=False) == (None, None)
    np.testing.assert_allclose(layer.tangent((a, None), cache), y)
    da, db = layer.tangent_backward(None, cache)
    assert da is None
    np.testing.assert_allclose(db, a.swapaxes(1, 2) @ dy)
    np.testing.assert_allclose(layer.tangent((None, b), cache), y)
    da, db = layer.tangent_backward(None, cache)
    np.testing.assert_allclose(da, dy @ b.swapaxes(1, 2))
    assert db is None
    assert layer.tangent((None, None), cache) is None
    assert layer.tangent_backward(None, cache) == (None, None)
    with pytest.raises(ShapeError, match="tb must be float64 of the shape"):
        layer.tangent((None, a), cache)
    with pytest.raises(TypeError, match="array of float32 or float64 for b, got list"):
        layer.forward((a, [1.0]), train=True)
    with pytest.raises(TypeError, match="a and b of one dtype, got float64 and float32"):
        layer.forward((a, b.astype(np.float32)), train=True)
    with pytest.raises(ShapeError, match=r"a \(N, I, K\) and b \(N, K, J\), got a \(2, 3, 4\) and b \(2, 3, 4\)"):
        layer.forward((a, a), train=True)
    with pytest.raises(ShapeError, match="b of a shape that can be repeated to a's"):
        Multiply().forward((a, b), train=True)


def test_branches_that_do_not_fit(rng):
    x = np.zeros((2, 4, 4, 1))
    with pytest.raises(ShapeError, match=r"for \(4, 4, 1\), branch 0 gives \(4, 4, 1\) and branch 1 gives \(2, 2, 1\)"):
        Concat([Sequential([]), MaxPool2D(2)]).forward(x, train=True)
    with pytest.raises(ShapeError, match=r"the branch must keep the shape \(4, 4, 1\), it gives \(16,\)"):
        Residual(Flatten()).forward(x, train=True)
    with pytest.raises(ShapeError, match="branch 0 gives one number a sample"):
        Concat([Tanh()]).forward(np.zeros(3), train=True)


class HalfProduct(MatMul):
    """The second term of the product rule dropped."""

    def tangent(self, tx, cache, tparams=None):
        return super().tangent((tx[0], None), cache, tparams)


def planted_attention(rng):
    layer = SelfAttention(3, rng=rng)
    layer.scores = HalfProduct(transpose_b=True)
    return layer


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda rng: Embedding(0, 2, rng=rng), ValueError, "Embedding: classes must be"),
        (lambda rng: Embedding(2, 2, rng=1), TypeError, "Embedding: rng must be"),
        (lambda rng: SelfAttention(0, rng=rng), ValueError, "SelfAttention: C must be"),
        (lambda rng: SelfAttention(4, rng=0), TypeError, "SelfAttention: rng must be"),
        (lambda rng: Concat([]), ValueError, "Concat needs at least one branch"),
        (lambda rng: Concat([Tanh(), np.tanh]), TypeError, "Concat: branch '1' must be a Layer, got ufunc"),
        (lambda rng: Concat([layer := Tanh(), layer]), ValueError, "Concat: the same layer object stands in it twice"),
        (
            lambda rng: Concat([Dense(2, 3, rng=rng), Conv2D(2, 3, kernel_size=1, rng=rng)]),
            ShapeError,
            r"branch 0 gives \(3,\) and branch 1 gives \(None, None, 3\)",
        ),
        (lambda rng: Residual(np.tanh), TypeError, "Residual: branch 'branch' must be a Layer, got ufunc"),
    ],
    ids=lambda value: "",
)
def test_bad_arguments(build, error, message, rng):
    with pytest.raises(error, match=message):
        build(rng)


def test_checks_catch_half_a_product_rule(rng):
    report = check(planted_attention(rng), rng.standard_normal((2, 2, 2, 3)))
    assert not report.ok
    assert report.max_error > 1e-3
