"""A run's folder must survive a killed process: its lock, and repairing it before the run is resumed.

After a kill the folder contains the last complete checkpoint, and whatever was written after it: lines of the log,
pictures, temporary files.  The checkpoint records how long the log was at that time, so `cut_log` can remove the lines
that the resumed run will write again, and no line is lost or duplicated.
"""

from __future__ import annotations

import contextlib
import errno
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files.atomic import sync

LOCK = ".lock"
_HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}  # what systems say if another process has it
LONGEST_LOG = 1 << 30  # bytes; a line has about 500


class InUse(OSError):
    """Another process (or thread) is writing to this run's folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock within the block.  The operating system releases it when the process ends or is killed.

    On a file system without locks, such as some network drives, there is a warning instead.

    Raises InUse if another process (or thread) holds it, OSError if the folder cannot be written to.
    """
    with open(folder / LOCK, "a+b") as file:
        if not _take(file):
            raise InUse(f"{folder} is in use: another process is writing to it; wait for it to end, or stop it first")
        yield  # the file is kept: removing it could remove one that another process has just locked


def _take(file) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        warnings.warn(
            f"{file.name}: this file system has no locks ({error.strerror}); make sure that no other process writes to "
            "this folder",
            RuntimeWarning,
            stacklevel=4,
        )
    return True


def clean(folder: Path) -> None:
    """Remove temporary files of `atomic.replacing` that a killed process left in the folder and in samples/."""
    for place in (folder, folder / "samples"):
        for path in place.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def cut_log(path: Path, size: int) -> list[dict[str, Any]]:
    """Cut the log to its first `size` bytes, and return its records.

    Raises ValueError, and leaves the file unchanged, if it is shorter, or if those bytes are not complete records.
    """
    length = path.stat().st_size if path.exists() else 0
    if length < size:
        raise ValueError(
            f"{path}: has {length:,} bytes, expected at least {size:,}, its length when the checkpoint was written; "
            "lines are missing, so the run cannot be resumed"
        )
    if size > LONGEST_LOG:
        raise ValueError(f"{path}: expected a log of at most {LONGEST_LOG:,} bytes, the checkpoint says {size:,}")
    if not path.exists():
        return []
    with open(path, "r+b") as file:
        text = file.read(size)
        try:
            records = [json.loads(line) for line in text.decode().splitlines()]
            if (text and not text.endswith(b"\n")) or not all(isinstance(record, dict) for record in records):
                raise ValueError("a line is not a complete record")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not the log that belongs to the checkpoint: {error}") from None
        file.truncate(size)
        file.flush()
        sync(file.fileno())
    return records
