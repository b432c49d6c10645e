r"""Inception score: does every image clearly belong to one class, and do all classes occur?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .inputs import rows


def inception_score(probabilities: ArrayLike) -> float:
    r"""exp of the mean KL divergence of a classifier's predictions from their average.

    Symbols   probabilities (N, K): row n is p(y | x_n), the class probabilities of the n-th *generated* image

    (Inception.1)   IS = exp( mean_n KL( p(y | x_n) || p(y) ) ),      p(y) = mean_n p(y | x_n)
    (Inception.2)   log IS = H(p(y)) - mean_n H(p(y | x_n))           the mutual information of image and class, nats

    Range     1 to K; larger is better.
    Floor     the score of the real images: below K, because no classifier is certain and classes are not equally
              frequent.
    Ceiling   1 is the worst: every image gets the same prediction.  Noise need not score 1: a classifier that was never
              trained on noise may assign it to classes with confidence.
    Blind to  collapse *inside* a class: one perfect image of each class, repeated, scores K, more than real data.
              Memorisation: copies are perfect.  It uses no real data, and of the images only the predictions.  With few
              images it is biased downwards, because p(y) is then close to the predictions it is the mean of.
    Errors    ValueError unless probabilities are (N, K) with N at least 1, in [0, 1], and every row sums to 1.
    Sources   Salimans et al. 2016, section 4; Barratt & Sharma 2018, "A note on the inception score".
    """
    p = rows("inception_score", "probabilities", probabilities)
    total = p.sum(axis=1)
    if np.ndim(probabilities) != 2 or p.min() < 0 or np.abs(total - 1).max() > 1e-3:
        raise ValueError(
            "inception_score expects probabilities (N, K), at least 0, each row with sum 1; got shape "
            f"{np.shape(probabilities)}, minimum {p.min():g}, sums from {total.min():g} to {total.max():g}"
        )
    p = p / total[:, None]  # a float32 softmax sums to 1 only within 1e-6
    marginal = np.broadcast_to(p.mean(axis=0), p.shape)
    there = p > 0  # 0 log 0 = 0
    divergence = np.sum(p[there] * np.log(p[there] / marginal[there])) / len(p)
    return float(np.exp(max(0.0, divergence)))
