r"""Inception score: is every image of one clear class, and are all classes there?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .inputs import rows


def inception_score(probabilities: ArrayLike) -> float:
    r"""exp of the mean divergence of a classifier's verdicts from their average.

    Symbols   probabilities (N, K): row n is p(y | x_n), the class probabilities of the n-th *generated* image

    (Inception.1)   IS = exp( mean_n KL( p(y | x_n) || p(y) ) ),      p(y) = mean_n p(y | x_n)
    (Inception.2)   log IS = H(p(y)) - mean_n H(p(y | x_n))           the mutual information of image and class, nats

    Range     1 to K; larger is better.
    Floor     what the real images score, at most K: below K, as classifiers are not certain nor classes equal.
    Ceiling   1 is the worst: every image gets the same verdict.  Noise need not score 1: a classifier that never saw
              noise may put it into classes with confidence.
    Blind to  collapse *inside* a class: one perfect picture of each class, repeated, scores K, more than real data.
              Memorisation, too: copies are perfect.  It never looks at real data at all, and not at images either, only
              at verdicts.  With few images it is biased downwards: p(y) then leans towards the verdicts it came from.
    Errors    ValueError unless probabilities are (N, K) with N at least 1, in [0, 1], and sum to 1 in every row.
    Sources   Salimans et al. 2016, section 4; Barratt & Sharma 2018, "A note on the inception score".
    """
    p = rows("inception_score", "probabilities", probabilities)
    total = p.sum(axis=1)
    if np.ndim(probabilities) != 2 or p.min() < 0 or np.abs(total - 1).max() > 1e-3:
        raise ValueError(
            "inception_score expects probabilities (N, K), at least 0, each row with sum 1; got shape "
            f"{np.shape(probabilities)}, least {p.min():g}, sums from {total.min():g} to {total.max():g}"
        )
    p = p / total[:, None]  # softmax in float32 sums to 1 within 1e-6 only
    marginal = np.broadcast_to(p.mean(axis=0), p.shape)
    there = p > 0  # 0 log 0 = 0
    divergence = np.sum(p[there] * np.log(p[there] / marginal[there])) / len(p)
    return float(np.exp(max(0.0, divergence)))
