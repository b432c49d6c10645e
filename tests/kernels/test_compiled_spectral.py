"""The compiled power iteration: equal to its twin, and it finds the largest singular value."""

import numpy as np
import pytest
from engines import DTYPES, compare

from scratchgan import kernels
from scratchgan.kernels.compiled import spectral

pytestmark = pytest.mark.usefixtures("no_size_is_too_small")


@DTYPES
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (300, 1), (1, 33), (97, 130), (2000, 19)], ids=str)
@pytest.mark.parametrize("iterations", [1, 3])
def test_power_iteration(shape, iterations, dtype, rng):
    Wm = rng.standard_normal(shape).astype(dtype)
    u = rng.standard_normal(shape[0]).astype(dtype)
    before = u.copy()
    compare("power_iteration", Wm, u, iterations=iterations)
    compare("power_iteration", np.asfortranarray(Wm)[::-1], u[::-1], iterations=iterations)
    np.testing.assert_array_equal(u, before)
    Wm[0, 0] = np.nan
    compare("power_iteration", Wm, u, iterations=iterations)


@DTYPES
def test_power_iteration_without_a_direction(dtype):
    u, v, sigma = compare("power_iteration", np.zeros((70, 80), dtype), np.ones(70, dtype), iterations=2)
    assert sigma == 0
    assert not u.any()
    assert not v.any()


def test_power_iteration_finds_the_largest_singular_value(rng, monkeypatch):
    monkeypatch.setattr(spectral, "GRAIN", 1 << 14)  # one task: 1000 barriers would take long
    Wm = rng.standard_normal((90, 60))
    _, _, sigma = kernels.power_iteration.engines["numba"](Wm, np.ones(90), iterations=500)
    assert sigma == pytest.approx(np.linalg.norm(Wm, 2), rel=1e-9)
