"""Chapter 12, ethics and privacy: duplicates, copies, membership in the training set, and how often alarms are right."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _shared(s, N):
    return float(1 - np.prod(1 - np.arange(s) / N))


def _few_places(rng):
    places = 4 * rng.standard_normal((6, 3))
    places[0] = places[1] + 10  # far enough from the others, whatever was drawn
    return {
        "x": np.concatenate([places[[0, 0]], places[rng.integers(0, 6, 28)]]) + 1e-3 * rng.standard_normal((30, 3)),
        "threshold": 0.1,
    }


def _distances(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))


def _support(x, threshold):
    near = _distances(x) <= threshold
    return float(len(x) * (len(x) - 1) / (near.sum() - len(x)))


def _with_itself(x, threshold):
    return float(len(x) ** 2 / (_distances(x) <= threshold).sum())


def _twice(x, threshold):
    return _support(x, threshold) / 2


def _scores(rng):
    return {"members": rng.integers(0, 9, 14) + 2.0, "others": rng.integers(0, 9, 11) * 1.0}


def _gains(members, others):
    thresholds = np.unique(np.concatenate([members, others]))
    return np.array([np.mean(members >= t) - np.mean(others >= t) for t in thresholds])


def _best_accuracy(members, others):
    right = [np.sum(members >= t) + np.sum(others < t) for t in np.unique(np.concatenate([members, others]))]
    return float(max(right) / (len(members) + len(others)))


def _auc(members, others, ties=0.5):
    higher, equal = members[:, None] > others, members[:, None] == others
    return float(np.mean(higher + ties * equal))


def _rates(rng):
    return {"fakes": rng.uniform(0.005, 0.2), "caught": rng.uniform(0.8, 0.99), "false_alarms": rng.uniform(0.01, 0.2)}


def _right(fakes, caught, false_alarms):
    return fakes * caught / (fakes * caught + (1 - fakes) * false_alarms)


EXERCISES = [
    Exercise(
        "12.scale",
        "The median distance from a row of x (N, F) to the nearest other row.",
        lambda x: float(np.median(np.sort(_distances(x), axis=1)[:, 1])),
        lambda rng: {"x": rng.standard_normal((9, 5))},
        ("distance",),
        {
            "Each row is its own nearest neighbour, at distance 0; find the nearest *other* row.": lambda x: float(
                np.median(np.sort(_distances(x), axis=1)[:, 0])
            ),
            "That is a squared distance.": lambda x: float(np.median(np.sort(_distances(x), axis=1)[:, 1] ** 2)),
            "That is the mean, which a single outlier can dominate.": lambda x: float(
                np.mean(np.sort(_distances(x), axis=1)[:, 1])
            ),
        },
        about="scratchgan/plots/copies.py",
    ),
    Exercise(
        "12.birthday",
        "The exact probability that s draws from N equally likely values contain two that are the same.",
        _shared,
        lambda rng: {"s": int(rng.integers(5, 20)), "N": int(rng.integers(40, 200))},
        ("probability",),
        {
            "That is the probability that all are different.": lambda s, N: 1 - _shared(s, N),
            "That is the probability that somebody else has *your* birthday; here any two draws may agree.": lambda s, N: (
                float(1 - (1 - 1 / N) ** (s - 1))
            ),
            "That is the approximation; the exact probability is a product over the draws.": lambda s, N: float(
                1 - np.exp(-s * (s - 1) / (2 * N))
            ),
        },
        about="the derivation of the birthday test",
    ),
    Exercise(
        "12.support",
        "The birthday test's estimate of the support size, from samples x (N, F); two repeat if their distance is at most "
        "the threshold.",
        _support,
        _few_places,
        ("support",),
        {
            "You paired each sample with itself, which always counts as a repeat.": _with_itself,
            "You counted repeats in both orders, (i, j) and (j, i), but the number of all pairs in only one.": _twice,
            "That is the share of pairs that repeat; the support size is its reciprocal.": lambda x, threshold: (
                1 / _support(x, threshold)
            ),
        },
        about="(Birthday.2)",
    ),
    Exercise(
        "12.advantage",
        "The largest TPR - FPR over all thresholds t; a score of at least t is classified as a member.",
        lambda members, others: float(_gains(members, others).max()),
        _scores,
        ("advantage",),
        {
            "The two groups are swapped: members have the higher scores.": lambda members, others: float(
                _gains(others, members).max()
            ),
            "That is the best accuracy; the advantage is the difference of two shares, TPR - FPR.": _best_accuracy,
            "That is the AUC, a mean over all pairs; the advantage uses the best single threshold.": lambda members, others: (
                _auc(members, others)
            ),
        },
        about="(Membership.1)",
    ),
    Exercise(
        "12.auc",
        "The probability that a random member has a higher score than a random non-member; a tie counts as 1/2.",
        _auc,
        _scores,
        ("auc",),
        {
            "That is the probability that the *non-member* has the higher score.": lambda members, others: (
                1 - _auc(members, others)
            ),
            "You ignored ties: a coin decides them, so each counts as 1/2.": lambda members, others: _auc(
                members, others, ties=0.0
            ),
            "You counted ties in full; a coin decides them, so each counts as 1/2.": lambda members, others: _auc(
                members, others, ties=1.0
            ),
        },
        about="(Membership.2)",
    ),
    Exercise(
        "12.right_alarms",
        "The share of a detector's alarms that are right, from the share of fakes among all images, the share of fakes "
        "caught, and the rate of false alarms.",
        _right,
        _rates,
        ("share",),
        {
            "The base rate is missing: what share of all images is fake?": lambda fakes, caught, false_alarms: (
                caught / (caught + false_alarms)
            ),
            "That is the share of fakes that raise an alarm; the question asks for the share of alarms raised by fakes.": lambda fakes, caught, false_alarms: (
                caught
            ),
            "That is the share of all images that are fake and raise an alarm; divide it by the share of all that do.": lambda fakes, caught, false_alarms: (
                fakes * caught
            ),
            "That is the share of alarms that are *wrong*.": lambda fakes, caught, false_alarms: (
                1 - _right(fakes, caught, false_alarms)
            ),
        },
        about="the section on base rates",
    ),
]
