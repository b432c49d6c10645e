"""Data that look wrong get one line; data that are only dark, sparse or bright get none."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import load, load_path
from scratchgan.data.oddities import oddities


def note_on(tmp_path, images):
    """The notes on images (N, H, W) of any type that a PNG can hold."""
    tmp_path.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    return load_path(tmp_path).notes


def test_images_that_look_wrong(tmp_path, rng):
    noise = rng.integers(0, 256, (9, 8, 8))
    hot = (noise % 16).astype(np.uint8)
    hot[0, 0, 0] = 255  # one bright pixel somewhere does not make them bright
    for i, (images, words) in enumerate(
        (
            (
                (noise % 2).astype(np.uint8),
                "all pixels are 0 or 1 of 255, which is black: for a mask of 0 and 1, multiply",
            ),
            (hot, "look nearly black: in half of them no pixel is brighter than"),
            ((noise * 16).astype(np.uint16), "if they have 12 bits, multiply them by 16 and save them again"),
            ((noise * 4).astype(np.uint16), "if they have 10 bits, multiply them by 64"),
            (np.repeat(noise[:1], 9, 0).astype(np.uint8), "all 9 images are equal"),
            (255 - (noise % 16).astype(np.uint8), "look nearly white"),
            (np.broadcast_to(noise[:, :1, :1], (9, 8, 8)).astype(np.uint8), "9 of 9 images are one plain colour each"),
        )
    ):
        notes = note_on(tmp_path / str(i), images)
        assert len(notes) == 1
        assert words in notes[0]
        assert str(tmp_path / str(i)) in notes[0]


def test_images_that_only_look_unusual(tmp_path, rng):
    night = np.zeros((9, 8, 8), np.uint8)
    night[np.arange(9), rng.integers(0, 8, 9), rng.integers(0, 8, 9)] = 200
    for i, images in enumerate((night, 255 - night, rng.integers(0, 65536, (9, 8, 8)).astype(np.uint16))):
        assert note_on(tmp_path / str(i), images) == ()
    assert oddities(load("mnist-5k").x, "mnist-5k") == []
    assert oddities(load("uci-digits-8x8").x, "digits") == []
    assert oddities(rng.normal(size=(5, 2)), "points") == []


def test_arrays_are_looked_at_too(tmp_path, rng):
    np.save(tmp_path / "x.npy", rng.integers(0, 2, (9, 8, 8)).astype(np.uint8))
    assert "for a mask of 0 and 1" in load_path(tmp_path / "x.npy").notes[0]
    np.save(tmp_path / "x.npy", rng.integers(0, 2, (9, 8, 8)).astype(np.float32))
    data = load_path(tmp_path / "x.npy")
    assert data.notes == ()
    assert sorted(np.unique(data.x)) == [pytest.approx(-1), pytest.approx(1)]
