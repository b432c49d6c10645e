"""The door for files: `scratchgan translate`, `enhance` and `inpaint` give image files to a run's net.

A `Job` says what one command makes of a picture; `apply_files` does the rest.  Every name is decided before the first
picture is made, and no file that exists is replaced.  The results are written into a folder aside, and moved to their
names when all of them are complete.  In addition to the results, a picture shows the first of them beside what was given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.dataset import shrink_images
from ..data.folder import survey
from ..data.limits import check_fits
from ..data.listing import Item
from ..data.picture import read_header
from ..files.console import progress_bar
from ..plots.rows import LARGE
from . import image_files
from .image_files import aside, check_apart, free, inputs, names, read_images

COLUMNS = 16  # of the picture, one per image
AT_ONCE = 64  # images of the net's size that are made together

#: (images (H, W, C) in [-1, 1], what they are called, tick(n)) -> for each row of the picture, one image per image given;
#: the first row is what is written
Make = Callable[[list[np.ndarray], list[str], Callable[[int], object]], Sequence[list[np.ndarray]]]


@dataclass(frozen=True)
class Job:
    """What a command makes of each picture.

    command   its name, for messages
    added     what the names of the results end in, such as "enhanced"
    together  the name of the picture of all results, such as "enhanced.png"
    channels  1 or 3: what pictures are converted to
    side      pictures are cropped to their centre square and resized to this many pixels; None: they stay whole
    scale     how many times larger than the pictures the results are
    ground    what transparent pixels are shown over
    make      makes the results
    rows      the names of the rows of the picture, after "given"
    hint      what to look for in it
    check     called with the height and width of each picture, as it is given to `make`, and what it is called, before
              the first result is made; raises ValueError for what cannot be done
    amount    how often `make` calls tick for a picture of that height and width
    unit      what a tick stands for
    """

    command: str
    added: str
    together: str
    channels: int
    make: Make
    rows: Sequence[str]
    side: int | None = None
    scale: int = 1
    ground: str = "black"
    hint: str = ""
    check: Callable[[int, int, str], object] = lambda height, width, where: None
    amount: Callable[[int, int], int] = lambda height, width: 1
    unit: str = "image"


def apply_files(
    job: Job,
    files: Sequence[str | Path],
    out: Path,
    *,
    title: str,
    say: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> list[Path]:
    """Do the job for image files, and for the images in folders and zip files; return the paths written.

    out       folder for the results, made if needed: STEM-ADDED.png for each image, and the picture of all of them, with
              more of the path or a number in the name where files would collide
    title     of the picture, after the number of images
    say       called with each note on the files, such as what is not read
    progress  show a progress bar on stderr

    Raises ValueError for something that is not an image or does not fit the job, and if `out` is a folder that images
    are read from; OSError if it cannot be written to.
    """
    from ..plots import save_rows

    with inputs(files) as given:
        check_apart(out, given)
        headers = survey(job.command, given.items, job.side or 1, job.channels)
        sizes = [_size(job, item) for item in given.items]
        _check_all(job, given.items, sizes)
        targets = names(given.items, job.added, out)
        picture = free(out / job.together, {target.name.lower() for target in targets})
        for note in [*given.notes, *([headers.animated_note] if headers.animated else [])]:
            say(note)
        out.mkdir(parents=True, exist_ok=True)
        total = sum(job.amount(*size) for size in sizes)
        with (
            aside(out, [*targets, picture]) as paths,
            progress_bar(total=total, desc=job.command, unit=job.unit, disable=not progress) as bar,
        ):
            columns: list[list[np.ndarray]] = [[] for _ in range(1 + len(job.rows))]
            many = 1 if job.side is None else AT_ONCE
            for start in range(0, len(targets), many):
                part = slice(start, start + many)
                x = read_images(job.command, given.items, part, headers, job.side, job.ground)
                made = job.make(x, [item.where for item in given.items[part]], bar.update)
                for path, image in zip(paths[start:], made[0], strict=False):
                    image_files.write_png(path, image)
                for column, images in zip(columns, [x, *made], strict=True):
                    room = COLUMNS - len(column)
                    column.extend(shrink_images(image[None], LARGE)[0] for image in images[:room])
            save_rows(
                paths[-1],
                list(zip(("given", *job.rows), columns, strict=True)),
                title=f"{len(targets):,} images, {title}"
                + (f"; the first {COLUMNS}" if len(targets) > COLUMNS else ""),
                hint=job.hint,
            )
    return [*targets, picture]


def _size(job: Job, item: Item) -> tuple[int, int]:
    """(height, width) of a picture as the job is given it."""
    if job.side is not None:
        return job.side, job.side
    width, height = read_header(item.read(), item.where).size
    return height, width


def _check_all(job: Job, items: Sequence[Item], sizes: Sequence[tuple[int, int]]) -> None:
    """Raise ValueError, before anything is made, for the first picture that does not fit the job; it counts the others."""
    errors = []
    for item, (height, width) in zip(items, sizes, strict=True):
        try:
            check_fits((job.scale * height, job.scale * width, 3, 3), f"{job.command} {item.where}")
            job.check(height, width, item.where)
        except ValueError as error:
            errors.append(error)
    if errors:
        more = f"; and so for {len(errors) - 1:,} more of {len(items):,} images" if len(errors) > 1 else ""
        raise ValueError(f"{errors[0]}{more}") from None
