"""One thread for BLAS while a net is at work.

NumPy's matrix product has a pool of threads of its own, which wait for each other by spinning.  Next to one other busy
process on two cores, the many small products of a training step then took sixteen times as long as on one thread; and
how a product is split over threads can change its last bits.  So training, sampling and gradient checks ask for one
thread while they run, and give the rest back.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

_controller = None


def blas_on_one_thread():
    """Context manager: within it, the matrix products of this process run on one thread."""
    global _controller
    if _controller is None:                       # finds the loaded BLAS libraries: a few milliseconds, once
        from threadpoolctl import ThreadpoolController

        _controller = ThreadpoolController()
    return _controller.limit(limits=1, user_api="blas")


def on_one_blas_thread(function: Callable) -> Callable:
    """Decorator: call `function` within `blas_on_one_thread`."""

    @functools.wraps(function)
    def limited(*args, **kwargs):
        with blas_on_one_thread():
            return function(*args, **kwargs)

    return limited
