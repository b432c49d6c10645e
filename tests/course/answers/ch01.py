"""Answers to the exercises of chapter 01."""

import numpy as np


def entropy(p):
    return -np.sum(p * np.log(p))


def js_in_a_loop(p, q):
    total = 0.0
    for a, b in zip(p, q):
        m = (a + b) / 2
        total += 0.5 * a * np.log(a / m) + 0.5 * b * np.log(b / m)
    return total


RIGHT = {
    "01.optimal_d": {
        "one over": lambda p, q: 1 / (1 + q / p),
        "a sigmoid of the log ratio": lambda p, q: 1 / (1 + np.exp(np.log(q) - np.log(p))),
        "one minus the fakes": lambda p, q: 1 - q / (q + p),
        "a list": lambda p, q: [a / (a + b) for a, b in zip(p, q)],
        "float32": lambda p, q: (p / (p + q)).astype(np.float32),
        "with N": lambda p, q: 1000 * p / (1000 * p + 1000 * q),
    },
    "01.value_of_game": {
        "log1p": lambda d_real, d_fake: np.log(d_real).mean() + np.log1p(-d_fake).mean(),
        "sums over lengths": lambda d_real, d_fake: (
            np.sum(np.log(d_real)) / len(d_real) + np.sum(np.log(1 - d_fake)) / len(d_fake)
        ),
        "loops": lambda d_real, d_fake: (
            sum(np.log(d) for d in d_real) / len(d_real) + sum(np.log(1 - d) for d in d_fake) / len(d_fake)
        ),
        "minus cross-entropy": lambda d_real, d_fake: -(np.mean(-np.log(d_real)) + np.mean(-np.log(1 - d_fake))),
        "float32": lambda d_real, d_fake: np.float32(np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))),
        "geometric means": lambda d_real, d_fake: np.log(
            np.prod(d_real) ** (1 / len(d_real)) * np.prod(1 - d_fake) ** (1 / len(d_fake))
        ),
    },
    "01.js": {
        "entropies": lambda p, q: entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2,
        "a loop": js_in_a_loop,
        "by the value of the game": lambda p, q: (
            (np.sum(p * np.log(p / (p + q))) + np.sum(q * np.log(q / (p + q))) + np.log(4)) / 2
        ),
        "float32": lambda p, q: np.float32(js_in_a_loop(p, q)),
        "bits, converted": lambda p, q: (
            np.log(2) * 0.5 * np.sum(p * np.log2(2 * p / (p + q)) + q * np.log2(2 * q / (p + q)))
        ),
        "dot products": lambda p, q: (p @ np.log(2 * p / (p + q)) + q @ np.log(2 * q / (p + q))) / 2,
    },
}

WRONG = {
    "01.optimal_d": {
        "normalised over all points": lambda p, q: p / np.sum(p + q),
        "the difference": lambda p, q: p - q,
        "a half too much": lambda p, q: p / (p + q) / 2,
        "always 1/2": lambda p, q: np.full(len(p), 0.5),
        "a sigmoid of the difference": lambda p, q: 1 / (1 + np.exp(q - p)),
        "the mean": lambda p, q: np.mean(p / (p + q)),
    },
    "01.value_of_game": {
        "a product": lambda d_real, d_fake: np.mean(np.log(d_real)) * np.mean(np.log(1 - d_fake)),
        "a difference": lambda d_real, d_fake: np.mean(np.log(d_real)) - np.mean(np.log(1 - d_fake)),
        "without logarithms": lambda d_real, d_fake: np.mean(d_real) + np.mean(1 - d_fake),
        "base 10": lambda d_real, d_fake: np.mean(np.log10(d_real)) + np.mean(np.log10(1 - d_fake)),
        "the swapped labels": lambda d_real, d_fake: np.mean(np.log(1 - d_real)) + np.mean(np.log(d_fake)),
    },
    "01.js": {
        "reversed": lambda p, q: np.sum(q * np.log(q / p)),
        "absolute differences": lambda p, q: np.sum(np.abs(p - q)) / 2,
        "m twice": lambda p, q: 0.5 * np.sum(p * np.log(p / (p + q))) + 0.5 * np.sum(q * np.log(q / (p + q))),
        "the weights swapped": lambda p, q: 0.5 * np.sum(q * np.log(2 * p / (p + q)) + p * np.log(2 * q / (p + q))),
        "minus": lambda p, q: -js_in_a_loop(p, q),
    },
}
