"""The plane of perception and distortion: how near to the truth a method is, and how real its outputs look.

The two are different questions, and beyond some point the answers trade against each other: of two methods at the
limit, the one with the smaller error has outputs that are easier to tell from real images (Blau & Michaeli 2018).  So
methods are points in a plane, and none of the two numbers alone says which method is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from .base import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, REAL, SKY, figure, save_figure
from .style import drawing
from .text import heading, words

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK)  # vermillion is the colour of what is real: the floor
MARKS = "osD^vPX"
NOTICE = "Down: more like real images. To the right: nearer to the truth. Does any method win both?"


@drawing
def perception_distortion(
    methods: Mapping[str, tuple[float, float] | Sequence[tuple[float, float]]],
    *,
    floor: float | None = None,
    ceiling: float | None = None,
    title: str = "",
    across: str = "PSNR in dB: nearer to the truth",
    up: str = "Frechet distance: less like real images",
):
    """A Figure with a point (PSNR, Frechet distance) for each method, or several, one per seed.

    methods    {name: (PSNR in dB, Frechet distance)}, or a list of such pairs, drawn alike
    floor      Frechet distance of real images to other real images: no method can be expected to get below it
    ceiling    that of noise, or of another hopeless method.  It is a line, or if it is more than three times as far as
               the farthest method a number at the edge, since a line would leave no room for the methods

    Raises ValueError for no methods, and for numbers that are not finite.
    """
    points = {name: _pairs(name, value) for name, value in methods.items()}
    if not points:
        raise ValueError("the plane of perception and distortion needs at least one method, got none")
    for name, value in (("floor", floor), ("ceiling", ceiling)):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"the plane of perception and distortion needs a finite {name}, got {value}")
    fig = figure(8.6, 5.0)
    axes = fig.add_axes((0.09, 0.12, 0.62, 0.73))
    every = [point for group in points.values() for point in group]
    for i, (name, group) in enumerate(points.items()):
        style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKS[i % len(MARKS)]}
        label = words(name, width=1.9, size=9)
        axes.plot(*zip(*group, strict=True), linestyle="", markersize=9, alpha=0.85, zorder=3, label=label, **style)
    several = any(len(group) > 1 for group in points.values())
    title_of_legend = "one point per seed" if several else None
    place = {"loc": "upper left", "bbox_to_anchor": (1.02, 0.72), "alignment": "left"}
    axes.legend(fontsize=9, frameon=False, title=title_of_legend, title_fontsize=9, **place)
    left, right = min(p for p, _ in every), max(p for p, _ in every)
    low, high = min(f for _, f in every), max(f for _, f in every)
    low = min(low, 0.0 if floor is None else floor)
    near = ceiling is not None and ceiling <= 3 * high
    high = max(high, ceiling) if ceiling is not None and near else high
    wide, tall = max(right - left, 0.5), max(high - low, 1e-6)
    axes.set(xlim=(left - 0.12 * wide, right + 0.12 * wide), ylim=(low - 0.14 * tall, high + 0.16 * tall))
    if floor is not None:
        _line(axes, floor, REAL, f"floor: real images against others, {floor:.3g}")
    if ceiling is not None and near:
        _line(axes, ceiling, GREY, f"ceiling: noise, {ceiling:.3g}")
    elif ceiling is not None:
        text = f"ceiling: noise, {ceiling:.3g}, far above"
        axes.text(0.01, 0.98, text, transform=axes.transAxes, va="top", fontsize=8, color=GREY)
    arrow = {"arrowstyle": "-|>", "color": BLACK, "linewidth": 1.5}
    axes.annotate("", (1.20, 0.80), (1.08, 0.95), xycoords="axes fraction", arrowprops=arrow, annotation_clip=False)
    axes.text(1.17, 0.92, "better", transform=axes.transAxes, fontsize=11)
    axes.set_xlabel(f"{words(across)} →", fontsize=10)
    axes.set_ylabel(f"{words(up)} →", fontsize=10)
    axes.tick_params(labelsize=8)
    fig.suptitle(heading(fig, title, NOTICE), fontsize=10, y=0.975, va="top")
    return fig


def save_plane(path: str | Path, methods: Mapping, **options) -> None:
    """Write the figure of `perception_distortion` as a PNG.  Raises the same errors, and OSError if it cannot."""
    save_figure(perception_distortion(methods, **options), path)


def _pairs(name, value) -> list[tuple[float, float]]:
    """The points of a method."""
    group = [value] if isinstance(value, tuple) else list(value)
    if not group or not all(len(p) == 2 and all(math.isfinite(v) for v in p) for p in group):
        raise ValueError(
            f"the plane of perception and distortion needs finite pairs (PSNR, distance) of {name}, got {value}"
        )
    return [(float(p), float(f)) for p, f in group]


def _line(axes, value, colour, text) -> None:
    axes.axhline(value, color=colour, linewidth=1.2, linestyle="--", zorder=1)
    axes.annotate(
        text,
        (0.01, value),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=8,
        color=colour,
    )
