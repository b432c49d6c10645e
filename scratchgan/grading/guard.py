"""What is different in the process of a graded notebook, besides `check`.  Used in the notebook's process.

- It has limits for memory, for the size of files, and for how much a cell may print.
- `exit()`, `os._exit()` and `os.abort()` do not end it, so that the answers before them, and after them, are graded.
- The solutions are not there: not as modules, and not as files.  Whoever looks for them is reported.

It is no sandbox.  It stops what happens by accident and reports what is commonly tried; who knows Python well enough
gets around it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
from typing import Any

KEPT = 20_000_000  # characters that a cell may print; what comes after them is dropped
MOST_PRINTED = 500_000_000  # after so many the cell is stopped
LARGEST_FILE = 2_000_000_000
MOST_NOTES = 100
MODULE = re.compile(r"scratchgan\.exercises\.(ch\d\d[a-z]?)\b")
#: files with solutions, and notebooks, which may be somebody else's
SOLUTION = re.compile(
    r"scratchgan[/\\]exercises[/\\](__pycache__[/\\])?ch\d\d[a-z]?\.[\w.-]+$|answers[/\\]ch\d\d[a-z]?\.py$"
    r"|solutions[/\\][^/\\]*\.ipynb$|source[/\\]\d\d[a-z]?_\w+\.py$"
)
COMMANDS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"}
MOVES = {"os.link", "os.symlink", "os.rename"}
REFUSED = "the solutions are not here while a notebook is graded"

_told: set[tuple[str, str]] = set()
_notes = -1


class TooMuchPrinted(BaseException):
    """A cell printed more than MOST_PRINTED characters."""


def report_to(path: str) -> None:
    """Append what happens to the file `path`, one JSON line each, for the grader to read."""
    global _notes
    _notes = os.open(path, os.O_WRONLY | os.O_APPEND)


def report(kind: str, what: str) -> None:
    """Tell the grader, once."""
    if (kind, what) not in _told and len(_told) < MOST_NOTES:
        _told.add((kind, what))
        with contextlib.suppress(OSError):
            os.write(_notes, (json.dumps([kind, what[:200]]) + "\n").encode())


def limit_memory(memory: int) -> None:
    """Limit the memory of this process, in bytes, and of each that it starts, where the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, most in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", LARGEST_FILE), ("RLIMIT_CORE", 0)):
        with contextlib.suppress(ValueError, OSError, AttributeError):  # a lower limit is set, or there is no such one
            resource.setrlimit(getattr(resource, name), (most, most))


def no_exit(shell: Any) -> None:
    """Let the notebook go on where it asks to end its process."""
    here, real = os.getpid(), os._exit
    process: Any = os

    def ask_exit() -> None:
        report("exit", "exit()")

    def leave(code: int = 0) -> None:
        if os.getpid() != here:  # a child process, which has to end like this
            real(code)
        report("exit", "os._exit()")
        raise SystemExit(code)

    shell.ask_exit = ask_exit
    process._exit = process.abort = leave


def limit_printing(shell: Any) -> None:
    """Drop what a cell prints or displays after KEPT characters, and stop it after MOST_PRINTED."""
    printed = 0

    def fits(size: int) -> bool:
        nonlocal printed
        printed += size
        if printed > KEPT:
            report("printed", f"more than {KEPT / 1e6:.0f} million characters: the rest was dropped")
        if printed > MOST_PRINTED and threading.current_thread() is threading.main_thread():
            raise TooMuchPrinted(f"more than {MOST_PRINTED / 1e6:.0f} million characters")
        return printed <= KEPT

    def limited(write: Any) -> Any:
        def limited_write(text: str, *args: Any, **options: Any) -> Any:
            if not isinstance(text, str) or fits(len(text)):
                return write(text, *args, **options)
            return len(text)

        return limited_write

    def start(*_: Any) -> None:
        nonlocal printed
        printed = 0
        for stream in (sys.stdout, sys.stderr):  # in each cell, since IPython replaces and restores their `write`
            if getattr(stream.write, "__name__", "") != "limited_write":
                stream.write = limited(stream.write)  # type: ignore[method-assign]

    publisher = shell.display_pub
    real = publisher.publish

    def publish(data: Any = None, *args: Any, **options: Any) -> None:
        if fits(sum(len(part) if isinstance(part, (str, bytes)) else 100 for part in dict(data or {}).values())):
            real(data, *args, **options)

    publisher.publish = publish
    shell.events.register("pre_run_cell", start)


def hide_solutions() -> None:
    """From now on the solutions can neither be imported nor read."""
    sys.meta_path.insert(0, _Hidden())
    sys.addaudithook(_audit)


class _Hidden:
    """Finds no module of solutions."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if MODULE.match(name):
            report("solutions", f"imports {name}")
            raise ModuleNotFoundError(f"{name}: {REFUSED}", name=name)


def _audit(event: str, details: tuple) -> None:
    if event == "open":
        path = details[0]
        if not isinstance(path, (str, bytes)):
            return
        name = os.path.realpath(os.fsdecode(path))
        if SOLUTION.search(name):
            report("solutions", f"opens {_short(name)}")
            raise PermissionError(f"{_short(name)}: {REFUSED}")
        if name.lower().endswith(".ipynb"):
            report("notebook", f"opens the notebook {_short(name)}")
    elif event in COMMANDS:
        words = " ".join(_words(details))
        if (found := MODULE.search(words) or SOLUTION.search(words)) or ".ipynb" in words or _python(words):
            report("solutions" if found else "command", f"starts a program: {words[:150]}")
    elif event in MOVES:
        if any(SOLUTION.search(os.path.realpath(word)) for word in _words(details[:2])):
            report("solutions", f"copies or moves {_short(next(iter(_words(details))))}")
            raise PermissionError(REFUSED)


def _python(words: str) -> bool:
    """Whether a command starts another Python, which has none of these limits; installing packages is usual."""
    return "python" in words.lower() and " pip " not in words and "-m pip" not in words


def _words(details: Any) -> list[str]:
    found: list[str] = []
    for part in details:
        if isinstance(part, (str, bytes, os.PathLike)):
            found.append(os.fsdecode(part))
        elif isinstance(part, (tuple, list)):
            found += _words(part)
    return found


def _short(path: str) -> str:
    return "/".join(re.split(r"[/\\]", path)[-2:])
