"""Neighbours that compiled kernels compute together: which they are, and that nothing else can be told from outside."""

import numpy as np
import pytest
from engines import close

from scratchgan import Sequential, kernels
from scratchgan.core import OrderError, ShapeError
from scratchgan.layers import BatchNorm, Conv2D, Dense, LeakyReLU, ReLU, SpectralNorm, Tanh, fused

pytestmark = pytest.mark.usefixtures("on_numba")


def kinds(*layers):
    return [(name, type(step).__name__) for name, step in fused.steps(Sequential(list(layers)).children())]


def test_which_neighbours_are_one_step(rng):
    dense, conv = Dense(3, 4, rng=rng), Conv2D(3, 4, kernel_size=2, rng=rng)
    assert kinds(dense, LeakyReLU(0.2), Dense(4, 1, rng=rng)) == [("0", "Rectified"), ("2", "Dense")]
    assert kinds(conv, ReLU()) == [("0", "Rectified")]
    assert kinds(BatchNorm(3), LeakyReLU(0.1), BatchNorm(3)) == [("0", "Normalised"), ("2", "Normalised")]
    spectral = SpectralNorm(Dense(3, 4, rng=rng), rng=rng)
    assert kinds(spectral, ReLU(), Tanh()) == [("0", "SpectralNorm"), ("1", "Rectifier"), ("2", "Tanh")]


def test_every_layer_by_itself_within_off_and_with_the_twins(rng):
    layers = [Dense(3, 4, rng=rng), LeakyReLU(0.2), BatchNorm(4)]
    single = [("0", "Dense"), ("1", "LeakyReLU"), ("2", "BatchNorm")]
    with fused.off():
        assert kinds(*layers) == single
    kernels.set_backend("numpy")
    assert kinds(*layers) == single


@pytest.mark.parametrize("name", ["forward", "backward", "tangent", "tangent_backward", "affine"])
def test_a_method_that_was_replaced_is_the_one_that_runs(name, rng, monkeypatch):
    layers = [Dense(3, 4, rng=rng), LeakyReLU(0.2)]
    method = getattr(Dense, name)
    monkeypatch.setattr(Dense, name, lambda self, *args, **kwargs: method(self, *args, **kwargs))
    assert kinds(*layers) == [("0", "Dense"), ("1", "Rectifier")]


@pytest.mark.parametrize("name", ["forward", "backward", "statistics", "project", "mean", "mean_dot"])
def test_a_method_of_batchnorm_that_was_replaced_is_the_one_that_runs(name, monkeypatch):
    method = getattr(BatchNorm, name)
    monkeypatch.setattr(BatchNorm, name, lambda self, *args, **kwargs: method(self, *args, **kwargs))
    assert kinds(BatchNorm(3), LeakyReLU(0.2)) == [("0", "BatchNorm"), ("1", "Rectifier")]


def test_a_derivative_that_was_replaced_is_the_one_that_runs(rng, monkeypatch):
    net = Sequential([Dense(40, 60, rng=rng), LeakyReLU(0.2)])
    monkeypatch.setattr(LeakyReLU, "dphi", lambda self, x, y: np.full_like(x, 3))
    y, cache = net.forward(rng.standard_normal((50, 40)).astype(np.float32), train=True)
    net.backward(np.ones_like(y), cache)
    np.testing.assert_allclose(net.layers[0].grads["b"], 150.0, rtol=1e-6)


@pytest.mark.parametrize(
    "build",
    [
        lambda rng: [Dense(3, 4, rng=rng), LeakyReLU(0.2)],
        lambda rng: [BatchNorm(3), ReLU()],
        lambda rng: [LeakyReLU(0.2)],
        lambda rng: [BatchNorm(3)],
    ],
)
def test_passes_out_of_order_and_misfits_are_errors_as_for_single_layers(build, rng):
    net = Sequential(build(rng))
    x = rng.standard_normal((5, 3)).astype(np.float32)
    y, cache = net.forward(x, train=True)
    [(_, step)], [part] = cache.steps, cache.parts
    with pytest.raises(OrderError, match="needs backward and tangent"):
        step.tangent_backward(y, part)
    with pytest.raises(ShapeError, match="dy must have the shape"):
        step.backward(y[:2], part)
    step.backward(y, part)
    step.tangent(x, part)
    with pytest.raises(ShapeError, match="tdy must have the shape"):
        step.tangent_backward(y[:2], part)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("asked", [{"param_grads": False}, {"input_grad": False}])
def test_what_is_not_asked_for_is_not_there(train, asked, rng):
    net = Sequential([BatchNorm(3), LeakyReLU(0.2), Dense(3, 4, rng=rng), ReLU()])
    y, cache = net.forward(rng.standard_normal((5, 3)).astype(np.float32), train=train)
    dx = net.backward(np.ones_like(y), cache, **asked)
    assert (dx is None) == ("input_grad" in asked)
    assert any(grad.any() for _, grad in net.gradients()) == ("param_grads" not in asked)


def test_fused_neighbours_have_the_gradients_of_single_ones(rng):
    for layers, shape in (
        ([Dense(40, 60, rng=rng), LeakyReLU(0.2)], (50, 40)),
        ([Conv2D(20, 24, kernel_size=3, bias=False, rng=rng), BatchNorm(24), ReLU()], (4, 9, 9, 20)),
        ([Conv2D(2, 24, kernel_size=3, rng=rng), LeakyReLU(0.1)], (6, 9, 9, 2)),
        ([BatchNorm(24), Tanh(), ReLU(), BatchNorm(24), LeakyReLU(0.3)], (40, 24)),
    ):
        net = Sequential(layers).astype(np.float64)
        x, tx = rng.standard_normal((2, *shape))
        found = []
        for single in (False, True):
            net.zero_grads()
            with fused.off(single):
                y, cache = net.forward(x, train=True)
            assert (len(cache.steps) == len(layers)) == single
            dx = net.backward(np.cos(y), cache)
            ty = net.tangent(tx, cache)
            tdx = net.tangent_backward(ty, cache)
            found.append([y, dx, ty, tdx, *(g.copy() for _, g in net.gradients())])
        for a, b in zip(*found, strict=True):
            close(a, b)


def test_a_subclass_with_a_derivative_of_its_own_is_not_fused(rng):
    class Mine(LeakyReLU):
        def dphi(self, x, y):
            return np.full_like(x, 3.0)

    net = Sequential([Dense(40, 60, rng=rng), Mine(0.2)])
    y, cache = net.forward(rng.standard_normal((50, 40)).astype(np.float32), train=True)
    assert [step for _, step in cache.steps] == net.layers
    net.backward(np.ones_like(y), cache)
    assert net.layers[0].grads["b"] == pytest.approx(np.full(60, 150.0), rel=1e-6)
