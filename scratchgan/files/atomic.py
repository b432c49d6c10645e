"""Atomic writing: write to a temporary file in the same folder, flush it to disk, then rename it.

A run that is killed while it saves must leave the previous file intact.  `os.replace` is atomic only within one file
system, so the temporary file is in the same folder; the fsync before it prevents an empty file under the final name
after a crash of the system.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary binary file for writing; when the block ends without an error, it replaces `path`.

    After an error (Ctrl-C included) the temporary file is removed and `path` is unchanged.

    Raises OSError if the folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, completely or not at all.  Raises OSError as `replacing` does."""
    with replacing(path) as file:
        file.write(text.encode())
