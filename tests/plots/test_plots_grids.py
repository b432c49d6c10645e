"""Grids: every pixel where it belongs, a class a row."""

import numpy as np
import pytest
from pictures import pixels

from scratchgan import plots
from scratchgan.plots import (
    labelled_grid,
)


def test_grid_puts_every_image_in_its_place(rng):
    images = rng.uniform(-1, 1, (7, 4, 5, 3))
    grid = plots.image_grid(images)
    assert (grid.shape, grid.dtype) == ((3 * 5 + 1, 3 * 6 + 1, 3), np.uint8)
    for n, image in enumerate(images):
        y, x = 1 + n // 3 * 5, 1 + n % 3 * 6
        np.testing.assert_allclose(grid[y : y + 4, x : x + 5], (image + 1) / 2 * 255, atol=0.5 + 1e-9)
    assert (grid[::5] == plots.GAP).all()
    assert (grid[:, ::6] == plots.GAP).all()
    assert (grid[11:, 7:] == plots.GAP).all()  # no eighth and ninth image


def test_grid_ends_of_the_range_and_columns():
    grid = plots.image_grid(np.array([-1.0, 1.0, 7.0]).reshape(3, 1, 1, 1), columns=3, gap=0)
    assert grid.tolist() == [[[0], [255], [255]]]


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 3, 3)), "got (2, 3, 3)"),
        (np.zeros((2, 3, 3, 2)), "got (2, 3, 3, 2)"),
        (np.zeros((0, 3, 3, 1)), "got (0, 3, 3, 1)"),
        (np.full((1, 3, 3, 1), np.nan), "finite"),
    ],
)
def test_grid_refuses(images, words):
    with pytest.raises(ValueError) as caught:
        plots.image_grid(images)
    assert words in str(caught.value)


def test_saved_grid_enlarges_pixels_exactly(tmp_path, rng):
    images = rng.uniform(-1, 1, (16, 8, 8, 1))
    plots.save_grid(tmp_path / "g.png", images, "sixteen images")
    grid = plots.image_grid(images)
    scale = round(480 / len(grid))
    big = pixels(tmp_path / "g.png")[-10 - len(grid) * scale : -10, 10 : 10 + grid.shape[1] * scale]
    assert (big.reshape(len(grid), scale, len(grid), scale, 3) == grid[:, None, :, None]).all()
    assert list(tmp_path.iterdir()) == [tmp_path / "g.png"]  # no temporary file is left


def test_labelled_grid_has_a_class_a_row(rng):
    images, labels = rng.uniform(-1, 1, (9, 3, 4, 1)), np.array([2, 0, 2, 2, 0, 2, 3, 2, 2])
    axes = labelled_grid(images, labels, names=["zero", "one", "two", "three"], columns=4).axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert shown.shape == (3 * 4 + 1, 4 * 5 + 1, 3)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["zero", "two", "three"]
    for row, indices in enumerate([[1, 4], [0, 2, 3, 5], [6]]):
        for column in range(4):
            cell = shown[1 + 4 * row : 4 + 4 * row, 1 + 5 * column : 5 + 5 * column, 0]
            if column < len(indices):
                np.testing.assert_allclose(cell, (images[indices[column], ..., 0] + 1) * 127.5, atol=0.51)
            else:
                assert (cell == 255).all()


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        ([0, 1], {}, "needs 3 labels"),
        ([0, 1, -1], {}, "integers from 0"),
        ([0.0, 1.0, 2.0], {}, "float64"),
        ([0, 1, 2], {"names": ["a", "b"]}, "2 names and the label 2"),
        ([0, 1, 2], {"columns": 0}, "at least 1 column"),
    ],
)
def test_labelled_grid_refuses(labels, options, words):
    with pytest.raises(ValueError, match=words):
        labelled_grid(np.zeros((3, 2, 2, 1)), np.array(labels), **options)
