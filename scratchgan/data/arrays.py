"""The user's arrays: .npy and .npz files of images or points.

The header is checked before any value is read: its type, its shape, and whether the file is large enough for the
shape it declares.  Pickled objects are never loaded.
"""

import contextlib
import math
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from ..files.arrays import opened, read_header, read_member, read_rest, read_values
from .dataset import check_values, to_unit
from .limits import MAX_BYTES, DataError, check_fits
from .named import advice, choose, parts_note, to_labels

#: of an .npz file, in bytes: float64 images need twice the memory of the float32 they become; 2**20 is for the labels
MAX_UNPACKED = 2 * MAX_BYTES + 2**20
MAX_TEXTS = 2**28  # bytes of labels that are texts
ROUNDING = 1e-3  # by which float pixels may lie outside their range: float16 rounds by half of that
LEAST_BLACK = -0.25  # pixels in [-1, 1] whose least value is above this have no dark pixel at all


def read_npy(path: str | Path, content: IO[bytes] | None = None) -> np.ndarray:
    """The array in a .npy file; DataError naming the file if it holds no array of numbers or fewer than it declares.

    content   the file, if it is not to be opened by its path
    """
    with open(path, "rb") if content is None else contextlib.nullcontext(content) as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            return read_values(file, _checked(read_header(file, size), path, "uf", "uint8 or floats"))
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None


class Arrays(NamedTuple):
    """What was read from a file: x, labels or None, the labels' names, notes, and the size of a test part."""

    x: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    test: int = 0


def read_npz(path: str | Path, content: IO[bytes] | None = None, *, split: str = "train") -> Arrays:
    """The images and labels in a .npz file, of its training or test part; data/named.py says which arrays they are.

    content   the file, if it is not to be opened by its path
    DataError naming the file and the array if there is no such array or it cannot be read.
    """
    try:
        with (
            open(path, "rb") if content is None else contextlib.nullcontext(content) as file,
            opened(file, most=MAX_UNPACKED) as (archive, members),
        ):
            chosen = choose(members, path)
            if ("images", split) not in chosen:
                raise DataError(f"{path} has no test part: no array such as x_test or test_images")
            name = chosen["images", split]
            x = checked_member(archive, members[name], f"{path}[{name}]", "uf", "uint8 or floats")
            labels: np.ndarray | None = None
            classes: tuple[str, ...] = ()
            if label := chosen.get(("labels", split)):
                if x.ndim > 2:
                    _image_shape(x, f"{path}[{name}]")  # or a wrong shape would look like a wrong number of labels
                where = f"{path}[{label}]"
                labels = checked_member(archive, members[label], where, "iufbUS", "whole numbers or texts")
                labels, classes = to_labels(labels, len(x), where)
            test = 0
            if split == "train" and ("images", "test") in chosen:
                held, header = read_member(archive, members[chosen["images", "test"]])
                held.close()
                test = header.shape[0] if header.shape else 0
            return Arrays(x, labels, classes, tuple(parts_note(path, chosen, members)), test)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: the .npz file is broken or cut short ({error})") from None


def checked_member(archive, entry, where, kinds, wanted):
    """One array of a .npz file; DataError if it is broken, of another type than `kinds`, or too large."""
    try:
        file, header = read_member(archive, entry)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return read_rest(file, _checked(header, where, kinds, wanted))


def _checked(header, where, kinds, wanted):
    """Return the header; DataError if its type is not one of `kinds`, or if its shape is too large."""
    if header.dtype.kind not in kinds:
        raise DataError(f"{where}: expected {wanted}, got {header.dtype}{advice(header.dtype)}")
    if header.dtype.kind in "US" and header.size > MAX_TEXTS:
        raise DataError(f"{where}: texts of {header.size:,} bytes, expected at most {MAX_TEXTS:,}")
    check_fits(header.shape, where)
    return header


def to_samples(array: np.ndarray, where: object) -> np.ndarray:
    """Convert a user's array to float32: unchanged points (N, 1 or 2), or images (N, H, W, 1 or 3) in [-1, 1].

    uint8 pixels v become v / 127.5 - 1.  Float pixels must lie in [-1, 1]; if none is below -ROUNDING, they are taken
    to be in [0, 1] and mapped to [-1, 1].  What rounding has moved out of the range, by at most ROUNDING, is clipped.
    DataError for other types or ranges, for a value that is not finite (naming the first bad sample), and for a shape
    other than (N, 1), (N, 2), (N, H, W), (N, H, W, 1) or (N, H, W, 3).
    """
    if array.ndim == 2:
        return _points(array, where)
    array = _image_shape(array, where)
    check_fits(array.shape, where)
    if array.dtype == np.uint8:
        return to_unit(array, 255)
    if array.dtype.kind != "f":
        raise DataError(f"{where}: images must be uint8 or floats, got {array.dtype}{advice(array.dtype)}")
    check_values(array, where)
    low, high = float(array.min()), float(array.max())
    if low < -1 - ROUNDING or high > 1 + ROUNDING:
        raise DataError(
            f"{where}: float images must lie in [0, 1] or [-1, 1], got {low:.7g} to {high:.7g}; "
            "if they are 0 to 255, divide by 255 or save them as uint8; if a filter moved some values out of the "
            "range, use np.clip"
        )
    if LEAST_BLACK < low < -ROUNDING:
        raise DataError(
            f"{where}: float images must lie in [0, 1] or [-1, 1], and these, {low:.7g} to {high:.7g}, could be either: "
            "if black is 0, use np.clip(x, 0, 1); if black is -1, save (x + 1) / 2"
        )
    return _clipped(array.astype(np.float32) if low <= LEAST_BLACK else to_unit(array, 1))


def _clipped(x):
    return np.clip(x, -1, 1, out=x)


def _points(array, where):
    if array.shape[1] not in (1, 2) or not len(array):
        raise DataError(
            f"{where}: a two-dimensional array is read as points (N, 1) or (N, 2), got {array.shape}; "
            f"images must be (N, H, W), (N, H, W, 1) or (N, H, W, 3){_unflattened(array.shape[1])}"
        )
    if array.dtype.kind != "f":
        raise DataError(f"{where}: points must be floats, got {array.dtype}; use .astype(np.float32)")
    with np.errstate(over="ignore"):  # values too large for float32 become inf, which check_values reports
        points = array.astype(np.float32)
    check_values(points, where)
    return points


def _unflattened(width):
    """How rows of so many pixels become images: the end of an error message, or ""."""
    for channels, shape in ((1, "-1, {0}, {0})"), (3, "-1, 3, {0}, {0}).transpose(0, 2, 3, 1)")):
        side = math.isqrt(width // channels)
        if side > 2 and channels * side * side == width:
            return f"; rows of {width} pixels become images by .reshape({shape.format(side)}"
    return ""


def _image_shape(array, where):
    """The array as (N, H, W, C); DataError that says what the shape looks like instead."""
    shape = array.shape
    expected = "images must be (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
    if 0 in shape:
        raise DataError(f"{where}: {expected}, got the empty shape {shape}")
    if len(shape) == 3:
        if shape[2] <= 3:
            raise DataError(f"{where}: {expected}; {shape} looks like a single image, and one is not enough")
        return array[..., None]
    if len(shape) != 4:
        raise DataError(f"{where}: {expected}, got {shape}")
    if shape[3] in (1, 3):
        return array
    if shape[1] in (1, 3):
        raise DataError(f"{where}: {expected}, got {shape}: channels must come last, use .transpose(0, 2, 3, 1)")
    if shape[2] in (1, 3) and shape[0] == shape[1]:
        raise DataError(f"{where}: {expected}, got {shape}: images must come first, use .transpose(3, 0, 1, 2)")
    way = ""
    if 4 in (shape[3], shape[1]) or 2 in (shape[3], shape[1]):
        first = "" if shape[3] in (2, 4) else ".transpose(0, 2, 3, 1)"
        keep = "3" if 4 in (shape[3], shape[1]) else "1"
        way = f"; without their transparency they are x{first}[..., :{keep}]"
    raise DataError(f"{where}: {expected}, got {shape[3]} channels in {shape}{way}")
