"""Answers to the exercises of chapter 11."""

import math
import statistics

import numpy as np
from scipy.spatial.distance import cdist


def whole_formula(x, y):
    """Traces of 1 x 1 matrices."""
    vx, vy = np.cov(x), np.cov(y)
    return (x.mean() - y.mean()) ** 2 + vx + vy - 2 * np.sqrt(vx * vy)


def masked(Kxx, Kyy, Kxy):
    off = lambda K: K[~np.eye(len(K), dtype=bool)].mean()
    return off(Kxx) + off(Kyy) - 2 * Kxy.mean()


def by_loops(Kxx, Kyy, Kxy):
    def pairs(K):
        n = len(K)
        return sum(K[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    return pairs(Kxx) + pairs(Kyy) - 2 * sum(sum(row) for row in Kxy.tolist()) / Kxy.size


def triangles(Kxx, Kyy, Kxy):
    upper = lambda K: K[np.triu_indices(len(K), 1)].mean()
    return upper(Kxx) + upper(Kyy) - 2 * np.mean(Kxy)


def filled(x, k):
    table = cdist(x, x)
    np.fill_diagonal(table, -1)
    return np.sort(table, axis=1)[:, k]


def in_a_loop(distances, radii):
    inside = 0
    for row in distances:
        for distance, radius in zip(row, radii):
            if distance <= radius:
                inside += 1
                break
    return inside / len(distances)


error = lambda n: 1 / math.sqrt(8 * n)

RIGHT = {
    "11.frechet_1d": {
        "the matrix formula": whole_formula,
        "statistics": lambda x, y: (
            (statistics.fmean(x) - statistics.fmean(y)) ** 2 + (statistics.stdev(x) - statistics.stdev(y)) ** 2
        ),
        "a complex number's square": lambda x, y: abs(
            complex(x.mean() - y.mean(), x.std(ddof=1) - y.std(ddof=1))
        ) ** 2,
        "norm": lambda x, y: np.linalg.norm(
            np.subtract([np.mean(x), np.std(x, ddof=1)], [np.mean(y), np.std(y, ddof=1)])
        ) ** 2,
        "roots of variances": lambda x, y: (x.mean() - y.mean()) ** 2 + (x.var(ddof=1) ** 0.5 - y.var(ddof=1) ** 0.5) ** 2,
        "float32": lambda x, y: np.float32((x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2),
    },
    "11.mmd2": {
        "masked": masked,
        "loops": by_loops,
        "triangles": triangles,
        "diagonals set to 0": lambda Kxx, Kyy, Kxy: sum(
            (K * (1 - np.eye(len(K)))).sum() / len(K) / (len(K) - 1) for K in (Kxx, Kyy)
        ) - Kxy.mean() * 2,
        "an array": lambda Kxx, Kyy, Kxy: np.array(masked(Kxx, Kyy, Kxy)),
    },
    "11.knn_radii": {
        "cdist": lambda x, k: np.sort(cdist(x, x), axis=1)[:, k],
        "the diagonal below all": filled,
        "partition": lambda x, k: np.partition(cdist(x, x), k, axis=1)[:, k],
        "loops": lambda x, k: [
            sorted(math.dist(x[i], x[j]) for j in range(len(x)) if j != i)[k - 1] for i in range(len(x))
        ],
        "argsort": lambda x, k: np.take_along_axis(cdist(x, x), np.argsort(cdist(x, x), axis=1), 1)[:, k],
    },
    "11.precision": {
        "a loop": in_a_loop,
        "smallest excess": lambda distances, radii: np.mean((distances - radii).min(axis=1) <= 0),
        "a count": lambda distances, radii: np.count_nonzero(((distances <= radii).sum(axis=1)) > 0) / len(distances),
        "one minus": lambda distances, radii: 1 - (distances > radii).all(axis=1).mean(),
        "clipped": lambda distances, radii: np.minimum((distances <= radii[None]).sum(axis=1), 1).mean(),
    },
    "11.two_sample": {
        "means": lambda real, fake: ((np.mean(real > 0) + np.mean(fake <= 0)) / 2, error(len(real))),
        "a list": lambda real, fake: [
            np.mean(np.concatenate([real > 0, ~(fake > 0)])), 1 / np.sqrt(8 * len(fake))
        ],
        "loops": lambda real, fake: (
            (sum(v > 0 for v in real) + sum(v <= 0 for v in fake)) / (len(real) + len(fake)), error(len(real))
        ),
        "root of a variance": lambda real, fake: (
            1 - (np.sum(real <= 0) + np.sum(fake > 0)) / (2 * len(real)), np.sqrt(0.25 / (2 * len(real)))
        ),
        "labels": lambda real, fake: (
            np.mean((np.r_[real, fake] > 0) == np.repeat([True, False], len(real))), 0.5 / (2 * len(real)) ** 0.5
        ),
    },
}  # fmt: skip

WRONG = {
    "11.frechet_1d": {
        "not squared": lambda x, y: x.mean() - y.mean() + x.std(ddof=1) - y.std(ddof=1),
        "a sum of variances": lambda x, y: (x.mean() - y.mean()) ** 2 + x.var(ddof=1) + y.var(ddof=1),
        "medians": lambda x, y: (np.median(x) - np.median(y)) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2,
    },
    "11.mmd2": {
        "no diagonal in the third term": lambda Kxx, Kyy, Kxy: masked(Kxx, Kyy, Kxy) + 0.1,
        "a root": lambda Kxx, Kyy, Kxy: np.sqrt(np.abs(masked(Kxx, Kyy, Kxy))),
    },
    "11.knn_radii": {
        "one too far": lambda x, k: np.sort(cdist(x, x), axis=1)[:, min(k + 1, len(x) - 1)],
        "sums": lambda x, k: np.sort(cdist(x, x, "cityblock"), axis=1)[:, k],
        "k is 1": lambda x, k: np.sort(cdist(x, x), axis=1)[:, 1],
        "distance to the mean": lambda x, k: np.linalg.norm(x - x.mean(axis=0), axis=1),
    },
    "11.precision": {
        "inside, not on the edge": lambda distances, radii: (distances < radii).any(axis=1).mean(),
        "a mean radius": lambda distances, radii: (distances <= radii.mean()).any(axis=1).mean(),
        "a count": lambda distances, radii: (distances <= radii).any(axis=1).sum(),
    },
    "11.two_sample": {
        "a half as threshold": lambda real, fake: (
            (np.mean(real > 0.5) + np.mean(fake <= 0.5)) / 2, error(len(real))
        ),
        "accuracy's own error": lambda real, fake: (
            (np.mean(real > 0) + np.mean(fake <= 0)) / 2, error(len(real)) * 1.1
        ),
        "only real": lambda real, fake: (np.mean(real > 0), error(len(real))),
    },
}  # fmt: skip
