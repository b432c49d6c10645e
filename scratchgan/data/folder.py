"""Read the images of a folder, or of a zip file, as one array, with an error that names the files that cannot be used.

There are two passes: the first reads only the headers, to check sizes, channels and memory before any pixel is decoded.
Which images are there, and what their labels are, is decided in data/listing.py; how one is decoded, in data/picture.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import listing
from .dataset import to_unit
from .limits import DataError, check_fits
from .listing import Found, Item, Place
from .picture import GROUNDS, BadPicture, Header, Pixels, read_header, read_pixels
from .zipped import opened_zip

NAMED = 10  # files that an error names


@dataclass
class Survey:
    """What the headers of all images say together.

    size      (height, width) of the result
    channels  1 or 3
    span      the values of floats and 32-bit integers that become 0 and 255; None if there are none
    animated  how many files hold more than one picture
    half      "left" or "right": only this half of each picture is read
    sizes     (width, height) of each image
    """

    size: tuple[int, int]
    channels: int
    span: tuple[float, float] | None = None
    animated: int = 0
    half: str = ""
    sizes: tuple[tuple[int, int], ...] = ()

    @property
    def animated_note(self) -> str:
        """What is said of these files."""
        return f"of {self.animated:,} file{'s' * (self.animated != 1)} with several pictures, only the first is read"


@dataclass
class Images:
    """The images of a folder.

    pixels    (N, H, W, C) uint8
    labels    (N,) int64 or None
    classes   the names of the labels
    ground    what transparent pixels are shown over; "" if there are none
    notes     what the user should know, one line each
    test      how many images the test part holds; 0 if there is none
    top       the largest value of all 16-bit images; None if there are others
    """

    pixels: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    ground: str = ""
    notes: list[str] = field(default_factory=list)
    test: int = 0
    top: int | None = None


def read_folder(
    folder: Place | Path,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    ground: str = "auto",
    split: str = "train",
) -> Images:
    """The images in a folder; with split="test" those of its test part.

    With image_size, the centre square of each image is resized to it (Pillow, bicubic, wider kernel when shrinking).
    Of animated images the first picture is read; all are turned according to their orientation; 16-bit grey is scaled
    to 8 bits.  ground is what transparent pixels are shown over, "black", "white" or "grey"; "auto" is black, and white
    if most of the transparent images would show nothing over black.
    DataError if there is no image, if some are broken or too large to decode, if sizes differ and image_size is None,
    if grey and colour are mixed and channels is None, or if the result would not fit into memory.
    """
    place = listing.on_disk(folder) if isinstance(folder, Path) else folder
    found = listing.find(place, split)
    return read_found(place.where, found, survey(place.where, found.items, image_size, channels), image_size, ground)


def read_found(where: str, found: Found, headers: Survey, image_size: int | None, ground: str) -> Images:
    """The images that were found, by what their headers say; see `read_folder`."""
    shape = (len(found.items), *headers.size, headers.channels)
    check_fits(shape, where)
    out = Images(np.empty(shape, np.uint8), None, found.classes, notes=list(found.notes), test=found.test)
    if found.labels is not None:
        out.labels = np.array(found.labels, np.int64)
    decoded = _decode_all(where, found.items, out, headers, image_size, "black" if ground == "auto" else ground)
    out.ground = _choose_ground(where, found, out, headers, image_size, ground, decoded)
    if headers.animated:
        out.notes.append(f"{where}: {headers.animated_note}")
    return out


def read_zip(path: Path, **options: Any) -> Images | tuple[bytes, str]:
    """`read_folder` for a zip file of images; for one with a file of arrays inside, (its content, its name)."""
    with opened_zip(path) as archive:
        if archive.images is not None:
            return read_folder(archive.images, **options)
        assert archive.arrays is not None
        return _member(path, archive.zip, archive.arrays)


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[bytes, str]:
    from .zipped import member

    item = member(path, archive, info, most=1 << 30)
    try:
        return item.read(), item.where
    except BadPicture as error:
        raise DataError(f"{item.where}: {error}") from None


def survey(
    where: str, items: Sequence[Item], image_size: int | None, channels: int | None, *, half: str = ""
) -> Survey:
    """What the headers say; DataError as in `read_folder`, and naming all images that cannot be read."""
    first: dict[tuple[str, Any], Item] = {}  # the first image of each size and of each number of channels
    bad: list[tuple[Item, Exception]] = []
    spans: list[tuple[float, float, Item]] = []
    animated, every = 0, []
    for item in items:
        try:
            header: Header = read_header(item.read(), item.where)
        except (BadPicture, DataError) as error:
            bad.append((item, error))
            continue
        first.setdefault(("size", header.size), item)
        first.setdefault(("channels", header.channels), item)
        animated += header.animated
        every.append(header.size)
        if header.range is not None:
            spans.append((*header.range, item))
    sizes = [key[1] for key in first if key[0] == "size"]
    kinds = [key[1] for key in first if key[0] == "channels" and key[1]]
    if bad:
        bad += fails_to_decode(items, {item.where for item, _ in bad})
        raise refusal(where, bad, len(items))
    if image_size is None and len(sizes) > 1:
        (a, b), (p, q) = sizes[:2], (first["size", size].where for size in sizes[:2])
        raise DataError(
            f"images differ in size: {p} is {a[0]}x{a[1]}, {q} is {b[0]}x{b[1]} (width x height): "
            "give one size for all, such as image_size=28"
        )
    if channels is None and len(kinds) > 1:
        raise DataError(
            f"images differ in channels: {first['channels', 1].where} is grey, {first['channels', 3].where} is "
            "colour: choose channels=1 or channels=3"
        )
    width, height = (image_size, image_size) if image_size else (sizes[0][0] // (2 if half else 1), sizes[0][1])
    depth = channels or (kinds[0] if kinds else 3)
    return Survey((height, width), depth, _span(spans), animated, half, tuple(every))


def fails_to_decode(items: Sequence[Item], known: Collection[str]) -> list[tuple[Item, Exception]]:
    """The images, besides those that are known, whose pixels cannot be decoded: all bad files are named at once."""
    bad: list[tuple[Item, Exception]] = []
    for item in items:
        if item.where not in known:
            try:
                read_pixels(item.read(), item.where, image_size=1, channels=1)
            except (BadPicture, DataError) as error:
                bad.append((item, error))
    return bad


def refusal(where: str, bad: Sequence[tuple[Item, Exception]], count: int) -> DataError:
    """One DataError for all images that cannot be used."""
    bad = sorted(bad, key=lambda pair: pair[0].path)
    if len(bad) == 1:
        item, error = bad[0]
        return DataError(_alone(item, error))
    said = [_alone(item, error, short=True) for item, error in bad[:NAMED]]
    more = f"; and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
    return DataError(
        f"{where}: {len(bad):,} of {count:,} images cannot be used; delete or replace them: {'; '.join(said)}{more}"
    )


def _alone(item, error, short=False):
    if isinstance(error, DataError):
        return str(error).removesuffix("; delete or replace it") if short else str(error)
    return f"{item.where}: {error}" if short else f"{item.where}: broken image ({error}); delete or replace it"


def _span(spans):
    """The values that become 0 and 255, from the ranges of all images of floats and 32-bit integers."""
    if not spans:
        return None
    low, least = min((a, item.where) for a, _, item in spans)
    high, most = max((b, item.where) for _, b, item in spans)
    slack = 1e-3  # what rounding may add
    whole = all(float(a).is_integer() and float(b).is_integer() for a, b, _ in spans)
    if low >= -slack and high <= 1 + slack and not whole:
        return 0.0, 1.0
    if low >= -1 - slack and high <= 1 + slack:
        return (0.0, 1.0) if low >= -slack else (-1.0, 1.0)
    for top in (255, 65535):
        if low >= -slack and high <= top + slack:
            return 0.0, float(top)
    raise DataError(
        f"images of floats or 32-bit integers must lie in 0..1, -1..1, 0..255 or 0..65535: {least} has the value "
        f"{low:g}, {most} has {high:g}; scale them all in the same way, and save them as 8 or 16 bits"
    )


def _decode_all(where, items, out: Images, headers: Survey, image_size, ground) -> list[Pixels]:
    """Fill out.pixels; return what is known of each image besides its pixels."""
    bad: list[tuple[Item, Exception]] = []
    facts: list[Pixels] = []
    tops: list[int] = []
    for i, item in enumerate(items):
        try:
            made = _read(item, headers, image_size, ground)
            out.pixels[i] = made.pixels
        except (BadPicture, DataError) as error:
            bad.append((item, error))
            continue
        if made.top is not None:
            tops.append(made.top)
        facts.append(made._replace(pixels=np.empty(0, np.uint8)))
    if bad:
        raise refusal(where, bad, len(items))
    out.top = max(tops) if len(tops) == len(items) else None
    return facts


def _read(item: Item, headers: Survey, image_size: int | None, ground: str) -> Pixels:
    return read_pixels(
        item.read(),
        item.where,
        image_size=image_size,
        channels=headers.channels,
        ground=ground,
        span=headers.span,
        half=headers.half,
    )


def _choose_ground(where, found: Found, out: Images, headers: Survey, image_size, ground, decoded: list[Pixels]) -> str:
    """The ground; over white, the transparent images are decoded once more.  Adds notes on what is not seen."""
    partly = [i for i, made in enumerate(decoded) if made.clear is False]
    lost = {name: sum(name in decoded[i].lost for i in partly) for name in GROUNDS}
    if clear := sum(made.clear is True for made in decoded):
        be = "is" if clear == 1 else "are"
        out.notes.append(f"{where}: {clear:,} of {len(decoded):,} images {be} transparent everywhere: nothing is seen")
    if not partly:
        return ""
    chosen = "black" if ground == "auto" else ground
    if ground == "auto" and 2 * lost["black"] > len(partly) and lost["white"] < lost["black"]:
        chosen = "white"
        again = [i for i, made in enumerate(decoded) if made.clear is not None]
        for i in again:
            item = found.items[i]
            try:
                made = _read(item, headers, image_size, chosen)
            except BadPicture as error:
                raise refusal(where, [(item, error)], len(decoded)) from None
            out.pixels[i] = made.pixels
        out.notes.append(
            f"{where}: {lost['black']:,} of {len(partly):,} images with transparent pixels show nothing over black, so "
            "all are shown over white; ground = black, white or grey decides otherwise"
        )
    if lost[chosen]:
        best = min(GROUNDS, key=lost.__getitem__)
        way = f"; with ground = {best} it would be {lost[best]:,}" if lost[best] < lost[chosen] else ""
        out.notes.append(
            f"{where}: {lost[chosen]:,} of {len(partly):,} images with transparent pixels show nothing over "
            f"{chosen}{way}"
        )
    return chosen


def to_data(images: Images) -> np.ndarray:
    """The pixels as (N, H, W, C) float32 in [-1, 1]."""
    return to_unit(images.pixels, 255)
