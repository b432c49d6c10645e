"""The mode report: perfect samples score what the docstring derives, and each failure shows where it should."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.data import checkerboard, gaussian_mixture_1d, grid, ring, spirals, two_moons
from scratchgan.metrics import mode_report
from scratchgan.metrics.modes import reverse_kl, truncation


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_truncation_against_quadrature():
    """Both closed forms against the integral of the radial density over [0, 3]."""
    r = (np.arange(200_000) + 0.5) * 3 / 200_000
    for d, published in ((1, 0.9973), (2, 1 - math.exp(-4.5))):
        p = r ** (d - 1) * np.exp(-(r**2) / 2) * (math.sqrt(2 / math.pi) if d == 1 else 1.0) * 3 / 200_000
        quality, kappa = truncation(d)
        assert quality == pytest.approx(p.sum(), rel=1e-9)
        assert kappa == pytest.approx((p * r**2).sum() / p.sum() / d, rel=1e-9)
        assert quality == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize(
    "density",
    [ring(), grid(), gaussian_mixture_1d(), gaussian_mixture_1d((-5, 0, 5), (0.1, 0.4, 0.2))],
    ids=["ring", "grid", "1-D", "1-D, three sigmas"],
)
def test_perfect_samples(density, rng):
    """Spread squared is 1 in expectation, its standard error below 0.005 here; quality is the published ceiling."""
    n = 100_000
    report = mode_report(density.sample(n, rng=rng), density)
    k = report.n_modes
    assert report.modes_found == k == len(density.modes)
    assert report.within_mode_spread == pytest.approx(1, abs=0.012)
    assert report.perfect_quality == pytest.approx(0.98889 if density.dim == 2 else 0.9973, abs=1e-5)
    # the default 1-D modes overlap a little: a stray sample may be nearer to the neighbour
    assert report.high_quality == pytest.approx(report.perfect_quality, abs=0.002)
    assert 0 <= report.reverse_kl < 5 * k / (2 * n) + 1e-3 * (density.dim == 1)
    assert sum(report.counts) == report.n_samples == n


def test_collapse_to_one_mode(rng):
    """VEEGAN's worst case on the ring: one mode, log 8 nats."""
    density = ring()
    report = mode_report(density.modes[2] + 0.02 * rng.standard_normal((500, 2)), density)
    assert report.modes_found == 1
    assert report.reverse_kl == pytest.approx(math.log(8))
    assert report.counts[2] == 500


def test_too_narrow_and_too_wide(rng):
    density = ring()
    labels = rng.integers(8, size=4000)
    noise = rng.standard_normal((4000, 2))
    narrow = mode_report(density.modes[labels] + 0.5 * density.sigma * noise, density)
    assert narrow.within_mode_spread == pytest.approx(0.5 / math.sqrt(truncation(2)[1]), abs=0.02)  # nothing cut off
    assert narrow.high_quality > narrow.perfect_quality  # "better" than the truth: too little spread
    wide = mode_report(density.modes[labels] + 3 * density.sigma * noise, density)
    assert 1.3 < wide.within_mode_spread < 1.54
    assert wide.high_quality == pytest.approx(1 - math.exp(-0.5), abs=0.03)
    points = mode_report(np.repeat(density.modes, 5, axis=0), density)
    assert points.within_mode_spread == 0
    assert points.high_quality == 1
    assert points.reverse_kl == 0


def test_one_stray_sample_does_not_decide(rng):
    density = grid()
    x = density.sample(2500, rng=rng).astype(np.float64)
    clean = mode_report(x, density)
    x[0] = 1e200
    stray = mode_report(x, density)
    assert stray.within_mode_spread == pytest.approx(clean.within_mode_spread, abs=1e-3)
    assert clean.high_quality - stray.high_quality <= 1 / 2500


def test_nothing_of_quality():
    report = mode_report(np.zeros((10, 2)), ring())
    assert (report.modes_found, report.high_quality) == (0, 0.0)
    assert math.isnan(report.within_mode_spread)
    assert "mode spread    none" in str(report)


def test_report_reads_well(rng):
    text = str(mode_report(ring().sample(2500, rng=rng), ring()))
    assert "modes found    8 of 8" in text
    assert "perfect: 98.89%" in text
    assert len(text.splitlines()) == 4


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.01, 1)), min_size=1, max_size=12))
def test_reverse_kl_is_a_divergence(pairs):
    """At least 0, at most log of the rarest weight's inverse, and 0 when shares and weights agree."""
    counts, weights = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    counts[0] += 1
    weights = weights / weights.sum()
    assert 0 <= reverse_kl(counts, weights) <= -math.log(weights.min()) + 1e-12
    assert reverse_kl(counts, counts / counts.sum() + (counts == 0)) == 0


def test_weights_count():
    """Samples in the shares of the truth score 0 though the shares are unequal."""
    density = gaussian_mixture_1d(means=(-2, 2), sigma=0.1, weights=(0.25, 0.75))
    assert mode_report(np.array([[-2.0], [2.0], [2.0], [2.0]]), density).reverse_kl == pytest.approx(0, abs=1e-15)
    equal = mode_report(np.array([[-2.0], [2.0]]), density).reverse_kl
    assert equal == pytest.approx(0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75))


@pytest.mark.parametrize(
    ("samples", "density", "words"),
    [
        (np.zeros((3, 1)), ring(), r"expects samples \(N, 2\) of ring, got \(3, 1\)"),
        (np.zeros(3), ring(), r"got \(3,\)"),
        (np.zeros((0, 2)), ring(), r"got \(0, 2\)"),
        (np.array([[0, 0], [np.nan, 0], [np.inf, 0]]), ring(), "finite samples: 2 of 3 are not, first 1"),
        (np.zeros((3, 2)), checkerboard(), "checkerboard has no point modes to count"),
        (np.zeros((3, 2)), two_moons(), "two-moons has no point modes"),
        (np.zeros((3, 2)), spirals(), "spirals has no point modes"),
    ],
)
def test_errors(samples, density, words):
    with pytest.raises(ValueError, match=words):
        mode_report(samples, density)
