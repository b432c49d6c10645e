"""`scratchgan translate`: translate image files with a generator of a CycleGAN run.

Each image is first converted to the format of the run's training data: cropped to its centre square, resized, and made
grey if the run is.  In addition to the translated images, translated.png shows each image, its translation, and the
translation back.

Every name is decided before the first image is translated, and no file that exists is replaced.  The results are
written into a folder aside, and moved to their names when all of them are complete.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..data.dataset import to_unit
from ..data.folder import Survey, fails_to_decode, refusal, survey
from ..data.limits import DataError
from ..data.listing import PART_OF, Item, find, on_disk, one_file
from ..data.picture import KINDS, BadPicture, read_pixels
from ..data.zipped import opened_zip
from ..files.atomic import replacing
from .keys import GIVEN
from .recipe import Recipe

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN

COLUMNS = 16  # of translated.png, one per image
AT_ONCE = 64  # images translated together
LONGEST = 150, 60  # bytes of an image's and of a domain's name in the name of a file; file systems allow 255 in all


class Inputs(NamedTuple):
    """The images to translate, notes on what is not read, the folders that were given, and those of single files."""

    items: list[Item]
    notes: list[str]
    folders: list[Path]
    beside: list[Path]


def domain_names(recipe: Recipe) -> dict[str, str]:
    """{"a": name, "b": name} of the domains: those of their data, with the folders above them if both are the same."""
    paths = {which: Path(data.removesuffix(GIVEN)) for which, data in (("a", recipe.data), ("b", recipe.data_b))}
    for n in range(1, max(len(path.parts) for path in paths.values()) + 1):
        names = {which: "-".join(p.strip("/\\:") for p in path.parts[-n:]) for which, path in paths.items()}
        if names["a"].lower() != names["b"].lower():
            return names
    return {which: f"{which}-{path.name}" for which, path in paths.items()}


def domain(recipe: Recipe, to: str) -> str:
    """The domain "a" or "b" that a user means by its letter, the name of its data, or an unambiguous prefix of that.

    Raises ValueError for anything else.
    """
    names = domain_names(recipe)
    if to in names:
        return to
    fits = [which for which, name in names.items() if to and name.lower() == to.lower()]
    fits = fits or [which for which, name in names.items() if to and name.lower().startswith(to.lower())]
    if len(fits) != 1:
        raise ValueError(f'--to "{to}": expected one of the two domains: a ({names["a"]}) or b ({names["b"]})')
    return fits[0]


def translate_files(
    gan: CycleGAN,
    files: Sequence[str | Path],
    to: str,
    out: Path,
    *,
    named: str,
    ground: str = "black",
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Translate image files, and the images in folders and zip files, to domain "a" or "b"; return the paths written.

    out     folder for the results, made if needed: STEM-to-NAMED.png for each image, and translated.png, with more of
            the path or a number in the name where files would collide
    named   the domain's name in file names and titles
    ground  what transparent pixels are pictured over
    say     called with each note on the files, such as what is not read

    Raises ValueError for something that is not an image, and if `out` is a folder that images are read from; OSError if
    it cannot be written to.
    """
    from ..plots import save_translations

    side, _, channels = gan.data_shape
    with inputs(files) as given:
        check_apart(out, given)
        headers = survey("translate", given.items, side, channels)
        targets = names(given.items, named, out)
        picture = free(out / "translated.png", {target.name.lower() for target in targets})
        for note in [*given.notes, *([headers.animated_note] if headers.animated else [])]:
            say(note)
        out.mkdir(parents=True, exist_ok=True)
        with aside(out, [*targets, picture]) as paths:
            pictured: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
            for start in range(0, len(targets), AT_ONCE):
                x = to_unit(_pixels(given.items, start, headers, side, ground), 255)
                y, back = gan.cycle(x, to)
                for path, image in zip(paths[start:], y, strict=False):
                    write_png(path, image)
                if start < COLUMNS:
                    pictured.append((x[:COLUMNS], y[:COLUMNS], back[:COLUMNS]))
            save_translations(
                paths[-1],
                [(f"to {named}", *pictured[0])],
                title=f"{len(targets)} images, translated"
                + (f"; the first {COLUMNS}" if len(targets) > COLUMNS else ""),
            )
    return [*targets, picture]


def _pixels(items: Sequence[Item], start: int, headers: Survey, side: int, ground: str) -> np.ndarray:
    """The next AT_ONCE images as (n, side, side, C) uint8; DataError that names all images that are broken."""
    pixels: list[np.ndarray] = []
    for item in items[start : start + AT_ONCE]:
        try:
            made = read_pixels(
                item.read(), item.where, image_size=side, channels=headers.channels, ground=ground, span=headers.span
            )
        except (BadPicture, DataError):
            raise refusal("translate", fails_to_decode(items[start:], ()), len(items)) from None
        pixels.append(made.pixels)
    return np.stack(pixels)


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


def check_apart(out: Path, given: Inputs) -> None:
    """Raise ValueError if images are read from `out`, or would be the next time: its results would then be translated."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{out}: expected a folder for the results, got a file")
    resolved = out.resolve()
    for folder in given.folders + given.beside:
        place = folder.resolve()
        inside = folder in given.folders and place in resolved.parents and not _far_below(resolved, place)
        if place == resolved or inside:
            raise ValueError(
                f"{out}: images are read from {folder}, so the results would be taken for images to translate the "
                "next time; give another folder with --out"
            )


def _far_below(out: Path, folder: Path) -> bool:
    """Whether images in `out` are never read as part of `folder`: it is hidden, or more than one folder down; two if the
    first is a part such as train.
    """
    steps = out.relative_to(folder).parts
    deep = len(steps) - (1 if steps and steps[0].lower() in PART_OF else 0)
    return deep > 1 or any(step.startswith((".", "__")) for step in steps)


def names(items: Sequence[Item], named: str, out: Path) -> list[Path]:
    """A path in `out` for each result; no two are the same, on a file system that ignores case too, and none exists.

    STEM-to-NAMED.png; where two would be the same, first with the extension in the name, then with the folder.
    """
    end = f"-to-{_cut(_plain(named), LONGEST[1])}.png"
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
