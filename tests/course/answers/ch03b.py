"""Answers to the exercises of chapter 03b."""

import numpy as np


def momentum_in_place(w, g, m, lr, beta):
    m *= beta
    m += (1 - beta) * g
    w -= lr * m
    return w, m


def rmsprop_in_place(w, g, v, lr, beta, eps):
    v += (1 - beta) * (g * g - v)
    w -= lr * g / (eps + v**0.5)
    return [w, v]


def running(gradients, beta):
    mean, weight = np.zeros(len(gradients[0])), 0.0
    for g in gradients:
        mean, weight = beta * mean + (1 - beta) * g, beta * weight + (1 - beta)
    return mean / weight


def weights(gradients, beta):
    return beta ** np.arange(len(gradients))[::-1]


RIGHT = {
    "03b.momentum_step": {
        "in place": momentum_in_place,
        "towards g": lambda w, g, m, lr, beta: (w - lr * (g + beta * (m - g)), g + beta * (m - g)),
        "lists": lambda w, g, m, lr, beta: [list(a) for a in momentum_in_place(w, g, m, lr, beta)],
        "number by number": lambda w, g, m, lr, beta: (
            np.array([a - lr * (beta * c + (1 - beta) * b) for a, b, c in zip(w, g, m)]),
            np.array([beta * c + (1 - beta) * b for b, c in zip(g, m)]),
        ),
        "float32": lambda w, g, m, lr, beta: tuple(a.astype(np.float32) for a in momentum_in_place(w, g, m, lr, beta)),
    },
    "03b.rmsprop_step": {
        "in place": rmsprop_in_place,
        "one line": lambda w, g, v, lr, beta, eps: (
            w - lr * g / (np.sqrt(beta * v + (1 - beta) * g**2) + eps),
            beta * v + (1 - beta) * g**2,
        ),
        "average": lambda w, g, v, lr, beta, eps: (
            w - lr / (np.hypot(np.sqrt(beta * v), np.sqrt(1 - beta) * g) + eps) * g,
            np.average([v, g * g], axis=0, weights=[beta, 1 - beta]),
        ),
        "lists": lambda w, g, v, lr, beta, eps: [a.tolist() for a in rmsprop_in_place(w, g, v, lr, beta, eps)],
        "float32": lambda w, g, v, lr, beta, eps: tuple(
            a.astype("f4") for a in rmsprop_in_place(w, g, v, lr, beta, eps)
        ),
    },
    "03b.unbiased_mean": {
        "weights that add up to 1": running,
        "average": lambda gradients, beta: np.average(gradients, axis=0, weights=weights(gradients, beta)),
        "a product": lambda gradients, beta: weights(gradients, beta) @ gradients / weights(gradients, beta).sum(),
        "a list": lambda gradients, beta: list(running(gradients, beta)),
        "the formula": lambda gradients, beta: (
            (1 - beta)
            * sum(beta ** (len(gradients) - 1 - i) * g for i, g in enumerate(gradients))
            / (1 - beta ** len(gradients))
        ),
    },
}

WRONG = {
    "03b.momentum_step": {
        "two": lambda w, g, m, lr, beta: (w - lr * (beta * m + (1 - beta) * g), beta * m + (1 - beta) * g, lr),
        "only w": lambda w, g, m, lr, beta: w - lr * (beta * m + (1 - beta) * g),
        "order": lambda w, g, m, lr, beta: (beta * m + (1 - beta) * g, w - lr * (beta * m + (1 - beta) * g)),
        "no lr": lambda w, g, m, lr, beta: (w - (beta * m + (1 - beta) * g), beta * m + (1 - beta) * g),
        "both": lambda w, g, m, lr, beta: (w - lr * (m + g), m + g),
    },
    "03b.rmsprop_step": {
        "two betas": lambda w, g, v, lr, beta, eps: (w - lr * g / (np.sqrt(v) + eps), (1 - beta) * v + beta * g**2),
        "by the norm": lambda w, g, v, lr, beta, eps: (
            w - lr * g / (np.sqrt(np.mean(beta * v + (1 - beta) * g**2)) + eps),
            beta * v + (1 - beta) * g**2,
        ),
        "signs": lambda w, g, v, lr, beta, eps: (w - lr * np.sign(g), beta * v + (1 - beta) * g**2),
        "multiplied": lambda w, g, v, lr, beta, eps: (
            w - lr * g * (np.sqrt(beta * v + (1 - beta) * g**2) + eps),
            beta * v + (1 - beta) * g**2,
        ),
        "no lr": lambda w, g, v, lr, beta, eps: (
            w - g / (np.sqrt(beta * v + (1 - beta) * g**2) + eps),
            beta * v + (1 - beta) * g**2,
        ),
    },
    "03b.unbiased_mean": {
        "over T": lambda gradients, beta: (
            sum(beta ** (len(gradients) - 1 - i) * g for i, g in enumerate(gradients)) / len(gradients)
        ),
        "started at the first": lambda gradients, beta: __import__("functools").reduce(
            lambda m, g: beta * m + (1 - beta) * g, gradients
        ),
        "beta T": lambda gradients, beta: running(gradients, beta) / (1 - beta * len(gradients)),
        "the sum": lambda gradients, beta: sum(gradients),
        "the last": lambda gradients, beta: gradients[-1],
    },
}
