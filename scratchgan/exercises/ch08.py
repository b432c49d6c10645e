"""Chapter 08, Wasserstein: the earth mover's distance, its critic, and two ways to limit the critic's slope."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _points(rng):
    return {"x": 2 * rng.standard_normal(9), "y": 1 + rng.standard_normal(9)}


def _shares(rng):
    F_p, F_q = np.sort(rng.random((2, 8)))
    return {"F_p": F_p, "F_q": np.roll(F_q, 3)}  # both signs occur


def _scores(rng):
    return {"real_scores": 2 * rng.standard_normal((6, 1)), "fake_scores": 2 * rng.standard_normal((4, 1))}


def _wasserstein(real_scores, fake_scores):
    N, M = len(real_scores), len(fake_scores)
    return np.full((N, 1), -1 / N), np.full((M, 1), 1 / M), np.full((M, 1), -1 / M)


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _slopes(rng):
    return {"g": rng.standard_normal((5, 3)) * rng.choice([0.3, 1.5], (5, 1)) + 0.1, "weight": 10.0}


def _u(g, weight, norm=None, factor=2.0, average=True, below=True):
    norm = np.sqrt(np.sum(g**2, axis=1, keepdims=True)) if norm is None else norm
    excess = norm - 1 if below else np.maximum(norm - 1, 0)
    return factor * weight / (len(g) if average else 1) * excess * g / norm


def _weight(rng):
    u = rng.standard_normal(5)
    return {"W": rng.standard_normal((5, 4)) + 0.5, "u": u / np.linalg.norm(u)}


def _power(W, u):
    v = W.T @ u / np.linalg.norm(W.T @ u)
    u = W @ v / np.linalg.norm(W @ v)
    return u, v, u @ W @ v


def _power_from_the_old_u(W, u):
    v = W.T @ u / np.linalg.norm(W.T @ u)
    return W @ v / np.linalg.norm(W @ v), v, u @ W @ v


def _power_without_lengths(W, u):
    v = W.T @ u
    u = W @ v
    return u, v, u @ W @ v


def _power_of_the_square(W, u):
    u, v, _ = _power(W, u)
    return u, v, np.linalg.norm(W.T @ W @ v)


def _singular(rng):
    W = rng.standard_normal((5, 4))
    U, _, Vt = np.linalg.svd(W)
    return {"dS": rng.standard_normal((5, 4)), "W": W, "u": U[:, 0], "v": Vt[0]}


def _spectral(dS, W, u, v, scaled=True, sign=-1):
    sigma = u @ W @ v
    along = np.sum(dS * W) / (sigma if scaled else 1)
    return (dS + sign * along * np.outer(u, v)) / sigma


EXERCISES = [
    Exercise(
        "08.w1",
        "The earth mover's distance between points x (N,) and y (N,) on a line.",
        lambda x, y: float(np.mean(np.abs(np.sort(x) - np.sort(y)))),
        _points,
        ("W1",),
        {
            "You paired the points in the order in which they are given: sort both arrays first.": lambda x, y: float(
                np.mean(np.abs(x - y))
            ),
            "That is the distance between the means, in which moves to the left and to the right cancel.": lambda x, y: (
                float(abs(np.mean(x) - np.mean(y)))
            ),
            "One of the two is sorted downwards: then the lowest point goes the longest way.  Sort both upwards.": lambda x, y: (
                float(np.mean(np.abs(np.sort(x) - np.sort(y)[::-1])))
            ),
            "You squared the distances: the work is mass times distance.": lambda x, y: float(
                np.mean((np.sort(x) - np.sort(y)) ** 2)
            ),
            "That is the root of a mean square, Wasserstein-2: W1 is the mean of the distances themselves.": lambda x, y: (
                float(np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2)))
            ),
            "That is a sum: each point carries 1/N of the mass.": lambda x, y: float(
                np.sum(np.abs(np.sort(x) - np.sort(y)))
            ),
        },
        about="(EarthMover.2)",
        edges=lambda: [
            {"x": np.array([-2.0, 2.0, 5.0]), "y": np.array([0.0, 5.0, 0.0])},  # equal means
            {"x": np.array([3.0, 0.0, 1.0, 7.0]), "y": np.array([7.0, 1.0, 3.0, 0.0])},  # the same points
        ],
    ),
    Exercise(
        "08.critic_slope",
        "The slope of the optimal critic at some points, from the shares F_p of data and F_q of fakes to the left of each.",
        lambda F_p, F_q: np.sign(F_q - F_p),
        _shares,
        ("slope",),
        {
            "The sign is wrong: where more fakes than data lie to the left (F_q above F_p), the critic rises towards the data.": lambda F_p, F_q: (
                np.sign(F_p - F_q)
            ),
            "The optimal critic is as steep as allowed: its slope is 1 or -1, and only the sign comes from the difference.": lambda F_p, F_q: (
                F_q - F_p
            ),
            "That critic rises everywhere, which is optimal only if F_q is above F_p everywhere.": lambda F_p, F_q: (
                np.ones_like(F_p)
            ),
            "Where the critic has to go down, its slope is -1, not 0: it may fall as steeply as it climbs.": lambda F_p, F_q: (
                (F_q > F_p).astype(float)
            ),
        },
        about='"The same distance, seen by a critic"',
        edges=lambda: [
            {"F_p": np.array([0.1, 0.4, 0.9]), "F_q": np.array([0.2, 0.3, 0.8])},
            {"F_p": np.array([0.5, 0.6]), "F_q": np.array([0.2, 0.1])},
        ],
    ),
    Exercise(
        "08.wasserstein_gradients",
        "dL_D/dr, dL_D/df and dL_G/df of the Wasserstein losses.",
        _wasserstein,
        _scores,
        ("d_real", "d_fake", "g_fake"),
        {
            "The signs of the critic's gradients are wrong: L_D is minimised, and that must *raise* the scores of real samples.": lambda real_scores, fake_scores: (
                tuple(s * d for s, d in zip((-1, -1, 1), _wasserstein(real_scores, fake_scores), strict=True))
            ),
            "The sign of G's gradient is wrong: L_G is minus the mean score of the fakes, so G makes the scores *higher*.": lambda real_scores, fake_scores: (
                tuple(s * d for s, d in zip((1, 1, -1), _wasserstein(real_scores, fake_scores), strict=True))
            ),
            "A factor 1/N is missing: the loss takes one mean over the real batch and one over the fakes.": lambda real_scores, fake_scores: (
                -np.ones_like(real_scores),
                np.ones_like(fake_scores),
                -np.ones_like(fake_scores),
            ),
            "You used a sigmoid: a critic's score is not a logit, and the gradients do not depend on the scores.": lambda real_scores, fake_scores: (
                -_sigmoid(-real_scores) / len(real_scores),
                _sigmoid(fake_scores) / len(fake_scores),
                -_sigmoid(-fake_scores) / len(fake_scores),
            ),
        },
        about='"A critic for a discriminator"',
    ),
    Exercise(
        "08.gp_direction",
        "u = dP/dg (N, D) of the gradient penalty for gradients g (N, D), one row per sample.",
        _u,
        _slopes,
        ("u",),
        {
            "The norm is taken over the wrong axis: |g_n| is the norm of one sample's row, not of a column.": lambda g, weight: (
                _u(g, weight, np.sqrt(np.sum(g**2, axis=0, keepdims=True)))
            ),
            "You took one norm over the whole batch: each sample has its own |g_n|.": lambda g, weight: _u(
                g, weight, np.sqrt(np.sum(g**2))
            ),
            "A factor 2 is missing: it comes from the derivative of the square.": lambda g, weight: _u(
                g, weight, factor=1.0
            ),
            "A factor 1/N is missing: P is a mean over the batch.": lambda g, weight: _u(g, weight, average=False),
            "That is the one-sided penalty: (WganGp.1) penalises norms below 1 as well.": lambda g, weight: _u(
                g, weight, below=False
            ),
            "The direction g / |g| has length 1: you did not divide g by its norm.": lambda g, weight: (
                _u(g, weight) * np.sqrt(np.sum(g**2, axis=1, keepdims=True))
            ),
            "That is the derivative with respect to the length |g|, one number a sample: multiply it by g / |g|, the direction.": lambda g, weight: (
                2 * weight / len(g) * (np.sqrt(np.sum(g**2, axis=1)) - 1)
            ),
            "One number a sample is the derivative with respect to the length |g|: multiply it by g / |g|, the direction.": lambda g, weight: (
                2 * weight / len(g) * (np.sqrt(np.sum(g**2, axis=1, keepdims=True)) - 1)
            ),
            "That is divided by the number of entries: P is a mean over the N samples, and each has one length.": lambda g, weight: (
                _u(g, weight) / g.shape[1]
            ),
            "That penalty pulls the norm towards 0, as R1 does; this one pulls it towards 1.": lambda g, weight: (
                2 * weight / len(g) * g
            ),
        },
        about="(WganGp.1)",
        edges=lambda: [
            {"g": np.array([[0.0, 3.0], [0.6, 0.8], [0.0, -0.5]]), "weight": 10.0},  # above, at and below 1
            {"g": np.array([[0.3, 0.4]]), "weight": 1.0},
        ],
    ),
    Exercise(
        "08.power_step",
        "One step of the power iteration on W (K, C), starting from u (K,): the new u, v and sigma.",
        _power,
        _weight,
        ("u", "v", "sigma"),
        {
            "u and v must have length 1: divide each by its norm.": _power_without_lengths,
            "You computed sigma with the old u: compute both new vectors first.": _power_from_the_old_u,
            "That is sigma squared: you applied W twice.": _power_of_the_square,
            "sigma is the largest singular value; yours is the root of the sum of the squares of all of them.": lambda W, u: (
                *_power(W, u)[:2],
                np.linalg.norm(W),
            ),
        },
        about='"Third answer: divide by the slope"',
    ),
    Exercise(
        "08.spectral_backward",
        "dW from dS, where S = W / sigma, and u and v are the left and right singular vectors of W that belong to sigma.",
        _spectral,
        _singular,
        ("dW",),
        {
            "sigma depends on W, too: you treated it as a constant.": lambda dS, W, u, v: dS / (u @ W @ v),
            "The inner product is with S, the normalised weight, not with W.": lambda dS, W, u, v: _spectral(
                dS, W, u, v, scaled=False
            ),
            "The sign of the second term is wrong: sigma is in the denominator, so a larger sigma makes S smaller.": lambda dS, W, u, v: (
                _spectral(dS, W, u, v, sign=1)
            ),
            "The last division by sigma is missing.": lambda dS, W, u, v: _spectral(dS, W, u, v) * (u @ W @ v),
        },
        about="(Spectral.4)",
    ),
]
