"""A data set in memory, in the format that every network here expects: float32, channels last, pixels in [-1, 1].

`to_unit` and `resize_images` convert what was read to this format; `Dataset` checks it once, when it is created.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from ..checks import positive_int
from .limits import DataError, check_fits

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's mode "L"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images (N, H, W, C) in [-1, 1] or points (N, D), as float32, with or without labels.

    x        the data; `images` is another name for the same array
    labels   (N,) int64 in 0..K-1, or None
    name     the name the user asked for
    source   attribution, one line
    classes  the names of the labels, or () if they are only numbers
    ground   what transparent pixels of image files are shown over; "" if there are none
    notes    what the user should know of the data, one line each: what was not read, what looks wrong
    test_size, test   the number of examples in a part that is held out for testing, and a function that loads it as a
             Dataset; 0 and None if there is no such part
    kind     "examples": see data/kinds.py

    DataError if x has another shape, is empty, has a pixel outside [-1, 1] or a value that is not finite, or if labels
    are not N non-negative integers.
    """

    x: np.ndarray
    labels: np.ndarray | None = None
    name: str = "data"
    source: str = ""
    classes: tuple[str, ...] = ()
    ground: str = ""
    notes: tuple[str, ...] = ()
    test_size: int = 0
    test: "Callable[[], Dataset] | None" = None
    kind: ClassVar[Literal["examples"]] = "examples"

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # values too large for float32 become inf, which check_values reports
            x = np.ascontiguousarray(self.x, dtype=np.float32)
        if x.ndim not in (2, 4) or 0 in x.shape:
            raise DataError(f"{self.name}: expected images (N, H, W, C) or points (N, D), got shape {x.shape}")
        check_values(x, self.name, low=-1.0 if x.ndim == 4 else None, high=1.0)
        object.__setattr__(self, "x", x)
        if self.labels is not None:
            object.__setattr__(self, "labels", check_labels(self.labels, len(x), self.name))

    @property
    def images(self) -> np.ndarray:
        """The data, (N, H, W, C) or (N, D) float32: the same array as `x`."""
        return self.x

    @property
    def example_shape(self) -> tuple[int, ...]:
        """The shape of one example: (H, W, C) or (D,)."""
        return self.x.shape[1:]

    @property
    def n_classes(self) -> int:
        """The number of classes: len(classes) or largest label + 1, whichever is greater; 0 without labels."""
        if self.labels is None:
            return 0
        return max(len(self.classes), int(self.labels.max()) + 1)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"{self.n_classes} classes"
        return f"<Dataset {self.name}: {len(self)} x {self.example_shape}, {labels}>"


def check_values(x: np.ndarray, where: object, *, low: float | None = None, high: float | None = None) -> None:
    """DataError naming the first sample of x (N, ...) with a value that is not finite, or outside [low, high]."""
    smallest, largest = x.min(), x.max()  # both are NaN if x has a NaN; needs no temporary array
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        i, value = _first(x, lambda block: ~np.isfinite(block))
        raise DataError(f"{where}: sample {i} has the value {value}; every value must be finite")
    if low is not None and (smallest < low or largest > high):
        i, value = _first(x, lambda block: (block < low) | (block > high))
        raise DataError(f"{where}: sample {i} has the value {value:g}, outside [{low:g}, {high:g}]")


def _first(x, is_bad):
    for i in range(len(x)):
        bad = is_bad(x[i])
        if bad.any():
            return i, float(x[i][bad].flat[0])
    raise AssertionError("no bad value")


def check_labels(labels: np.ndarray, n: int, where: object) -> np.ndarray:
    """Return labels as (n,) int64; DataError unless they are n non-negative integers."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.shape != (n,):
        raise DataError(f"{where}: labels must be {n} whole numbers, got {labels.dtype} of shape {labels.shape}")
    if n and labels.min() < 0:
        raise DataError(f"{where}: labels must be 0 or more, got {labels.min()} at index {labels.argmin()}")
    return labels.astype(np.int64)


def check_batch(dataset: Dataset, batch_size: int) -> None:
    """DataError if the data set has fewer than `batch_size` samples."""
    batch_size = positive_int(dataset.name, "batch_size", batch_size)
    if len(dataset) < batch_size:
        raise DataError(
            f"{dataset.name}: {len(dataset)} samples are fewer than one batch of {batch_size}: "
            f"add data, or use batch_size={len(dataset)}{' or less' if len(dataset) > 1 else ''}"
        )


def to_unit(images: np.ndarray, top: float) -> np.ndarray:
    """Map pixels 0..top linearly to [-1, 1], as float32; 0 and top become exactly -1 and 1.  Any shape."""
    x = images.astype(np.float32)
    x /= np.float32(top / 2)
    x -= 1
    return x


def to_channels(images: np.ndarray, channels: int | None) -> np.ndarray:
    """Convert images (N, H, W, 1 or 3) to 1 or 3 channels; None leaves them unchanged.

    Grey becomes colour by repeating the channel; colour becomes the luma 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    """
    if channels is None or images.shape[-1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    return np.clip(images @ _LUMA, -1, 1)[..., None]


def centre_box(width: int, height: int) -> tuple[int, int, int, int]:
    """The largest centred square as (left, upper, right, lower), in pixels."""
    side = min(width, height)
    left, upper = (width - side) // 2, (height - side) // 2
    return left, upper, left + side, upper + side


def resize_images(images: np.ndarray, size: int) -> np.ndarray:
    """Resize images (N, H, W, C) in [-1, 1] to (N, size, size, C) float32; other shapes are cropped to a centre square.

    The filter is bicubic, with a wider kernel when shrinking (no aliasing).  Its overshoot is clipped to [-1, 1], so
    that no halo is left on a black background; Lanczos would leave one, because its second lobe is positive.
    ValueError if images are not 4-D or size is not a positive integer; DataError if the result is too large.
    """
    size = positive_int("resize_images", "size", size)
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"resize_images expects images (N, H, W, C), got {images.shape}")
    height, width = images.shape[1:3]
    if height == width == size:
        return images
    left, upper, right, lower = centre_box(width, height)
    return _resized(images[:, upper:lower, left:right], size, size)


def shrink_images(images: np.ndarray, most: int) -> np.ndarray:
    """Shrink images (N, H, W, C) in [-1, 1] so that neither side is longer than `most`: whole, not cropped."""
    height, width = images.shape[1:3]
    longest = max(height, width)
    if longest <= most:
        return images
    return _resized(images, max(1, round(height * most / longest)), max(1, round(width * most / longest)))


def _resized(images, height, width):
    from PIL import Image

    n, channels = len(images), images.shape[3]
    check_fits((n, height, width, channels), "resized images")
    out = np.empty((n, height, width, channels), dtype=np.float32)
    for i in range(n):
        for c in range(channels):  # Pillow resizes floats one channel at a time
            plane = Image.fromarray(np.ascontiguousarray(images[i, :, :, c], dtype=np.float32))
            out[i, :, :, c] = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
    return np.clip(out, -1, 1, out=out)
