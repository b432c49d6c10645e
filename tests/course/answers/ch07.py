"""Answers to the exercises of chapter 07."""

import math

import numpy as np


def sigmoid(f):
    return 1 / (1 + np.exp(-np.asarray(f, float)))


def kl_by_loop(counts, weights):
    total, value = sum(counts), 0.0
    for count, weight in zip(counts, weights, strict=True):
        if count:
            value += count / total * math.log(count / total / weight)
    return value


def turns(psi, theta, h):
    new = psi - h * theta / (1 + math.exp(-psi * theta))
    return new, theta + h * psi / (1 + math.exp(-psi * theta)), theta + h * new / (1 + math.exp(-new * theta))


def growth_by_formula(M):
    half, det = (M[0, 0] + M[1, 1]) / 2, M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
    if half**2 < det:
        return math.sqrt(det)
    return abs(half) + math.sqrt(half**2 - det)


def update(h, s, gamma):
    return np.array([[1 - h * gamma, -h * s], [h * s, 1.0]])


def clipped_kl(counts, weights):
    share = np.maximum(counts / np.sum(counts), 1e-300)
    return np.sum(share * np.log(share / weights))


RIGHT = {
    "07.reverse_kl": {
        "a loop": kl_by_loop,
        "with a tiny share for an empty mode": clipped_kl,
        "float32": lambda counts, weights: np.float32(kl_by_loop(counts, weights)),
        "a difference of two sums": lambda counts, weights: (
            sum(c / sum(counts) * math.log(c / sum(counts)) for c in counts if c)
            - sum(c / sum(counts) * math.log(w) for c, w in zip(counts, weights, strict=True))
        ),
        "an array of no dimension": lambda counts, weights: np.array(kl_by_loop(counts, weights)),
        "nansum": lambda counts, weights: np.nansum(
            counts / counts.sum() * np.log(np.where(counts > 0, counts, np.nan) / counts.sum() / weights)
        ),
    },
    "07.gradient_sizes": {
        "lists": lambda f: (sigmoid(f).tolist(), sigmoid(-f).tolist()),
        "tanh": lambda f: (0.5 + 0.5 * np.tanh(f / 2), 0.5 - 0.5 * np.tanh(f / 2)),
        "float32": lambda f: (sigmoid(f).astype(np.float32), sigmoid(-f).astype(np.float32)),
        "a list of two": lambda f: [sigmoid(f), 1 - sigmoid(f)],
        "by differences": lambda f: (
            np.abs(-np.logaddexp(0, f + 1e-6) + np.logaddexp(0, f - 1e-6)) / 2e-6,
            np.abs(np.logaddexp(0, -f - 1e-6) - np.logaddexp(0, -f + 1e-6)) / 2e-6,
        ),
    },
    "07.dirac_turns": {
        "math": turns,
        "a list": lambda psi, theta, h: list(turns(psi, theta, h)),
        "float32": lambda psi, theta, h: tuple(np.float32(number) for number in turns(psi, theta, h)),
        "arrays of no dimension": lambda psi, theta, h: tuple(np.array(number) for number in turns(psi, theta, h)),
        "an array of three": lambda psi, theta, h: tuple(np.array(turns(psi, theta, h))),
    },
    "07.update_matrix": {
        "a list": lambda h, s, gamma: update(h, s, gamma).tolist(),
        "float32": lambda h, s, gamma: update(h, s, gamma).astype(np.float32),
        "I - h J": lambda h, s, gamma: np.eye(2) - h * np.array([[gamma, s], [-s, 0]]),
        "columns": lambda h, s, gamma: np.stack([[1 - h * gamma, h * s], [-h * s, 1]], axis=1),
        "a view": lambda h, s, gamma: update(h, s, gamma).T.copy().T,
    },
    "07.growth": {
        "the formula": growth_by_formula,
        "a list of sizes": lambda M: max(abs(value) for value in np.linalg.eigvals(M).tolist()),
        "the characteristic polynomial": lambda M: np.abs(np.roots([1, -np.trace(M), np.linalg.det(M)])).max(),
        "float32": lambda M: np.float32(growth_by_formula(M)),
        "hypot": lambda M: np.hypot(np.linalg.eigvals(M).real, np.linalg.eigvals(M).imag).max(),
        "sorted": lambda M: sorted(np.abs(np.linalg.eig(M)[0]))[-1],
    },
}

WRONG = {
    "07.reverse_kl": {
        "empty modes give NaN": lambda counts, weights: np.sum(
            counts / counts.sum() * np.log(counts / counts.sum() / weights)
        ),
        "the mean": lambda counts, weights: kl_by_loop(counts, weights) / len(counts),
        "renormalised over the modes found": lambda counts, weights: kl_by_loop(
            counts[counts > 0], weights[counts > 0] / weights[counts > 0].sum()
        ),
    },
    "07.gradient_sizes": {
        "D (1 - D) twice": lambda f: (sigmoid(f) * sigmoid(-f), sigmoid(f) * sigmoid(-f)),
        "both minimax": lambda f: (sigmoid(f), sigmoid(f)),
        "swapped for positive logits": lambda f: (sigmoid(-np.abs(f)), sigmoid(np.abs(f))),
    },
    "07.dirac_turns": {
        "without sigma": lambda psi, theta, h: (psi - h * theta, theta + h * psi, theta + h * (psi - h * theta)),
        "sigma = 1/2": lambda psi, theta, h: (
            psi - h * theta / 2,
            theta + h * psi / 2,
            theta + h * (psi - h * theta / 2) / 2,
        ),
    },
    "07.update_matrix": {
        "of alternating steps": lambda h, s, gamma: np.array(
            [[1 - h * gamma, -h * s], [h * s * (1 - h * gamma), 1 - h**2 * s**2]]
        ),
        "gamma without h": lambda h, s, gamma: np.array([[1 - gamma, -h * s], [h * s, 1.0]]),
        "gamma / 2": lambda h, s, gamma: np.array([[1 - h * gamma / 2, -h * s], [h * s, 1.0]]),
    },
    "07.growth": {
        "squared": lambda M: np.abs(np.linalg.eigvals(M)).max() ** 2,
        "the smallest": lambda M: np.abs(np.linalg.eigvals(M)).min(),
        "the largest entry": lambda M: np.abs(M).max(),
        "the first eigenvalue": lambda M: abs(np.linalg.eigvals(M)[0]),
        "half the trace": lambda M: abs(np.trace(M)) / 2,
    },
}
