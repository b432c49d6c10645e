"""The Wasserstein loss: the difference of the critic's means over fake and real samples."""

from __future__ import annotations

import numpy as np

from .base import Pointwise, Rest, Terms


class Wasserstein(Pointwise):
    r"""A critic's estimate of the earth mover's distance (Arjovsky et al. 2017, equations 2 and 3).

    D   (Wasserstein.1)   L_D = mean[f] - mean[r]
        (Wasserstein.2)   dL_D/dr = -1/N,    dL_D/df = 1/N
    G   (Wasserstein.3)   L_G = -mean[f]
        (Wasserstein.4)   dL_G/df = -1/N

    W1(p, q) = max over 1-Lipschitz C of E_p[C] - E_q[C], so -L_D of a good critic estimates the distance.  This
    only holds if C is kept Lipschitz: by weight clipping, a gradient penalty or spectral normalisation.
    Optimal D         a Kantorovich potential: |grad C*| = 1 almost everywhere on the lines along which mass is
                      moved; without a constraint there is none, and L_D falls without bound
    At equilibrium    (p = q) L_D = 0 for every C, and C = const is a fixed point with L_G = -const
    Why is the loss negative?  Because D minimises it: at the optimal critic, L_D = -W1.
    """

    name = "wasserstein"
    needs_constraint = True
    rest = Rest(d_loss=0.0)

    def real_term(self, r: np.ndarray) -> Terms:
        """-r."""
        return -r, -np.ones_like(r), np.zeros_like(r)

    def fake_term(self, f: np.ndarray) -> Terms:
        """f."""
        return f, np.ones_like(f), np.zeros_like(f)

    def generator_term(self, f: np.ndarray) -> Terms:
        """-f."""
        return -f, -np.ones_like(f), np.zeros_like(f)
