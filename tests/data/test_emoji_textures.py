"""The embedded emoji and photographs: what is in them, their held-out parts, sizes, licences, checksums."""

import hashlib
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import scratchgan
from scratchgan.data import DataError, load, names, textures, whole_textures
from scratchgan.data.dataset import resize_images

FILES = Path(scratchgan.__file__).parent / "data" / "files"
ROOT = FILES.parents[2]


def test_every_file_is_in_the_readme_with_its_checksum():
    text = (FILES / "README.md").read_text()
    sums = dict(re.findall(r"^\| `([\w.-]+)` \| `([0-9a-f]{64})` \|$", text, re.M))
    assert set(sums) == {path.name for path in FILES.glob("*.npz")}
    for name, expected in sums.items():
        assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == expected
        assert text.count(f"| `{name}` |") == 2, f"{name} needs a row with its arrays, source and licence"
    for name in ("chelsea", "coffee", "rocket", "hubble_deep_field", "brick", "grass", "gravel"):
        assert f"| {name}" in text
    for words in (
        "Copyright (c) Microsoft Corporation",
        "NASA, ESA, STScI",
        "SpaceX",
        "Rachel Michetti",
        "Changes made",
    ):
        assert words in text


def test_the_licences_are_in_the_wheel_and_in_its_expression():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    licences = {"MIT", "CC-BY-4.0", "CC-BY-SA-3.0", "CC0-1.0", "LicenseRef-Public-Domain"}
    assert set(project["license"].split(" AND ")) == licences
    for file in project["license-files"]:
        assert (ROOT / file).is_file(), file
    assert "scratchgan/data/files/LICENSE-emoji" in project["license-files"]
    text = (FILES / "LICENSE-emoji").read_text()
    assert "Copyright (c) Microsoft Corporation" in text
    assert (
        text.split("Permission", 1)[1] == (ROOT / "LICENSE").read_text().split("Permission", 1)[1]
    )  # MIT, word by word


def test_the_embedded_files_leave_room_in_the_wheel():
    assert sum(path.stat().st_size for path in FILES.iterdir()) < 2.5e6  # already compressed; the wheel's limit is 6 MB


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_drawing_and_its_colours_are_the_same_emoji(split):
    line, colour = load("emoji-line", split=split), load("emoji-colour", split=split)
    n = {"train": 1103, "test": 122}[split]
    assert (line.x.shape, colour.x.shape) == ((n, 32, 32, 1), (n, 32, 32, 3))
    with np.load(FILES / "emoji-pairs-32.npz", allow_pickle=False) as file:
        rows = np.flatnonzero(file["held_out"] == (split == "test"))
        levels = np.rint((line.x[..., 0] + 1) * 127.5)
        np.testing.assert_array_equal(levels, file["line"][rows])
        np.testing.assert_array_equal(np.rint((colour.x + 1) * 127.5), file["colour"][rows])
    # both are on white, so a pair covers much the same pixels; with the next emoji's colours it does not
    ink, paint = line.x[..., 0] < 0.9, (colour.x < 0.9).any(axis=-1)
    shared, other = (
        (ink & part).sum(axis=(1, 2)) / ink.sum(axis=(1, 2)) for part in (paint, np.roll(paint, 1, axis=0))
    )
    assert np.mean(shared > other) > 0.65
    assert np.median(shared) > np.median(other) + 0.1


def test_the_held_out_part_has_the_size_and_channels_of_training():
    for name, options, shape in (
        ("emoji-line", {}, (32, 32, 1)),
        ("emoji-line", {"channels": 3}, (32, 32, 3)),
        ("emoji-colour", {"image_size": 28, "channels": 1}, (28, 28, 1)),
        ("textures", {}, (48, 48, 3)),
        ("textures", {"image_size": 32, "channels": 1}, (32, 32, 1)),
    ):
        data = load(name, **options)
        held = data.test()
        assert data.example_shape == held.example_shape == shape
        assert data.test_size == len(held) == {"emoji": 122, "textu": 400}[name[:5]]
        assert (held.test, held.test_size, held.source, held.name) == (None, 0, data.source, name)
        np.testing.assert_array_equal(held.x, load(name, split="test", **options).x)
    same = resize_images(load("emoji-colour").x[:5], 28)
    np.testing.assert_array_equal(load("emoji-colour", image_size=28).x[:5], same)
    line = load("emoji-line", channels=3).x
    np.testing.assert_array_equal(line[..., 0], line[..., 2])


def test_names_and_errors():
    assert {"emoji-line", "emoji-colour", "textures"} <= set(names())
    with pytest.raises(
        DataError, match=r"mnist-5k has no test part; sets with one: .*emoji-line, emoji-colour, texture"
    ):
        load("mnist-5k", split="test")
    for side in (7, 129):
        with pytest.raises(DataError, match=f"sides from 8 to 128 pixels, got image_size={side}"):
            load("textures", image_size=side)
    with pytest.raises(DataError, match="split must be 'train' or 'test', got 'val'"):
        whole_textures("val")


# ---- crops


def test_a_crop_is_a_piece_of_a_photograph_of_its_own_part():
    for split in ("train", "test"):
        whole = whole_textures(split, channels=3)
        for crop in load("textures", image_size=24, split=split).x[::97]:
            found = 0
            for image in whole.values():
                corners = np.argwhere((image[:-23, :-23] == crop[0, 0]).all(axis=-1))
                found += any(np.array_equal(image[r : r + 24, c : c + 24], crop) for r, c in corners)
            assert found == 1


def test_whole_photographs():
    train, test = whole_textures("train"), whole_textures("test")
    assert {name: image.shape for name, image in train.items()} == {
        "chelsea": (256, 385, 3),
        "rocket": (256, 384, 3),
        "hubble_deep_field": (256, 294, 3),
        "brick": (256, 256, 1),
        "grass": (256, 256, 1),
    }
    assert {name: image.shape for name, image in test.items()} == {"coffee": (256, 384, 3), "gravel": (256, 256, 1)}
    for image in (*train.values(), *test.values()):
        assert image.dtype == np.float32
        assert image.min() >= -1
        assert image.max() <= 1
    assert {image.shape[2] for image in whole_textures(channels=1).values()} == {1}


@pytest.mark.parametrize("side", [8, 32, 48, 96])
def test_crops_have_contrast_and_no_more_memory_than_the_default(side):
    x = textures.crops(side)
    assert x.shape == (textures.how_many(side, "train"), side, side, 3)
    assert x.nbytes <= 1600 * 48 * 48 * 3
    grey = np.rint(x.astype(np.float64) @ [0.299, 0.587, 0.114])
    assert grey.reshape(len(x), -1).std(axis=1).min() >= textures.CONTRAST - 0.1
    np.testing.assert_array_equal(x, textures.crops(side))
    assert len(np.unique(x.reshape(len(x), -1), axis=0)) == len(x)  # each place once


def test_the_contrast_of_a_crop_by_hand(rng):
    image = rng.integers(0, 90, (12, 15, 1), dtype=np.uint8)
    image[:8, :8] = 77  # a plain corner
    found = textures.has_contrast(image, 8)
    assert found.shape == (5, 8)
    for top, left in np.ndindex(found.shape):
        assert found[top, left] == (image[top : top + 8, left : left + 8].std() >= textures.CONTRAST)
    assert not found[0, 0]
    assert found[-1, -1]


def test_the_crops_are_the_same_on_every_computer():
    """A run knows its data by their checksum."""
    expected = "0eb28f82cac307485870f46b143090e30c3c0a81c9f1fc6f4bb7cfd02883fe79"
    assert hashlib.sha256(textures.crops(48).tobytes()).hexdigest() == expected


def test_embedded_images_without_labels_can_be_given_in_python():
    from scratchgan.runs.given import named_data
    from scratchgan.runs.recipe import Recipe

    data = load("emoji-line")
    assert named_data(Recipe(image_size=32), data)[0].data == "emoji-line"
    held = named_data(Recipe(image_size=32), data.test())[0].data
    assert held == "emoji-line (given to train by its caller)"
