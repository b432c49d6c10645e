"""Values at known points, stability far out, and the statements of the docstrings."""

import numpy as np
import pytest

from scratchgan import losses
from scratchgan.layers import sigmoid, softplus
from scratchgan.losses import Minimax, NonSaturating

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
