"""Load the user's own data as a Dataset: a folder or a zip file of images, a .npy, .npz or IDX file, arrays in Python.

The type of a file is recognised by its first bytes, not by its name.
"""

import io
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import ROUNDING, Arrays, read_npy, read_npz, to_samples
from .dataset import Dataset, resize_images, to_channels
from .folder import Images, read_folder, read_zip, to_data
from .idx import read_idx
from .limits import DataError, check_image_options
from .named import to_labels
from .oddities import oddities
from .picture import GROUNDS, KINDS
from .zipped import is_npz

_ACCEPTED = f"a folder or zip file of images ({KINDS}), or a .npy, .npz or IDX file (gzipped or not)"
#: what other files are, by their first bytes, and the way out
_OTHERS = (
    (b"\x89HDF", "an HDF5 file: read its arrays with h5py, and save them with np.savez(FILE, images=..., labels=...)"),
    (b"PAR1", "a Parquet file: read it with pandas, and save its images with np.savez(FILE, images=..., labels=...)"),
    (b"MATLAB", "a MATLAB file: read it with scipy.io.loadmat, and save its images with np.savez(FILE, images=...)"),
    (b"Rar!", "a RAR archive: unpack it, and give the folder"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it, and give the folder"),
    (b"BZh", "a bzip2 archive: unpack it, and give the folder"),
    (b"\xfd7zXZ", "an xz archive: unpack it, and give the folder"),
)


def load_path(
    path: str | os.PathLike,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    ground: str = "auto",
    split: str = "train",
) -> Dataset:
    """Load images as (N, H, W, C) float32 in [-1, 1], or points (N, 1 or 2) unchanged, from a file or folder.

    image_size  resize the centre square of every image to image_size x image_size (bicubic); None: unchanged
    channels    1 or 3: convert to grey or colour; None: unchanged
    ground      what transparent pixels are shown over: "black", "white", "grey"; "auto": black, or white if most of the
                transparent images would show nothing over black.  Image files only
    split       "test": the part for testing, of a folder with sub-folders train and test, or of a .npz file with arrays
                such as x_train and x_test
    Labels come from sub-folders, one per class, from the array `labels` in a .npz file, or, for an IDX file named
    `...images-idx3...`, from a file `...labels-idx1...` next to it.
    DataError for anything that cannot be used: one line that names the file and what was expected.
    """
    image_size, channels = check_image_options(image_size, channels)
    if ground != "auto" and ground not in GROUNDS:
        raise DataError(f"ground must be auto, {', '.join(GROUNDS)}, got {ground!r}")
    path = Path(os.path.expanduser(path))
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file or folder")
    options: dict[str, Any] = {"image_size": image_size, "channels": channels, "ground": ground}
    read: Images | Arrays
    if path.is_dir():
        read = read_folder(path, split=split, **options)
    elif not path.is_file():
        raise DataError(f"{path}: expected {_ACCEPTED}")  # reading a device or a pipe might never end
    else:
        read = _read_file(path, split, options)
    facts: dict[str, Any] = {"name": path.name, "source": str(path)}
    if isinstance(read, Images):
        data = Dataset(to_data(read), read.labels, classes=read.classes, ground=read.ground, **facts)
        options["ground"] = read.ground or ground
        return _with_test(data, path, read.test, options, (*read.notes, *oddities(data.x, path, top=read.top)))
    x, labels, classes, notes, test = read
    read = Arrays(np.empty(0))  # the array in its own type is no longer needed
    x = to_samples(x, path)
    if x.ndim == 2:
        if image_size is not None or channels is not None:
            raise DataError(f"{path}: holds points {x.shape}; image_size and channels are for images")
        return Dataset(x, labels, classes=classes, notes=notes, **facts)
    data = fit(Dataset(x, labels, classes=classes, **facts), image_size, channels)
    return _with_test(data, path, test, options, (*notes, *oddities(data.x, path)))


def _with_test(data: Dataset, path: Path, size: int, options: dict[str, Any], notes: tuple[str, ...]) -> Dataset:
    """The data set with its notes, and with a function that loads its test part in the same shape."""
    if not size:
        return replace(data, notes=notes)
    height, width, channels = data.example_shape
    options |= {"channels": channels, "image_size": height if height == width else options["image_size"]}
    return replace(data, notes=notes, test_size=size, test=partial(load_path, path, split="test", **options))


def fit(dataset: Dataset, image_size: int | None, channels: int | None) -> Dataset:
    """The image data set resized and converted to image_size and channels; the same object if nothing changes."""
    x = to_channels(dataset.x, channels)
    if image_size is not None:
        x = resize_images(x, image_size)
    return dataset if x is dataset.x else replace(dataset, x=x)


def from_python(data: Any) -> Dataset:
    """A Dataset of what a caller passes: an array, or a pair (x, labels).

    x is (N, H, W, C) in [-1, 1] or (N, D), or uint8 images (N, H, W) or (N, H, W, C); labels are as in a .npz file.
    DataError, with the way out, for anything else.
    """
    labels = None
    if isinstance(data, tuple | list) and len(data) == 2 and np.ndim(data[0]) in (2, 3, 4):
        x, labels = data
    elif isinstance(data, tuple | list) and any(np.ndim(part) in (3, 4) for part in data):
        raise DataError(
            f"array: expected an array or a pair (x, labels), got {len(data)} objects; stack them by np.stack"
        )
    else:
        x = data
    x = np.asarray(x)
    if x.dtype.kind not in "uif" or (x.dtype.kind != "f" and x.ndim > 2):
        x = to_samples(x, "array")
    elif x.ndim in (3, 4) and x.size:
        x = x if x.ndim == 4 or x.shape[2] <= 3 else x[..., None]
        low, high = float(x.min()), float(x.max())
        if low < -1 - ROUNDING or high > 1 + ROUNDING:
            x = to_samples(x, "array")  # says what to do
        elif low < -1 or high > 1:
            x = np.clip(x, -1, 1)
    classes: tuple[str, ...] = ()
    if labels is not None:
        labels, classes = to_labels(labels, len(x), "array")
    made = Dataset(x, labels, name="array", classes=classes)
    return replace(made, notes=tuple(oddities(made.x, "array", given=True)))


def _read_file(path: Path, split: str, options: dict[str, Any]) -> Images | Arrays:
    """What a file holds; its type is recognised by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head.startswith(b"PK\x03\x04"):
        if is_npz(path):
            return read_npz(path, split=split)
        found = read_zip(path, split=split, **options)
        if isinstance(found, Images):
            return found
        content, where = found
        if content.startswith(b"PK\x03\x04"):
            return read_npz(where, io.BytesIO(content), split=split)
        if split == "train" and content.startswith(b"\x93NUMPY"):
            return Arrays(read_npy(where, io.BytesIO(content)))
        if split == "train" and content.startswith((b"\x1f\x8b", b"\0\0")):
            return Arrays(read_idx(where, io.BytesIO(content), ndim=3))
        raise DataError(f"{where}: unknown kind of file; unpack {path.name}, and give the folder")
    if split == "test":
        raise DataError(f"{path} has no test part")
    if head.startswith(b"\x93NUMPY"):
        return Arrays(read_npy(path))
    if head.startswith((b"\x1f\x8b", b"\0\0")) and head[4:8] != b"ftyp":
        neighbour = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        has_labels = neighbour.name != path.name and neighbour.is_file()
        labels = read_idx(neighbour, ndim=1) if has_labels else None
        return Arrays(read_idx(path, ndim=3), labels)
    if _is_image(head):
        raise DataError(f"{path}: a single image is not enough to learn from; give the folder that holds it")
    if not head:
        raise DataError(f"{path}: the file is empty")
    if head.startswith(b"\x80"):
        raise DataError(f"{path}: looks like a pickle, which is never loaded (it can run code); expected {_ACCEPTED}")
    for start, what in _OTHERS:
        if head.startswith(start):
            raise DataError(f"{path}: is {what}")
    raise DataError(f"{path}: unknown kind of file; expected {_ACCEPTED}")


def _is_image(head: bytes) -> bool:
    starts = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    return head.startswith(starts) or head[8:12] == b"WEBP" or head[4:12] in (b"ftypavif", b"ftypavis")
