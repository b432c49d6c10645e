"""Atomic writing: write to a temporary file in the same folder, flush it to disk, then rename it.

A run that is killed while it saves must leave the previous file intact.  `os.replace` is atomic only within one file
system, so the temporary file is in the same folder; the fsync before it prevents an empty file under the final name
after a crash of the system.
"""

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: seconds between attempts to rename: on Windows a virus scanner or a viewer may hold the old file for a moment
PAUSES = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
_FOR_A_MOMENT = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.EAGAIN, errno.ETXTBSY}
#: what a file system says that cannot flush a single file
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def replacing(path: str | Path, check: Callable[[Path], None] | None = None) -> Iterator[BinaryIO]:
    """Open a temporary binary file for writing; when the block ends without an error, it replaces `path`.

    check    called with the temporary file, written and closed, before it replaces `path`; what it raises is an error

    After an error (Ctrl-C included) the temporary file is removed and `path` is unchanged.

    Raises OSError, naming `path`, if the folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = path.parent / f".{path.name[-50:]}.{secrets.token_hex(4)}.tmp"  # a name has at most 255 bytes
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            sync(file.fileno())
        if check is not None:
            check(temporary)
        _rename(temporary, path)
    except BaseException as error:
        _remove(temporary)
        if isinstance(error, OSError) and error.filename in (None, str(temporary), temporary):
            raise _named(error, path) from None
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all.  Raises OSError as `replacing` does."""
    with replacing(path) as file:
        file.write(text.encode())


def sync(descriptor: int) -> None:
    """Flush a file to disk, where the file system can do that for one file."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def _rename(temporary: Path, path: Path) -> None:
    for pause in (*PAUSES, None):
        try:
            os.replace(temporary, path)
            return
        except OSError as error:
            if pause is None or error.errno not in _FOR_A_MOMENT:
                raise
            time.sleep(pause)


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:  # the error that led here says more
        pass


def _named(error: OSError, path: Path) -> OSError:
    """The same error, about the file that should have been written."""
    words = error.strerror or " ".join(str(error).split()) or type(error).__name__
    if error.errno is None:  # NumPy says only how many numbers it has written
        return OSError(errno.EIO, f"could not be written completely ({words}); is the disk full?", str(path))
    return OSError(error.errno, words, str(path))
