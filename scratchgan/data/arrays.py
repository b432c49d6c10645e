"""The user's arrays: .npy and .npz files of images or points.

A header is judged before a single value is read: its type, its shape, and whether the file can hold what it declares.
Pickled objects are never loaded.
"""

import math
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .dataset import check_values, to_unit
from .limits import DataError, check_fits

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a .npy file; DataError naming the file if it is no array of numbers, or does not hold its shape."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        size = file.tell()
        file.seek(0)
        return _read_array(file, path, size, kinds="uf", wanted="uint8 or floats")


def read_npz(path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """(x, labels or None) out of a .npz file: the array `images`, or the only one there is; and `labels` if present.

    DataError naming the file and the array if there is no such array or it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            names = sorted(set(members) - {"labels"})
            if "images" not in names and len(names) != 1:
                raise DataError(f"{path}: expected an array 'images', or just one array; found {names}")
            name = "images" if "images" in names else names[0]
            x = _read_member(archive, members[name], f"{path}[{name}]", "uf", "uint8 or floats")
            labels = None
            if "labels" in members:
                labels = _read_member(archive, members["labels"], f"{path}[labels]", "iu", "whole numbers")
            return x, labels
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # RuntimeError is what zipfile says to an encrypted archive
        raise DataError(f"{path}: the .npz file is broken or cut short ({error})") from None


def _read_member(archive, info, where, kinds, wanted):
    with archive.open(info) as file:
        return _read_array(file, where, info.file_size, kinds, wanted)


def _read_array(file, where, size, kinds, wanted):
    """Read one array in NumPy's format from a file of `size` bytes, once its header has been found sound."""
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran, dtype = _HEADERS[version](file)
    except (ValueError, KeyError):
        raise DataError(f"{where}: not an array that NumPy can read (its header is broken or too new)") from None
    if dtype.hasobject:
        raise DataError(
            f"{where}: holds pickled Python objects, which are never loaded (they can run code): save uint8 or floats"
        )
    if dtype.kind not in kinds:
        raise DataError(f"{where}: expected {wanted}, got {dtype}")
    if any(n < 0 for n in shape):
        raise DataError(f"{where}: declares the impossible shape {shape}")
    count = math.prod(shape)
    if count * dtype.itemsize > size - file.tell():
        raise DataError(f"{where}: declares {shape} of {dtype}, more than the file holds: it is cut short or broken")
    check_fits(shape, where)
    values = file.read(count * dtype.itemsize)
    if len(values) != count * dtype.itemsize:
        raise DataError(f"{where}: declares {shape} of {dtype}, but ends before that")
    return np.frombuffer(values, dtype=dtype).reshape(shape, order="F" if fortran else "C")


def to_samples(array: np.ndarray, where: object) -> np.ndarray:
    """Points (N, 1 or 2), as they are, or images (N, H, W, 1 or 3) in [-1, 1], as float32, out of a user's array.

    uint8 is divided by 127.5, minus 1.  Floats must lie in [-1, 1], or in [0, 1] if none is negative, which is then
    mapped to [-1, 1]; anything else is a DataError, as is a value that is not finite (naming the first bad sample) and
    a shape that is not points, (N, H, W), (N, H, W, 1) or (N, H, W, 3).
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
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, and is named
        points = array.astype(np.float32)
    check_values(points, where)
    return points


def _image_shape(array, where):
    """The array as (N, H, W, C), or one error for what it looks like instead."""
    shape = array.shape
    expected = "images must be (N, H, W), (N, H, W, 1) or (N, H, W, 3)"
    if 0 in shape:
        raise DataError(f"{where}: {expected}, got the empty shape {shape}")
    if len(shape) == 3:
        if shape[2] <= 3:
            raise DataError(f"{where}: {expected}; {shape} looks like a single image, which is not enough")
        return array[..., None]
    if len(shape) != 4:
        raise DataError(f"{where}: {expected}, got {shape}")
    if shape[3] in (1, 3):
        return array
    if shape[1] in (1, 3):
        raise DataError(f"{where}: {expected}, got {shape}: channels come last here, use .transpose(0, 2, 3, 1)")
    raise DataError(f"{where}: {expected}, got {shape[3]} channels in {shape}")
