"""One image file: its size and colours, and its pixels as 8-bit numbers.

The first picture of the file is read.  It is turned as its orientation says, transparent pixels are shown over a ground,
and every depth becomes 8 bits: 1, 2, 4, 12 and 16 bits by their own range, 32-bit integers and floats by a range that the
caller gives, because it must be the same for all images of a data set.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from .containers import check_pixels, clean
from .dataset import centre_box
from .limits import DataError
from .tags import Clean, orientation_in

GROUNDS = {"black": 0, "white": 255, "grey": 128}
#: names of image files end in these
EXTENSIONS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
KINDS = "PNG, JPEG, WebP, BMP, TIFF, GIF or AVIF"
AT_ONCE = 1 << 18  # pixels that NumPy works on at once
LOOKED_AT = 1000  # pixels a side in which it is looked for what is seen
VISIBLE = 32  # a difference from the ground, of 255, that is seen
_GREY = ("1", "L", "LA", "La", "F", "I", "I;16", "I;16L", "I;16B", "I;16N")
_TURNED = (5, 6, 7, 8)  # orientations that swap width and height

T = TypeVar("T")


class BadPicture(ValueError):
    """One image cannot be used; the message is the reason, without the name of the file."""


class Header(NamedTuple):
    """What is known of an image before its pixels are decoded.

    size      (width, height) after it has been turned
    channels  1 or 3; 0 if it is grey, stored as a palette: either will do
    animated  whether more pictures follow the first
    range     (least, largest) value of an image of floats or 32-bit integers, otherwise None
    """

    size: tuple[int, int]
    channels: int
    animated: bool
    range: tuple[float, float] | None


class Pixels(NamedTuple):
    """A decoded image.

    pixels   (H, W, C) uint8
    clear    whether it is transparent everywhere; None if it has no transparent pixel
    lost     the grounds over which nothing of a partly transparent image is seen
    top      the largest value of a 16-bit image, otherwise None
    """

    pixels: np.ndarray
    clear: bool | None = None
    lost: tuple[str, ...] = ()
    top: int | None = None


@cache
def extensions() -> tuple[str, ...]:
    """EXTENSIONS, without those that this version of Pillow cannot read."""
    from PIL import features

    missing = {".avif"} if "avif" not in features.modules or not features.check("avif") else set()
    missing |= set() if features.check("webp") else {".webp"}
    return tuple(extension for extension in EXTENSIONS if extension not in missing)


def read_header(content: bytes, where: str) -> Header:
    """The Header of an image file; floats and 32-bit integers are decoded for their range.

    BadPicture for a file that is broken or not an image, DataError for one that would take too much time or memory.
    """
    return _use(content, where, _header)


def read_pixels(
    content: bytes,
    where: str,
    *,
    image_size: int | None,
    channels: int,
    ground: str = "black",
    span: tuple[float, float] | None = None,
    half: str = "",
) -> Pixels:
    """The pixels of an image file, its centre square resized to image_size (bicubic) if that is not None.

    ground   what transparent pixels are shown over: a key of GROUNDS
    span     the values of floats and 32-bit integers that become 0 and 255
    half     "left" or "right": only this half of the picture, of two that stand side by side
    Errors as of `read_header`.
    """
    return _use(content, where, lambda image, made: _pixels(image, made, image_size, channels, ground, span, half))


def _use(content: bytes, where: str, use: Callable[..., T]) -> T:
    """use(image, clean copy) of the opened image; whatever is wrong with the file becomes BadPicture or DataError."""
    import io

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd but harmless metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            made = clean(content, where)
            with Image.open(io.BytesIO(made.content), formats=(made.format,)) as image:
                check_pixels(*image.size, where)
                return use(image, made)
    except (DataError, BadPicture, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{where}: the image has more than {Image.MAX_IMAGE_PIXELS} pixels, Pillow's limit") from None
    except Image.UnidentifiedImageError:
        raise BadPicture(f"broken, or a kind of {made.format} that Pillow cannot read") from None
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        says = str(error) or type(error).__name__
        raise BadPicture(
            says if isinstance(error, (OSError, ValueError)) else f"Pillow cannot decode it: {says}"
        ) from None


def _header(image, made: Clean) -> Header:
    width, height = image.size
    size = (height, width) if _orientation(image, made) in _TURNED else (width, height)
    span = None
    if _is_wide(image, made):
        ends = [(float(values.min()), float(values.max())) for _, values in _strips(image)]
        span = min(low for low, _ in ends), max(high for _, high in ends)
        if not all(math.isfinite(end) for both in ends for end in both):
            raise BadPicture("it has a value that is not finite")
    return Header(size, _channels(image, made), made.animated or getattr(image, "is_animated", False), span)


def _channels(image, made):
    if made.grey or image.mode in _GREY:
        return 1
    return 0 if image.mode == "P" and _is_grey(image.palette) else 3


def _is_grey(palette):
    """Whether a palette has no colour; it is as in the file, because the image has not been decoded."""
    form, colours = palette.rawmode or palette.mode, np.array(list(palette.palette))
    if form == "RGB;L":  # all reds, all greens, all blues
        colours = colours.reshape(3, -1).T
    elif form in ("RGB", "BGR", "BGRX", "RGBA"):
        colours = colours.reshape(-1, len(form))[:, :3]
    else:
        return False
    return bool((colours == colours[:, :1]).all())


def _is_wide(image, made):
    """Whether it has floats or 32-bit integers, whose range is not known; Pillow 10 reads 16-bit PNGs as the latter."""
    return image.mode == "F" or (image.mode == "I" and made.format != "PNG")


def _orientation(image, made):
    if made.format != "AVIF":
        return made.orientation
    return orientation_in(image.info.get("exif", b""), image.info.get("xmp", b""))


def _pixels(image, made, image_size, channels, ground, span, half) -> Pixels:
    from PIL import Image

    turn, top, clear, lost = _orientation(image, made), None, None, ()
    mode = "L" if channels == 1 else "RGB"
    image = _with_true_key(image, made)
    if image.mode == "F" or image.mode.startswith("I"):
        image, top = _to_eight_bits(image, made, span, GROUNDS[ground])
    elif "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        image = image.convert("RGBA")
        clear, lost = _what_is_lost(image)
        shade = GROUNDS[ground]
        image = Image.alpha_composite(Image.new("RGBA", image.size, (shade, shade, shade, 255)), image)
        if mode == "L":
            image = image.convert("RGB")
    image = image if image.mode == mode else image.convert(mode)
    if turn != 1:
        image = image.transpose(
            (
                Image.Transpose.FLIP_LEFT_RIGHT,
                Image.Transpose.ROTATE_180,
                Image.Transpose.FLIP_TOP_BOTTOM,
                Image.Transpose.TRANSPOSE,
                Image.Transpose.ROTATE_270,
                Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_90,
            )[turn - 2]
        )
    if half:
        middle = image.width // 2
        image = image.crop((0, 0, middle, image.height) if half == "left" else (middle, 0, *image.size))
    if image_size is not None and image.size != (image_size, image_size):
        image = image.crop(centre_box(*image.size))  # not resize(box=...), whose filter reads pixels outside the box
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return Pixels(np.asarray(image).reshape(image.height, image.width, channels), clear, lost, top)


def _with_true_key(image, made):
    """The value of a PNG that stands for transparent is in the file's own depth; Pillow compares it with 8 bits."""
    key = image.info.get("transparency")
    if made.format != "PNG" or key is None or isinstance(key, bytes) or image.mode in ("P", "I", "I;16"):
        return image
    if made.bits == 16 and isinstance(key, tuple):
        key = tuple(value >> 8 for value in key)
    elif made.bits == 1:
        key = 255 if key else 0  # as newer versions of Pillow say themselves
    elif made.bits < 8 and isinstance(key, int):
        key = key * 255 // (2**made.bits - 1)
    if image.mode == "1":
        del image.info["transparency"]  # convert would look for the old key
        image = image.convert("L")
    image.info["transparency"] = key
    return image


def _to_eight_bits(image, made, span, shade):
    """(image of 8 bits, the largest value if it has 16 bits): Pillow's own conversion would clip instead of scaling."""
    from PIL import Image

    key, wide = image.info.get("transparency"), _is_wide(image, made)
    low, high = span if span else (0.0, 65535.0)
    full = 2**made.bits - 1 if 8 < made.bits < 16 else 65535
    eight, top = np.empty((image.height, image.width), np.uint8), 0
    for rows, values in _strips(image):
        if wide:
            part = np.rint((values.astype(np.float64) - low) * (255 / (high - low))).clip(0, 255)
        else:
            values = values.astype(np.uint32)
            top = max(top, int(values.max()))
            part = (values // 257 if full == 65535 else values * 255 // full).clip(0, 255)
        if made.inverted:
            part = 255 - part
        eight[rows] = np.where(values == key, shade, part) if isinstance(key, int) else part
    return Image.fromarray(eight), None if wide or made.inverted or full < 65535 else top


def _strips(image):
    """(rows, their pixels), a few rows at a time: NumPy's intermediate results would be larger than the image."""
    step = max(1, AT_ONCE // image.width)
    for top in range(0, image.height, step):
        rows = slice(top, min(top + step, image.height))
        yield rows, np.asarray(image.crop((0, rows.start, image.width, rows.stop)))


def _what_is_lost(image):
    """(clear, lost) of an RGBA image, as in `Pixels`."""
    from PIL import Image

    least, most = image.getchannel("A").getextrema()
    if least == 255:
        return None, ()
    if most < VISIBLE:
        return True, ()
    if (side := max(image.size)) > LOOKED_AT:  # every so many pixels tell as much as all of them
        image = image.resize([max(1, n * LOOKED_AT // side) for n in image.size], Image.Resampling.NEAREST)
    part = np.asarray(image).astype(np.int32)
    visible = {
        name: np.abs((part[..., :3] - shade) * part[..., 3:]).max() >= VISIBLE * 255 for name, shade in GROUNDS.items()
    }
    return False, tuple(name for name, is_seen in visible.items() if not is_seen)
