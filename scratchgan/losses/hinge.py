"""The hinge loss: a logit on the right side of 0 by more than 1 costs nothing."""

from __future__ import annotations

import numpy as np

from .base import Pointwise, Rest, Terms, log_ratio


class Hinge(Pointwise):
    r"""Margins: D gains nothing from real logits above 1 or fake ones below -1 (Lim & Ye 2017; Miyato et al. 2018).

    D   (Hinge.1)   L_D = mean[max(0, 1 - r)] + mean[max(0, 1 + f)]
        (Hinge.2)   dL_D/dr = -1/N where r < 1, else 0;    dL_D/df = 1/N where f > -1, else 0
    G   (Hinge.3)   L_G = -mean[f]
        (Hinge.4)   dL_G/df = -1/N

    At the kinks r = 1 and f = -1 the derivative is taken as 0.
    Optimal D         C* = sign(p - q): 1 where real samples are denser, -1 where fakes are
    At equilibrium    (p = q) any C in [-1, 1] is optimal, L_D = 2 and L_G = -mean C
    """

    name = "hinge"
    undecided = 0.0
    rest = Rest(d_loss=2.0)
    optimal_formula = "sign(p - q)"

    def real_term(self, r: np.ndarray) -> Terms:
        """max(0, 1 - r)."""
        return np.maximum(1 - r, 0), -(r < 1).astype(r.dtype), np.zeros_like(r)

    def fake_term(self, f: np.ndarray) -> Terms:
        """max(0, 1 + f)."""
        return np.maximum(1 + f, 0), (f > -1).astype(f.dtype), np.zeros_like(f)

    def generator_term(self, f: np.ndarray) -> Terms:
        """-f."""
        return -f, -np.ones_like(f), np.zeros_like(f)

    def optimal_logit(self, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
        """sign(p - q)."""
        return np.sign(log_ratio(log_p, log_q))
