"""The Dirac-GAN by hand against the package's layers, and the spectrum of nets against central differences."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.models import mlp_gan
from scratchgan.penalties import R1, WganGp
from scratchgan.theory import dirac, eigenvalues
from scratchgan.theory.dirac_nets import DiracNets

pytestmark = pytest.mark.usefixtures("one_thread")

VARIANTS = list(dirac.VARIANTS.values())
SMOOTH = [v for v in VARIANTS if v.penalty != "wgan-gp"]
label = lambda v: v.label
number = st.floats(-2, 2).filter(lambda v: v == 0 or abs(v) > 1e-100)  # |psi|^2 must not underflow in a norm
points = st.tuples(number, number)


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@settings(max_examples=10, deadline=None)
@given(point=points)
def test_field_by_hand_is_that_of_the_layers(variant, point):
    nets = DiracNets(variant, psi=point[0], theta=point[1])
    np.testing.assert_allclose(nets.field(), dirac.field(variant, *point), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("variant", [v for v in SMOOTH if not v.consensus], ids=label)
def test_field_is_the_gradient_of_the_losses(variant):
    """Central differences of the players' values: the package's losses, penalty and noise written out."""
    psi, theta, h = 0.7, -1.1, 1e-5
    e = variant.noise * dirac.NOISE if variant.noise else np.zeros(1)
    loss = DiracNets(variant).gan.loss

    def d_value(psi, theta):
        return loss.discriminator(psi * e, psi * (theta + e))[0] + (variant.gamma / 2 * psi**2 if variant.gamma else 0)

    def g_value(psi, theta):
        return loss.generator(psi * (theta + e))[0]

    numeric = (
        (d_value(psi + h, theta) - d_value(psi - h, theta)) / (2 * h),
        (g_value(psi, theta + h) - g_value(psi, theta - h)) / (2 * h),
    )
    np.testing.assert_allclose(dirac.field(variant, psi, theta), numeric, rtol=1e-8)


def test_consensus_adds_the_gradient_of_the_squared_field():
    variant, plain = dirac.VARIANTS["consensus"], dirac.VARIANTS["non-saturating"]
    psi, theta, h = 0.7, -1.1, 1e-5
    half = lambda a, b: 0.5 * sum(v**2 for v in dirac.field(plain, a, b))
    gradient = [
        (half(psi + h, theta) - half(psi - h, theta)) / (2 * h),
        (half(psi, theta + h) - half(psi, theta - h)) / (2 * h),
    ]
    expected = np.add(dirac.field(plain, psi, theta), gradient)
    np.testing.assert_allclose(dirac.field(variant, psi, theta), expected, rtol=1e-8)


@pytest.mark.parametrize("variant", SMOOTH, ids=label)
def test_jacobian_and_eigenvalues_to_1e_8(variant):
    nets, h = DiracNets(variant), 1e-5
    columns = [
        (np.array(dirac.field(variant, *(h * unit))) - dirac.field(variant, *(-h * unit))) / (2 * h)
        for unit in np.eye(2)
    ]
    np.testing.assert_allclose(dirac.jacobian(variant), np.array(columns).T, atol=1e-9)
    np.testing.assert_allclose(nets.jacobian(), dirac.jacobian(variant), atol=1e-8)
    np.testing.assert_allclose(
        np.sort_complex(nets.eigenvalues()), np.sort_complex(dirac.eigenvalues(variant)), atol=1e-8
    )


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_jacobian_of_the_layers_away_from_equilibrium(variant):
    psi, theta, h = 0.6, -0.9, 1e-5
    columns = [
        (np.array(dirac.field(variant, psi + h * a, theta + h * b)) - dirac.field(variant, psi - h * a, theta - h * b))
        / (2 * h)
        for a, b in np.eye(2)
    ]
    nets = DiracNets(variant, psi=psi, theta=theta)
    np.testing.assert_allclose(nets.jacobian(), np.array(columns).T, atol=1e-8)
    assert nets.point == (psi, theta)


@pytest.mark.parametrize(("mode", "n_d"), [("simultaneous", 1), ("alternating", 1), ("alternating", 3)])
@pytest.mark.parametrize("variant", SMOOTH, ids=label)
def test_update_eigenvalues_are_those_of_the_update(variant, mode, n_d):
    tiny = 1e-6
    columns = [
        dirac.trajectory(variant, h=0.3, steps=1, mode=mode, n_d=n_d, start=tuple(tiny * unit))[1] / tiny
        for unit in np.eye(2)
    ]
    found = np.sort_complex(np.linalg.eigvals(np.array(columns).T))
    np.testing.assert_allclose(found, np.sort_complex(dirac.update_eigenvalues(variant, 0.3, mode, n_d)), atol=1e-8)


@pytest.mark.parametrize(("mode", "n_d"), [("simultaneous", 1), ("alternating", 1), ("alternating", 5)])
@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_paths_by_hand_are_those_of_the_layers(variant, mode, n_d):
    by_hand = dirac.trajectory(variant, steps=40, mode=mode, n_d=n_d)
    by_layers = DiracNets(variant, psi=1, theta=1).trajectory(steps=40, mode=mode, n_d=n_d)
    np.testing.assert_allclose(by_layers, by_hand, rtol=1e-10, atol=1e-12)


def test_undamped_alternating_steps_hold_the_circle_up_to_two():
    """(Dirac.6): on the unit circle while h s sqrt(n_d) < 2, outside beyond."""
    plain = dirac.VARIANTS["minimax"]
    for h, n_d, inside in ((3.9, 1, True), (4.1, 1, False), (1.9, 4, True), (2.1, 4, False)):
        largest = max(abs(mu) for mu in dirac.update_eigenvalues(plain, h, "alternating", n_d))
        assert (largest < 1 + 1e-9) == inside


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_what_converges(variant):
    """Mescheder et al. 2018: instance noise, R1, R2 and consensus do."""
    should = variant.label in ("instance noise", "R1", "R2", "consensus")
    for mode in dirac.MODES:
        norms = np.linalg.norm(dirac.trajectory(variant, steps=400, mode=mode), axis=1)
        assert (norms[-1] < 1e-6) == should
        if not should:
            assert norms[-1] > 0.2


def test_slow_return_of_the_non_saturating_game():
    """(Dirac.7): R^2 falls as f^2; alternating steps follow sqrt(8/t), simultaneous ones stop at sqrt(2h)."""
    variant = dirac.VARIANTS["non-saturating"]
    norms = np.linalg.norm(dirac.trajectory(variant, h=0.2, steps=4000, mode="alternating"), axis=1)
    assert norms[-63:].mean() == pytest.approx(math.sqrt(8 / (4000 * 0.2)), rel=0.02)
    circle = np.linalg.norm(dirac.trajectory(variant, h=0.2, steps=3000, mode="simultaneous"), axis=1)
    assert circle[-630:].mean() == pytest.approx(math.sqrt(0.4), rel=0.02)
    psi, theta = 0.3, 0.8
    v = dirac.field(variant, psi, theta)
    f = psi * theta
    assert -2 * (psi * v[0] + theta * v[1]) == pytest.approx(-2 * f * math.tanh(f / 2), rel=1e-12)


def test_clipping_keeps_the_slope_in_its_box():
    variant = dirac.VARIANTS["WGAN, clipped"]
    assert np.abs(dirac.trajectory(variant, steps=300)[:, 0]).max() <= 1
    assert np.abs(DiracNets(variant, psi=1, theta=1).trajectory(steps=50, mode="alternating")[:, 0]).max() <= 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: dirac.Variant("x", "minmax"), "minimax"),
        (lambda: dirac.Variant("x", penalty="r3"), "penalty"),
        (lambda: dirac.Variant("x", gamma=math.nan), "gamma"),
        (lambda: dirac.Variant("x", noise=-1), "noise"),
        (lambda: dirac.Variant("x", clip=0), "clip"),
        (lambda: dirac.Variant("x", noise=1, consensus=1), "consensus"),
        (lambda: dirac.trajectory(VARIANTS[0], h=0), "h must"),
        (lambda: dirac.trajectory(VARIANTS[0], steps=0), "steps"),
        (lambda: dirac.trajectory(VARIANTS[0], mode="both"), "mode"),
        (lambda: dirac.trajectory(VARIANTS[0], n_d=2), "n_d"),
        (lambda: dirac.trajectory(VARIANTS[0], start=(1, math.nan)), "start"),
        (lambda: dirac.trajectory(VARIANTS[0], start=(1, 2, 3)), "start"),
        (lambda: dirac.eigenvalues(dirac.VARIANTS["WGAN-GP"]), "kink"),
        (lambda: eigenvalues.largest_step(np.array([])), "eigenvalues"),
        (lambda: eigenvalues.largest_step(np.array([np.nan])), "eigenvalues"),
        (lambda: eigenvalues.teacher_game(width=0), "width"),
        (lambda: eigenvalues.teacher_game(seed=-1), "seed"),
    ],
)
def test_bad_arguments(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()


# -- nets -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["non-saturating", "least-squares", "relativistic-average"])
@pytest.mark.parametrize(("penalty", "at"), [(None, "real"), (R1(0.7), "real"), (WganGp(2.0), "fake")])
def test_jacobian_of_nets_against_central_differences(loss, penalty, at, rng):
    gan, real, Z = eigenvalues.teacher_game(loss=loss, width=3, batch=6)
    for _, _, a in eigenvalues.parameters(gan):
        a += 0.5 * rng.standard_normal(a.shape)  # away from the equilibrium
    before = [a.copy() for _, _, a in eigenvalues.parameters(gan)]
    matrix = eigenvalues.game_jacobian(gan, real, Z, penalty, at=at)
    numeric = eigenvalues.difference_jacobian(gan, partial(eigenvalues.field, gan, real, Z, penalty, at=at))
    assert matrix.shape == (sum(a.size for a in before),) * 2
    np.testing.assert_allclose(matrix, numeric, atol=1e-8 * max(1, np.abs(matrix).max()))
    for a, (_, _, now) in zip(before, eigenvalues.parameters(gan), strict=True):
        np.testing.assert_array_equal(a, now)


def test_penalty_field_is_dropped_from_g():
    gan, real, Z = eigenvalues.teacher_game(width=3, batch=6)
    gan.D[2].params["W"][...] = 1.0
    extra = eigenvalues.field(gan, real, Z, R1(1.0)) - eigenvalues.field(gan, real, Z)
    n = sum(a.size for _, a in gan.D.parameters())
    assert np.abs(extra[:n]).max() > 1e-3
    np.testing.assert_array_equal(extra[n:], 0)
    with pytest.raises(ValueError, match="at"):
        eigenvalues.penalty_field(gan, real, Z, R1(1.0), at="both")


@pytest.mark.parametrize("loss", ["minimax", "non-saturating", "wasserstein"])
def test_spectrum_at_the_exact_equilibrium(loss):
    """Without a penalty WGAN only turns; with R1 all that moves decays, and larger steps are allowed."""
    gan, real, Z = eigenvalues.teacher_game(loss=loss, width=4, batch=32)
    assert np.abs(eigenvalues.field(gan, real, Z)).max() < 1e-15
    plain, damped = (eigenvalues.eigenvalues(gan, real, Z, p) for p in (None, R1(1.0)))
    plain, damped = (values[np.abs(values) > 1e-3] for values in (plain, damped))
    assert (plain.real < 1e-7).all()
    assert (damped.real < -1e-6).all()
    assert eigenvalues.largest_step(damped) > 2 * eigenvalues.largest_step(plain)
    if loss == "wasserstein":
        np.testing.assert_allclose(plain.real, 0, atol=1e-9)


def test_largest_step_is_where_an_update_stops_shrinking():
    values = np.array([-1 + 3j, -1 - 3j])
    h = eigenvalues.largest_step(values)
    assert h == pytest.approx(0.2)
    assert np.abs(1 + h * values).max() == pytest.approx(1)
    assert eigenvalues.largest_step(np.array([1j])) == 0


def test_differences_refuse_float32():
    gan = mlp_gan(2, 2, (3,))
    with pytest.raises(ValueError, match="float64"):
        eigenvalues.difference_jacobian(gan, lambda: np.zeros(1))
