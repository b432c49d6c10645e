"""How a function becomes machine code, and where that code is kept on disk.

Flags: LLVM can compute faster if it may round differently.  FLAGS allows the transformations that leave NaN and
infinity correct.  (Numba's switch for all transformations also lets the compiler assume that no number is NaN, and then
a diverging GAN would go unnoticed.)

Numba keeps compiled code on disk and checks whether the file of the compiled function has changed.  It does not notice
when a function that it *calls*, in another file, has changed, and would go on running the old one.  So the code is kept
in a folder whose name is a digest of all source files in this folder: when any line changes, a new folder is used.

A file of the cache may be damaged, or out of reach.  Each carries its own digest, since one wrong bit of machine code
could crash the process; what cannot be read is compiled again and replaced, and what cannot be written is only used.

    SCRATCHGAN_KERNEL_CACHE=off          compile again in every process
    SCRATCHGAN_KERNEL_CACHE=FOLDER       keep the code in FOLDER; default: NUMBA_CACHE_DIR, or the user's cache folder
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import io
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
from numba import njit
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

FLAGS = {"reassoc", "contract", "arcp", "nsz", "afn"}
VARIABLE = "SCRATCHGAN_KERNEL_CACHE"
INNER: list[Any] = []  # the functions that `inner` has made
ROOTS: list[by_address] = []  # the functions that are called by their address
_setting = threading.RLock()
_complained = False
_DIGEST = hashlib.sha256().digest_size
_KEEP = 3  # versions of the kernels whose code is kept: the present one and the two before it
_DAY = 24 * 3600


def jit(function=None, **options):
    """Decorator: Numba's njit with this package's flags, without the interpreter's lock, kept on disk."""
    if function is None:
        return functools.partial(jit, **options)
    cache = options.pop("cache", True)
    made = njit(
        **{"fastmath": FLAGS, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options},
    )(function)
    return _kept(made, function) if cache else made


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
            options = {"fastmath": FLAGS, "error_model": "numpy"}
            made = CFunc(self.function, normalize_signature(self.signature), locals={}, options=options)
            self._compiled = _kept(made, self.function)  # Numba's decorator, cfunc, would compile at once
            self._compiled.compile()
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


def _kept(made: Any, function: types.FunctionType) -> Any:
    """Let the code of a function that Numba has decorated be kept in our folder, if there is one; return it."""
    with _setting:  # another Python thread may be here at the same time
        if (folder := cache_folder()) is not None:
            before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
            try:
                made._cache = _Cache(function)
            except (OSError, RuntimeError) as error:  # the folder has been removed, or is full
                _complain(error)
            finally:
                numba.config.CACHE_DIR = before
    return made


class _Cache(FunctionCache):
    """Numba's cache for one function; a file that cannot be used costs time, and nothing else."""

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())

    def load_overload(self, sig, target_context):
        """The compiled function, or None if it has to be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever Numba and LLVM make of a damaged file
            _complain(error)
            return None

    def save_overload(self, sig, data):
        """Keep the compiled function, if that is possible."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _complain(error)


class _Files(IndexDataCacheFile):
    """An index and its data files, each with a digest of its contents at the end, where Numba ignores it."""

    def _load_index(self):
        try:
            _check(self._index_path)
            return super()._load_index()
        except FileNotFoundError:
            return {}
        except Exception as error:
            _complain(error)
            return {}

    def _load_data(self, name):
        _check(self._data_path(name))
        return super()._load_data(name)

    @contextlib.contextmanager
    def _open_for_write(self, filepath):
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def _check(path: str) -> None:
    content = Path(path).read_bytes()
    if hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise ValueError(f"{path} is damaged")


def _complain(error: Exception) -> None:
    """Warn once in each process: one line, however many files are damaged."""
    global _complained
    if not _complained:
        _complained = True
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        warnings.warn(
            f"compiled kernels could not be kept or used ({' '.join(text.split())}); they are compiled again.  If this "
            f"goes on, remove {cache_folder()}, or set {VARIABLE} to another folder",
            RuntimeWarning,
            stacklevel=3,
        )


@functools.cache
def cache_folder() -> Path | None:
    """The folder for compiled kernels; None if the cache is switched off.

    If the folder cannot be written to, a temporary one is used instead, with one warning.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked.lower() in ("off", "0", "no", "none"):
        return None
    home = Path("the user's cache folder")
    try:
        home = Path(asked or os.environ.get("NUMBA_CACHE_DIR", "") or _user_cache() / "scratchgan")
        folder = home / f"kernels-{_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"a full disk makes files, but has no room for what is in them")
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        place, reason = _temporary(), (isinstance(error, OSError) and error.strerror) or error
        warnings.warn(
            f"compiled kernels cannot be kept in {home} ({reason}); they {'are not kept' if place is None else 'go to'}"
            f"{'' if place is None else f' {place}'} and are compiled again next time.  Set {VARIABLE} to a folder "
            "that you may write to",
            RuntimeWarning,
            stacklevel=2,
        )
        return place
    _forget_old(home, folder)
    return folder


def _temporary() -> Path | None:
    try:
        folder = Path(tempfile.mkdtemp(prefix="scratchgan-kernels-"))
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
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
    with contextlib.suppress(OSError):  # another process may be removing the same ones
        others = sorted((p for p in home.glob("kernels-*") if p != present), key=lambda p: p.stat().st_mtime)
        for old in others[: len(others) - _KEEP + 1]:
            if time.time() - old.stat().st_mtime > _DAY:
                shutil.rmtree(old, ignore_errors=True)
