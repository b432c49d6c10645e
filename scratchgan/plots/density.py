"""The pictures of a game on points: what D thinks of every place, and where the real and generated points lie.

On a line or in the plane a GAN can be seen whole.  One colour scheme serves all: warm is real, blue is generated; D's
surface is warm where D says real and blue where it says generated.  A perfect G's blue points lie on warm ones, on a
surface without colour.
"""

import math
from pathlib import Path

import numpy as np

from .base import BLACK, FAKE, GREY, ORANGE, REAL, figure, save_figure

POINTS = 2000  # of each kind in a picture: enough to see the shape, few enough to see the points
PROBABILITY = ("minimax", "non-saturating")  # losses that make D(x) the probability of real; others use the logit only


def save_density(path: str | Path, gan, density, *, title: str = "", seed: int = 0, n: int = POINTS) -> None:
    """Write the picture of a game on points in 1 or 2 dimensions.

    gan offers sample(n, seed=) and probability(x); density offers dim, extent and sample(n, rng=), and in 1-D
    density(x).  Real and generated points are the same ones for the same seed.  `title` comes before the hint.

    Raises ValueError for points in 3 or more dimensions.
    """
    if density.dim not in (1, 2):
        raise ValueError(f"points in {density.dim} dimensions have no picture; expected 1 or 2")
    draw = save_density_1d if density.dim == 1 else save_density_2d
    draw(path, gan, density, title=title, seed=seed, n=n)


def save_density_2d(path: str | Path, gan, density, *, title: str = "", seed: int = 0, n: int = POINTS) -> None:
    """Write D's surface with n real and n generated points over it; see `save_density`."""
    left, right, bottom, top = density.extent
    x, y = plane(density.extent)
    surface = _probability(gan, np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    real = np.asarray(density.sample(n, rng=np.random.default_rng(seed)))
    fake = np.asarray(gan.sample(n, seed=seed))
    outside = int(((fake < [left, bottom]) | (fake > [right, top])).any(axis=1).sum())

    fig = figure(6.4, 5.8)
    axes = fig.add_axes((0.1, 0.1, 0.72, 0.76))
    filled = axes.contourf(x, y, surface, levels=np.linspace(0, 1, 21), cmap=surface_colours())
    if surface.min() < 0.5 < surface.max():  # matplotlib warns about a level that is nowhere
        axes.contour(x, y, surface, levels=[0.5], colors=BLACK, linewidths=0.8, linestyles="--")
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
    bar = fig.colorbar(filled, cax=fig.add_axes((0.85, 0.1, 0.03, 0.76)), ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.set_label("D(x), probability of real; dashed: 1/2")
    fig.suptitle(f"{title}\nG has won where blue lies on orange and the surface is pale".strip(), fontsize=10, y=0.965)
    save_figure(fig, path)


def save_density_1d(path: str | Path, gan, density, *, title: str = "", seed: int = 0, n: int = POINTS) -> None:
    """Write p and a histogram of n generated points above D and the optimal D*; see `save_density`.

    p is the true density.  q, G's density, is not known: it is estimated from 4 n points (see `kernel_density`), and
    D* is drawn for losses that have one (see `optimal_d`), where p + q is large enough for that to mean something.
    """
    fig, upper, lower, x, p, q = draw_densities(gan, density, seed=seed, n=n)
    lower.plot(x, _probability(gan, x[:, None]), color=BLACK, linewidth=1.8, label="D(x), learned")
    loss = getattr(gan, "loss", None)
    hint = "D says where it takes points for real: G's should come to lie there"
    if loss is None or loss.name in PROBABILITY:
        optimal, formula, rest = optimal_d(loss, p, q)
        lower.plot(x, optimal, color=ORANGE, linewidth=1.8, linestyle="--", label=f"D*(x) = {formula}, q estimated")
        hint = f"D chases D* = {formula}, and both are {'1/2' if rest == 0.5 else f'{rest:g}'} where q has reached p"
    lower.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    lower.set(
        ylabel="probability of real", ylim=(-0.03, 1.4), yticks=[0, 0.25, 0.5, 0.75, 1]
    )  # the legend stands above 1, where D cannot be
    for axes in (upper, lower):
        axes.legend(fontsize=8, loc="upper right", framealpha=0.9)
    fig.suptitle(f"{title}\n{hint}".strip(), fontsize=10, y=0.965)
    save_figure(fig, path)


def optimal_d(loss, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray | None, str, float]:
    """(the best D against G as it is, its formula, its value where p = q) for densities p and q of one shape.

    minimax and non-saturating: D* = t p / (p + q), t = 1 - label_smoothing; a loss of None counts as these.  Least
    squares: the logit C* = p / (p + q).  Hinge: C* = sign(p - q).  Other losses: (None, "", nan).  Where p + q is
    below a hundredth of p's peak, D* is nan: the ratio of two errors means nothing.
    """
    name, target = getattr(loss, "name", "minimax"), 1 - getattr(loss, "label_smoothing", 0.0)
    known = p + q > 0.01 * p.max()
    if name == "hinge":
        return np.where(known, np.sign(p - q), np.nan), "sign(p - q)", 0.0
    if name not in (*PROBABILITY, "least-squares"):
        return None, "", math.nan
    return (
        np.where(known, target * p / np.maximum(p + q, 1e-300), np.nan),
        ("" if target == 1 else f"{target:g} ") + "p / (p + q)",
        target / 2,
    )


def draw_densities(gan, density, *, seed: int, n: int):
    """Draw p, a histogram of 4 n generated points and q estimated from them in the upper half of a new figure.

    Returns (figure, upper axes, lower axes, x (401,), p(x), q(x)); the lower axes are left to the caller.
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


def save_points(path: str | Path, points: np.ndarray, title: str) -> None:
    """Write points (N, D) alone: a histogram in 1-D, a scatter of the first two coordinates otherwise."""
    fig = figure(5.4, 5.2)
    axes = fig.add_subplot()
    if points.shape[1] == 1:
        axes.hist(points[:, 0], bins=80, density=True, color=FAKE)
        axes.set(xlabel="x", ylabel="density")
    else:
        axes.scatter(points[:, 0], points[:, 1], s=9, color=FAKE, alpha=0.6, linewidths=0)
        axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25)
    save_figure(fig, path)


class PointCloud:
    """The points of a data set (N, 2), in the guise of a density, for `save_density_2d`: dim, extent and sample."""

    dim = 2

    def __init__(self, points: np.ndarray):
        self.points = points
        low, high = np.percentile(points, [0.5, 99.5], axis=0)  # a few outliers must not shrink the rest to a dot
        margin = 0.15 * np.maximum(high - low, 1e-6)
        self.extent = tuple(np.stack([low - margin, high + margin], axis=1).ravel())

    def sample(self, n: int, *, rng: np.random.Generator) -> np.ndarray:
        """Draw n of the points, with replacement: (n, 2)."""
        return self.points[rng.integers(len(self.points), size=n)]


def kernel_density(points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Estimate the density of points (n,) at x (m,): the mean of normal densities around the points.

    The width is a third of Silverman's rule, which is meant for one bump and would melt several into one; it is at
    least one step of x, so that points that all fell on one place stay visible.
    """
    spread = np.subtract(*np.percentile(points, [75, 25])) / 1.34
    width = 0.3 * min(points.std(), spread or math.inf) * len(points) ** -0.2
    width = max(width, x[1] - x[0])
    z = ((x[:, None] - points[None, :]) / width).astype(np.float32)
    return np.exp(-0.5 * z * z).mean(axis=1) / (width * math.sqrt(2 * math.pi))


def plane(extent, side: int = 101) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates x and y, each (side, side), of a grid over extent (left, right, bottom, top)."""
    left, right, bottom, top = extent
    return np.meshgrid(np.linspace(left, right, side), np.linspace(bottom, top, side))


def _probability(gan, x: np.ndarray) -> np.ndarray:
    return np.asarray(gan.probability(x.astype(np.float32)), dtype=float).ravel()


def surface_colours():
    """The colours of D's surface: blue for generated, white in the middle, orange for real."""
    from matplotlib.colors import LinearSegmentedColormap

    # Tints of the two kinds' colours, so that the points stand out on the surface.
    return LinearSegmentedColormap.from_list("D", ["#8FC1E3", "#FFFFFF", "#F5B993"])
