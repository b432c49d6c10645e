r"""Where D sends G: D's output on the line or the plane, and the direction in which G's loss pushes each fake.

G learns only from gradients at D's input.  Backpropagation through D gives, for every fake x_n of a batch of N,

    (Surface.1)   dL_G/dx_n = (dC/dx)(x_n)^T dL_G/df_n,      f_n = C(x_n) the logit

and G's update changes its weights so that the fakes move in the *opposite* direction, along -dL_G/dx_n.  L_G is a mean
over N logits, so (Surface.1) contains a factor 1/N; figures show N times it, which, for losses that are means over
samples, depends on this fake alone.
G changes its weights and cannot move fakes one by one: an arrow shows the direction of descent for this fake, not where
the next step will move it.

Figures show D in evaluation mode and the loss alone.  `fake_gradient` can also compute what G's update uses: D in
training mode, which differs if D has BatchNorm or Dropout, and the game's rules (feature matching, noise ...).
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..data.densities import Density
from .base import BLACK, FAKE, GREY, ORANGE, REAL, figure
from .density import (
    PointCloud,
    best_name,
    draw_densities,
    optimal_d,
    output,
    output_axis,
    output_levels,
    plane,
    surface_colours,
)
from .style import drawing
from .text import heading

ARROWS = 120
LONGEST = 0.13  # longest arrow, as a share of the axes' width


def fake_gradient(gan: Any, fake: np.ndarray, real: np.ndarray | None = None, *, train: bool = False) -> np.ndarray:
    r"""(Surface.1): dL_G/dfake for a batch of fakes (N, *data_shape); same shape, D's dtype.

    gan     a GAN, of which D and the loss are used; it is not changed
    real    (M, *data_shape) real samples, needed by relativistic losses and by some rules
    train   False: the loss alone, through D in evaluation mode.  True: the gradient that G's update uses, with D in
            training mode and the game's rules.  It is computed on a copy of the GAN, so that running statistics and
            random streams do not change; repeated calls therefore give the same result

    Raises ValueError if fake or real have another shape or are not finite, or if the loss needs `real` and it is None.
    """
    fake = _batch(gan, "fake", fake)
    real = None if real is None else _batch(gan, "real", real)
    if gan.loss.relativistic and real is None:
        raise ValueError(f"fake_gradient: the loss {gan.loss.name!r} also needs a batch of real samples, got None")
    if train:
        twin = copy.deepcopy(gan)
        objective = twin.objective
        for rule in twin.rules:
            objective = partial(rule.generator, twin, objective=objective)
        return objective(fake, real)[1]
    real_logits = gan.D.forward(real, train=False)[0] if gan.loss.relativistic else None
    logits, cache = gan.D.forward(fake, train=False)
    _, d_logits = gan.loss.generator(logits, real_logits)
    return gan.D.backward(d_logits, cache, param_grads=False)


def surface(gan: Any, data: Any, *, title: str = "", seed: int = 0, n: int = 1000, arrows: int = ARROWS) -> Any:
    """Draw a GAN on points in 1 or 2 dimensions: D's surface, real points and fakes, and arrows at some of the fakes.

    gan      a GAN on points whose D ends in one logit
    data     a density (see `scratchgan.data`), or in 2-D the points themselves, (M, 2)
    n        number of real points and of fakes; `seed` determines the draws
    arrows   largest number of arrows, at fakes spread over the figure.  They point along -dL_G/dx (Surface.1), with
             proportional length; the legend states the longest.  0 draws none

    The surface is the probability D(x) if the loss defines one, otherwise the critic C(x), in evaluation mode.  In 1-D
    it is drawn below the density p and a histogram of the fakes, with the arrows on the curve of D.  If D classifies
    packs of m samples (PacGAN), the surface uses m copies of a point, and the arrows use packs of m different fakes.
    Returns a Figure.

    Raises ValueError for points in other dimensions, or if the data do not match the GAN.
    """
    if not isinstance(data, Density):
        points = np.asarray(data)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise ValueError(
                "a surface needs a density in 1 or 2 dimensions, or finite points (M, 2); "
                f"got {points.dtype} of shape {points.shape}"
            )
        data = PointCloud(points)
    if data.dim not in (1, 2) or tuple(gan.data_shape) != (data.dim,):
        raise ValueError(
            f"a surface needs a GAN and data in 1 or 2 dimensions; the GAN generates samples {gan.data_shape}, "
            f"the data have {data.dim} dimensions"
        )
    if n < 1 or arrows < 0:
        raise ValueError(f"a surface needs n of at least 1 and arrows of at least 0, got {n} and {arrows}")
    packed = gan.packing
    n = max(n // packed, 1) * packed
    real = np.asarray(data.sample(n, rng=np.random.default_rng(seed)))
    fake = np.asarray(gan.sample(n, seed=seed))
    push = -(n // packed) * np.asarray(fake_gradient(gan, fake, real), dtype=float)
    draw = _surface_1d if data.dim == 1 else _surface_2d
    return draw(gan, data, real, fake, push, min(arrows, n), title=title, seed=seed)


@drawing
def _surface_2d(
    gan: Any,
    data: Any,
    real: np.ndarray,
    fake: np.ndarray,
    push: np.ndarray,
    arrows: int,
    *,
    title: str,
    seed: int,
) -> Any:
    left, right, bottom, top = data.extent
    x, y = plane(data.extent)
    value, middle = output(gan, np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape), gan.loss.undecided_output
    levels, norm, ticks = output_levels(value, gan.loss)
    outside = int(((fake < [left, bottom]) | (fake > [right, top])).any(axis=1).sum())

    fig = figure(6.8, 6.2)
    axes = fig.add_axes((0.1, 0.08, 0.72, 0.79))
    filled = axes.contourf(x, y, value, levels=levels, cmap=surface_colours(), norm=norm)
    if middle is not None and value.min() < middle < value.max():  # matplotlib warns about levels out of range
        axes.contour(x, y, value, levels=[middle], colors=BLACK, linewidths=0.8, linestyles="--")
    axes.scatter(*real.T, s=9, color=REAL, alpha=0.45, linewidths=0, label=f"real, {len(real):,}")
    axes.scatter(
        *fake.T,
        s=9,
        color=FAKE,
        alpha=0.65,
        linewidths=0,
        label=f"generated, {len(fake):,}" + (f" ({outside:,} outside)" if outside else ""),
    )
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    if arrows:
        some = _spread_out(fake, data.extent, arrows)
        length, longest = _scaled(push[some], LONGEST * (right - left))
        axes.quiver(
            *fake[some].T, *length.T, angles="xy", scale_units="xy", scale=1, width=0.004, color=BLACK, zorder=3
        )
        axes.plot(
            [],
            [],
            color=BLACK,
            marker=r"$\rightarrow$",
            markersize=11,
            linestyle="none",
            label=rf"$-N\,\partial L_G/\partial x$; longest {longest:.3g}",
        )
    legend = axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.56, 0.995),
        ncols=3,
        fontsize=8,
        frameon=False,
        columnspacing=1.2,
        handletextpad=0.3,
    )
    for handle in legend.legend_handles[:2]:
        handle.set_alpha(1)
        handle.set_sizes([30])
    bar = fig.colorbar(filled, cax=fig.add_axes((0.85, 0.08, 0.03, 0.79)), ticks=ticks)
    bar.set_label(gan.loss.output_name + (f"; dashed: {middle:g}" if middle is not None else ""))
    fig.suptitle(
        heading(fig, title, "Arrows: where G's loss sends each fake. They shrink where D has no slope left"),
        fontsize=10,
        y=0.975,
    )
    return fig


@drawing
def _surface_1d(
    gan: Any,
    data: Any,
    real: np.ndarray,
    fake: np.ndarray,
    push: np.ndarray,
    arrows: int,
    *,
    title: str,
    seed: int,
) -> Any:
    fig, upper, lower, x, p, q = draw_densities(gan, data, seed=seed, n=len(fake))
    loss, value = gan.loss, output(gan, x[:, None])
    lower.plot(x, value, color=GREY, linewidth=1.8, label=loss.output_name)
    optimal = optimal_d(loss, p, q)
    if optimal is not None:
        lower.plot(x, optimal, color=ORANGE, linewidth=1.8, linestyle="--", label=f"{best_name(loss)}, q estimated")
    if arrows:
        some = _spread_out(fake, data.extent, arrows)
        length, longest = _scaled(push[some], LONGEST * (x[-1] - x[0]))
        at = output(gan, fake[some])
        lower.quiver(
            fake[some, 0],
            at,
            length[:, 0],
            np.zeros(len(some)),
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.004,
            color=BLACK,
            zorder=3,
        )
        lower.plot(
            [],
            [],
            color=BLACK,
            marker=r"$\rightarrow$",
            markersize=11,
            linestyle="none",
            label=rf"$-N\,\partial L_G/\partial x$ at fakes; longest {longest:.3g}",
        )
    output_axis(lower, loss, value, optimal)
    for axes in (upper, lower):
        axes.legend(fontsize=8, loc="upper right", framealpha=0.9)
    fig.suptitle(
        heading(fig, title, "Arrows: where G's loss sends each fake. They shrink where D has no slope left"),
        fontsize=10,
        y=0.965,
    )
    return fig


def _spread_out(points: np.ndarray, extent: Sequence[float], most: int) -> np.ndarray:
    """Indices of at most `most` points (n, d) inside the extent: the first point in each cell of a grid, in order."""
    low, high = np.reshape(extent, (-1, 2)).T
    inside = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
    cells = np.floor((points[inside] - low) / (high - low) * (60 if len(low) == 1 else 26)).astype(int)
    _, first = np.unique(cells, axis=0, return_index=True)
    return np.sort(inside[first])[:most]


def _scaled(push: np.ndarray, longest: float) -> tuple[np.ndarray, float]:
    """(push (n, d) scaled so that its longest row has length `longest`, the original length of that row)."""
    size = float(np.sqrt((push**2).sum(axis=1)).max(initial=0))
    return (push * (longest / size) if size > 0 else push), size


def _batch(gan: Any, name: str, x: Any) -> np.ndarray:
    x = np.asarray(x)
    if x.shape[1:] != tuple(gan.data_shape) or not len(x) or x.dtype.kind not in "fiu":
        raise ValueError(
            f"expected {name} samples (N, {', '.join(map(str, gan.data_shape))}), got {x.dtype} of shape {x.shape}"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"expected finite {name} samples, got nan or inf")
    return np.ascontiguousarray(x, gan.D.dtype)
