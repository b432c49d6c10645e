"""The user's arrays: .npy and .npz files of images or points.

The header is checked before any value is read: its type, its shape, and whether the file is large enough for the
shape it declares.  Pickled objects are never loaded.
"""

from pathlib import Path

import numpy as np

from ..files.arrays import opened, read_header, read_member, read_rest, read_values
from .dataset import check_values, to_unit
from .limits import MAX_BYTES, DataError, check_fits

#: of an .npz file, in bytes: float64 images need twice the memory of the float32 they become; 2**20 is for the labels
MAX_UNPACKED = 2 * MAX_BYTES + 2**20


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a .npy file; DataError naming the file if it holds no array of numbers or fewer than it declares."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        try:
            return read_values(file, _checked(read_header(file, size), path, "uf", "uint8 or floats"))
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"{path}: {error}") from None


def read_npz(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """(x, labels or None) from a .npz file: x is the array `images`, or the only array besides `labels`.

    DataError naming the file and the array if there is no such array or it cannot be read.
    """
    try:
        with open(path, "rb") as file, opened(file, most=MAX_UNPACKED) as (archive, members):
            names = sorted(set(members) - {"labels"})
            if "images" not in names and len(names) != 1:
                raise DataError(f"{path}: expected an array 'images' or a single array, got {_few(names)}")
            name = "images" if "images" in names else names[0]
            x = _read_member(archive, members[name], f"{path}[{name}]", "uf", "uint8 or floats")
            labels = None
            if "labels" in members:
                labels = _read_member(archive, members["labels"], f"{path}[labels]", "iu", "whole numbers")
            return x, labels
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: the .npz file is broken or cut short ({error})") from None


def _few(names):
    return f"[{', '.join(map(repr, names[:8]))}{', ...' if len(names) > 8 else ''}]"


def _read_member(archive, entry, where, kinds, wanted):
    try:
        file, header = read_member(archive, entry)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return read_rest(file, _checked(header, where, kinds, wanted))


def _checked(header, where, kinds, wanted):
    """Return the header; DataError if its type is not one of `kinds`, or if its shape is too large."""
    if header.dtype.kind not in kinds:
        raise DataError(f"{where}: expected {wanted}, got {header.dtype}")
    check_fits(header.shape, where)
    return header


def to_samples(array: np.ndarray, where: object) -> np.ndarray:
    """Convert a user's array to float32: unchanged points (N, 1 or 2), or images (N, H, W, 1 or 3) in [-1, 1].

    uint8 pixels v become v / 127.5 - 1.  Float pixels must lie in [-1, 1]; if none is negative, they are taken to be in
    [0, 1] and mapped to [-1, 1].
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
        raise DataError(f"{where}: images must be uint8 or floats, got {array.dtype}; 0..255 can be .astype(np.uint8)")
    check_values(array, where)
    low, high = float(array.min()), float(array.max())
    if low < -1 or high > 1:
        raise DataError(
            f"{where}: float images must lie in [0, 1] or [-1, 1], got {low:g} to {high:g}; "
            "if they are 0 to 255, divide by 255 or save them as uint8"
        )
    return array.astype(np.float32) if low < 0 else to_unit(array, 1)


def _points(array, where):
    if array.shape[1] not in (1, 2) or not len(array):
        raise DataError(
            f"{where}: a two-dimensional array is read as points (N, 1) or (N, 2), got {array.shape}; "
            "images must be (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
        )
    if array.dtype.kind != "f":
        raise DataError(f"{where}: points must be floats, got {array.dtype}")
    with np.errstate(over="ignore"):  # values too large for float32 become inf, which check_values reports
        points = array.astype(np.float32)
    check_values(points, where)
    return points


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
    raise DataError(f"{where}: {expected}, got {shape[3]} channels in {shape}")
