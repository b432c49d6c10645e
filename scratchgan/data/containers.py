"""The containers of image files: what a file is by its first bytes, and a copy of it with only what Pillow must decode.

Cameras, editors and programs that make images put much more into a file than pixels: texts, colour profiles, previews,
EXIF written by hand, a second picture, a whole film behind the picture.  Pillow reads these too, and refuses the picture
if one of them is too large or malformed.  So they are left out of the copy; of EXIF and XMP only the orientation is read.

The walk through a file also finds what would take Pillow much time or memory before it finds the fault itself: too many
parts, parts that are longer than the file, tables that are longer than any picture needs.
"""

from __future__ import annotations

import re
import zlib

from .limits import MAX_BLOCKS, MAX_PARTS, MAX_PIXELS, MAX_SCANS, DataError
from .tags import MOST_METADATA, Clean, orientation_in, read_tiff, too_many

_LONG_MARKERS = {*range(0xC0, 0xF0), 0xFE} - {0xC8, *range(0xD0, 0xDA)}  # JPEG markers that are followed by a length
_METADATA = {*range(0xE1, 0xEE), 0xEF, 0xFE}  # APP1 to APP13, APP15, comments; APP14 says how colours are stored
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")  # what ends the compressed data of a JPEG's scan

#: what other files are, by their first bytes: they are common among images that were collected from the web
_OTHERS = (
    (re.compile(rb"\s*<(?:!doctype html|html)", re.I), "a web page"),
    (re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!doctype svg[^>]*>\s*)?<svg", re.I | re.S), "an SVG drawing"),
    (re.compile(rb"version https://git-lfs"), "a pointer of Git LFS (`git lfs pull` fetches the image)"),
    (re.compile(rb"....ftyp(?:hei|hev|mif1|msf1)", re.S), "a HEIC image, which Pillow cannot read: convert it to JPEG"),
    (re.compile(rb"....ftyp", re.S), "a film"),
    (re.compile(rb"%PDF"), "a PDF"),
    (re.compile(rb"8BPS"), "a Photoshop file"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "a JPEG 2000 image: convert it to PNG"),
    (re.compile(rb"PK\x03\x04"), "a zip file"),
    (re.compile(rb"\0*\Z"), "empty, or nothing but zeros"),
)  # fmt: skip


def clean(data: bytes, where: str) -> Clean:
    """Recognise an image file by its first bytes, and copy what is needed of it.

    DataError, naming `where`, for a file with too many parts or scans, or one that declares more than it holds.
    ValueError or IndexError for other files that are broken; ValueError says what they are instead if
    that is known.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(data, where)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data, where)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif(data, where)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data, where)
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return read_tiff(data, where)
    if data.startswith(b"BM"):
        return _bmp(data, where)
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return Clean("AVIF", data)
    for pattern, what in _OTHERS:
        if pattern.match(data[:1000]):
            raise ValueError(f"it is {what}")
    raise ValueError("not an image, or not of a kind that is read here")


# ---- PNG


def _png(data, where):
    kept, exif, xmp, frames, at = [data[:8]], b"", b"", 1, 8
    for _ in range(MAX_PARTS):
        if len(data) < at + 8:
            break
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        there = len(data) - at - 8
        if name != b"IEND" and length > there:
            raise DataError(
                f"{where}: broken image (it is truncated: one of its parts declares {length:,} bytes, but only "
                f"{there:,} are left in the file); delete or replace it"
            )
        chunk = data[at : at + length + 12]
        body = chunk[8:-4]
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(chunk)
        elif name == b"eXIf":
            exif = body
        elif name == b"acTL" and len(body) >= 4:
            frames = int.from_bytes(body[:4], "big")
        elif body.startswith((b"Raw profile type exif\0", b"Raw profile type APP1\0")):
            exif = exif or _raw_profile(body, name)
        elif body.startswith(b"XML:com.adobe.xmp\0"):
            xmp = _unpacked(body[22:]) if name == b"iTXt" and body[18:19] == b"\1" else body[:MOST_METADATA]
        if name == b"IEND":
            break
        at += length + 12
    else:
        raise too_many(where)
    return Clean("PNG", b"".join(kept), orientation_in(exif, xmp), frames > 1, data[24], data[25] in (0, 4))


def _raw_profile(body, name):
    """EXIF as ImageMagick stores it in a PNG: as hexadecimal digits, after three lines, in a compressed text."""
    text = body.partition(b"\0")[2]
    lines = (_unpacked(text[1:]) if name == b"zTXt" else text[:MOST_METADATA]).split(b"\n")
    try:
        return bytes.fromhex(b"".join(lines[3:]).decode("ascii", "replace"))
    except ValueError:
        return b""


def _unpacked(packed):
    try:
        return zlib.decompressobj().decompress(packed, MOST_METADATA)
    except zlib.error:
        return b""


# ---- JPEG


def _jpeg(data, where):
    kept, exif, xmp, scans, at = [data[:2]], b"", b"", 0, 2
    for _ in range(MAX_PARTS):
        if at + 2 > len(data):
            break
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:  # not a marker, or a byte that fills the space before one
            at += 1
        elif marker == 0xD9:  # the end of the picture: what follows, such as the film of a motion photo, is left out
            kept.append(data[at : at + 2])
            break
        elif marker not in _LONG_MARKERS:
            at += 2
        else:
            end = at + 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
            segment = data[at:end]
            if marker not in _METADATA:
                kept.append(segment)
            elif segment[4:10] == b"Exif\0\0":
                exif = exif or segment[10:]
            elif segment[4:33] == b"http://ns.adobe.com/xap/1.0/\0":
                xmp = xmp or segment[33:]
            if marker == 0xDA:
                scans += 1
                found = _MARKER.search(data, end)
                after = found.start() if found else len(data)
                kept.append(data[end:after])
                end = after
            at = end
    else:
        raise too_many(where)
    if scans > MAX_SCANS:
        raise DataError(f"{where}: the JPEG image has {scans} scans, expected at most {MAX_SCANS}; save it again")
    return Clean("JPEG", b"".join(kept), orientation_in(exif, xmp))


# ---- GIF, WebP, BMP


def _gif(data, where):
    """The first picture only, with the colours and the transparency that are declared before it."""
    at = 13 + (6 << (data[10] & 7)) * (data[10] >> 7)
    kept, control = [data[:at]], b""
    for _ in range(MAX_PARTS):
        if at + 2 > len(data) or data[at] == 0x3B:
            raise ValueError("it ends before its first picture")
        if data[at] == 0x21:
            end = _past_blocks(data, at + 2, where)
            control = data[at:end] if data[at + 1] == 0xF9 else control
            at = end
        elif data[at] == 0x2C:
            break
        else:
            at += 1
    else:
        raise too_many(where)
    end = _past_blocks(data, at + 11 + (6 << (data[at + 9] & 7)) * (data[at + 9] >> 7), where)
    kept += [control, data[at:end], b"\x3b"]
    animated = data[end : end + 1] == b"\x2c" or (data[end : end + 2] == b"\x21\xf9" and b"\x2c" in data[end:])
    return Clean("GIF", b"".join(kept), animated=animated)


def _past_blocks(data, at, where):
    """The place after a chain of blocks, each with its length in front."""
    for _ in range(MAX_BLOCKS):
        length = data[at] if at < len(data) else 0
        at += 1 + length
        if not length:
            return min(at, len(data))
    raise DataError(f"{where}: the GIF image has more than {MAX_BLOCKS:,} blocks; save it again")


def _webp(data, where):
    """The file up to the length that it declares.  Pillow may take memory for all pixels before it says how many."""
    data = data[: int.from_bytes(data[4:8], "little") + 8]
    exif, xmp, frames, sizes, at = b"", b"", 0, [], 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            break
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + min(length, MOST_METADATA)]
        if name == b"VP8X":
            sizes.append((_number(body[4:7]) + 1, _number(body[7:10]) + 1))
        elif name == b"VP8 ":
            sizes.append((_number(body[6:8]) & 0x3FFF, _number(body[8:10]) & 0x3FFF))
        elif name == b"VP8L":
            sizes.append(((_number(body[1:3]) & 0x3FFF) + 1, (_number(body[1:5]) >> 14 & 0x3FFF) + 1))
        elif name == b"EXIF":
            exif = body
        elif name == b"XMP ":
            xmp = body
        frames += name == b"ANMF"
        at += 8 + length + length % 2
    else:
        raise too_many(where)
    for width, height in sizes:
        check_pixels(width, height, where)
    return Clean("WEBP", data, orientation_in(exif, xmp), frames > 1)


def _number(little):
    return int.from_bytes(little, "little")


def _bmp(data, where):
    """Pillow decodes the run-length compression of BMP in Python, where one code can skip 255 rows of any length."""
    if _number(data[14:18]) >= 40 and _number(data[30:34]) in (1, 2) and _number(data[18:22]) > MAX_PARTS:
        raise DataError(f"{where}: the compressed BMP image is wider than {MAX_PARTS:,} pixels; save it as PNG")
    return Clean("BMP", data)


def check_pixels(width: int, height: int, where: object) -> None:
    """DataError for an image of more than MAX_PIXELS pixels."""
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{where}: the image has {width} x {height} pixels, expected at most {MAX_PIXELS:,}; shrink it first"
        )
