"""Chapter 03, backpropagation by hand: a dense layer, an activation, and the difference that checks them."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _dense(rng):
    return {"x": rng.standard_normal((5, 4)), "W": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}


def _dense_back(rng):
    return {"dy": rng.standard_normal((5, 4)), "x": rng.standard_normal((5, 4)), "W": rng.standard_normal((4, 4))}


def _leaky(rng):
    return {"dy": rng.standard_normal((4, 6)), "x": rng.standard_normal((4, 6)), "slope": 0.2}


def _function(rng):
    a = rng.standard_normal(4)
    return {"f": lambda x: float(np.sum(a * x**3)), "x": rng.standard_normal(4), "h": 1e-2}


def _differences(f, x, h, both=True, half=True):
    g = np.zeros_like(x)
    for i in range(len(x)):
        e = np.zeros_like(x)
        e[i] = h
        g[i] = (f(x + e) - f(x - e)) / (2 * h if half else h) if both else (f(x + e) - f(x)) / h
    return g


EXERCISES = [
    Exercise(
        "03.dense_forward",
        "y of a dense layer with weight W (Di, Do) and bias b (Do,), for x (N, Di).",
        lambda x, W, b: x @ W + b,
        _dense,
        ("y",),
        {
            "The bias is missing.": lambda x, W, b: x @ W,
            "W is transposed: it is (Di, Do), and each row of x stands on its left.": lambda x, W, b: x @ W.T + b,
        },
        about="(Dense.1)",
    ),
    Exercise(
        "03.dense_backward",
        "dx, dW and db of a dense layer, from dy (N, Do), x (N, Di) and W (Di, Do).",
        lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum(axis=0)),
        _dense_back,
        ("dx", "dW", "db"),
        {
            "dx: a transposed product.  What W[i, j] carried from x_i to y_j, it carries back from dy_j to dx_i.": lambda dy, x, W: (
                dy @ W,
                x.T @ dy,
                dy.sum(axis=0),
            ),
            "dW: a transposed product.  dW[i, j] is how much x_i and dy_j go together.": lambda dy, x, W: (
                dy @ W.T,
                dy.T @ x,
                dy.sum(axis=0),
            ),
            "dW is divided by N, but layers only sum: the 1/N is in the loss.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy / len(x),
                dy.sum(axis=0),
            ),
            "db is a mean over the batch, but layers only sum: the 1/N is in the loss.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy,
                dy.mean(axis=0),
            ),
            "db: a missing sum over the batch.  One b serves all samples, so all their gradients add up.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy,
                dy,
            ),
        },
        about="(Dense.2) to (Dense.4)",
    ),
    Exercise(
        "03.leaky_relu_backward",
        "dx of y = max(x, slope x), from dy and x.",
        lambda dy, x, slope: np.where(x > 0, dy, slope * dy),
        _leaky,
        ("dx",),
        {
            "The mask comes from x, the input, and not from dy.": lambda dy, x, slope: np.where(dy > 0, dy, slope * dy),
            "The slope is on the wrong side: it is for negative x.": lambda dy, x, slope: np.where(
                x > 0, slope * dy, dy
            ),
            "That is ReLU: a LeakyReLU lets slope times the gradient through where x is negative.": lambda dy, x, slope: (
                np.where(x > 0, dy, 0 * dy)
            ),
            "That is the function itself applied to x: what flows back is dy, times the derivative at x.": lambda dy, x, slope: (
                np.where(x > 0, x, slope * x)
            ),
        },
        about="(LeakyReLU.1)",
    ),
    Exercise(
        "03.central_difference",
        "The gradient of a function f of an array x (n,), by central differences with step h.",
        lambda f, x, h: _differences(f, x, h),
        _function,
        ("gradient",),
        {
            "That is a one-sided difference: its error falls like h, a central one's like h squared.": lambda f, x, h: (
                _differences(f, x, h, both=False)
            ),
            "The two points are 2h apart, not h.": lambda f, x, h: _differences(f, x, h, half=False),
        },
        tolerance=1e-9,
        about="the first lines of scratchgan/gradcheck",
    ),
]
