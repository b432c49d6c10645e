"""Penalties against closed forms and an identity that needs no layer code; what a user reads where there is none."""

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.gradcheck import cases
from scratchgan.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LayerNorm,
    LeakyReLU,
    MinibatchStd,
    Residual,
    SiLU,
    Tanh,
)
from scratchgan.losses import Wasserstein
from scratchgan.penalties import (
    R1,
    R2,
    Dragan,
    PathLength,
    Penalised,
    WganGp,
    interpolate,
    path_noise,
    penalty_backward,
    perturb,
)


def linear_critic(w):
    net = Sequential([Dense(len(w), 1, rng=np.random.default_rng(0), dtype=np.float64)])
    net[0].params["W"][:, 0] = w
    return net


def conv_critic(rng, activation, norm=None):
    layers = [Conv2D(1, 4, kernel_size=4, stride=2, padding=1, rng=rng, dtype=np.float64), activation()]
    layers += [norm()] if norm else []
    layers += [Flatten(), Dense(4 * 3 * 3, 1, rng=rng, dtype=np.float64)]
    return Sequential(layers, input_shape=(6, 6, 1))


@pytest.mark.parametrize("norm", [0.3, 1.0, 2.5])
def test_linear_critic_in_closed_form(norm, rng):
    """D(x) = w x: g = w everywhere, P = lambda (|w| - 1)^2, dP/dw = 2 lambda (|w| - 1) w / |w|; R1: gamma/2 |w|^2."""
    w = rng.standard_normal(7)
    w *= norm / np.linalg.norm(w)
    x = rng.standard_normal((5, 7))
    net = linear_critic(w)
    value, dx = penalty_backward(net, x, WganGp(10.0))
    assert value == pytest.approx(10 * (norm - 1) ** 2, abs=1e-12)
    np.testing.assert_allclose(net[0].grads["W"][:, 0], 20 * (norm - 1) * w / norm, atol=1e-12)
    np.testing.assert_array_equal(net[0].grads["b"], 0)
    np.testing.assert_array_equal(dx, np.zeros_like(x))
    net.zero_grads()
    value, _ = penalty_backward(net, x, R1(4.0))
    assert value == pytest.approx(2 * norm**2, rel=1e-13)
    np.testing.assert_allclose(net[0].grads["W"][:, 0], 4 * w, rtol=1e-12)


def test_one_sided_leaves_gentle_slopes_alone(rng):
    x = rng.standard_normal((5, 3))
    for w, free in (([0.1, 0.2, 0.3], True), ([1.0, 2.0, 3.0], False)):
        net = linear_critic(w)
        value, _ = penalty_backward(net, x, WganGp(10.0, one_sided=True))
        assert (value == 0) == free
        assert (np.abs(net[0].grads["W"]).max() == 0) == free


def test_where_the_slope_is_zero_nothing_is_divided_by_it():
    net = linear_critic(np.zeros(3))
    value, _ = penalty_backward(net, np.ones((4, 3)) * np.arange(3), WganGp(10.0))
    assert value == 10
    np.testing.assert_array_equal(net[0].grads["W"], 0)
    g = np.zeros((2, 3))
    assert np.isfinite(PathLength(1.0, target=1.0)(g)[1]).all()


@pytest.mark.parametrize("activation", [lambda: LeakyReLU(0.2), Tanh, SiLU], ids=["leaky", "tanh", "silu"])
@pytest.mark.parametrize("norm", [None, lambda: LayerNorm((3, 3, 4), dtype=np.float64)], ids=["plain", "layernorm"])
def test_the_identity_that_needs_no_layer_code(activation, norm, rng):
    """dP/dtheta = (grad_theta F(x + h u) - grad_theta F(x - h u)) / 2h with u = dP/dg: forward and backward only."""
    net = conv_critic(rng, activation, norm)
    x, phi, h = rng.standard_normal((3, 6, 6, 1)), WganGp(5.0), 1e-5
    value, _ = penalty_backward(net, x, phi)
    by_hand = [g.copy() for _, g in net.gradients()]

    def gradients(at):
        y, cache = net.forward(at, train=True)
        net.zero_grads()
        dx = net.backward(np.ones_like(y), cache)
        return dx, [g.copy() for _, g in net.gradients()]

    g, _ = gradients(x)
    expected, u = phi(g)
    assert value == pytest.approx(expected, rel=1e-14)
    plus, minus = gradients(x + h * u)[1], gradients(x - h * u)[1]
    largest = max(np.abs(a).max() for a in by_hand)
    for a, p, m in zip(by_hand, plus, minus, strict=True):
        np.testing.assert_allclose(a, (p - m) / (2 * h), atol=1e-7 * largest)


def test_penalty_gradients_add_to_the_loss_gradients(rng):
    """One zero_grads, three backward passes, one sum: what a critic's step does."""
    net = conv_critic(rng, Tanh)
    real, fake = rng.standard_normal((2, 4, 6, 6, 1))
    parts = []
    r, on_real = net.forward(real, train=True)
    f, on_fake = net.forward(fake, train=True)
    _, d_real, d_fake = Wasserstein().discriminator(r, f)
    runs = [
        lambda: net.backward(d_real, on_real),
        lambda: net.backward(d_fake, on_fake),
        lambda: penalty_backward(net, interpolate(real, fake, rng=np.random.default_rng(1)), WganGp(10.0)),
    ]
    for run in runs:
        net.zero_grads()
        run()
        parts.append([g.copy() for _, g in net.gradients()])
    net.zero_grads()
    for run in runs:
        run()
    for (path, g), *each in zip(net.gradients(), *parts, strict=True):
        np.testing.assert_allclose(g, sum(each), rtol=1e-10, atol=1e-12, err_msg=path)


def test_piecewise_linear_nets_skip_what_is_zero(rng, monkeypatch):
    """Of the last pass only dW += B(tx, dy) is left: no adjoint is taken at all."""
    net = conv_critic(rng, lambda: LeakyReLU(0.2))
    x = rng.standard_normal((3, 6, 6, 1))
    counts = {"adjoint": 0, "weight_grad": 0}

    def count(kind, name):
        original = getattr(kind, name)

        def counted(self, *args):
            counts[name] += 1
            return original(self, *args)

        monkeypatch.setattr(kind, name, counted)

    for kind in (Conv2D, Dense):
        for name in counts:
            count(kind, name)
    _, dx = penalty_backward(net, x, WganGp(10.0))
    assert counts == {"adjoint": 2, "weight_grad": 2}  # two layers: one adjoint each for g, one B each
    np.testing.assert_array_equal(dx, 0)
    assert penalty_backward(net, x, R1(1.0), input_grad=False)[1] is None


@pytest.mark.parametrize("wrap", [lambda layer: layer, Residual])
def test_through_batchnorm_in_training_it_says_why_not(wrap, rng):
    net = Sequential([wrap(BatchNorm(6)), Dense(6, 1, rng=rng)])
    net.set_path("D")
    x = rng.standard_normal((4, 6)).astype(np.float32)
    with pytest.raises(
        ValueError,
        match=r'cannot go through BatchNorm "D\.0.*every output depends on every sample.*'
        r"Use LayerNorm",
    ):
        penalty_backward(net, x, R1(1.0))
    value, _ = penalty_backward(net, x, R1(1.0), train=False)  # with running statistics it is an affine map
    assert value > 0


def test_through_minibatch_statistics_it_is_the_summed_logits(rng):
    net = Sequential(
        [Dense(3, 4, rng=rng, dtype=np.float64), Tanh(), MinibatchStd(1), Dense(5, 1, rng=rng, dtype=np.float64)]
    )
    x, h = rng.standard_normal((4, 3)), 1e-6
    value, _ = penalty_backward(net, x, R1(2.0))
    total = lambda at: net.forward(at, train=True)[0].sum()
    g = [(total(x + h * e) - total(x - h * e)) / (2 * h) for e in np.eye(12).reshape(12, 4, 3)]
    assert value == pytest.approx(np.sum(np.square(g)) / 4, rel=1e-6)


def test_points(rng):
    real, fake = rng.standard_normal((2, 50, 4, 4, 1)).astype(np.float32)
    x = interpolate(real, fake, rng=np.random.default_rng(0))
    e = ((x - fake) * (real - fake)).sum(axis=(1, 2, 3)) / ((real - fake) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(x, e[:, None, None, None] * (real - fake) + fake, atol=1e-5)  # on the line
    assert 0 <= e.min() < 0.1
    assert 0.9 < e.max() <= 1
    assert x.dtype == perturb(real, rng=rng).dtype == np.float32
    moved = perturb(real, rng=rng) - real
    assert 0 <= moved.min()
    assert moved.max() == pytest.approx(0.5 * real.std(), rel=0.05)
    assert path_noise((100, 8, 8, 3), rng=rng).std() == pytest.approx(1 / 8, rel=0.05)
    assert path_noise((4000, 5), rng=rng).std() == pytest.approx(1, rel=0.05)
    with pytest.raises(ValueError, match="must have the same shape"):
        interpolate(real, fake[1:], rng=rng)


def test_path_length_follows_its_mean(rng):
    phi = PathLength(1.0, decay=0.9)
    g = rng.standard_normal((50, 4))
    mean = np.linalg.norm(g, axis=1).mean()
    for _ in range(3):
        phi(g)
    assert phi.target == pytest.approx(mean * (1 - 0.9**3), rel=1e-12)


@pytest.mark.parametrize("phi", [R1(1.0), R2(1.0), WganGp(1.0), Dragan(1.0), PathLength(1.0)], ids=lambda p: p.name)
def test_dtype_and_bad_gradients(phi, rng):
    value, u = phi(rng.standard_normal((3, 2)).astype(np.float32))
    assert isinstance(value, float)
    assert u.dtype == np.float32
    with pytest.raises(ValueError, match="at least one sample"):
        phi(np.zeros((0, 2)))


@pytest.mark.parametrize("make", [lambda: R1(-1), lambda: WganGp(float("nan")), lambda: PathLength(decay=2)])
def test_bad_weights(make):
    with pytest.raises(ValueError, match="must be a number in"):
        make()


def test_every_penalty_is_registered():
    kinds = {
        type(getattr(thing, "penalty", thing))
        for thing in (case.build(np.random.default_rng(0)) for case in cases.PENALTIES)
    }
    assert kinds >= {R1, R2, WganGp, Dragan, PathLength}


def test_values_by_hand():
    """Slopes 3, 0.5 and 0: every formula of the docstrings, number by number."""
    g = np.zeros((3, 2, 2))
    g[0, 1, 0], g[1, 0, 1] = 3, 0.5
    value, u = R1(4.0)(g)
    assert value == pytest.approx(4 / 6 * 9.25)
    np.testing.assert_allclose(u, 4 / 3 * g)
    value, u = WganGp(6.0)(g)
    assert value == pytest.approx(6 / 3 * (4 + 0.25 + 1))
    assert (u[0, 1, 0], u[1, 0, 1]) == (pytest.approx(2 * 6 / 3 * 2), pytest.approx(2 * 6 / 3 * -0.5))
    np.testing.assert_array_equal(u[2], 0)
    value, u = WganGp(6.0, one_sided=True)(g)
    assert value == pytest.approx(6 / 3 * 4)
    assert u[0, 1, 0] == pytest.approx(2 * 6 / 3 * 2)
    phi = PathLength(6.0, decay=0.5, target=2.0)
    value, u = phi(g)
    assert value == pytest.approx(6 / 3 * (1 + 1.5**2 + 4))
    assert (u[0, 1, 0], u[1, 0, 1]) == (pytest.approx(4), pytest.approx(-6))
    np.testing.assert_array_equal(u[2], 0)
    assert phi.target == pytest.approx(0.5 * 2 + 0.5 * 3.5 / 3)


def test_defaults_are_the_papers():
    assert (R1().gamma, R2().gamma, WganGp().weight, Dragan().weight, PathLength().weight) == (10, 10, 10, 10, 2)
    assert (PathLength().decay, PathLength().target, WganGp().one_sided) == (0.99, 0, False)
    assert Penalised(None, None).noise is False
    assert Penalised(None, None).train is True
    assert R1(0).gamma == WganGp(0).weight == PathLength(0, decay=1).weight == 0
    assert R1(0.5).gamma == WganGp(0.5).weight == PathLength(0.5, target=0.5).weight == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda v: R1(v), r"R1: gamma must be a number in \[0, inf\)"),
        (lambda v: R2(v), r"R2: gamma must be"),
        (lambda v: WganGp(v), r"WganGp: weight must be a number in \[0, inf\)"),
        (lambda v: Dragan(v), r"Dragan: weight must be"),
        (lambda v: PathLength(v), r"PathLength: weight must be a number in \[0, inf\)"),
        (lambda v: PathLength(target=v), r"PathLength: target must be a number in \[0, inf\)"),
        (lambda v: PathLength(decay=v), r"PathLength: decay must be a number in \[0, 1\]"),
    ],
)
@pytest.mark.parametrize("value", [-1, np.inf])
def test_bad_weights_are_named(make, message, value):
    with pytest.raises(ValueError, match=message):
        make(value)


def test_penalty_backward_passes_on_what_it_is_given(rng):
    """The mode, the random stream and the conditions reach the net; its own weight gradients are not disturbed."""
    net = Sequential(
        [Dense(3, 8, rng=rng, dtype=np.float64), Tanh(), Dropout(0.5), Dense(8, 1, rng=rng, dtype=np.float64)]
    )
    x = rng.standard_normal((6, 3))
    run = lambda **kw: penalty_backward(net, x, R1(1.0), **kw)[0]
    assert run(rng=np.random.default_rng(0)) == run(rng=np.random.default_rng(0))
    assert run(rng=np.random.default_rng(0)) != run(rng=np.random.default_rng(1))
    assert run(train=False) == run(train=False) != run(rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match="rng must be"):
        run()
    assert Penalised(net, R1(1.0), train=False).backward(x)[0] == run(train=False)
    assert Penalised(net, R1(1.0)).backward(x, rng=np.random.default_rng(0))[0] == run(rng=np.random.default_rng(0))

    class Labelled(Sequential):
        def forward(self, x, *, train, rng=None, labels):
            self.seen = labels
            return super().forward(x, train=train, rng=rng)

    net = Labelled([Dense(3, 1, rng=rng, dtype=np.float64)])
    penalty_backward(net, x, R1(1.0), labels="seven")
    assert net.seen == "seven"
    twice, _ = penalty_backward(net, x, R1(1.0), dy=2 * np.ones((6, 1)), labels=None)
    once, _ = penalty_backward(net, x, R1(1.0), labels=None)
    assert twice == pytest.approx(4 * once)


def test_points_depend_on_their_scale(rng):
    real = 7 * rng.standard_normal((40, 5))
    moved = perturb(real, rng=rng, scale=2.0) - real
    assert moved.max() == pytest.approx(2 * real.std(), rel=0.05)
    assert path_noise((500, 2, 8, 1), rng=rng).std() == pytest.approx(1 / 4, rel=0.05)
    assert path_noise((3, 2), rng=rng).dtype == np.float32
    assert path_noise((3, 2), rng=rng, dtype=np.float64).dtype == np.float64


def test_batchnorm_is_refused_in_these_words(rng):
    net = BatchNorm(3)
    with pytest.raises(ValueError) as error:
        penalty_backward(net, np.ones((2, 3), np.float32), R1())
    assert str(error.value) == (
        "a gradient penalty cannot go through BatchNorm in training: it normalises with the mean and variance of the "
        "batch, so every output depends on every sample, and the per-sample gradient that the penalty needs does not "
        "exist.  Use LayerNorm, InstanceNorm, GroupNorm or no normalisation in this net (Gulrajani et al. 2017, "
        "section 4)"
    )
    with pytest.raises(ValueError, match=r"of at least one sample, got \(3,\)"):
        R1()(np.ones(3))
    with pytest.raises(ValueError, match=r"of at least one sample, got \(2, 1\)"):
        R1()([[1.0], [2.0]])


def test_a_penalty_is_summed_in_float64():
    """Slopes whose squares are 2^24 and 1: in float32 the 1 would be lost."""
    g = np.array([[4096.0], [1.0]], np.float32)
    assert R1(2.0)(g)[0] == (2.0**24 + 1) / 2
    assert WganGp(2.0)(g + 1)[0] == 2.0**24 + 1
    assert PathLength(2.0, target=1.0)(g + 1)[0] == 2.0**24 + 1
    phi = PathLength(1.0, decay=0.0)
    phi(np.array([[16777216.0], [1.0]], np.float32))
    assert phi.target == 8388608.5


def test_speed_without_input_grad_the_last_adjoint_is_skipped(rng, monkeypatch):
    net = Sequential([Dense(3, 4, rng=rng, dtype=np.float64), Tanh(), Dense(4, 1, rng=rng, dtype=np.float64)])
    calls = []
    adjoint = Dense.adjoint
    monkeypatch.setattr(Dense, "adjoint", lambda self, *a: calls.append(self.path) or adjoint(self, *a))
    x = rng.standard_normal((5, 3))
    penalty_backward(net, x, R1(1.0), input_grad=False)
    assert calls.count("0") == 1  # for g; u goes on through tanh'' to the first layer's dW only
    penalty_backward(net, x, R1(1.0))
    assert calls.count("0") == 1 + 2
