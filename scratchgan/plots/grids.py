"""Grids of images: in the given order, or sorted by label with one class per row."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .base import DPI, figure, save_figure
from .style import drawing
from .text import heading, words

NAME = 1.6  # inches that there are for the name of a class
GAP = 255  # white, to contrast with the black or grey background of digits


def image_grid(images: np.ndarray, *, columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Arrange images in rows, `gap` pixels apart.

    images (N, H, W, C) in [-1, 1], C = 1 or 3; returns (height, width, C) uint8, 0 for -1 and 255 for 1.  `columns`
    is the number of images per row, by default the square root of N, rounded up.  Values outside [-1, 1] are clipped.

    Raises ValueError for another shape, for no images, and for values that are not finite.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"a grid needs images (N, H, W, 1 or 3), N at least 1; got {images.shape}")
    if not np.isfinite(images).all():
        raise ValueError("a grid needs finite pixels in [-1, 1]; got nan or inf")
    N, H, W, C = images.shape
    columns = math.ceil(math.sqrt(N)) if columns is None else columns
    if columns < 1:
        raise ValueError(f"a grid needs at least 1 column, got {columns}")
    rows = math.ceil(N / columns)
    grid = np.full((rows * (H + gap) + gap, columns * (W + gap) + gap, C), GAP, dtype=np.uint8)
    pixels = np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
    for n, image in enumerate(pixels):
        y, x = gap + n // columns * (H + gap), gap + n % columns * (W + gap)
        grid[y : y + H, x : x + W] = image
    return grid


@drawing
def save_grid(path: str | Path, images: np.ndarray, title: str) -> None:
    """Write images (N, H, W, C) in [-1, 1] as a PNG with a title; small ones are enlarged by an integer factor.

    Raises ValueError as `image_grid` does, OSError if the file cannot be written.
    """
    grid = image_grid(images)
    scale = max(1, round(480 / max(grid.shape[:2])))
    grid = np.kron(grid, np.ones((scale, scale, 1), dtype=np.uint8)) if scale > 1 else grid  # keeps pixels sharp
    height, width = grid.shape[:2]
    margin, head = 10, 30
    total = (max(width, 240) + 2 * margin, height + head + margin)
    title = words(title, width=(total[0] - margin) / DPI)
    fig = figure((total[0] + 0.5) / DPI, (total[1] + 0.5) / DPI)  # 29 / 100 * 100 is a bit less than 29
    fig.figimage(np.broadcast_to(grid, (height, width, 3)), xo=(total[0] - width) // 2, yo=margin, origin="upper")
    fig.text(0.5, 1 - head / 2 / total[1], title, ha="center", va="center", fontsize=10)
    save_figure(fig, path)


@drawing
def labelled_grid(
    images: np.ndarray, labels: np.ndarray, *, names: Sequence[str] | None = None, columns: int = 10, title: str = ""
):
    """Draw images sorted by label, one class per row: does a conditional G generate the class it is given?

    images (N, H, W, C) in [-1, 1], C = 1 or 3; labels (N,) integers from 0.  There is a row for each label that occurs,
    with its first `columns` images; a short row ends in white.  `names` are the names of the labels, by default their
    numbers.  Returns a Figure.

    Raises ValueError as `image_grid` does, for labels of another shape or type, and for a label without a name.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    image_grid(images[:1])  # checks the shape
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"a labelled grid needs {len(images)} labels, integers from 0; got {labels.dtype} of shape {labels.shape}"
        )
    if columns < 1:
        raise ValueError(f"a grid needs at least 1 column, got {columns}")
    classes = np.unique(labels).tolist()
    names = [str(k) for k in range(classes[-1] + 1)] if names is None else list(names)
    if classes[-1] >= len(names):
        raise ValueError(
            f"a labelled grid needs a name for each label, got {len(names)} names and the label {classes[-1]}"
        )
    H = images.shape[1]
    strips = [image_grid(images[labels == k][:columns], columns=columns) for k in classes]
    rows = np.concatenate([strips[0][:1], *(strip[1:] for strip in strips)])  # adjacent rows share a gap

    called = [words(names[k], width=NAME) for k in classes]
    if len(set(called)) < len(called):  # their differences were cut off, or are letters that the font lacks
        called = [f"{k}: {name}" for k, name in zip(classes, called, strict=True)]
    left = 0.35 + min(0.085 * max(map(len, called)), NAME + 0.4)
    width, top = 6.4, 0.62 if title else 0.4
    scale = (width - left - 0.1) / rows.shape[1]
    height = rows.shape[0] * scale + top + 0.1
    fig = figure(width, height)
    axes = fig.add_axes((left / width, 0.1 / height, 1 - (left + 0.1) / width, 1 - (top + 0.1) / height))
    axes.imshow(np.broadcast_to(rows, (*rows.shape[:2], 3)), interpolation="nearest")
    axes.set_yticks([0.5 + H / 2 + i * (H + 1) for i in range(len(classes))], called)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    fig.suptitle(
        heading(
            fig, title, "One class per row: all images in a row should show that class, and no two should be alike"
        ),
        fontsize=10,
        y=1 - 0.09 / height,
        va="top",
    )
    return fig
