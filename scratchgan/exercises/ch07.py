"""Chapter 07, when it goes wrong: unevenly covered modes, vanishing gradients, and the Dirac-GAN."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _counts(rng):
    counts = rng.integers(5, 60, 7)
    counts[rng.integers(7)] = 0  # one mode is missing
    weights = rng.random(7) + 0.3
    return {"counts": counts, "weights": weights / weights.sum()}


def _reverse_kl(counts, weights):
    share = counts / counts.sum()
    there = share > 0
    return float(np.sum(share[there] * np.log(share[there] / weights[there])))


def _forward_kl(counts, weights):
    share = counts / counts.sum()
    there = share > 0
    return float(np.sum(weights[there] * np.log(weights[there] / share[there])))


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _start(rng):
    return {"psi": float(rng.uniform(0.5, 2)), "theta": float(rng.uniform(0.5, 2)), "h": float(rng.uniform(0.1, 0.4))}


def _turns(psi, theta, h, *, d=-1, g=1, pull=_sigmoid):
    new = psi + d * h * _sigmoid(psi * theta) * theta
    return new, theta + g * h * pull(psi * theta) * psi, theta + g * h * pull(new * theta) * new


def _old_sigma(psi, theta, h):
    """The new psi in front, but the sigmoid of the old one."""
    new = _turns(psi, theta, h)[0]
    return new, theta + h * _sigmoid(psi * theta) * psi, theta + h * _sigmoid(psi * theta) * new


def _twice(which):
    """A wrong answer that gives theta of one kind of update, number `which` of the results, for both kinds."""

    def wrong(**given):
        turns = _turns(**given)
        return turns[0], turns[which], turns[which]

    return wrong


def _game(rng):
    return {"h": float(rng.uniform(0.1, 0.4)), "s": float(rng.uniform(0.3, 1)), "gamma": float(rng.uniform(0.1, 0.5))}


def _update(h, s, gamma):
    return np.array([[1 - h * gamma, -h * s], [h * s, 1.0]])


def _matrix(rng):
    angle, size = rng.uniform(0.5, 1.2), rng.uniform(0.8, 1.2)
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, 0.7], [0.0, 1.0]])
    return {"M": shear @ turn @ np.linalg.inv(shear)}  # complex eigenvalues, but not a scaled rotation


def _real_pairs():
    """Matrices with real eigenvalues: too much friction, a negative one that is the larger, one of a reflection."""
    return [
        {"M": _update(0.2, 0.5, 5.0)},
        {"M": np.array([[0.5, 0.0], [0.0, -2.0]])},
        {"M": np.array([[1.0, 3.0], [0.0, 0.25]])},
        {"M": np.array([[0.0, 1.0], [4.0, 0.0]])},
    ]


EXERCISES = [
    Exercise(
        "07.reverse_kl",
        "KL(shares || weights) in nats: the shares of samples at each mode, from counts (K,), and the true weights (K,).",
        _reverse_kl,
        _counts,
        ("KL",),
        {
            "That is KL in the other direction: multiply the logarithm by the shares of the samples, and put them in its numerator.": _forward_kl,
            "The true weights need not be equal: use `weights`.": lambda counts, weights: _reverse_kl(
                counts, np.full(len(counts), 1 / len(counts))
            ),
            "Those are counts: divide them by their sum, so that they are shares.": lambda counts, weights: float(
                np.sum(np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / weights), 0))
            ),
            "A share is not below 0, but some terms of this sum are: do not take absolute values.": lambda counts, weights: (
                float(sum(abs(q * np.log(q / w)) for q, w in zip(counts / counts.sum(), weights, strict=True) if q > 0))
            ),
            "That is in bits: use the natural logarithm.": lambda counts, weights: (
                _reverse_kl(counts, weights) / np.log(2)
            ),
        },
        about="(Modes.3)",
        edges=lambda: [
            {"counts": np.array([0, 12, 0]), "weights": np.array([0.25, 0.5, 0.25])},
            {"counts": np.array([3, 3, 6]), "weights": np.array([0.25, 0.25, 0.5])},
        ],
    ),
    Exercise(
        "07.gradient_sizes",
        "|d loss/df| for each fake with logit f (N,): minimax, then non-saturating; without 1/N.",
        lambda f: (_sigmoid(f), _sigmoid(-f)),
        lambda rng: {"f": 3 * rng.standard_normal(7)},
        ("minimax", "non_saturating"),
        {
            "The two are swapped: where D is sure that a sample is fake, the minimax gradient vanishes.": lambda f: (
                _sigmoid(-f),
                _sigmoid(f),
            ),
            "Those are the derivatives with their sign; the question asks for absolute values.": lambda f: (
                -_sigmoid(f),
                -_sigmoid(-f),
            ),
            "Those are the losses themselves: differentiate them with respect to f.": lambda f: (
                -np.logaddexp(0, f),
                np.logaddexp(0, -f),
            ),
            "That is the derivative with respect to D.  For the logit, multiply it by dD/df = D (1 - D).": lambda f: (
                1 / _sigmoid(-f),
                1 / _sigmoid(f),
            ),
            "That is divided by N; the question asks for the gradient of each fake by itself.": lambda f: (
                _sigmoid(f) / len(f),
                _sigmoid(-f) / len(f),
            ),
        },
        about="(Vanishing.1) and (Vanishing.2)",
    ),
    Exercise(
        "07.dirac_turns",
        "One step of both players of the Dirac-GAN, minimax: the new psi, theta (simultaneous), theta (alternating).",
        _turns,
        _start,
        ("psi", "theta_simultaneous", "theta_alternating"),
        {
            "In the alternating update you put the new psi in front, but sigma(psi theta) has the old psi in it still: G sees only the new one.": _old_sigma,
            "Both thetas are the simultaneous one: in alternating updates G uses the *new* psi.": _twice(1),
            "Both thetas are the alternating one: in simultaneous updates both players use the *old* point.": _twice(2),
            "The two thetas are swapped: the alternating update is the one that uses the new psi.": lambda **given: (
                tuple(_turns(**given)[i] for i in (0, 2, 1))
            ),
            "G moves in the wrong direction: it descends L_G = -softplus(psi theta), so psi theta grows.": lambda **given: (
                _turns(**given, g=-1)
            ),
            "D moves in the wrong direction: it descends L_D, so psi falls where theta is positive.": lambda **given: (
                _turns(**given, d=1)
            ),
            "That is the non-saturating G; in minimax the factor is sigma(psi theta).": lambda **given: _turns(
                **given, pull=lambda f: _sigmoid(-f)
            ),
        },
        about="(Dirac.1)",
    ),
    Exercise(
        "07.update_matrix",
        "The matrix (2, 2) of a simultaneous step of size h near 0, with slope s and an R1 penalty of weight gamma.",
        _update,
        _game,
        ("M",),
        {
            "That is h A: a step *adds* h A times the point to the point itself.": lambda h, s, gamma: (
                _update(h, s, gamma) - np.eye(2)
            ),
            "The sign is wrong: the players descend v, so the matrix is I - h J = I + h A.": lambda h, s, gamma: (
                2 * np.eye(2) - _update(h, s, gamma)
            ),
            "That is A alone: a step of size h adds h A times the point to the point itself.": lambda h, s, gamma: (
                (_update(h, s, gamma) - np.eye(2)) / h
            ),
            "The order is (psi, theta): yours is the right matrix for (theta, psi).": lambda h, s, gamma: _update(
                h, s, gamma
            )[::-1, ::-1],
            "s and -s are swapped: a fake at positive theta makes psi *fall*.": lambda h, s, gamma: _update(
                h, -s, gamma
            ),
            "gamma is in theta's row: the penalty is part of D's loss, and D's parameter psi comes first.": lambda h, s, gamma: (
                _update(h, -s, gamma)[::-1, ::-1]
            ),
            "The sign of gamma is wrong: the penalty damps, so it makes psi smaller.": lambda h, s, gamma: _update(
                h, s, -gamma
            ),
        },
        about="(Dirac.3)",
    ),
    Exercise(
        "07.growth",
        "The spectral radius of a real matrix M (2, 2): the largest absolute value of an eigenvalue.",
        lambda M: float(np.abs(np.linalg.eigvals(M)).max()),
        _matrix,
        ("radius",),
        {
            "That is the largest *real part*; the absolute value of a + ib is the square root of a^2 + b^2.": lambda M: (
                float(np.linalg.eigvals(M).real.max())
            ),
            "That is the largest singular value, which bounds the growth in one step; over many steps the eigenvalues decide.": lambda M: (
                float(np.linalg.norm(M, 2))
            ),
            "That is the determinant, the product of both eigenvalues: for a complex pair, the absolute value squared.": lambda M: (
                float(np.linalg.det(M))
            ),
            "That is the square root of the determinant: both absolute values are equal only for a complex pair; two real eigenvalues may differ.": lambda M: (
                float(np.sqrt(abs(np.linalg.det(M))))
            ),
            "You took the largest eigenvalue first and its absolute value then: a negative one may be the larger in size.": lambda M: (
                float(abs(np.max(np.linalg.eigvals(M))))
            ),
        },
        about="(Dirac.5)",
        edges=_real_pairs,
    ),
]
