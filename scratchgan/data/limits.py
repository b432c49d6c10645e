"""Limits on the size of data, and DataError for data that cannot be used."""

import math
from collections.abc import Sequence

from ..checks import positive_int
from ..files.arrays import one_line

MAX_BYTES = 4 * 2**30  # as float32, decoded; on a laptop a larger array is more likely a mistake than intended


MAX_PIXELS = 25_000_000  # per image: it is decoded whole, with up to four copies of 4 bytes per pixel
MAX_FILE = 256 * 2**20  # bytes of one image file, which is read whole; 25 million pixels of 16-bit colour take 200 MB
MAX_PARTS = 20_000  # of an image file (chunks, markers, strips): 200 MB in parts of 10 kB
MAX_SCANS = 100  # of a JPEG file: each is a pass over the whole image; progressive files have about ten
MAX_BLOCKS = 2_000_000  # of a GIF file, each with up to 255 bytes of a picture
MAX_NUMBERS = 200_000  # in one tag of a TIFF file: the largest palette has 3 * 65,536


class DataError(ValueError):
    """Data that cannot be used.  The message names, in one line, the file, what is wrong and what was expected."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(str(message), 5000))  # file names may contain line breaks


def check_fits(shape: Sequence[int], where: object) -> None:
    """DataError if a float32 array of this shape would take more than MAX_BYTES.  Nothing is allocated."""
    size = 4 * math.prod(int(n) for n in shape)
    if size > MAX_BYTES:
        raise DataError(
            f"{where}: {tuple(shape)} would take {size / 2**30:.1f} GiB as float32, and the limit is "
            f"{MAX_BYTES / 2**30:g} GiB: use fewer or smaller samples"
        )


def check_image_options(image_size: int | None, channels: int | None) -> tuple[int | None, int | None]:
    """Return (image_size, channels), each an int or None; ValueError for a bad image_size, DataError for channels."""
    if image_size is not None:
        image_size = positive_int("data", "image_size", image_size)
    if channels is not None and (isinstance(channels, bool) or channels not in (1, 3)):
        raise DataError(f"channels must be 1 (grey), 3 (colour) or None (unchanged), got {channels!r}")
    return image_size, None if channels is None else int(channels)
