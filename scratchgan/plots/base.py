"""What all plots share: the colours, an empty figure, and a function that writes it to a file.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish.  `ORDERED`, for ordered values, is
cividis, which was designed for the same purpose.  Figures use matplotlib's objects and never pyplot, so they need no
display, have no global state and can be drawn in any thread.  `style` keeps the user's settings out of them, and `text`
is the door for names.
"""

from __future__ import annotations

import functools
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..files.atomic import replacing
from .style import drawing, own_style

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
    """Return an empty white matplotlib Figure of width x height inches, with its own Agg canvas.

    A notebook displays it as the last value of a cell, without `%matplotlib` and without pyplot.  The environment
    variable SCRATCHGAN_PLOT_SCALE, such as 1.5, makes it and its text larger there, for a projector; the files that
    `save_figure` writes are not changed by it.

    Raises ValueError if SCRATCHGAN_PLOT_SCALE is not a number from 0.5 to 4.
    """
    with own_style():
        return _figure_class()(figsize=(width, height), dpi=DPI, facecolor="white", scale=_scale())


def _scale() -> float:
    text = os.environ.get("SCRATCHGAN_PLOT_SCALE", "1")
    try:
        if 0.5 <= float(text) <= 4:
            return float(text)
    except ValueError:
        pass
    raise ValueError(f"SCRATCHGAN_PLOT_SCALE must be a number from 0.5 to 4, got {text!r}")


def save_figure(fig: Figure, path: str | Path) -> None:
    """Write a Figure as a PNG, atomically.  Raises OSError if the file cannot be written."""
    with replacing(path) as file:
        cast("FigureCanvasAgg", fig.canvas).print_png(file)


@functools.cache
def _figure_class():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    class Picture(Figure):
        """A Figure with an Agg canvas that a notebook can display, in our own style whoever draws it."""

        def __init__(self, *args, scale: float = 1.0, **kwargs):
            super().__init__(*args, **kwargs)
            self.scale = scale  # in notebooks
            FigureCanvasAgg(self)

        @drawing
        def add_axes(self, *args, **kwargs):
            return super().add_axes(*args, **kwargs)

        @drawing
        def add_subplot(self, *args, **kwargs):
            return super().add_subplot(*args, **kwargs)

        @drawing
        def draw(self, renderer):
            for text in self.findobj(Text):
                text.set_usetex(False)  # the user's settings may ask for LaTeX, where it is not installed
            super().draw(renderer)

        def _repr_png_(self) -> bytes:
            file = BytesIO()
            before = self.dpi
            try:
                self.set_dpi(before * self.scale)
                cast("FigureCanvasAgg", self.canvas).print_png(file)
            finally:
                self.set_dpi(before)
            return file.getvalue()

    return Picture
