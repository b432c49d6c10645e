"""One line in the registry buys every layer all of these."""

import copy

import numpy as np
import pytest

from scratchgan.core import OrderError, ShapeError
from scratchgan.gradcheck.cases import CASES, LAYERS

layers = pytest.mark.parametrize("case", LAYERS, ids=str)


def run(case, rng, dtype=np.float64):
    layer = case.build(rng).astype(dtype)
    x = case.input(rng, dtype)
    y, cache = layer.forward(x, train=case.train, rng=np.random.default_rng(3))
    return layer, x, y, cache


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_derivative_against_central_differences(case):
    report = case.check()
    assert report.ok, str(report)
    assert report.max_error <= 1e-7


@layers
def test_tangent_is_adjoint_of_backward(case, rng):
    """<dy, J tx> = <J^T dy, tx>, to rounding."""
    layer, x, y, cache = run(case, rng)
    dy, tx = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    dx = layer.backward(dy, cache, param_grads=False)
    ty = layer.tangent(tx, cache)
    assert np.sum(dy * ty) == pytest.approx(np.sum(dx * tx), rel=1e-10, abs=1e-10)


@layers
def test_gradients_accumulate(case, rng):
    """Twice the same backward is twice the gradient; zero_grads clears."""
    layer, _, y, cache = run(case, rng)
    dy = rng.standard_normal(y.shape)
    layer.backward(dy, cache)
    once = [g.copy() for _, g in layer.gradients()]
    layer.backward(dy, cache)
    for (_, g), first in zip(layer.gradients(), once, strict=True):
        np.testing.assert_allclose(g, 2 * first, rtol=1e-12)
    layer.zero_grads()
    assert all((g == 0).all() for _, g in layer.gradients())


@layers
def test_param_grads_false_leaves_gradients_alone(case, rng):
    layer, _, y, cache = run(case, rng)
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy, cache, param_grads=False)
    assert all((g == 0).all() for _, g in layer.gradients())
    np.testing.assert_array_equal(dx, layer.backward(dy, cache))
    assert layer.backward(dy, cache, input_grad=False) is None


@layers
def test_inputs_are_not_changed(case, rng):
    """No pass writes into x, dy, tx, tdy or the parameters."""
    layer, x, y, cache = run(case, rng)
    given = [x, rng.standard_normal(y.shape), rng.standard_normal(x.shape), rng.standard_normal(y.shape)]
    given += [w for _, w in layer.parameters()]
    before = [a.copy() for a in given]
    layer.backward(given[1], cache)
    layer.tangent(given[2], cache, {path: np.ones_like(w) for path, w in layer.parameters()})
    layer.tangent_backward(given[3], cache)
    for a, b in zip(given, before, strict=True):
        np.testing.assert_array_equal(a, b)


@layers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(case, rng, dtype):
    layer, x, y, cache = run(case, rng, dtype)
    tparams = {path: np.ones_like(w) for path, w in layer.parameters()}
    made = [
        y,
        layer.backward(np.ones_like(y), cache),
        layer.tangent(np.ones_like(x), cache, tparams),
        layer.tangent_backward(np.ones_like(y), cache),
        *(g for _, g in layer.gradients()),
        *(a for _, a in layer.buffers()),
    ]
    assert [a.dtype for a in made] == [np.dtype(dtype)] * len(made)


@layers
def test_two_calls_pending_at_once(case, rng):
    """A second forward must not disturb the backward of the first: the cache is its own."""
    layer, x, y, cache = run(case, rng)
    alone = copy.deepcopy(layer)
    _, first = alone.forward(x, train=case.train, rng=np.random.default_rng(3))
    dy = rng.standard_normal(y.shape)
    expected = alone.backward(dy, first)
    layer.forward(rng.standard_normal(x.shape), train=case.train, rng=np.random.default_rng(4))
    layer.forward(rng.standard_normal(x.shape), train=not case.train, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(layer.backward(dy, cache), expected)
    for (path, a), (_, b) in zip(layer.gradients(), alone.gradients(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=path)


@layers
def test_none_is_identically_zero(case, rng):
    """A tangent of None gives the same as one of zeros."""
    layer, x, y, cache = run(case, rng)
    layer.backward(rng.standard_normal(y.shape), cache, param_grads=False)
    results = []
    for tx, tdy in ((None, None), (np.zeros_like(x), np.zeros_like(y))):
        layer.zero_grads()
        ty = layer.tangent(tx, cache)
        tdx = layer.tangent_backward(tdy, cache)
        results.append([0 if a is None else a for a in (ty, tdx)] + [g.copy() for _, g in layer.gradients()])
    for none, zeros in zip(*results, strict=True):
        assert np.max(np.abs(none - zeros), initial=0) == 0


@layers
def test_empty_batch(case, rng):
    """No samples: shapes go through; only what needs statistics of the batch refuses, and says so."""
    layer = case.build(rng).astype(np.float64)
    x = np.zeros((0, *case.x_shape[1:]))
    if case.train and any(part.couples_samples for _, part in layer.walk()):
        with pytest.raises(ValueError, match="at least 2 entries"):
            layer.forward(x, train=True)
        return
    y, cache = layer.forward(x, train=case.train, rng=rng)
    assert y.shape == (0, *layer.output_shape(x.shape[1:]))
    assert layer.backward(y, cache).shape == x.shape


@layers
def test_output_shape_is_what_forward_gives(case, rng):
    layer, x, y, _ = run(case, rng)
    assert layer.output_shape(x.shape[1:]) == y.shape[1:]
    layer.output_shape(None)  # an unknown shape is not an error


@layers
def test_wrong_gradient_shape_and_wrong_order(case, rng):
    layer, x, y, cache = run(case, rng)
    with pytest.raises(OrderError, match="backward and tangent"):
        layer.tangent_backward(None, cache)
    with pytest.raises(ShapeError, match="dy must have the shape"):
        layer.backward(np.ones((len(y) + 1, *y.shape[1:])), cache)
    with pytest.raises(ShapeError, match="tx must have the shape"):
        layer.tangent(np.ones((len(x) + 1, *x.shape[1:])), cache)
    with pytest.raises(TypeError, match="like the layer's input"):
        layer.backward(np.ones(y.shape, np.float32), cache)
    other = case.build(rng).astype(np.float64)
    with pytest.raises(OrderError, match="the cache of"):
        other.backward(np.ones_like(y), cache)


@layers
def test_astype_copies(case, rng):
    layer = case.build(rng)
    twin = layer.astype(np.float64)
    for (path, a), (_, b) in zip(layer.parameters() + layer.buffers(), twin.parameters() + twin.buffers(), strict=True):
        assert b.dtype == np.float64
        assert not np.shares_memory(a, b), path
        np.testing.assert_array_equal(a, b)
