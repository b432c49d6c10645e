"""A check that cannot fail is no check: faults seen in other projects, planted, are caught."""

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.exercises import bugs
from scratchgan.gradcheck import cases, check, relative_error
from scratchgan.gradcheck.run import run
from scratchgan.layers import BatchNorm, Conv2D, Dense, Dropout, LeakyReLU, ReLU, Softplus, Tanh
from scratchgan.losses import NonSaturating, Wasserstein
from scratchgan.models import dcgan, mlp_gan
from scratchgan.optim import Adam, Optimizer, RMSProp
from scratchgan.penalties import R1, R2, Penalised, WganGp, interpolate


class DropsSecondOrder(Tanh):
    """phi'' left out: right for ReLU, wrong for everything curved."""

    piecewise_linear = True


# The faults of scratchgan.exercises.bugs, each with something that it spoils.
SPOILED = {
    "activations kept on the layer": lambda rng: game(rng),
    "gradients assigned": lambda rng: game(rng),
    "bias of one sample": lambda rng: check(Dense(4, 3, rng=rng), rng.standard_normal((5, 4))),
    "BatchNorm in two modes": lambda rng: check(BatchNorm(3), rng.standard_normal((6, 3)), train=False),
    "batch statistics held constant": lambda rng: check(BatchNorm(3), rng.standard_normal((6, 3))),
    "no second derivative": lambda rng: check(
        Sequential([Dense(4, 5, rng=rng), Tanh(), Dense(5, 1, rng=rng)]), rng.standard_normal((6, 4))
    ),
    "kernel turned round": lambda rng: check(Conv2D(2, 3, kernel_size=3, rng=rng), rng.standard_normal((2, 5, 5, 2))),
    "slope with a minus": lambda rng: check(LeakyReLU(0.2), rng.standard_normal((4, 5))),
    "another mask on the way back": lambda rng: check(Dropout(0.5), rng.standard_normal((4, 5))),
    "fakes with a minus": lambda rng: check(NonSaturating()),
    "1/N forgotten": lambda rng: check(NonSaturating()),
    "the other loss's gradient": lambda rng: check(NonSaturating()),
}


def game(rng):
    return check(mlp_gan(2, 2, (5,)), rng.standard_normal((5, 2)))


def test_every_wrong_derivative_has_something_that_it_spoils():
    assert set(SPOILED) == {name for name, bug in bugs.BUGS.items() if bug.found_by == bugs.GRADCHECK}


@pytest.mark.parametrize("fault", SPOILED)
def test_checks_catch(fault, rng):
    assert SPOILED[fault](rng).ok
    with bugs.planted(fault):
        report = SPOILED[fault](rng)
    assert not report.ok
    assert report.max_error > 1e-3
    assert "WRONG" in str(report)
    assert SPOILED[fault](rng).ok


@pytest.mark.parametrize(("fault", "alone"), [("activations kept on the layer", False), ("gradients assigned", True)])
def test_faults_that_the_game_shows(fault, alone, rng):
    """With gradients that are assigned, one layer alone looks right; two pending batches, real and fake, do not."""
    with bugs.planted(fault):
        assert check(Dense(2, 3, rng=rng), rng.standard_normal((5, 2))).ok == alone
        report = game(rng)
    assert "D's loss: D.0.W" in {row.array for row in report.rows if row.error > report.tolerance}


def test_a_dropped_second_derivative_is_none_of_relu(rng):
    with bugs.planted("no second derivative"):
        assert check(Sequential([Dense(4, 5, rng=rng), ReLU(), Dense(5, 1, rng=rng)]), rng.standard_normal((6, 4))).ok
        assert not check(Tanh(), rng.standard_normal((4, 5))).ok


def test_tgamma_forgotten(rng):
    class ForgetsTgamma(BatchNorm):
        def tangent_backward(self, tdy, cache, **kw):
            cache.tparams = {k: v for k, v in cache.tparams.items() if k != "gamma"}
            return super().tangent_backward(tdy, cache, **kw)

    assert not check(ForgetsTgamma(3), rng.standard_normal((6, 3))).ok


def test_error_of_a_derivative():
    a, n = np.array([1.0, 0.0]), np.array([1.0, 1e-9])
    assert relative_error(a, n, floor=0) == pytest.approx(1e-9)
    assert relative_error(np.zeros(2), np.array([0, 1e-9]), floor=1e-3) == pytest.approx(1e-6)
    assert relative_error(np.zeros(2), np.zeros(2), floor=0) == 0
    assert relative_error(np.array([np.nan]), np.zeros(1), floor=1) == np.inf


def test_the_checked_thing_is_not_touched(rng):
    net = Sequential([Dense(3, 4, rng=rng), BatchNorm(4), ReLU(), Dense(4, 1, rng=rng)])
    before = [a.copy() for _, a in net.parameters() + net.gradients() + net.buffers()]
    x = rng.standard_normal((6, 3)).astype(np.float32)
    kept = x.copy()
    assert check(net, x).ok
    gan = dcgan(image_size=16, width=2, latent_dim=3)
    state = {name: a.copy() for name, a in gan.state().items()}
    assert check(gan, rng.standard_normal((3, 16, 16, 1))).ok
    for a, (_, b) in zip(before, net.parameters() + net.gradients() + net.buffers(), strict=True):
        np.testing.assert_array_equal(a, b)
    for name, a in gan.state().items():
        np.testing.assert_array_equal(a, state[name])
    np.testing.assert_array_equal(x, kept)


def test_inputs_on_a_kink_are_drawn_again():
    x = np.array([[0.0, 1.0], [2.0, -1.0]])
    assert check(ReLU(), x).ok


def test_large_arrays_in_random_directions(rng):
    net = Sequential([Dense(30, 20, rng=rng), Softplus(), Dense(20, 1, rng=rng)])
    report = check(net, rng.standard_normal((12, 30)))
    assert report.ok
    how = {row.array: row.how for row in report.rows if row.step == "backward"}
    assert how["0.W"] == "12 directions"
    assert how["2.W"] == "all entries"
    net.layers[0] = FlipsW(30, 20, rng=rng)
    assert not check(net, rng.standard_normal((12, 30))).ok


class FlipsW(Dense):
    def weight_grad(self, x, dy):
        return super().weight_grad(x, dy)[::-1].copy()


def test_report_reads_as_a_table(rng):
    with bugs.planted("slope with a minus"):
        report = check(LeakyReLU(), rng.standard_normal((2, 3)), name="my layer")
    text = str(report)
    assert text.startswith("my layer: WRONG, largest error")
    assert "<-- WRONG" in text
    assert len(text.splitlines()) == 2 + len(report.rows)
    row = report.rows[0]
    assert np.abs(row.by_hand - row.by_differences)[row.where] == np.abs(row.by_hand - row.by_differences).max()


def test_bad_input_is_refused(rng):
    layer = Dense(2, 1, rng=rng)
    with pytest.raises(ValueError, match="does not vary"):
        check(layer, np.ones((3, 2)))
    with pytest.raises(ValueError, match="must be finite"):
        check(layer, np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="needs a batch of inputs"):
        check(layer)
    with pytest.raises(TypeError, match="got int"):
        check(3)
    with pytest.raises(RuntimeError, match="away from the kinks"):
        check(Sequential([Dense(5, 3000, rng=rng), ReLU()]), rng.standard_normal((60, 5)))


def test_registry_runs_and_selects(capsys):
    assert run(["Dense"])
    printed = capsys.readouterr().out
    assert "Dense: ok" in printed
    assert "2 cases" in printed
    with pytest.raises(ValueError, match="unknown name 'Conv3D'"):
        run(["Conv3D"])


def test_every_public_layer_and_loss_is_registered():
    from scratchgan import layers, losses

    rng = np.random.default_rng(0)
    seen = set()
    for case in cases.LAYERS:
        seen |= {type(part) for _, part in case.build(rng).walk()}
    public = {getattr(layers, name) for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    bases = {base for base in public for other in public if other is not base and issubclass(other, base)}
    assert public - bases <= seen
    assert set(losses.LOSSES.values()) <= {type(case.build(rng)) for case in cases.LOSSES}


def test_registry_reports_failure(monkeypatch, capsys):
    case = cases.Case("Broken", lambda rng: DropsSecondOrder(), (3, 4))
    monkeypatch.setattr(cases, "CASES", [case])
    assert not run()
    assert "WRONG: Broken" in capsys.readouterr().out


def test_html_has_a_picture_only_on_failure(rng):
    good = check(Dense(3, 2, rng=rng), rng.standard_normal((4, 3)))
    bad = check(FlipsW(3, 2, rng=rng), rng.standard_normal((4, 3)), name="<mine>")
    assert "<table>" in good._repr_html_()
    assert "<img" not in good._repr_html_()
    shown = bad._repr_html_()
    assert "&lt;mine&gt;: WRONG" in shown
    assert "data:image/png;base64," in shown
    axes = bad.figure().axes
    assert all(a.get_title() and a.get_xlabel() for a in axes[:3])
    assert bad.worst.array == "W"


def test_not_a_number_is_wrong_and_located(rng):
    class MakesNan(Dense):
        def weight_grad(self, x, dy):
            dW = super().weight_grad(x, dy)
            dW[1, 0] = np.nan
            return dW

    report = check(MakesNan(3, 2, rng=rng), rng.standard_normal((4, 3)))
    assert not report.ok
    assert report.max_error == np.inf
    assert next(row for row in report.rows if row.array == "W").where == (1, 0)
    assert "data:image/png" in report._repr_html_()


def test_float32_is_warned_about(rng):
    with pytest.warns(RuntimeWarning, match="float32"):
        report = check(Dense(3, 2, rng=rng), rng.standard_normal((4, 3)), dtype=np.float32)
    assert not report.ok  # right, and yet not to be seen in float32
    assert report.max_error < 0.5


@pytest.mark.parametrize("fault", ["real points", "wrong axis", "phi''", "forgets 1/N", "hinge for wasserstein"])
def test_faults_in_penalties_and_critics(fault, rng):
    """What other projects call a gradient penalty, and a Wasserstein loss."""
    x = rng.standard_normal((4, 3))
    net = Sequential([Dense(3, 5, rng=rng), (DropsSecondOrder if fault == "phi''" else Tanh)(), Dense(5, 1, rng=rng)])

    class WrongAxis(WganGp):
        def __call__(self, g):
            value, _ = super().__call__(g)
            norm = np.sqrt((g * g).sum(axis=0, keepdims=True))
            return value, 2 * self.weight / len(g) * (norm - 1) * g / norm

    class ForgetsN(R1):
        def __call__(self, g):
            value, u = super().__call__(g)
            return value, u * len(g)

    if fault == "real points":
        real, fake = x, rng.standard_normal((4, 3))
        points = interpolate(real, fake, rng=rng)
        assert np.abs(points - real).min(axis=1).max() > 1e-3
        assert np.abs(points - fake).min(axis=1).max() > 1e-3
    elif fault == "hinge for wasserstein":
        assert Wasserstein().discriminator(5 + x, x - 5)[0] == pytest.approx(-10)  # no margin at which it stops
    else:
        penalty = {"wrong axis": WrongAxis(3.0), "phi''": WganGp(3.0), "forgets 1/N": ForgetsN(3.0)}[fault]
        assert not check(Penalised(net, penalty), x).ok
        if fault != "phi''":
            assert not check(penalty).ok


def test_dropping_second_order_terms_is_right_for_relu_and_only_there(rng):
    x = rng.standard_normal((5, 3))
    for activation, right in ((ReLU(), True), (DropsSecondOrder(), False)):
        net = Sequential([Dense(3, 6, rng=rng), activation, Dense(6, 1, rng=rng)])
        assert check(Penalised(net, R1(2.0)), x).ok is right


def test_penalties_are_checked_alone_and_on_a_net(rng):
    assert check(WganGp(10.0)).ok
    report = check(Penalised(Dense(3, 1, rng=rng), R2(1.0)), rng.standard_normal((4, 3)))
    assert report.ok
    assert report.name == "R2 of Dense"
    with pytest.raises(ValueError, match="cannot go through BatchNorm"):
        check(Penalised(Sequential([BatchNorm(3), Dense(3, 1, rng=rng)]), R1()), rng.standard_normal((4, 3)))


class ForgetsTheRoot(RMSProp):
    """Divides by the mean square itself."""

    def update(self, w, g, lr, v):
        v += (1 - self.decay) * (g * g - v)
        w -= lr * g / (v + self.eps)


class ForgetsTheCorrection(Adam):
    """Moments that start at zero, taken as they are."""

    def update(self, w, g, lr, m, v):
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        w -= lr * m / (np.sqrt(v) + self.eps)


@pytest.mark.parametrize(("right", "wrong"), [(RMSProp, ForgetsTheRoot), (Adam, ForgetsTheCorrection)])
def test_optimisers_are_checked_against_their_sums(right, wrong, rng):
    net = Dense(3, 2, rng=rng)
    optimizer = right(net, 0.1)
    before = [w.copy() for _, w in net.parameters()]
    assert check(optimizer).ok
    assert optimizer.steps == 0
    assert all(np.array_equal(w, b) for (_, w), b in zip(net.parameters(), before, strict=True))
    report = check(wrong(net, 0.1))
    assert not report.ok
    assert report.worst.step == "step"
    assert report.name == wrong.__name__


def test_an_optimiser_without_a_sum_says_so(rng):
    class Own(Optimizer):
        def update(self, w, g, lr):
            w -= lr * g

    with pytest.raises(NotImplementedError, match="Own must define direction to be checked"):
        check(Own(Dense(2, 1, rng=rng), 0.1))
