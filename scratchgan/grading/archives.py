"""Files of a folder, with those in its ZIP archives, which are unpacked with care to a temporary folder.

Nothing is written outside of that folder, links are not made, and sizes and numbers are limited while they are read.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MOST_FILES, MOST_BYTES, DEEPEST = 2000, 300_000_000, 3
HIDDEN = {"__MACOSX", "__pycache__"}


@dataclass
class Found:
    """Files as (path, parts of the path in the folder, with archives as folders), folders, and what cannot be opened."""

    files: list[tuple[Path, tuple[str, ...]]] = field(default_factory=list)
    folders: list[tuple[str, ...]] = field(default_factory=list)
    damaged: list[tuple[tuple[str, ...], str]] = field(default_factory=list)


@contextlib.contextmanager
def unpacked(folder: Path) -> Iterator[Found]:
    """All files of `folder` and of the archives in it, without hidden ones."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        found = Found()
        course = (folder / "submitted").is_dir()  # nbgrader's folder of a course, which has others beside it
        _walk(folder / "submitted" if course else folder, ("submitted",) * course, Path(place), found, DEEPEST)
        yield found


def _walk(folder: Path, logical: tuple[str, ...], place: Path, found: Found, depth: int) -> None:
    for path in sorted(folder.iterdir()):
        here = (*logical, path.name)
        if path.name.startswith(".") or path.name in HIDDEN or path.is_symlink():
            continue
        if path.is_dir():
            found.folders.append(here)
            _walk(path, here, place, found, depth)
        elif path.suffix.lower() == ".zip" and depth:
            target = Path(tempfile.mkdtemp(dir=place))
            try:
                _extract(path, target)
            except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
                found.damaged.append((here, " ".join(f"the archive cannot be opened: {error}".split())))
                continue
            found.folders.append(here)
            _walk(target, here, place, found, depth - 1)
        elif path.is_file():
            found.files.append((path, here))


def _extract(path: Path, target: Path) -> None:
    """Write the files of an archive into `target`.  Raises ValueError for one that is too large."""
    size = number = 0
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
            outside = any(part in ("..", "/") or ":" in part for part in parts)
            if entry.is_dir() or not parts or outside or stat.S_ISLNK(entry.external_attr >> 16):
                continue
            number += 1
            if number > MOST_FILES:
                raise ValueError(f"it has more than {MOST_FILES:,} files")
            to = target.joinpath(*parts)
            to.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(to, "wb") as file:
                while chunk := source.read(1 << 20):
                    size += len(chunk)
                    if size > MOST_BYTES:
                        raise ValueError(f"it has more than {MOST_BYTES / 1e6:.0f} MB")
                    file.write(chunk)
            with contextlib.suppress(ValueError, OverflowError, OSError):
                when = time.mktime((*entry.date_time, 0, 0, -1))
                os.utime(to, (when, when))
