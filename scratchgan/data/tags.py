"""Directories of tags, in TIFF files and in EXIF, which has the same form; and what a container tells of its image."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple, TypeAlias

from .limits import MAX_NUMBERS, MAX_PARTS, DataError

MOST_METADATA = 1 << 20  # bytes of EXIF or XMP, unpacked, in which an orientation is looked for
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")
_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of each type of a tag
_STRIPS = (273, 279, 324, 325)  # tags with one number for each strip or tile
_LINKS = (34665, 34853, 40965)  # tags that lead to EXIF, GPS and interoperability
Order: TypeAlias = Literal["little", "big"]


class Clean(NamedTuple):
    """An image file for Pillow.

    format       Pillow's name of the format
    content      the file, without what is not needed
    orientation  1 to 8, as in EXIF
    animated     whether more pictures follow the first
    bits         per channel, as far as the container says so; 8 otherwise
    grey         the container says that it has no colour, though Pillow may decode it to colour
    inverted     a TIFF file in which 0 is white, and Pillow does not turn this round (16 bits and more)
    """

    format: str
    content: bytes
    orientation: int = 1
    animated: bool = False
    bits: int = 8
    grey: bool = False
    inverted: bool = False


def too_many(where: object, what: str = "parts") -> DataError:
    """The error for a file with more than MAX_PARTS parts."""
    return DataError(f"{where}: the image file has more than {MAX_PARTS:,} {what}; save it again")


class _Tag(NamedTuple):
    tag: int
    kind: int
    n: int
    at: int  # of the tag itself
    value: int  # where its value is, or the place of the value


def _tags(data: bytes, order: Order) -> tuple[list[_Tag], int, bool]:
    """(the tags of the first directory, the place of the link to the next one, whether the file is a BigTIFF)."""
    big = data[2:4] in (b"+\0", b"\0+")
    width, entry, head = (8, 20, 8) if big else (4, 12, 2)
    first = 8 if big else 4
    start = int.from_bytes(data[first : first + width], order)
    count = int.from_bytes(data[start : start + head], order)
    tags = []
    for i in range(min(count, MAX_PARTS)):
        at = start + head + i * entry
        if at + entry > len(data):
            break
        number = lambda first, size, at=at: int.from_bytes(data[at + first : at + first + size], order)
        tags.append(_Tag(number(0, 2), number(2, 2), number(4, width), at, at + 4 + width))
    return tags, start + head + count * entry, big


def read_tiff(data: bytes, where: str) -> Clean:
    """The first picture, without links to EXIF and to the next picture, and with its orientation taken out."""
    order: Order = "little" if data[:2] == b"II" else "big"
    changed: dict[int, bytes] = {}
    tags, link, big = _tags(data, order)
    if len(tags) == MAX_PARTS:
        raise too_many(where, "tags")
    width, facts, declared = 8 if big else 4, {274: 1, 258: 8, 262: 1}, 0
    for tag in tags:
        size = tag.n * (_SIZES[tag.kind] if tag.kind < len(_SIZES) else 0)
        declared += size
        if tag.tag in _STRIPS and tag.n > MAX_PARTS:
            raise too_many(where, "strips or tiles")
        if (tag.kind not in (1, 2, 7) and tag.n > MAX_NUMBERS) or declared > 2 * len(data) + 1000:
            raise DataError(f"{where}: the TIFF image declares {declared:,} bytes of tags; save it again")
        if tag.tag in facts and tag.kind in (1, 3, 4):
            place = tag.value if size <= width else int.from_bytes(data[tag.value : tag.value + width], order)
            facts[tag.tag] = int.from_bytes(data[place : place + _SIZES[tag.kind]], order)
        if tag.tag == 274 or tag.tag in _LINKS:
            changed[tag.at] = (tag.tag ^ 1).to_bytes(2, order)  # a number that means nothing to Pillow
    more = any(data[link : link + width])
    if more:
        changed[link] = bytes(width)
    turn = facts[274] if 1 <= facts[274] <= 8 else 1
    deep = facts[258] > 8
    pieces, after = [], 0
    for at, new in sorted(changed.items()):
        pieces += [data[after:at], new]
        after = at + len(new)
    return Clean("TIFF", b"".join([*pieces, data[after:]]), turn, more, facts[258], inverted=deep and facts[262] == 0)


def orientation_in(exif: bytes, xmp: bytes = b"") -> int:
    """1 to 8: as EXIF says, otherwise as XMP says, otherwise 1.  Whatever is malformed is taken as missing."""
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    if exif[:4] in (b"II*\0", b"MM\0*"):
        order: Order = "little" if exif[:2] == b"II" else "big"
        for tag in _tags(exif[:MOST_METADATA], order)[0]:
            if tag.tag == 274 and tag.kind in (1, 3, 4):
                value = int.from_bytes(exif[tag.value : tag.value + _SIZES[tag.kind]], order)
                return value if 1 <= value <= 8 else 1
    found = _XMP.search(xmp)
    return int(found[1]) if found else 1
