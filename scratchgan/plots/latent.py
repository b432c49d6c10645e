r"""Interpolation between two latent vectors: on a straight line or on a great circle.

    (Latent.1)   linear      z(t) = (1 - t) z0 + t z1,      t from 0 to 1
    (Latent.2)   spherical   z(t) = r(t) [ sin((1 - t) w) z0/|z0| + sin(t w) z1/|z1| ] / sin w,
                             cos w = <z0, z1> / (|z0| |z1|),   r(t) = (1 - t) |z0| + t |z1|

The norm of noise z ~ N(0, I) in Z dimensions is nearly constant: |z|^2 has mean Z and standard deviation sqrt(2 Z), so
|z| is about sqrt(Z) with a standard deviation of about 0.7, for every Z.  Two independent draws are nearly orthogonal,
so on the straight line between them

    (Latent.3)   E |z(t)|^2 = ((1 - t)^2 + t^2) Z,       which at t = 1/2 is Z / 2.

Halfway, the norm has fallen to about 71 %.  For Z = 100 it is 7.07, while noise has 10 +- 0.7: G was never trained
there.  On the great circle the norm is r(t), between those of the ends.  White 2016 (arXiv:1609.04468) introduced it to
GANs as "slerp", after Shoemake's interpolation of quaternions.  That formula uses z0 and z1 themselves instead of r(t)
times their directions.  The two agree if |z0| = |z1|; if the norms differ and the angle is wide, only r(t) stays between
the two norms.
"""

import numpy as np

from ..checks import one_of, positive_int
from ..gan import GAN
from .base import BLUE, GREY, VERMILLION, figure
from .grids import image_grid
from .style import drawing
from .text import heading

KINDS = ("linear", "spherical")


def interpolate_latent(z0: np.ndarray, z1: np.ndarray, steps: int, kind: str = "spherical") -> np.ndarray:
    """`steps` evenly spaced points from z0 to z1, including both ends, by (Latent.1) or (Latent.2).

    z0, z1 (Z,) give (steps, Z); (N, Z) give (N, steps, Z), pair by pair.  The result has the dtype of z0 (float32 for
    integers) and is computed in float64; both ends are exact.

    Raises ValueError for shapes that differ, values that are not finite, fewer than 2 steps and an unknown kind; with
    "spherical" also for z = 0, which has no direction, and for opposite directions, which no unique great circle joins.
    """
    one_of("interpolate_latent", "kind", kind, KINDS)
    steps = positive_int("interpolate_latent", "steps", steps, least=2)
    z0, z1 = np.asarray(z0), np.asarray(z1)
    if z0.shape != z1.shape or z0.ndim not in (1, 2) or 0 in z0.shape or {z0.dtype.kind, z1.dtype.kind} - set("fiu"):
        raise ValueError(
            f"interpolate_latent: expected z0 and z1 both (Z,) or both (N, Z), got {z0.shape} and {z1.shape}"
        )
    dtype = z0.dtype if z0.dtype.kind == "f" else np.float32
    a, b = z0.astype(np.float64), z1.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("interpolate_latent: expected finite z0 and z1, got nan or inf")
    t = np.linspace(0, 1, steps)[:, None]
    a, b = a[..., None, :], b[..., None, :]  # (..., 1, Z) against t (steps, 1)
    path = ((1 - t) * a + t * b if kind == "linear" else _spherical(a, b, t)).astype(dtype)
    path[..., 0, :], path[..., -1, :] = z0, z1
    return path


def _spherical(a, b, t):
    """(Latent.2) in the form r(t) [cos(t w) z0/|z0| + sin(t w) v], v the direction of z1's component orthogonal to z0.

    This is the same point, because sin((1 - t) w) / sin w = cos(t w) - sin(t w) cos w / sin w, but there is no division
    by sin w, so it is valid for w = 0 too.
    """
    ra, rb = _norm(a), _norm(b)
    if not (ra > 0).all() or not (rb > 0).all():
        raise ValueError("interpolate_latent: z = 0 has no direction; use kind='linear'")
    u, other = a / ra, b / rb
    along = (u * other).sum(axis=-1, keepdims=True)
    across = other - along * u
    size = _norm(across)
    if ((size < 1e-7) & (along < 0)).any():
        raise ValueError(
            "interpolate_latent: z0 and z1 point in opposite directions, so no great circle between them is the "
            "shortest; use another pair, or kind='linear'"
        )
    w = np.arctan2(size, along)
    v = across / np.where(size > 0, size, 1)
    return ((1 - t) * ra + t * rb) * (np.cos(t * w) * u + np.sin(t * w) * v)


@drawing
def interpolation(
    gan,
    *,
    pairs: int = 4,
    steps: int = 9,
    seed: int = 0,
    z0: np.ndarray | None = None,
    z1: np.ndarray | None = None,
    title: str = "",
):
    """Draw images on the way from z0 to z1, one pair per row: linear on the left, spherical on the right, norms below.

    gan      a GAN on images (if conditional, the rows have the labels 0, 1, ...); or a function from noise (N, Z) to
             images (N, H, W, C) in [-1, 1], which requires z0 and z1
    pairs    number of rows, with noise drawn from `seed`; ignored if z0 and z1, each (pairs, Z), are given
    steps    images per row, including the two ends

    Returns a Figure.  Raises ValueError as `interpolate_latent` does, for a GAN that does not generate images, and if
    only one of z0 and z1 is given.
    """
    make = gan.generate if isinstance(gan, GAN) else gan
    if (z0 is None) != (z1 is None) or (z0 is None and make is gan):
        raise ValueError("interpolation: expected both z0 and z1, or a GAN and neither of them")
    if z0 is None or z1 is None:
        pairs = positive_int("interpolation", "pairs", pairs)
        z0, z1 = np.random.default_rng(seed).standard_normal((2, pairs, gan.latent_dim)).astype(np.float32)
    z0, z1 = np.atleast_2d(z0), np.atleast_2d(z1)
    paths = {kind: interpolate_latent(z0, z1, steps, kind) for kind in KINDS}
    Z = z0.shape[1]
    asked = (np.repeat(np.arange(len(z0)) % gan.classes, steps),) if isinstance(gan, GAN) and gan.conditional else ()
    images = {kind: np.asarray(make(path.reshape(-1, Z).astype(np.float32), *asked)) for kind, path in paths.items()}
    grids = {kind: image_grid(made, columns=steps) for kind, made in images.items()}

    width, margin, gap = 11.0, 0.12, 0.3
    side = (width - 2 * margin - gap) / 2
    tall, wide = grids["linear"].shape[:2]
    tall = side * tall / wide
    below, top, labels = 1.75, 0.62, 0.3
    height = tall + below + top + labels
    fig = figure(width, height)
    for i, (kind, grid) in enumerate(grids.items()):
        x = (margin + i * (side + gap)) / width
        axes = fig.add_axes((x, below / height, side / width, tall / height))
        axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)), interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(
            {"linear": "straight: (1 - t) $z_0$ + t $z_1$", "spherical": "great circle: |z| between those of its ends"}[
                kind
            ],
            fontsize=9,
            color={"linear": VERMILLION, "spherical": BLUE}[kind],
        )
    fallen = _draw_norms(fig.add_axes((0.65 / width, 0.45 / height, 1 - 0.8 / width, (below - 0.6) / height)), paths, Z)
    fig.suptitle(heading(fig, title, fallen), fontsize=10, y=1 - 0.09 / height, va="top")
    return fig


def _draw_norms(axes, paths, Z):
    """Draw the norms along the paths and the range of the noise's norms; return the hint for the title."""
    noise = np.sqrt(np.random.default_rng(0).chisquare(Z, size=100_000))
    low, high = np.quantile(noise, [0.005, 0.995])
    axes.axhspan(low, high, color=GREY, alpha=0.25, linewidth=0, label="99 % of the noise that G was trained on")
    t = np.linspace(0, 1, paths["linear"].shape[1])
    for kind, colour in (("linear", VERMILLION), ("spherical", BLUE)):
        norms = np.linalg.norm(paths[kind].astype(float), axis=2)
        axes.plot(t, norms.T, color=colour, linewidth=1.2, alpha=0.7)
        axes.plot([], [], color=colour, label={"linear": "straight", "spherical": "great circle"}[kind])
    axes.set(xlabel="t", ylabel="|z(t)|", xlim=(0, 1), ylim=(0, None))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8, loc="lower left", ncols=3)
    straight = np.linalg.norm(
        interpolate_latent(paths["linear"][:, 0], paths["linear"][:, -1], 3, "linear").astype(float), axis=2
    )
    middle, ends = straight[:, 1].mean(), straight[:, [0, 2]].mean()
    where = (
        "below the range of 99 % of the noise: are pictures paler there?"
        if middle < low
        else "still within the range of 99 % of the noise"
    )
    return f"Halfway along the straight line |z| has fallen to {middle / ends:.0%}, {where}"


def _norm(v):
    return np.linalg.norm(v, axis=-1, keepdims=True)
