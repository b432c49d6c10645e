"""The user's own pairs of images: two folders, pictures with both images side by side, or two arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from .dataset import Dataset
from .limits import DataError, check_image_options
from .paired import SCALES, Paired
from .paired_files import Sizes, side_by_side, two_arrays, two_folders


def pairs_from_folders(
    a: str | os.PathLike,
    b: str | os.PathLike,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    input_channels: int | None = None,
    scale: int = 1,
    ground: str = "auto",
    split: str = "train",
) -> Paired:
    """The pairs in two folders: the inputs in a, the targets in b, each named as its partner; a.png and a.jpg match.

    image_size      resize the centre square of each target to it, and of each input to image_size / scale
    channels        1 or 3: convert all images; None: as they are.  input_channels: other channels for the inputs
    ground, split   as of `load_path`; transparent pixels of both sides are shown over the same ground
    Both folders may have class folders, or parts such as train and test, which must then agree.  The pairs are in the
    natural order of their names.
    DataError, in one line that names all files it is about, up to ten: without a partner, with two partners, broken, of
    other proportions than their partner; for what is no folder of images; and if the result would not fit into memory.
    """
    x, y = _wanted(image_size, channels, input_channels, scale)
    first, second = Path(a).expanduser(), Path(b).expanduser()
    given, made, n = two_folders(first, second, x, y, ground, split)
    x, y = _as_in(given, made, x, y)
    again = partial(two_folders, first, second, x, y, given.ground or made.ground or ground, "test")
    return _loaded(given, made, n, again)


def pairs_side_by_side(
    folder: str | os.PathLike,
    *,
    given: str = "left",
    image_size: int | None = None,
    channels: int | None = None,
    input_channels: int | None = None,
    ground: str = "auto",
    split: str = "train",
) -> Paired:
    """The pairs in a folder of pictures that show both images side by side: `given`, "left" or "right", is the input.

    Each picture, turned as its orientation says, must be exactly twice as wide as high.  Options and errors as of
    `pairs_from_folders`.
    """
    x, y = _wanted(image_size, channels, input_channels, 1)
    place = Path(folder).expanduser()
    one, other, n = side_by_side(place, given, x, y, ground, split)
    x, y = _as_in(one, other, x, y)
    again = partial(side_by_side, place, given, x, y, one.ground or ground, "test")
    return _loaded(one, other, n, again)


def pairs_from_npz(
    path: str | os.PathLike,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    input_channels: int | None = None,
    split: str = "train",
) -> Paired:
    """The pairs in a .npz file with arrays x and y, inputs and targets, or line and colour; x_test and so on are held out.

    The arrays are images as of `load_path`.  Options as of `pairs_from_folders`; DataError for other files and arrays.
    """
    x, y = _wanted(image_size, channels, input_channels, 1)
    file = Path(path).expanduser()
    given, made, n = two_arrays(file, x, y, split)
    x, y = _as_in(given, made, x, y)
    return _loaded(given, made, n, partial(two_arrays, file, x, y, "test"))


def _wanted(
    image_size: int | None, channels: int | None, input_channels: int | None, scale: int
) -> tuple[Sizes, Sizes]:
    """The Sizes of inputs and targets."""
    image_size, channels = check_image_options(image_size, channels)
    _, input_channels = check_image_options(None, input_channels)
    if scale not in SCALES or (image_size or 4) % scale:
        raise DataError(f"scale must be 1, 2 or 4 and divide image_size, got scale={scale}, image_size={image_size}")
    return Sizes(image_size and image_size // scale, input_channels or channels), Sizes(image_size, channels)


def _as_in(x: Dataset, y: Dataset, of_x: Sizes, of_y: Sizes) -> tuple[Sizes, Sizes]:
    """Sizes for the test part: those of the training part, which was not resized if it is not square."""
    (h, w, c), (height, width, channels) = x.example_shape, y.example_shape
    return Sizes(h if h == w else of_x.size, c), Sizes(height if height == width else of_y.size, channels)


def _loaded(x: Dataset, y: Dataset, n: int, test: Callable[[], tuple[Dataset, Dataset, int]]) -> Paired:
    def join(x: Dataset, y: Dataset) -> Paired:
        where = " and ".join(dict.fromkeys((x.source, y.source)))  # paths, for an error
        return replace(Paired(y, x, name=where), name="")

    def held_out() -> Paired:
        x, y, _ = test()
        return join(x, y)

    return replace(join(x, y), test_size=n, test=held_out if n else None)
