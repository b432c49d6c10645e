"""A learner's first layer: what is written is checked, what is missing is listed, and broken promises are named."""

import re

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.core import Cache, Layer
from scratchgan.gradcheck import check
from scratchgan.gradcheck.cases import LAYERS
from scratchgan.layers import Dropout, Tanh


class Forward(Layer):
    def __init__(self):
        super().__init__()
        self.add_param("W", np.random.default_rng(1).standard_normal((3, 2)))

    def forward(self, x, *, train, rng=None):
        cache, y = Cache(self, x, train), x @ self.params["W"]
        cache.y_shape = y.shape
        return y, cache

    def output_shape(self, shape, batch="N"):
        return (2,)


class First(Forward):
    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        cache.begin_backward(self, dy)
        if param_grads:
            self.grads["W"] += cache.x.T @ dy
        return dy @ self.params["W"].T if input_grad else None


class WithTangent(First):
    def tangent(self, tx, cache, tparams=None):
        cache.begin_tangent(self, tx, tparams)
        ty = np.zeros(cache.y_shape)
        if tx is not None:
            ty += tx @ self.params["W"]
        return ty + cache.x @ tparams["W"] if tparams else ty


class Whole(WithTangent):
    def tangent_backward(self, tdy, cache, *, input_grad=True):
        cache.begin_tangent_backward(self, tdy)
        tdx = np.zeros_like(cache.x)
        if tdy is not None:
            tdx += tdy @ self.params["W"].T
            self.grads["W"] += cache.x.T @ tdy
        if cache.tx is not None:
            self.grads["W"] += cache.tx.T @ cache.dy
        if "W" in cache.tparams:
            tdx += cache.dy @ cache.tparams["W"].T
        return tdx if input_grad else None


class OnlyTangent(Forward):
    tangent = WithTangent.tangent


def examine(layer, **options):
    return check(layer, np.random.default_rng(0).standard_normal((4, 3)), **options)


def steps(report):
    return list(dict.fromkeys(row.step for row in report.rows))


@pytest.mark.parametrize(
    ("layer", "missing", "rows"),
    [
        (Forward, ("backward", "tangent", "tangent_backward"), 0),
        (First, ("tangent", "tangent_backward"), 2),
        (OnlyTangent, ("backward", "tangent_backward"), 3),
        (WithTangent, ("tangent_backward",), 2 + 3 + 3),
        (Whole, (), 2 + 3 + 3 + 6),
    ],
)
def test_a_half_written_layer_shows_the_rows_that_it_allows(layer, missing, rows):
    report = examine(layer())
    assert report.missing == missing
    assert len(report.rows) == rows
    assert report.ok == (not missing)
    assert report.right == (rows > 0)
    text = str(report)
    assert ("missing: " + ", ".join(missing) in text) == bool(missing)
    assert ("NOT COMPLETE" in text.splitlines()[0]) == bool(missing)
    assert ("missing: " in report._repr_html_()) == bool(missing)
    assert "WRONG" not in text


def test_a_wrong_row_of_a_half_written_layer_is_marked():
    class Mean(First):
        def backward(self, dy, cache, **switches):
            dx = super().backward(dy, cache, **switches)
            self.grads["W"] /= len(dy)
            return dx

    report = examine(Mean())
    assert [row.array for row in report.rows if not row.error <= report.tolerance] == ["W"]
    assert str(report).startswith("Mean: WRONG")
    assert "missing: tangent, tangent_backward" in str(report)


def test_half_a_net_and_a_pass_that_raises_are_listed(rng):
    report = examine(Sequential([First(), Tanh()]))
    assert report.missing == ("tangent of First", "tangent_backward of First")
    assert steps(report) == ["backward"]

    class Unfinished(Whole):
        def tangent(self, tx, cache, tparams=None):
            return tx @ self.W

    report = examine(Unfinished())
    assert steps(report) == ["backward"]
    assert not report.right
    assert "WRONG: tangent raised AttributeError: 'Unfinished' object has no attribute 'W'" in str(report)

    class Later(Whole):
        def tangent_backward(self, tdy, cache, *, input_grad=True):
            raise NotImplementedError("on Monday")

    assert examine(Later()).missing == ("tangent_backward",)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (lambda dx: None, "backward gives the gradient of x with NoneType, expected an array of shape (4, 3)"),
        (
            lambda dx: None if dx is None else dx.T,
            "backward gives the gradient of x with the shape (3, 4), expected an array of shape (4, 3)",
        ),
        (lambda dx: ..., "backward gives the gradient of x with ellipsis"),
    ],
)
def test_a_gradient_that_is_none_or_has_another_shape_is_named(result, says):
    class Half(Whole):
        def backward(self, dy, cache, **switches):
            return result(super().backward(dy, cache, **switches))

    report = examine(Half())
    assert not report.ok
    assert says in str(report)
    assert ("backward", "W") in {(row.step, row.array) for row in report.rows}


# -- promises ----------------------------------------------------------------------------------------------------------


class OnSelf(Whole):
    def forward(self, x, *, train, rng=None):
        self.x = x
        return super().forward(x, train=train)

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        cache.begin_backward(self, dy)
        if param_grads:
            self.grads["W"] += self.x.T @ dy
        return dy @ self.params["W"].T if input_grad else None


class GradientOnSelf(Whole):
    def backward(self, dy, cache, **switches):
        self.last = dy
        return super().backward(dy, cache, **switches)

    def tangent_backward(self, tdy, cache, **switches):
        cache.dy = self.last
        return super().tangent_backward(tdy, cache, **switches)


class HalfOnSelf(First):
    def forward(self, x, *, train, rng=None):
        self.x = x
        return super().forward(x, train=train)

    backward = OnSelf.backward


class MaskOnSelf(Dropout):
    def forward(self, x, *, train, rng=None):
        y, cache = super().forward(x, train=train, rng=rng)
        self.factor = y / x
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        cache.begin_backward(self, dy)
        return dy * self.factor if input_grad else None


@pytest.mark.parametrize(
    ("layer", "step", "attribute"),
    [
        (OnSelf, "backward", "self.x"),
        (HalfOnSelf, "backward", "self.x"),
        (GradientOnSelf, "tangent_backward", "self.last"),
        (lambda: MaskOnSelf(0.5), "backward", "self.factor"),
        (lambda: Sequential([OnSelf(), Tanh()]), "backward", "self.x"),
    ],
)
def test_what_is_kept_on_the_layer_is_lost_in_the_next_forward(layer, step, attribute):
    report = examine(layer())
    assert not report.ok
    rows = [row for row in report.rows if row.step == f"{step} after another forward"]
    assert rows
    assert all(row.error > 1e-3 for row in rows)
    assert re.search(rf"WRONG: what .* keeps in {attribute} is lost", str(report))


def test_switches_that_are_ignored_are_named():
    class Always(Whole):
        def backward(self, dy, cache, *, param_grads=True, input_grad=True):
            return super().backward(dy, cache)

    report = examine(Always())
    assert not report.ok
    assert [row.array for row in report.rows if row.step == "backward with param_grads=False"] == ["W"]
    assert "WRONG: backward ignores param_grads=False" in str(report)
    assert "note: backward with input_grad=False should return None" in str(report)

    class Generous(Whole):
        def tangent_backward(self, tdy, cache, *, input_grad=True):
            return super().tangent_backward(tdy, cache)

    report = examine(Generous())
    assert report.ok
    assert report.notes == ("tangent_backward with input_grad=False should return None: nobody reads the result",)

    class NoSwitches(First):
        def backward(self, dy, cache):
            return super().backward(dy, cache)

    report = examine(NoSwitches())
    assert steps(report) == ["backward"]
    assert "WRONG: a pass must take the switches of Layer" in str(report)
    assert "param_grads" in str(report)


class ChangesX(Whole):
    def forward(self, x, **options):
        y, cache = super().forward(x, **options)
        cache.x = x.copy()
        x *= 2
        return y, cache


class ChangesDy(Whole):
    def backward(self, dy, cache, **switches):
        dx = super().backward(dy, cache, **switches)
        dy *= 0
        return dx


class Learns(Whole):
    def backward(self, dy, cache, **switches):
        dx = super().backward(dy, cache, **switches)
        self.params["W"] -= 0.1 * cache.x.T @ dy
        return dx


@pytest.mark.parametrize(("layer", "what"), [(ChangesX, "x"), (ChangesDy, "dy"), (Learns, "W")])
def test_a_pass_that_changes_what_it_is_given_is_named(layer, what):
    report = examine(layer())
    assert not report.ok
    assert f"WRONG: a pass changes {what} in place" in str(report)


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_the_package_s_own_layers_keep_their_promises(case, rng):
    report = check(case.build(rng), case.input(rng), train=case.train)
    assert (report.missing, report.faults, report.notes) == ((), (), ())


def test_what_is_no_layer_says_what_to_do(rng):
    class NoBase:
        def backward(self, dy):
            return dy

    class NoSuper(Forward):
        def __init__(self):
            self.params = {}
            del self.params

    class ByHand(Forward):
        def __init__(self):
            super().__init__()
            self.params["V"] = np.ones(2)

    class OnlyY(First):
        def forward(self, x, *, train, rng=None):
            return super().forward(x, train=train)[0]

    for layer, says in (
        (NoBase(), "a layer is a subclass of scratchgan.core.Layer"),
        (NoSuper(), r"NoSuper has no params: call super\(\).__init__\(\) first"),
        (ByHand(), r"ByHand has no gradient for 'V': use add_param\('V', ...\)"),
        (OnlyY(), r"OnlyY.forward must return \(y, cache\), got ndarray"),
    ):
        with pytest.raises(TypeError, match=says):
            examine(layer)
