"""Load the user's own data, a folder of images or a .npy, .npz or IDX file, as a Dataset.

The type of a file is recognised by its first bytes, not by its name.
"""

import os
from pathlib import Path

from .arrays import read_npy, read_npz, to_samples
from .dataset import Dataset, resize_images, to_channels
from .folder import read_folder
from .idx import read_idx
from .limits import DataError, check_image_options

_ACCEPTED = "a folder of PNG or JPEG images, or a .npy, .npz or IDX file (gzipped or not)"


def load_path(path: str | os.PathLike, *, image_size: int | None = None, channels: int | None = None) -> Dataset:
    """Load images as (N, H, W, C) float32 in [-1, 1], or points (N, 1 or 2) unchanged, from a file or folder.

    image_size  resize the centre square of every image to image_size x image_size (bicubic); None: unchanged
    channels    1 or 3: convert to grey or colour; None: unchanged
    Labels come from sub-folders, one per class, from the array `labels` in a .npz file, or, for an IDX file named
    `...images-idx3...`, from a file `...labels-idx1...` next to it.
    DataError for anything that cannot be used: one line that names the file and what was expected.
    """
    image_size, channels = check_image_options(image_size, channels)
    path = Path(os.path.expanduser(path))
    if not os.path.exists(path):
        raise DataError(f"{path}: no such file or folder")
    if path.is_dir():
        x, labels, classes = read_folder(path, image_size=image_size, channels=channels)
        return Dataset(x, labels, name=path.name, source=str(path), classes=classes)
    if not path.is_file():
        raise DataError(f"{path}: expected {_ACCEPTED}")  # reading a device or a pipe might never end
    array, labels = _read_file(path)
    x = to_samples(array, path)
    del array
    if x.ndim == 2:
        if image_size is not None or channels is not None:
            raise DataError(f"{path}: holds points {x.shape}; image_size and channels are for images")
        return Dataset(x, labels, name=path.name, source=str(path))
    return fit(Dataset(x, labels, name=path.name, source=str(path)), image_size, channels)


def fit(dataset: Dataset, image_size: int | None, channels: int | None) -> Dataset:
    """The image data set resized and converted to image_size and channels; the same object if nothing changes."""
    x = to_channels(dataset.x, channels)
    if image_size is not None:
        x = resize_images(x, image_size)
    if x is dataset.x:
        return dataset
    return Dataset(x, dataset.labels, name=dataset.name, source=dataset.source, classes=dataset.classes)


def _read_file(path):
    """(array, labels or None) of a file, whose type is recognised by its first bytes."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head.startswith(b"\x93NUMPY"):
        return read_npy(path), None
    if head.startswith(b"PK\x03\x04"):
        return read_npz(path)
    if head.startswith((b"\x1f\x8b", b"\0\0")):
        neighbour = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
        has_labels = neighbour.name != path.name and neighbour.is_file()
        return read_idx(path, ndim=3), read_idx(neighbour, ndim=1) if has_labels else None
    if head.startswith((b"\x89PNG", b"\xff\xd8")):
        raise DataError(f"{path}: a single image is not enough to learn from; give the folder that holds it")
    if not head:
        raise DataError(f"{path}: the file is empty")
    if head.startswith(b"\x80"):
        raise DataError(f"{path}: looks like a pickle, which is never loaded (it can run code); expected {_ACCEPTED}")
    raise DataError(f"{path}: unknown kind of file; expected {_ACCEPTED}")
