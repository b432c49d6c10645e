"""Classifiers, image similarity, repeats, copies, members and Parzen windows: by hand and as documented."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan import metrics
from scratchgan.data.embedded import load_embedded
from scratchgan.metrics import (
    birthday_test,
    choose_sigma,
    diversity,
    inception_score,
    membership_advantage,
    memorisation_ratio,
    ms_ssim,
    parzen_log_likelihood,
    two_sample_accuracy,
    uniform_noise,
)
from scratchgan.metrics.birthday import poisson_upper
from scratchgan.metrics.ms_ssim import scales
from scratchgan.metrics.two_sample import fit_logistic

numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=12)
C2ST = lambda real, fake: two_sample_accuracy(real, fake, rng=np.random.default_rng(9))


@pytest.fixture(scope="module")
def digits():
    """The 8x8 digits in random order, and their labels."""
    data = load_embedded("uci-digits-8x8")
    order = np.random.default_rng(0).permutation(len(data.x))
    return data.x[order], data.labels[order]


# ---------------------------------------------------------------- classifiers


def test_inception_score_by_hand():
    assert inception_score(np.eye(4)) == pytest.approx(4)
    assert inception_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert inception_score([[1.0, 0.0]]) == 1
    p, q = [0.9, 0.1], [0.5, 0.5]
    kl = (
        sum(a * math.log(a / b) for a, b in zip(p, (0.7, 0.3)))
        + sum(a * math.log(a / b) for a, b in zip(q, (0.7, 0.3)))
    ) / 2
    assert inception_score([p, q]) == pytest.approx(math.exp(kl))
    single = np.random.default_rng(0).dirichlet(np.ones(10), 50)
    assert inception_score(single.astype(np.float32)) == pytest.approx(inception_score(single), rel=1e-5)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(1, 20), st.integers(1, 8), st.integers(0, 99))
def test_inception_score_range(n, k, seed):
    p = np.random.default_rng(seed).dirichlet(np.full(k, 0.1), n)
    assert 1 <= inception_score(p) <= min(k, n) + 1e-9


def test_logistic_regression_is_at_the_minimum(rng):
    """The gradient (TwoSample.3) is 0 there, also for separable classes, features of mixed size and a constant one."""
    x = rng.standard_normal((80, 4)) * [1e-3, 1, 1e3, 0] + [0, 5, 0, 2]
    for y in ((x[:, 1] > 5) * 1.0, rng.integers(2, size=80) * 1.0):
        w, b = fit_logistic(x, y, ridge=0.01)
        p = 1 / (1 + np.exp(-(x @ w + b)))
        np.testing.assert_allclose(x.T @ (p - y) / 80 + 0.01 * w, 0, atol=1e-9)
        assert np.mean(p - y) == pytest.approx(0, abs=1e-9)


def test_two_sample_accuracy_of_what_no_classifier_tells(rng):
    constant = np.full((20, 3), 0.1)
    assert C2ST(constant, constant) == 0.5  # every logit is 0
    values = [
        two_sample_accuracy(rng.standard_normal((40, 3)), rng.standard_normal((70, 3)), rng=rng) for _ in range(80)
    ]
    assert np.mean(values) == pytest.approx(0.5, abs=4 * np.std(values) / math.sqrt(80))
    odd = np.concatenate([rng.standard_normal((60, 3)), np.zeros((60, 1))], axis=1)
    assert C2ST(odd[:30], odd[30:] + 1e-6 * np.eye(4)[3]) == 1  # one constant fault gives everything away


# ---------------------------------------------------------------- images


def test_ms_ssim_of_constant_images():
    """Means only: cs = 1 everywhere, and MS-SSIM = l^{w_S} with l = (2ab + C1) / (a^2 + b^2 + C1)."""
    a, b = np.zeros((1, 28, 28, 1)), np.full((1, 28, 28, 1), 0.6)  # 0.5 and 0.8 of the light
    l = (2 * 0.4 + 1e-4) / (0.25 + 0.64 + 1e-4)
    assert ms_ssim(a, b)[0] == pytest.approx(l ** (0.2856 / (0.0448 + 0.2856)))
    assert ms_ssim(a[:, :8, :8], b[:, :8, :8])[0] == pytest.approx(l)


def test_ms_ssim_properties(digits, rng):
    a, b = digits[0][:300], digits[0][300:600]
    np.testing.assert_allclose(ms_ssim(a, a), 1, rtol=1e-12)
    np.testing.assert_allclose(ms_ssim(a, b), ms_ssim(b, a), rtol=1e-12)
    assert 0 <= ms_ssim(a, b).min() < ms_ssim(a, b).max() < 1
    np.testing.assert_array_equal(ms_ssim(a, b)[280:], ms_ssim(a[280:], b[280:]))  # image by image
    noise = [ms_ssim(a, np.clip(a + s * rng.standard_normal(a.shape), -1, 1)).mean() for s in (0.05, 0.2, 0.8)]
    assert 1 > noise[0] > noise[1] > noise[2]
    assert np.all(ms_ssim(a, -a) >= 0)  # negative structure counts as 0, and no root of it is taken


@pytest.mark.parametrize(
    ("side", "count", "window"),
    [
        (1, 1, 1),
        (8, 1, 7),
        (10, 1, 9),
        (11, 1, 11),
        (21, 1, 11),
        (22, 2, 11),
        (28, 2, 11),
        (32, 2, 11),
        (64, 3, 11),
        (175, 4, 11),
        (176, 5, 11),
        (2000, 5, 11),
    ],
)
def test_scales(side, count, window):
    weights, size, sigma = scales(side, side + 5)
    assert (len(weights), size, sigma) == (count, window, pytest.approx(1.5 * window / 11))
    assert weights.sum() == pytest.approx(1)
    small = np.random.default_rng(0).uniform(-1, 1, (1, min(side, 200), min(side, 200) + 5, 1))
    assert ms_ssim(small, small)[0] == pytest.approx(1)


def test_diversity(digits, rng):
    x, labels = digits
    assert diversity(x, rng=rng) == pytest.approx(0.19, abs=0.03)
    assert diversity(x, rng=rng, labels=labels) == pytest.approx(0.49, abs=0.03)
    assert diversity(uniform_noise(x, 300, rng=rng), rng=rng) == pytest.approx(0.10, abs=0.03)
    assert diversity(np.repeat(x[:1], 5, axis=0), rng=rng) == pytest.approx(1)
    pair = np.stack([x[0], x[0], x[1], x[1], x[2]])  # the class of one is left out, equal images are the classes
    assert diversity(pair, rng=rng, labels=[4, 4, 7, 7, 1]) == pytest.approx(1)
    assert diversity(x[:2], rng=rng, pairs=9) == pytest.approx(ms_ssim(x[:1], x[1:2])[0])


# ---------------------------------------------------------------- repeats, copies, members


def test_birthday_by_hand():
    x = np.array([[0.0], [0], [0], [5], [5.5], [9]])
    report = birthday_test(x, threshold=0.5, closest=4)
    assert (report.repeats, report.n_pairs, report.support) == (4, 15, 15 / 4)
    np.testing.assert_array_equal(report.pairs, [[0, 1], [0, 2], [1, 2], [3, 4]])
    np.testing.assert_array_equal(report.distances, [0, 0, 0, 0.5])
    assert report.half_batch == pytest.approx(math.sqrt(2 * math.log(2) * 15 / 4))
    assert birthday_test(x, threshold=0.0).repeats == 3
    assert birthday_test(x, real=[[0.0], [0], [7], [20], [13.5]]).threshold == 6.5  # the copy sets no threshold
    assert "support        about 4, more than" in str(report)


@pytest.mark.parametrize("n", [30, 1000])
def test_birthday_finds_the_number_of_images(n, rng):
    images = rng.standard_normal((n, 4, 4, 1))
    draws = images[rng.integers(n, size=1000)]
    report = birthday_test(draws, threshold=0.0)
    assert report.support == pytest.approx(n, rel=0.2)
    assert 0.8 * n * 0.8 < report.at_least < report.support
    fresh = birthday_test(rng.standard_normal((1000, 16)), threshold=0.0)
    assert (fresh.support, fresh.half_batch, fresh.repeats) == (math.inf, math.inf, 0)
    assert fresh.at_least == pytest.approx(1000**2 / 6, rel=0.02)
    assert "support        more than 168" in str(fresh)
    assert birthday_test(draws[:1].repeat(9, 0), threshold=0.0).at_least == 1


def test_birthday_of_the_real_images(digits):
    x, _ = digits
    report = birthday_test(x[:300], real=x[:300])
    assert report.repeats == 1  # the pair that set the threshold
    assert report.distances[0] == report.threshold


def test_poisson_upper():
    """P(C <= c) = 0.05 at this mean, within 1 %."""
    for c in (0, 1, 5, 40):
        u = poisson_upper(c)
        tail = lambda mean, c=c: sum(math.exp(-mean + i * math.log(mean) - math.lgamma(i + 1)) for i in range(c + 1))
        assert tail(1.01 * u) < 0.05 < tail(0.99 * u)


def test_memorisation_by_hand():
    train, held_out, samples = [[0.0], [10], [20]], [[4.0], [14], [23]], [[1.0], [12], [0]]
    report = memorisation_ratio(train, held_out, samples, copy_quantile=0.5)
    np.testing.assert_array_equal(report.distances, [1, 2, 0])
    np.testing.assert_array_equal(report.nearest, [0, 1, 0])
    assert report.ratio == pytest.approx(1 / 3)  # medians of 1, 2, 0 and of 3, 2, 4
    assert report.nearer_train == pytest.approx((1 + 0.5 + 1) / 3)
    assert (report.copy_distance, report.copies) == (4, 1)  # held out: 4, 4, 3
    assert "0.333 train / held-out" in str(report)


def test_memorisation_of_fresh_samples_and_of_copies(digits):
    x, _ = digits
    train, held_out, fresh = x[:599], x[599:1198], x[1198:]
    report = memorisation_ratio(train, held_out, fresh)
    assert report.ratio == pytest.approx(1, abs=0.06)
    assert report.nearer_train == pytest.approx(0.5, abs=0.09)
    assert report.copies < 0.035
    copies = memorisation_ratio(train, held_out, train[::2])
    assert (copies.ratio, copies.nearer_train, copies.copies) == (0, 1, 1)
    np.testing.assert_array_equal(copies.nearest, np.arange(0, 599, 2))
    few = memorisation_ratio(train, held_out, np.concatenate([fresh[:540], train[:60]]))
    assert few.copies == pytest.approx(0.1, abs=0.04)
    assert few.ratio > 0.9
    uneven = memorisation_ratio(train, held_out[:100], fresh)
    assert uneven.n_compared == 100
    assert uneven.ratio == pytest.approx(1, abs=0.12)  # although there are six times as many training images
    assert memorisation_ratio(train, train, train).ratio == 1  # 0/0
    assert memorisation_ratio(train, held_out, held_out).ratio == math.inf


def test_membership_by_hand():
    report = membership_advantage([3, 2, 2, 0], [2, 1, 0, 0])
    assert report.advantage == pytest.approx(3 / 4 - 1 / 4)
    assert report.threshold == 2
    # ties: 2 with 2 twice, 0 with 0 twice; pairs won: 4 + 3 + 3 + 0
    assert report.auc == pytest.approx((10 + 0.5 * 4) / 16)
    swapped = membership_advantage([2, 1, 0, 0], [3, 2, 2, 0])
    assert swapped.auc == pytest.approx(1 - report.auc)
    assert (swapped.advantage, swapped.threshold) == (0, math.inf)
    perfect = membership_advantage([[5.0], [6]], [1, 2])
    assert (perfect.advantage, perfect.auc, perfect.threshold) == (1, 1, 5)
    assert "advantage      1.000" in str(perfect)


def test_membership_floor(rng):
    reports = [membership_advantage(rng.standard_normal(1000), rng.standard_normal(1000)) for _ in range(200)]
    values = [r.advantage for r in reports]
    assert reports[0].floor == pytest.approx(0.028, abs=5e-4)
    assert np.mean(values) == pytest.approx(reports[0].floor, abs=0.002)
    assert np.std([r.auc for r in reports]) == pytest.approx(math.sqrt(2 / 1000 / 12), rel=0.2)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(numbers, numbers)
def test_membership_against_all_thresholds(members, others):
    report = membership_advantage(members, others)
    m, o = np.array(members), np.array(others)
    assert report.advantage == pytest.approx(max([0, *(np.mean(m >= t) - np.mean(o >= t) for t in members + others)]))
    assert report.auc == pytest.approx(np.mean((m[:, None] > o) + 0.5 * (m[:, None] == o)))
    assert 0 <= report.advantage <= 1
    assert np.mean(m >= report.threshold) - np.mean(o >= report.threshold) == pytest.approx(report.advantage)


# ---------------------------------------------------------------- Parzen


def test_parzen_by_hand():
    """One sample at 0, sigma 2, test points 0 and 2 on a line."""
    top = -0.5 * math.log(2 * math.pi * 4)
    mean, error = parzen_log_likelihood([[0.0]], [[0.0], [2.0]], sigma=2)
    assert mean == pytest.approx(top - 0.25)
    assert error == pytest.approx(0.25)
    assert parzen_log_likelihood([[0.0]], [[0.0], [2.0]], sigma=0.01)[0] == pytest.approx(3.686 - 1e4, abs=1e-2)


def test_parzen_of_a_gaussian(rng):
    """With many samples in one dimension it is near the true value, and sigma is chosen well."""
    samples, validation, test = (rng.standard_normal((n, 1)) for n in (2000, 500, 500))
    sigma = choose_sigma(samples, validation)
    truth = np.mean(-0.5 * test**2 - 0.5 * math.log(2 * math.pi))
    assert parzen_log_likelihood(samples, test, sigma=sigma)[0] == pytest.approx(truth, abs=0.02)
    tried = [parzen_log_likelihood(samples, validation, sigma=s)[0] for s in np.geomspace(0.02, 1, 30)]
    assert parzen_log_likelihood(samples, validation, sigma=sigma)[0] == pytest.approx(max(tried), abs=2e-3)
    assert choose_sigma([[0.0]], [[3.0], [-3.0]]) == pytest.approx(3, rel=0.04)  # (Parzen.3): the distance itself


def test_parzen_misleads_as_documented(digits, rng):
    """300 k-means centres of the training images beat 300 of the images themselves (Theis et al. 2016)."""
    x = digits[0].reshape(-1, 64).astype(np.float64)
    train, validation, test = x[:898], x[898:1347], x[1347:]
    centres = train[:300].copy()
    for _ in range(15):
        owner = metrics.neighbours.nearest(train, centres)[1][:, 0]
        centres = np.stack([train[owner == c].mean(0) if (owner == c).any() else centres[c] for c in range(300)])
    score = lambda samples: parzen_log_likelihood(samples, test, sigma=choose_sigma(samples, validation))[0]
    assert score(centres) > score(train[:300]) + 4
    assert score(train) == pytest.approx(-16.5, abs=2.2)
    assert score(uniform_noise(train, 898, rng=rng)) == pytest.approx(-83, abs=3)
