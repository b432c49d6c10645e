"""Values at known points, stability far out, and the statements of the docstrings."""

import numpy as np
import pytest

from scratchgan import losses
from scratchgan.layers import sigmoid, softplus
from scratchgan.losses import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPairing,
    Wasserstein,
)
from scratchgan.models import mlp_gan

LOG4 = np.log(4)


def logits(*values):
    return np.array(values, np.float64).reshape(-1, 1)


def test_at_equilibrium():
    """D = 1/2: L_D = log 4, L_G = -log 2 and log 2."""
    zero = logits(0, 0, 0)
    for loss, g_value in ((Minimax(), -np.log(2)), (NonSaturating(), np.log(2))):
        assert loss.discriminator(zero, zero)[0] == pytest.approx(LOG4, rel=1e-15)
        assert loss.generator(zero)[0] == pytest.approx(g_value, rel=1e-15)


def test_loss_is_cross_entropy_with_labels_one_and_zero(rng):
    """(Loss.1) in probabilities, (A) and (B) together, against the code on logits."""
    r, f = rng.standard_normal((2, 6, 1))
    D = lambda l: 1 / (1 + np.exp(-l))
    bce = np.mean(-np.log(D(r))) + np.mean(-np.log(1 - D(f)))
    assert Minimax().discriminator(r, f)[0] == pytest.approx(bce, rel=1e-13)
    assert NonSaturating().discriminator(r, f)[0] == pytest.approx(bce, rel=1e-13)
    assert Minimax().generator(f)[0] == pytest.approx(np.mean(np.log(1 - D(f))), rel=1e-13)
    assert NonSaturating().generator(f)[0] == pytest.approx(np.mean(-np.log(D(f))), rel=1e-13)
    t = 0.9
    bce = np.mean(-t * np.log(D(r)) - (1 - t) * np.log(1 - D(r))) + np.mean(-np.log(1 - D(f)))
    assert Minimax(label_smoothing=0.1).discriminator(r, f)[0] == pytest.approx(bce, rel=1e-13)


def test_both_players_of_minimax_disagree_by_sign(rng):
    """What D loses on the fakes, G gains: dL_G/df = -dL_D/df."""
    r, f = rng.standard_normal((2, 6, 1))
    np.testing.assert_array_equal(Minimax().generator(f)[1], -Minimax().discriminator(r, f)[2])


def test_signs():
    """D wants real logits up and fake ones down; G wants fake ones up, under either loss."""
    r, f = logits(-1, 0, 2), logits(-2, 0, 1)
    for loss in (Minimax(), NonSaturating()):
        _, d_real, d_fake = loss.discriminator(r, f)
        assert (d_real < 0).all()
        assert (d_fake > 0).all()
        assert (loss.generator(f)[1] < 0).all()


def test_gradient_ratio_is_one_minus_d_over_d(rng):
    f = 3 * rng.standard_normal((50, 1))
    D = sigmoid(f)
    ratio = NonSaturating().generator(f)[1] / Minimax().generator(f)[1]
    np.testing.assert_allclose(ratio, (1 - D) / D, rtol=1e-12)


def test_optimal_logit_is_log_p_over_q():
    """The derivative of L_D at one point with densities p and q is zero at D = t p / (p + q), and only there."""
    p, q = 0.7, 0.2
    for smoothing in (0.0, 0.1):
        loss = Minimax(label_smoothing=smoothing)
        best = (1 - smoothing) * p / (p + q)

        def slope(D, loss=loss):
            logit = logits(np.log(D / (1 - D)))
            _, d_real, d_fake = loss.discriminator(logit, logit)
            return p * d_real[0, 0] + q * d_fake[0, 0]

        assert slope(best) == pytest.approx(0, abs=1e-15)
        assert slope(best - 0.05) < 0 < slope(best + 0.05)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_stable_far_out(dtype, smoothing):
    """Logits of +-1000: finite values, exact limits, no warning (pytest turns warnings into errors)."""
    far = np.array([[1000.0], [-1000.0]], dtype)
    for cls in (Minimax, NonSaturating):
        loss = cls(label_smoothing=smoothing)
        value, d_real, d_fake = loss.discriminator(far, far)
        assert value == pytest.approx(1000 * (1 - smoothing) / 2 + 1000 * smoothing / 2 + 500, rel=1e-6)
        np.testing.assert_allclose(d_real[:, 0], [smoothing / 2, -(1 - smoothing) / 2], rtol=1e-6)
        np.testing.assert_array_equal(d_fake[:, 0], [0.5, 0.0])
        assert d_real.dtype == d_fake.dtype == dtype
    value, d = Minimax().generator(far)
    assert value == -500
    np.testing.assert_array_equal(d[:, 0], [-0.5, 0])
    value, d = NonSaturating().generator(far)
    assert value == 500
    np.testing.assert_array_equal(d[:, 0], [0, -0.5])


def test_losses_average_over_all_logits(rng):
    """Twice the same batch has the same value and half the derivative an entry; a patch of logits averages too."""
    r, f = rng.standard_normal((2, 4, 3, 3, 1))
    one, two = NonSaturating().discriminator(r, f), NonSaturating().discriminator(np.tile(r, (2, 1, 1, 1)), f)
    assert one[0] == pytest.approx(two[0])
    np.testing.assert_allclose(two[1][:4], one[1] / 2)
    assert one[1].shape == r.shape


def test_softplus_and_sigmoid():
    x = np.array([-800.0, -1e-3, 0, 1e-3, 800])
    np.testing.assert_allclose(softplus(x), [0, np.log1p(np.exp(-1e-3)), np.log(2), np.log1p(np.exp(1e-3)), 800])
    np.testing.assert_allclose(sigmoid(x), [0, 1 / (1 + np.exp(1e-3)), 0.5, 1 / (1 + np.exp(-1e-3)), 1])
    assert softplus(np.float64(-40)) == pytest.approx(np.exp(-40), rel=1e-12)


def test_names_and_bad_input():
    assert isinstance(losses.get("minimax", label_smoothing=0.2), Minimax)
    loss = NonSaturating()
    assert losses.get(loss) is loss
    with pytest.raises(ValueError, match="unknown loss 'non-saturatin', did you mean 'non-saturating'"):
        losses.get("non-saturatin")
    with pytest.raises(ValueError, match=r"label_smoothing must be a number in \[0, 1\), got 1"):
        Minimax(label_smoothing=1)
    with pytest.raises(ValueError, match="fake_logits is empty"):
        loss.generator(np.zeros((0, 1)))
    with pytest.raises(ValueError, match="real_logits must be a float array of logits, got list"):
        loss.discriminator([0.0], np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("loss", "at", "d_value", "g_value"),
    [
        (LeastSquares(), 0.5, 0.25, 0.125),
        (Hinge(), 0.3, 2.0, -0.3),
        (Hinge(), -1.0, 2.0, 1.0),
        (Wasserstein(), 0.7, 0.0, -0.7),
        (RelativisticAverage(), 1.3, LOG4, LOG4),
        (RelativisticPairing(), 1.3, LOG4 / 2, LOG4 / 2),
    ],
    ids=lambda v: getattr(v, "name", str(v)),
)
def test_at_equilibrium_of_the_others(loss, at, d_value, g_value):
    same = logits(at, at, at)
    value, d_real, d_fake = loss.discriminator(same, same)
    assert value == pytest.approx(d_value, abs=1e-15)
    assert loss.generator(same, same)[0] == pytest.approx(g_value, abs=1e-15)
    if not (isinstance(loss, Hinge) and at == -1):  # on its kink, where a derivative is a convention
        np.testing.assert_allclose(d_real + d_fake, 0, atol=1e-15)  # p = q: D has no reason to move


@pytest.mark.parametrize(("p", "q"), [(0.7, 0.2), (0.1, 0.6)])
def test_optimal_discriminator_of_each(p, q):
    """At one point with densities p and q, D minimises p a(d) + q b(d): the docstrings' optimum, by search."""
    d = np.linspace(-3, 3, 60001).reshape(-1, 1)
    best = {}
    for loss in (Minimax(), NonSaturating(), Minimax(label_smoothing=0.1), LeastSquares(), Hinge()):
        total = p * loss.real_term(d)[0] + q * loss.fake_term(d)[0]
        best[loss.name, getattr(loss, "label_smoothing", 0)] = float(d[np.argmin(total), 0])
    ratio = p / (p + q)
    assert sigmoid(np.float64(best["minimax", 0])) == pytest.approx(ratio, abs=1e-4)
    assert sigmoid(np.float64(best["non-saturating", 0])) == pytest.approx(ratio, abs=1e-4)
    assert sigmoid(np.float64(best["minimax", 0.1])) == pytest.approx(0.9 * ratio, abs=1e-4)
    assert best["least-squares", 0] == pytest.approx(ratio, abs=1e-4)
    assert best["hinge", 0] == pytest.approx(np.sign(p - q), abs=1e-4)
    slope = p * Wasserstein().real_term(d)[1] + q * Wasserstein().fake_term(d)[1]
    np.testing.assert_allclose(slope, q - p)  # no optimum: it falls without bound


def test_optimal_relativistic_discriminator():
    """On three points, descend to the optimum; there p (sigmoid(-rt) + S_q) = q (sigmoid(ft) + S_p) everywhere."""
    p, q = np.array([10, 4, 2]), np.array([2, 6, 8])  # how often each point occurs among 16
    c = np.zeros(3)
    where_p, where_q = np.repeat(np.arange(3), p), np.repeat(np.arange(3), q)
    for _ in range(4000):
        _, d_real, d_fake = RelativisticAverage().discriminator(c[where_p][:, None], c[where_q][:, None])
        c -= 2 * (np.bincount(where_p, d_real[:, 0], 3) + np.bincount(where_q, d_fake[:, 0], 3))
    rt, ft = c - c[where_q].mean(), c - c[where_p].mean()
    S_p, S_q = sigmoid(-rt)[where_p].mean(), sigmoid(ft)[where_q].mean()
    np.testing.assert_allclose(p * (sigmoid(-rt) + S_q), q * (sigmoid(ft) + S_p), rtol=1e-8)
    assert np.ptp(c) > 0.5


def test_optimal_pairing_discriminator_and_its_loss():
    """On three points, descend to the optimum over all pairs: C = log p/q + const, and log 2 - JSD of the pairs."""
    p, q = np.array([10, 4, 2]), np.array([2, 6, 7])  # how often each point occurs among 16 and among 15
    c, loss = np.zeros(3), RelativisticPairing()
    where_p, where_q = np.repeat(np.arange(3), p), np.repeat(np.arange(3), q)
    for _ in range(8000):
        value, d_real, d_fake = loss.discriminator(c[where_p][:, None], c[where_q][:, None])
        c -= 4 * (np.bincount(where_p, d_real[:, 0], 3) + np.bincount(where_q, d_fake[:, 0], 3))
    best = np.log(p / 16) - np.log(q / 15)
    np.testing.assert_allclose(c - c[0], best - best[0], atol=1e-8)
    one, other = np.outer(p / 16, q / 15), np.outer(q / 15, p / 16)
    middle = (one + other) / 2
    jsd = (np.sum(one * np.log(one / middle)) + np.sum(other * np.log(other / middle))) / 2
    assert value == pytest.approx(np.log(2) - jsd, abs=1e-10)


def test_pairs_are_the_nth_of_both_batches_or_all_pairs(rng):
    loss, (r, f) = RelativisticPairing(), rng.standard_normal((2, 4, 1))
    by_hand = np.mean([np.log1p(np.exp(-(a - b))) for a, b in zip(r.ravel(), f.ravel(), strict=True)])
    assert loss.discriminator(r, f)[0] == pytest.approx(by_hand, rel=1e-12)
    assert loss.discriminator(r, f[::-1].copy())[0] != pytest.approx(by_hand, rel=1e-3)
    every = np.mean([np.log1p(np.exp(-(a - b))) for a in r.ravel() for b in f[:3].ravel()])
    assert loss.discriminator(r, f[:3])[0] == pytest.approx(every, rel=1e-12)
    assert loss.generator(f[:3], r)[0] == pytest.approx(every + np.mean(r) - np.mean(f[:3]), rel=1e-12)
    for real, fake in ((r, f[:1]), (r[:1], f), (r[:1], f[:1])):
        _, d_real, d_fake = loss.discriminator(real, fake)
        assert (d_real.shape, d_fake.shape) == (real.shape, fake.shape)
        assert d_real.sum() == pytest.approx(-d_fake.sum(), rel=1e-12)


def test_wasserstein_estimates_the_earth_movers_distance(rng):
    """In 1-D, W1 is the mean distance of sorted samples; fakes to the left of all real ones make C(x) = x optimal."""
    real, fake = 5 + rng.random((2, 40, 1)) * np.array([1, -1]).reshape(2, 1, 1)
    by_sorting = np.abs(np.sort(real[:, 0]) - np.sort(fake[:, 0])).mean()
    assert -Wasserstein().discriminator(real, fake)[0] == pytest.approx(by_sorting, rel=1e-12)


def test_hinge_stops_at_its_margins():
    _, d_real, d_fake = Hinge().discriminator(logits(0.5, 1.0, 2.0), logits(-2.0, -1.0, 0.5))
    np.testing.assert_array_equal(d_real[:, 0] * 3, [-1, 0, 0])
    np.testing.assert_array_equal(d_fake[:, 0] * 3, [0, 0, 1])


def test_all_are_stable_far_out_and_keep_the_dtype():
    far = np.array([[1000.0], [-1000.0], [0.0]], np.float32)
    for name in losses.LOSSES:
        loss = losses.get(name)
        value, d_real, d_fake = loss.discriminator(far, far)
        g_value, d = loss.generator(far, far)
        tangents = [*loss.discriminator_tangent(far, far, far, far), loss.generator_tangent(far, far, far, far)]
        assert np.isfinite([value, g_value]).all()
        for a in (d_real, d_fake, d, *tangents):
            assert a.dtype == np.float32
            assert np.isfinite(a).all()


def test_label_smoothing_is_for_labels():
    with pytest.raises(ValueError, match="'hinge' has no labels to smooth"):
        losses.get("hinge", label_smoothing=0.1)
    assert losses.get("hinge", label_smoothing=0).name == "hinge"


def test_relativistic_needs_both():
    with pytest.raises(ValueError, match="real_logits must be a float array"):
        RelativisticAverage().generator(logits(0.0))
    gan = mlp_gan(loss="relativistic-average")
    with pytest.raises(ValueError, match="also needs a batch of real samples"):
        gan.g_step(4)
    assert np.isfinite(list(gan.train_step(np.zeros((4, 2), np.float32)).values())).all()


@pytest.mark.parametrize("name", losses.LOSSES)
def test_bad_logits_are_named(name):
    loss, good = losses.get(name), np.zeros((2, 1))
    bad = np.zeros((2, 1), np.int64)
    for which, arguments in (("real_logits", (bad, good)), ("fake_logits", (good, bad))):
        with pytest.raises(ValueError, match=f"^{which} must be a float array of logits, got int64$"):
            loss.discriminator(*arguments)
    with pytest.raises(ValueError, match=r"^fake_logits is empty, shape \(0, 1\): a mean over no samples has no "):
        loss.generator(np.zeros((0, 1)), good)


def test_messages_of_get():
    with pytest.raises(ValueError, match=r"^losses: unknown loss 'hing', did you mean 'hinge'\? known: minimax, "):
        losses.get("hing")
    with pytest.raises(
        ValueError,
        match=r"^losses: 'wasserstein' has no labels to smooth; label_smoothing is for "
        r"minimax and non-saturating$",
    ):
        losses.get("wasserstein", label_smoothing=0.1)


def test_a_value_is_averaged_in_float64():
    """16777216 + 1 is 16777216 in float32."""
    f = np.array([[16777216.0], [1.0]], np.float32)
    assert -Wasserstein().generator(f)[0] == 8388608.5


def test_label_smoothing_is_named_with_its_loss():
    for cls in (Minimax, NonSaturating):
        with pytest.raises(ValueError, match=f"^{cls.__name__}: label_smoothing must be a number in"):
            cls(label_smoothing=-0.1)


def test_relativistic_tangent_without_moving_real_logits(rng):
    f, tf, r = rng.standard_normal((3, 5, 1))
    loss = RelativisticAverage()
    np.testing.assert_array_equal(loss.generator_tangent(f, tf, r), loss.generator_tangent(f, tf, r, np.zeros_like(r)))
