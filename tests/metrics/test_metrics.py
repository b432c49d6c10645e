"""What all metrics share: symmetries, order, bad input, and floors and ceilings as documented."""

import numpy as np
import pytest

from scratchgan import metrics
from scratchgan.metrics import (
    birthday_test,
    choose_sigma,
    density_coverage,
    diversity,
    earth_mover_1d,
    floor_ceiling,
    frechet_distance,
    gaussian_noise,
    inception_score,
    kernel_distance,
    median_distance,
    membership_advantage,
    memorisation_ratio,
    mmd,
    ms_ssim,
    parzen_log_likelihood,
    precision_recall,
    sliced_wasserstein,
    two_sample_accuracy,
    uniform_noise,
)
from scratchgan.metrics.two_sample import fit_logistic

SLICED = lambda real, fake: sliced_wasserstein(real, fake, projections=40, rng=np.random.default_rng(9))
C2ST = lambda real, fake: two_sample_accuracy(real, fake, rng=np.random.default_rng(9))
PARZEN = lambda real, fake: parzen_log_likelihood(fake, real, sigma=0.5)
#: metric(real, fake) of every two-sample metric
TWO_SAMPLE = {
    "frechet": frechet_distance,
    "kernel": kernel_distance,
    "mmd": mmd,
    "sliced": SLICED,
    "precision-recall": precision_recall,
    "density-coverage": density_coverage,
    "c2st": C2ST,
    "parzen": PARZEN,
}
DISTANCES = ["frechet", "kernel", "mmd", "sliced"]
each = pytest.mark.parametrize("name", TWO_SAMPLE)


# ---------------------------------------------------------------- all two-sample metrics alike


@each
def test_real_against_real_beats_a_shift_beats_noise(name, rng):
    metric, x = TWO_SAMPLE[name], rng.standard_normal((900, 4))
    values = [
        np.atleast_1d(metric(x[:300], fake))[0]
        for fake in (x[300:600], x[600:] + np.array([0.7, 0, 0, 0]), rng.uniform(-3, 15, (300, 4)))
    ]
    better = -1 if name in ("precision-recall", "density-coverage", "parzen") else 1
    assert better * values[0] < better * values[1] < better * values[2]


@pytest.mark.parametrize("name", [name for name in TWO_SAMPLE if name != "c2st"])  # it draws its folds by row
def test_order_of_rows_does_not_matter(name, rng):
    metric, real, fake = TWO_SAMPLE[name], rng.standard_normal((70, 3)), rng.standard_normal((50, 3)) + 0.5
    np.testing.assert_allclose(metric(rng.permutation(real), rng.permutation(fake)), metric(real, fake), rtol=1e-10)


@pytest.mark.parametrize("name", DISTANCES)
def test_distances_are_symmetric(name, rng):
    metric, real, fake = TWO_SAMPLE[name], rng.standard_normal((70, 3)), rng.standard_normal((50, 3)) + 0.5
    assert metric(real, fake) == pytest.approx(metric(fake, real), rel=1e-10)
    assert metric(real, fake) > 0.01


def test_precision_and_recall_swap(rng):
    real, fake = rng.standard_normal((70, 3)), 2 * rng.standard_normal((50, 3))
    assert precision_recall(real, fake) == precision_recall(fake, real)[::-1]


def test_identical_samples(rng):
    x = rng.standard_normal((60, 5)) + 3
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert mmd(x, x, unbiased=False) == pytest.approx(0, abs=1e-14)
    assert sliced_wasserstein(x, x, rng=rng) == 0
    assert earth_mover_1d(x[:, 0], x[:, 0]) == 0
    assert precision_recall(x, x) == (1, 1)
    assert density_coverage(x, x, k=5) == (pytest.approx(6 / 5), 1)
    assert kernel_distance(x, x) < 0  # the documented oddity of the unbiased estimate
    assert mmd(x, x) < 0
    assert C2ST(x, x) < 0.5


@each
def test_float32_is_as_good_as_float64(name, rng):
    metric = TWO_SAMPLE[name]
    real, fake = (rng.standard_normal((80, 4)) + s for s in (0, 0.6))
    single = metric(real.astype(np.float32), fake.astype(np.float32))
    np.testing.assert_allclose(single, metric(real, fake), rtol=1e-4)
    assert all(isinstance(value, float) for value in np.atleast_1d(single).tolist())


@each
def test_images_count_as_their_pixels(name, rng):
    metric, real, fake = TWO_SAMPLE[name], rng.random((30, 3, 2, 1)), rng.random((25, 3, 2, 1))
    np.testing.assert_array_equal(metric(real, fake), metric(real.reshape(30, 6), fake.reshape(25, 6)))


@each
@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [
        (np.zeros((9, 2)), np.zeros((9, 3)), r"rows of the same shape, got \(2,\) and \(3,\)|of the same shape"),
        (np.zeros(9), np.zeros(9), r"as rows \(N, F\)"),
        (np.zeros((0, 2)), np.zeros((9, 2)), r"got shape \(0, 2\)"),
        (np.zeros((9, 0)), np.zeros((9, 0)), r"got shape \(9, 0\)"),
        (np.zeros((9, 2)), np.array([[0.0, 0]] * 7 + [[np.nan, 0], [0, np.inf]]), "2 of 9 rows are not, first 7"),
        (np.full((9, 2), 1e200), np.zeros((9, 2)), "below 1e"),
        (np.zeros((9, 2)), np.array([["a", "b"]] * 9), "real numbers"),
        (np.zeros((9, 2), dtype=complex), np.zeros((9, 2)), "real numbers"),
    ],
)
def test_bad_samples(name, real, fake, words):
    with pytest.raises(ValueError, match=words):
        TWO_SAMPLE[name](real, fake)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: frechet_distance(x[:1], x), "real as rows .* at least 2"),
        (lambda x: kernel_distance(x, x[:1]), "fake as rows .* at least 2"),
        (lambda x: kernel_distance(x, x, degree=0), "degree must be an integer of at least 1"),
        (lambda x: mmd(x, x, bandwidths=0), "bandwidths must be a number"),
        (lambda x: mmd(x, x, bandwidths=[]), "got none"),
        (lambda x: mmd(0 * x, 0 * x), "median distance is 0; give bandwidths"),
        (lambda x: median_distance(np.ones((5, 3)) / 3), "median distance is 0"),
        (lambda x: precision_recall(x[:3], x), "at least 4"),
        (lambda x: precision_recall(x, x, k=0), "k must be an integer"),
        (lambda x: density_coverage(x[:5], x), "more than k = 5 real rows, got 5"),
        (lambda x: two_sample_accuracy(x[:4], x, rng=np.random.default_rng(0)), "at least 5"),
        (lambda x: two_sample_accuracy(x, x, rng=np.random.default_rng(0), folds=1), "folds must be"),
        (lambda x: two_sample_accuracy(x, x, rng=np.random.default_rng(0), ridge=0.0), "ridge must be"),
        (lambda x: fit_logistic(x, np.ones(len(x))), "of 0 and 1, both occurring"),
        (lambda x: fit_logistic(x, [0, 1]), "got 2 numbers"),
        (lambda x: sliced_wasserstein(x, x, projections=0, rng=np.random.default_rng(0)), "projections must be"),
        (lambda x: sliced_wasserstein(x, x, p=0.5, rng=np.random.default_rng(0)), "p must be a number"),
        (lambda x: earth_mover_1d(x, x[:, 0]), r"numbers \(N,\)"),
        (lambda x: earth_mover_1d([], [1.0]), "at least 1"),
        (lambda x: earth_mover_1d([1.0], [np.nan]), "1 of 1 rows are not"),
        (lambda x: earth_mover_1d([1.0, 2], [1.0], [1.0, -1]), "not negative and not all 0"),
        (lambda x: earth_mover_1d([1.0, 2], [1.0], [1.0]), r"real_weights \(2,\)"),
        (lambda x: earth_mover_1d([1.0], [1.0], None, [0.0]), "fake_weights"),
        (lambda x: inception_score(x), "each row with sum 1"),
        (lambda x: inception_score(np.full((3, 4), 0.3)), "sums from 1.2"),
        (lambda x: inception_score(np.array([[1.5, -0.5]])), "minimum -0.5"),
        (lambda x: inception_score(np.zeros((0, 4))), "at least 1"),
        (lambda x: ms_ssim(x, x), r"images \(N, H, W, C\)"),
        (lambda x: ms_ssim(np.zeros((2, 8, 8, 1)), np.zeros((3, 8, 8, 1))), "the same shape"),
        (lambda x: ms_ssim(np.full((2, 8, 8, 1), 255), np.zeros((2, 8, 8, 1))), r"pixels in \[-1, 1\], got 255"),
        (lambda x: diversity(np.zeros((1, 8, 8, 1)), rng=np.random.default_rng(0)), "at least 2 images"),
        (lambda x: diversity(np.zeros((3, 8, 8, 1)), rng=np.random.default_rng(0), pairs=0), "pairs must be"),
        (lambda x: diversity(np.zeros((3, 8, 8, 1)), rng=np.random.default_rng(0), labels=[0, 1, 2]), "a class with"),
        (lambda x: diversity(np.zeros((3, 8, 8, 1)), rng=np.random.default_rng(0), labels=[0, 1]), r"labels \(3,\)"),
        (lambda x: birthday_test(x), "either real images or a threshold"),
        (lambda x: birthday_test(x, real=x, threshold=1.0), "either real images or a threshold"),
        (lambda x: birthday_test(x, threshold=-1.0), "threshold must be"),
        (lambda x: birthday_test(x, real=0 * x), "all real images are equal"),
        (lambda x: birthday_test(x[:1], threshold=1.0), "at least 2"),
        (lambda x: birthday_test(x, threshold=1.0, closest=0), "closest must be"),
        (lambda x: memorisation_ratio(x, x, x[:, :1]), "train and samples with rows of the same shape"),
        (lambda x: memorisation_ratio(x, x[:0], x), "held_out"),
        (lambda x: memorisation_ratio(x, x, x, copy_quantile=1.0), "copy_quantile must be"),
        (lambda x: membership_advantage([], [1.0]), "member_scores"),
        (lambda x: membership_advantage([1.0], [np.nan]), "other_scores"),
        (lambda x: parzen_log_likelihood(x, x, sigma=0.0), "sigma must be"),
        (lambda x: parzen_log_likelihood(x, x[:1], sigma=1.0), "at least 2 test rows"),
        (lambda x: choose_sigma(x, x), "best sigma is 0"),
        (lambda x: choose_sigma(x, x, candidates=[1.0, 0.0]), "candidates must be positive"),
        (lambda x: choose_sigma(x, x, candidates=[]), "candidates"),
        (lambda x: floor_ceiling(frechet_distance, x, x[:5], rng=np.random.default_rng(0)), "half as many noise rows"),
        (
            lambda x: floor_ceiling(frechet_distance, x, x[:, :1], rng=np.random.default_rng(0)),
            "real and noise with rows of the same shape",
        ),
        (lambda x: uniform_noise(x, 0, rng=np.random.default_rng(0)), "count must be"),
        (lambda x: gaussian_noise(x[:1], 3, rng=np.random.default_rng(0)), "at least 2"),
    ],
)
def test_bad_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.random.default_rng(0).standard_normal((20, 2)))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: sliced_wasserstein(x, x, rng=0),
        lambda x: two_sample_accuracy(x, x, rng=0),
        lambda x: floor_ceiling(mmd, x, x, rng=None),
        lambda x: uniform_noise(x, 2, rng=0),
        lambda x: gaussian_noise(x, 2, rng=0),
        lambda x: diversity(np.zeros((3, 8, 8, 1)), rng=1),
    ],
)
def test_rng_is_a_generator(call):
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        call(np.zeros((9, 2)))


def test_public_names():
    assert all(callable(getattr(metrics, name)) for name in metrics.__all__)  # a function hides the file of its name
    assert metrics.mmd is mmd


# ---------------------------------------------------------------- floor and ceiling


def test_floor_and_ceiling_as_documented(digits, rng):
    """The values in the docstrings, 898 against 898 pixels of digits, within a few standard deviations of a split."""
    x, _ = digits
    noise = uniform_noise(x, 898, rng=rng)
    documented = {"frechet": (0.29, 0.1, 40, 1), "kernel": (0, 0.004, 1.9, 0.05), "mmd": (0, 0.0006, 0.24, 0.01)}
    for name, (floor, spread, ceiling, wide) in documented.items():
        got = floor_ceiling(TWO_SAMPLE[name], x, noise, rng=rng)
        assert got == (pytest.approx(floor, abs=spread), pytest.approx(ceiling, abs=wide)), name
    assert floor_ceiling(lambda a, b: sliced_wasserstein(a, b, rng=rng), x, noise, rng=rng) == (
        pytest.approx(0.030, abs=0.006),
        pytest.approx(0.51, abs=0.06),
    )
    assert floor_ceiling(precision_recall, x, noise, rng=rng) == (
        pytest.approx((0.91, 0.89), abs=0.05),
        (0, pytest.approx(0, abs=0.01)),
    )
    assert floor_ceiling(density_coverage, x, noise, rng=rng) == (pytest.approx((1.0, 0.969), abs=0.1), (0, 0))
    assert floor_ceiling(C2ST, x, noise, rng=rng) == (pytest.approx(0.5, abs=0.045), 1)
    assert frechet_distance(x[:200], x[200:400]) == pytest.approx(1.3, abs=0.4)


def test_what_they_cannot_see_as_documented(digits, rng):
    x, labels = digits
    A, ones = x[:898], x[898:][labels[898:] == 1]
    ones = ones[rng.integers(len(ones), size=898)]
    flat = A.reshape(898, -1).astype(np.float64)
    moments = rng.multivariate_normal(flat.mean(0), np.cov(flat.T), size=898).reshape(A.shape)
    assert frechet_distance(A, moments) == pytest.approx(0.14, abs=0.05)
    assert kernel_distance(A, moments) == pytest.approx(-0.002, abs=0.001)
    precision, recall = precision_recall(A, ones)
    assert precision > 0.85
    assert recall < 0.01
    assert density_coverage(A, ones) == (pytest.approx(1.1, abs=0.4), pytest.approx(0.12, abs=0.03))
    gauss = gaussian_noise(A, 898, rng=rng)
    assert precision_recall(A, gauss) == (pytest.approx(0.002, abs=0.006), pytest.approx(0.68, abs=0.07))
    assert C2ST(A, gauss) == pytest.approx(0.49, abs=0.05)
    assert C2ST(A, A) == pytest.approx(0.36, abs=0.05)
    one_of_each = np.tile(np.eye(10), (90, 1))
    assert inception_score(one_of_each) == pytest.approx(10)


def test_floor_ceiling_halves_are_disjoint_and_of_one_size(rng):
    seen = []
    real, noise = np.arange(11.0)[:, None], -np.arange(1, 9.0)[:, None]
    floor, ceiling = floor_ceiling(lambda a, b: seen.append((a, b)) or float(b.sum()), real, noise, rng=rng)
    (a, b), (again, c) = seen
    assert a.shape == b.shape == c.shape == (5, 1)
    assert len(np.unique(np.concatenate([a, b]))) == 10
    np.testing.assert_array_equal(a, again)
    assert (floor, ceiling) == (b.sum(), c.sum())
    assert set(c.ravel()) < set(noise.ravel())


def test_noise(rng):
    like = rng.standard_normal((50, 2, 3, 1)) * [[[1], [2], [3]]] + 7
    noise = gaussian_noise(like, 4000, rng=rng)
    np.testing.assert_allclose(noise.mean(0), like.mean(0), atol=0.3)
    np.testing.assert_allclose(noise.std(0), like.std(0), rtol=0.1)
    flat = uniform_noise(like, 4000, rng=rng)
    assert flat.shape == (4000, 2, 3, 1)
    assert flat.dtype == noise.dtype == np.float32
    assert -1 <= flat.min() < -0.99 < 0.99 < flat.max() <= 1
