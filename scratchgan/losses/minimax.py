"""The minimax game, and the non-saturating game: the same loss for D, but one for G whose gradient does not vanish."""

from __future__ import annotations

import math

import numpy as np

from ..checks import real
from ..layers.activations import sigmoid, softplus
from .base import Pointwise, Rest, Terms, bell, log_ratio


class Minimax(Pointwise):
    r"""The game of Goodfellow et al. 2014, equation 1: G *minimises* log(1 - D(G(z))).  Also called "saturating".

    Symbols   r = C(X) real logits, f = C(G(Z)) fake logits, each (N, 1) or any shape; t the label of real samples

    D   (Minimax.1)   L_D = mean[softplus(r) - t r] + mean[softplus(f)]     = BCE (Loss.1) with labels t and 0
        (Minimax.2)   dL_D/dr = (sigmoid(r) - t) / N,    dL_D/df = sigmoid(f) / N
    G   (Minimax.3)   L_G = mean[log(1 - D(G(Z)))] = -mean[softplus(f)]
        (Minimax.4)   dL_G/df = -sigmoid(f) / N

    t = 1 gives mean[softplus(-r)] + mean[softplus(f)] = -V.  One-sided label smoothing (Salimans et al. 2016, section
    3.4) takes t = 1 - label_smoothing: then D gains nothing from real logits above log(t / (1 - t)).
    Optimal D         D* = t p / (p + q): (Loss.3) with the label t
    At equilibrium    (p = q) D = t/2, L_D = -t log D - (2 - t) log(1 - D), L_G = log(1 - D);
                      for t = 1: D = 1/2, L_D = log 4, L_G = -log 2
    Trouble           where D is sure that a sample is fake, D = sigmoid(f) -> 0 and the gradient (4) vanishes: G learns
                      nothing exactly when it is worst.

    Arguments: label_smoothing in [0, 1), 0 is off.   Errors: ValueError for empty or non-array logits.
    """

    name = "minimax"
    gives_probability = True
    undecided = 0.0
    smooths_labels = True
    unit = "nats"

    def __init__(self, label_smoothing: float = 0.0):
        self.label_smoothing = real(type(self).__name__, "label_smoothing", label_smoothing, 0, 1, open_high=True)

    def real_term(self, r: np.ndarray) -> Terms:
        """softplus(r) - t r, written as t softplus(-r) + (1 - t) softplus(r), without a difference of large numbers."""
        t = r.dtype.type(1 - self.label_smoothing)
        return t * softplus(-r) + (1 - t) * softplus(r), (1 - t) - sigmoid(-r), bell(r)

    def fake_term(self, f: np.ndarray) -> Terms:
        """softplus(f)."""
        return softplus(f), sigmoid(f), bell(f)

    def generator_term(self, f: np.ndarray) -> Terms:
        """-softplus(f)."""
        return -softplus(f), -sigmoid(f), -bell(f)

    @property
    def rest(self) -> Rest:
        """D = t/2; see the class."""
        t = 1 - self.label_smoothing
        D = t / 2
        return Rest(-t * math.log(D) - (2 - t) * math.log(1 - D), self._g_loss(D), D)

    def _g_loss(self, D: float) -> float:
        """L_G where D(G(z)) = D for every z."""
        return math.log(1 - D)

    def optimal_logit(self, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
        """The logit of D*: log(t p) - log((1 - t) p + q)."""
        if self.label_smoothing == 0:
            return log_ratio(log_p, log_q)
        log_t, log_1_t = math.log1p(-self.label_smoothing), math.log(self.label_smoothing)
        return log_ratio(log_p + log_t, np.logaddexp(log_p + log_1_t, log_q))

    @property
    def optimal_formula(self) -> str:
        """The formula, with the label t as a number."""
        return ("" if self.label_smoothing == 0 else f"{1 - self.label_smoothing:g} ") + "p / (p + q)"


class NonSaturating(Minimax):
    r"""D as in Minimax; G *maximises* log D(G(z)): its fakes get the label 1.  (Goodfellow et al. 2014, section 3.)

    G   (NonSaturating.1)   L_G = -mean[log D(G(Z))] = mean[softplus(-f)]     = BCE (Loss.1) with label 1
        (NonSaturating.2)   dL_G/df = -sigmoid(-f) / N = -(1 - D) / N

    Compared with (Minimax.4) the gradient is (1 - D)/D times as large: it has the same sign for each f and the same
    fixed point, but is strong where D is sure that a sample is fake, and weak where G already deceives D.
    Optimal D         as in Minimax
    At equilibrium    as in Minimax, but L_G = -log D; for t = 1 that is log 2
    """

    name = "non-saturating"

    def generator_term(self, f: np.ndarray) -> Terms:
        """softplus(-f)."""
        return softplus(-f), -sigmoid(-f), bell(f)

    def _g_loss(self, D: float) -> float:
        return -math.log(D)
