"""Concat and Residual: by hand, their paths, branches that do not fit, and what the branches are given."""

import numpy as np
import pytest
from small_layers import new, ones, said, tells, value

from scratchgan import Sequential
from scratchgan import layers as L
from scratchgan.core import ShapeError
from scratchgan.layers import (
    BatchNorm,
    Concat,
    Dense,
    Flatten,
    LeakyReLU,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    ReLU,
    Residual,
    Softmax,
    Tanh,
)


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


def test_branches_that_do_not_fit(rng):
    x = np.zeros((2, 4, 4, 1))
    with pytest.raises(ShapeError, match=r"for \(4, 4, 1\) | branch 0 gives \(4, 4, 1\) | branch 1 gives \(2, 2, 1\)"):
        Concat([Sequential([]), MaxPool2D(2)]).forward(x, train=True)
    with pytest.raises(ShapeError, match=r"the branch must keep the shape \(4, 4, 1\), it gives \(16,\)"):
        Residual(Flatten()).forward(x, train=True)
    with pytest.raises(ShapeError, match="branch 0 gives one number per sample"):
        Concat([Tanh()]).forward(np.zeros(3), train=True)


JOINED = {  # how it is made, x's shape without the batch, what is said after the layer's name
    "first axis": (
        lambda: L.Concat([Sequential([]), L.MaxPool2D(2)]),
        (4, 4, 1),
        "for (4, 4, 1) | branch 0 gives (4, 4, 1) | branch 1 gives (2, 2, 1)",
    ),
    "middle axis": (
        lambda: L.Concat([L.Reshape((2, 3, 2)), L.Reshape((2, 2, 3))]),
        None,
        "for None | branch 0 gives (2, 3, 2) | branch 1 gives (2, 2, 3)",
    ),
    "last axis but one of four": (
        lambda: L.Concat([L.Reshape((1, 2, 3, 2)), L.Reshape((1, 2, 2, 3))]),
        None,
        "for None | branch 0 gives (1, 2, 3, 2) | branch 1 gives (1, 2, 2, 3)",
    ),
    "number of axes": (
        lambda: L.Concat([L.Tanh(), L.Reshape((6, 2)), L.Reshape(12)]),
        None,
        "for None | branch 1 gives (6, 2) | branch 2 gives (12,)",
    ),
}


@pytest.mark.parametrize(("make", "shape", "rest"), JOINED.values(), ids=[k.replace(" ", "-") for k in JOINED])
def test_branches_that_differ_in_another_axis_than_the_last(make, shape, rest):
    tells(said(lambda: make().output_shape(shape), ShapeError), f"Concat | last axis | {rest}")


def test_branches_without_a_last_axis():
    one = L.Concat([L.Reshape(1), L.Tanh()])
    tells(said(lambda: one.output_shape(()), ShapeError), "Concat | branch 1 | last axis")


@pytest.mark.parametrize(
    ("make", "shape", "made"),
    [
        (L.Flatten, (4, 4, 1), "(16,)"),
        (lambda: L.Reshape((2, 2, 3)), (2, 3, 2), "(2, 2, 3)"),
        (lambda: L.Reshape((2, 3)), (3, 2), "(2, 3)"),
        (L.MinibatchStd, (2, 3), "(2, 4)"),
    ],
    ids=["axes", "middle", "both", "last"],
)
def test_a_branch_that_changes_the_shape(make, shape, made):
    layer = L.Residual(make())
    expected = f"Residual | branch | keep the shape {shape} | {made}"
    tells(said(lambda: layer.output_shape(shape), ShapeError), expected)
    tells(said(lambda: layer.forward(np.zeros((3, *shape)), train=True), ShapeError), expected)


class Spy(L.Tanh):
    """Keeps what it was called with, and gives dx whether it was asked for or not."""

    def wants(self, name, gradients):
        """Whether the last call of a pass asked for these gradients; it does so where it says nothing."""
        return self.calls[name].get(gradients, True)

    def __init__(self):
        super().__init__()
        self.calls = {}

    def forward(self, x, **kw):
        self.calls["forward"] = kw
        return super().forward(x, **kw)

    def backward(self, dy, cache, **kw):
        self.calls["backward"] = kw
        return super().backward(dy, cache)

    def tangent_backward(self, tdy, cache, **kw):
        self.calls["tangent_backward"] = kw
        return super().tangent_backward(tdy, cache)


@pytest.mark.parametrize(
    "make",
    [lambda spy: L.Concat([L.Tanh(), spy]), L.Residual, lambda spy: Sequential([spy])],
    ids=["Concat", "Residual", "Sequential"],
)
@pytest.mark.parametrize("flag", [True, False], ids=["yes", "no"])
def test_parts_get_what_the_whole_got(make, flag):
    """The mode, the generator, and which gradients are wanted; and the whole keeps to that if a part does not."""
    spy, rng, x = Spy(), new(), np.ones((2, 3))
    whole = make(spy)
    y, cache = whole.forward(x, train=flag, rng=rng)
    assert spy.calls["forward"]["train"] is flag
    assert spy.calls["forward"]["rng"] is rng
    dx = whole.backward(y, cache, param_grads=not flag, input_grad=flag)
    assert spy.wants("backward", "param_grads") is (not flag)
    assert spy.wants("backward", "input_grad") is flag
    whole.tangent(x, cache)
    tdx = whole.tangent_backward(y, cache, input_grad=flag)
    assert spy.wants("tangent_backward", "input_grad") is flag
    assert ((dx is not None), (tdx is not None)) == (flag, flag)
    whole.backward(y, cache)
    whole.tangent_backward(y, cache)
    assert spy.wants("backward", "param_grads")
    assert spy.wants("backward", "input_grad")
    assert spy.wants("tangent_backward", "input_grad")


@pytest.mark.parametrize("wrap", [lambda d: L.Concat([L.Tanh(), d]), L.Residual], ids=["Concat", "Residual"])
def test_branches_pass_the_generator_on(wrap):
    layer, x = wrap(L.Dropout(0.4)), np.ones((3, 4))
    mask = (np.random.default_rng(5).random((3, 4)) >= 0.4) / 0.6
    y, _ = layer.forward(x, train=True, rng=np.random.default_rng(5))
    np.testing.assert_allclose(y, np.concatenate([np.tanh(x), mask], axis=1) if y.shape[1] == 8 else x + mask)
    with pytest.raises(TypeError, match=r"^Dropout \".*\" in training: rng must be"):
        layer.forward(x, train=True)
    layer.forward(x, train=False)


def test_dropout_of_nothing_draws_nothing():
    x = ones(2, 3)
    assert L.Dropout(0).forward(x, train=True)[0] is x
