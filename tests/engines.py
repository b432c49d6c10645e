"""What the tests of the compiled engines share. A file that imports this one is skipped where Numba is missing."""

import contextlib
import os

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgan import kernels  # noqa: E402
from scratchgan.kernels.compiled import pool  # noqa: E402

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
MOST = 2  # threads
#: cores of this process: two threads have the same bits on one, but they cannot be timed
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
# The threads are the package's own, and two of them need no more of Numba than one: a test that compares one thread
# with two does so in a process that was started with NUMBA_NUM_THREADS=1, too.  The default number stays.
numba.config.NUMBA_NUM_THREADS = max(MOST, numba.config.NUMBA_NUM_THREADS)
TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-12}


@contextlib.contextmanager
def threads(n):
    """On n threads, then on as many as before."""
    before = pool.get_num_threads()
    pool.set_num_threads(n)
    try:
        yield
    finally:
        pool.set_num_threads(before)


def close(a, b):
    """Of the same shape and dtype, and equal to rounding, relative to the largest number of b."""
    a, b = np.asarray(a), np.asarray(b)
    assert (a.shape, a.dtype) == (b.shape, b.dtype)
    if a.dtype in TOLERANCE and a.size:
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[a.dtype] * np.nanmax(np.abs(b), initial=0) + 1e-30)
    else:
        np.testing.assert_array_equal(a, b)


def _flat(result):
    return list(result) if isinstance(result, tuple) else [result]


def compare(name, *args, **kwargs):
    """The engine equals the twin, and itself on one thread, bit for bit; returns the engine's result."""
    k = kernels.KERNELS[name]
    expected, made = k.twin(*args, **kwargs), k.engines["numba"](*args, **kwargs)
    for a, b in zip(_flat(made), _flat(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        finite = np.isfinite(b)
        np.testing.assert_array_equal(np.isfinite(a), finite)
        largest = np.abs(b[finite]).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=0, atol=largest * (1e-12 if b.dtype == np.float64 else 1e-5))
    for n in {1, MOST}:
        with threads(n):
            again = k.engines["numba"](*args, **kwargs)
        for a, b in zip(_flat(made), _flat(again), strict=True):
            assert a.tobytes() == b.tobytes()
    return made
