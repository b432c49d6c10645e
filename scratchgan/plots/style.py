"""Figures look the same on every machine, and drawing them changes nothing for the user's own figures.

matplotlib's settings are global: a file matplotlibrc, environment variables and earlier lines of a program set them.
Within `own_style` they are matplotlib's defaults, and afterwards what they were before.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: settings that do not change a picture: which windows there are, and what programs do with them
NOT_OURS = ("backend", "interactive", "toolbar", "webagg", "tk.", "figure.max_open", "figure.raise", "date.epoch")
_lock = threading.RLock()  # the settings are global, so only one thread at a time may have ours


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Within the block, matplotlib's settings are its defaults; the user's are restored afterwards."""
    with _lock:
        _import()
        import matplotlib

        present, usual = matplotlib.rcParams, matplotlib.rcParamsDefault
        before = {  # dict's own methods: RcParams would choose a backend now, and warn about settings that are obsolete
            key: dict.__getitem__(present, key)
            for key in dict.keys(usual)
            if not key.startswith(NOT_OURS) and dict.__getitem__(present, key) != dict.__getitem__(usual, key)
        }
        dict.update(present, {key: dict.__getitem__(usual, key) for key in before})
        try:
            yield
        finally:
            dict.update(present, before)


def drawing(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: call a function that draws within `own_style`."""

    @functools.wraps(function)
    def in_own_style(*args: P.args, **kwargs: P.kwargs) -> T:
        with own_style():
            return function(*args, **kwargs)

    return in_own_style


def _import() -> None:
    """Import matplotlib, whatever MPLBACKEND says; and without its words on home folders and settings files."""
    if "matplotlib.backends.backend_agg" in sys.modules:
        return
    first = "matplotlib" not in sys.modules
    backend = os.environ.pop("MPLBACKEND", None) if first else None
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import matplotlib
        import matplotlib.backends.backend_agg
        import matplotlib.figure
    except (OSError, ValueError) as error:
        raise ImportError(f"matplotlib cannot be imported ({error}); is there a damaged file matplotlibrc?") from None
    finally:
        logger.setLevel(level)
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with contextlib.suppress(ValueError):  # a backend of another environment, or a mistake
            matplotlib.rcParams["backend"] = backend
