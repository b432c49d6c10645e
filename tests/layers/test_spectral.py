"""Spectral normalisation: sigma, state and modes; and the derivatives in training, where u and v follow W."""

import copy

import numpy as np
import pytest
from small_layers import ones, spectral

from scratchgan import Sequential
from scratchgan import layers as L
from scratchgan.core import ShapeError
from scratchgan.gradcheck import check
from scratchgan.layers import Conv2D, ConvTranspose2D, Dense, Flatten, LeakyReLU, PixelNorm, SpectralNorm

BUILDS = {
    "dense": (lambda rng: Dense(5, 4, rng=rng, dtype=np.float64), (3, 5)),
    "conv": (lambda rng: Conv2D(2, 3, kernel_size=3, stride=2, padding=1, rng=rng, dtype=np.float64), (2, 5, 4, 2)),
    "transpose": (
        lambda rng: ConvTranspose2D(2, 3, kernel_size=4, stride=2, padding=1, rng=rng, dtype=np.float64),
        (2, 3, 2, 2),
    ),
}
each = pytest.mark.parametrize(("build", "shape"), BUILDS.values(), ids=BUILDS)


def as_matrix(layer):
    """Output channels as columns, written out."""
    W = layer.params["W"]
    if isinstance(layer.layer, ConvTranspose2D):  # (k, k, Co, Ci)
        return np.stack([W[:, :, o].ravel() for o in range(W.shape[2])], axis=1)
    return np.stack([W[..., o].ravel() for o in range(W.shape[-1])], axis=1)


@each
def test_sigma_becomes_the_spectral_norm(build, shape, rng):
    layer = SpectralNorm(build(rng), rng=rng)
    x = rng.standard_normal(shape)
    for _ in range(300):
        _, cache = layer.forward(x, train=True)
    assert cache.sigma == pytest.approx(np.linalg.norm(as_matrix(layer), 2), rel=1e-12)
    np.testing.assert_allclose(cache.W, layer.params["W"] / cache.sigma, rtol=1e-15)
    assert np.linalg.norm(cache.u) == pytest.approx(1)
    assert np.linalg.norm(cache.v) == pytest.approx(1)


def test_closed_form():
    """W = diag(3, 1): S = diag(1, 1/3), E = e1 e1^T, and (Spectral.3-5) by hand."""
    rng = np.random.default_rng(0)
    layer = SpectralNorm(Dense(2, 2, bias=False, rng=rng, dtype=np.float64), 60, rng=rng)
    layer.params["W"][...] = np.diag([3.0, 1.0])
    y, cache = layer.forward(np.eye(2), train=True)
    np.testing.assert_allclose(y, np.diag([1, 1 / 3]), atol=1e-14)
    dS, tW = np.array([[1.0, 2.0], [4.0, 6.0]]), np.array([[3.0, 1.0], [1.0, 2.0]])  # x = I, so dy is dS
    layer.backward(dS, cache)
    # <dS, S> = 1 + 2 = 3
    np.testing.assert_allclose(layer.grads["W"], np.array([[1 - 3, 2], [4, 6]]) / 3, atol=1e-13)
    # <E, tW> = 3;  tS = (tW - 3 S) / 3
    tS = (tW - np.diag([3.0, 1.0])) / 3
    np.testing.assert_allclose(layer.tangent(None, cache, {"W": tW}), tS, atol=1e-13)
    layer.zero_grads()
    layer.tangent_backward(None, cache)
    dW = np.array([[-2, 2], [4, 6]]) / 3
    np.testing.assert_allclose(layer.grads["W"], -dW - np.sum(dS * tS) / 3 * np.diag([1, 0]), atol=1e-13)


def test_rank_one_needs_one_iteration(rng):
    layer = SpectralNorm(Dense(4, 3, rng=rng, dtype=np.float64), rng=rng)
    a, b = rng.standard_normal(4), rng.standard_normal(3)
    layer.params["W"][...] = np.outer(a, b)
    _, cache = layer.forward(np.ones((1, 4)), train=True)
    assert cache.sigma == pytest.approx(np.linalg.norm(a) * np.linalg.norm(b), rel=1e-14)


def test_dense_is_then_1_lipschitz(rng):
    layer = SpectralNorm(Dense(6, 5, rng=rng, dtype=np.float64), 100, rng=rng)
    layer.params["W"] *= 40
    x = rng.standard_normal((200, 6))
    y, _ = layer.forward(x, train=True)
    assert (np.linalg.norm(y, axis=1) <= np.linalg.norm(x, axis=1) * (1 + 1e-12)).all()


def test_state_moves_in_training_only_and_pending_calls_keep_theirs(rng):
    layer = SpectralNorm(Dense(6, 5, rng=rng, dtype=np.float64), rng=rng)
    layer.params["W"][...] = rng.standard_normal((6, 5))  # u and v are of another W now
    x, dy = rng.standard_normal((3, 6)), rng.standard_normal((3, 5))
    before = {name: a.copy() for name, a in layer.state.items()}
    _, evaluated = layer.forward(x, train=False)
    for name, a in before.items():
        np.testing.assert_array_equal(layer.state[name], a)
    _, first = layer.forward(x, train=True)
    assert not np.allclose(layer.state["u"], before["u"])
    alone = layer.backward(dy, copy.copy(first)), layer.grads["W"].copy()
    _, second = layer.forward(x, train=True)
    assert evaluated.sigma < first.sigma < second.sigma  # each round comes nearer, from below
    layer.zero_grads()
    np.testing.assert_array_equal(layer.backward(dy, first), alone[0])
    np.testing.assert_array_equal(layer.grads["W"], alone[1])


def test_evaluation_does_not_mind_the_length_of_u_and_v(rng):
    """An average of unit vectors is shorter than 1."""
    layer = SpectralNorm(Dense(6, 5, rng=rng, dtype=np.float64), rng=rng)
    x = rng.standard_normal((3, 6))
    y, _ = layer.forward(x, train=False)
    layer.state["u"] *= 0.9
    layer.state["v"] *= 0.8
    np.testing.assert_allclose(layer.forward(x, train=False)[0], y, rtol=1e-14)


def separated(build, rng, iterations):
    """A layer whose singular values are 3, 1.5, ...: the iteration converges fast."""
    layer = SpectralNorm(build(rng), iterations, rng=rng)
    Wm = as_matrix(layer)
    U, _, Vt = np.linalg.svd(Wm, full_matrices=False)
    Wm = U @ np.diag(3 * 0.5 ** np.arange(len(Vt))) @ Vt
    W = layer.params["W"]
    if isinstance(layer.layer, ConvTranspose2D):
        W[...] = Wm.reshape(*W.shape[:2], W.shape[3], W.shape[2]).swapaxes(2, 3)
    else:
        W[...] = Wm.reshape(W.shape)
    return layer


@each
def test_training_derivatives_once_converged(build, shape, rng):
    """u and v follow W here, and the constants of (Spectral.3, 4) are still right: singular vectors are stationary.

    Not for the second derivative along W: there the turning of u and v is left out, as the docstring says.
    """
    report = check(separated(build, rng, 40), rng.standard_normal(shape), train=True, randomise=False)
    along_W = ("tangent_backward", "tangent_backward (parameters only)")
    errors = report.by_step()
    assert {step: e for step, e in errors.items() if step not in along_W and not e <= 1e-7} == {}
    assert len(errors) == 10
    assert min(errors[step] for step in along_W) > 1e-3


def test_training_derivatives_before_that_are_an_approximation(rng):
    """One iteration from an unfinished u: the constants leave something out."""
    layer = SpectralNorm(Dense(5, 4, rng=rng, dtype=np.float64), rng=rng)
    report = check(layer, rng.standard_normal((3, 5)), train=True)  # u and v made random
    assert 1e-7 < report.by_step()["backward"] < 1


class ForgetsSigma(SpectralNorm):
    """sigma a constant: the gradient through it left out."""

    def weight_adjoint(self, dS, cache):
        return dS / cache.sigma


class ForgetsTheProductRule(SpectralNorm):
    def weight_adjoint_tangent(self, dS, tW, tS, cache):
        return np.zeros_like(dS)


@pytest.mark.parametrize("bug", [ForgetsSigma, ForgetsTheProductRule])
def test_checks_catch(bug, rng):
    assert not check(bug(Dense(5, 4, rng=rng), rng=rng), rng.standard_normal((3, 5)), train=False).ok


def test_in_a_net(rng):
    net = Sequential(
        [
            SpectralNorm(Conv2D(1, 2, kernel_size=3, rng=rng), rng=rng),
            LeakyReLU(0.2),
            Flatten(),
            SpectralNorm(Dense(12, 1, bias=False, rng=rng), 2, rng=rng),
        ],
        input_shape=(5, 4, 1),
    )
    assert [path for path, _ in net.parameters()] == ["0.W", "0.b", "3.W"]
    assert [path for path, _ in net.buffers()] == ["0.u", "0.v", "3.u", "3.v"]
    assert "SpectralNorm(Dense(12, 1, bias=False), iterations=2)" in repr(net)
    assert check(net, rng.standard_normal((3, 5, 4, 1)), train=False).ok
    with pytest.raises(ShapeError, match='Conv2D "0" expects images'):
        net.forward(np.zeros((1, 5, 4, 2), np.float32), train=True)


@each
def test_astype_shares_nothing_and_changes_all(build, shape, rng):
    """The wrapped layer's arrays are the wrapper's, in a copy too."""
    layer = SpectralNorm(build(rng), rng=rng)
    twin = layer.astype(np.float32)
    assert twin.layer.params["W"] is twin.params["W"]
    assert not np.shares_memory(twin.params["W"], layer.params["W"])
    with pytest.raises(TypeError, match="float32 parameters"):
        twin.forward(rng.standard_normal(shape), train=True)
    x = rng.standard_normal(shape).astype(np.float32)
    y, cache = twin.forward(x, train=True)
    made = [
        y,
        twin.backward(y, cache),
        twin.tangent(x, cache, {"W": twin.params["W"]}),
        twin.tangent_backward(y, cache),
        cache.W,
        *twin.state.values(),
        *twin.grads.values(),
    ]
    assert {a.dtype for a in made} == {np.dtype(np.float32)}
    exact, _ = layer.forward(x.astype(np.float64), train=True)
    np.testing.assert_allclose(y, exact, atol=1e-5)


def test_training_accumulates(rng):
    layer = SpectralNorm(Dense(4, 3, rng=rng, dtype=np.float64), rng=rng)
    y, cache = layer.forward(rng.standard_normal((5, 4)), train=True)
    layer.backward(y, cache)
    once = {name: g.copy() for name, g in layer.grads.items()}
    layer.backward(y, cache)
    for name, g in once.items():
        np.testing.assert_allclose(layer.grads[name], 2 * g, rtol=1e-13)


def test_what_it_refuses(rng):
    with pytest.raises(TypeError, match="wraps a layer with a weight"):
        SpectralNorm(PixelNorm(), rng=rng)
    with pytest.raises(TypeError, match="wraps a layer with a weight"):
        SpectralNorm(SpectralNorm(Dense(2, 2, rng=rng), rng=rng), rng=rng)
    dense = Dense(2, 2, rng=rng)
    with pytest.raises(ValueError, match="iterations"):
        SpectralNorm(Dense(2, 2, rng=rng), 0, rng=rng)
    with pytest.raises(TypeError, match="rng must be"):
        SpectralNorm(Dense(2, 2, rng=rng), rng=0)
    layer = SpectralNorm(dense, rng=rng)
    with pytest.raises(ValueError, match="wrapped already"):
        SpectralNorm(dense, rng=rng)
    layer.params["W"][...] = 0
    for train in (True, False):
        with pytest.raises(ValueError, match="W is zero"):
            layer.forward(np.ones((1, 2), np.float32), train=train)


def test_speed_a_gradient_that_is_at_hand_is_not_computed_again(monkeypatch):
    """(Reparam.4) takes dS from backward, and makes it only if backward was not asked for it."""
    layer, x, calls = spectral(), ones(2, 4), []
    original = L.Dense.weight_grad
    monkeypatch.setattr(L.Dense, "weight_grad", lambda self, *a: calls.append(a) or original(self, *a))
    y, cache = layer.forward(x, train=False)
    made = []
    for param_grads in (True, False):
        layer.backward(y, cache, param_grads=param_grads)
        layer.tangent(None, cache, {"W": layer.params["W"] + 1})
        layer.zero_grads()
        layer.tangent_backward(None, cache)
        made.append(layer.grads["W"].copy())
        assert len(calls) == 1
        calls.clear()
    np.testing.assert_array_equal(*made)
    assert np.abs(made[0]).max() > 0
