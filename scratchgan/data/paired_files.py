"""Read pairs of images from files: two folders with the same names, pictures with both side by side, a .npz file.

Everything returns the inputs and the targets as two data sets in the same order; data/paired_own.py joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..files.arrays import opened, read_member
from . import listing
from .arrays import MAX_UNPACKED, checked_member, to_samples
from .dataset import Dataset
from .folder import Images, Survey, read_found, survey, to_data
from .limits import DataError, check_fits
from .listing import Found, natural
from .named import choose_pair, few
from .oddities import oddities
from .own import fit
from .picture import GROUNDS

NAMED = 10  # files that an error names
T = TypeVar("T")


class Sizes(NamedTuple):
    """image_size and channels of what is read; None: as it is."""

    size: int | None
    channels: int | None


class Side(NamedTuple):
    """One side of the pairs: its folder, its images in the order of the pairs, and what they shall become."""

    folder: Path
    found: Found
    wanted: Sizes
    half: str = ""


def two_folders(a: Path, b: Path, x: Sizes, y: Sizes, ground: str, split: str) -> tuple[Dataset, Dataset, int]:
    """(inputs in folder a, targets in folder b, number of pairs in their test parts), matched by name.

    DataError as `pairs_from_folders`.
    """
    _check_ground(ground)
    if a.resolve() == b.resolve():
        raise DataError(f"{a}: expected two folders, one of inputs and one of targets, got the same one twice")
    found_a, found_b = _both(lambda folder: listing.find(listing.on_disk(folder), split), _folders(a, b))
    names_a, names_b = _both(lambda side: _by_name(*side), ((a, found_a), (b, found_b)))
    alone = [
        (a, b, sorted(set(names_a) - set(names_b), key=_order)),
        (b, a, sorted(set(names_b) - set(names_a), key=_order)),
    ]
    if says := [f"{one}: without a partner in {other}: {_some(names)}" for one, other, names in alone if names]:
        raise DataError("; ".join(says))
    if found_a.test != found_b.test:
        raise DataError(
            f"{a}: {found_a.test:,} images are for testing, but {found_b.test:,} in {b}; each needs a partner"
        )
    order = sorted(names_a, key=_order)
    sides = [
        Side(folder, Found([items[name] for name in order], notes=found.notes, test=found.test), wanted)
        for folder, found, items, wanted in ((a, found_a, names_a, x), (b, found_b, names_b, y))
    ]
    return (*_read(sides, ground), found_a.test)


def side_by_side(folder: Path, given: str, x: Sizes, y: Sizes, ground: str, split: str) -> tuple[Dataset, Dataset, int]:
    """(inputs, targets, number of pairs in the test part) from pictures whose `given` half is the input.

    DataError as `pairs_side_by_side`.
    """
    _check_ground(ground)
    if given not in ("left", "right"):
        raise DataError(f"given must be 'left' or 'right', the half that the net is given, got {given!r}")
    (folder,) = _folders(folder)
    found = listing.find(listing.on_disk(folder), split)
    found.items.sort(key=lambda item: natural(str(item.path)))
    sizes = survey(str(folder), found.items, 1, 1).sizes
    wrong = [
        f"{item.where} is {width}x{height}"
        for item, (width, height) in zip(found.items, sizes, strict=True)
        if width != 2 * height
    ]
    if wrong:
        raise DataError(
            f"{folder}: pictures of two squares side by side must be twice as wide as high; {_some(wrong)} (width x height)"
        )
    other = {"left": "right", "right": "left"}[given]
    bare = Found(found.items, notes=found.notes, test=found.test)
    return (*_read([Side(folder, bare, x, given), Side(folder, bare, y, other)], ground), found.test)


def two_arrays(path: Path, x: Sizes, y: Sizes, split: str) -> tuple[Dataset, Dataset, int]:
    """(inputs, targets, number of pairs in the test part) from a .npz file.  DataError as `pairs_from_npz`."""
    if not path.is_file():
        raise DataError(
            f"{path}: expected a .npz file with two arrays, {'got a folder' if path.is_dir() else 'no such file'}"
        )
    try:
        with open(path, "rb") as file, opened(file, most=2 * MAX_UNPACKED) as (archive, members):
            *names, held = choose_pair(members, path, split)
            read = lambda name: checked_member(archive, members[name], f"{path}[{name}]", "uf", "uint8 or floats")
            arrays = _both(lambda name: to_samples(read(name), f"{path}[{name}]"), names)
            left, test = set(members) - set(names), 0
            if held and split == "train":
                of_test = choose_pair(members, path, "test")[:2]
                file_of_test, header = read_member(archive, members[of_test[0]])
                file_of_test.close()
                left, test = left - set(of_test), header.shape[0] if header.shape else 0
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: the .npz file is broken or cut short ({error})") from None
    sets, unread = [], [f"{path}: the arrays {few(sorted(left))} are not read"] if left else []
    for array, name, wanted in zip(arrays, names, (x, y), strict=True):
        if array.ndim != 4:
            raise DataError(f"{path}[{name}]: expected images, got points {array.shape}")
        data = Dataset(array, name=path.name, source=str(path), notes=(*unread, *oddities(array, f"{path}[{name}]")))
        sets.append(fit(data, *wanted))
    return sets[0], sets[1], test


def _check_ground(ground: str) -> None:
    if ground != "auto" and ground not in GROUNDS:
        raise DataError(f"ground must be auto, {', '.join(GROUNDS)}, got {ground!r}")


def _folders(*folders: Path) -> Sequence[Path]:
    says = [
        f"{folder}: {'expected a folder of images, got a file' if folder.exists() else 'no such folder'}"
        for folder in folders
        if not folder.is_dir()
    ]
    if says:
        raise DataError("; ".join(says))
    return folders


def _both(do: Callable[[Any], T], sides: Sequence[Any]) -> tuple[T, T]:
    """(do(a), do(b)); what is wrong with either is said in one DataError."""
    results, errors = [], []
    for side in sides:
        try:
            results.append(do(side))
        except DataError as error:
            errors.append(str(error))
    if errors:
        raise DataError("; ".join(dict.fromkeys(errors)))
    return results[0], results[1]


def _by_name(folder: Path, found: Found) -> dict[str, listing.Item]:
    """{name without extension, with the class folder: item}; DataError if two files have one name."""
    items: dict[str, listing.Item] = {}
    twice: dict[str, list[str]] = {}
    for i, item in enumerate(found.items):
        name = item.path.stem if found.labels is None else f"{found.classes[found.labels[i]]}/{item.path.stem}"
        if name in items:
            twice.setdefault(name, [items[name].path.name]).append(item.path.name)
        items[name] = item
    if twice:
        says = [
            f"{name} ({' and '.join(files)})" for name, files in sorted(twice.items(), key=lambda pair: _order(pair[0]))
        ]
        raise DataError(
            f"{folder}: names must differ in more than their extension, so that each has one partner: {_some(says)}"
        )
    return items


def _order(name: str):
    return [natural(part) for part in name.split("/")]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _read(sides: Sequence[Side], ground: str) -> tuple[Dataset, Dataset]:
    """The images of both sides, over the same ground.  Sizes and memory are checked before a pixel is decoded."""
    look = lambda side: survey(str(side.folder), side.found.items, *side.wanted, half=side.half)
    headers = _both(look, sides)
    if not sides[0].half and sides[0].wanted.size is not None:
        _check_proportions(sides, headers)
    shapes = [
        (len(side.found.items), *survey.size, survey.channels) for side, survey in zip(sides, headers, strict=True)
    ]
    where = " and ".join(dict.fromkeys(str(side.folder) for side in sides))
    check_fits((shapes[0][0], sum(h * w * c for _, h, w, c in shapes)), where)

    def read(which: int, ground: str) -> Images:
        side = sides[which]
        return read_found(str(side.folder), side.found, headers[which], side.wanted.size, ground)

    x, y = _both(lambda which: read(which, ground), (0, 1))
    if {x.ground, y.ground} == {"black", "white"}:
        x, y = (made if made.ground == "white" else read(which, "white") for which, made in enumerate((x, y)))
    made = []
    for side, images in zip(sides, (x, y), strict=True):
        about: dict[str, Any] = {"name": side.folder.name, "source": str(side.folder), "ground": images.ground}
        pixels = to_data(images)
        odd = oddities(pixels, side.folder, top=images.top)
        made.append(Dataset(pixels, notes=(*images.notes, *odd), **about))
    return made[0], made[1]


def _check_proportions(sides: Sequence[Side], headers: Sequence[Survey]) -> None:
    """DataError if the partners are not of one shape: their centre squares would not show the same."""
    wrong = []
    for a, b, (w, h), (width, height) in zip(
        sides[0].found.items, sides[1].found.items, headers[0].sizes, headers[1].sizes, strict=True
    ):
        if abs(w * height - h * width) > max(w, h, width, height):  # one pixel of rounding
            wrong.append(f"{a.where} is {w}x{h}, {b.where} is {width}x{height}")
    if wrong:
        raise DataError(f"images that belong together must have the same proportions: {_some(wrong)} (width x height)")
