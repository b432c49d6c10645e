"""A net on an image of any size, in tiles: (Tiles.1, 2)."""

import numpy as np
import pytest

from scratchgan.core import Layer
from scratchgan.layers import Conv2D, PixelShuffle, Sequential, UpsampleNearest2D
from scratchgan.runs.tiles import count, in_tiles, reflected, starts, windows


def convolution(kernel, rng, out=2, scale=1):
    net: Layer = Conv2D(3, out * scale**2, kernel_size=kernel, padding=kernel // 2, rng=rng, dtype=np.float64)
    return net if scale == 1 else Sequential([net, PixelShuffle(scale)])


def applied(net, x):
    return net.forward(x, train=False)[0]


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize(
    ("size", "tile", "overlap", "kernel"),
    [
        ((37, 53), 16, 8, 7),  # 7 = 2 m + 1 with m = 3, the largest that is exact
        ((16, 40), 16, 8, 5),
        ((17, 16), 16, 8, 3),
        ((33, 31), (16, 12), 6, 5),
        ((20, 20), 20, 10, 7),
        ((9, 30), 8, 0, 1),
        ((41, 23), 9, 4, 3),
    ],
)
def test_a_convolution_that_sees_less_than_the_overlap_makes_the_same_in_tiles(size, tile, overlap, kernel, scale, rng):
    net, x = convolution(kernel, rng, scale=scale), rng.standard_normal((*size, 3))
    calls = []
    y = in_tiles(lambda t: applied(net, t), x, tile, overlap, scale, done=calls.append)
    np.testing.assert_allclose(y, applied(net, x[None])[0], atol=1e-12)
    assert sum(calls) == count(x.shape, (tile, tile) if isinstance(tile, int) else tile, overlap)


def test_a_convolution_that_sees_more_does_not(rng):
    net, x = convolution(9, rng), rng.standard_normal((37, 53, 3))
    y = in_tiles(lambda t: applied(net, t), x, 16, 8)
    assert np.abs(y - applied(net, x[None])[0]).max() > 0.01


def test_each_tile_is_seen_once_and_at_most_64_at_a_time(rng):
    seen = []

    def look(t):
        seen.extend(t)
        assert len(t) <= 64
        return t[..., :1]

    x = rng.standard_normal((90, 90, 2))
    np.testing.assert_allclose(in_tiles(look, x, 8, 2), x[..., :1], atol=1e-12)
    assert len(seen) == count(x.shape, (8, 8), 2) == 15 * 15
    assert {tile.shape for tile in seen} == {(8, 8, 2)}


def test_an_image_smaller_than_a_tile_goes_on_as_in_a_mirror():
    x = np.arange(12.0).reshape(3, 4, 1)
    seen = []
    y = in_tiles(lambda t: seen.append(t) or np.repeat(np.repeat(t, 2, axis=1), 2, axis=2), x, 8, 4, 2)
    assert y.shape == (6, 8, 1)
    np.testing.assert_array_equal(y[::2, ::2], x)
    (tile,) = seen[0]
    np.testing.assert_array_equal(tile[:5, 0, 0], [0, 4, 8, 4, 0])
    np.testing.assert_array_equal(tile[0, :, 0], [0, 1, 2, 3, 2, 1, 0, 1])
    assert (reflected(np.ones((1, 1, 1)), 3, 2) == 1).all()


def test_two_tiles_fade_into_each_other():
    left, right = windows([0, 12], 20, 8, 1)
    np.testing.assert_allclose(left[12:] + right[:8], 1)
    np.testing.assert_allclose(right[:8], [0, 0, 0, 0.25, 0.75, 1, 1, 1])
    assert (left[:12] == 1).all()
    made = iter([-1.0, 1.0])
    y = in_tiles(lambda t: np.stack([np.full((20, 20, 1), next(made)) for _ in t]), np.zeros((20, 32, 1)), 20, 8)
    np.testing.assert_allclose(y[0, 12:20, 0], [-1, -1, -1, -0.5, 0.5, 1, 1, 1])


def test_where_tiles_begin():
    assert starts(20, 20, 5) == [0]
    assert starts(21, 20, 5) == [0, 1]
    assert starts(50, 20, 5) == [0, 15, 30]
    assert starts(52, 20, 5) == [0, 15, 30, 32]


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        (np.zeros((4, 4)), (4, 1), "one image"),
        (np.zeros((4, 4, 1)), (4, 3), "overlap of 0 to half a tile"),
        (np.zeros((4, 4, 1)), (0, 0), "overlap of 0 to half a tile"),
        (np.zeros((4, 4, 1)), (4, 1, 2), "expected 1 tiles of 8 x 8 pixels, got"),
    ],
)
def test_sizes_that_do_not_fit(x, options, words):
    with pytest.raises(ValueError, match=words):
        in_tiles(lambda t: t, x, *options)


def test_a_pixel_of_a_larger_result_has_the_weight_of_the_pixel_it_was_made_from(rng):
    net, x = UpsampleNearest2D(2), rng.standard_normal((21, 13, 1))
    np.testing.assert_allclose(
        in_tiles(lambda t: applied(net, t), x, 8, 4, 2), np.repeat(np.repeat(x, 2, axis=0), 2, axis=1), atol=1e-12
    )
