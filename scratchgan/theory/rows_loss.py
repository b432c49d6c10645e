"""The ledger's rows about the losses: their values for p = q, and their derivation from cross-entropy."""

from __future__ import annotations

import math

import numpy as np

from ..layers import sigmoid
from ..losses import Hinge, LeastSquares, Minimax, NonSaturating, Pointwise, Wasserstein
from .optimal import (
    gradient_ratio,
)
from .row import LedgerRow

GOODFELLOW, ARJOVSKY = "Goodfellow et al. 2014, section 4", "Arjovsky et al. 2017"
LOG4 = math.log(4)


def rows() -> list[LedgerRow]:
    """All rows about the losses."""
    return [*_equilibrium(), *_labels()]


def _equilibrium() -> list[LedgerRow]:
    r = np.zeros((5, 1))
    topic = "where p = q"
    return [
        LedgerRow(topic, "minimax: V = -log 4", GOODFELLOW, -LOG4, -Minimax().discriminator(r, r)[0], 1e-14),
        LedgerRow(topic, "minimax: G's loss is -log 2", GOODFELLOW, -math.log(2), Minimax().generator(r)[0], 1e-14),
        LedgerRow(
            topic, "minimax: the best D is 1/2", GOODFELLOW, 0.5, sigmoid_of(best_logit(Minimax(), 1.0, 1.0)), 1e-12
        ),
        LedgerRow(
            topic,
            "minimax: real and fake derivative of D's loss cancel",
            "(Minimax.2)",
            0.0,
            float(sum(d.sum() for d in Minimax().discriminator(r, r)[1:])),
            1e-15,
        ),
        LedgerRow(
            topic,
            "least squares: D's loss at the best C = 1/2 is 1/4",
            "Mao et al. 2017",
            0.25,
            LeastSquares().discriminator(r + 0.5, r + 0.5)[0],
            1e-15,
        ),
        LedgerRow(
            topic,
            "hinge: D's loss is 2, for any C in [-1, 1]",
            "Lim & Ye 2017",
            2.0,
            Hinge().discriminator(r + 0.3, r + 0.3)[0],
            1e-14,
        ),
        LedgerRow(
            topic,
            "Wasserstein: D's loss is 0, for any critic",
            ARJOVSKY,
            0.0,
            Wasserstein().discriminator(r + 7, r + 7)[0],
            0.0,
        ),
    ]


def _labels() -> list[LedgerRow]:
    l, far = np.full((1, 1), -3.0), np.full((1, 1), -800.0)
    D = 1 / (1 + math.exp(3.0))
    ratio = NonSaturating().generator(l)[1] / Minimax().generator(l)[1]
    topic = "derived from cross-entropy, at D = 0.047"
    return [
        LedgerRow(
            topic, "(A) label 1 costs -log D", "(Loss.1)", -math.log(D), Minimax().discriminator(l, far)[0], 1e-13
        ),
        LedgerRow(
            topic,
            "(B) label 0 costs -log(1 - D)",
            "(Loss.1)",
            -math.log(1 - D),
            Minimax().discriminator(-far, l)[0],
            1e-13,
        ),
        LedgerRow(
            topic, "minimax: slope of G's loss is -D", "(OptimalD.9)", -D, float(Minimax().generator(l)[1][0, 0]), 1e-15
        ),
        LedgerRow(
            topic,
            "non-saturating: slope of G's loss is -(1 - D)",
            "(OptimalD.9)",
            D - 1,
            float(NonSaturating().generator(l)[1][0, 0]),
            1e-15,
        ),
        LedgerRow(
            topic,
            "non-saturating over minimax: (1 - D)/D",
            "(OptimalD.9)",
            float(gradient_ratio(-3.0)),
            float(ratio[0, 0]),
            1e-12,
        ),
    ]


def best_logit(loss: Pointwise, p: float, q: float) -> float:
    """The logit d that minimises p a(d) + q b(d): the zero of the package's derivative, found by bisection."""
    low, high = -50.0, 50.0
    for _ in range(100):
        d = np.array([0.5 * (low + high)])
        slope = p * loss.real_term(d)[1][0] + q * loss.fake_term(d)[1][0]
        low, high = (low, float(d[0])) if slope > 0 else (float(d[0]), high)
    return 0.5 * (low + high)


def sigmoid_of(l: float) -> float:
    """D = sigmoid(l) for one logit."""
    return float(sigmoid(np.array([l]))[0])
