"""Run a function on one thread: with a handful of weights, several threads would mostly wait for each other."""

from __future__ import annotations

import functools
from collections.abc import Callable

from ..kernels import get_num_threads, on_one_blas_thread, set_num_threads


def on_one_thread(function: Callable) -> Callable:
    """Decorator: call `function` with one thread for the kernels and BLAS, then restore the numbers of threads."""

    @functools.wraps(function)
    def alone(*args, **kwargs):
        before = get_num_threads()
        set_num_threads(1)
        try:
            return function(*args, **kwargs)
        finally:
            set_num_threads(before)

    return on_one_blas_thread(alone)
