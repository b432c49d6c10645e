"""What a net was given, what it made of it, the truth, and what rivals make of it: one row each, one column per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .base import figure, save_figure
from .grids import image_grid
from .style import drawing
from .text import heading, words

MOST_COLUMNS = 16
NOTICE = "Compare each output with the truth below it"
_NAME = 1.3  # inches for the names of the rows


@drawing
def paired_rows(
    rows: Mapping[str, np.ndarray], *, headings: Sequence[str] | None = None, title: str = "", notice: str = NOTICE
):
    """A Figure with a row of images for each name, and a column for each of the first 16 images.

    rows       {name: images (n, h, w, 1 or 3) in [-1, 1]}, drawn in this order.  All are drawn as large as the largest:
               a pixel of a smaller image becomes a block.  Grey and colour may be mixed
    headings   a text over each column, or None
    title      over the line `notice`, which says what to look for

    Raises ValueError as `image_grid` does, for no rows, for rows of different length, and for images whose sides do
    not divide those of the largest by the same whole number.
    """
    rows = {name: np.asarray(images)[:MOST_COLUMNS] for name, images in rows.items()}
    if not rows:
        raise ValueError("a picture of pairs needs at least one row, got none")
    for images in rows.values():
        image_grid(images[:1])  # checks the shape
    n, H, W = (max(images.shape[axis] for images in rows.values()) for axis in (0, 1, 2))
    if any(len(images) != n for images in rows.values()):
        lengths = ", ".join(f"{name} {len(images)}" for name, images in rows.items())
        raise ValueError(f"a picture of pairs needs rows of the same length, got {lengths}")
    if headings is not None and len(headings) < n:
        raise ValueError(f"a picture of pairs needs {n} headings, got {len(headings)}")
    cells = np.concatenate([_enlarged(name, images, H, W) for name, images in rows.items()])
    grid = image_grid(cells, columns=n)
    size = min(max(0.62, 9.5 / n), 1.5)  # inches per image
    across, down = size * n, size * len(rows) * H / W
    top = (0.5 if title else 0.35) + (0.25 if headings is not None else 0.05)
    width, height = max(_NAME + across + 0.15, 7.5), down + top + 0.1
    fig = figure(width, height)
    axes = fig.add_axes((_NAME / width, 0.1 / height, across / width, down / height))
    axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)), interpolation="nearest", aspect="auto")
    names = [words(name, width=_NAME - 0.2) for name in rows]
    axes.set_yticks([0.5 + H / 2 + i * (H + 1) for i in range(len(rows))], names, fontsize=10)
    axes.xaxis.tick_top()
    ticks = [] if headings is None else [0.5 + W / 2 + i * (W + 1) for i in range(n)]
    over = [] if headings is None else [words(text, width=size, size=8) for text in headings[:n]]
    axes.set_xticks(ticks, over, fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    line = words(notice, width=width - 0.2, size=10)
    fig.suptitle(heading(fig, title, line), fontsize=10, y=1 - 0.09 / height, va="top")
    return fig


def save_pairs(
    path: str | Path,
    rows: Mapping[str, np.ndarray],
    *,
    headings: Sequence[str] | None = None,
    title: str = "",
    notice: str = NOTICE,
) -> None:
    """Write the figure of `paired_rows` as a PNG.  Raises the same errors, and OSError if the file cannot be written."""
    save_figure(paired_rows(rows, headings=headings, title=title, notice=notice), path)


def _enlarged(name, images, H, W):
    """Images in the size of the largest, with 3 channels."""
    h, w = images.shape[1:3]
    if H % h or W % w or H // h != W // w:
        raise ValueError(
            f"a picture of pairs needs images whose sides divide those of the largest, {H} x {W}, by one whole number; "
            f"{name} has {h} x {w}"
        )
    images = images.repeat(H // h, axis=1).repeat(W // w, axis=2)
    return np.broadcast_to(images, (*images.shape[:3], 3))
