"""The table of kernels: each is declared by its NumPy twin, and may have a compiled engine as well.

    @kernel
    def matmul(a, b): ...          # the twin: the code to read, and to test every engine against

    @matmul.engine("numba")        # optional, the same signature
    def _(a, b): ...

`KERNELS` lists them all by name, so that tests and benchmarks run over the table.  A kernel without an engine for the
chosen backend runs its twin.  By default the backend is "numba" if Numba is installed, otherwise "numpy"; the
environment variable SCRATCHGAN_BACKEND chooses it for a whole process.  Numba is imported on the first call of any
kernel, and each kernel is compiled on its own first call.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable
from typing import Any

BACKENDS = ("numpy", "numba")
KERNELS: dict[str, Kernel] = {}
VARIABLE = "SCRATCHGAN_BACKEND"
_backend: str | None = None  # not chosen yet


class BackendError(ImportError, RuntimeError):
    """The chosen backend cannot be used."""


class Kernel:
    """A function with a NumPy twin and, optionally, engines for other backends.  Call it like the function."""

    def __init__(self, twin: Callable):
        self.twin = twin
        self.engines: dict[str, Callable] = {"numpy": twin}
        self.name = twin.__name__
        functools.update_wrapper(self, twin)

    def __call__(self, *args, **kwargs):
        """Run the chosen backend's engine, or the twin if it has none."""
        if _backend is None:
            get_backend()
        return self.engines.get(_backend or "", self.twin)(*args, **kwargs)

    def engine(self, backend: str) -> Callable:
        """Decorator: register an implementation of this kernel for `backend`."""
        if backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")

        def register(function: Callable) -> Callable:
            self.engines[backend] = function
            return function

        return register

    def __repr__(self) -> str:
        return f"<kernel {self.name}: {', '.join(self.engines)}>"


def kernel(twin: Callable) -> Kernel:
    """Decorator: declare a kernel by its NumPy twin."""
    if twin.__name__ in KERNELS:
        raise ValueError(f"there is already a kernel called {twin.__name__}")
    KERNELS[twin.__name__] = made = Kernel(twin)
    return made


def get_backend() -> str:
    """The backend that kernels run on: "numpy" or "numba".

    The first call chooses it.  If Numba is installed but cannot be used, that is the twins, with a warning.
    Raises as `set_backend` does, if SCRATCHGAN_BACKEND asks for a backend.
    """
    if _backend is None:
        asked = os.environ.get(VARIABLE, "")
        try:
            set_backend(asked or ("numba" if _found("numba") else "numpy"))
        except BackendError as error:
            if asked:
                raise
            warnings.warn(f"the NumPy twins run, which are much slower: {error}", RuntimeWarning, stacklevel=3)
            set_backend("numpy")
    return _backend or "numpy"


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # sys.modules has None for it, which hides the module
        return False


def set_backend(name: str) -> None:
    """Choose the backend: "numpy" (the readable twins) or "numba" (compiled).

    Raises ValueError for an unknown name, BackendError if Numba cannot be imported or does not compile.
    """
    global _backend
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {name!r}")
    if name == "numba":
        _check_numba()
        importlib.import_module("..compiled", __name__)
    _backend = name


def _check_numba() -> None:
    stays = f"or set {VARIABLE}=numpy; the backend stays {_backend or 'numpy'!r}"
    try:
        numba: Any = importlib.import_module("numba")
    except ImportError as error:  # not installed, or not for this version of NumPy
        reason = " ".join(f"{error}".split())
        raise BackendError(f"the backend 'numba' needs Numba: pip install numba   ({reason}); {stays}") from None
    except Exception as error:  # one of its settings
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise BackendError(f"Numba cannot be imported: correct NUMBA_... ({reason}), {stays}") from None
    if numba.config.DISABLE_JIT:
        raise BackendError(f"the backend 'numba' needs Numba's compiler: unset NUMBA_DISABLE_JIT, {stays}")
