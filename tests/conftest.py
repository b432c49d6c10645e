"""What every test may use."""

import numpy as np
import pytest

import scratchgan
from scratchgan import kernels


@pytest.fixture
def rng():
    """A fresh generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def one_thread():
    """Small nets on one thread: of two, each would mostly wait for the other on a busy machine."""
    before = scratchgan.get_num_threads()
    scratchgan.set_num_threads(1)
    yield
    scratchgan.set_num_threads(before)


@pytest.fixture
def on_numba():
    """The Numba engines, on any number of threads that the test sets."""
    from scratchgan.kernels.compiled import pool

    backend, n = kernels.get_backend(), pool.get_num_threads()
    kernels.set_backend("numba")
    yield
    kernels.set_backend(backend)
    pool.set_num_threads(n)
