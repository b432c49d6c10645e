r"""Phase portraits: in which direction the game moves at each point in the plane of two parameters, and where it ends.

The arrows are a vector field, the direction in which both players step; a trajectory is the result of their steps.
Following the arrows exactly and taking finite steps along them can give different results: a closed circle for the
first may be an outward spiral for the second.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ..checks import positive_int
from .base import BLACK, BLUE, GREEN, GREY, PURPLE, SKY, VERMILLION, figure
from .style import drawing
from .text import heading, words

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, SKY, BLACK)
STYLES = ("-", "--", "-.", ":")


@drawing
def phase_portrait(
    field: Callable | tuple[np.ndarray, np.ndarray] | None,
    extent: tuple[float, float, float, float],
    *,
    trajectories: Mapping[str, np.ndarray] | None = None,
    rest: tuple[float, float] | None = None,
    grid: int = 17,
    labels: tuple[str, str] = ("ψ, D's", "θ, G's"),
    title: str = "",
):
    r"""Draw a vector field in the plane and trajectories over it.

    field          the direction of motion: a function (psi, theta) -> (dpsi, dtheta) on arrays of any shape; or its two
                   values as arrays (grid, grid) on an even grid, with psi along the second axis and theta along the
                   first.  Players who descend v = `theory.dirac.field` move along -v.  None draws no arrows
    extent         (psi_min, psi_max, theta_min, theta_max)
    trajectories   name -> (T, 2) successive points (psi, theta); drawn with a ring at the start, a dot at the end and
                   arrow heads in between.  Parts outside the extent are cut off, which the legend notes
    rest           the equilibrium, marked with a cross
    grid           number of arrows along each side

    The length of an arrow is proportional to |v|; the longest is 1.6 cells of the grid.  Returns a Figure.
    Raises ValueError for an extent without area, a field that is not finite or has other shapes, and trajectories that
    are not (T, 2).
    """
    grid = positive_int("phase_portrait", "grid", grid, least=2)
    if np.shape(extent) != (4,) or not np.isfinite(extent).all() or extent[0] >= extent[1] or extent[2] >= extent[3]:
        raise ValueError(f"phase_portrait: extent must be (psi_min, psi_max, theta_min, theta_max), got {extent}")
    left, right, bottom, top = map(float, extent)
    paths = {name: np.asarray(path, dtype=float) for name, path in (trajectories or {}).items()}
    for name, path in paths.items():
        if path.ndim != 2 or path.shape[1] != 2 or not len(path) or not np.isfinite(path[0]).all():
            raise ValueError(
                f"phase_portrait: the trajectory {name!r} must be (T, 2) with a finite start, got {path.shape}"
            )

    fig = figure(6.4, 6.2)
    axes = fig.add_axes((0.13, 0.09, 0.83, 0.76))
    if field is not None:
        psi, theta = np.meshgrid(np.linspace(left, right, grid), np.linspace(bottom, top, grid))
        v = field(psi, theta) if callable(field) else field
        if len(v) != 2 or any(np.shape(part) not in ((), psi.shape) for part in v):
            raise ValueError(
                f"phase_portrait: the field must give two arrays {psi.shape}, got {[np.shape(part) for part in v]}"
            )
        u, w = (np.broadcast_to(np.asarray(part, dtype=float), psi.shape) for part in v)
        if not (np.isfinite(u).all() and np.isfinite(w).all()):
            raise ValueError("phase_portrait: the field must be finite over the extent")
        cell = np.array([right - left, top - bottom]) / (grid - 1)
        size = np.hypot(u / cell[0], w / cell[1]).max()  # in cells
        scale = 1.6 / size if size > 0 else 1.0
        axes.quiver(
            psi,
            theta,
            u * scale,
            w * scale,
            angles="xy",
            scale_units="xy",
            scale=1,
            color=GREY,
            width=0.0028,
            pivot="middle",
            zorder=1,
        )
    for i, (name, path) in enumerate(paths.items()):
        _draw_path(axes, name, path, COLOURS[i % len(COLOURS)], STYLES[i // len(COLOURS) % len(STYLES)], extent)
    if rest is not None:
        axes.plot(
            *rest, marker="+", markersize=13, markeredgewidth=2, color=BLACK, linestyle="none", label="rest", zorder=5
        )
    pad = 0.04 * np.array([right - left, top - bottom])
    axes.set(xlim=(left - pad[0], right + pad[0]), ylim=(bottom - pad[1], top + pad[1]))
    axes.set_xlabel(words(labels[0], width=5))
    axes.set_ylabel(words(labels[1], width=4.5))
    if paths or rest is not None:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, frameon=False)
    hint = "Paths into the centre converge; paths that circle or spiral outwards do not"
    fig.suptitle(heading(fig, title, hint), fontsize=10, y=0.975)
    return fig


def _draw_path(axes, name, path, colour, style, extent):
    left, right, bottom, top = extent
    finite = np.isfinite(path).all(axis=1)
    path = path[: len(path) if finite.all() else int(finite.argmin())]  # up to the first point that is not finite
    outside = (path < [left, bottom]) | (path > [right, top])
    label = words(name, width=1.3, size=8) + (" (leaves)" if outside[-1].any() or not finite.all() else "")
    axes.plot(*path.T, color=colour, linestyle=style, linewidth=1.4, label=label, zorder=3)
    axes.plot(*path[0], marker="o", markersize=7, markerfacecolor="white", color=colour, zorder=4)
    axes.plot(*path[-1], marker="o", markersize=6, color=colour, zorder=4)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    for share in (0.08, 0.3, 0.6) if length[-1] > 0 else ():
        i = min(max(int(np.searchsorted(length, share * length[-1])), 1), len(path) - 1)
        if (path[i] != path[i - 1]).any() and not outside[i - 1 : i + 1].any():
            axes.annotate(
                "",
                xy=path[i],
                xytext=path[i - 1],
                zorder=4,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": colour,
                    "lw": 1.2,
                    "mutation_scale": 13,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )
