"""Answers to the exercises of chapter 05b."""

import numpy as np

from scratchgan.exercises.checking import find

forward, backward, evaluation = (
    find(f"05b.{name}").solution for name in ("batchnorm_forward", "batchnorm_backward", "evaluation_backward")
)


def _rows(x, gamma, beta, eps):
    v = x.reshape(-1, x.shape[-1])
    xc = v - v.mean(axis=0)
    return (gamma * xc / np.sqrt(np.mean(xc * xc, axis=0) + eps) + beta).reshape(x.shape)


def _channels(x, gamma, beta, eps):
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        one = x[..., c]
        y[..., c] = beta[c] + gamma[c] * (one - one.mean()) * (one.var() + eps) ** -0.5
    return y


def _two_moments(x, gamma, beta, eps):
    m, m2 = x.mean(axis=(0, 1, 2)), (x**2).mean(axis=(0, 1, 2))
    return gamma * (x - m) / np.sqrt(m2 - m**2 + eps) + beta


def _by_hand(dy, xhat, gamma, r):
    """The three paths, one after the other: the form of most textbooks."""
    N = len(dy)
    g = dy * gamma
    return r / N * (N * g - g.sum(0) - xhat * (g * xhat).sum(0)), np.sum(dy * xhat, 0), np.sum(dy, 0)


def _by_matrix(dy, xhat, gamma, r):
    dx, N = np.empty_like(dy), len(dy)
    for c in range(dy.shape[1]):
        P = r[c] * (np.eye(N) - np.ones((N, N)) / N - np.outer(xhat[:, c], xhat[:, c]) / N)
        dx[:, c] = P.T @ (gamma[c] * dy[:, c])
    return dx, np.einsum("nc,nc->c", dy, xhat), np.einsum("nc->c", dy)


RIGHT = {
    "05b.batchnorm_forward": {
        "as rows": _rows,
        "a channel at a time": _channels,
        "two moments": _two_moments,
        "float32": lambda **k: forward(**k).astype(np.float32),
        "a list": lambda **k: forward(**k).tolist(),
    },
    "05b.batchnorm_backward": {
        "as in textbooks": _by_hand,
        "with the matrix P": _by_matrix,
        "a list": lambda **k: list(backward(**k)),
        "float32": lambda **k: tuple(v.astype(np.float32) for v in backward(**k)),
        "gamma taken out": lambda dy, xhat, gamma, r: (
            gamma * r * (dy - dy.mean(0) - xhat * (xhat * dy).mean(0)),
            (xhat * dy).sum(0),
            dy.sum(0),
        ),
    },
    "05b.evaluation_backward": {
        "power": lambda dy, x, gamma, mean, var, eps: (
            gamma * dy * (var + eps) ** -0.5,
            np.sum((x - mean) * (var + eps) ** -0.5 * dy, axis=0),
            np.sum(dy, axis=0),
        ),
        "divided": lambda dy, x, gamma, mean, var, eps: (
            dy * gamma / np.sqrt(var + eps),
            ((x - mean) / np.sqrt(var + eps) * dy).sum(0),
            dy.sum(0),
        ),
        "einsum": lambda dy, x, gamma, mean, var, eps: (
            np.einsum("nc,c->nc", dy, gamma / np.sqrt(var + eps)),
            np.einsum("nc,nc->c", dy, (x - mean) / np.sqrt(var + eps)),
            np.ones(len(dy)) @ dy,
        ),
        "lists": lambda **k: [v.tolist() for v in evaluation(**k)],
        "float32": lambda **k: tuple(v.astype(np.float32) for v in evaluation(**k)),
    },
    "05b.after_stretching": {
        "times the inverse": lambda dx, a, b: dx * (1 / a),
        "a matrix": lambda dx, a, b: dx @ np.diag(1 / a),
        "row by row": lambda dx, a, b: np.stack([row / a for row in dx]),
        "a list": lambda dx, a, b: (dx / a).tolist(),
        "float32": lambda dx, a, b: (dx / a).astype(np.float32),
    },
}

WRONG = {
    "05b.batchnorm_forward": {
        "beta left out": lambda x, gamma, beta, eps: forward(x, gamma, 0, eps),
        "gamma left out": lambda x, gamma, beta, eps: forward(x, 1, beta, eps),
        "variance for standard deviation": lambda x, gamma, beta, eps: (
            gamma * (x - x.mean((0, 1, 2))) / (x.var((0, 1, 2)) + eps) + beta
        ),
        "eps left out": lambda x, gamma, beta, eps: forward(x, gamma, beta, 1e-12),
        "mean left in": lambda x, gamma, beta, eps: gamma * x / np.sqrt(x.var((0, 1, 2)) + eps) + beta,
    },
    "05b.batchnorm_backward": {
        "negated": lambda **k: tuple(-v for v in backward(**k)),
        "r squared": lambda dy, xhat, gamma, r: (backward(dy, xhat, gamma, r**2)[0], *backward(dy, xhat, gamma, r)[1:]),
        "dbeta from g": lambda dy, xhat, gamma, r: (*backward(dy, xhat, gamma, r)[:2], (gamma * dy).sum(0)),
        "a mean over the channels": lambda dy, xhat, gamma, r: (
            r * (gamma * dy - (gamma * dy).mean() - xhat * (xhat * gamma * dy).mean()),
            *backward(dy, xhat, gamma, r)[1:],
        ),
        "two results": lambda **k: backward(**k)[:2],
    },
    "05b.evaluation_backward": {
        "dgamma from g": lambda dy, x, gamma, mean, var, eps: (
            gamma * dy / np.sqrt(var + eps),
            (gamma * dy * (x - mean) / np.sqrt(var + eps)).sum(0),
            dy.sum(0),
        ),
        "means": lambda **k: (evaluation(**k)[0], *(v / len(k["dy"]) * 0.5 for v in evaluation(**k)[1:])),
        "dy": lambda dy, x, gamma, mean, var, eps: (gamma * dy, (dy * (x - mean)).sum(0), dy.sum(0)),
        "the order": lambda **k: tuple(evaluation(**k)[i] for i in (0, 2, 1)),
    },
    "05b.after_stretching": {
        "nothing left": lambda dx, a, b: 0 * dx,
        "the sign": lambda dx, a, b: -dx / a,
        "a mean of a": lambda dx, a, b: dx / a.mean(),
        "the root": lambda dx, a, b: dx / np.sqrt(a),
        "stretched x": lambda dx, a, b: a * dx + b,
    },
}
