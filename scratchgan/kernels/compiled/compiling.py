"""How a function becomes machine code, and where that is kept.

Flags: of the ways to compute faster at the price of other roundings, those are named that keep NaN and infinity honest.
(The switch that allows all lets the compiler assume that there are none: a GAN that diverges would not be seen to.)

Numba keeps compiled code on disk, keyed by the file of the function that was compiled.  It does not see that a
function *called* by it, in another file, has changed, and would run the old one.  So the code is kept in a folder whose
name is a digest of all kernel sources: a changed line is another folder.

    SCRATCHGAN_KERNEL_CACHE=off          compile anew in every process
    SCRATCHGAN_KERNEL_CACHE=FOLDER       keep it there; otherwise in NUMBA_CACHE_DIR if that is set, or the user's cache
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
import warnings
from pathlib import Path

import numba
from numba import cfunc, njit

FLAGS = {"reassoc", "contract", "arcp", "nsz", "afn"}
VARIABLE = "SCRATCHGAN_KERNEL_CACHE"
_setting = threading.RLock()
_KEEP = 3  # versions of the kernels whose code is kept: the present one and the latest before it
_DAY = 24 * 3600


def jit(function=None, **options):
    """Decorator: Numba's njit, without the interpreter's lock, with this package's flags, kept on disk."""
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
    """`jit` for what only compiled functions call: nothing is made for calls from Python, which saves compile time."""
    return jit(function, no_cpython_wrapper=True)


class by_address:
    """Decorator: a function of numbers that is called by its address; compiled when that is first asked for.

    Who calls it needs no copy of its machine code, which is what most of the time to compile would go to.
    """

    def __init__(self, signature: str):
        self.signature, self._address, self._compiled = signature, None, None

    def __call__(self, function):
        """Decorate."""
        self.function, self.__name__, self.__doc__ = function, function.__name__, function.__doc__
        return self

    @property
    def address(self) -> int:
        """Where the compiled function stands in memory."""
        if self._address is None:
            with _kept() as keep:
                self._compiled = cfunc(self.signature, fastmath=FLAGS, error_model="numpy", cache=keep)(self.function)
            self._address = self._compiled.address
        return self._address


class _kept:
    """Lets Numba keep what is decorated within it in our folder; yields whether it shall."""

    def __enter__(self) -> bool:
        _setting.acquire()  # another Python thread may be compiling, too
        folder = cache_folder()
        self.before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, "" if folder is None else str(folder)
        return folder is not None

    def __exit__(self, *exc):
        numba.config.CACHE_DIR = self.before
        _setting.release()


@functools.cache
def cache_folder() -> Path | None:
    """Where compiled kernels are kept; None if that is switched off.

    Where the folder cannot be written to, a temporary one takes its place, with one warning.
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
    """Of this folder's sources, and of the versions that they are compiled with."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old(home: Path, present: Path) -> None:
    """Remove all but the latest versions; never one of the last day, which a running process may still be reading."""
    others = sorted((p for p in home.glob("kernels-*") if p != present), key=lambda p: p.stat().st_mtime)
    for old in others[: len(others) - _KEEP + 1]:
        if time.time() - old.stat().st_mtime > _DAY:
            shutil.rmtree(old, ignore_errors=True)
