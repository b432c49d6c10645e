"""Text on consoles: whatever the console is, writing to it does not end a program that has other work to do.

A console may not have the letters of a name (ASCII, or an old code page), it may not exist (a program without a window,
`2>&-`), and its reader may go away (`| head`).  Then letters become escapes, and what nobody can read is dropped: a
training run goes on to its end, and what it writes into files is complete.

`progress_bar` is for programs that use the package without its command line, which `console` does not protect.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from typing import Any

#: what an error message adds to the system's words, so that it says what to do
WAYS_OUT = {
    errno.ENOSPC: "free some space on this disk, or write to another one",
    errno.EDQUOT: "your quota is used up: remove some files, or write to another disk",
    errno.EFBIG: "the system limits the size of files here: raise the limit, or write to another disk",
    errno.EROFS: "choose a folder that you may write to",
    errno.EACCES: "check its permissions, or choose another place",
    errno.EPERM: "check its permissions, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
}
#: the output was meant to be kept, and is not complete
_LOST = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Output:
    """A text stream around another one, or around None, that never raises.

    `error` is the first error of the other stream; after it, nothing more is written.
    """

    def __init__(self, stream: Any):
        self.stream = stream
        self.error: Exception | None = None if stream is not None else ValueError("there is no stream")

    @property
    def lost(self) -> str:
        """Why text that was to be kept, for example in a file, is not complete; "" if it is, or if nobody reads it."""
        error = self.error
        return explain(error) if isinstance(error, OSError) and error.errno in _LOST else ""

    def write(self, text: str) -> int:
        """Write text; letters that the stream's encoding lacks become escapes, such as \\xe9."""
        if self.error is None:
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                name = getattr(self.stream, "encoding", None) or "ascii"
                self._try("write", text.encode(name, "backslashreplace").decode(name))
            except (OSError, ValueError) as error:  # ValueError: the stream has been closed
                self.error = error
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._try("flush")

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        try:
            return self.error is None and bool(self.stream.isatty())
        except (AttributeError, OSError, ValueError):
            return False

    def _try(self, method: str, *arguments: str) -> None:
        if self.error is None:
            try:
                getattr(self.stream, method)(*arguments)
            except (OSError, ValueError) as error:
                self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def console() -> Iterator[tuple[Output, Output]]:
    """Within the block, sys.stdout and sys.stderr never raise, and a warning is one line; gives both of them."""

    def as_one_line(message, *where, **more):
        from .arrays import one_line

        return f"scratchgan: warning: {one_line(str(message))}\n"

    _fill_closed()
    before, form = (sys.stdout, sys.stderr), warnings.formatwarning
    outputs = Output(before[0]), Output(before[1])
    sys.stdout, sys.stderr = outputs  # they have what print, tqdm and logging use
    warnings.formatwarning = as_one_line
    try:
        yield outputs
    finally:
        (sys.stdout, sys.stderr), warnings.formatwarning = before, form
        outputs[0].flush()
        if outputs[0].lost:  # the reader of a pipe may go away, but a file must be complete
            outputs[1].write(f"scratchgan: error: the output is not complete: {outputs[0].lost}\n")
        outputs[1].flush()
        for output in outputs:
            if output.error is not None:
                _drop_the_rest(output.stream)


def explain(error: BaseException) -> str:
    """An error as one line: what was wrong, with the file's name, and for the usual faults of machines what to do."""
    from .arrays import one_line  # here, since NumPy would be imported for `scratchgan --help` as well

    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:  # "[Errno 13] Permission denied: 'x'" -> "x: Permission denied"
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if error.strerror == os.strerror(error.errno or 0) and error.errno in WAYS_OUT:
            text += f"; {WAYS_OUT[error.errno]}"
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {text}"
    elif isinstance(error, UnicodeEncodeError):
        text = f'"{error.object}": {error.encoding} has no character for {error.object[error.start]!r}; rename it'
    return one_line(" ".join(text.split()), 10_000)


def argument(path: object) -> str:
    """A path as it is written on a command line: in quotes if there are blanks or signs in it."""
    text = str(path)
    if sys.platform == "win32":
        return f'"{text}"' if set(text) & set(" &()^;,") else text
    return shlex.quote(text)


def progress_bar(iterable: Any = None, **options: Any) -> Any:
    """A tqdm progress bar on stderr, or one that shows nothing if there is no stderr.

    Takes the arguments of `tqdm`.
    """
    from tqdm import tqdm

    return tqdm(iterable, **{"file": sys.stderr if isinstance(sys.stderr, Output) else Output(sys.stderr), **options})


def _fill_closed() -> None:
    """Open what a shell's `>&-` has closed, or the next file that is opened gets its number, and other programs' text."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                while os.open(os.devnull, os.O_RDWR) < number:
                    pass


def _drop_the_rest(stream: Any) -> None:
    """Keep Python from an error at its end, when it writes what is left in the buffer of a broken stream."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
