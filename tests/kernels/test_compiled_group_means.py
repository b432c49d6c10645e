"""The compiled means within samples: equal to their twins, and to what the layers say."""

import numpy as np
import pytest
from engines import DTYPES, compare

from scratchgan.layers import GroupNorm, InstanceNorm, LayerNorm, PixelNorm

pytestmark = pytest.mark.usefixtures("no_size_is_too_small")


@DTYPES
@pytest.mark.parametrize(
    "shape",
    [(3, 7, 6, 3), (1, 1, 5, 5), (1, 300, 12, 4), (20, 33, 1, 1), (2, 1, 1, 1), (1, 1000, 1, 1), (150, 9, 8, 2)],
    ids=str,
)
def test_group_means(shape, dtype, rng):
    *shape, groups = shape
    a, b = rng.standard_normal((2, *shape)).astype(dtype) + 1
    compare("group_mean", a, groups=groups)
    compare("group_mean_dot", a, b, groups=groups)
    compare("group_mean", a[:, ::-1], groups=groups)
    compare("group_mean_dot", np.asfortranarray(a), b[:, ::-1], groups=groups)
    a[0, -1, 0] = np.nan
    compare("group_mean", a, groups=groups)
    compare("group_mean_dot", b, a, groups=groups)


@DTYPES
def test_group_means_of_nothing(dtype):
    compare("group_mean", np.ones((0, 4, 6), dtype), groups=2)
    compare("group_mean_dot", np.ones((0, 4, 6), dtype), np.ones((0, 4, 6), dtype), groups=2)


def test_group_means_are_what_the_layers_say(rng):
    """Written with NumPy's mean over the axes that each layer names."""
    x = rng.standard_normal((3, 4, 5, 6))
    over = lambda *axes: x.mean(axis=axes, keepdims=True)
    np.testing.assert_allclose(LayerNorm((4, 5, 6)).mean(x), over(1, 2, 3), rtol=1e-12)
    np.testing.assert_allclose(LayerNorm(6).mean(x), over(3), rtol=1e-12)
    np.testing.assert_allclose(PixelNorm().mean(x), over(3), rtol=1e-12)
    np.testing.assert_allclose(InstanceNorm(6).mean(x), over(1, 2), rtol=1e-12)
    halves = x.reshape(3, 4, 5, 2, 3).mean(axis=(1, 2, 4)).repeat(3, axis=1)[:, None, None]
    np.testing.assert_allclose(GroupNorm(2, 6).mean(x), halves, rtol=1e-12)
    for layer in (LayerNorm((5, 6)), PixelNorm(), InstanceNorm(6), GroupNorm(3, 6)):
        np.testing.assert_allclose(layer.mean_dot(x, x), layer.mean(x * x), rtol=1e-12)
