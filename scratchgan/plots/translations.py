"""Images, their translations, and the reconstructions: three rows for each direction of a CycleGAN."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .base import figure, save_figure
from .grids import image_grid
from .style import drawing
from .text import heading, words

ROWS = ("x", "G(x)", "F(G(x))")
MOST_COLUMNS = 75  # in a picture of at most 4,000 pixels a side


@drawing
def save_translations(
    path: str | Path, ways: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]], *, title: str = ""
) -> None:
    """Write a figure with one panel per direction, each with the rows x, G(x) and F(G(x)).

    ways    a tuple (name, x, G(x), F(G(x))) per direction; the images are (n, H, W, C) in [-1, 1], one per column.
            The first MOST_COLUMNS are drawn

    Raises ValueError as `image_grid` does, and OSError if the file cannot be written.
    """
    if (most := max(len(x) for _, x, _, _ in ways)) > MOST_COLUMNS:
        title += f"; the first {MOST_COLUMNS} of {most:,}"
        ways = [(name, x[:MOST_COLUMNS], y[:MOST_COLUMNS], back[:MOST_COLUMNS]) for name, x, y, back in ways]
    columns = max(len(x) for _, x, _, _ in ways)
    width = max(0.8 + 0.42 * columns, 6.2)
    fig = figure(width, 0.75 + (3 * min((width - 0.8) / columns, 0.6) + 0.45) * len(ways))
    for axes, (name, *rows) in zip(np.ravel(fig.subplots(len(ways), 1, squeeze=False)), ways, strict=True):
        H = rows[0].shape[1]
        grid = image_grid(np.concatenate(rows), columns=len(rows[0]))
        axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)), interpolation="nearest")
        axes.set_title(words(name, width=width - 1, size=9), fontsize=9)
        axes.set_yticks([0.5 + H / 2 + i * (H + 1) for i in range(3)], ROWS)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    fig.suptitle(
        heading(fig, title, "The second row should look like the other domain, the third like the first row", size=9),
        fontsize=9,
    )
    fig.tight_layout()
    save_figure(fig, path)
