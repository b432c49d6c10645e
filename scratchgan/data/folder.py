"""Read a folder of PNG and JPEG files as one array, with an error that names the file if one cannot be used.

There are two passes: the first reads only the headers, to check sizes, channels and memory before any pixel is decoded.
The images are either directly in the folder (no labels) or in sub-folders, one per class (labels 0, 1, ... in the
natural order of their names: 1, 2, 10).  Deeper folders, hidden files and other extensions are ignored.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import centre_box, to_unit
from .limits import MAX_PARTS, MAX_PIXELS, MAX_SCANS, DataError, check_fits

EXTENSIONS = (".png", ".jpg", ".jpeg")
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_LONG_MARKERS = {*range(0xC0, 0xF0), 0xFE} - {0xC8, *range(0xD0, 0xDA)}  # JPEG markers that are followed by a length
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


def read_folder(
    folder: Path, *, image_size: int | None = None, channels: int | None = None
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """(x (N, H, W, C) float32 in [-1, 1], labels (N,) int64 or None, class names) of the images in a folder.

    With image_size, the centre square of each image is resized to it (Pillow, bicubic, wider kernel when shrinking).
    Transparent images are composited onto black, 16-bit grey is scaled to 8 bits, and JPEGs are rotated according to
    their EXIF orientation.
    DataError if there is no image, if one is broken, animated or too large to decode (MAX_PIXELS), if sizes differ and
    image_size is None, if grey and colour are mixed and channels is None, or if the result would not fit into memory.
    """
    paths, labels, classes = _find(folder)
    size, channels = _survey(paths, image_size, channels)
    check_fits((len(paths), *size, channels), folder)
    pixels = np.empty((len(paths), *size, channels), dtype=np.uint8)
    for i, path in enumerate(paths):
        pixels[i] = _open(path, lambda image: _decode(image, image_size, channels))
    return to_unit(pixels, 255), labels, classes


def read_image(path: Path, image_size: int, channels: int) -> np.ndarray:
    """One image file as (image_size, image_size, channels) uint8, converted as in `read_folder`; DataError likewise."""
    return _open(Path(path), lambda image: _decode(image, image_size, channels))


def natural(name: str) -> tuple[list[str | int], str]:
    """The key of the natural order of names, in which numbers count as numbers: 1, 2, 10 and a2, a10, b1."""
    parts = re.split("([0-9]+)", name)  # texts and numbers in turn, so that equals are compared with equals
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name  # 1 and 01: as texts


def _find(folder):
    """(paths, labels or None, class names); paths in sorted order, classes in natural order."""
    direct = _images_in(folder)
    subs = sorted(folder.iterdir(), key=lambda sub: natural(sub.name))
    groups = {sub.name: _images_in(sub) for sub in subs if sub.is_dir() and _visible(sub)}
    groups = {name: found for name, found in groups.items() if found}
    if direct and groups:
        raise DataError(
            f"{folder}: images lie both directly in the folder ({len(direct)}) and in sub-folders "
            f"({', '.join(groups)}): use either a flat folder, or one sub-folder per class"
        )
    if not direct and not groups:
        if not any(folder.iterdir()):
            raise DataError(f"{folder}: the folder is empty")
        wanted = ", ".join(EXTENSIONS)
        raise DataError(f"{folder}: no images found, neither here nor one folder down (looked for {wanted})")
    if direct:
        return direct, None, ()
    labels = np.repeat(np.arange(len(groups)), [len(found) for found in groups.values()])
    return [path for found in groups.values() for path in found], labels, tuple(groups)


def _images_in(folder):
    return [path for path in sorted(folder.iterdir())
            if path.suffix.lower() in EXTENSIONS and _visible(path) and path.is_file()]  # fmt: skip


def _visible(path):
    return not path.name.startswith((".", "__"))  # such as __MACOSX, which zip archives leave behind


def _survey(paths, image_size, channels):
    """((height, width), channels) of the result, from the headers alone."""
    first: dict[tuple[str, Any], Path] = {}  # the first path of each size and of each number of channels
    for path in paths:
        size, own = _open(path, _header)
        first.setdefault(("size", size), path)
        first.setdefault(("channels", own), path)
    sizes = [key[1] for key in first if key[0] == "size"]
    kinds = [key[1] for key in first if key[0] == "channels"]
    if image_size is None and len(sizes) > 1:
        (a, b), (p, q) = sizes[:2], (first["size", size] for size in sizes[:2])
        raise DataError(
            f"images differ in size: {p} is {a[0]}x{a[1]}, {q} is {b[0]}x{b[1]} (width x height): "
            "give one size for all, such as image_size=28"
        )
    if channels is None and len(kinds) > 1:
        raise DataError(
            f"images differ in channels: {first['channels', 1]} is grey, {first['channels', 3]} is colour: "
            "choose channels=1 or channels=3"
        )
    width, height = (image_size, image_size) if image_size else sizes[0]
    return (height, width), channels or kinds[0]


def _open(path, use):
    """Open the image file and return use(image); any failure to read it becomes a DataError that names the file."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # odd but harmless metadata
            _check_parts(path)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                _check_cost(image, path)
                return use(image)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path}: the image has more than {Image.MAX_IMAGE_PIXELS} pixels, Pillow's limit") from None
    except (MemoryError, PermissionError):
        raise
    except Exception as error:  # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error, zlib.error ...
        reason = "not a PNG or JPEG image" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        raise DataError(f"{path}: broken image ({reason}); delete or replace it") from None


def _check_parts(path):
    """DataError for a PNG or JPEG file with so many parts that Pillow, which loops over them in Python, would hang.

    Also for a PNG file that declares a part longer than the file: Pillow would allocate the memory before it checks.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(8)
        if head == b"\x89PNG\r\n\x1a\n":
            step = lambda: _pass_chunk(file, size, path)
        elif head[:2] == b"\xff\xd8":
            file.seek(2)
            step = lambda: _pass_marker(file)
        else:
            return
        for _ in range(MAX_PARTS):
            if not step():
                return
    raise DataError(f"{path}: the image file has more than {MAX_PARTS:,} parts; save it again")


def _pass_chunk(file, size, path):
    """Skip one chunk of a PNG file; False at the end."""
    head = file.read(8)
    if len(head) < 8 or head[4:] == b"IEND":
        return False
    length, there = int.from_bytes(head[:4], "big"), size - file.tell()
    if length > there:
        raise DataError(
            f"{path}: broken image (it is truncated: one of its parts declares {length:,} bytes, but only {there:,} "
            "are left in the file); delete or replace it"
        )
    file.seek(length + 4, 1)
    return True


def _pass_marker(file):
    """Skip one marker of a JPEG file, or one byte that is not a marker; False at the pixel data or the end of file."""
    byte = file.read(1)
    if byte != b"\xff":
        return bool(byte)
    marker = file.read(1)
    if not marker or marker == b"\xda":
        return False
    if marker == b"\xff":
        file.seek(-1, 1)
    elif marker[0] in _LONG_MARKERS:
        file.seek(max(int.from_bytes(file.read(2), "big") - 2, 0), 1)
    return True


def _check_cost(image, path):
    """DataError for an animated or unreasonably large image, or a JPEG with too many scans.  Decodes no pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path}: the image has {width} x {height} pixels, expected at most {MAX_PIXELS:,}; shrink it first"
        )
    if image.format == "PNG" and getattr(image, "n_frames", 1) > 1:
        raise DataError(f"{path}: expected a still image, got an animation of {image.n_frames} frames")
    if image.format != "PNG" and (scans := _scans(path)) > MAX_SCANS:
        raise DataError(f"{path}: the JPEG image has {scans} scans, expected at most {MAX_SCANS}; save it again")


def _scans(path):
    """The number of start-of-scan markers in a JPEG file; these two bytes cannot occur in the compressed data."""
    count, last = 0, b""
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            count += (last + piece).count(b"\xff\xda")
            last = piece[-1:]
    return count


def _header(image):
    """((width, height) after rotation by the EXIF orientation, 1 or 3 channels)."""
    width, height = image.size
    if _orientation(image) in _TURNED:
        width, height = height, width
    return (width, height), 1 if image.mode in _GREY else 3


def _orientation(image):
    return image.getexif().get(0x0112) if image.format != "PNG" else None  # would decode a PNG


def _decode(image, image_size, channels):
    """Pixels (H, W, C) uint8 of an open image."""
    from PIL import Image, ImageOps

    if _orientation(image) not in (None, 1):
        image = ImageOps.exif_transpose(image)
    mode = "L" if channels == 1 else "RGB"
    if image.mode.startswith("I"):  # Pillow's own conversion would clip 16 bits to 8 instead of scaling them
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    elif "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
        if mode == "L":
            image = image.convert("RGB")
    image = image.convert(mode)
    if image_size is not None and image.size != (image_size, image_size):
        image = image.crop(centre_box(*image.size))  # not resize(box=...), whose filter reads pixels outside the box
        image = image.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(image.height, image.width, channels)
