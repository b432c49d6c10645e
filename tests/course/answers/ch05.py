"""Answers to the exercises of chapter 05."""

import math

import numpy as np

from scratchgan.exercises.checking import find


def _windows(x, k, s, p):
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, p), (k, k))[::s, ::s]


def _taps(dy, W, s, p, n):
    """A tap at a time instead of a pixel at a time."""
    d, m = np.zeros((n + 2 * p, n + 2 * p)), len(dy)
    for i, j in np.ndindex(W.shape):
        d[i : i + s * m : s, j : j + s * m : s][:m, :m] += W[i, j] * dy
    return d[p : n + p, p : n + p]


def _pixels(dy, W, s, p, n):
    """Only the pixels of x, asked one by one."""
    dx, k = np.zeros((n, n)), len(W)
    for (u, v), h, w in ((uv, h, w) for uv in np.ndindex(n, n) for h in range(len(dy)) for w in range(len(dy))):
        i, j = u + p - s * h, v + p - s * w
        if 0 <= i < k and 0 <= j < k:
            dx[u, v] += dy[h, w] * W[i, j]
    return dx


def _matrix(dy, W, s, p, n):
    """By the transposed matrix, column by column."""
    forward = find("05.conv_forward").solution
    A = np.stack([forward(unit, W, s, p).ravel() for unit in np.eye(n * n).reshape(-1, n, n)], axis=1)
    return (A.T @ dy.ravel()).reshape(n, n)


def _by_taps(x, dy, k, s, p):
    xpad, m = np.pad(x, p), len(dy)
    return [
        [float((xpad[i : i + s * m : s, j : j + s * m : s][:m, :m] * dy).sum()) for j in range(k)] for i in range(k)
    ]


def _first(n, k, s, p):
    """The positions of the kernel's first pixel, counted."""
    return len([start for start in range(0, n + 2 * p, s) if start + k <= n + 2 * p])


adjoint, forward = (find(f"05.{name}").solution for name in ("conv_adjoint", "conv_forward"))
weight_grad, contributions = (find(f"05.{name}").solution for name in ("conv_weight_grad", "contributions"))


def _too_short(n, k, s, p):
    counts = np.zeros((n - 1) * s + k, int)
    for h in range(n):
        counts[s * h : s * h + k] += 1
    return counts[p:-p]


RIGHT = {
    "05.conv_output_size": {
        "a float": lambda n, k, s, p: np.floor((n + 2 * p - k) / s) + 1,
        "math": lambda n, k, s, p: 1 + math.floor((n - k + 2 * p) / s),
        "counted": _first,
        "divmod": lambda n, k, s, p: divmod(n + 2 * p - k + s, s)[0],
        "an array": lambda n, k, s, p: np.array(1 + (2 * p + n - k) // s),
        "ceil": lambda n, k, s, p: math.ceil((n + 2 * p - k + 1) / s),
    },
    "05.conv_forward": {
        "einsum": lambda x, W, s, p: np.einsum("hwij,ij->hw", _windows(x, len(W), s, p), W),
        "tensordot": lambda x, W, s, p: np.tensordot(_windows(x, len(W), s, p), W, 2),
        "a list": lambda x, W, s, p: forward(x, W, s, p).tolist(),
        "float32": lambda x, W, s, p: forward(x, W, s, p).astype(np.float32),
        "patches": lambda x, W, s, p: (_windows(x, len(W), s, p).reshape(-1, W.size) @ W.ravel()).reshape(
            _windows(x, len(W), s, p).shape[:2]
        ),
        "flipped twice": lambda x, W, s, p: np.tensordot(_windows(x, len(W), s, p), W[::-1, ::-1][::-1, ::-1], 2),
    },
    "05.conv_adjoint": {
        "taps": _taps,
        "pixels": _pixels,
        "matrix": _matrix,
        "a list": lambda *given, **named: _taps(*given, **named).tolist(),
        "float32": lambda *given, **named: _taps(*given, **named).astype(np.float32),
    },
    "05.conv_weight_grad": {
        "taps, a list": _by_taps,
        "einsum": lambda x, dy, k, s, p: np.einsum(
            "hwij,hw->ij", _windows(x, k, s, p)[: len(dy), : len(dy)], dy, optimize=True
        ),
        "float32": lambda x, dy, k, s, p: np.array(_by_taps(x, dy, k, s, p), np.float32),
        "tensordot": lambda x, dy, k, s, p: np.tensordot(dy, _windows(x, k, s, p), 2),
        "patches": lambda x, dy, k, s, p: (_windows(x, k, s, p).reshape(-1, k * k).T @ dy.ravel()).reshape(k, k),
    },
    "05.contributions": {
        "an adjoint of ones": lambda n, k, s, p: np.convolve(
            np.bincount(s * np.arange(n), minlength=(n - 1) * s + 1), np.ones(k)
        )[p : (n - 1) * s + k - p],
        "a list": lambda n, k, s, p: [
            sum(0 <= u + p - s * h < k for h in range(n)) for u in range((n - 1) * s - 2 * p + k)
        ],
        "taps": lambda n, k, s, p: np.array(
            [
                len([i for i in range(k) if (u + p - i) % s == 0 and 0 <= (u + p - i) // s < n])
                for u in range((n - 1) * s - 2 * p + k)
            ]
        ),
        "floats": lambda n, k, s, p: contributions(n, k, s, p).astype(float),
        "float32": lambda n, k, s, p: contributions(n, k, s, p).astype(np.float32),
    },
}

WRONG = {
    "05.conv_output_size": {
        "two hard-coded": lambda n, k, s, p: (n + 2 * p - k) // 2 + 1,
        "rounded": lambda n, k, s, p: round((n + 2 * p - k) / s) + 1,
        "one more": lambda n, k, s, p: (n + 2 * p - k + 1) // s + 1,
        "half": lambda n, k, s, p: n // s,
        "ceil of n / s": lambda n, k, s, p: math.ceil(n / s),
        "the other way": lambda n, k, s, p: (n - 1) * s - 2 * p + k,
        "nothing returned": lambda n, k, s, p: print((n + 2 * p - k) // s + 1),
    },
    "05.conv_forward": {
        "padding at the end only": lambda x, W, s, p: forward(np.pad(x, (0, 2 * p)), W, s, 0),
        "padded with copies": lambda x, W, s, p: forward(np.pad(x, p, mode="edge"), W, s, 0),
        "the largest": lambda x, W, s, p: (_windows(x, len(W), s, p) * W).max(axis=(2, 3)),
        "y transposed": lambda x, W, s, p: forward(x, W, s, p).T,
        "one row too few": lambda x, W, s, p: forward(x, W, s, p)[:-1, :-1],
        "the kernel's first row only": lambda x, W, s, p: forward(x, W * (np.arange(len(W)) == 0)[:, None], s, p),
    },
    "05.conv_adjoint": {
        "a convolution": lambda dy, W, s, p, n: forward(dy, W, 1, p),
        "dy transposed": lambda dy, W, s, p, n: adjoint(dy.T, W, s, p, n),
        "divided by the contributions": lambda dy, W, s, p, n: adjoint(dy, W, s, p, n) / W.size,
        "flipped one way": lambda dy, W, s, p, n: adjoint(dy, W[::-1], s, p, n),
        "cut at the beginning only": lambda dy, W, s, p, n: adjoint(dy, W, s, 0, n + 2 * p)[2 * p :, 2 * p :],
    },
    "05.conv_weight_grad": {
        "dy transposed": lambda x, dy, k, s, p: weight_grad(x, dy.T, k, s, p),
        "the last patch only": lambda x, dy, k, s, p: _windows(x, k, s, p)[-1, -1] * dy[-1, -1],
        "dW transposed": lambda x, dy, k, s, p: weight_grad(x, dy, k, s, p).T,
        "the sign": lambda x, dy, k, s, p: -weight_grad(x, dy, k, s, p),
        "stride hard-coded": lambda x, dy, k, s, p: weight_grad(x, dy, k, 2, p),
    },
    "05.contributions": {
        "k / s": lambda n, k, s, p: np.full((n - 1) * s - 2 * p + k, k / s),
        "[p:-p], for p = 0 as well": _too_short,
        "one at least": lambda n, k, s, p: np.maximum(contributions(n, k, s, p), 1),
        "as if there were no edge": lambda n, k, s, p: np.array(
            [len(range((u + p) % s, k, s)) for u in range((n - 1) * s - 2 * p + k)]
        ),
        "p ignored in the rest": lambda n, k, s, p: np.array(
            [
                len([i for i in range(k) if (u - i) % s == 0 and 0 <= (u - i) // s < n])
                for u in range((n - 1) * s - 2 * p + k)
            ]
        ),
        "the output padded too": lambda n, k, s, p: np.append(contributions(n, k, s, p), 0),
    },
}
