"""Which images a folder or a zip file of the user holds, in which order, and what they are called.

    flat       the images lie directly in it; they have no labels
    classes    they lie in sub-folders, one per class: labels 0, 1, ... in the order of `class_order`
    parts      the sub-folders are called train and test (or val), and each is one of the two above: train is used

Whatever else is there is left alone, counted, and named in a note.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .limits import MAX_FILE, DataError
from .picture import EXTENSIONS, BadPicture, extensions

_PARTS = {
    "train": ("train", "training", "trainset", "train_set"),
    "test": ("test", "testing", "testset", "test_set"),
    "val": ("val", "valid", "validation", "dev"),
}
PART_OF = {word: part for part, words in _PARTS.items() for word in words}
_DEEPER, _NO_FILE = "folders inside class folders", "that are no files or cannot be reached"
_ONE = {_DEEPER: "folder inside a class folder", _NO_FILE: "that is no file or cannot be reached"}
_DOMAINS = re.compile(r"(train|test|val)_?([ab])", re.I)  # how CycleGAN's data sets are laid out


class Item(NamedTuple):
    """One image file: what it is called in messages, its path as parts of a name, and a function that reads it."""

    where: str
    path: Path
    read: Callable[[], bytes]


@dataclass
class Place:
    """A folder, on disk or in a zip file: `files` and `folders` list what is directly in it, in order.

    files gives (name, item or None), None for what is no regular file.
    """

    where: str
    name: str
    files: Callable[[], Iterable[tuple[str, Item | None]]]
    folders: Callable[[], Iterable[Place]]


@dataclass
class Found:
    """The images that were found.

    items     in the order of the data set
    labels    one number per item, or None
    classes   the names of the labels
    notes     what the user should know, one line each
    test      how many images another part holds, which `find(place, "test")` gives
    """

    items: list[Item]
    labels: list[int] | None = None
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    test: int = 0


def on_disk(folder: Path) -> Place:
    """A folder of the file system as a Place."""

    def files():
        for path in sorted(folder.iterdir()):
            if not path.is_dir():
                yield path.name, _file(path) if path.is_file() else None

    def folders():
        return (on_disk(path) for path in sorted(folder.iterdir()) if path.is_dir())

    return Place(str(folder), folder.name, files, folders)


def _file(path: Path) -> Item:
    def read() -> bytes:
        try:
            with open(path, "rb") as file:
                if (size := os.fstat(file.fileno()).st_size) > MAX_FILE:
                    raise DataError(f"{path}: the image file has more than {MAX_FILE:,} bytes; save it smaller")
                return file.read(size)
        except OSError as error:
            raise BadPicture(f"it cannot be read: {error.strerror or error}") from None

    return Item(str(path), path, read)


def one_file(path: Path) -> Item:
    """A single image file as an Item."""
    return _file(path)


def natural(name: str) -> tuple[list[str | int], str]:
    """The key of the natural order of names, in which numbers count as numbers: 1, 2, 10 and a2, a10, b1."""
    parts = re.split("([0-9]+)", name)  # texts and numbers in turn, so that equals are compared with equals
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name  # 1 and 01: as texts


def class_order(names: Iterable[str]) -> list[str]:
    """The names of class folders in the order of their labels."""
    return sorted(names, key=natural)


def find(place: Place, split: str = "train") -> Found:
    """The images of a folder, of its training part, or with split="test" of its test part.

    DataError if there are none, if they lie both directly in it and in sub-folders, if the layout is one that needs
    another path, or if there is no test part.
    """
    left: Counter[str] = Counter()
    direct, inside = _images_in(place, left), _sub_folders(place, left)
    parts = _parts(place, inside)
    if parts is not None and not direct:
        return _find_part(place, parts, split, left)
    if split == "test":
        raise DataError(f"{place.where} has no test part: no sub-folders called train and test")
    found = _flat_or_classes(place, direct, inside, left)
    if odd := [folder.name for folder in inside if folder.name in found.classes and folder.name.lower() in PART_OF]:
        found.notes.append(f"{place.where}: the sub-folders {_few(odd)} are taken for classes, as all others are")
    found.notes += _left_alone(place, left)
    return found


def _parts(place: Place, inside: list[Place]) -> dict[str, Place] | None:
    """The sub-folders train, test and val, if these and no others hold images and train is among them."""
    domains = [folder for folder in inside if _DOMAINS.fullmatch(folder.name)]
    if {match[2].lower() for folder in domains if (match := _DOMAINS.fullmatch(folder.name))} == {"a", "b"}:
        a, b = (next((f for f in domains if f.name.lower() in (f"train{x}", f"train_{x}")), domains[0]) for x in "ab")
        raise DataError(
            f"{place.where}: holds the two domains of a CycleGAN: give one of them, or both, as "
            f'data="{a.where}" and data_b="{b.where}"'
        )
    parts: dict[str, Place] = {}
    for folder in inside:
        part = PART_OF.get(folder.name.lower())
        if part is None or part in parts:
            if _holds_images(folder):
                return None
        else:
            parts[part] = folder
    return parts if "train" in parts and _holds_images(parts["train"]) else None


def _holds_images(place: Place) -> bool:
    """Whether there are images in it, or one folder down."""
    unseen: Counter[str] = Counter()
    return bool(_images_in(place, unseen)) or any(_images_in(f, unseen) for f in _sub_folders(place, unseen))


def _find_part(place: Place, parts: dict[str, Place], split: str, left: Counter[str]) -> Found:
    def read(part, counts):
        return _flat_or_classes(part, _images_in(part, counts), _sub_folders(part, counts), counts)

    found = read(parts["train"], left)
    others = {}
    for name in ("test", "val"):
        if name in parts and _holds_images(parts[name]):
            others[name] = read(parts[name], left)
    if split == "test":
        if not others:
            raise DataError(f"{place.where} has no test part: only {parts['train'].name}")
        return _with_labels_of(found, *next((parts[name], other) for name, other in others.items()))
    words = [f"{parts['train'].name} ({_count(found)}) is used"]
    for i, (name, other) in enumerate(others.items()):
        words.append(f"{parts[name].name} ({_count(other)}) is {'not used' if i else 'held out of training'}")
    found.notes.append(f"{place.where}: {', '.join(words)}")
    found.notes += _left_alone(place, left)
    found.test = len(next(iter(others.values())).items) if others else 0
    return found


def _with_labels_of(train: Found, place: Place, test: Found) -> Found:
    """The test part with the labels that its classes have in training."""
    if train.classes and test.classes:
        numbers = {name: label for label, name in enumerate(train.classes)}
        if unknown := [name for name in test.classes if name not in numbers]:
            raise DataError(f"{place.where}: the classes {_few(unknown)} do not occur in the training part")
        test.labels = [numbers[test.classes[label]] for label in test.labels or ()]
        test.classes = train.classes
    else:
        test.labels, test.classes = None, ()
    return test


def _flat_or_classes(place: Place, direct: list[Item], inside: list[Place], left: Counter[str]) -> Found:
    counted: Counter[str] = Counter()
    groups = {folder.name: items for folder in inside if (items := _images_in(folder, counted))}
    if direct and groups:
        raise DataError(
            f"{place.where}: images lie both directly in the folder ({len(direct)}) and in sub-folders "
            f"({_few(groups)}): use either a flat folder, or one sub-folder per class"
        )
    if not direct and not groups:
        raise DataError(_nothing(place, inside, left + counted))
    left += counted
    if direct:
        return Found(direct)
    deeper = sum(len(_sub_folders(folder, Counter())) for folder in inside if folder.name in groups)
    left[_DEEPER] += deeper
    order = class_order(groups)
    labels = [label for label, name in enumerate(order) for _ in groups[name]]
    return Found([item for name in order for item in groups[name]], labels, tuple(order))


def _nothing(place: Place, inside: list[Place], left: Counter[str]) -> str:
    """What to say of a folder without images."""
    if not left and not inside:
        return f"{place.where}: the folder is empty"
    message = f"{place.where}: no images found, neither here nor one folder down (looked for {', '.join(extensions())})"
    for folder in inside:
        for deep in _sub_folders(folder, Counter()):
            if _holds_images(deep):
                return f"{message}; there are some in {deep.where}: give the folder {folder.where}, or that one"
    if arrays := [name for name, _ in place.files() if name.lower().endswith((".npy", ".npz", ".zip"))]:
        return f"{message}; for arrays, give the path of the file, such as {Path(place.where) / arrays[0]}"
    words = _counts(left)
    return f"{message}; found only {words}" if words else message


def _images_in(place: Place, left: Counter[str]) -> list[Item]:
    """The images directly in a folder; everything else is counted in `left`."""
    items, readable = [], extensions()
    for name, item in place.files():
        suffix = Path(name).suffix.lower()
        if not _visible(name):
            left["hidden"] += 1
        elif suffix not in readable:
            left[f"{suffix} (this version of Pillow cannot read it)" if suffix in EXTENSIONS else suffix] += 1
        elif item is None:
            left[_NO_FILE] += 1
        else:
            items.append(item)
    return items


def _sub_folders(place: Place, left: Counter[str]) -> list[Place]:
    folders = list(place.folders())
    left["hidden"] += sum(not _visible(folder.name) for folder in folders)
    return [folder for folder in folders if _visible(folder.name)]


def _visible(name: str) -> bool:
    return not name.startswith((".", "__"))  # such as __MACOSX, which zip archives leave behind


def _left_alone(place: Place, left: Counter[str]) -> list[str]:
    words = _counts(left)
    return [f"{place.where}: not read: {words}"] if words else []


def _counts(left: Counter[str]) -> str:
    """Such as "12 .txt, 3 without extension, 1 hidden", the most frequent first."""
    words = [
        f"{count:,} {(_ONE if count == 1 else {}).get(kind, kind) or 'without extension'}"
        for kind, count in left.most_common()
        if count
    ]
    return ", ".join(words[:8]) + (f" and {len(words) - 8} other kinds" if len(words) > 8 else "")


def _count(found: Found) -> str:
    classes, images = len(found.classes), len(found.items)
    return f"{images:,} image{'s' * (images != 1)}" + (f" in {classes} class{'es' * (classes != 1)}" if classes else "")


def _few(names: Iterable[str] | Sequence[str], most: int = 8) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
