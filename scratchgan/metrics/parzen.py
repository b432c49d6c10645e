r"""Parzen window likelihood: the score used in the first GAN papers, included to show how misleading it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..checks import real as number
from .inputs import column, two_samples
from .neighbours import nearest, tables

_CANDIDATES = 20


def parzen_log_likelihood(samples: ArrayLike, test: ArrayLike, *, sigma: float) -> tuple[float, float]:
    r"""Mean log likelihood of test data under a mixture of Gaussians at the samples, in nats, and its standard error.

    Symbols   samples x_i (N, F) generated, test t_j (M, F) real and held out, sigma in units of the data

    (Parzen.1)   log p(t) = log mean_i exp( -|t - x_i|^2 / (2 sigma^2) ) - (F/2) log(2 pi sigma^2)
    (Parzen.2)   value = mean_j log p(t_j),     standard error = std_j log p(t_j) / sqrt M,  divisor M - 1

    sigma must not be chosen on the test data: see `choose_sigma`.

    Range     any number: it is the logarithm of a density, so it depends on the units of the data, and images of
              different size or scale are not comparable.  Larger is better, but only up to an unknown point.
    Floor     (what perfect samples score) 8x8 digits, with 898 real training images as samples and 450 test images;
              sigma from choose_sigma on another 449: -16.5 +- 0.7.
    Ceiling   (what noise scores) 898 uniform noise images, with their own best sigma: -83.
    Warning   do not rank generators by it.  Theis, van den Oord & Bethge 2016 show that, in many dimensions,
              (a) it is far from the true likelihood for any feasible number of samples; (b) it ranks models differently
              from the true likelihood: cluster means of the training data score *higher* than fresh real data.  On the
              digits above, 300 k-means centres of the 898 images score -17.7, 300 of the images themselves -24.1.
              (c) likelihood and visual quality are independent: mixing 99 % noise into a perfect model costs at most
              log 100 = 4.6 nats, and copies of the training data look perfect.
    Blind to  memorisation; rare noise; anything finer than sigma.  It rewards averages, which are near many images.
    Errors    ValueError if the samples are not (N, F), if test is not finite (M, F) with at least 2 rows, or if sigma
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
    r"""The candidate sigma with the highest mean (Parzen.1) on `validation`, real data that are not the test data.

    (Parzen.3)   s = median distance from validation rows to their nearest sample / sqrt F

    This s maximises log N(d; 0, sigma^2 I) for a single neighbour at distance d = s sqrt F; with many neighbours the
    best sigma is larger.  The default candidates are 20 numbers in geometric progression, from s/2 to 2s or the
    standard deviation of the samples, whichever is larger.

    Raises ValueError if the rows have different shapes, are empty or not finite, if a candidate is not positive, or if
    s is 0 because most validation rows are among the samples.
    """
    x, t = two_samples("choose_sigma", samples, validation, names=("samples", "validation"))
    if candidates is None:
        s = math.sqrt(np.median(nearest(t, x)[0]) / x.shape[1])
        if s == 0:
            raise ValueError(
                "choose_sigma: most validation rows are copies of samples, so the best sigma is 0; "
                "give validation data that the samples do not contain, or candidates"
            )
        spread = math.sqrt(x.var(axis=0).mean())
        candidates = np.geomspace(s / 2, max(2 * s, spread), _CANDIDATES)
    sigmas = column("choose_sigma", "candidates", np.ravel(candidates))
    if sigmas.min() <= 0:
        raise ValueError(f"choose_sigma: candidates must be positive, got {sigmas.min():g}")
    return float(sigmas[_log_likelihoods(x, t, sigmas).mean(axis=0).argmax()])


def _log_likelihoods(x, t, sigmas):
    """(Parzen.1) for every test row and every sigma: (M, number of sigmas)."""
    out = np.empty((len(t), len(sigmas)))
    x, t = x - x.mean(axis=0), t - x.mean(axis=0)  # smaller rounding errors: see (Neighbours.2)
    for part, table, _ in tables(t, x):
        least = table.min(axis=1, keepdims=True)
        table -= least  # the largest term becomes 1, which avoids log 0
        for column_, sigma in enumerate(sigmas):
            mean = np.exp(table * (-0.5 / sigma**2)).mean(axis=1)
            constant = 0.5 * x.shape[1] * math.log(2 * math.pi * sigma**2)
            out[part, column_] = np.log(mean) - least[:, 0] / (2 * sigma**2) - constant
    return out
