"""Random warps of images: none, turns, and a function of the generator."""

import numpy as np
import pytest

from scratchgan.metrics.augment import random_warp, warp


def test_warp_by_nothing_is_nothing(rng):
    images = rng.uniform(-1, 1, (3, 6, 5, 2)).astype(np.float32)
    eye, zero = np.tile(np.eye(2), (3, 1, 1)), np.zeros((3, 2))
    np.testing.assert_array_equal(warp(images, eye, zero), images)
    moved = warp(images, eye, zero + np.array([1, -2]))  # output u shows the input at u + s
    np.testing.assert_array_equal(moved[:, :-1, 2:], images[:, 1:, :-2])
    np.testing.assert_array_equal(moved[:, -1], -1)
    half = warp(images, eye, zero + np.array([0.5, 0]))
    np.testing.assert_allclose(half[:, :-1], (images[:, :-1] + images[:, 1:]) / 2, atol=1e-6)
    np.testing.assert_array_equal(warp(images, eye, zero + np.array([1e6, -1e6])), np.float32(-1))


def test_warp_turns(rng):
    images = rng.uniform(-1, 1, (1, 7, 7, 1)).astype(np.float32)
    quarter = np.array([[[0.0, -1.0], [1.0, 0.0]]])  # R(90 degrees)
    turned = warp(images, quarter, np.zeros((1, 2)))[0, :, :, 0]
    np.testing.assert_allclose(turned, np.rot90(images[0, :, :, 0], -1), atol=1e-6)


def test_random_warp_is_a_function_of_its_rng(mnist):
    x = mnist.x[::500]
    first = random_warp(x, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(random_warp(x, rng=np.random.default_rng(1)), first)
    assert first.dtype == np.float32
    assert first.min() >= -1
    assert first.max() <= 1 + 1e-6
    assert 0.01 < np.abs(first - x).mean() < 0.3
    still = random_warp(x, rng=np.random.default_rng(1), degrees=0, scale=0, slant=0, shift=0)
    np.testing.assert_allclose(still, x, atol=1e-6)
    with pytest.raises(TypeError, match="Generator"):
        random_warp(x, rng=1)
    for limit in ({"scale": 1.0}, {"degrees": -1}, {"slant": np.nan}, {"shift": np.inf}):
        with pytest.raises(ValueError, match=f"random_warp: {next(iter(limit))} must be a number in"):
            random_warp(x, rng=np.random.default_rng(1), **limit)
    with pytest.raises(ValueError, match=r"images \(N, H, W, C\), got \(28, 28\)"):
        random_warp(x[0, :, :, 0], rng=np.random.default_rng(1))
