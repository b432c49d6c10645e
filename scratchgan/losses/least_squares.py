"""The least-squares loss: the labels are target numbers, not classes."""

from __future__ import annotations

import numpy as np

from ..layers.activations import sigmoid
from .base import Pointwise, Rest, Terms, log_ratio


class LeastSquares(Pointwise):
    r"""Regression to labels instead of classification (Mao et al. 2017, equation 9: labels 0 and 1, target 1).

    D   (LeastSquares.1)   L_D = 1/2 mean[(r - 1)^2] + 1/2 mean[f^2]
        (LeastSquares.2)   dL_D/dr = (r - 1) / N,    dL_D/df = f / N
    G   (LeastSquares.3)   L_G = 1/2 mean[(f - 1)^2]
        (LeastSquares.4)   dL_G/df = (f - 1) / N

    The output itself is compared with the labels: there is no sigmoid, and the gradient grows with the distance.
    Optimal D         C* = p / (p + q)      (the minimum of p (c - 1)^2 + q c^2)
    At equilibrium    C = 1/2, L_D = 1/4, L_G = 1/8
    """

    name = "least-squares"
    undecided = 0.5
    rest = Rest(0.25, 0.125, 0.5)
    optimal_formula = "p / (p + q)"

    def real_term(self, r: np.ndarray) -> Terms:
        """(r - 1)^2 / 2."""
        return (r - 1) ** 2 / 2, r - 1, np.ones_like(r)

    def fake_term(self, f: np.ndarray) -> Terms:
        """f^2 / 2."""
        return f**2 / 2, f, np.ones_like(f)

    def generator_term(self, f: np.ndarray) -> Terms:
        """(f - 1)^2 / 2."""
        return self.real_term(f)

    def optimal_logit(self, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
        """p / (p + q)."""
        return sigmoid(log_ratio(log_p, log_q))
