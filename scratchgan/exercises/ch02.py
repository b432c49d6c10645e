"""Chapter 02, the loss, derived: cross-entropy on logits, both players' gradients, and the size of the gradients."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _softplus(x):
    return np.logaddexp(0, x)


def _labelled(rng):
    return {"t": np.r_[1.0, 0.0, rng.integers(0, 2, 7)], "l": 3 * rng.standard_normal(9)}


def _extreme():
    """Logits for which the sigmoid, computed first, is 0 or 1: on the wrong side, and on the right one."""
    return [
        {"t": np.array([1.0]), "l": np.array([-800.0])},
        {"t": np.array([0.0]), "l": np.array([800.0])},
        {"t": np.array([1.0, 0.0]), "l": np.array([800.0, -800.0])},
        {"t": np.array([1.0, 0.0, 1.0]), "l": np.array([-40.0, 0.5, 2.0])},
    ]


def _unequal():
    """More fakes than real samples."""
    return [{"real_logits": np.array([[1.0], [-2.0]]), "fake_logits": np.array([[0.5], [-1.0], [3.0]])}]


def _in_two_steps(t, D, small=0.0):
    return -np.mean(t * np.log(D + small) + (1 - t) * np.log(1 - D + small))


def _both(rng):
    return {"real_logits": 2 * rng.standard_normal((6, 1)), "fake_logits": 2 * rng.standard_normal((4, 1))}


def _fakes(rng):
    return {"fake_logits": 2 * rng.standard_normal((5, 1))}


EXERCISES = [
    Exercise(
        "02.bce",
        "Mean binary cross-entropy of labels t (0 or 1) and logits l; it must also work for l = -800.",
        lambda t, l: np.mean(_softplus(l) - t * l),
        _labelled,
        ("loss",),
        {
            "The sign is wrong: cross-entropy is *minus* the log of the probability of the true label.": lambda t, l: (
                -np.mean(_softplus(l) - t * l)
            ),
            "The labels are swapped: t = 1 means real.": lambda t, l: np.mean(_softplus(l) - (1 - t) * l),
            "That is a sum over the batch; a loss is a mean.": lambda t, l: np.sum(_softplus(l) - t * l),
            "The second term is - t l: you added it.": lambda t, l: np.mean(_softplus(l) + t * l),
            "Only the term of the label 1 is there: the label 0 has one, too.": lambda t, l: np.mean(t * _softplus(-l)),
            "Clipped: at l = -800 with t = 1 the loss is 800, and your function stops at 16.  Use softplus.": lambda t, l: (
                _in_two_steps(t, np.clip(_sigmoid(l), 1e-7, 1 - 1e-7))
            ),
            "A small number inside the logarithm bounds the loss: at l = -800 with t = 1 it is 800.  Use softplus.": lambda t, l: (
                _in_two_steps(t, _sigmoid(l), 1e-12)
            ),
        },
        about='"With logits"',
        edges=_extreme,
    ),
    Exercise(
        "02.d_loss_gradient",
        "dL_D/d real_logits and dL_D/d fake_logits of the minimax loss, without label smoothing.",
        lambda real_logits, fake_logits: (
            -_sigmoid(-real_logits) / len(real_logits),
            _sigmoid(fake_logits) / len(fake_logits),
        ),
        _both,
        ("d_real", "d_fake"),
        {
            "A factor 1/N is missing: the loss takes one mean over the real batch and one over the fakes.": lambda real_logits, fake_logits: (
                -_sigmoid(-real_logits),
                _sigmoid(fake_logits),
            ),
            "Both signs are wrong: that is the gradient of V, which D maximises; L_D = -V.": lambda real_logits, fake_logits: (
                _sigmoid(-real_logits) / len(real_logits),
                -_sigmoid(fake_logits) / len(fake_logits),
            ),
            "The labels are swapped: real samples have the label 1, fakes 0.": lambda real_logits, fake_logits: (
                _sigmoid(real_logits) / len(real_logits),
                -_sigmoid(-fake_logits) / len(fake_logits),
            ),
            "There are M fakes, and each mean is over its own batch: you divided both by N.": lambda real_logits, fake_logits: (
                -_sigmoid(-real_logits) / len(real_logits),
                _sigmoid(fake_logits) / len(real_logits),
            ),
            "Each mean is over its own batch: you divided both by N + M.": lambda real_logits, fake_logits: (
                -_sigmoid(-real_logits) / (len(real_logits) + len(fake_logits)),
                _sigmoid(fake_logits) / (len(real_logits) + len(fake_logits)),
            ),
            "That is the derivative by D: by the logit, the chain rule gives another factor D (1 - D).": lambda real_logits, fake_logits: (
                -1 / _sigmoid(real_logits) / len(real_logits),
                1 / _sigmoid(-fake_logits) / len(fake_logits),
            ),
            "sigmoid(r) - 1 / N divides only the 1: put brackets.": lambda real_logits, fake_logits: (
                _sigmoid(real_logits) - 1 / len(real_logits),
                _sigmoid(fake_logits) / len(fake_logits),
            ),
        },
        about="(Minimax.2)",
        edges=_unequal,
    ),
    Exercise(
        "02.g_loss_gradient",
        "dL_G/d fake_logits of the non-saturating loss.",
        lambda fake_logits: -_sigmoid(-fake_logits) / len(fake_logits),
        _fakes,
        ("d_fake",),
        {
            "That is the gradient of the minimax loss, which vanishes where D is sure that a sample is fake.": lambda fake_logits: (
                -_sigmoid(fake_logits) / len(fake_logits)
            ),
            "The sign is wrong: a step against the gradient should make the logits of the fakes larger.": lambda fake_logits: (
                _sigmoid(-fake_logits) / len(fake_logits)
            ),
            "That is D's gradient, for the label 0: in G's loss, fakes have the label 1.": lambda fake_logits: (
                _sigmoid(fake_logits) / len(fake_logits)
            ),
            "A factor 1/N is missing: the loss is a mean over the fakes.": lambda fake_logits: -_sigmoid(-fake_logits),
            "That is the derivative by D: by the logit, the chain rule gives another factor D (1 - D).": lambda fake_logits: (
                -1 / _sigmoid(fake_logits) / len(fake_logits)
            ),
        },
        about="(NonSaturating.2)",
        edges=lambda: [{"fake_logits": np.array([[0.0], [-3.0], [2.0]])}],
    ),
    Exercise(
        "02.gradient_ratio",
        "How many times larger than the minimax gradient is the non-saturating one, where D outputs d?",
        lambda d: (1 - d) / d,
        lambda rng: {"d": rng.uniform(0.01, 0.99, 6)},
        ("ratio",),
        {
            "That is the reciprocal: minimax divided by non-saturating.": lambda d: d / (1 - d),
            "That is how large the non-saturating one is; divide it by minimax's.": lambda d: 1 - d,
            "That is one over minimax's: the non-saturating one is not 1, but 1 - D.": lambda d: 1 / d,
            "Both have the same sign, so their ratio is positive.": lambda d: (d - 1) / d,
        },
        about="(Minimax.4) and (NonSaturating.2)",
        edges=lambda: [{"d": np.array([0.1, 0.5, 0.9])}],
    ),
]
