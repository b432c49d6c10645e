r"""Toy data with a known density, so that what a GAN learned can be compared with the truth in numbers.

    ring = toy.ring()                        # eight Gaussians on a circle
    x = ring.sample(512, rng=rng)            # (512, 2) float32
    ring.log_density(x)                      # (512,) the true log p(x), in nats
    ring.modes, ring.weights, ring.sigma     # (8, 2), (8,) and a number: used by `scratchgan.metrics.mode_report`

`TOY` maps the names that `load` accepts to the functions below.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..checks import positive_int
from .densities import Density, GaussianMixture, NoisyCurves, Squares


def gaussian_mixture_1d(
    means: Sequence[float] = (-2.0, 0.0, 2.0),
    sigma: float | Sequence[float] = 0.3,
    weights: Sequence[float] | None = (0.3, 0.5, 0.2),
) -> GaussianMixture:
    """A mixture of Gaussians in one dimension.  Goodfellow et al. 2014, figure 1, has a single Gaussian.

    means (K,); sigma a number or (K,); weights (K,), positive (normalised to sum to 1), or None for equal ones.
    ValueError if their lengths differ.
    """
    mean = np.asarray(means, dtype=np.float64)
    if mean.ndim != 1:
        raise ValueError(f"mixture-1d: means must be a list of numbers, got shape {mean.shape}")
    return GaussianMixture("mixture-1d", f"{len(mean)} Gaussians on a line", mean[:, None], sigma, weights)


def ring(n_modes: int = 8, radius: float = 1.0, sigma: float = 0.02) -> GaussianMixture:
    r"""n_modes Gaussians on a circle, at the angles 2 pi k / n_modes, k = 0..n_modes-1.

    Source: Metz et al. 2017 (unrolled GAN), section 3.1; VEEGAN (Srivastava et al. 2017).
    """
    n_modes = positive_int("ring", "n_modes", n_modes)
    angle = 2 * math.pi * np.arange(n_modes) / n_modes
    means = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return GaussianMixture("ring", f"{n_modes} Gaussians on a circle", means, sigma)


def grid(side: int = 5, spacing: float = 2.0, sigma: float = 0.05) -> GaussianMixture:
    """side x side Gaussians on a square grid centred at 0: by default at {-4, -2, 0, 2, 4}^2.

    Source: VEEGAN (Srivastava et al. 2017); PacGAN (Lin et al. 2018).
    """
    side = positive_int("grid", "side", side)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    means = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return GaussianMixture("grid", f"{side * side} Gaussians on a square grid", means, sigma)


def two_moons(sigma: float = 0.1) -> NoisyCurves:
    """Two interleaved half circles of radius 1, with Gaussian noise; each is the other rotated by pi about the origin.

    The angle is uniform.  The density is integrated along the arcs: see `densities.NoisyCurves`.
    """

    def moon(sign):
        def curve(t):
            return sign * np.stack([np.cos(np.pi * t) - 0.5, np.sin(np.pi * t) - 0.25], axis=-1)

        return curve

    return NoisyCurves("two-moons", "two interleaved half circles with noise", [moon(1.0), moon(-1.0)], sigma)


def spirals(arms: int = 2, turns: float = 1.25, radius: float = 1.0, sigma: float = 0.03) -> NoisyCurves:
    r"""Archimedean spiral arms with noise:  r = radius u, angle = 2 pi (turns u + k / arms), u from 0.15 to 1.

    u^2 is uniform, so the points are spread almost evenly along each arm (its length grows like u^2).
    The density is integrated along the arms: see `densities.NoisyCurves`.
    """
    arms = positive_int("spirals", "arms", arms)
    inner = 0.15  # above 0, or all arms would start in the same point

    def arm(k):
        def curve(t):
            u = np.sqrt(inner**2 + (1 - inner**2) * t)
            angle = 2 * np.pi * (turns * u + k / arms)
            return radius * u[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

        return curve

    return NoisyCurves("spirals", f"{arms} spiral arms with noise", [arm(k) for k in range(arms)], sigma)


def checkerboard(squares: int = 4, half_width: float = 2.0) -> Squares:
    """Uniform on the dark squares of a board of squares x squares cells on [-half_width, half_width]^2."""
    return Squares("checkerboard", f"the dark squares of a {squares} x {squares} board", squares, half_width)


TOY: dict[str, Callable[..., Density]] = {
    "mixture-1d": gaussian_mixture_1d,
    "ring": ring,
    "grid": grid,
    "two-moons": two_moons,
    "spirals": spirals,
    "checkerboard": checkerboard,
}
