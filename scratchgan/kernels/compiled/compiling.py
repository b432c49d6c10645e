"""How a function becomes machine code, and where that code is kept on disk.

Flags: LLVM can compute faster if it may round differently.  FLAGS allows the transformations that leave NaN and
infinity correct.  (Numba's switch for all transformations also lets the compiler assume that no number is NaN, and then
a diverging GAN would go unnoticed.)

Numba keeps compiled code on disk and checks whether the file of the compiled function has changed.  It does not notice
when a function that it *calls*, in another file, has changed, and would go on running the old one.  So the code is kept
in a folder whose name is a digest of all source files in this folder: when any line changes, a new folder is used.

    SCRATCHGAN_KERNEL_CACHE=off          compile again in every process
    SCRATCHGAN_KERNEL_CACHE=FOLDER       keep the code in FOLDER; default: NUMBA_CACHE_DIR, or the user's cache folder
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
import types
import warnings
from pathlib import Path
from typing import Any

import numba
from numba import cfunc, njit

FLAGS = {"reassoc", "contract", "arcp", "nsz", "afn"}
VARIABLE = "SCRATCHGAN_KERNEL_CACHE"
INNER: list[Any] = []  # the functions that `inner` has made
ROOTS: list[by_address] = []  # the functions that are called by their address
_setting = threading.RLock()
_KEEP = 3  # versions of the kernels whose code is kept: the present one and the two before it
_DAY = 24 * 3600


def jit(function=None, **options):
    """Decorator: Numba's njit with this package's flags, without the interpreter's lock, kept on disk."""
    if function is None:
        return functools.partial(jit, **options)
    with _kept() as keep:
        return njit(
            **{
                "fastmath": FLAGS,
                "nogil": True,
                "error_model": "numpy",
                "cache": keep,
                "no_cfunc_wrapper": True,
                **options,
            }
        )(function)


def inner(function):
    """Decorator: a function that only compiled code calls; its code becomes a part of each caller's.

    The machine code of a caller is then the same, whatever else has been compiled or loaded before in this process.  (A
    function that is called has code of its own, besides the copy that is optimised together with its caller, and which
    of the two a call reaches is decided when the code is loaded.  The two can differ in the last bits.)
    """
    INNER.append(jit(function, no_cpython_wrapper=True, forceinline=True, cache=False))
    return INNER[-1]


class by_address:
    """Decorator: a function of numbers that is called through its address, and compiled when `address` is first read.

    Its callers then contain no copy of its machine code.  Compiling those copies would take most of the time.
    """

    def __init__(self, signature: str):
        self.signature = signature
        self._address: int | None = None
        self._compiled: Any = None

    def __call__(self, function):
        """Decorate."""
        self.function, self.__name__, self.__doc__ = function, function.__name__, function.__doc__
        ROOTS.append(self)
        return self

    @property
    def address(self) -> int:
        """Where the compiled function is in memory."""
        if self._address is None:
            with _kept() as keep:
                self._compiled = cfunc(self.signature, fastmath=FLAGS, error_model="numpy", cache=keep)(self.function)
            self._address = int(self._compiled.address)
        return self._address


def by_address_for_floats(signature: str):
    """Decorator: the function for float32 and for float64, whose names replace {} in the signature.

    Makes a dictionary {bytes of a number: `by_address` function}.
    """

    def decorate(function):
        made = {}
        for size, number in ((4, "float32"), (8, "float64")):
            name = f"{function.__name__}_{number}"  # the cache tells functions apart by file, name and line
            copy = types.FunctionType(function.__code__, function.__globals__, name)
            copy.__qualname__, copy.__doc__ = name, function.__doc__
            made[size] = by_address(signature.format(number))(copy)
        return made

    return decorate


class _kept:
    """Context manager: functions decorated inside it are cached in our folder; its value says whether there is one."""

    def __enter__(self) -> bool:
        _setting.acquire()  # another Python thread may be compiling at the same time
        folder = cache_folder()
        self.before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, "" if folder is None else str(folder)
        return folder is not None

    def __exit__(self, *exc):
        numba.config.CACHE_DIR = self.before
        _setting.release()


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled kernels; None if the cache is switched off.

    If the folder cannot be written to, a temporary one is used instead, with one warning.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.lower() in ("off", "0", "no", "none"):
        return None
    home = Path(asked or os.environ.get("NUMBA_CACHE_DIR", "") or _user_cache() / "scratchgan")
    folder = home / f"kernels-{_digest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="scratchgan-kernels-"))
        warnings.warn(
            f"compiled kernels cannot be kept in {home} ({error.strerror}); they go to {folder} and are "
            f"compiled again next time.  Set {VARIABLE} to a folder that you may write to",
            RuntimeWarning,
            stacklevel=2,
        )
        return folder
    _forget_old(home, folder)
    return folder


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache")


def _digest() -> str:
    """Digest of this folder's sources and of the versions that compile them."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(home: Path, present: Path) -> None:
    """Remove old versions, but never one used in the last day: a running process may still be reading it."""
    others = sorted((p for p in home.glob("kernels-*") if p != present), key=lambda p: p.stat().st_mtime)
    for old in others[: len(others) - _KEEP + 1]:
        if time.time() - old.stat().st_mtime > _DAY:
            shutil.rmtree(old, ignore_errors=True)
