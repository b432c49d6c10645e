"""The training images nearest to a sample: found as by brute force, drawn and counted."""

import numpy as np
import pytest

from scratchgan.plots import (
    nearest_images,
    neighbours,
)


def test_nearest_images_by_brute_force(rng):
    samples, training = rng.uniform(-1, 1, (6, 4, 4, 3)).astype(np.float32), rng.uniform(-1, 1, (40, 4, 4, 3))
    training[7] = samples[2]
    indices, distances = nearest_images(samples, training, 5)
    table = np.sqrt([[((s - t) ** 2).sum() for t in training] for s in samples.astype(float)])
    np.testing.assert_array_equal(indices, np.argsort(table, axis=1)[:, :5])
    np.testing.assert_allclose(distances, np.sort(table, axis=1)[:, :5], rtol=1e-12)
    assert (indices[2, 0], distances[2, 0]) == (7, 0.0)


def test_nearest_images_in_parts_are_the_same(rng, monkeypatch):
    """So the whole set is never in float64 at once; ties go to the lower index across parts, too."""
    samples, training = rng.uniform(-1, 1, (5, 4, 4, 1)), rng.uniform(-1, 1, (23, 4, 4, 1)).astype(np.float32)
    training[[3, 11, 20]] = training[8]
    samples[1] = training[8]
    expected = nearest_images(samples, training, 4)
    for rows in (1, 4, 7, 23):
        monkeypatch.setattr("scratchgan.plots.copies.AT_ONCE", rows * 16)
        found = nearest_images(samples, training, 4)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
    assert expected[0][1].tolist() == [3, 8, 11, 20]


def test_neighbours_draws_sample_and_neighbours_and_says_what_is_a_copy(rng):
    training = rng.uniform(-1, 1, (30, 4, 4, 1))
    samples = np.concatenate([training[5:6] + 1e-3, rng.uniform(-1, 1, (2, 4, 4, 1))]).clip(-1, 1)
    fig = neighbours(samples, training, k=2, title="run")
    indices, distances = nearest_images(samples, training, 2)
    shown = [np.asarray(axes.images[0].get_array())[..., 0] for axes in fig.axes]
    expected = [image for n in range(3) for image in (samples[n], *training[indices[n]])]
    for a, b in zip(shown, expected, strict=True):
        np.testing.assert_allclose(a, (b[..., 0] + 1) * 127.5, atol=0.51)
    words = [text.get_text() for text in fig.texts]
    assert f"{distances[1, 0]:.2f}" in words
    assert f"{distances[0, 0]:.2f} copy?" in words
    assert "1 of 3 samples is nearer" in fig.get_suptitle()
    others = [np.sort([np.linalg.norm(a - b) for b in training])[1] for a in training]
    assert f"{np.median(others):.2f} from the nearest other one" in fig.get_suptitle()


def test_neighbours_refuse():
    images = np.zeros((2, 4, 4, 1))
    for arguments, words in (
        ((images, np.zeros((3, 5, 5, 1))), "the same shape"),
        ((images, images, 3), "k must be at most 2"),
        ((images, np.full((2, 4, 4, 1), np.nan)), "finite"),
        ((images, images, 0), "at least 1"),
        ((images[0], images), "a grid needs images"),
    ):
        with pytest.raises(ValueError, match=words):
            nearest_images(*arguments)
    with pytest.raises(ValueError, match="at least 2 training images"):
        neighbours(images, images[:1], k=1)
