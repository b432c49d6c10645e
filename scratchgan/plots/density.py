"""Figures of GANs on points: D's output everywhere, with the real and generated points.

In one or two dimensions a GAN can be drawn completely.  All figures use the same colours: orange for real, blue for
generated; D's surface is orange where D says real and blue where it says generated.  For a perfect G, the blue points
lie on the orange ones, and the surface is white.

The loss determines what D's output means and where D is undecided (`scratchgan.losses.base`).
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from ..losses import Loss, NonSaturating
from .base import BLACK, FAKE, GREY, ORANGE, REAL, figure, save_figure
from .style import drawing
from .text import heading, words

POINTS = 2000  # real and generated points each: enough to show the shape, few enough to see single points


def save_density(path: str | Path, gan: Any, density: Any, *, title: str = "", seed: int = 0, n: int = POINTS) -> None:
    """Write the figure of a GAN on points in 1 or 2 dimensions.

    gan needs sample(n, seed=) and what `output` needs; density needs dim, extent, sample(n, rng=) and, in 1-D,
    density(x).  The same seed draws the same real and generated points.  `title` is printed above the hint.

    Raises ValueError for points in 3 or more dimensions.
    """
    if density.dim not in (1, 2):
        raise ValueError(f"save_density draws points in 1 or 2 dimensions, got {density.dim}")
    draw = save_density_1d if density.dim == 1 else save_density_2d
    draw(path, gan, density, title=title, seed=seed, n=n)


@drawing
def save_density_2d(
    path: str | Path, gan: Any, density: Any, *, title: str = "", seed: int = 0, n: int = POINTS
) -> None:
    """Write D's surface with n real and n generated points on top; see `save_density`."""
    left, right, bottom, top = density.extent
    x, y = plane(density.extent)
    loss = loss_of(gan)
    surface = output(gan, np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    levels, norm, ticks = output_levels(surface, loss)
    real = np.asarray(density.sample(n, rng=np.random.default_rng(seed)))
    fake = np.asarray(gan.sample(n, seed=seed))
    outside = int(((fake < [left, bottom]) | (fake > [right, top])).any(axis=1).sum())

    fig = figure(6.4, 5.8)
    axes = fig.add_axes((0.1, 0.1, 0.72, 0.76))
    filled = axes.contourf(x, y, surface, levels=levels, cmap=surface_colours(), norm=norm)
    middle = loss.undecided_output
    if middle is not None and surface.min() < middle < surface.max():  # matplotlib warns about levels out of range
        axes.contour(x, y, surface, levels=[middle], colors=BLACK, linewidths=0.8, linestyles="--")
    axes.scatter(*real.T, s=9, color=REAL, alpha=0.45, linewidths=0, label=f"real, {n:,}")
    axes.scatter(
        *fake.T,
        s=9,
        color=FAKE,
        alpha=0.65,
        linewidths=0,
        label=f"generated, {n:,}" + (f" ({outside:,} outside)" if outside else ""),
    )
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    legend = axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1), ncols=2, fontsize=8, markerscale=2, frameon=False)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    bar = fig.colorbar(filled, cax=fig.add_axes((0.85, 0.1, 0.03, 0.76)), ticks=ticks)
    bar.set_label(loss.output_name + ("" if middle is None else f"; dashed: {number(middle)}"))
    fig.suptitle(
        heading(fig, title, "G has succeeded where blue points lie on orange ones and the surface is white"),
        fontsize=10,
        y=0.965,
    )
    save_figure(fig, path)


@drawing
def save_density_1d(
    path: str | Path, gan: Any, density: Any, *, title: str = "", seed: int = 0, n: int = POINTS
) -> None:
    """Write p and a histogram of 4 n generated points, with D and the optimal D* below; see `save_density`.

    p is the true density.  G's density q is not known and is estimated from the 4 n points (see `kernel_density`).
    D* is drawn if the best D for the loss is known (see `optimal_d`), where p + q is large enough for the estimate.
    """
    fig, upper, lower, x, p, q = draw_densities(gan, density, seed=seed, n=n)
    loss, value = loss_of(gan), output(gan, x[:, None])
    lower.plot(x, value, color=BLACK, linewidth=1.8, label=f"{loss.symbol}, learned")
    hint = "D is high where it takes points for real: G should move its points there"
    if (optimal := optimal_d(loss, p, q)) is not None:
        best = best_name(loss)
        lower.plot(x, optimal, color=ORANGE, linewidth=1.8, linestyle="--", label=f"{best}, q estimated")
        hint = f"D follows {best}"
        if loss.rest.output is not None:
            hint += f"; both are {number(loss.rest.output)} where q = p"
    output_axis(lower, loss, value, optimal)
    for axes in (upper, lower):
        axes.legend(fontsize=8, loc="upper right", framealpha=0.9)
    fig.suptitle(heading(fig, title, hint), fontsize=10, y=0.965)
    save_figure(fig, path)


def loss_of(gan: Any) -> Loss:
    """The loss of the GAN; non-saturating if it has no attribute `loss`."""
    loss = getattr(gan, "loss", None)
    return NonSaturating() if loss is None else loss


def output(gan: Any, x: np.ndarray) -> np.ndarray:
    """D's output at x (n, d) in evaluation mode, (n,): the probability D(x) if the loss defines one, otherwise C(x).

    If D classifies packs of m samples (PacGAN), each pack consists of m copies of a point.
    gan needs probability(x), or a net D for losses for which D is a critic.
    """
    if loss_of(gan).gives_probability:
        return np.asarray(gan.probability(x.astype(np.float32)), dtype=float).ravel()
    D, m = gan.D, getattr(gan, "packing", 1)
    x = np.repeat(x, m, axis=0).astype(D.dtype)
    parts = [D.forward(x[i : i + 1024 * m], train=False)[0] for i in range(0, len(x), 1024 * m)]
    return loss_of(gan).output(np.concatenate(parts)).astype(float).ravel()


def optimal_d(loss: Loss, p: np.ndarray, q: np.ndarray) -> np.ndarray | None:
    """The output of the best D for the densities p and q (n,) of data and fakes; None if no formula is known.

    nan where p + q is below a hundredth of the peak of p, where the estimate of q is too inaccurate.
    """
    with np.errstate(divide="ignore"):
        best = loss.optimal_logit(np.log(p), np.log(q))
    return None if best is None else np.where(p + q > 0.01 * p.max(), loss.output(best), np.nan)


def best_name(loss: Loss) -> str:
    """A label for the best output: "D* = p / (p + q)", or "C*" if the loss has no formula for it."""
    return f"{loss.symbol[0]}*" + (f" = {loss.optimal_formula}" if loss.optimal_formula else "")


@drawing
def output_axis(axes: Any, loss: Loss, value: np.ndarray, optimal: np.ndarray | None) -> None:
    """Label and scale the y axis for D's output (n,) and the optimal one, if any, with room for the legend on top."""
    middle = loss.undecided_output
    if middle is not None:
        axes.axhline(middle, color=GREY, linewidth=0.8, linestyle=":")
    low, high = (0.0, 1.0) if loss.gives_probability else (float(value.min()), float(value.max()))
    if optimal is not None and len(known := optimal[np.isfinite(optimal)]):  # it may be extreme where q is nearly 0
        reach = max(high - low, 1.0)
        low, high = max(min(low, known.min()), low - reach), min(max(high, known.max()), high + reach)
    room = max(high - low, 1e-6)
    axes.set(ylabel=loss.output_name, ylim=(low - 0.05 * room, high + 0.55 * room))
    if loss.gives_probability:
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])


def output_levels(value: np.ndarray, loss: Loss) -> tuple[np.ndarray, Any, Any]:
    """(contour levels, colour norm, ticks): white where D is undecided, or mid-range if the loss has no such value."""
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    if loss.gives_probability:
        return np.linspace(0, 1, 21), Normalize(0, 1), [0, 0.25, 0.5, 0.75, 1]
    low, high, middle = float(value.min()), float(value.max()), loss.undecided_output
    if middle is not None:
        reach = max(high - middle, middle - low)
        low, high = middle - reach, middle + reach
    reach = max(high - low, 1e-6 * max(1.0, abs(low)))  # above 0 for a constant D too
    levels = np.linspace(low - 0.01 * reach, low + 1.01 * reach, 24)
    return levels, Normalize(levels[0], levels[-1]), MaxNLocator(6)


def number(value: float) -> str:
    """Format a value for a label; 0.5 becomes "1/2"."""
    return "1/2" if value == 0.5 else f"{value:.3g}"


@drawing
def draw_densities(
    gan: Any, density: Any, *, seed: int, n: int
) -> tuple[Any, Any, Any, np.ndarray, np.ndarray, np.ndarray]:
    """Draw p, a histogram of 4 n generated points, and q estimated from them, in the upper half of a new figure.

    Returns (figure, upper axes, lower axes, x (401,), p(x), q(x)); the lower axes are empty.
    """
    left, right = density.extent
    x = np.linspace(left, right, 401)
    p = np.asarray(density.density(x[:, None]), dtype=float).ravel()
    fake = np.asarray(gan.sample(4 * n, seed=seed), dtype=float).ravel()
    q = kernel_density(fake, x)
    outside = float(((fake < left) | (fake > right)).mean())

    fig = figure(6.4, 5.8)
    upper, lower = fig.subplots(2, 1, sharex=True)
    upper.fill_between(x, p, color=REAL, alpha=0.25, linewidth=0)
    upper.plot(x, p, color=REAL, linewidth=1.8, label="p(x), the data")
    edges = np.linspace(left, right, 81)
    counts, _ = np.histogram(fake, edges)
    upper.stairs(counts / (len(fake) * (edges[1] - edges[0])), edges, color=FAKE, fill=True, alpha=0.35)
    upper.plot(
        x,
        q,
        color=FAKE,
        linewidth=1.4,
        label="q(x), generated: histogram, smoothed" + (f" ({outside:.0%} outside)" if outside >= 0.005 else ""),
    )
    upper.set(ylabel="density", xlim=(left, right), ylim=(0, 2.2 * p.max()))
    lower.set(xlabel="x")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    fig.subplots_adjust(left=0.1, right=0.97, bottom=0.09, top=0.87, hspace=0.1)
    return fig, upper, lower, x, p, q


@drawing
def save_points(path: str | Path, points: np.ndarray, title: str) -> None:
    """Write a figure of points (N, D): a histogram in 1-D, otherwise a scatter plot of the first two coordinates."""
    fig = figure(5.4, 5.2)
    axes = fig.add_subplot()
    if points.shape[1] == 1:
        axes.hist(points[:, 0], bins=80, density=True, color=FAKE)
        axes.set(xlabel="x", ylabel="density")
    else:
        axes.scatter(points[:, 0], points[:, 1], s=9, color=FAKE, alpha=0.6, linewidths=0)
        axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.set_title(words(title, width=5.2), fontsize=10)
    axes.grid(alpha=0.25)
    save_figure(fig, path)


class PointCloud:
    """The points of a data set (N, 2) with the interface that `save_density_2d` needs: dim, extent and sample."""

    dim = 2

    def __init__(self, points: np.ndarray):
        self.points = points
        low, high = np.percentile(points, [0.5, 99.5], axis=0)  # ignores a few outliers
        margin = 0.15 * np.maximum(high - low, 1e-6)
        self.extent = tuple(np.stack([low - margin, high + margin], axis=1).ravel())

    def sample(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw n of the points, with replacement: (n, 2)."""
        return self.points[rng.integers(len(self.points), size=n)]


def kernel_density(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Estimate the density of points (n,) at x (m,): the mean of normal densities centred at the points.

    The bandwidth is a third of Silverman's rule, which is meant for a single mode and would merge several.  It is at
    least one step of x, so that the density stays visible if all points coincide.
    """
    spread = np.subtract(*np.percentile(points, [75, 25])) / 1.34
    width = 0.3 * min(points.std(), spread or math.inf) * len(points) ** -0.2
    width = max(width, x[1] - x[0])
    z = ((x[:, None] - points[None, :]) / width).astype(np.float32)
    return np.exp(-0.5 * z * z).mean(axis=1) / (width * math.sqrt(2 * math.pi))


def plane(extent: tuple[float, float, float, float], side: int = 101) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates x and y, each (side, side), of a grid on the extent (left, right, bottom, top)."""
    left, right, bottom, top = extent
    return np.meshgrid(np.linspace(left, right, side), np.linspace(bottom, top, side))


def surface_colours() -> Any:
    """The colours of D's surface: blue for generated, white in the middle, orange for real."""
    from matplotlib.colors import LinearSegmentedColormap

    # Lighter than the colours of the points, so that the points stand out.
    return LinearSegmentedColormap.from_list("D", ["#8FC1E3", "#FFFFFF", "#F5B993"])
