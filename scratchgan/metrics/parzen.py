r"""Parzen window likelihood: the score of the first GAN papers, kept to show how it misleads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..checks import real as number
from .inputs import column, two_samples
from .neighbours import nearest, tables

_CANDIDATES = 20


def parzen_log_likelihood(samples: ArrayLike, test: ArrayLike, *, sigma: float) -> tuple[float, float]:
    r"""Mean log likelihood of test data under a Gaussian put on every sample, in nats, and its standard error.

    Symbols   samples x_i (N, F) generated, test t_j (M, F) real and held out, sigma in units of the data

    (Parzen.1)   log p(t) = log mean_i exp( -|t - x_i|^2 / (2 sigma^2) ) - (F/2) log(2 pi sigma^2)
    (Parzen.2)   value = mean_j log p(t_j),     standard error = std_j log p(t_j) / sqrt M,  divisor M - 1

    sigma must not be chosen on the test data: see `choose_sigma`.

    Range     any number: it is the logarithm of a density, so it changes with the units of the data, and images of
              another size or scale do not compare.  Larger is better, up to a point that this number does not tell.
    Floor     (what perfect samples score) real training images as samples, 8x8 digits, 898 for 450 held out, sigma by
              choose_sigma on another 449: -16.5 +- 0.7.
    Ceiling   (what noise scores) 898 uniform noise images, with their own best sigma: -83.
    Warning   do not rank generators by it.  Theis, van den Oord & Bethge 2016 show that, in many dimensions,
              (a) it is far from the true likelihood for any number of samples that fits a computer; (b) its ranking is
              not that of the true likelihood: cluster means of the training data score *above* fresh real data.  On the
              digits above, 300 k-means centres of the 898 images score -17.7, 300 of the images themselves -24.1.
              (c) likelihood and looks are independent: mixing 99 % noise into a perfect model costs at most
              log 100 = 4.6 nats, and copies of the training data look perfect.
    Blind to  memorisation; rare noise; anything finer than sigma.  It rewards averages, which are near to many images.
    Errors    ValueError if the samples are not (N, F), test has fewer than 2 rows, another F or is not finite, or sigma
              is not positive.
    Sources   Breuleux et al. 2011; Goodfellow et al. 2014, section 5 and table 1; Theis et al. 2016, "A note on the
              evaluation of generative models".
    """
    sigma = number("parzen_log_likelihood", "sigma", sigma, 0, math.inf, open_low=True, open_high=True)
    x, t = two_samples("parzen_log_likelihood", samples, test, names=("samples", "test"))
    if len(t) < 2:
        raise ValueError(f"parzen_log_likelihood expects at least 2 test rows for a standard error, got {len(t)}")
    log_p = _log_likelihoods(x, t, [sigma])[:, 0]
    return float(log_p.mean()), float(log_p.std(ddof=1) / math.sqrt(len(t)))


def choose_sigma(samples: ArrayLike, validation: ArrayLike, *, candidates: ArrayLike | None = None) -> float:
    r"""The candidate for which `validation`, real data apart from the test data, has the highest mean (Parzen.1).

    (Parzen.3)   s = median nearest distance from validation to samples / sqrt F    maximises log N(d; 0, sigma^2 I) for
                 one neighbour at the distance d = s sqrt F; with many neighbours the best sigma is larger.  By default
                 20 candidates from s/2 to the samples' standard deviation or 2s, each the same multiple of the last

    Raises ValueError if the arrays are not rows of one shape, empty or not finite, if a candidate is not positive, or
    if s is 0 because most validation rows are among the samples.
    """
    x, t = two_samples("choose_sigma", samples, validation, names=("samples", "validation"))
    if candidates is None:
        s = math.sqrt(np.median(nearest(t, x)[0]) / x.shape[1])
        if s == 0:
            raise ValueError(
                "choose_sigma: most validation rows are copies of samples, and the best sigma is 0; "
                "give validation data that the samples do not contain, or candidates"
            )
        spread = math.sqrt(x.var(axis=0).mean())
        candidates = np.geomspace(s / 2, max(2 * s, spread), _CANDIDATES)
    sigmas = column("choose_sigma", "candidates", np.ravel(candidates))
    if sigmas.min() <= 0:
        raise ValueError(f"choose_sigma: candidates must be positive, got {sigmas.min():g}")
    return float(sigmas[_log_likelihoods(x, t, sigmas).mean(axis=0).argmax()])


def _log_likelihoods(x, t, sigmas):
    """(Parzen.1) of every test row for every sigma: (M, number of sigmas)."""
    out = np.empty((len(t), len(sigmas)))
    x, t = x - x.mean(axis=0), t - x.mean(axis=0)  # small numbers: see (Neighbours.2)
    for part, table, _ in tables(t, x):
        least = table.min(axis=1, keepdims=True)
        table -= least  # the largest term becomes 1: no underflow to log 0
        for column_, sigma in enumerate(sigmas):
            mean = np.exp(table * (-0.5 / sigma**2)).mean(axis=1)
            constant = 0.5 * x.shape[1] * math.log(2 * math.pi * sigma**2)
            out[part, column_] = np.log(mean) - least[:, 0] / (2 * sigma**2) - constant
    return out
