"""Chapter 12, ethics and privacy: duplicates, copies, membership in the training set, and how often alarms are right."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _shared(s, N):
    return float(1 - np.prod(1 - np.arange(s) / N))


def _off_by_one(s, N):
    return float(1 - np.prod(1 - np.arange(s - 1) / N))


def _images(rng):
    return {"x": rng.standard_normal((int(rng.integers(8, 12)), 5))}


def _nearest_other(x, place=1, norm=2):
    table = np.linalg.norm(x[:, None] - x[None], ord=norm, axis=2)
    return np.sort(table, axis=1)[:, place]


def _without_zeros(x):
    table = _distances(x)
    return float(np.median(np.where(table > 0, table, np.inf).min(axis=1)))


def _points(rng):
    x = rng.standard_normal((20, 3))
    x[1] = x[0] + 0.01  # so that there is a repeat
    return {"x": x, "threshold": float(rng.uniform(0.8, 1.5))}


def _four_points():
    """Distances whose squares, sums and maxima are on the other side of the threshold, and one that equals it."""
    return [
        {"x": np.array([[0.0, 0.0], [0.6, 0.6], [5.0, 5.0], [5.0, 5.1]]), "threshold": 0.8},
        {"x": np.array([[0.0, 0.0], [3.0, 4.0], [10.0, 0.0], [10.0, 1.0]]), "threshold": 5.0},
    ]


def _distances(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=2))


def _support(x, threshold):
    near = _distances(x) <= threshold
    return float(len(x) * (len(x) - 1) / (near.sum() - len(x)))


def _with_itself(x, threshold):
    return float(len(x) ** 2 / (_distances(x) <= threshold).sum())


def _other_distance(measure):
    def support(x, threshold):
        near = measure(x[:, None] - x[None]) <= threshold
        return float(len(x) * (len(x) - 1) / (near.sum() - len(x)))

    return support


def _twice(x, threshold):
    return _support(x, threshold) / 2


def _scores(rng):
    return {"members": rng.integers(0, 9, 14) + 2.0, "others": rng.integers(0, 9, 11) * 1.0}


def _hard_scores():
    """Members with the *lower* scores; two thresholds that no even grid separates; all scores equal."""
    return [
        {"members": np.array([1.0, 2.0]), "others": np.array([3.0, 4.0])},
        {"members": np.array([1.0, 1.001]), "others": np.array([0.999, 1000.0, -1000.0])},
        {"members": np.full(3, 7.0), "others": np.full(2, 7.0)},
    ]


def _on_a_grid(members, others):
    t = np.linspace(min(members.min(), others.min()), max(members.max(), others.max()), 100)
    return float(max(np.mean(members >= v) - np.mean(others >= v) for v in t))


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
        _images,
        ("distance",),
        {
            "Each row is its own nearest neighbour, at distance 0; find the nearest *other* row.": lambda x: float(
                np.median(_nearest_other(x, 0))
            ),
            "An image may have a twin, at distance 0: leave out the image itself, not all that are at distance 0.": _without_zeros,
            "That is the second nearest other row.": lambda x: float(np.median(_nearest_other(x, 2))),
            "That is a squared distance.": lambda x: float(np.median(_nearest_other(x) ** 2)),
            "Those are sums of absolute differences; a distance is the root of a sum of squares.": lambda x: float(
                np.median(_nearest_other(x, norm=1))
            ),
            "That is the mean, which a single outlier can dominate.": lambda x: float(np.mean(_nearest_other(x))),
            "With an even number of rows the median lies between the two in the middle.": lambda x: float(
                np.sort(_nearest_other(x))[len(x) // 2]
            ),
        },
        about='"Does it copy?"',
        edges=lambda: [
            {"x": np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])},
            {"x": np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 6.0], [30.0, 4.0]])},
        ],
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
            "A factor is missing: the last of s draws has to avoid s - 1 others.": _off_by_one,
            "A factor too many: the first draw has nothing to avoid.": lambda s, N: _off_by_one(s + 2, N),
            "That is the approximation; the exact probability is a product over the draws.": lambda s, N: float(
                1 - np.exp(-s * (s - 1) / (2 * N))
            ),
        },
        about="(Birthday.4)",
        edges=lambda: [{"s": 23, "N": 365}, {"s": 2, "N": 3}, {"s": 1, "N": 5}, {"s": 7, "N": 6}],
    ),
    Exercise(
        "12.support",
        "The birthday test's estimate of the support size, from samples x (N, F); two repeat if their distance is at most "
        "the threshold.",
        _support,
        _points,
        ("support",),
        {
            "You paired each sample with itself, which always counts as a repeat.": _with_itself,
            "You counted repeats in both orders, (i, j) and (j, i), but the number of all pairs in only one.": _twice,
            "That is the share of pairs that repeat; the support size is its reciprocal.": lambda x, threshold: (
                1 / _support(x, threshold)
            ),
            "Those are squared distances.": _other_distance(lambda d: (d**2).sum(axis=2)),
            "Those are sums of absolute differences; a distance is the root of a sum of squares.": _other_distance(
                lambda d: np.abs(d).sum(axis=2)
            ),
            "Those are the largest differences of an entry; a distance is the root of a sum of squares.": _other_distance(
                lambda d: np.abs(d).max(axis=2)
            ),
        },
        about="(Birthday.2)",
        edges=_four_points,
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
            "The sign counts: a threshold at which others are found more often than members helps no attacker.": lambda members, others: (
                float(np.abs(_gains(members, others)).max())
            ),
            "The best threshold lies between two points of your grid: try the scores themselves.": _on_a_grid,
        },
        about="(Membership.1)",
        edges=_hard_scores,
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
        edges=_hard_scores,
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
            "The shares of fakes and of real images are exchanged.": lambda fakes, caught, false_alarms: _right(
                1 - fakes, caught, false_alarms
            ),
            "false_alarms is already the share of real images with an alarm; you took one minus it.": lambda fakes, caught, false_alarms: (
                _right(fakes, caught, 1 - false_alarms)
            ),
            "That is the share of alarms that are *wrong*.": lambda fakes, caught, false_alarms: (
                1 - _right(fakes, caught, false_alarms)
            ),
        },
        about='"What an alarm is worth"',
        edges=lambda: [
            {"fakes": 0.01, "caught": 0.95, "false_alarms": 0.05},
            {"fakes": 0.7, "caught": 0.9, "false_alarms": 0.02},
        ],
    ),
]
