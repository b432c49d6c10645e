"""Every metric against an independent implementation, on the same numbers, to 1e-6.

`python tests/metrics/test_metrics_peers.py` prints the largest deviations as a table.
"""

import contextlib
import io
import math
import os

import numpy as np
import pytest

from scratchgan.metrics import (
    choose_sigma,
    density_coverage,
    earth_mover_1d,
    frechet_distance,
    inception_score,
    kernel_distance,
    median_distance,
    membership_advantage,
    mmd,
    ms_ssim,
    parzen_log_likelihood,
    precision_recall,
    psnr,
    sliced_wasserstein,
    ssim,
)
from scratchgan.metrics.ms_ssim import WEIGHTS
from scratchgan.metrics.neighbours import nearest
from scratchgan.metrics.sliced_wasserstein import random_directions
from scratchgan.metrics.two_sample import fit_logistic

os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # POT would import it, which takes seconds

SIZES = [(200, 150, 5), (120, 200, 40), (64, 64, 1)]  # rows of real, rows of fake, features
MEASURED = {}


def features(n, m, f, seed=3):
    """Correlated, not centred, not Gaussian, overlapping: like features of a network."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((f, f)) / math.sqrt(f)
    real, fake = rng.standard_normal((n, f)) @ mix, rng.standard_normal((m, f)) @ mix
    return np.maximum(real, -0.2) + 1.5, np.maximum(1.2 * fake + 0.2, -0.2) + 1.5


def agree(name, ours, theirs, rel=1e-6):
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    assert ours.shape == theirs.shape
    assert np.isfinite(theirs).all()
    deviation = np.max(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-12))
    MEASURED[name] = max(MEASURED.get(name, 0.0), float(deviation))
    assert deviation <= rel, f"{name}: {ours} and {theirs}"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_frechet(size):
    linalg = pytest.importorskip("scipy.linalg")
    real, fake = features(*size)
    S_r, S_f = np.atleast_2d(np.cov(real.T)), np.atleast_2d(np.cov(fake.T))
    root = linalg.sqrtm(S_r @ S_f).real
    theirs = np.sum((real.mean(0) - fake.mean(0)) ** 2) + np.trace(S_r + S_f - 2 * root)
    agree("frechet_distance: scipy.linalg.sqrtm", frechet_distance(real, fake), theirs)


def test_frechet_with_fewer_rows_than_features():
    """The root of a singular product is no use; the nuclear norm of the product of the centred data is exact."""
    linalg = pytest.importorskip("scipy.linalg")
    real, fake = features(30, 20, 50)
    X = (real - real.mean(0)) / math.sqrt(29)
    Y = (fake - fake.mean(0)) / math.sqrt(19)
    means = np.sum((real.mean(0) - fake.mean(0)) ** 2)
    theirs = means + np.sum(X**2) + np.sum(Y**2) - 2 * linalg.svdvals(X @ Y.T).sum()
    agree("frechet_distance, N < F: scipy.linalg.svdvals of the data", frechet_distance(real, fake), theirs)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("degree", [2, 3])
def test_kernel_distance(size, degree):
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    real, fake = features(*size)
    table = lambda a, b: pairwise.polynomial_kernel(a, b, degree=degree, gamma=1 / size[2], coef0=1)
    theirs = off_diagonal(table(real, real)) + off_diagonal(table(fake, fake)) - 2 * table(real, fake).mean()
    agree("kernel_distance: sklearn polynomial_kernel", kernel_distance(real, fake, degree=degree), theirs)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_mmd(size):
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    distance = pytest.importorskip("scipy.spatial.distance")
    real, fake = features(*size)
    median = np.median(distance.pdist(np.concatenate([real, fake])))
    agree("median_distance: scipy pdist", median_distance(np.concatenate([real, fake])), median)
    for given, used in ((0.7, [0.7]), ([0.3, 2.0], [0.3, 2.0]), (None, [median / 2, median, 2 * median])):
        table = lambda a, b, s=used: np.mean([pairwise.rbf_kernel(a, b, gamma=0.5 / t**2) for t in s], axis=0)
        cross = 2 * table(real, fake).mean()
        agree(
            "mmd, unbiased: sklearn rbf_kernel",
            mmd(real, fake, bandwidths=given),
            off_diagonal(table(real, real)) + off_diagonal(table(fake, fake)) - cross,
        )
        agree(
            "mmd, biased: sklearn rbf_kernel",
            mmd(real, fake, bandwidths=given, unbiased=False),
            table(real, real).mean() + table(fake, fake).mean() - cross,
        )


def off_diagonal(table):
    return (table.sum() - np.trace(table)) / (len(table) * (len(table) - 1))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_recall_density_coverage(size, k):
    prdc = pytest.importorskip("prdc")
    real, fake = features(*size)
    if size[2] > 1:  # the clipped features have copies on a line, where prdc leaves out the balls' surface
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = prdc.compute_prdc(real, fake, nearest_k=k)
        agree("precision_recall: prdc", precision_recall(real, fake, k=k), (theirs["precision"], theirs["recall"]))
        agree("density_coverage: prdc", density_coverage(real, fake, k=k), (theirs["density"], theirs["coverage"]))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nearest(size):
    neighbors = pytest.importorskip("sklearn.neighbors")
    rng = np.random.default_rng(1)
    real, fake = rng.standard_normal((size[0], size[2])), rng.standard_normal((size[1], size[2]))
    distances, indices = neighbors.NearestNeighbors(n_neighbors=4, algorithm="brute").fit(real).kneighbors(fake)
    squares, ours = nearest(fake, real, 4)
    agree("nearest: sklearn NearestNeighbors", np.sqrt(squares), distances)
    np.testing.assert_array_equal(ours, indices)


@pytest.mark.parametrize(("n", "m"), [(50, 50), (40, 73), (1, 5)])
def test_earth_mover(n, m):
    stats, ot = pytest.importorskip("scipy.stats"), pytest.importorskip("ot")
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal(n).round(1), rng.standard_normal(m).round(1) + 0.3  # ties
    v, w = rng.random(n), rng.random(m)
    v[0] += 0.1
    cost = np.abs(x[:, None] - y)
    for weights, name in (((None, None), ""), ((v, w), ", weighted")):
        ours = earth_mover_1d(x, y, *weights)
        agree(f"earth_mover_1d{name}: scipy wasserstein_distance", ours, stats.wasserstein_distance(x, y, *weights))
        a, b = (np.ones(n), np.ones(m)) if weights[0] is None else weights
        agree(f"earth_mover_1d{name}: POT emd2, a linear programme", ours, ot.emd2(a / a.sum(), b / b.sum(), cost))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("p", [1, 2, 3])
def test_sliced_wasserstein(size, p):
    ot = pytest.importorskip("ot")
    real, fake = features(*size)
    u = random_directions(size[2], 30, rng=np.random.default_rng(5))
    theirs = ot.sliced_wasserstein_distance(real, fake, p=p, projections=u.T)
    ours = sliced_wasserstein(real, fake, projections=30, p=p, rng=np.random.default_rng(5))
    agree("sliced_wasserstein: POT, same projections", ours, theirs)


def test_inception_score():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    for temperature in (0.1, 1, 5):
        p = np.exp(temperature * rng.standard_normal((100, 10)))
        p /= p.sum(axis=1, keepdims=True)
        theirs = math.exp(np.mean([stats.entropy(row, p.mean(axis=0)) for row in p]))
        agree("inception_score: scipy.stats.entropy", inception_score(p), theirs)


@pytest.mark.parametrize("ridge", [1e-3, 0.01, 1.0])
@pytest.mark.parametrize("gap", [0.3, 4.0])  # overlapping, and separable
def test_logistic_regression(ridge, gap):
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(4)
    y = np.repeat([1.0, 0.0], [90, 60])
    x = rng.standard_normal((150, 8)) @ rng.standard_normal((8, 8)) + gap * y[:, None]
    w, b = fit_logistic(x, y, ridge=ridge)
    theirs = linear_model.LogisticRegression(
        C=1 / (ridge * len(x)), solver="newton-cholesky", tol=1e-13, max_iter=200
    ).fit(x, y)
    agree(
        "fit_logistic: sklearn LogisticRegression, coefficients",
        np.append(w, b),
        np.append(theirs.coef_[0], theirs.intercept_),
    )
    agree("fit_logistic: sklearn LogisticRegression, logits", x @ w + b, theirs.decision_function(x))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_parzen(size):
    neighbors = pytest.importorskip("sklearn.neighbors")
    real, fake = features(*size)
    distance, special = pytest.importorskip("scipy.spatial.distance"), pytest.importorskip("scipy.special")
    for sigma in (0.05, 0.5, 3.0):  # the smallest underflows unless its largest term is taken out
        # one leaf: with more, the bounds in sklearn's tree underflow for small sigma and it is thousands of nats off
        log_p = neighbors.KernelDensity(bandwidth=sigma, leaf_size=1000).fit(fake).score_samples(real)
        agree(
            "parzen_log_likelihood: sklearn KernelDensity",
            parzen_log_likelihood(fake, real, sigma=sigma),
            (log_p.mean(), log_p.std(ddof=1) / math.sqrt(len(real))),
        )
        log_p = special.logsumexp(-distance.cdist(real, fake, "sqeuclidean") / (2 * sigma**2), axis=1)
        log_p -= math.log(len(fake)) + size[2] * math.log(math.sqrt(2 * math.pi) * sigma)
        agree("parzen_log_likelihood: scipy logsumexp", parzen_log_likelihood(fake, real, sigma=sigma)[0], log_p.mean())
    candidates = [0.05, 0.2, 0.5, 1.0, 3.0]
    scores = [neighbors.KernelDensity(bandwidth=s, leaf_size=1000).fit(fake).score(real) for s in candidates]
    assert choose_sigma(fake, real, candidates=candidates) == candidates[int(np.argmax(scores))]


def ssim_maps(a, b, ndimage, size=11, sigma=1.5):
    """(luminance, contrast-structure) of two grey images in [0, 1]: the published formulae, with a 2-D window."""
    place = np.arange(size) - size // 2
    window = np.exp(-(place[:, None] ** 2 + place**2) / (2 * sigma**2))
    window /= window.sum()
    half = size // 2
    mean = lambda x: ndimage.correlate(x, window, mode="constant")[half : len(x) - half, half : x.shape[1] - half]
    m_a, m_b = mean(a), mean(b)
    luminance = (2 * m_a * m_b + 1e-4) / (m_a**2 + m_b**2 + 1e-4)
    covariance = mean(a * b) - m_a * m_b
    return luminance, (2 * covariance + 9e-4) / (mean(a * a) - m_a**2 + mean(b * b) - m_b**2 + 9e-4)


@pytest.mark.parametrize(("side", "count", "window"), [(12, 1, 11), (28, 2, 11), (64, 3, 11), (181, 5, 11), (8, 1, 7)])
def test_ms_ssim(side, count, window):
    ndimage = pytest.importorskip("scipy.ndimage")
    rng = np.random.default_rng(6)
    a = ndimage.gaussian_filter(rng.uniform(-1, 1, (2, side, side + 3, 2)), (0, 1, 1, 0)) * 2
    b = a + 0.2 * rng.uniform(-1, 1, a.shape)
    a, b = np.clip(a, -1, 1), np.clip(b, -1, 1)
    theirs = []
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    for image, other in zip((a + 1) / 2, (b + 1) / 2):
        value = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                image, other = (
                    np.stack(
                        [
                            ndimage.uniform_filter(x[..., c], 2, origin=-1)[
                                : x.shape[0] // 2 * 2 : 2, : x.shape[1] // 2 * 2 : 2
                            ]
                            for c in range(2)
                        ],
                        -1,
                    )
                    for x in (image, other)
                )
            maps = [ssim_maps(image[..., c], other[..., c], ndimage, window, 1.5 * window / 11) for c in range(2)]
            last = scale == count - 1
            value *= np.mean([l * cs if last else cs for l, cs in maps]) ** weight
        theirs.append(value)
    agree("ms_ssim: scipy.ndimage, published formula", ms_ssim(a, b), theirs)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("border", [0, 4])
def test_psnr_and_ssim(channels, border):
    skimage = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(12)
    a = rng.uniform(-1, 1, (3, 40, 31, channels))
    b = np.clip(a + 0.3 * rng.standard_normal(a.shape), -1, 1)
    cut = slice(border, -border or None)

    def light(x):
        """The luminance in [0, 1], by scikit-image's BT.601: its Y goes from 16 to 235."""
        if channels == 1:
            return (x[:, cut, cut, 0] + 1) / 2
        color = pytest.importorskip("skimage.color")
        return (color.rgb2ycbcr((x + 1) / 2)[:, cut, cut, 0] - 16) / 219

    pairs = list(zip(light(a), light(b), strict=True))
    theirs = [skimage.peak_signal_noise_ratio(x, y, data_range=1) for x, y in pairs]
    agree("psnr: scikit-image", psnr(a, b, border=border), theirs)
    settings = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    agree(
        "ssim: scikit-image, Gaussian window",
        ssim(a, b, border=border),
        [skimage.structural_similarity(x, y, **settings) for x, y in pairs],
    )
    agree(
        "psnr, all channels: scikit-image",
        psnr(a, b, border=border, luminance=False),
        [skimage.peak_signal_noise_ratio(x[cut, cut], y[cut, cut], data_range=2) for x, y in zip(a, b)],
    )
    agree(
        "ssim, all channels: scikit-image",
        ssim(a, b, border=border, luminance=False),
        [
            skimage.structural_similarity(x[cut, cut], y[cut, cut], channel_axis=-1, **settings)
            for x, y in zip((a + 1) / 2, (b + 1) / 2)
        ],
    )


def test_membership():
    metrics, stats = pytest.importorskip("sklearn.metrics"), pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(8)
    for digits in (8, 1):  # without and with ties
        members, others = rng.normal(0.4, 1, 80).round(digits), rng.normal(0, 1, 120).round(digits)
        report = membership_advantage(members, others)
        truth = np.repeat([1, 0], [80, 120])
        agree(
            "membership_advantage: sklearn roc_auc_score",
            report.auc,
            metrics.roc_auc_score(truth, np.concatenate([members, others])),
        )
        agree(
            "membership_advantage: scipy ks_2samp, one-sided",
            report.advantage,
            stats.ks_2samp(others, members, alternative="greater").statistic,
        )


if __name__ == "__main__":
    import sys

    code = pytest.main([__file__, "-q", "-p", "no:cacheprovider"], plugins=[sys.modules[__name__]])
    found = sys.modules.get("test_metrics_peers", sys.modules[__name__]).MEASURED
    print("\n".join(f"{name:70s} {deviation:.1e}" for name, deviation in sorted(found.items())))
    raise SystemExit(code)
