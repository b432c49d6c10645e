"""Image files in, image files out: what `scratchgan translate`, `enhance` and `inpaint` have in common.

`inputs` finds the images that were given, `names` decides what their results are called, before the first one is made,
and `aside` writes all of them before the first one gets its name.  No file that exists is replaced.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.dataset import to_unit
from ..data.folder import Survey, fails_to_decode, refusal
from ..data.limits import DataError
from ..data.listing import PART_OF, Item, find, on_disk, one_file
from ..data.picture import KINDS, BadPicture, read_pixels
from ..data.zipped import opened_zip
from ..files.atomic import replacing

LONGEST = 150, 63  # bytes of an image's name and of what is added to it in the name of a file; systems allow 255 in all


class Inputs(NamedTuple):
    """The images that were given, notes on what is not read, the folders that were given, and those of single files."""

    items: list[Item]
    notes: list[str]
    folders: list[Path]
    beside: list[Path]


@contextmanager
def inputs(files: Sequence[str | Path]) -> Iterator[Inputs]:
    """The given files, and the images in the given folders and zip files, which are read as training reads them.

    Raises DataError for paths that do not exist, and for folders without images.
    """
    given = Inputs([], [], [], [])
    with ExitStack() as opened:
        for file in map(Path, files):
            if file.is_dir():
                found = find(on_disk(file))
                given.folders.append(file)
            elif not file.is_file():
                raise DataError(f"{file}: no such file or folder; expected an image ({KINDS}), or a folder of images")
            elif file.suffix.lower() == ".zip":
                archive = opened.enter_context(opened_zip(file))
                if archive.images is None:
                    raise DataError(f"{file}: expected a zip file of images, got one of arrays")
                found = find(archive.images)
            else:
                given.items.append(one_file(file))
                given.beside.append(file.parent)
                continue
            given.items.extend(found.items)
            given.notes.extend(found.notes)
        yield given


def read_images(
    command: str, items: Sequence[Item], part: slice, headers: Survey, side: int | None, ground: str
) -> list[np.ndarray]:
    """The images items[part] as (H, W, C) float32 in [-1, 1]: whole, or their centre squares resized to `side`.

    Raises DataError, which begins with `command` and names all images that are broken, of these and of the later ones.
    """
    images = []
    for item in items[part]:
        try:
            made = read_pixels(
                item.read(), item.where, image_size=side, channels=headers.channels, ground=ground, span=headers.span
            )
        except (BadPicture, DataError):
            raise refusal(command, fails_to_decode(items[part.start :], ()), len(items)) from None
        images.append(to_unit(made.pixels, 255))
    return images


def check_apart(out: Path, given: Inputs) -> None:
    """Raise ValueError if images are read from `out`, or would be the next time: its results would then be given again."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: expected a folder for the results, got a file")
    resolved = out.resolve()
    for folder in given.folders + given.beside:
        place = folder.resolve()
        inside = folder in given.folders and place in resolved.parents and not _far_below(resolved, place)
        if place == resolved or inside:
            raise ValueError(
                f"{out}: images are read from {folder}, so the results would be taken for images of the next time; "
                "give another folder with --out"
            )


def _far_below(out: Path, folder: Path) -> bool:
    """Whether images in `out` are never read as part of `folder`: it is hidden, or more than one folder down; two if the
    first is a part such as train.
    """
    steps = out.relative_to(folder).parts
    deep = len(steps) - (1 if steps and steps[0].lower() in PART_OF else 0)
    return deep > 1 or any(step.startswith((".", "__")) for step in steps)


def names(items: Sequence[Item], added: str, out: Path) -> list[Path]:
    """A path in `out` for each result; no two are the same, on a file system that ignores case too, and none exists.

    STEM-ADDED.png; where two would be the same, first with the extension in the name, then with the folder.
    """
    end = f"-{_cut(_plain(added), LONGEST[1])}.png"
    labels = [""] * len(items)
    left = list(range(len(items)))
    for level in range(3):
        for i in left:
            path = items[i].path
            label = path.stem if not level else f"{path.stem}-{path.suffix[1:]}"
            if level == 2 and path.parent.name:
                label = f"{path.parent.name}-{label}"
            labels[i] = _cut(_plain(label), LONGEST[0])
        count = Counter(label.lower() for label in labels)
        left = [i for i in left if count[labels[i].lower()] > 1]
    taken: set[str] = set()
    targets = []
    for label in labels:
        target = free(out / f"{label}{end}", taken)
        taken.add(target.name.lower())
        targets.append(target)
    return targets


def free(path: Path, taken: set[str]) -> Path:
    """The path, or the first of PATH-2, PATH-3, ... that does not exist and whose name, in small letters, is not taken."""
    number, chosen = 1, path
    while chosen.name.lower() in taken or os.path.lexists(chosen):
        number += 1
        chosen = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return chosen


def _plain(name: str) -> str:
    """A name without what some file systems do not allow, and without bytes that are no text."""
    name = os.fsencode(name).decode("utf-8", "replace")
    return re.sub(r'[\x00-\x1f<>:"/\\|?*\ufffd]', "_", name).strip(". ") or "image"


def _cut(name: str, most: int) -> str:
    return name.encode()[:most].decode("utf-8", "ignore")


@contextmanager
def aside(out: Path, targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Paths to write the results to, in a folder in `out`; they are moved to `targets` if the block ends without an
    error, and removed otherwise.
    """
    folder = out / f".{secrets.token_hex(4)}.tmp"
    folder.mkdir()
    try:
        paths = [folder / f"{i}.png" for i in range(len(targets))]
        yield paths
        for path, target in zip(paths, targets, strict=True):
            os.replace(path, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write an image (H, W, 1 or 3) in [-1, 1] as a PNG of H x W pixels."""
    from PIL import Image

    pixels = np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    with replacing(path) as file:
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, format="PNG")
