"""Images of any size in rows with names: what a net was given, what it made of it, and what would have been right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..data.dataset import shrink_images, to_channels
from .base import figure, save_figure
from .grids import image_grid
from .style import drawing
from .text import heading, words

MOST_COLUMNS = 75  # in a picture of at most 4,000 pixels a side
LARGE = 128  # pixels a side: larger images are drawn smaller
WHITE = 1.0


@drawing
def save_rows(
    path: str | Path, rows: Sequence[tuple[str, Sequence[np.ndarray]]], *, title: str = "", hint: str = ""
) -> None:
    """Write a figure with one row of images for each (name, images), one example per column.

    rows    the images are (H, W, 1 or 3) in [-1, 1], of any size; each is fitted into a square.  All rows have equally
            many, of which the first MOST_COLUMNS are drawn
    hint    what to look for, below the title

    Raises ValueError for rows of different lengths, and as `image_grid`; OSError if the file cannot be written.
    """
    lengths = {len(images) for _, images in rows}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"rows need equally many images, at least 1; got {[len(images) for _, images in rows]}")
    n = lengths.pop()
    if n > MOST_COLUMNS:
        title += f"; the first {MOST_COLUMNS} of {n:,}"
        rows, n = [(name, images[:MOST_COLUMNS]) for name, images in rows], MOST_COLUMNS
    side = min(LARGE, max(max(image.shape[:2]) for _, images in rows for image in images))
    grid = image_grid(np.stack([fitted(image, side) for _, images in rows for image in images]), columns=n)
    longest = max(len(name) for name, _ in rows)
    margin = 0.4 + 0.08 * min(longest, 30)
    width = max(margin + n * min(1.1, max(0.42, 4 / n)), 6.2)
    each = min((width - margin) / n, 1.1)
    fig = figure(width, 0.7 + len(rows) * each)
    axes = fig.subplots()
    axes.imshow(grid, interpolation="nearest")
    axes.set_yticks(
        [0.5 + side / 2 + i * (side + 1) for i in range(len(rows))],
        [words(name, width=margin, size=9) for name, _ in rows],
        fontsize=9,
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    fig.suptitle(heading(fig, title, words(hint, width=width - 0.2, size=9), size=9), fontsize=9)
    fig.tight_layout()
    save_figure(fig, path)


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """An image (H, W, 1 or 3) in colour, in the middle of a white square of `side` pixels: whole, not cropped.

    Smaller images are enlarged by an integer factor without smoothing, so that their pixels can be seen; larger ones are
    shrunk (bicubic).
    """
    image = to_channels(shrink_images(np.asarray(image, np.float32)[None], side), 3)[0]
    times = max(1, side // max(image.shape[:2]))
    image = np.repeat(np.repeat(image, times, axis=0), times, axis=1)
    (H, W, _), square = image.shape, np.full((side, side, 3), WHITE, np.float32)
    top, left = (side - H) // 2, (side - W) // 2
    square[top : top + H, left : left + W] = image
    return square
