"""Chapter 05, convolutions by hand: sizes, the loop, its two gradients, and checkerboards."""

from __future__ import annotations

import math

import numpy as np

from .exercise import Exercise


def _sizes(rng):
    # One is missing for another step, so rounding matters; the padding is wide, so that its mistakes differ from others.
    s, k = int(rng.integers(2, 4)), int(rng.integers(3, 8))
    p = 2 * s + int(rng.integers(2))
    return {"n": k - 2 * p - 1 + s * int(rng.integers(2 * p, 30)), "k": k, "s": s, "p": p}


def _some_sizes():
    return [
        {"n": n, "k": k, "s": s, "p": p}
        for n, k, s, p in ((28, 4, 2, 1), (8, 3, 2, 1), (7, 3, 2, 1), (9, 3, 1, 0), (10, 5, 3, 1), (6, 6, 2, 0))
    ]


def _size(n, k, s, p):
    return (n + 2 * p - k) // s + 1


#: side of x, kernel, stride, padding: both 7 and 8 pixels become 4; a DCGAN's; no padding; no stride; pixels left over
GEOMETRIES = ((8, 3, 2, 1), (8, 4, 2, 1), (6, 3, 1, 0), (7, 2, 1, 1), (9, 4, 3, 0))


def _geometry(rng):
    return (int(rng.integers(7, 9)), 3, 2, 1)


def _drawn(rng, n, k, s, p):
    m = _size(n, k, s, p)
    shapes = {"x": (n, n), "W": (k, k), "dy": (m, m)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()} | {"n": n, "k": k, "s": s, "p": p}


def _asked(*names):
    """(`given`, `edges`) of an exercise whose arguments have these names."""
    some = lambda rng, geometry: {name: _drawn(rng, *geometry)[name] for name in names}
    return (
        lambda rng: some(rng, _geometry(rng)),
        lambda: [some(np.random.default_rng(i), geometry) for i, geometry in enumerate(GEOMETRIES)],
    )


def _forward(x, W, s, p):
    k, n = len(W), _size(len(x), len(W), s, p)
    xpad, y = np.pad(x, p), np.zeros((n, n))
    for h in range(n):
        for w in range(n):
            y[h, w] = np.sum(xpad[s * h : s * h + k, s * w : s * w + k] * W)
    return y


def _adjoint(dy, W, s, p, n, add=True, crop=True):
    k, dxpad = len(W), np.zeros((n + 2 * p, n + 2 * p))
    for h in range(len(dy)):
        for w in range(len(dy)):
            here = dxpad[s * h : s * h + k, s * w : s * w + k]
            here[...] = (here if add else 0) + dy[h, w] * W
    return dxpad[p : p + n, p : p + n] if crop else dxpad


def _weight_grad(x, dy, k, s, p):
    m, xpad, dW = len(dy), np.pad(x, p), np.zeros((k, k))
    for h in range(m):
        for w in range(m):
            dW += xpad[s * h : s * h + k, s * w : s * w + k] * dy[h, w]
    return dW


def _row(rng):
    k, s = ((3, 2), (4, 3), (5, 2), (5, 3))[int(rng.integers(4))]
    return {"n": int(rng.integers(4, 8)), "k": k, "s": s, "p": 1}


def _some_rows():
    return [
        {"n": n, "k": k, "s": s, "p": p}
        for n, k, s, p in ((4, 4, 2, 1), (4, 3, 2, 0), (3, 2, 3, 0), (5, 3, 1, 1), (4, 5, 3, 2), (6, 6, 2, 1))
    ]


def _contributions(n, k, s, p, cut="both", add=True):
    counts = np.zeros((n - 1) * s + k, int)
    for h in range(n):
        here = counts[s * h : s * h + k]
        here[...] = (here if add else 0) + 1
    return {"both": counts[p : len(counts) - p], "none": counts, "end": counts[: len(counts) - 2 * p]}[cut]


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
            "The padding is missing: p more pixels on each side.": lambda n, k, s, p: (n - k) // s + 1,
            "The first position is one whatever the stride: add 1 after the division.": lambda n, k, s, p: (
                (n + 2 * p - k + 1) // s
            ),
        },
        about='"Convolution"',
        edges=_some_sizes,
    ),
    Exercise(
        "05.conv_forward",
        "The output y of a convolution of one channel: x (n, n) and W (k, k), with stride s and padding p.",
        _forward,
        _asked("x", "W", "s", "p")[0],
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
            "That is a mean over the patch: a layer sums.": lambda x, W, s, p: _forward(x, W, s, p) / W.size,
            "The kernel is transposed: W[i, j] multiplies row i, column j of the patch.": lambda x, W, s, p: _forward(
                x, W.T, s, p
            ),
        },
        about="(Conv2D.1)",
        edges=_asked("x", "W", "s", "p")[1],
    ),
    Exercise(
        "05.conv_adjoint",
        "dx (n, n) of the convolution in 05.conv_forward, from dy (m, m) and W (k, k).",
        _adjoint,
        _asked("dy", "W", "s", "p", "n")[0],
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
            "x was (n, n), and several n lead to the same m: make dx of the n that is asked for.": lambda dy, W, s, p, n: (
                _adjoint(dy, W, s, p, (len(dy) - 1) * s + len(W) - 2 * p)
            ),
            "The stride is missing: dy[h, w] goes back to the patch that begins at row s h and column s w.": (
                lambda dy, W, s, p, n: _adjoint(dy, W, 1, p, n)
            ),
            "The kernel is transposed: W[i, j] goes to row i, column j of the patch.": lambda dy, W, s, p, n: _adjoint(
                dy, W.T, s, p, n
            ),
            "For p = 0 the slice [p:-p] is [0:0], which is empty.": lambda dy, W, s, p, n: _adjoint(
                dy, W, s, p, n, crop=False
            )[p:-p, p:-p],
        },
        about="(Conv2D.2)",
        edges=_asked("dy", "W", "s", "p", "n")[1],
    ),
    Exercise(
        "05.conv_weight_grad",
        "dW (k, k) of the convolution in 05.conv_forward, from x (n, n) and dy (m, m).",
        _weight_grad,
        _asked("x", "dy", "k", "s", "p")[0],
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
            "That is a convolution of x with dy, taking steps of s.  Under neighbours of dy lie pixels that are s apart; dW[i, j] and dW[i, j + 1] begin one pixel apart.": (
                lambda x, dy, k, s, p: _forward(x, dy, s, p)
            ),
        },
        about="(Conv2D.3)",
        edges=_asked("x", "dy", "k", "s", "p")[1],
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
            "The number of taps that fit is k/s only inside, and only if s divides k: count.": lambda n, k, s, p: (
                np.full((n - 1) * s - 2 * p + k, k // s)
            ),
        },
        about='"Why checkerboards?"',
        edges=_some_rows,
    ),
]
