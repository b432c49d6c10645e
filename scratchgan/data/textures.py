"""Crops of photographs, for super-resolution and repair: real textures, small enough to learn in minutes.

Seven photographs come with the package (files/README.md).  Five are for training, two for testing.  Much of a photograph
is sky or blur, from which nothing can be learned, so a crop is cut only where there is contrast.
"""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..checks import positive_int
from .dataset import to_channels, to_unit
from .limits import DataError, check_image_options

SIDE = 48  # of a crop, unless another is asked for
SIDES = (8, 128)  # the least and the largest
COUNT = {"train": 1600, "test": 400}  # crops of SIDE x SIDE; larger ones are fewer, so that they take no more memory
CONTRAST = 12  # the least standard deviation of a crop's grey values, of 255
SEED = 20261201
FILE = Path(__file__).parent / "files" / "textures-32.npz"


def whole_textures(split: str = "train", *, channels: int | None = None) -> dict[str, np.ndarray]:
    """{name: photograph (H, W, C) float32 in [-1, 1]} of the training part, or with split="test" of the test part.

    The shorter side is 256; C is 3, or 1 for grey photographs.
    channels   1 or 3: convert all of them; None: as they are
    DataError for another split or other channels.
    """
    _, channels = check_image_options(None, channels)
    return {name: to_channels(to_unit(image, 255), channels) for name, image in _photographs(split).items()}


def crops(side: int, split: str = "train") -> np.ndarray:
    """Crops (N, side, side, 3) uint8 of the photographs of one part, in the order of the photographs.

    Every place in which a crop has contrast is as likely as any other, whichever photograph it is in; the places are
    drawn without replacement, with a fixed seed.  Crops may overlap, but those for testing are of other photographs.
    N is 1,600 (training) or 400 (testing) for sides up to 48, and less for larger ones: as many pixels in all.
    ValueError if side is not a positive integer, DataError if it is not in 8..128 or split is neither part.
    """
    side = positive_int("textures", "image_size", side)
    if not SIDES[0] <= side <= SIDES[1]:
        raise DataError(f"textures: crops can have sides from {SIDES[0]} to {SIDES[1]} pixels, got image_size={side}")
    images = _photographs(split)
    pixels = list(images.values())
    # the number of the photograph, top and left of every place
    places = np.concatenate(
        [np.insert(np.argwhere(has_contrast(image, side)), 0, i, axis=1) for i, image in enumerate(pixels)]
    )
    drawn = np.argsort(np.random.default_rng(SEED).random(len(places)), kind="stable")[: how_many(side, split)]
    out = np.empty((len(drawn), side, side, 3), np.uint8)
    for i, (number, top, left) in enumerate(places[np.sort(drawn)]):
        out[i] = pixels[number][top : top + side, left : left + side]  # grey is repeated
    return out


def how_many(side: int, split: str) -> int:
    """The number of crops of that side, which is known before they are cut."""
    return min(COUNT[split], COUNT[split] * SIDE**2 // side**2)


def has_contrast(image: np.ndarray, side: int) -> np.ndarray:
    """Whether the crop whose upper left corner is there has contrast: (H - side + 1, W - side + 1) bool.

    image is (H, W, 1 or 3) uint8.  The variance of a crop is mean(v^2) - mean(v)^2 of its grey values v.  All sums are
    of integers, so that the same crops are chosen on every computer.
    """
    grey = image[..., 0].astype(np.int64)
    if image.shape[2] == 3:
        grey = (image.astype(np.int64) @ np.array([299, 587, 114]) + 500) // 1000  # BT.601
    n = side * side
    return n * _sums(grey**2, side) - _sums(grey, side) ** 2 >= (CONTRAST * n) ** 2


def _sums(values, side):
    """The sum over every square of side x side, from the sums over all rectangles that begin in the corner."""
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    return total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]


@lru_cache(maxsize=2)
def _photographs(split):
    """{name: (H, W, C) uint8} of one part."""
    from PIL import Image

    if split not in COUNT:
        raise DataError(f"textures: split must be 'train' or 'test', got {split!r}")
    found = {}
    with np.load(FILE, allow_pickle=False) as file:
        for i, (name, is_test) in enumerate(zip(file["names"], file["test"])):
            if is_test == (split == "test"):
                with Image.open(io.BytesIO(file[f"image_{i}"].tobytes()), formats=("PNG",)) as image:
                    pixels = np.asarray(image)
                found[str(name)] = pixels if pixels.ndim == 3 else pixels[..., None]
    return found
