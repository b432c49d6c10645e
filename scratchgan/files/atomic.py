"""A file is there whole or not at all: write beside it, flush to disk, then rename over it.

A run that is killed while it saves must leave the file that was there before.  `os.replace` is atomic only inside one
file system, so the temporary file lives in the same folder; the fsync before it keeps a crash from leaving an empty
file under the final name.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Give a binary file to write to; when the block ends without an error, the file becomes `path`.

    After an error (Ctrl-C included) the temporary file is gone and `path` is as it was.

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
    """Write `text` to `path` as UTF-8, whole or not at all.  Raises OSError as `replacing` does."""
    with replacing(path) as file:
        file.write(text.encode())
