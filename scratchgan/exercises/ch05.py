"""Chapter 05, convolutions by hand: sizes, the loop, its two gradients, checkerboards, BatchNorm's backward."""

from __future__ import annotations

import math

import numpy as np

from .exercise import Exercise


def _sizes(rng):
    k = int(rng.integers(9, 12))  # n - k is odd: the stride does not fit, and rounding matters
    return {"n": k + 1 + 2 * int(rng.integers(4, 9)), "k": k, "s": 2, "p": 4}


def _size(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def _image(rng):
    return {"x": rng.standard_normal((7, 7)), "W": rng.standard_normal((3, 3)), "s": 2, "p": 1}


def _forward(x, W, s, p):
    k, n = len(W), _size(len(x), len(W), s, p)
    xpad, y = np.pad(x, p), np.zeros((n, n))
    for h in range(n):
        for w in range(n):
            y[h, w] = np.sum(xpad[s * h : s * h + k, s * w : s * w + k] * W)
    return y


def _back(rng):
    return {"dy": rng.standard_normal((4, 4)), "W": rng.standard_normal((3, 3)), "s": 2, "p": 1, "n": 7}


def _adjoint(dy, W, s, p, n, add=True, crop=True):
    k, dxpad = len(W), np.zeros((n + 2 * p, n + 2 * p))
    for h in range(len(dy)):
        for w in range(len(dy)):
            here = dxpad[s * h : s * h + k, s * w : s * w + k]
            here[...] = (here if add else 0) + dy[h, w] * W
    return dxpad[p : p + n, p : p + n] if crop else dxpad


def _for_weight(rng):
    return {"x": rng.standard_normal((7, 7)), "dy": rng.standard_normal((4, 4)), "k": 3, "s": 2, "p": 1}


def _weight_grad(x, dy, k, s, p):
    m, xpad, dW = len(dy), np.pad(x, p), np.zeros((k, k))
    for h in range(m):
        for w in range(m):
            dW += xpad[s * h : s * h + k, s * w : s * w + k] * dy[h, w]
    return dW


def _row(rng):
    k, s = ((3, 2), (4, 3), (5, 2), (5, 3))[int(rng.integers(4))]
    return {"n": int(rng.integers(4, 8)), "k": k, "s": s, "p": 1}


def _contributions(n, k, s, p, cut="both", add=True):
    counts = np.zeros((n - 1) * s + k, int)
    for h in range(n):
        here = counts[s * h : s * h + k]
        here[...] = (here if add else 0) + 1
    return {"both": counts[p : len(counts) - p], "none": counts, "end": counts[: len(counts) - 2 * p]}[cut]


def _normalised(rng):
    x = 2 * rng.standard_normal((6, 4)) + 1
    xc = x - x.mean(axis=0)
    r = 1 / np.sqrt((xc**2).mean(axis=0) + 1e-5)
    return {"dy": rng.standard_normal((6, 4)), "xhat": xc * r, "gamma": rng.uniform(0.5, 2, 4), "r": r}


def _batchnorm(dy, xhat, gamma, r, mean=True, spread=True, total=np.sum):
    g = gamma * dy
    dx = r * (g - mean * g.mean(axis=0) - spread * xhat * (g * xhat).mean(axis=0))
    return dx, total(dy * xhat, axis=0), total(dy, axis=0)


EXERCISES = [
    Exercise(
        "05.conv_output_size",
        "How many positions a kernel of k takes along n pixels, with stride s and padding p.",
        _size,
        _sizes,
        ("size",),
        {
            "One too few: the kernel's first position counts, before it has moved at all.": lambda n, k, s, p: (
                (n + 2 * p - k) // s
            ),
            "The padding stands on both sides.": lambda n, k, s, p: (n + p - k) // s + 1,
            "A last step that does not fit whole is not taken: round down.": lambda n, k, s, p: (
                math.ceil((n + 2 * p - k) / s) + 1
            ),
            "That is not a whole number of positions.": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        },
        about="the symbols of (Conv2D.1)",
    ),
    Exercise(
        "05.conv_forward",
        "y of one channel, x (n, n) and W (k, k), with stride s and padding p.",
        _forward,
        _image,
        ("y",),
        {
            "The kernel is flipped.  That is a convolution as mathematicians have it; networks do not turn W round.": lambda x, W, s, p: (
                _forward(x, W[::-1, ::-1], s, p)
            ),
            "The padding is missing: p rows and columns of zeros on each side.": lambda x, W, s, p: _forward(
                x, W, s, 0
            ),
            "The stride is missing: the patch of y[h, w] begins at row s h and column s w.": lambda x, W, s, p: (
                _forward(x, W, 1, p)
            ),
            "The kernel is transposed: W[i, j] meets row i and column j of the patch.": lambda x, W, s, p: _forward(
                x, W.T, s, p
            ),
        },
        about="(Conv2D.1)",
    ),
    Exercise(
        "05.conv_adjoint",
        "dx (n, n) of that convolution, from dy (m, m) and W (k, k).",
        _adjoint,
        _back,
        ("dx",),
        {
            "The kernel is flipped: what W[i, j] carried from a pixel, it carries back to the same pixel.": lambda dy, W, s, p, n: (
                _adjoint(dy, W[::-1, ::-1], s, p, n)
            ),
            "Patches overlap, and a later one overwrites an earlier one here: contributions add up.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, n, add=False)
            ),
            "That is the gradient of the padded image: its border belongs to zeros, and has to be cut off.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, n, crop=False)
            ),
            "The border was cut off at the end only: the padding stands on both sides.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, n, crop=False)[:n, :n]
            ),
        },
        about="(Conv2D.2)",
    ),
    Exercise(
        "05.conv_weight_grad",
        "dW (k, k) of that convolution, from x (n, n) and dy (m, m).",
        _weight_grad,
        _for_weight,
        ("dW",),
        {
            "dW is flipped: dW[i, j] collects the pixels that W[i, j] was multiplied with.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, s, p)[::-1, ::-1]
            ),
            "That is a mean over the positions, but layers only sum: one W served them all.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, s, p) / dy.size
            ),
            "The patch of dy[h, w] begins at row s h and column s w: the stride is missing.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, 1, p)
            ),
            "The padding is missing: a patch is taken out of the padded image, as in the forward pass.": lambda x, dy, k, s, p: (
                _weight_grad(np.pad(x, (0, 2 * p)), dy, k, s, 0)
            ),
        },
        about="(Conv2D.3)",
    ),
    Exercise(
        "05.contributions",
        "How many of n input pixels reach each output pixel of a ConvTranspose2D, along one axis.",
        _contributions,
        _row,
        ("counts",),
        {
            "Each input reaches k outputs, and they overlap: count all of them, not whether there is one.": lambda n, k, s, p: (
                _contributions(n, k, s, p, add=False)
            ),
            "The padding cuts p pixels off each end of the output; it is still there.": lambda n, k, s, p: (
                _contributions(n, k, s, p, cut="none")
            ),
            "The padding is cut off one end only.": lambda n, k, s, p: _contributions(n, k, s, p, cut="end"),
        },
        about="(ConvT.1)",
    ),
    Exercise(
        "05.batchnorm_backward",
        "dx, dgamma, dbeta of a BatchNorm in training, from dy, xhat (N, C), gamma, r (C,).",
        _batchnorm,
        _normalised,
        ("dx", "dgamma", "dbeta"),
        {
            "That takes mean and variance as constants.  Both move with x: two terms are missing in dx.": lambda **k: (
                _batchnorm(**k, mean=False, spread=False)
            ),
            "The mean moves with x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, mean=False),
            "The variance moves with x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, spread=False),
            "gamma is missing in dx: what reaches xhat is gamma dy.": lambda dy, xhat, gamma, r: (
                _batchnorm(dy, xhat, 1.0, r)[0],
                *_batchnorm(dy, xhat, gamma, r)[1:],
            ),
            "dgamma and dbeta are means over the batch, but layers only sum.": lambda **k: _batchnorm(
                **k, total=np.mean
            ),
        },
        about="(Norm.5)",
    ),
]
