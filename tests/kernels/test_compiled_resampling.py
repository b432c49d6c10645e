"""The compiled pooling and upsampling: equal to their twins, also where images are odd, empty or not finite."""

import numpy as np
import pytest
from engines import DTYPES, compare

from scratchgan import kernels

pytestmark = pytest.mark.usefixtures("no_size_is_too_small")
IMAGES = [
    (3, 11, 6, 1, 2),
    (2, 10, 9, 33, 2),
    (1, 7, 10, 3, 3),
    (5, 4, 4, 2, 1),
    (2, 5, 9, 6, 4),
    (1, 2, 2, 1, 2),
    (70, 12, 12, 16, 2),
]
images = pytest.mark.parametrize("shape", IMAGES, ids=str)


def resample_all(x, size, change=lambda a: a):
    """All nine kernels on one image; `change` is done to each argument that is an array."""
    N, H, W, C = x.shape
    rng = np.random.default_rng(1)
    h, w = H // size, W // size
    dy, X = change(rng.standard_normal((N, h, w, C)).astype(x.dtype)), change(x)
    compare("average_pool", X, size=size)
    compare("average_pool_adjoint", dy, size=size, x_shape=x.shape)
    at = compare("max_pool_argmax", X, size=size)
    compare("max_pool_take", X, change(at), size=size)
    compare("max_pool_adjoint", dy, change(at), size=size, x_shape=x.shape)
    whole = change(x[:, : h * size, : w * size])
    for up in ("upsample_nearest", "upsample_bilinear"):
        compare(up, dy, size=size)
        compare(up + "_adjoint", whole, size=size)


@DTYPES
@images
def test_resampling(shape, dtype, rng):
    *shape, size = shape
    resample_all(rng.standard_normal(shape).astype(dtype), size)


@DTYPES
def test_resampling_of_what_is_not_contiguous(dtype, rng):
    x = rng.standard_normal((2, 9, 8, 5)).astype(dtype)
    resample_all(x, 2, np.asfortranarray)
    resample_all(x[:, ::-1, ::2], 2)
    resample_all(np.broadcast_to(x[:1, :, :, :1], (2, 9, 8, 5)), 2)


@DTYPES
def test_resampling_keeps_nan_and_infinity(dtype, rng):
    """Wherever they stand: the first NaN of a block is its maximum, and a share of zero of a NaN is NaN."""
    for size in (2, 3):
        x = rng.standard_normal((2, 7, 9, 3)).astype(dtype)
        x[rng.random(x.shape) < 0.1] = np.nan
        resample_all(x, size)
        dy = x[:, :3, :3]
        at = kernels.max_pool_argmax(x[:, : 3 * 2, : 3 * 2], size=2)
        compare("max_pool_adjoint", dy, at, size=2, x_shape=x.shape)
        compare("average_pool_adjoint", dy, size=2, x_shape=x.shape)
        compare("upsample_nearest", dy, size=size)
        compare("upsample_bilinear", dy, size=size)
    x = np.array([1, np.nan, np.nan, 2, np.inf, -np.inf, -np.inf, np.inf], dtype).reshape(2, 2, 2, 1)
    assert compare("max_pool_argmax", x, size=2).ravel().tolist() == [1, 0]
    assert compare("max_pool_argmax", np.full((1, 2, 2, 3), -np.inf, dtype), size=2).ravel().tolist() == [0] * 3


def test_resampling_of_ties(rng):
    x = rng.integers(0, 2, (3, 8, 8, 5)).astype(np.float32)
    compare("max_pool_argmax", x, size=2)
    compare("max_pool_argmax", x, size=4)


@DTYPES
def test_nothing_to_resample(dtype):
    for shape in [(0, 4, 4, 3), (2, 4, 4, 0), (2, 1, 1, 3)]:
        if shape[1] > 1:
            resample_all(np.zeros(shape, dtype), 2)
        else:
            compare("average_pool_adjoint", np.zeros((2, 0, 0, 3), dtype), size=2, x_shape=shape)


def test_resampling_leaves_wrong_arguments_to_the_twin():
    engines = {name: k.engines["numba"] for name, k in kernels.KERNELS.items() if "numba" in k.engines}
    dy = np.ones((1, 2, 2, 3))
    for adjoint in (engines["average_pool_adjoint"], lambda *a, **k: engines["max_pool_adjoint"](a[0], *a, **k)):
        with pytest.raises(ValueError):
            adjoint(dy, size=2, x_shape=(1, 3, 4, 3))  # would write beyond the end
    for name in ("upsample_nearest_adjoint", "upsample_bilinear_adjoint"):
        with pytest.raises(ValueError):
            engines[name](np.ones((1, 3, 4, 1)), size=2)
    assert engines["average_pool"](np.ones((1, 2, 2, 1), np.float16), size=2).dtype == np.float16
