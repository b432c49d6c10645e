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
            "p / p + q is (p / p) + q: division goes first.  Put the sum in brackets.": lambda p, q: p / p + q,
            "That is who has more notes there, yes or no: D is the share of the real ones.": lambda p, q: (
                p > q
            ).astype(float),
            "That is between -1 and 1: D is the share of the real notes, not their surplus.": lambda p, q: (
                (p - q) / (p + q)
            ),
        },
        about='"The best discriminator"',
        edges=lambda: [{"p": np.array([0.3, 0.1, 0.2]), "q": np.array([0.1, 0.3, 0.2])}],
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
            "V is the sum of the two means; you took the mean of them.": lambda d_real, d_fake: (
                (np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))) / 2
            ),
            "Take the logarithm of each number first, and the mean then: you took the logarithm of a mean.": lambda d_real, d_fake: (
                np.log(np.mean(d_real)) + np.log(np.mean(1 - d_fake))
            ),
            "On fakes that is 1 - log D: the score is log(1 - D).": lambda d_real, d_fake: (
                np.mean(np.log(d_real)) + np.mean(1 - np.log(d_fake))
            ),
            "That is with the logarithm to base 2: use the natural one.": lambda d_real, d_fake: (
                np.mean(np.log2(d_real)) + np.mean(np.log2(1 - d_fake))
            ),
        },
        about="(Loss.2)",
        edges=lambda: [{"d_real": np.array([0.9, 0.6, 0.3]), "d_fake": np.array([0.2])}],
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
            "m is the *mean* of p and q, (p + q) / 2; you took their sum.": lambda p, q: _js(p, q) - np.log(2),
            "You took the mean over the K entries: the integral becomes a sum.": lambda p, q: _js(p, q) / len(p),
            "That is the mean of KL(p || q) and KL(q || p): compare both with m = (p + q) / 2.": lambda p, q: (
                (_kl(p, q) + _kl(q, p)) / 2
            ),
            "The order is the other way round: KL(p || m), not KL(m || p).": lambda p, q: (
                (_kl((p + q) / 2, p) + _kl((p + q) / 2, q)) / 2
            ),
            "That is only the half with p: KL(q || m) belongs to it.": lambda p, q: _kl(p, (p + q) / 2) / 2,
            "That is the square root of JSD.": lambda p, q: np.sqrt(_js(p, q)),
        },
        about="(Divergence.1) and (Divergence.2)",
        edges=lambda: [{"p": np.array([0.5, 0.3, 0.2]), "q": np.array([0.9, 0.05, 0.05])}],
    ),
]
