"""What every picture is made with: the colours, an empty figure, and a way to write it.

Colours are Okabe and Ito's, which stay apart for colour-blind readers; `ORDERED`, for what has an order, is cividis,
which was made for the same.  Figures are drawn with matplotlib's objects and never with pyplot: no display, no
global state, any thread.
"""

from __future__ import annotations

import functools
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..files.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#888888"
REAL, FAKE = VERMILLION, BLUE  # in every figure
ORDERED = "cividis"

DPI = 100


def figure(width: float, height: float):
    """Return an empty matplotlib Figure of width x height inches on white, with its own Agg canvas.

    A notebook shows it as the last value of a cell, without `%matplotlib` and without pyplot.
    """
    return _figure_class()(figsize=(width, height), dpi=DPI, facecolor="white")


def save_figure(fig: Figure, path: str | Path) -> None:
    """Write a Figure as a PNG, whole or not at all.  Raises OSError if the file cannot be written."""
    with replacing(path) as file:
        cast("FigureCanvasAgg", fig.canvas).print_png(file)


@functools.cache
def _figure_class():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A Figure that draws itself with Agg, also for a notebook."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            FigureCanvasAgg(self)

        def _repr_png_(self) -> bytes:
            file = BytesIO()
            cast("FigureCanvasAgg", self.canvas).print_png(file)
            return file.getvalue()

    return Picture
