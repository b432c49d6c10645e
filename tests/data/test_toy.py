"""Toy densities: what is sampled is exactly what log_density says, and the modes are where they should be."""

import functools
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan.data import TOY, checkerboard, gaussian_mixture_1d, grid, ring, spirals, two_moons
from scratchgan.data.densities import GaussianMixture, NoisyCurves, log_gaussian_sum

BLOCK = 8  # grid points along one side of a cell of the chi-square test


@functools.cache
def on_grid(name):
    """(density, its values on a fine grid of cell midpoints, lower corner, spacing): spacing half a sigma."""
    density = TOY[name]()
    box = np.array(density.extent).reshape(-1, 2)
    h = (density.sigma or 0.1) / 2
    low = box[:, 0] - (0.0 if density.sigma is None else 4 * density.sigma)
    high = box[:, 1] + (0.0 if density.sigma is None else 4 * density.sigma)
    counts = np.ceil((high - low) / (BLOCK * h) - 1e-9).astype(int) * BLOCK
    axes = [lo + h * (np.arange(n) + 0.5) for lo, n in zip(low, counts)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return density, density.density(points.reshape(-1, density.dim)).reshape(counts), low, h


@pytest.mark.parametrize("name", TOY)
def test_density_integrates_to_one(name):
    density, p, _, h = on_grid(name)
    assert p.sum() * h**density.dim == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", TOY)
def test_samples_follow_the_density(name):
    """Chi-square over cells of 4 sigma, and the mean of log p, which is minus the entropy."""
    density, p, low, h = on_grid(name)
    n = 20_000
    x = density.sample(n, rng=np.random.default_rng(5))
    assert x.shape == (n, density.dim)
    assert x.dtype == np.float32

    cells = [size // BLOCK for size in p.shape]
    split = tuple(v for size in cells for v in (size, BLOCK))
    expected = n * h**density.dim * p.reshape(split).sum(axis=tuple(range(1, 2 * density.dim, 2)))
    edges = [lo + BLOCK * h * np.arange(size + 1) for lo, size in zip(low, cells)]
    observed, _ = np.histogramdd(x, bins=edges)
    often = expected >= 5  # the rest is one cell more
    observed = np.append(observed[often], n - observed[often].sum())
    expected = np.append(expected[often], n - expected[often].sum())
    chi2 = ((observed - expected) ** 2 / np.maximum(expected, 1)).sum()
    assert chi2 < len(expected) + 5 * math.sqrt(2 * len(expected))

    log_p = density.log_density(x)
    safe = np.where(p > 0, p, 1)
    assert log_p.mean() == pytest.approx((p * np.log(safe)).sum() * h**density.dim, abs=5 * log_p.std() / n**0.5 + 1e-6)


def test_one_dimensional_mixture_by_kolmogorov_smirnov(rng):
    d = gaussian_mixture_1d(means=(-1, 0, 3), sigma=(0.1, 0.5, 1.0), weights=(1, 1, 2))
    x = np.sort(d.sample(20_000, rng=rng)[:, 0]).astype(float)
    phi = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))))
    cdf = sum(w * phi((x - m) / s) for w, m, s in zip(d.weights, d.modes[:, 0], d.sigmas))
    assert np.abs(cdf - (np.arange(len(x)) + 0.5) / len(x)).max() < 1.95 / math.sqrt(len(x))  # p = 0.001
    assert d.sigma is None  # three different ones
    np.testing.assert_allclose(d.weights, [0.25, 0.25, 0.5])


def test_ring_has_eight_distinct_modes():
    """np.linspace(0, 2 pi, 8) would give seven: the first angle is the last."""
    modes = ring().modes
    assert modes.shape == (8, 2)
    gaps = [np.linalg.norm(a - b) for a, b in itertools.combinations(modes, 2)]
    assert min(gaps) == pytest.approx(2 * math.sin(math.pi / 8))
    np.testing.assert_allclose(np.linalg.norm(modes, axis=1), 1)
    np.testing.assert_allclose(modes.mean(axis=0), 0, atol=1e-15)


def test_grid_is_the_published_one():
    d = grid()
    assert {tuple(m) for m in d.modes.tolist()} == set(itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), repeat=2))
    assert d.sigma == 0.05
    assert d.extent[0] < -4.1
    assert d.extent[1] > 4.1


def test_labels_name_the_component(rng):
    d = grid(side=3)
    x, labels = d.sample_labelled(9000, rng=rng)
    assert labels.dtype == np.int64
    assert (np.abs(x - d.modes[labels]).max(axis=1) < 6 * d.sigma).all()
    assert np.abs(np.bincount(labels, minlength=9) - 1000).max() < 5 * math.sqrt(1000)
    x, labels = two_moons(sigma=1e-3).sample_labelled(500, rng=rng)
    centre = np.where(labels[:, None] == 0, (-0.5, -0.25), (0.5, 0.25))  # of the half circle that it is on
    np.testing.assert_allclose(np.linalg.norm(x - centre, axis=1), 1, atol=6e-3)
    board = checkerboard()
    x, labels = board.sample_labelled(500, rng=rng)
    same = np.floor(x[labels == 3]).astype(int)
    assert len(np.unique(same, axis=0)) == 1  # one square, one label


def test_one_gaussian_in_closed_form():
    d = GaussianMixture("one", "", [[1.0, -2.0]], 0.5)
    x = np.array([[1.0, -2.0], [2.0, 0.0], [1e3, 0.0]])
    square = ((x - [1, -2]) ** 2).sum(axis=1)
    np.testing.assert_allclose(d.log_density(x), -square / 0.5 - math.log(2 * math.pi * 0.25), rtol=1e-14)
    assert d.density(x)[2] == 0  # the density underflows where its logarithm does not


def test_line_integral_against_its_closed_form():
    """On a straight segment the integral is a difference of two normal distribution functions."""
    s = 0.07
    d = NoisyCurves("segment", "", [lambda t: np.stack([2 * t - 1, 0 * t], axis=-1)], s)
    x = np.random.default_rng(0).uniform((-1.3, -0.4), (1.3, 0.4), (500, 2))
    erf = np.vectorize(math.erf)
    along = (erf((x[:, 0] + 1) / (s * 2**0.5)) - erf((x[:, 0] - 1) / (s * 2**0.5))) / 4
    across = np.exp(-(x[:, 1] ** 2) / (2 * s * s)) / (s * math.sqrt(2 * math.pi))
    np.testing.assert_allclose(d.density(x), along * across, rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("density", [two_moons(), spirals()], ids=repr)
def test_quadrature_has_converged(density):
    """The accuracy that NoisyCurves states, against panels ten times finer."""
    rng = np.random.default_rng(1)
    x = density.sample(60, rng=rng).astype(float) + rng.normal(size=(60, 2)) * 2 * density.sigma
    node, weight = np.polynomial.legendre.leggauss(8)
    k = len(density.curves)
    panels = 10 * len(density._nodes) // (8 * k)
    t = ((np.arange(panels)[:, None] + 0.5 + 0.5 * node) / panels).ravel()
    centres = np.concatenate([curve(t) for curve in density.curves])
    fine = np.tile(np.tile(weight / (2 * panels), panels), k) / k
    exact = log_gaussian_sum(x, centres, fine, np.full(len(centres), density.sigma))
    near = exact > exact.max() + math.log(1e-5)
    assert near.sum() > 30
    np.testing.assert_allclose(density.log_density(x)[near], exact[near], atol=1e-8)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(squares=st.integers(1, 9), half_width=st.floats(0.01, 1000), seed=st.integers(0, 99))
def test_checkerboard_samples_lie_on_dark_squares(squares, half_width, seed):
    """Also after rounding to float32, which may carry a point over an edge."""
    d = checkerboard(squares, half_width)
    x = d.sample(500, rng=np.random.default_rng(seed))
    assert np.isfinite(d.log_density(x)).all()
    dark = (squares * squares + 1) // 2
    area = dark * (2 * half_width / squares) ** 2
    assert d.density(x) == pytest.approx(np.full(500, 1 / area))


@settings(deadline=None, derandomize=True, max_examples=40)
@given(squares=st.integers(1, 9), half_width=st.floats(0.01, 1000), extreme=st.sampled_from([0.0, 1 - 2**-53]))
def test_checkerboard_extreme_draws(squares, half_width, extreme):
    """The least and the largest number that a generator can give stay on their square, where the edge is inside."""

    class Extreme:
        def random(self, shape):
            return np.full(shape, extreme)

    d = checkerboard(squares, half_width)
    x = d._draw(np.arange(len(d.weights)), Extreme()).astype(np.float32)
    assert np.isfinite(d.log_density(x)).all()


def test_checkerboard_edges():
    d = checkerboard()
    log_p = d.log_density([[-1.5, -1.5], [-0.5, -1.5], [-0.5, -0.5], [2.0, 2.0], [-2.0, -2.0], [3.0, 0.5]])
    np.testing.assert_array_equal(np.isfinite(log_p), [True, False, True, False, True, False])
    assert log_p[0] == pytest.approx(-math.log(8))
    assert d.modes is None
    assert d.sigma is None


def test_same_generator_same_points():
    for make in TOY.values():
        d = make()
        a, labels = d.sample_labelled(50, rng=np.random.default_rng(3))
        np.testing.assert_array_equal(a, d.sample(50, rng=np.random.default_rng(3)))
        assert a.flags.c_contiguous
        assert labels.max() < len(d.weights)
        assert d.weights.sum() == pytest.approx(1)
        assert make.__doc__
        assert d.about


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d, rng: d.sample(10), TypeError, "rng"),
        (lambda d, rng: d.sample(10, rng=0), TypeError, "rng must be a numpy.random.Generator"),
        (lambda d, rng: d.sample(10.0, rng=rng), ValueError, "ring: n must be an integer of at least 1, got 10.0"),
        (lambda d, rng: d.sample(0, rng=rng), ValueError, "ring: n must be an integer of at least 1, got 0"),
        (lambda d, rng: d.sample(10**12, rng=rng), ValueError, "the limit is 4 GiB"),
        (lambda d, rng: d.log_density(np.zeros(2)), ValueError, r"ring expects points \(n, 2\), got \(2,\)"),
        (lambda d, rng: d.log_density(np.zeros((3, 1))), ValueError, r"ring expects points \(n, 2\), got \(3, 1\)"),
        (lambda d, rng: d.log_density([[0, 0], [0, np.nan]]), ValueError, "finite points, .* in row 1"),
        (lambda d, rng: ring(sigma=0), ValueError, "ring: sigma must be positive and finite, got 0"),
        (lambda d, rng: ring(n_modes=0), ValueError, "ring: n_modes must be an integer of at least 1, got 0"),
        (lambda d, rng: ring(n_modes=True), ValueError, "n_modes must be an integer .* got True"),
        (lambda d, rng: ring(radius=np.nan), ValueError, "ring: means must be finite"),
        (lambda d, rng: spirals(sigma=1e-12), ValueError, "the limit is 4 GiB"),
        (lambda d, rng: gaussian_mixture_1d(means=[[0.0]]), ValueError, "means must be a list of numbers"),
        (lambda d, rng: gaussian_mixture_1d(means=[0.0, 1.0]), ValueError, "weights must be one number or 2"),
        (lambda d, rng: gaussian_mixture_1d(weights=(1, 0, 1)), ValueError, "weights must be positive"),
    ],
)
def test_errors(call, error, words, rng):
    with pytest.raises(error, match=words):
        call(ring(), rng)


@pytest.fixture
def rng():
    return np.random.default_rng(11)
