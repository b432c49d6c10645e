"""The number of threads that kernels use; and a limit of one thread for BLAS while a net is running.

The compiled kernels share one pool of threads.  NumPy's matrix product, from a BLAS library, has its own pool, whose
threads wait for each other by spinning.  Next to one other busy process on two cores, the many small products of a
training step then took sixteen times as long as on one thread; and the way in which a product is split over threads can
change its last bits.  So training, sampling and gradient checks limit BLAS to one thread while they run, and lift the
limit afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator

from ..checks import positive_int
from .registry import get_backend

_lock = threading.Lock()
_inside = 0  # number of active contexts, in all threads of the process
_controller = _limit = None


@contextlib.contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Context manager: within it, the matrix products of this process run on one thread.

    The limit applies to the whole process: the first context that is entered sets it and the last that is left lifts
    it, so that a training loop that ends does not change the bits of another.
    """
    global _controller, _inside, _limit
    with _lock:
        if _inside == 0:
            if _controller is None:  # finds the loaded BLAS libraries: a few milliseconds, once
                from threadpoolctl import ThreadpoolController

                _controller = ThreadpoolController()
            _limit = _controller.limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _limit is not None:
                _limit.restore_original_limits()


def on_one_blas_thread(function: Callable) -> Callable:
    """Decorator: call `function` within `blas_on_one_thread`."""

    @functools.wraps(function)
    def limited(*args, **kwargs):
        with blas_on_one_thread():
            return function(*args, **kwargs)

    return limited


def set_num_threads(n: int) -> None:
    """Let the compiled kernels use n threads from now on.  Results are the same to the bit for every n.

    Raises ValueError unless n is between 1 and the number of cores (or NUMBA_NUM_THREADS at the start of the process);
    RuntimeError for n > 1 with the NumPy twins, which run on one thread.
    """
    n = positive_int("set_num_threads", "n", n)
    if get_backend() == "numba":
        from .compiled.pool import set_num_threads as set_in_pool

        set_in_pool(n)
    elif n > 1:
        raise RuntimeError("set_num_threads: the NumPy twins run on one thread; pip install numba for more")


def get_num_threads() -> int:
    """The number of threads that kernels use."""
    if get_backend() != "numba":
        return 1
    from .compiled.pool import get_num_threads as get_in_pool

    return get_in_pool()
