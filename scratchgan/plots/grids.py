"""Grids of images: in the given order, or sorted by label with one class per row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .base import DPI, figure, save_figure
from .style import drawing
from .text import heading, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = 1.6  # inches that there are for the name of a class
GAP = 255  # white, to contrast with the black or grey background of digits
MOST_PIXELS = 4000  # of a side of a picture
USUAL, WIDEST = 6.4, 12.0  # inches: a page of a labelled grid, unless its rows are long
LARGE = 128  # pixels a side: larger images are drawn smaller in a labelled grid


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
    """Write images (N, H, W, C) in [-1, 1] as a PNG with a title.

    Small ones are enlarged by an integer factor; large ones are shrunk, so that no side has more than MOST_PIXELS.
    Raises ValueError as `image_grid` does, OSError if the file cannot be written.
    """
    grid = image_grid(_shrunk(np.asarray(images)))
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


def _shrunk(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W, C), made smaller if a square grid of them would have more than MOST_PIXELS a side."""
    if images.ndim != 4 or 0 in images.shape:
        return images  # image_grid says what is wrong
    return _at_most(images, (MOST_PIXELS - 100) // math.ceil(math.sqrt(len(images))) - 1)


def _at_most(images: np.ndarray, side: int) -> np.ndarray:
    """Images (N, H, W, C) with at most `side` pixels a side: the same, or smaller ones (means of their pixels)."""
    if (factor := side / max(images.shape[1:3])) >= 1:
        return images
    from PIL import Image

    H, W = (max(1, int(n * factor)) for n in images.shape[1:3])
    out = np.empty((len(images), H, W, images.shape[3]), np.float32)
    for i, image in enumerate(images):
        for c in range(images.shape[3]):
            plane = Image.fromarray(np.ascontiguousarray(image[..., c], dtype=np.float32))
            out[i, ..., c] = np.asarray(plane.resize((W, H), Image.Resampling.BOX))
    return out


@drawing
def labelled_grid(
    images: np.ndarray, labels: np.ndarray, *, names: Sequence[str] | None = None, columns: int = 10, title: str = ""
):
    """Draw images sorted by label, one class per row: does a conditional G generate the class it is given?

    images (N, H, W, C) in [-1, 1], C = 1 or 3; labels (N,) integers from 0.  There is a row for each label that occurs,
    with its first `columns` images; a short row ends in white, and one that would be too long for large images goes on
    in the next line.  `names` are the names of the labels, by default their numbers.  Returns a Figure of at most
    MOST_PIXELS a side; if that is too small for all rows, the title says which are in it: see `labelled_pages`.

    Raises ValueError as `image_grid` does, for labels of another shape or type, and for a label without a name.
    """
    return next(labelled_pages(images, labels, names=names, columns=columns, title=title))


def labelled_pages(
    images: np.ndarray, labels: np.ndarray, *, names: Sequence[str] | None = None, columns: int = 10, title: str = ""
) -> Iterator[Figure]:
    """As `labelled_grid`, with a Figure for each page."""
    images, labels = np.asarray(images), np.asarray(labels)
    image_grid(images[:1])  # checks the shape
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise ValueError(
            f"a labelled grid needs {len(images)} labels, integers from 0; got {labels.dtype} of shape {labels.shape}"
        )
    if columns < 1:
        raise ValueError(f"a grid needs at least 1 column, got {columns}")
    classes = np.unique(labels).tolist()
    if names is not None and classes[-1] >= len(names):
        raise ValueError(
            f"a labelled grid needs a name for each label, got {len(names)} names and the label {classes[-1]}"
        )
    named = {k: words(str(k) if names is None else names[k], width=NAME) for k in classes}
    if len(set(named.values())) < len(named):  # their differences were cut off, or are letters that the font lacks
        named = {k: f"{k}: {name}" for k, name in named.items()}
    rows = {k: np.flatnonzero(labels == k)[:columns] for k in classes}
    columns = max(map(len, rows.values()))
    left = 0.35 + min(0.085 * max(map(len, named.values())), NAME + 0.4)
    images = _at_most(images, 2 * LARGE)
    layout = _Layout.of(images.shape[1:3], columns, len(classes), left, 0.62 if title else 0.4)
    lines = [(k, i, row[i : i + layout.columns]) for k, row in rows.items() for i in range(0, len(row), layout.columns)]
    for start in range(0, len(lines), layout.lines):
        page = lines[start : start + layout.lines]
        head = title
        if len(page) < len(lines):
            a, b = (classes.index(k) + 1 for k in (page[0][0], page[-1][0]))
            head = f"{title}  (classes {a} to {b} of {len(classes)})".strip()
        ticks = [named[k] if i == 0 or line == 0 else "" for line, (k, i, _) in enumerate(page)]
        yield _page(images, [row for _, _, row in page], ticks, layout, head)


@dataclass(frozen=True)
class _Layout:
    """A page of a labelled grid: the size of a pixel of its images, and how many images and lines it holds."""

    scale: float  # inches per pixel of an image
    columns: int
    lines: int
    left: float  # inches for the names
    top: float  # inches for the title

    @classmethod
    def of(cls, size: tuple[int, int], columns: int, rows: int, left: float, top: float) -> _Layout:
        """The layout for images of size (H, W): they fill the usual width, unless that makes them too small or large.

        An image has at least its own size, up to LARGE pixels, and at least 24; if the usual picture has room for it, up
        to 100.  The page grows in both directions before a row is broken or a class goes to the next page.
        """
        (H, W), long = size, max(size)
        least = max(min(1, LARGE / long), 24 / long)
        most = max(least, 100 / long)
        wide, high = (USUAL - left - 0.1) * DPI / (columns * (W + 1) + 1), 1400 / (rows * (H + 1))
        scale = min(max(min(wide, high), least), most) / DPI
        columns = max(1, min(columns, int((WIDEST - left - 0.09) / (scale * (W + 1)))))
        return cls(scale, columns, max(1, int((MOST_PIXELS / DPI - top - 0.2) / (scale * (H + 1)))), left, top)


@drawing
def _page(images, lines, ticks, layout, title) -> Figure:
    """One page: lines of indices of images, with a name in front of each."""
    H = images.shape[1]
    strips = [image_grid(images[row], columns=layout.columns) for row in lines]
    cells = np.concatenate([strips[0][:1], *(strip[1:] for strip in strips)])  # adjacent rows share a gap
    across, down = cells.shape[1] * layout.scale, cells.shape[0] * layout.scale
    width, height = max(USUAL, layout.left + across + 0.1), down + layout.top + 0.1
    fig = figure(width, height)
    axes = fig.add_axes((layout.left / width, 0.1 / height, across / width, down / height))
    axes.imshow(np.broadcast_to(cells, (*cells.shape[:2], 3)), interpolation="nearest", aspect="auto")
    axes.set_yticks([0.5 + H / 2 + i * (H + 1) for i in range(len(lines))], ticks)
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
