"""The compiled product of batches of matrices: equal to its twin."""

import itertools

import numpy as np
import pytest
from engines import DTYPES, compare

from scratchgan import kernels

pytestmark = pytest.mark.usefixtures("no_size_is_too_small")


@DTYPES
@pytest.mark.parametrize(
    "sizes",
    [
        (3, 7, 5, 9),
        (2, 1, 1, 1),
        (5, 1, 40, 3),
        (2, 70, 600, 37),
        (3, 16, 4, 64),
        (1, 9, 8, 7),
        (1, 9, 8, 1),
        (130, 2, 3, 33),
    ],
    ids=str,
)
def test_batch_matmul(sizes, dtype, rng):
    N, I, K, J = sizes
    a, b = rng.standard_normal((N, I, K)).astype(dtype), rng.standard_normal((N, K, J)).astype(dtype)
    for ta, tb in itertools.product((False, True), repeat=2):
        views = (a.swapaxes(1, 2) if ta else a, b.swapaxes(1, 2) if tb else b)
        how = {"transpose_a": ta, "transpose_b": tb}
        compare("batch_matmul", *views, **how)  # not contiguous
        compare("batch_matmul", *map(np.ascontiguousarray, views), **how)
    if K > 1 and N > 1:
        a[1, 0, 1] = np.nan
        compare("batch_matmul", a, b)


def test_batch_matmul_beside_the_rule(rng):
    for N, I, K, J in [(0, 2, 3, 4), (2, 0, 3, 4), (2, 3, 0, 4), (2, 3, 4, 0)]:
        compare("batch_matmul", np.ones((N, I, K)), np.ones((N, K, J)))
    compare("batch_matmul", np.ones((1, 3, 4)), np.ones((5, 4, 3)))  # NumPy's broadcasting
    compare("batch_matmul", np.ones((2, 3, 4)), np.ones((2, 4, 3), np.float32))
    for a, b in [((2, 3, 4), (2, 5, 6)), ((1, 3, 4), (1, 5, 6)), ((2, 3, 4), (3, 4, 6))]:
        with pytest.raises(ValueError):
            kernels.batch_matmul.engines["numba"](np.ones(a), np.ones(b))
