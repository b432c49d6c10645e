"""Settings of the compiled engines for a test, and then what was before."""

import pytest

from scratchgan import kernels


@pytest.fixture
def on_numba():
    """The Numba engines, on any number of threads that the test sets."""
    from scratchgan.kernels.compiled import pool

    backend, n = kernels.get_backend(), pool.get_num_threads()
    kernels.set_backend("numba")
    yield
    kernels.set_backend(backend)
    pool.set_num_threads(n)


@pytest.fixture
def no_size_is_too_small(monkeypatch):
    """Small arrays are compiled code's too, and cut into several tasks."""
    from scratchgan.kernels.compiled import batched, group_means, resampling, spectral

    for module in (batched, group_means, resampling, spectral):
        monkeypatch.setattr(module, "SMALL", 1)
        if hasattr(module, "GRAIN"):
            monkeypatch.setattr(module, "GRAIN", 64)
