"""Chapter 03, backpropagation by hand: a graph of numbers, a dense layer, an activation, and differences to check them."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise
from .inputs import made


def _dense(rng):
    return {"x": rng.standard_normal((5, 4)), "W": rng.standard_normal((4, 4)), "b": rng.standard_normal(4)}


def _dense_back(rng):
    return {"dy": rng.standard_normal((5, 4)), "x": rng.standard_normal((5, 4)), "W": rng.standard_normal((4, 4))}


def _leaky(rng):
    return {"dy": rng.standard_normal((4, 6)), "x": rng.standard_normal((4, 6)), "slope": float(rng.uniform(0.05, 0.4))}


def _corners():
    """At x = 0 the derivative is the slope, by convention."""
    return [{"dy": np.array([[3.0, -5.0, 2.0, 7.0]]), "x": np.array([[1.0, 0.0, -2.0, 0.0]]), "slope": 0.1}]


def _four(rng):
    return dict(zip("xwbc", rng.uniform(0.5, 2, 4) * rng.choice([-1.0, 1.0], 4)))


def _graph(x, w, b, c, one=True, two=True, inner=2.0):
    """The gradients of L = (x q - c)^2 with q = w x + b; x is used twice."""
    q = w * x + b
    de = inner * (x * q - c)
    dq = de * x
    return one * de * q + two * dq * w, dq * x, dq


def _function(rng):
    return {"f": made("squares and product", rng.uniform(1, 2, 4)), "x": rng.uniform(0.5, 2, 4), "h": 0.1}


def _differences(f, x, h, right=1, left=1, over=2.0, restore=True):
    x, g = np.array(x, float), np.zeros(len(x))
    for i in range(len(x)):
        kept = x.copy()
        x[i] += right * h
        above = f(x)
        x[i] -= (right + left) * h
        g[i] = (above - f(x)) / (over * h)
        x = kept if restore else x
    return g


EXERCISES = [
    Exercise(
        "03.graph_backward",
        "The derivatives dx, dw and db of L = (x q - c)^2, where q = w x + b; all are numbers.",
        _graph,
        _four,
        ("dx", "dw", "db"),
        {
            "x is used twice: it goes into the product x q, and into q = w x + b.  Only the first way is in your dx.": lambda x, w, b, c: (
                _graph(x, w, b, c, two=False)
            ),
            "x is used twice: it goes into the product x q, and into q = w x + b.  Only the second way is in your dx.": lambda x, w, b, c: (
                _graph(x, w, b, c, one=False)
            ),
            "The square is missing: L = e^2 with e = x q - c, so its derivative by e is 2 e.": lambda x, w, b, c: (
                _graph(x, w, b, c, inner=1.0)
            ),
            "dw and db: q does not go into L by itself, but times x.": lambda x, w, b, c: (
                _graph(x, w, b, c)[0],
                2 * (x * (w * x + b) - c) * x,
                2 * (x * (w * x + b) - c),
            ),
        },
        edges=lambda: [{"x": 2.0, "w": 1.0, "b": -1.0, "c": 1.0}],
        about='"One number at a time"',
    ),
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
        edges=lambda: [{"x": np.eye(2), "W": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([10.0, 20.0])}],
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
        edges=lambda: [
            {"dy": np.array([[1.0, 3.0]]), "x": np.array([[2.0, 3.0]]), "W": np.array([[4.0, 5.0], [6.0, 7.0]])}
        ],
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
            "At x = 0 the chapter takes the slope for the derivative, not 1.": lambda dy, x, slope: np.where(
                x >= 0, dy, slope * dy
            ),
            "dx is the derivative times dy: the dy is missing.": lambda dy, x, slope: (
                np.where(x > 0, 1.0, slope) + 0 * dy
            ),
            "The derivative where x is negative is the slope, not minus the slope: the function rises there, too.": lambda dy, x, slope: (
                np.where(x > 0, dy, -slope * dy)
            ),
        },
        edges=_corners,
        about="(LeakyReLU.1)",
    ),
    Exercise(
        "03.central_difference",
        "The gradient of a function f of an array x (n,), by central differences with step h.  x is left as it was.",
        lambda f, x, h: _differences(f, x, h),
        _function,
        ("gradient",),
        {
            "That is a one-sided difference: its error is of order h, that of a central one of order h^2.": lambda f, x, h: (
                _differences(f, x, h, left=0, over=1)
            ),
            "That is a one-sided difference, to the left: its error is of order h, that of a central one of order h^2.": lambda f, x, h: (
                _differences(f, x, h, right=0, over=1)
            ),
            "The two points are 2h apart, not h.": lambda f, x, h: _differences(f, x, h, over=1),
            "One side only, and yet divided by 2h: the two points are x + h and x - h.": lambda f, x, h: _differences(
                f, x, h, left=0
            ),
            "An entry of x that has been moved has to be put back before the next is moved: f depends on all of them.": lambda f, x, h: (
                _differences(f, x, h, restore=False)
            ),
        },
        tolerance=1e-7,
        edges=lambda: [
            {"f": made("squares and product", np.array([1.0, 2.0, 1.0])), "x": np.array([1.0, 2.0, 3.0]), "h": 0.1}
        ],
        about="(Difference.1)",
    ),
]
