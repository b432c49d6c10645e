r"""Instance noise: add noise to D's input, real and fake alike, so that both have a density and overlap.

    (InstanceNoise.1)   D gets x + sigma_t n and G(z) + sigma_t m,   n, m ~ N(0, I)
    (InstanceNoise.2)   sigma_t = sigma max(0, 1 - t / T)             t the training step

Two distributions on low-dimensional sets can be separated perfectly, and JS is then log 2 wherever these sets are
(Arjovsky & Bottou 2017, section 3).  Noise gives the two a common support, and D a useful gradient.  The noise is
reduced gradually to 0, because with noise the fixed point only makes the *noisy* distributions agree.
Source: Sonderby et al. 2017 (the name); Arjovsky & Bottou 2017, section 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..checks import positive_int, real
from .rule import Rule

if TYPE_CHECKING:
    from ..gan import GAN


class InstanceNoise(Rule):
    """(InstanceNoise.1, 2) with sigma >= 0 in units of the data (images span 2), falling to 0 in T = `steps` steps."""

    def __init__(self, sigma: float, steps: int):
        self.sigma = real("InstanceNoise", "sigma", sigma, 0, math.inf, open_high=True)
        self.steps = positive_int("InstanceNoise", "steps", steps)

    def sigma_at(self, step: int) -> float:
        """(InstanceNoise.2)."""
        return self.sigma * max(0.0, 1 - step / self.steps)

    def transformed(self, gan: GAN, x: np.ndarray) -> np.ndarray:
        """(InstanceNoise.1)."""
        sigma = self.sigma_at(gan.steps)
        if not sigma:
            return x
        noise = gan.layer_rng().standard_normal(x.shape, dtype=np.float32 if x.dtype == np.float32 else np.float64)
        return x + x.dtype.type(sigma) * noise

    def describe(self) -> str:
        """The arguments sigma and steps."""
        return f"{self.sigma:g}, {self.steps}"
