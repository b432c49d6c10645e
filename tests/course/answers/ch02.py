"""Answers to the exercises of chapter 02."""

import numpy as np


def sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def clipped(eps):
    def bce(t, l):
        D = np.clip(sigmoid(l), eps, 1 - eps)
        return -np.mean(t * np.log(D) + (1 - t) * np.log(1 - D))

    return bce


def with_a_small_number(eps):
    return lambda t, l: -np.mean(t * np.log(sigmoid(l) + eps) + (1 - t) * np.log(1 - sigmoid(l) + eps))


RIGHT = {
    "02.bce": {
        "two terms": lambda t, l: np.mean(t * np.logaddexp(0, -l) + (1 - t) * np.logaddexp(0, l)),
        "where": lambda t, l: np.where(t == 1, np.logaddexp(0, -l), np.logaddexp(0, l)).mean(),
        "max and log1p": lambda t, l: np.mean(np.maximum(l, 0) - t * l + np.log1p(np.exp(-np.abs(l)))),
        "a sign": lambda t, l: np.mean(np.logaddexp(0, (1 - 2 * t) * l)),
        "a loop": lambda t, l: sum(np.logaddexp(0, b) - a * b for a, b in zip(t, l)) / len(t),
        "float32": lambda t, l: np.float32(np.mean(np.logaddexp(0, (1 - 2 * t) * l))),
    },
    "02.d_loss_gradient": {
        "one over": lambda real_logits, fake_logits: (
            -1 / (1 + np.exp(real_logits)) / len(real_logits),
            1 / (1 + np.exp(-fake_logits)) / len(fake_logits),
        ),
        "a list": lambda real_logits, fake_logits: [
            (sigmoid(real_logits) - 1) / real_logits.size,
            sigmoid(fake_logits) / fake_logits.size,
        ],
        "labels": lambda real_logits, fake_logits: (
            (sigmoid(real_logits) - np.ones_like(real_logits)) / real_logits.shape[0],
            (sigmoid(fake_logits) - np.zeros_like(fake_logits)) / fake_logits.shape[0],
        ),
        "float32": lambda real_logits, fake_logits: (
            ((sigmoid(real_logits) - 1) / len(real_logits)).astype(np.float32),
            (sigmoid(fake_logits) / len(fake_logits)).astype(np.float32),
        ),
        "the chain rule": lambda real_logits, fake_logits: (
            -1 / sigmoid(real_logits) * sigmoid(real_logits) * sigmoid(-real_logits) / len(real_logits),
            1 / sigmoid(-fake_logits) * sigmoid(fake_logits) * sigmoid(-fake_logits) / len(fake_logits),
        ),
    },
    "02.g_loss_gradient": {
        "minus sigmoid of minus": lambda fake_logits: -sigmoid(-fake_logits) / len(fake_logits),
        "one over": lambda fake_logits: -1 / (1 + np.exp(fake_logits)) / fake_logits.size,
        "a list": lambda fake_logits: [[(sigmoid(f) - 1) / len(fake_logits)] for f in fake_logits[:, 0]],
        "float32": lambda fake_logits: ((sigmoid(fake_logits) - 1) / len(fake_logits)).astype(np.float32),
        "times 1/N": lambda fake_logits: 1 / len(fake_logits) * (sigmoid(fake_logits) - 1),
    },
    "02.gradient_ratio": {
        "one over minus one": lambda d: 1 / d - 1,
        "exp of minus the logit": lambda d: np.exp(-np.log(d / (1 - d))),
        "a list": lambda d: [(1 - each) / each for each in d],
        "float32": lambda d: ((1 - d) / d).astype(np.float32),
        "absolute values": lambda d: np.abs(-(1 - d)) / np.abs(-d),
        "minus over minus": lambda d: -(1 - d) / -d,
    },
}

WRONG = {
    "02.bce": {
        "in two steps": with_a_small_number(0.0),
        "in two steps, without NaN": lambda t, l: np.nan_to_num(with_a_small_number(0.0)(t, l)),
        "clipped at 1e-12": clipped(1e-12),
        "clipped at 1e-15": clipped(1e-15),
        "1e-8 in the logarithm": with_a_small_number(1e-8),
        "1e-15 in the logarithm": with_a_small_number(1e-15),
        "logits clipped": lambda t, l: np.mean(np.logaddexp(0, np.clip(l, -100, 100)) - t * np.clip(l, -100, 100)),
        "log of exp": lambda t, l: np.mean(np.log(1 + np.exp(l)) - t * l),
        "not a mean": lambda t, l: np.logaddexp(0, l) - t * l,
        "base 2": lambda t, l: np.mean(np.logaddexp2(0, l) - t * l),
    },
    "02.d_loss_gradient": {
        "swapped": lambda real_logits, fake_logits: (
            sigmoid(fake_logits) / len(fake_logits),
            (sigmoid(real_logits) - 1) / len(real_logits),
        ),
        "the real sign": lambda real_logits, fake_logits: (
            sigmoid(-real_logits) / len(real_logits),
            sigmoid(fake_logits) / len(fake_logits),
        ),
        "a column lost": lambda real_logits, fake_logits: (
            (sigmoid(real_logits) - 1)[:, 0] / len(real_logits),
            sigmoid(fake_logits)[:, 0] / len(fake_logits),
        ),
        "the loss": lambda real_logits, fake_logits: (
            np.logaddexp(0, -real_logits) / len(real_logits),
            np.logaddexp(0, fake_logits) / len(fake_logits),
        ),
        "only one": lambda real_logits, fake_logits: (sigmoid(real_logits) - 1) / len(real_logits),
    },
    "02.g_loss_gradient": {
        "the loss": lambda fake_logits: np.logaddexp(0, -fake_logits) / len(fake_logits),
        "summed": lambda fake_logits: np.sum(sigmoid(fake_logits) - 1) / len(fake_logits),
        "of the minimax loss, with its sign turned": lambda fake_logits: sigmoid(fake_logits) / len(fake_logits) * 2,
        "squared": lambda fake_logits: -(sigmoid(-fake_logits) ** 2) / len(fake_logits),
        "D (1 - D)": lambda fake_logits: -sigmoid(fake_logits) * sigmoid(-fake_logits) / len(fake_logits),
    },
    "02.gradient_ratio": {
        "a difference": lambda d: 1 - 2 * d,
        "of the losses": lambda d: -np.log(d) / np.log(1 - d),
        "one over one minus d": lambda d: 1 / (1 - d),
        "squared": lambda d: ((1 - d) / d) ** 2,
        "always 1": lambda d: np.ones_like(d),
    },
}
