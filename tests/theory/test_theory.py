"""Densities on the line, divergences and the optimal discriminator: against closed forms and against SciPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.losses import Hinge, LeastSquares, Minimax, NonSaturating
from scratchgan.theory import divergences, line, optimal
from scratchgan.theory.divergences import js, kl, total_variation, w1

means, sigmas = st.floats(-3, 3), st.floats(0.2, 3)


# -- integrals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "density",
    [line.gaussian(1, 0.3), line.mixture([-2, 0, 2], 0.3, [0.3, 0.5, 0.2]), line.uniform(-1, 3)],
    ids=lambda d: d.name,
)
def test_densities_integrate_to_one_and_to_their_cdf(density):
    total = line.integrate(density.density, density.interval, breaks=density.breaks)
    assert abs(total.value - 1) <= max(total.error, 1e-14)
    middle = 0.37
    half = line.integrate(density.density, (density.interval[0], middle), breaks=density.breaks)
    assert half.value == pytest.approx(float(density.cdf(np.array([middle]))[0]), abs=1e-12)


def test_mixture_is_the_packages_toy_density():
    from scratchgan.data import toy

    x = np.linspace(-4, 4, 50)
    mine = line.mixture([-2, 0, 2], 0.3, [0.3, 0.5, 0.2])
    np.testing.assert_allclose(mine.log_density(x), toy.gaussian_mixture_1d().log_density(x[:, None]), rtol=1e-12)


@pytest.mark.parametrize("f", [np.exp, np.abs, lambda x: np.sqrt(np.abs(x - 0.3)), lambda x: np.sign(x - 0.123)])
@pytest.mark.parametrize("panels", [2, 11, 100])
def test_the_error_of_an_integral_is_not_too_small(f, panels):
    integrate = pytest.importorskip("scipy.integrate")
    truth = integrate.quad(f, -1, 2, points=[0, 0.123, 0.3], epsabs=1e-13, epsrel=1e-13, limit=200)[0]
    value, error = line.integrate(f, (-1, 2), panels=panels)
    assert abs(value - truth) <= 3 * error + 1e-13


def test_integrals_of_the_infinite_and_of_nan():
    assert line.integrate(lambda x: np.where(x > 0, np.inf, 0), (-1, 1)).value == math.inf
    with pytest.raises(ValueError, match="nan at x"):
        line.integrate(lambda x: np.full_like(x, np.nan), (0, 1))
    with pytest.raises(ValueError, match="one value per point"):
        line.integrate(lambda x: 1.0, (0, 1))


def test_normal_points_are_a_standard_normal_batch():
    x = line.normal_points(20000)
    assert x.mean() == pytest.approx(0, abs=1e-12)
    assert x.var() == pytest.approx(1, abs=1e-3)
    assert (np.diff(x) > 0).all()


@pytest.mark.parametrize(
    "bad",
    [
        lambda: line.gaussian(math.nan, 1),
        lambda: line.gaussian(0, 0),
        lambda: line.gaussian(0, math.nan),
        lambda: line.mixture([], 1.0),
        lambda: line.mixture([0, 1], [1, 2, 3]),
        lambda: line.mixture([0, 1], 1, [1, -1]),
        lambda: line.uniform(1, 1),
        lambda: line.uniform(0, math.inf),
        lambda: line.uniform(math.nan, 1),
        lambda: line.gaussian().density(np.zeros((2, 1))),
        lambda: line.uniform().cdf(0.0),
        lambda: line.nodes((1, 0)),
        lambda: line.nodes((0, math.nan)),
        lambda: line.nodes((0, 1), panels=0),
        lambda: line.normal_points(0),
        lambda: divergences.tv_gaussians(1, 0),
        lambda: divergences.kl_gaussians(0, -1, 0, 1),
    ],
)
def test_bad_densities_are_refused(bad):
    with pytest.raises(ValueError):
        bad()


# -- divergences ------------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(means, sigmas, means, sigmas)
def test_gaussians_closed_forms(a, s, b, t):
    p, q = line.gaussian(a, s), line.gaussian(b, t)
    assert kl(p, q).value == pytest.approx(divergences.kl_gaussians(a, s, b, t), rel=1e-9, abs=1e-11)
    assert w1(p, q).value == pytest.approx(divergences.w1_gaussians(a, s, b, t), rel=1e-9, abs=1e-10)
    same = line.gaussian(b, s)
    assert total_variation(p, same).value == pytest.approx(divergences.tv_gaussians(b - a, s), abs=1e-10)


@settings(max_examples=10, deadline=None)
@given(means, sigmas, means, sigmas)
def test_inequalities_between_divergences(a, s, b, t):
    p, q = line.gaussian(a, s), line.mixture([b, b + 1], [t, s])
    jsd, tv = js(p, q).value, total_variation(p, q).value
    assert js(q, p).value == pytest.approx(jsd, abs=1e-12)
    assert -1e-12 <= jsd <= math.log(2) * tv + 1e-12  # JSD <= TV log 2
    assert tv**2 / 2 <= jsd + 1e-10  # Pinsker, to the middle, both halves
    assert tv <= math.sqrt(kl(p, q).value / 2) + 1e-9  # Pinsker


def test_js_against_scipy():
    integrate = pytest.importorskip("scipy.integrate")
    p, q = line.mixture([-2, 0, 2], 0.3, [0.3, 0.5, 0.2]), line.gaussian(0.5, 1)

    def f(x):
        a, b = p.density(np.array([x]))[0], q.density(np.array([x]))[0]
        return 0.5 * (a * math.log(2 * a / (a + b)) if a else 0) + 0.5 * (b * math.log(2 * b / (a + b)) if b else 0)

    truth, _ = integrate.quad(f, -11, 12, limit=500, epsabs=1e-11, points=[-2, 0, 2])
    value, error = js(p, q)
    assert value == pytest.approx(truth, abs=1e-9)
    assert error < 1e-9


@pytest.mark.parametrize("shift", [0.0, 0.25, -0.8, 1.0, 4.0])
def test_shifted_uniforms(shift):
    p, q = line.uniform(0, 1), line.uniform(shift, 1 + shift)
    apart = min(abs(shift), 1.0)  # where both are, p = q = m; where only one is, it is twice m: log 2
    assert js(p, q).value == pytest.approx(apart * math.log(2), abs=1e-12)
    assert total_variation(p, q).value == pytest.approx(apart, abs=1e-12)
    assert w1(p, q).value == pytest.approx(abs(shift), abs=1e-12)
    assert kl(p, q).value == (math.inf if shift else 0.0)


def test_kl_is_infinite_only_where_q_is_zero_and_p_is_not():
    narrow, wide = line.uniform(0, 1), line.uniform(-1, 2)
    assert kl(narrow, wide).value == pytest.approx(math.log(3), abs=1e-12)
    assert kl(wide, narrow).value == math.inf


def test_a_narrow_density_beside_a_far_one_is_seen():
    assert js(line.gaussian(0, 1e-3), line.gaussian(1000, 1e-3)).value == pytest.approx(math.log(2), abs=1e-9)
    assert w1(line.gaussian(0, 1e-3), line.gaussian(1000, 1e-3)).value == pytest.approx(1000, rel=1e-9)


# -- the optimal discriminator ----------------------------------------------------------------------------------------


def test_optimal_discriminator_is_p_over_p_plus_q():
    log_p, log_q = np.log([0.3, 1e-300, 2.0]), np.log([0.1, 1.0, 2.0])
    np.testing.assert_allclose(optimal.optimal_discriminator(log_p, log_q), [0.75, 1e-300, 0.5], rtol=1e-12)
    np.testing.assert_allclose(optimal.least_squares_optimum(log_p, log_q, fake=-1, real=1), [0.5, -1, 0], atol=1e-15)
    np.testing.assert_array_equal(optimal.hinge_optimum(log_p, log_q), [1, -1, 0])


def test_outside_of_both_supports_nothing_is_best():
    inf = np.inf
    D = optimal.optimal_discriminator(np.array([-inf, 0, -inf]), np.array([0, -inf, -inf]))
    np.testing.assert_array_equal(D, [0, 1, np.nan])


@pytest.mark.parametrize(
    ("log_p", "log_q"),
    [(np.zeros(2), np.zeros(3)), (np.array([np.nan]), np.zeros(1)), (np.zeros(1), np.array([np.inf]))],
)
def test_bad_log_densities_are_refused(log_p, log_q):
    with pytest.raises(ValueError, match="log_"):
        optimal.optimal_logits(log_p, log_q)


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating(), LeastSquares(), Hinge()], ids=lambda l: l.name)
def test_no_other_discriminator_has_a_smaller_loss(loss):
    p, q = line.gaussian(0, 1), line.gaussian(1, 0.6)
    logits = lambda x: loss.optimal_logit(p.log_density(x), q.log_density(x))
    turns = divergences.crossings(lambda x: p.density(x) - q.density(x), (-12, 12))
    least = optimal.expected_loss(loss, p, q, logits, breaks=turns)
    closed = {
        "least-squares": optimal.least_squares_best,
        "hinge": optimal.hinge_best,
    }.get(loss.name, lambda p, q: line.Integral(-optimal.value_of_game(p, q).value, 0))
    assert least.value == pytest.approx(closed(p, q).value, abs=1e-10)
    for bump in (0.1, -0.1):
        other = lambda x, bump=bump: logits(x) + bump * np.exp(-((x - 0.5) ** 2))
        assert optimal.expected_loss(loss, p, q, other, breaks=turns).value > least.value + 1e-5


def test_value_of_the_game_runs_from_minus_log_4_to_0():
    p = line.gaussian()
    assert optimal.value_of_game(p, p).value == pytest.approx(-math.log(4), abs=1e-13)
    assert optimal.value_of_game(line.uniform(0, 1), line.uniform(5, 6)).value == pytest.approx(0, abs=1e-13)


@settings(deadline=None)
@given(st.floats(-30, 30))
def test_gradient_ratio_is_that_of_the_losses(l):
    logits = np.array([[l]])
    ratio = NonSaturating().generator(logits)[1] / Minimax().generator(logits)[1]
    np.testing.assert_allclose(ratio, optimal.gradient_ratio(logits), rtol=1e-12)
