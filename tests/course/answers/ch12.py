"""Answers to the exercises of chapter 12."""

import math

import numpy as np
from scipy.spatial.distance import cdist, pdist


def loops(x):
    """The distance from each row to the nearest other one, by two loops."""
    return [min(math.dist(x[i], x[j]) for j in range(len(x)) if j != i) for i in range(len(x))]


def diagonal(x):
    table = cdist(x, x)
    np.fill_diagonal(table, np.inf)
    return table.min(axis=1)


def draws(s, N):
    different = 1.0
    for i in range(s):
        different *= max(0, N - i) / N
    return 1 - different


def roc(members, others):
    best = 0.0
    for t in sorted({*members.tolist(), *others.tolist()}):
        best = max(best, np.mean(members > t) - np.mean(others > t), np.mean(members >= t) - np.mean(others >= t))
    return best


def curves(members, others):
    t = np.sort(np.r_[members, others])
    tail = lambda x: 1 - np.searchsorted(np.sort(x), t, side="left") / len(x)
    return np.max(tail(members) - tail(others))


def ranks(members, others):
    both = np.concatenate([members, others])
    rank = [(both < v).sum() + (both == v).sum() / 2 + 0.5 for v in members]
    n = len(members)
    return (sum(rank) - n * (n + 1) / 2) / (n * len(others))


RIGHT = {
    "12.scale": {
        "loops": lambda x: np.median(loops(x)),
        "diagonal": lambda x: float(np.median(diagonal(x))),
        "partition": lambda x: np.median(np.partition(cdist(x, x), 1, axis=1)[:, 1]),
        "einsum": lambda x: np.median(
            np.sort(np.sqrt(np.einsum("ijf,ijf->ij", x[:, None] - x, x[:, None] - x)), axis=1).T[1]
        ),
        "the middle by hand": lambda x: (sorted(loops(x))[(len(x) - 1) // 2] + sorted(loops(x))[len(x) // 2]) / 2,
        "percentile": lambda x: np.percentile(diagonal(x), 50),
    },
    "12.birthday": {
        "a loop": draws,
        "math.perm": lambda s, N: 1 - math.perm(N, s) / N**s,
        "logarithms": lambda s, N: 1.0 if s > N else -math.expm1(sum(math.log1p(-i / N) for i in range(s))),
        "a cumulative product": lambda s, N: 1 - np.cumprod((N - np.arange(s)) / N)[-1],
        "math.prod": lambda s, N: np.float64(1 - math.prod((N - i) / N for i in range(s))),
    },
    "12.support": {
        "pdist": lambda x, threshold: len(pdist(x)) / np.sum(pdist(x) <= threshold),
        "loops": lambda x, threshold: (
            math.comb(len(x), 2)
            / sum(math.dist(x[i], x[j]) <= threshold for i in range(len(x)) for j in range(i))
        ),
        "a mean": lambda x, threshold: 1 / np.mean(pdist(x) <= threshold),
        "triangle": lambda x, threshold: 1 / np.mean(cdist(x, x)[np.triu_indices(len(x), 1)] <= threshold),
        "ordered pairs": lambda x, threshold: (
            len(x) * (len(x) - 1) / (np.count_nonzero(cdist(x, x) <= threshold) - len(x))
        ),
        "squares on both sides": lambda x, threshold: 1 / np.mean(pdist(x, "sqeuclidean") <= threshold**2),
    },
    "12.advantage": {
        "both signs of >": roc,
        "searchsorted": curves,
        "members only": lambda members, others: max(
            0.0, *(np.mean(members >= t) - np.mean(others >= t) for t in members)
        ),
        "a table": lambda members, others: (
            (members[None] >= np.r_[members, others][:, None]).mean(axis=1)
            - (others[None] >= np.r_[members, others][:, None]).mean(axis=1)
        ).max(),
        "a list": lambda members, others: max(
            [sum(m >= t for m in members) / len(members) - sum(o >= t for o in others) / len(others)
             for t in [*members, *others, np.inf]]
        ),
    },
    "12.auc": {
        "signs": lambda members, others: (1 + np.mean(np.sign(members[:, None] - others))) / 2,
        "ranks": ranks,
        "loops": lambda members, others: sum(
            (m > o) + (m == o) / 2 for m in members for o in others
        ) / (len(members) * len(others)),
        "heaviside": lambda members, others: np.heaviside(np.subtract.outer(members, others), 0.5).mean(),
        "two shares": lambda members, others: (
            (members[:, None] > others).mean() + (members[:, None] >= others).mean()
        ) / 2,
    },
    "12.right_alarms": {
        "per thousand": lambda fakes, caught, false_alarms: (
            1000 * fakes * caught / (1000 * fakes * caught + (1000 - 1000 * fakes) * false_alarms)
        ),
        "odds": lambda fakes, caught, false_alarms: 1 / (1 + (1 - fakes) / fakes * false_alarms / caught),
        "one minus": lambda fakes, caught, false_alarms: 1 - (1 - fakes) * false_alarms / (
            fakes * caught + (1 - fakes) * false_alarms
        ),
        "log odds": lambda fakes, caught, false_alarms: 1 / (
            1 + math.exp(-math.log(fakes / (1 - fakes)) - math.log(caught / false_alarms))
        ),
        "an array": lambda fakes, caught, false_alarms: np.array(
            fakes * caught / np.dot([fakes, 1 - fakes], [caught, false_alarms])
        ),
    },
}  # fmt: skip

WRONG = {
    "12.scale": {
        "largest norm": lambda x: np.median(np.sort(cdist(x, x, "chebyshev"), axis=1)[:, 1]),
        "the median of all": lambda x: np.median(pdist(x)),
        "the smallest": lambda x: pdist(x).min(),
    },
    "12.birthday": {
        "linear": lambda s, N: s * (s - 1) / (2 * N),
        "s over N": lambda s, N: s / N,
        "s squared": lambda s, N: 1 - np.exp(-(s**2) / (2 * N)),
        "one pair": lambda s, N: 1 / N,
    },
    "12.support": {
        "fixed 0.5": lambda x, threshold: 1 / np.mean(pdist(x) <= 0.5),
        "fixed 0.1": lambda x, threshold: 1 / np.mean(pdist(x) <= 0.1),
        "below, not at most": lambda x, threshold: 1 / np.mean(pdist(x) < threshold),
        "samples that repeat": lambda x, threshold: len(x) / (
            np.sort(cdist(x, x), axis=1)[:, 1] <= threshold
        ).sum(),
        "birthday's root": lambda x, threshold: len(x) ** 2 / (2 * np.log(2)),
    },
    "12.advantage": {
        "at the mean": lambda members, others: (
            np.mean(members >= np.r_[members, others].mean()) - np.mean(others >= np.r_[members, others].mean())
        ),
        "a smallest": lambda members, others: min(
            np.mean(members >= t) - np.mean(others >= t) for t in np.r_[members, others]
        ),
        "means": lambda members, others: members.mean() - others.mean(),
        "a sum": lambda members, others: sum(
            np.mean(members >= t) - np.mean(others >= t) for t in np.r_[members, others]
        ),
    },
    "12.auc": {
        "means": lambda members, others: float(members.mean() > others.mean()),
        "pairs in order": lambda members, others: np.mean(
            members[: min(len(members), len(others))] > others[: min(len(members), len(others))]
        ),
        "a count": lambda members, others: (members[:, None] > others).sum(),
        "one row": lambda members, others: np.mean(members > others[0]),
    },
    "12.right_alarms": {
        "accuracy": lambda fakes, caught, false_alarms: fakes * caught + (1 - fakes) * (1 - false_alarms),
        "all alarms": lambda fakes, caught, false_alarms: fakes * caught + (1 - fakes) * false_alarms,
        "odds": lambda fakes, caught, false_alarms: fakes * caught / ((1 - fakes) * false_alarms),
    },
}  # fmt: skip
