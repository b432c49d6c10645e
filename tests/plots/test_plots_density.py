"""Pictures of densities: estimates that survive a collapse, and D's surface the right way round."""

from types import SimpleNamespace

import numpy as np
import pytest
from pictures import pixels

from scratchgan.data import gaussian_mixture_1d, ring
from scratchgan.plots import density as plots_density


def perfect_gan(density, probability=0.5):
    """A GAN whose samples are real ones, with a constant D."""
    return SimpleNamespace(
        sample=lambda n, *, seed: density.sample(n, rng=np.random.default_rng(seed + 1)),
        probability=lambda x: np.full(len(x), probability),
    )


def test_kernel_density_recovers_a_density_and_survives_collapse(rng):
    x = np.linspace(-4, 4, 401)
    p = gaussian_mixture_1d()
    q = plots_density.kernel_density(p.sample(8000, rng=rng).ravel(), x)
    assert q.sum() * (x[1] - x[0]) == pytest.approx(1, abs=0.01)
    assert np.abs(q - p.density(x[:, None])).max() < 0.08  # of a peak of 0.67
    one_place = plots_density.kernel_density(np.full(100, 0.5), x)
    assert one_place.sum() * (x[1] - x[0]) == pytest.approx(1, abs=0.01)
    assert x[one_place.argmax()] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])  # a flat surface has no contour at 1/2
def test_density_pictures_of_a_constant_d(tmp_path, probability):
    for density in (ring(), gaussian_mixture_1d()):
        plots_density.save_density(tmp_path / "d.png", perfect_gan(density, probability), density, n=50)
        assert pixels(tmp_path / "d.png").shape == (580, 640, 3)


def test_surface_is_warm_where_d_says_real(tmp_path):
    """D rises from left to right: the left of the picture is blue, the right orange."""
    density = ring()
    gan = perfect_gan(density)
    gan.probability = lambda x: 1 / (1 + np.exp(-8 * x[:, 0]))
    plots_density.save_density(tmp_path / "d.png", gan, density, n=1)
    red, _, blue = pixels(tmp_path / "d.png").astype(int).transpose(2, 0, 1)
    assert blue[480, 90] - red[480, 90] > 40
    assert red[480, 490] - blue[480, 490] > 40


def test_points_in_three_dimensions_have_no_density_picture(tmp_path):
    with pytest.raises(ValueError, match="dimensions, got 3"):
        plots_density.save_density(tmp_path / "d.png", None, SimpleNamespace(dim=3))


def test_point_cloud_stands_in_for_a_density(rng):
    points = rng.standard_normal((1000, 2))
    points[0] = 1e6  # one outlier
    cloud = plots_density.PointCloud(points)
    left, right, bottom, top = cloud.extent
    assert -6 < left < -2 < 2 < right < 6
    assert -6 < bottom < -2 < 2 < top < 6
    assert (cloud.sample(10, rng=rng)[:, None] == points).all(axis=2).any(axis=1).all()
