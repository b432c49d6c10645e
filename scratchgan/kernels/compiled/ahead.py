"""A second process that compiles kernels into the cache, while the first one compiles what it needs first.

Compiling all kernels of a DCGAN takes longer than anything else in the first run on a machine.  Threads would not help,
because Numba compiles one function at a time.  So if the cache is empty, `start` runs this file as a program, which
compiles the kernels in the opposite order: those first that a training step needs last.  Each process looks in the
cache before it compiles a function, and Numba writes files aside and renames them, so neither sees half a file.  Both
make the same machine code (see `compiling.inner`); if both happen to compile the same function, one file replaces an
equal one.

    SCRATCHGAN_KERNELS_AHEAD=0    no second process
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

from .compiling import ROOTS, cache_folder

VARIABLE = "SCRATCHGAN_KERNELS_AHEAD"
#: the file that the second process holds in an empty cache, so that there is only one
LOCK = "compiling.lock"
#: what a training step of a DCGAN needs, from the last to the first
ORDER = (
    "recording._add",
    "recording._fill",
    "updates._adam_piece",
    "conv_weight_grad._weight_grad",
    "winograd_grad._taps",
    "winograd_grad._points",
    "conv_weight_grad._pack_dy",
    "elementwise._add_up",
    "elementwise._sums",
    "tile.panel",
    "thin._column_transposed",
    "thin._outer",
    "batchnorm._input_grad",
    "batchnorm._gradient_sums",
    "elementwise._leaky_grad",
    "conv_scatter._scatter",
    "thin._column",
    "conv_gather._gather",
    "conv_gather._pack_taps",
    "winograd._tiles",
    "winograd._weights",
    "batchnorm._normalise",
    "batchnorm._moments",
    "batchnorm._widen",
    "gemm._block",
    "gemm._pack",
    "gemm.pack",
    "tile.rows",
    "tile.rows_narrow",
    "tile.panel_narrow",
)


@functools.cache
def start() -> bool:
    """Return whether nothing has been compiled yet on this machine; if so, begin to compile in a second process.

    Only the first call looks.  There is no second process on a single core, or without a cache.
    """
    folder = cache_folder()
    if folder is not None and _any_file(folder, "*.nbi"):
        return False
    if folder is not None and (os.cpu_count() or 1) > 1 and os.environ.get(VARIABLE, "") != "0" and sys.executable:
        _run_in_second_process(folder)
    return True


def _any_file(folder: Path, pattern: str) -> bool:
    try:
        return any(folder.rglob(pattern))
    except OSError:  # a part of the folder cannot be read
        return False


def _run_in_second_process(folder: Path) -> None:
    try:
        os.close(os.open(folder / LOCK, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except OSError:  # another process has begun, or the folder cannot be written to
        return
    settings = {**os.environ, VARIABLE: "0", "NUMBA_NUM_THREADS": "1"}
    program = [sys.executable, "-m", __name__, str(os.getpid())]
    nowhere = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            program, env=settings, cwd=Path(__file__).parents[3], stdin=nowhere, stdout=nowhere, stderr=nowhere
        )
        threading.Thread(target=process.wait, daemon=True).start()  # or it would stay in the system's list at its end
    except OSError:  # for example, no more processes allowed: the first process compiles everything
        (folder / LOCK).unlink(missing_ok=True)


def names() -> dict[str, list]:
    """{"file.function": its roots}: one for float32 numbers and for each function that does not depend on the type."""
    found: dict[str, list] = {}
    for root in ROOTS:
        module = root.function.__module__
        if module.startswith(f"{__package__}.") and not root.__name__.endswith("_float64"):
            name = root.__name__.removesuffix("_float32")
            found.setdefault(f"{module.removeprefix(f'{__package__}.')}.{name}", []).append(root)
    return found


def compile_all(parent: int) -> None:
    """Compile what ORDER lists, as long as the process `parent` is there to need it."""
    roots = names()
    for name in ORDER:
        for root in roots[name]:
            if os.getppid() != parent:
                return
            root.address  # noqa: B018 - compiles


if __name__ == "__main__":  # by then Python has imported this file's package, whose files have filled ROOTS
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the first process; this one follows it
    try:
        compile_all(int(sys.argv[1]))
    finally:
        (cache_folder() / LOCK).unlink(missing_ok=True)  # type: ignore[operator]  # there is a folder, or no process
