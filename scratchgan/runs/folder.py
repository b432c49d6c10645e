"""A run's folder as something that survives: whose it is, what in it counts, and what a kill may have left.

After a kill the folder holds the last checkpoint, whole, and traces of what came after it: lines of the log, pictures,
temporary files.  The checkpoint says how long the log was when it was written, so `cut_log` can drop what will be
written again, and no line is lost or there twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..data import Data

LOCK = ".lock"
LONGEST_LOG = 1 << 30  # bytes; a line has about 500


class InUse(OSError):
    """Another process is writing to this run's folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock.  The system gives it back when the process ends, however it ends.

    Raises InUse if another process (or thread) has it, OSError if the folder cannot be written to.
    """
    with open(folder / LOCK, "a+b") as file:
        if not _take(file):
            raise InUse(f"{folder} is in use: another process is training into it; wait for it, or stop it first")
        yield  # the file stays: whoever removed it could take the name from a process that has just locked it


def _take(file) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clean(folder: Path) -> None:
    """Remove what killed writes have left: the temporary files of `atomic.replacing`, here and in samples/."""
    for place in (folder, folder / "samples"):
        for path in place.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def cut_log(path: Path, size: int) -> list[dict[str, Any]]:
    """Cut the log to its first `size` bytes, and return its records.

    Raises ValueError, and leaves the file, if it is shorter than that or holds something else than whole records.
    """
    length = path.stat().st_size if path.exists() else 0
    if length < size:
        raise ValueError(
            f"{path}: has {length:,} bytes, the checkpoint was written when it had {size:,}; lines of the "
            "log are missing, so the run cannot go on as if nothing had happened"
        )
    if size > LONGEST_LOG:
        raise ValueError(f"{path}: expected at most {LONGEST_LOG:,} bytes of log, the checkpoint says {size:,}")
    if not path.exists():
        return []
    with open(path, "r+b") as file:
        text = file.read(size)
        try:
            records = [json.loads(line) for line in text.decode().splitlines()]
            if (text and not text.endswith(b"\n")) or not all(isinstance(record, dict) for record in records):
                raise ValueError("a line is no whole record")
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}: not the log that the checkpoint was written with: {error}") from None
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
    return records


def checksum(data: Data) -> str:
    """SHA-256 of a data set's examples and labels; of a density, its name and parameters; of a pair, both sets."""
    digest = hashlib.sha256()
    if data.kind == "pair":
        for name, domain in (("a", data.a), ("b", data.b)):
            digest.update(name.encode())
            digest.update(checksum(domain).encode())
    elif data.kind == "density":
        for name in ("modes", "sigmas", "weights", "extent"):
            _digest_array(digest, name, getattr(data, name))
    else:
        _digest_array(digest, "x", data.x)
        _digest_array(digest, "labels", data.labels)
    if data.kind != "examples":
        digest.update(repr(data).encode())
    return digest.hexdigest()


def _digest_array(digest: hashlib._Hash, name: str, values: ArrayLike | None) -> None:
    """Add an array's name, type, shape and bytes to a digest; nothing for None."""
    if values is not None:
        array = np.ascontiguousarray(values)
        digest.update(f"{name}{array.dtype.str} {array.shape}".encode())
        digest.update(array.data if array.size else b"")
