"""The files beside a notebook, copied for it: modules that it imports, and data that it reads.

Only ordinary files are copied, up to a limit: no links to folders or out of the notebook's folder, no hidden files, and
neither other notebooks nor the folders of other notebooks, which are other people's work.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_FILES, MOST_BYTES, DEEPEST = 1000, 200_000_000, 5
SKIPPED = {"__pycache__", "node_modules", "venv", "grades.csv"}


def copy_files(source: Path, target: Path, prefix: str = "") -> list[str]:
    """Copy the files in `source`, and in its sub-folders, to `target`; return sentences about what was left out.

    prefix   in a folder with everybody's files: what the names of this student's begin with; the copies are without it
    """
    files = left = size = 0
    full, links = False, 0
    for path, relative in _files(source, source, Path()):
        if prefix:
            if len(relative.parts) > 1 or not relative.name.startswith(prefix):
                continue
            relative = Path(re.sub(r"-\d+(?=\.\w+$)", "", relative.name.removeprefix(prefix)))
        if path is None:
            links += 1
            continue
        try:
            with open(
                os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)), "rb"
            ) as file:
                status = os.fstat(file.fileno())
                full = full or files >= MOST_FILES or size + status.st_size > MOST_BYTES
                if full or not stat.S_ISREG(status.st_mode):
                    left += 1
                    continue
                files, size = files + 1, size + status.st_size
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                with open(target / relative, "xb") as copy:
                    shutil.copyfileobj(file, copy)
        except OSError:
            left += 1
    notes = []
    if left:
        limit = (
            f"expected at most {MOST_FILES:,} files and {MOST_BYTES / 1e6:.0f} MB" if full else "they cannot be read"
        )
        notes.append(f"{left} of the files beside the notebook were not copied: {limit}")
    if links:
        notes.append(f"{links} links beside the notebook, to folders or out of its folder, were not followed")
    return notes


def _files(folder: Path, top: Path, relative: Path) -> Iterator[tuple[Path | None, Path]]:
    """(path, path relative to `top`) of all files to copy; None in place of the path for a link that is not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in SKIPPED or entry.name.lower().endswith((".ipynb", ".zip")):
            continue
        path, here = Path(entry.path), relative / entry.name
        if entry.is_symlink() and (entry.is_dir() or not path.resolve().is_relative_to(top.resolve())):
            yield None, here
        elif entry.is_dir():
            if len(here.parts) <= DEEPEST and not any(path.glob("*.[iI][pP][yY][nN][bB]")):
                yield from _files(path, top, here)
        else:
            yield path, here
