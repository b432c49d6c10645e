"""Pictures: every pixel of a grid where it belongs, and figures that say true things without touching global state."""

import math
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from scratchgan import losses, plots
from scratchgan.data import gaussian_mixture_1d, ring
from scratchgan.plots import density as plots_density


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def perfect_gan(density, probability=0.5):
    """A GAN whose samples are real ones, with a constant D."""
    return SimpleNamespace(
        sample=lambda n, *, seed: density.sample(n, rng=np.random.default_rng(seed + 1)),
        probability=lambda x: np.full(len(x), probability),
    )


def test_grid_puts_every_image_in_its_place(rng):
    images = rng.uniform(-1, 1, (7, 4, 5, 3))
    grid = plots.image_grid(images)
    assert (grid.shape, grid.dtype) == ((3 * 5 + 1, 3 * 6 + 1, 3), np.uint8)
    for n, image in enumerate(images):
        y, x = 1 + n // 3 * 5, 1 + n % 3 * 6
        np.testing.assert_allclose(grid[y : y + 4, x : x + 5], (image + 1) / 2 * 255, atol=0.5 + 1e-9)
    assert (grid[::5] == plots.GAP).all()
    assert (grid[:, ::6] == plots.GAP).all()
    assert (grid[11:, 7:] == plots.GAP).all()  # no eighth and ninth image


def test_grid_ends_of_the_range_and_columns():
    grid = plots.image_grid(np.array([-1.0, 1.0, 7.0]).reshape(3, 1, 1, 1), columns=3, gap=0)
    assert grid.tolist() == [[[0], [255], [255]]]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 3, 3)), "got (2, 3, 3)"),
        (np.zeros((2, 3, 3, 2)), "got (2, 3, 3, 2)"),
        (np.zeros((0, 3, 3, 1)), "got (0, 3, 3, 1)"),
        (np.full((1, 3, 3, 1), np.nan), "finite"),
    ],
)
def test_grid_refuses(images, words):
    with pytest.raises(ValueError) as caught:
        plots.image_grid(images)
    assert words in str(caught.value)


def test_saved_grid_enlarges_pixels_exactly(tmp_path, rng):
    images = rng.uniform(-1, 1, (16, 8, 8, 1))
    plots.save_grid(tmp_path / "g.png", images, "sixteen images")
    grid = plots.image_grid(images)
    scale = round(480 / len(grid))
    big = pixels(tmp_path / "g.png")[-10 - len(grid) * scale : -10, 10 : 10 + grid.shape[1] * scale]
    assert (big.reshape(len(grid), scale, len(grid), scale, 3) == grid[:, None, :, None]).all()
    assert list(tmp_path.iterdir()) == [tmp_path / "g.png"]  # no temporary file is left


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_rest_of_minimax_is_the_least_loss_of_d_where_p_is_q(smoothing):
    D = np.linspace(0.001, 0.999, 9981)
    loss = -(1 - smoothing) * np.log(D) - smoothing * np.log(1 - D) - np.log(1 - D)
    value, _, best = losses.get("minimax", label_smoothing=smoothing).rest
    assert best == pytest.approx(D[loss.argmin()], abs=1e-3)
    assert value == pytest.approx(loss.min(), abs=1e-5)
    if not smoothing:
        assert (best, value) == (0.5, 2 * math.log(2))


def test_running_mean_of_a_window_without_the_missing():
    values = np.array([1.0, 2.0, np.nan, 4.0, 9.0])
    np.testing.assert_allclose(plots.running_mean(values, 1), [1.5, 1.5, np.nan, 6.5, 6.5])
    np.testing.assert_allclose(plots.running_mean(values, 9), [4, 4, np.nan, 4, 4])


def record(step, d_loss=1.2):
    return {"step": step, "d_loss": d_loss, "g_loss": 0.7, "d_real": 0.6, "d_fake": 0.4, "seconds": 0.1}


@pytest.mark.parametrize("log", [[record(1)], [record(n, None if n == 3 else 1.0) for n in range(1, 30)]])
def test_curves_draw_short_logs_and_logs_with_gaps(tmp_path, log):
    plots.save_curves(tmp_path / "c.png", log, label_smoothing=0.1)
    assert pixels(tmp_path / "c.png").shape == (420, 1100, 3)


def test_curves_refuse_what_is_no_log(tmp_path):
    with pytest.raises(ValueError, match="at least one record"):
        plots.save_curves(tmp_path / "c.png", [])
    with pytest.raises(ValueError, match="d_real, d_fake missing"):
        plots.save_curves(tmp_path / "c.png", [{"step": 1, "d_loss": 1, "g_loss": 1}])


def test_gif_keeps_first_and_last_frame_holds_the_last_and_starts_over(tmp_path):
    ramp = np.linspace(0, 255, 100, dtype=np.uint8)  # frame n is a ramp that starts at shade n
    frames = [np.broadcast_to(np.roll(ramp, -n)[None, :, None], (20, 100, 3)) for n in range(100)]
    plots.save_gif(tmp_path / "f.gif", frames, most=12, milliseconds=100, hold=2000)
    with Image.open(tmp_path / "f.gif") as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (12, (100, 20), 0)
        shades, durations = [], []
        for n in range(12):
            film.seek(n)
            shades.append(film.convert("RGB").getpixel((0, 5))[0])
            durations.append(film.info["duration"])
    np.testing.assert_allclose(shades, ramp[[round(99 / 11 * n) for n in range(12)]], atol=3)
    assert durations == [100] * 11 + [2000]


def test_gif_keeps_black_and_white(tmp_path, rng):
    frame = rng.integers(20, 235, (40, 40, 3)).astype(np.uint8)
    frame[:2], frame[2] = 255, 0
    plots.save_gif(tmp_path / "f.gif", [frame, frame[:, ::-1]])
    with Image.open(tmp_path / "f.gif") as film:
        shown = np.asarray(film.convert("RGB"))
    assert (shown[:2] == 255).all()
    assert (shown[2] == 0).all()


def test_gif_stays_below_its_limit(tmp_path, rng):
    frames = [rng.integers(0, 255, (64, 64, 3)).astype(np.uint8) for _ in range(20)]
    plots.save_gif(tmp_path / "f.gif", frames, limit=40_000)
    assert (tmp_path / "f.gif").stat().st_size <= 40_000
    with Image.open(tmp_path / "f.gif") as film:
        assert 4 <= film.n_frames < 20


def test_gif_refuses(tmp_path):
    with pytest.raises(ValueError, match="at least one frame"):
        plots.save_gif(tmp_path / "f.gif", [])
    with pytest.raises(ValueError, match="one size"):
        plots.save_gif(tmp_path / "f.gif", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)])


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
    with pytest.raises(ValueError, match="3 dimensions"):
        plots_density.save_density(tmp_path / "d.png", None, SimpleNamespace(dim=3))


def test_point_cloud_stands_in_for_a_density(rng):
    points = rng.standard_normal((1000, 2))
    points[0] = 1e6  # one outlier
    cloud = plots_density.PointCloud(points)
    left, right, bottom, top = cloud.extent
    assert -6 < left < -2 < 2 < right < 6
    assert -6 < bottom < -2 < 2 < top < 6
    assert (cloud.sample(10, rng=rng)[:, None] == points).all(axis=2).any(axis=1).all()


def test_figures_need_no_pyplot_and_no_main_thread(tmp_path):
    code = (
        "import sys; from pathlib import Path; from scratchgan import plots\n"
        "plots.save_curves(Path(sys.argv[1]), [dict(step=1, d_loss=1, g_loss=1, d_real=.5, d_fake=.5)])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "c.png"], check=True)
    thread = threading.Thread(target=plots.save_curves, args=(tmp_path / "t.png", [record(1), record(2)]))
    thread.start()
    thread.join()
    assert (tmp_path / "t.png").is_file()
