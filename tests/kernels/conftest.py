"""What the tests of the kernels may use."""

import pytest


@pytest.fixture
def no_size_is_too_small(monkeypatch):
    """Small arrays are compiled code's too, and cut into several tasks."""
    from scratchgan.kernels.compiled import batched, group_means, resampling, spectral

    for module in (batched, group_means, resampling, spectral):
        monkeypatch.setattr(module, "SMALL", 1)
        if hasattr(module, "GRAIN"):
            monkeypatch.setattr(module, "GRAIN", 64)
