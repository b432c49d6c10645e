"""Chapter 04, training step by step: the labels of each turn, an optimiser's step, and what a good sample is."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _adam_input(rng):
    return {
        "w": rng.standard_normal(5),
        "g": rng.standard_normal(5),
        "m": 0.3 * rng.standard_normal(5),
        "v": 0.3 * rng.random(5) + 0.1,
        "t": int(rng.integers(2, 6)),
        "lr": 0.1,
        "beta1": 0.5,
        "beta2": 0.9,
        "eps": 1e-2,
    }


def _first_steps():
    """The first step, from zeros; and a second one."""
    start = {"w": np.array([1.0, 2.0]), "g": np.array([3.0, -0.5]), "lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-2}
    return [
        {**start, "m": np.zeros(2), "v": np.zeros(2), "t": 1},
        {**start, "m": np.array([1.0, -1.0]), "v": np.array([0.5, 0.25]), "t": 2},
    ]


def _adam(w, g, m, v, t, lr, beta1, beta2, eps, correct=(1, 1), power=2, sign=-1, later=0, root=np.sqrt, hats=False):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**power
    with np.errstate(invalid="ignore", divide="ignore"):
        m_hat = m / (1 - beta1 ** (t + later)) if correct[0] else m
        v_hat = v / (1 - beta2 ** (t + later)) if correct[1] else v
        w = w + sign * lr * m_hat / (root(v_hat) + eps)
    return (w, m_hat, v_hat) if hats else (w, m, v)


def _adam_from_old(w, g, m, v, t, lr, beta1, beta2, eps):
    """The step with the means as they were before this gradient."""
    new = _adam(w, g, m, v, t, lr, beta1, beta2, eps)
    return w - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps), *new[1:]


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


def _table(points, modes):
    return np.linalg.norm(points[:, None] - modes[None], axis=2)


def _found(points, modes, sigma, good=True):
    which, distance = _nearest(points, modes)
    return len(set(which[distance <= 3 * sigma].tolist() if good else which.tolist()))


def _close_modes():
    """Two modes within 6 sigma of each other, with a point that is near both; a corner of a square; and no good point."""
    modes = np.array([[0.0, 0.0], [0.4, 0.0], [5.0, 5.0]])
    near_both, corner = [0.15, 0.0], [5.25, 5.25]
    return [
        {"points": np.array([near_both, corner, [0.0, 0.1], [9.0, 9.0]]), "modes": modes, "sigma": 0.1},
        {"points": np.array([[2.0, 2.0], [3.0, 1.0]]), "modes": modes, "sigma": 0.1},
    ]


EXERCISES = [
    Exercise(
        "04.labels",
        'The labels (N, 1) of fakes in a turn, "D" or "G", with the non-saturating loss.',
        lambda turn, N: np.full((N, 1), 1.0 if turn == "G" else 0.0),
        lambda rng: {"turn": "G", "N": int(rng.integers(2, 6))},  # D's turn is among the fixed cases
        ("labels",),
        {
            "The same label in both turns: D is told that fakes are fakes, but what does G want D to say of them?": lambda turn, N: (
                np.zeros((N, 1))
            ),
            "The same label in both turns: but D is told the truth, that fakes are fakes.": lambda turn, N: np.ones(
                (N, 1)
            ),
            "The labels are swapped: in D's turn fakes are labelled as fake (0), in G's turn as real (1).": lambda turn, N: (
                np.full((N, 1), 0.0 if turn == "G" else 1.0)
            ),
            'A label is the probability of "real" that D should give: 0 or 1, not -1.': lambda turn, N: np.full(
                (N, 1), 1.0 if turn == "G" else -1.0
            ),
        },
        edges=lambda: [{"turn": "D", "N": 3}, {"turn": "G", "N": 2}, {"turn": "D", "N": 1}],
        about='"The procedure"',
    ),
    Exercise(
        "04.adam_step",
        "The t-th step of Adam: the new w, m and v.",
        _adam,
        _adam_input,
        ("w", "m", "v"),
        {
            "The bias correction is missing: m and v start at 0, so they are too small in the first steps.": lambda **k: (
                _adam(**k, correct=(0, 0))
            ),
            "v is a running mean of the *squared* gradient.": lambda **k: _adam(**k, power=1),
            "That step goes uphill: an optimiser minimises, so it subtracts.": lambda **k: _adam(**k, sign=1),
            "t counts the steps from 1: the powers are t, not t + 1.": lambda **k: _adam(**k, later=1),
            "t counts the steps from 1: the powers are t, not t - 1.": lambda **k: _adam(**k, later=-1),
            "eps stands outside of the root.": lambda **k: _adam(
                **{**k, "eps": 0.0}, root=lambda v: np.sqrt(v + k["eps"])
            ),
            "The root is missing: v is a mean of squares, and the step is divided by its root.": lambda **k: _adam(
                **k, root=lambda v: v
            ),
            "Return m and v as they are; only the step uses the corrected ones.  Otherwise the next step corrects twice.": lambda **k: (
                _adam(**k, hats=True)
            ),
            "v has a bias as well: only m is corrected.": lambda **k: _adam(**k, correct=(1, 0)),
            "m has a bias as well: only v is corrected.": lambda **k: _adam(**k, correct=(0, 1)),
            "beta1 belongs to m, beta2 to v; you have them the other way round.": lambda **k: _adam(
                **{**k, "beta1": k["beta2"], "beta2": k["beta1"]}
            ),
            "The step uses the *new* m and v, which have this gradient in them.": _adam_from_old,
        },
        edges=_first_steps,
        about="(Adam.1) to (Adam.4)",
    ),
    Exercise(
        "04.high_quality",
        "The share of points (N, 2) within 3 sigma of the nearest of the modes (K, 2).",
        _good,
        _points,
        ("share",),
        {
            "The limit is *three* sigma; you used one.": lambda points, modes, sigma: _good(points, modes, sigma, 1.0),
            "That compares the *squared* distance with 3 sigma.": lambda points, modes, sigma: float(
                np.mean(_nearest(points, modes)[1] ** 2 <= 3 * sigma)
            ),
            "That is the number of good points; the share is that number divided by N.": lambda points, modes, sigma: (
                _good(points, modes, sigma) * len(points)
            ),
            "Each point counts once: that is a mean over all pairs of a point and a mode.": lambda points, modes, sigma: (
                float(np.mean(_table(points, modes) <= 3 * sigma))
            ),
            "That is a square around the mode: take the distance, the root of the sum of both squares.": lambda points, modes, sigma: (
                float(np.mean((np.abs(points[:, None] - modes[None]).max(axis=2) <= 3 * sigma).any(axis=1)))
            ),
            "That is the share of points that are *not* of high quality.": lambda points, modes, sigma: (
                1 - _good(points, modes, sigma)
            ),
        },
        edges=_close_modes,
        about='"What the losses tell"',
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
            ),
            "A point finds one mode, the nearest to it; in yours a point between two modes finds both.": lambda points, modes, sigma: (
                int((_table(points, modes) <= 3 * sigma).any(axis=0).sum())
            ),
            "That is the number of good points: count modes.": lambda points, modes, sigma: int(
                (_nearest(points, modes)[1] <= 3 * sigma).sum()
            ),
            "That is the share of modes found: return their number.": lambda points, modes, sigma: (
                _found(points, modes, sigma) / len(modes)
            ),
            "The limit is *three* sigma; you used one.": lambda points, modes, sigma: _found(points, modes, sigma / 3),
            "That is the number of modes that are *not* found.": lambda points, modes, sigma: (
                len(modes) - _found(points, modes, sigma)
            ),
        },
        edges=lambda: [
            *_close_modes(),
            {
                "points": np.array([[0.15, 0.0], [0.2, 0.2], [5.25, 5.0]]),  # only the first mode and the last
                "modes": np.array([[0.0, 0.0], [0.4, 0.0], [5.0, 5.0]]),
                "sigma": 0.1,
            },
        ],
        about='"What the losses tell"',
    ),
]
