"""Chapter 03b, downhill: momentum, RMSProp, and a running mean that does not remember its start at zero."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _momentum_input(rng):
    w, g, m = rng.standard_normal((3, 5))
    return {"w": w, "g": g, "m": m, "lr": float(rng.uniform(0.1, 0.5)), "beta": float(rng.uniform(0.5, 0.95))}


def _momentum(w, g, m, lr, beta, new=None, sign=-1, old=None, step=None):
    new = beta * m + (1 - beta) * g if new is None else new
    return w + sign * lr * (new if step is None else step), new if old is None else old


def _rmsprop_input(rng):
    w, g = rng.standard_normal((2, 5))
    return {
        "w": w,
        "g": g,
        "v": 0.3 * rng.random(5) + 0.1,
        "lr": 0.2,
        "beta": float(rng.uniform(0.5, 0.95)),
        "eps": 0.05,
    }


def _rmsprop(w, g, v, lr, beta, eps, power=2, root=np.sqrt, old=False, sign=-1, top=None):
    new = beta * v + (1 - beta) * g**power
    with np.errstate(invalid="ignore"):
        return w + sign * lr * (g if top is None else top) / (root(v if old else new) + eps), new


def _gradients(rng):
    return {"gradients": rng.standard_normal((int(rng.integers(3, 7)), 4)), "beta": float(rng.uniform(0.5, 0.95))}


def _unbiased(gradients, beta, correct=True, power=0, new=None, backwards=False):
    mean = 0.0
    for g in gradients[::-1] if backwards else gradients:
        mean = beta * mean + (1 - beta if new is None else new) * g
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean / (1 - beta ** (len(gradients) + power)) if correct else mean


EXERCISES = [
    Exercise(
        "03b.momentum_step",
        "One step with momentum: the new w and the new running mean m.",
        _momentum,
        _momentum_input,
        ("w", "m"),
        {
            "w moves along the *new* m, which has this gradient in it; you used the old one.": lambda w, g, m, lr, beta: (
                _momentum(w, g, m, lr, beta, step=m)
            ),
            "That step goes uphill: subtract.": lambda **given: _momentum(**given, sign=1),
            "w moves along m, not along the gradient itself.": lambda w, g, m, lr, beta: _momentum(
                w, g, m, lr, beta, step=g
            ),
            "The new gradient has the weight 1 - beta in the mean.": lambda w, g, m, lr, beta: _momentum(
                w, g, m, lr, beta, new=beta * m + g
            ),
            "beta and 1 - beta have changed places: with beta near 1, the mean remembers long.": lambda w, g, m, lr, beta: (
                _momentum(w, g, m, lr, beta, new=(1 - beta) * m + beta * g)
            ),
            "The new m has to be returned, for the next step; you returned the old one.": lambda w, g, m, lr, beta: (
                _momentum(w, g, m, lr, beta, old=m)
            ),
        },
        edges=lambda: [{"w": np.array([1.0]), "g": np.array([2.0]), "m": np.array([0.0]), "lr": 0.5, "beta": 0.75}],
        about="(Momentum.1) and (Momentum.2)",
    ),
    Exercise(
        "03b.rmsprop_step",
        "One step of RMSProp: the new w and the new running mean v of the squared gradient.",
        _rmsprop,
        _rmsprop_input,
        ("w", "v"),
        {
            "v is a running mean of the *squared* gradient.": lambda **given: _rmsprop(**given, power=1),
            "The root is missing: v is a mean of squares, and the gradient is divided by its root.": lambda **given: (
                _rmsprop(**given, root=lambda v: v)
            ),
            "Divide by the root of the *new* v, which has this gradient in it.": lambda **given: _rmsprop(
                **given, old=True
            ),
            "eps stands outside of the root.": lambda w, g, v, lr, beta, eps: _rmsprop(
                w, g, v, lr, beta, 0.0, root=lambda v: np.sqrt(v + eps)
            ),
            "That step goes uphill: subtract.": lambda **given: _rmsprop(**given, sign=1),
            "eps is missing: with v = 0 you would divide by 0.": lambda w, g, v, lr, beta, eps: _rmsprop(
                w, g, v, lr, beta, 0.0
            ),
        },
        edges=lambda: [
            {"w": np.ones(2), "g": np.array([2.0, -4.0]), "v": np.zeros(2), "lr": 0.1, "beta": 0.75, "eps": 1e-2}
        ],
        about="(RMSProp.1) and (RMSProp.2)",
    ),
    Exercise(
        "03b.unbiased_mean",
        "The running mean of gradients (T, n) after all T of them, started at 0, without the bias of that start.",
        _unbiased,
        _gradients,
        ("mean",),
        {
            "The correction is missing: after T steps the weights in the mean add up to 1 - beta^T.": lambda **given: (
                _unbiased(**given, correct=False)
            ),
            "The power of beta is the number of gradients, T: not T - 1.": lambda **given: _unbiased(**given, power=-1),
            "The power of beta is the number of gradients, T: not T + 1.": lambda **given: _unbiased(**given, power=1),
            "That is the plain mean: a running mean gives late gradients more weight than early ones.": lambda gradients, beta: (
                np.mean(gradients, axis=0)
            ),
            "The last gradient should have the largest weight; in yours the first has it.": lambda **given: _unbiased(
                **given, backwards=True
            ),
            "Each gradient has the weight 1 - beta when it comes.": lambda **given: _unbiased(**given, new=1.0),
        },
        edges=lambda: [
            {"gradients": np.array([[4.0, 0.0]]), "beta": 0.5},
            {"gradients": np.array([[4.0, 0.0], [1.0, 3.0]]), "beta": 0.5},
        ],
        about="(Bias.1) and (Bias.2)",
    ),
]
