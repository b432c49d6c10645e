"""What data may be: not larger than memory, and the one error for whatever cannot be used."""

import math
from collections.abc import Sequence

from ..checks import positive_int
from ..files.arrays import one_line

MAX_BYTES = 4 * 2**30  # decoded float32; more than this is a mistake on a laptop far more often than a wish


MAX_PIXELS = 25_000_000  # of one image: it is decoded whole, 4 bytes a pixel, up to four times over
MAX_PARTS = 20_000  # of a PNG or JPEG file: chunks, or markers and fill bytes; 200 MB in chunks of 10 kB
MAX_SCANS = 100  # of a JPEG file: each is a pass over the whole image; a progressive one has about ten


class DataError(ValueError):
    """Data that cannot be used.  The message is one line: what was wrong with which file, and what was expected."""

    def __init__(self, message: object = ""):
        super().__init__(one_line(str(message), 5000))  # a file may have a line break in its name


def check_fits(shape: Sequence[int], where: object) -> None:
    """DataError if a float32 array of this shape would take more than MAX_BYTES.  Nothing is allocated."""
    size = 4 * math.prod(int(n) for n in shape)
    if size > MAX_BYTES:
        raise DataError(
            f"{where}: {tuple(shape)} would take {size / 2**30:.1f} GiB as float32, and the limit is "
            f"{MAX_BYTES / 2**30:g} GiB: use fewer or smaller ones"
        )


def check_image_options(image_size: int | None, channels: int | None) -> tuple[int | None, int | None]:
    """Return (image_size, channels), each an int or None; DataError or ValueError if either makes no sense."""
    if image_size is not None:
        image_size = positive_int("data", "image_size", image_size)
    if channels is not None and (isinstance(channels, bool) or channels not in (1, 3)):
        raise DataError(f"channels must be 1 (grey), 3 (colour) or None (as it is), got {channels!r}")
    return image_size, None if channels is None else int(channels)
