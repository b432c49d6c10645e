"""Chapter 05, convolutions by hand: sizes, the loop, its two gradients, checkerboards, and BatchNorm's backward."""

from __future__ import annotations

import math

import numpy as np

from .exercise import Exercise


def _sizes(rng):
    k = int(rng.integers(9, 12))  # n - k is odd: the stride does not divide it, so rounding matters
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
        "The number of positions of a kernel of size k along n pixels, with stride s and padding p.",
        _size,
        _sizes,
        ("size",),
        {
            "One too few: the kernel's first position counts as well, before it has moved.": lambda n, k, s, p: (
                (n + 2 * p - k) // s
            ),
            "The padding is on both sides.": lambda n, k, s, p: (n + p - k) // s + 1,
            "A last step that does not fit completely is not taken: round down.": lambda n, k, s, p: (
                math.ceil((n + 2 * p - k) / s) + 1
            ),
            "That is not a whole number of positions.": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        },
        about="the symbols of (Conv2D.1)",
    ),
    Exercise(
        "05.conv_forward",
        "The output y of a convolution of one channel: x (n, n) and W (k, k), with stride s and padding p.",
        _forward,
        _image,
        ("y",),
        {
            "The kernel is flipped.  That is a convolution as mathematicians define it; networks do not flip W.": lambda x, W, s, p: (
                _forward(x, W[::-1, ::-1], s, p)
            ),
            "The padding is missing: p rows and columns of zeros on each side.": lambda x, W, s, p: _forward(
                x, W, s, 0
            ),
            "The stride is missing: the patch of y[h, w] begins at row s h and column s w.": lambda x, W, s, p: (
                _forward(x, W, 1, p)
            ),
            "The kernel is transposed: W[i, j] multiplies row i, column j of the patch.": lambda x, W, s, p: _forward(
                x, W.T, s, p
            ),
        },
        about="(Conv2D.1)",
    ),
    Exercise(
        "05.conv_adjoint",
        "dx (n, n) of the convolution in 05.conv_forward, from dy (m, m) and W (k, k).",
        _adjoint,
        _back,
        ("dx",),
        {
            "The kernel is flipped: a pixel that W[i, j] multiplied receives W[i, j] dy, with the same i and j.": lambda dy, W, s, p, n: (
                _adjoint(dy, W[::-1, ::-1], s, p, n)
            ),
            "Patches overlap, and yours overwrite each other: the contributions have to be added up.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, n, add=False)
            ),
            "That is the gradient of the padded image: its border belongs to the padding and has to be cut off.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, n, crop=False)
            ),
            "The border was cut off at the end only: the padding is on both sides.": lambda dy, W, s, p, n: _adjoint(
                dy, W, s, p, n, crop=False
            )[:n, :n],
        },
        about="(Conv2D.2)",
    ),
    Exercise(
        "05.conv_weight_grad",
        "dW (k, k) of the convolution in 05.conv_forward, from x (n, n) and dy (m, m).",
        _weight_grad,
        _for_weight,
        ("dW",),
        {
            "dW is flipped: dW[i, j] sums over the pixels that W[i, j] multiplied.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, s, p)[::-1, ::-1]
            ),
            "That is a mean over the positions, but a layer sums: all positions share one W.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, s, p) / dy.size
            ),
            "The patch of dy[h, w] begins at row s h and column s w: the stride is missing.": lambda x, dy, k, s, p: (
                _weight_grad(x, dy, k, 1, p)
            ),
            "The padding is missing: patches are taken from the padded image, as in the forward pass.": lambda x, dy, k, s, p: (
                _weight_grad(np.pad(x, (0, 2 * p)), dy, k, s, 0)
            ),
        },
        about="(Conv2D.3)",
    ),
    Exercise(
        "05.contributions",
        "For each output pixel of a ConvTranspose2D along one axis, how many of the n input pixels contribute to it.",
        _contributions,
        _row,
        ("counts",),
        {
            "Each input contributes to k outputs, and these overlap: count all inputs, not whether there is one.": lambda n, k, s, p: (
                _contributions(n, k, s, p, add=False)
            ),
            "The padding removes p pixels from each end of the output; you have not removed them.": lambda n, k, s, p: (
                _contributions(n, k, s, p, cut="none")
            ),
            "You removed pixels from one end only; the padding removes p from each end.": lambda n, k, s, p: (
                _contributions(n, k, s, p, cut="end")
            ),
        },
        about="(ConvT.1)",
    ),
    Exercise(
        "05.batchnorm_backward",
        "dx, dgamma, dbeta of BatchNorm in training, from dy and xhat (N, C), gamma and r (C,).",
        _batchnorm,
        _normalised,
        ("dx", "dgamma", "dbeta"),
        {
            "You treated mean and variance as constants.  Both depend on x: two terms are missing in dx.": lambda **k: (
                _batchnorm(**k, mean=False, spread=False)
            ),
            "The mean depends on x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, mean=False),
            "The variance depends on x, too: a term is missing in dx.": lambda **k: _batchnorm(**k, spread=False),
            "gamma is missing in dx: the gradient of xhat is gamma dy.": lambda dy, xhat, gamma, r: (
                _batchnorm(dy, xhat, 1.0, r)[0],
                *_batchnorm(dy, xhat, gamma, r)[1:],
            ),
            "dgamma and dbeta are means over the batch, but a layer sums.": lambda **k: _batchnorm(**k, total=np.mean),
        },
        about="(Norm.5)",
    ),
]
