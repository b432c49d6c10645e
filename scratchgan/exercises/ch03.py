"""Chapter 03, backpropagation by hand: a dense layer, an activation, and finite differences to check them."""

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
        "The output y of a dense layer with weight W (Di, Do) and bias b (Do,), for x (N, Di).",
        lambda x, W, b: x @ W + b,
        _dense,
        ("y",),
        {
            "The bias is missing.": lambda x, W, b: x @ W,
            "W must not be transposed: it has the shape (Di, Do), so x (N, Di) times W is (N, Do).": lambda x, W, b: (
                x @ W.T + b
            ),
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
            "dx: a transpose is missing.  W[i, j] connects x_i to y_j, so on the way back it multiplies dy_j and adds to dx_i.": lambda dy, x, W: (
                dy @ W,
                x.T @ dy,
                dy.sum(axis=0),
            ),
            "dW is transposed: dW[i, j] is the sum of x_i dy_j over the batch.": lambda dy, x, W: (
                dy @ W.T,
                dy.T @ x,
                dy.sum(axis=0),
            ),
            "dW is divided by N, but a layer sums over the batch: the 1/N is already in the loss.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy / len(x),
                dy.sum(axis=0),
            ),
            "db is a mean over the batch, but a layer sums: the 1/N is already in the loss.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy,
                dy.mean(axis=0),
            ),
            "db: the sum over the batch is missing.  All samples share one b, so their gradients add up.": lambda dy, x, W: (
                dy @ W.T,
                x.T @ dy,
                dy,
            ),
        },
        about="(Dense.2) to (Dense.4)",
    ),
    Exercise(
        "03.leaky_relu_backward",
        "dx for y = max(x, slope x), from dy and x.",
        lambda dy, x, slope: np.where(x > 0, dy, slope * dy),
        _leaky,
        ("dx",),
        {
            "The mask depends on the sign of the input x, not on that of dy.": lambda dy, x, slope: np.where(
                dy > 0, dy, slope * dy
            ),
            "The slope is on the wrong side: it applies where x is negative.": lambda dy, x, slope: np.where(
                x > 0, slope * dy, dy
            ),
            "That is ReLU: where x is negative, LeakyReLU passes on slope times the gradient.": lambda dy, x, slope: (
                np.where(x > 0, dy, 0 * dy)
            ),
            "That is the function itself, applied to x: dx is dy times the derivative at x.": lambda dy, x, slope: (
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
            "That is a one-sided difference: its error is of order h, that of a central one of order h^2.": lambda f, x, h: (
                _differences(f, x, h, both=False)
            ),
            "The two points are 2h apart, not h.": lambda f, x, h: _differences(f, x, h, half=False),
        },
        tolerance=1e-9,
        about="the first lines of scratchgan/gradcheck",
    ),
]
