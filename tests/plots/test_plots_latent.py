"""From one z to another: both ways start and end where they should, and only one of them keeps the norm."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchgan.models import dcgan
from scratchgan.plots import interpolate_latent, interpolation

pytestmark = pytest.mark.usefixtures("one_thread")

vectors = arrays(np.float64, (5,), elements=st.floats(-10, 10).filter(lambda v: v == 0 or abs(v) > 1e-3))


@settings(max_examples=60, deadline=None)
@given(vectors, vectors, st.integers(2, 9))
def test_spherical_keeps_the_norm_between_the_ends_and_turns_evenly(z0, z1, steps):
    norms = np.linalg.norm(z0), np.linalg.norm(z1)
    assume(min(norms) > 0)
    cosine = np.clip(z0 @ z1 / norms[0] / norms[1], -1, 1)
    assume(cosine > -0.999)
    path = interpolate_latent(z0, z1, steps)
    t = np.linspace(0, 1, steps)
    np.testing.assert_array_equal(path[[0, -1]], [z0, z1])
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), (1 - t) * norms[0] + t * norms[1], rtol=1e-9)
    directions = path / np.linalg.norm(path, axis=1, keepdims=True)
    turned = np.linalg.norm(directions[1:] - directions[:-1], axis=1)  # equal chords: equal angles
    np.testing.assert_allclose(turned, 2 * np.sin(np.arccos(cosine) / (steps - 1) / 2), rtol=1e-5, atol=1e-6)


def test_spherical_is_slerp_of_white_where_norms_are_equal(rng):
    z = rng.standard_normal((2, 50))
    z0, z1 = 7 * z / np.linalg.norm(z, axis=1, keepdims=True)
    w = np.arccos(z0 @ z1 / 49)
    t = np.linspace(0, 1, 7)[:, None]
    slerp = (np.sin((1 - t) * w) * z0 + np.sin(t * w) * z1) / np.sin(w)
    np.testing.assert_allclose(interpolate_latent(z0, z1, 7), slerp, rtol=1e-10)


def test_linear_is_straight_and_its_norm_falls_as_the_formula_says(rng):
    z0, z1 = rng.standard_normal((2, 400, 300))
    path = interpolate_latent(z0, z1, 5, "linear")
    assert path.shape == (400, 5, 300)
    np.testing.assert_array_equal(path[:, 0], z0)
    np.testing.assert_allclose(path[:, 1], 0.75 * z0 + 0.25 * z1, rtol=1e-12)
    t = np.linspace(0, 1, 5)
    np.testing.assert_allclose((path**2).sum(axis=2).mean(axis=0) / 300, (1 - t) ** 2 + t**2, rtol=0.02)


def test_dtypes_equal_directions_and_rows_by_themselves(rng):
    z0, z1 = rng.standard_normal((2, 3, 8)).astype(np.float32)
    path = interpolate_latent(z0, z1, 4)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[:, [0, -1]], np.stack([z0, z1], axis=1))
    np.testing.assert_array_equal(path[1], interpolate_latent(z0[1], z1[1], 4))
    np.testing.assert_allclose(interpolate_latent(z0[0], 2 * z0[0], 3)[1], 1.5 * z0[0], rtol=1e-6)
    assert interpolate_latent([1, 0], [0, 1], 3).dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0, 0], [-1.0, 0], 3), "opposite directions"),
        (([0.0, 0], [1.0, 0], 3), "no direction"),
        (([1.0, 0], [1.0, 0, 0], 3), "got (2,) and (3,)"),
        (([np.nan, 0], [1.0, 0], 3), "finite"),
        (([1.0, 0], [0.0, 1], 1), "at least 2"),
        (([1.0, 0], [0.0, 1], 3, "cubic"), "cubic"),
        ((np.zeros((0, 2)), np.zeros((0, 2)), 3), "got (0, 2)"),
        ((["a"], ["b"], 3), "expected z0 and z1"),
    ],
)
def test_interpolation_refuses(arguments, words):
    with pytest.raises(ValueError) as caught:
        interpolate_latent(*arguments)
    assert words in str(caught.value)


def test_picture_shows_g_along_both_ways():
    """The images drawn are G's own for the z of each path, linear on the left, spherical on the right."""
    gan = dcgan(image_size=8, channels=1, latent_dim=6, width=4, seed=0)
    fig = interpolation(gan, pairs=2, steps=3, seed=7, title="untrained")
    z0, z1 = np.random.default_rng(7).standard_normal((2, 2, 6)).astype(np.float32)
    for axes, kind in zip(fig.axes, ("linear", "spherical"), strict=False):
        shown = np.asarray(axes.images[0].get_array())
        made = gan.generate(interpolate_latent(z0, z1, 3, kind).reshape(6, 6))
        middle = shown[1 + 9 : 1 + 9 + 8, 1 + 9 : 1 + 9 + 8, 0]  # second row, second column
        np.testing.assert_allclose(middle, (made[4, ..., 0] + 1) * 127.5, atol=0.51)
    given = interpolation(lambda Z: gan.generate(Z), z0=z0, z1=z1, steps=3)
    np.testing.assert_array_equal(given.axes[1].images[0].get_array(), fig.axes[1].images[0].get_array())
    fig.canvas.draw()


def test_picture_refuses():
    gan = dcgan(image_size=8, channels=1, latent_dim=6, width=4, seed=0)
    with pytest.raises(ValueError, match="both z0 and z1"):
        interpolation(gan, z0=np.ones((1, 6)))
    with pytest.raises(ValueError, match="both z0 and z1"):
        interpolation(gan.generate)
    with pytest.raises(ValueError, match="at least 1"):
        interpolation(gan, pairs=0)
    with pytest.raises(ValueError, match=r"a grid needs images .* got \(4, 2\)"):
        interpolation(lambda Z: Z, z0=np.eye(2), z1=np.eye(2)[::-1], steps=2)
