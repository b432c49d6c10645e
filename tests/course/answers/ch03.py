"""Answers to the exercises of chapter 03."""

import numpy as np


def graph_in_place(x, w, b, c):
    dw = db = dx = 0.0
    q = w * x + b
    e = x * q - c
    dx += 2 * e * q
    dq = 2 * e * x
    dx += dq * w
    dw += dq * x
    db += dq
    return [dx, dw, db]


def dense_sums(dy, x, W):
    N, Di, Do = len(x), *W.shape
    dx, dW, db = np.zeros((N, Di)), np.zeros((Di, Do)), np.zeros(Do)
    for n in range(N):
        dx[n] = W @ dy[n]
        dW += np.outer(x[n], dy[n])
        db += dy[n]
    return dx, dW, db


def in_place(f, x, h):
    gradient = []
    for i in range(len(x)):
        kept = x[i]
        x[i] = kept + h
        above = f(x)
        x[i] = kept - h
        gradient.append((above - f(x)) / (2 * h))
        x[i] = kept
    return gradient


def five_points(f, x, h):
    E = np.eye(len(x)) * h
    return np.array([(8 * (f(x + e) - f(x - e)) - f(x + 2 * e) + f(x - 2 * e)) / (12 * h) for e in E])


def half_steps(f, x, h):
    return np.array([(f(x + e) - f(x - e)) / h for e in np.eye(len(x)) * h / 2])


def never_put_back(f, x, h):
    gradient = np.zeros_like(x)
    for i in range(len(x)):
        x[i] += h
        above = f(x)
        x[i] -= 2 * h
        gradient[i] = (above - f(x)) / (2 * h)
    return gradient


def an_alias(f, x, h):
    gradient = []
    for i in range(len(x)):
        up, down = x, x.copy()  # `up` is x itself
        up[i] += h
        down[i] -= h
        gradient.append((f(up) - f(down)) / (2 * h))
    return gradient


def ravelled(dy, x, slope):
    return [[b if a > 0 else slope * b for a, b in zip(p, q)] for p, q in zip(x, dy)]


def graph(x, w, b, c):
    return 2 * (x * (w * x + b) - c)


RIGHT = {
    "03.graph_backward": {
        "added up in place": graph_in_place,
        "by hand": lambda x, w, b, c: (
            graph(x, w, b, c) * (2 * w * x + b),
            graph(x, w, b, c) * x * x,
            graph(x, w, b, c) * x,
        ),
        "an array of three": lambda x, w, b, c: list(graph(x, w, b, c) * np.array([2 * w * x + b, x * x, x])),
        "0-d arrays": lambda x, w, b, c: tuple(np.asarray(v) for v in graph_in_place(x, w, b, c)),
        "float32": lambda x, w, b, c: tuple(np.float32(v) for v in graph_in_place(x, w, b, c)),
    },
    "03.dense_forward": {
        "einsum": lambda x, W, b: np.einsum("ni,io->no", x, W) + b,
        "a list": lambda x, W, b: (x @ W + b).tolist(),
        "float32": lambda x, W, b: (x @ W + b).astype(np.float32),
        "row by row": lambda x, W, b: np.stack([row @ W + b for row in x]),
        "b as a row": lambda x, W, b: x.dot(W) + b[None],
    },
    "03.dense_backward": {
        "einsum": lambda dy, x, W: (
            np.einsum("no,io->ni", dy, W),
            np.einsum("ni,no->io", x, dy),
            np.einsum("no->o", dy),
        ),
        "sample by sample": dense_sums,
        "a list of three": lambda dy, x, W: [dy @ W.T, x.T @ dy, sum(dy)],
        "transposed twice": lambda dy, x, W: ((W @ dy.T).T, (dy.T @ x).T, np.ones(len(dy)) @ dy),
        "float32": lambda dy, x, W: tuple(a.astype(np.float32) for a in (dy @ W.T, x.T @ dy, dy.sum(0))),
    },
    "03.leaky_relu_backward": {
        "a mask": lambda dy, x, slope: dy * ((x > 0) + slope * (x <= 0)),
        "a copy": lambda dy, x, slope: np.where(x <= 0, slope, 1) * dy,
        "lists": ravelled,
        "the sign": lambda dy, x, slope: dy * (slope + (1 - slope) * np.maximum(np.sign(x), 0)),
        "float32": lambda dy, x, slope: np.where(x > 0, dy, slope * dy).astype(np.float32),
    },
    "03.central_difference": {
        "in place, put back": in_place,
        "a better stencil": five_points,
        "half steps": half_steps,
        "rows of a matrix": lambda f, x, h: np.array([f(x + e) - f(x - e) for e in h * np.eye(len(x))]) / (2 * h),
        "a list": lambda f, x, h: [(f(x + e) - f(x - e)) / (2 * h) for e in h * np.eye(len(x))],
    },
}

WRONG = {
    "03.graph_backward": {
        "overwritten, not added": lambda x, w, b, c: (
            graph(x, w, b, c) * x * w,
            graph(x, w, b, c) * x * x,
            graph(x, w, b, c) * x,
        ),
        "sign": lambda x, w, b, c: tuple(-v for v in graph_in_place(x, w, b, c)),
        "order": lambda x, w, b, c: tuple(graph_in_place(x, w, b, c)[::-1]),
        "the loss first": lambda x, w, b, c: (graph(x, w, b, c) ** 2 / 4, *graph_in_place(x, w, b, c)),
    },
    "03.dense_forward": {
        "b subtracted": lambda x, W, b: x @ W - b,
        "b as a column": lambda x, W, b: x[:4] @ W + b[:, None],
        "b as a column where it fits": lambda x, W, b: x @ W + (b[:, None] if len(x) == len(b) else b),
        "entry by entry": lambda x, W, b: x[: len(W)] * W + b,
        "a mean": lambda x, W, b: (x @ W + b) / len(x),
        "the wrong way round": lambda x, W, b: W @ x + b,
    },
    "03.dense_backward": {
        "both over N": lambda dy, x, W: (dy @ W.T, x.T @ dy / len(x), dy.mean(0)),
        "dx over N": lambda dy, x, W: (dy @ W.T / len(x), x.T @ dy, dy.sum(0)),
        "another order": lambda dy, x, W: (x.T @ dy, dy.sum(0), dy @ W.T),
        "db a row": lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum(0, keepdims=True)),
        "db over outputs": lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum(1)),
        "db one number": lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum()),
        "W for x": lambda dy, x, W: (dy @ W.T, W.T @ dy[: len(W)], dy.sum(0)),
        "two": lambda dy, x, W: (dy @ W.T, x.T @ dy),
        "the sign": lambda dy, x, W: (-dy @ W.T, -x.T @ dy, -dy.sum(0)),
    },
    "03.leaky_relu_backward": {
        "the derivative at y times x": lambda dy, x, slope: np.where(x > 0, x * dy, slope * x * dy),
        "a fixed slope": lambda dy, x, slope: np.where(x > 0, dy, 0.2 * dy),
        "1 - slope": lambda dy, x, slope: np.where(x > 0, dy, (1 - slope) * dy),
        "max": lambda dy, x, slope: np.maximum(dy, slope * dy),
        "at 0 nothing": lambda dy, x, slope: np.where(x > 0, 1, np.where(x < 0, slope, 0)) * dy,
        "at 0 the mean": lambda dy, x, slope: np.where(x > 0, 1, np.where(x < 0, slope, (1 + slope) / 2)) * dy,
    },
    "03.central_difference": {
        "never put back": never_put_back,
        "an alias of x": an_alias,
        "all entries at once": lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h) * np.ones(len(x)),
        "the sign": lambda f, x, h: np.array([(f(x - e) - f(x + e)) / (2 * h) for e in h * np.eye(len(x))]),
        "not divided": lambda f, x, h: np.array([f(x + e) - f(x - e) for e in h * np.eye(len(x))]),
        "one number": lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
        "the second derivative": lambda f, x, h: np.array(
            [(f(x + e) - 2 * f(x) + f(x - e)) / h**2 for e in h * np.eye(len(x))]
        ),
        "entry by entry": lambda f, x, h: np.array(
            [(f(x[i : i + 1] + h) - f(x[i : i + 1] - h)) / (2 * h) for i in range(len(x))]
        ),
    },
}
