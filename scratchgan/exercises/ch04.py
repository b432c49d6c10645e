"""Chapter 04, training step by step: the labels of each turn, an optimiser's step, and what a good sample is."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _adam_input(rng):
    return {
        "w": rng.standard_normal(5),
        "g": rng.standard_normal(5),
        "m": 0.1 * rng.standard_normal(5),
        "v": 0.1 * rng.random(5),
        "t": 3,
        "lr": 1e-2,
        "beta1": 0.5,
        "beta2": 0.99,
        "eps": 1e-8,
    }


def _adam(w, g, m, v, t, lr, beta1, beta2, eps, correct=True, square=True, sign=-1):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * (g**2 if square else g)
    m_hat, v_hat = (m / (1 - beta1**t), v / (1 - beta2**t)) if correct else (m, v)
    with np.errstate(invalid="ignore"):
        return w + sign * lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def _points(rng):
    modes = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    points = modes[rng.integers(0, 3, 40)] + 0.2 * rng.standard_normal((40, 2))  # no points are drawn for the last mode
    points[0] = 0, -3  # a stray point, nearest to the last mode
    return {"points": points, "modes": modes, "sigma": 0.1}


def _nearest(points, modes):
    distances = np.linalg.norm(points[:, None] - modes[None], axis=2)
    return distances.argmin(axis=1), distances.min(axis=1)


def _good(points, modes, sigma, reach=3.0):
    return float(np.mean(_nearest(points, modes)[1] <= reach * sigma))


def _found(points, modes, sigma, good=True):
    which, distance = _nearest(points, modes)
    return len(set(which[distance <= 3 * sigma].tolist() if good else which.tolist()))


EXERCISES = [
    Exercise(
        "04.labels",
        'The labels (N, 1) of fakes in a turn, "D" or "G", with the non-saturating loss.',
        lambda turn, N: np.full((N, 1), 1.0 if turn == "G" else 0.0),
        lambda rng: {"turn": str(rng.choice(["D", "G"])), "N": int(rng.integers(2, 6))},
        ("labels",),
        {
            "The labels are swapped: in D's turn fakes are labelled as fake (0), in G's turn as real (1).": lambda turn, N: (
                np.full((N, 1), 0.0 if turn == "G" else 1.0)
            )
        },
        about="the steps in scratchgan/gan.py",
    ),
    Exercise(
        "04.adam_step",
        "The t-th step of Adam: the new w, m and v.",
        _adam,
        _adam_input,
        ("w", "m", "v"),
        {
            "The bias correction is missing: m and v start at 0, so they are too small in the first steps.": lambda **k: (
                _adam(**k, correct=False)
            ),
            "v is a running mean of the *squared* gradient.": lambda **k: _adam(**k, square=False),
            "That step goes uphill: an optimiser minimises, so it subtracts.": lambda **k: _adam(**k, sign=1),
        },
        about="(Adam.1)",
    ),
    Exercise(
        "04.high_quality",
        "The share of points (N, 2) within 3 sigma of the nearest of the modes (K, 2).",
        _good,
        _points,
        ("share",),
        {"The limit is *three* sigma; you used one.": lambda points, modes, sigma: _good(points, modes, sigma, 1.0)},
        about="scratchgan/metrics/modes.py",
    ),
    Exercise(
        "04.modes_found",
        "The number of modes found: those that are the nearest mode of at least one point within 3 sigma of it.",
        _found,
        _points,
        ("modes",),
        {
            "A point more than 3 sigma from its nearest mode does not count as finding it.": lambda points, modes, sigma: (
                _found(points, modes, sigma, good=False)
            )
        },
        about="scratchgan/metrics/modes.py",
    ),
]
