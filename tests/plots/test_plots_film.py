"""GIFs: the first and the last frame, black and white, and a limit of size."""

import numpy as np
import pytest
from PIL import Image

from scratchgan import plots


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
    with pytest.raises(ValueError, match="the same size"):
        plots.save_gif(tmp_path / "f.gif", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)])
