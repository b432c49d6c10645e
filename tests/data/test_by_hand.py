"""Pixels worked out by hand, and folders in any order of the file system."""

import os
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import BatchStream, Dataset, load, resize_images
from scratchgan.data.dataset import to_channels


def saved(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array, mode).save(path)
    return path


def test_colour_becomes_grey_by_its_luma(tmp_path):
    """0.299 R + 0.587 G + 0.114 B, each colour by itself, and black and white."""
    colours = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1], [-1, -1, -1]], np.float32)
    grey = to_channels(colours.reshape(5, 1, 1, 3), 1).ravel()
    expected = 2 * np.array([0.299, 0.587, 0.114, 1, 0]) - 1
    np.testing.assert_allclose(grey, expected, atol=1e-6)
    for i, colour in enumerate(colours):
        picture = np.tile((255 * (colour + 1) / 2).astype(np.uint8), (4, 4, 1))
        saved(tmp_path / "F" / f"{i}.png", picture)
    x = load(tmp_path / "F", channels=1).x
    np.testing.assert_allclose(x[:, 0, 0, 0], expected, atol=1 / 127)


def test_sixteen_bits_become_eight(tmp_path):
    """65,535 is 255 and 257 k is k; between them no value is made brighter by more than a rounding, or wraps around."""
    values = np.concatenate([257 * np.arange(256), np.arange(0, 65536, 256), np.arange(255, 65536, 256)])
    square = np.resize(np.sort(values), (28, 28)).astype(np.uint16)
    saved(tmp_path / "F" / "a.png", square)
    levels = (load(tmp_path / "F").x[0, :, :, 0] + 1) * 127.5
    exact = square / 257
    whole = exact == np.round(exact)
    np.testing.assert_allclose(levels[whole], exact[whole], atol=1e-3)
    assert (levels <= exact + 0.501).all()
    assert (levels >= exact - 1.001).all()


@pytest.mark.parametrize("size", [23, 31, 64])
def test_no_halo_is_left_beside_an_edge(tmp_path, size):
    """A bicubic filter reaches two pixels far, and its overshoot is clipped: black stays black and white stays white."""
    half = np.zeros((16, 16), np.uint8)
    half[:, 8:] = 255
    centres = (np.arange(size) + 0.5) * 16 / size
    by_array = resize_images((half / 127.5 - 1).astype(np.float32)[None, :, :, None], size)[0, size // 2, :, 0]
    saved(tmp_path / "F" / "a.png", half)
    by_file = load(tmp_path / "F", image_size=size).x[0, size // 2, :, 0]
    for row in (by_array, by_file):
        assert (row[centres < 7] == -1).all()
        assert (row[centres > 9] == 1).all()
        assert ((row > -1) & (row < 1)).any()  # the edge itself is smooth


@pytest.fixture
def shuffled(monkeypatch):
    """A file system that lists its entries in an order of its own."""
    listed, scanned = os.listdir, os.scandir

    def mixed(entries):
        entries = sorted(entries, key=lambda entry: getattr(entry, "name", str(entry)))
        random.Random(5).shuffle(entries)
        return entries

    class Scanned:
        def __init__(self, *path):
            with scanned(*path) as entries:
                self.entries = iter(mixed(entries))

        def __iter__(self):
            return self.entries

        def __next__(self):
            return next(self.entries)

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def close(self):
            pass

    monkeypatch.setattr(os, "scandir", Scanned)
    monkeypatch.setattr(os, "listdir", lambda *path: mixed(listed(*path)))
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(mixed(self / name for name in listed(self))))


def test_the_order_of_the_file_system_plays_no_part(tmp_path, shuffled):
    names = "abcdefgh"
    for i, name in enumerate(names):
        for j in range(3):
            saved(tmp_path / "classes" / name / f"{j}.png", np.full((4, 4), 30 * i + j, np.uint8))
        saved(tmp_path / "flat" / f"{name}.png", np.full((4, 4), 30 * i, np.uint8))
    assert [path.name for path in (tmp_path / "flat").iterdir()] != [f"{name}.png" for name in names]
    data = load(tmp_path / "classes")
    assert tuple(data.classes) == tuple(names)
    np.testing.assert_array_equal(data.labels, np.repeat(np.arange(8), 3))
    grey = np.round((data.x[:, 0, 0, 0] + 1) * 127.5)
    np.testing.assert_array_equal(grey, [30 * i + j for i in range(8) for j in range(3)])
    grey = np.round((load(tmp_path / "flat").x[:, 0, 0, 0] + 1) * 127.5)
    np.testing.assert_array_equal(grey, 30 * np.arange(8))


def test_the_workshop_sorts_what_it_lists(tmp_path, shuffled, monkeypatch):
    from scratchgan.grading import beside
    from scratchgan.grading.folder import handed_in
    from scratchgan.runs import image_files, recipe

    for name in ("c", "a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "01.ipynb").write_text("{}")
        (tmp_path / f"{name}.txt").write_text("x")
    with handed_in(tmp_path, tmp_path) as rows:
        assert [row.file.split("/")[0] for row in rows] == ["a", "b", "c"]
    for name in "hgfedcba":
        saved(tmp_path / "images" / f"{name}.png", np.zeros((4, 4), np.uint8))
    with image_files.inputs([tmp_path / "images"]) as given:
        assert [item.path.stem for item in given.items] == list("abcdefgh")
    assert list(recipe.names()) == ["dcgan-mnist", *sorted(set(recipe.names()) - {"dcgan-mnist"})]
    source, target = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    target.mkdir()
    for name in "hgfedcba":
        (source / name).write_text("x")
    monkeypatch.setattr(beside, "MOST_FILES", 3)
    beside.copy_files(source, target)
    assert sorted(path.name for path in target.iterdir()) == ["a", "b", "c"]


def test_every_epoch_has_an_order_of_its_own():
    data = Dataset(np.linspace(-1, 1, 30, dtype=np.float32)[:, None], name="points")
    stream = BatchStream(data, 10, rng=np.random.default_rng(0))
    epochs = [np.concatenate([stream.next()[:, 0] for _ in range(3)]) for _ in range(4)]
    for i, epoch in enumerate(epochs):
        np.testing.assert_array_equal(np.sort(epoch), data.x[:, 0])
        assert not any(np.array_equal(epoch, other) for other in [*epochs[:i], data.x[:, 0]])
