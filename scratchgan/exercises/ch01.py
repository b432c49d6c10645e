"""Chapter 01, the game: the optimal discriminator, the value of the game, and the divergence that it measures."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _densities(rng):
    p, q = rng.random((2, 7)) + 0.05
    return {"p": p, "q": q}


def _distributions(rng):
    p, q = rng.random((2, 6)) + 0.05
    return {"p": p / p.sum(), "q": q / q.sum()}


def _probabilities(rng):
    return {"d_real": rng.uniform(0.05, 0.95, 8), "d_fake": rng.uniform(0.05, 0.95, 5)}


def _kl(p, q):
    return float(np.sum(p * np.log(p / q)))


def _js(p, q):
    m = (p + q) / 2
    return (_kl(p, m) + _kl(q, m)) / 2


EXERCISES = [
    Exercise(
        "01.optimal_d",
        "The optimal D against a fixed generator: D*(x) from the densities p (real) and q (fake).",
        lambda p, q: p / (p + q),
        _densities,
        ("D",),
        {
            "That is the probability of *fake*: D is the probability that x is real.": lambda p, q: q / (p + q),
            "That is a ratio of densities, which may exceed 1; D is a probability.": lambda p, q: p / q,
        },
        about="(Loss.3)",
    ),
    Exercise(
        "01.value_of_game",
        "V(D, G), estimated from D's outputs for a batch of real samples and for a batch of fakes.",
        lambda d_real, d_fake: np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake)),
        _probabilities,
        ("V",),
        {
            "Use log(1 - D) for fakes: D is rewarded for calling them fake.": lambda d_real, d_fake: (
                np.mean(np.log(d_real)) + np.mean(np.log(d_fake))
            ),
            "That is D's loss.  V is its negative: D maximises V.": lambda d_real, d_fake: (
                -np.mean(np.log(d_real)) - np.mean(np.log(1 - d_fake))
            ),
            "The expectation E is estimated by a mean over the batch; you took a sum.": lambda d_real, d_fake: (
                np.sum(np.log(d_real)) + np.sum(np.log(1 - d_fake))
            ),
            "Take one mean over real samples and another over fakes; you took a single mean over both batches.": lambda d_real, d_fake: (
                np.mean(np.log(np.concatenate([d_real, 1 - d_fake])))
            ),
        },
        about="(Loss.2)",
    ),
    Exercise(
        "01.js",
        "The Jensen-Shannon divergence, in nats, of two discrete distributions p and q, each (K,).",
        _js,
        _distributions,
        ("JS",),
        {
            "That is the Kullback-Leibler divergence KL(p || q).  JS compares both p and q with their mean (p + q) / 2.": _kl,
            "JS is the *mean* of two divergences: a factor 1/2 is missing.": lambda p, q: 2 * _js(p, q),
            "That is in bits: use the natural logarithm.": lambda p, q: _js(p, q) / np.log(2),
        },
        about="(Loss.3)",
    ),
]
