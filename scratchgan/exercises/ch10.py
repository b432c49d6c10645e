"""Chapter 10, CycleGAN: cycle consistency, its gradient through both generators, patches, and a history of fakes."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _there_and_back(rng):
    return {
        "a": rng.standard_normal((4, 3)),
        "ra": rng.standard_normal((4, 3)),
        "b": rng.standard_normal((4, 3)),
        "rb": rng.standard_normal((4, 3)),
        "weight": float(rng.uniform(2, 12)),
    }


def _odd_cycles():
    """Errors that cancel, a perfect way back, images of one sample, a weight of 0."""
    a, b = np.array([[1.0, -1.0, 0.5]]), np.array([[0.0, 2.0, -0.5]])
    return [
        {"a": a, "ra": a + np.array([[0.25, -0.25, 0.0]]), "b": b, "rb": b, "weight": 3.0},
        {"a": a, "ra": a, "b": b, "rb": b - 0.5, "weight": 10.0},
        {"a": a, "ra": -a, "b": b, "rb": -b, "weight": 0.0},
    ]


def _l1(u, v):
    return float(np.abs(u - v).mean())


def _pictures(rng):
    return {"u": rng.standard_normal((3, 4, 2)), "v": rng.standard_normal((3, 4, 2))}


def _equal_pixels():
    """Pixels that are right already, some and all of them; and integers."""
    u = np.array([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]])
    return [
        {"u": u, "v": np.array([[0.5, 1.0, 2.0], [0.25, 3.0, -4.0]])},
        {"u": u, "v": u.copy()},
        {"u": np.array([3, 1, 2, 2]), "v": np.array([1, 1, 5, 2])},
    ]


def _sign_over_m(u, v):
    return np.sign(u - v) / u.size


def _zero_by_zero(u, v):
    with np.errstate(invalid="ignore"):
        return (u - v) / np.abs(u - v) / u.size


def _linear(rng):
    return {
        "a": rng.standard_normal((5, 3)),
        "b": rng.standard_normal((5, 3)),
        "W": rng.standard_normal((3, 3)),
        "V": rng.standard_normal((3, 3)),
        "weight": float(rng.uniform(2, 12)),
    }


def _exact_inverses():
    """V the inverse of W, exactly: all signs are 0; and one sample of two numbers."""
    a, b = np.array([[1.0, 2.0], [-3.0, 0.5], [0.0, 1.0]]), np.array([[2.0, -1.0], [0.5, 0.25], [4.0, -2.0]])
    W, V = np.array([[0.0, 2.0], [0.5, 0.0]]), np.array([[0.0, 2.0], [0.5, 0.0]])
    return [
        {"a": a[:1], "b": b[:1], "W": W, "V": np.array([[1.0, -1.0], [0.5, 2.0]]), "weight": 3.0},
        {"a": a, "b": b, "W": W, "V": V, "weight": 7.0},
    ]


def _cycle_gradient(a, b, W, V, weight, first=True, last=True, transposed=True):
    """dW, dV of weight (l1(aWV, a) + l1(bVW, b)).

    `first`, `last`: whether the gradient of a net includes the cycle in which the net is applied first, last.
    """
    fb, fa = a @ W, b @ V
    dra, drb = weight * _sign_over_m(fb @ V, a), weight * _sign_over_m(fa @ W, b)
    dfb, dfa = (dra @ V.T, drb @ W.T) if transposed else (dra @ V, drb @ W)
    return first * a.T @ dfb + last * fa.T @ drb, first * b.T @ dfa + last * fb.T @ dra


def _patches(rng):
    return {"real": rng.standard_normal((3, 2, 4, 1)), "fake": rng.standard_normal((3, 2, 4, 1))}


def _odd_patches():
    """One patch an image; D as sure as can be; D exactly undecided."""
    return [
        {"real": np.array([[[[0.5]]], [[[2.0]]]]), "fake": np.array([[[[-1.0]]], [[[0.25]]]])},
        {"real": np.ones((2, 2, 1, 1)), "fake": np.zeros((2, 2, 1, 1))},
        {"real": np.full((1, 2, 3, 1), 0.5), "fake": np.full((1, 2, 3, 1), 0.5)},
    ]


def _least_squares(real, fake):
    return (real - 1) / real.size, fake / fake.size, (fake - 1) / fake.size


def _pool(rng):
    order = rng.permutation(5)
    return {
        "held": 10.0 + np.arange(5.0),
        "fakes": np.arange(1.0, 5.0),
        "coins": rng.permutation([0.1, 0.9, 0.3, 0.7]),
        "slots": np.r_[order[:3], order[0]],
    }


def _odd_coins():
    """The same slot twice; coins of exactly 1/2, which do not exchange; all coins alike."""
    held, fakes = np.array([10.0, 11.0, 12.0]), np.array([1.0, 2.0, 3.0])
    return [
        {"held": held, "fakes": fakes, "coins": np.array([0.2, 0.4, 0.1]), "slots": np.array([1, 1, 1])},
        {"held": held, "fakes": fakes, "coins": np.array([0.5, 0.25, 0.5]), "slots": np.array([0, 2, 2])},
        {"held": held, "fakes": fakes, "coins": np.array([0.9, 0.6, 0.8]), "slots": np.array([0, 1, 2])},
    ]


def _swap(held, fakes, coins, slots, exchange=lambda coin: coin < 0.5, keep=True, first=False):
    held, to_d = held.copy(), fakes.copy()
    for i, fake in enumerate(fakes):
        if exchange(coins[i]):
            if first:
                held[slots[i]] = fake
            to_d[i] = held[slots[i]]
            if keep:
                held[slots[i]] = fake
    return to_d, held


def _all_at_once(held, fakes, coins, slots):
    held, exchanged = held.copy(), coins < 0.5
    to_d = np.where(exchanged, held[slots], fakes)
    held[slots[exchanged]] = fakes[exchanged]
    return to_d, held


EXERCISES = [
    Exercise(
        "10.cycle_loss",
        "The cycle term of L_G, including its weight, from a, b and their reconstructions ra and rb.",
        lambda a, ra, b, rb, weight: weight * (_l1(ra, a) + _l1(rb, b)),
        _there_and_back,
        ("loss",),
        {
            "The weight is missing.": lambda a, ra, b, rb, weight: _l1(ra, a) + _l1(rb, b),
            "That is a sum over all entries; l1 is their mean.": lambda a, ra, b, rb, weight: (
                weight * a.size * (_l1(ra, a) + _l1(rb, b))
            ),
            "You summed over each sample and averaged over the batch; l1 is the mean over all entries.": lambda a, ra, b, rb, weight: (
                weight * a[0].size * (_l1(ra, a) + _l1(rb, b))
            ),
            "You squared the errors; l1 uses their absolute values.": lambda a, ra, b, rb, weight: (
                weight * (np.mean((ra - a) ** 2) + np.mean((rb - b) ** 2))
            ),
            "That is the root of the mean square; l1 is the mean of the absolute values.": lambda a, ra, b, rb, weight: (
                weight * (np.sqrt(np.mean((ra - a) ** 2)) + np.sqrt(np.mean((rb - b) ** 2)))
            ),
            "Only one cycle is weighted: lambda belongs to both.": lambda a, ra, b, rb, weight: (
                weight * _l1(ra, a) + _l1(rb, b)
            ),
            "That is only one cycle.  There are two: from a and from b.": lambda a, ra, b, rb, weight: (
                weight * _l1(ra, a)
            ),
            "That is the mean of both cycles; L_G contains their sum.": lambda a, ra, b, rb, weight: (
                weight * (_l1(ra, a) + _l1(rb, b)) / 2
            ),
            "Positive and negative errors cancel: take absolute values before the mean.": lambda a, ra, b, rb, weight: (
                weight * ((ra - a).mean() + (rb - b).mean())
            ),
        },
        about="(Cyclegan.2) and (Cyclegan.3)",
        edges=_odd_cycles,
    ),
    Exercise(
        "10.l1_gradient",
        "dl1(u, v)/du, for u and v of any shape.",
        _sign_over_m,
        _pictures,
        ("du",),
        {
            "The factor 1/M is missing: l1 is a mean.": lambda u, v: np.sign(u - v),
            "You divided by the number of samples.  The mean is over all M entries of the batch.": lambda u, v: (
                np.sign(u - v) / len(u)
            ),
            "The sign is wrong: where u is above v, a larger u makes the error larger.": lambda u, v: (
                np.sign(v - u) / u.size
            ),
            "Where u = v the derivative is 0 by convention: sign(0) = 0.  You have 1/M or -1/M there.": lambda u, v: (
                np.where(u > v, 1.0, -1.0) / u.size
            ),
            "Where u = v the derivative is 0 by convention: sign(0) = 0.  You have 1/M there.": lambda u, v: (
                np.where(u >= v, 1.0, -1.0) / u.size
            ),
            "Where u = v you divide 0 by 0.  There the derivative is 0 by convention: sign(0) = 0.": _zero_by_zero,
            "That is half the gradient of the squared error.  The slope of |d| is the same for small and large d.": lambda u, v: (
                (u - v) / u.size
            ),
            "That is |u - v|, the error itself, not its derivative.": lambda u, v: np.abs(u - v) / u.size,
        },
        about="(Cyclegan.4)",
        edges=_equal_pixels,
    ),
    Exercise(
        "10.cycle_gradient",
        "dW and dV of weight (l1(aWV, a) + l1(bVW, b)), G_AB(a) = aW and G_BA(b) = bV.",
        _cycle_gradient,
        _linear,
        ("dW", "dV"),
        {
            "Each gradient includes only the cycle in which the net comes last.  Where the net comes first, the gradient "
            "reaches it through the other net.": lambda **k: _cycle_gradient(**k, first=False),
            "Each gradient includes only the cycle in which the net comes first.  In the other cycle it comes last.": lambda **k: (
                _cycle_gradient(**k, last=False)
            ),
            "The weight is missing.": lambda **k: _cycle_gradient(**{**k, "weight": 1.0}),
            "A transpose is missing on the way back: the adjoint of x V is dy V^T.": lambda **k: _cycle_gradient(
                **k, transposed=False
            ),
            "You divided by the number of samples.  l1 is the mean over all M entries of a batch, samples times features.": lambda **k: (
                tuple(k["a"].shape[1] * g for g in _cycle_gradient(**k))
            ),
            "A factor 1/M is missing: l1 is a mean over all entries.": lambda **k: tuple(
                k["a"].size * g for g in _cycle_gradient(**k)
            ),
            "dW and dV are swapped.": lambda **k: _cycle_gradient(**k)[::-1],
        },
        about="(Cyclegan.5) and (Cyclegan.6)",
        edges=_exact_inverses,
    ),
    Exercise(
        "10.least_squares",
        "Least squares: dL_D/dreal, dL_D/dfake and dL_G/dfake, for logits of patches (N, h, w, 1).",
        _least_squares,
        _patches,
        ("d_real", "d_fake", "g_fake"),
        {
            "You divided by the number of images; the mean is over all patches of all images.": lambda real, fake: (
                tuple(g * real[0].size for g in _least_squares(real, fake))
            ),
            "All are twice too large: the factor 1/2 of the loss cancels the 2 from the derivative of the square.": lambda real, fake: (
                tuple(2 * g for g in _least_squares(real, fake))
            ),
            "D's labels are swapped: the target is 1 for real patches and 0 for fake ones.": lambda real, fake: (
                real / real.size,
                (fake - 1) / fake.size,
                (fake - 1) / fake.size,
            ),
            "G's target is 1, because D should take its patches for real ones.": lambda real, fake: (
                *_least_squares(real, fake)[:2],
                fake / fake.size,
            ),
            "The sign of G's gradient is wrong: its loss is a squared error like D's, only with another target.": lambda real, fake: (
                *_least_squares(real, fake)[:2],
                (1 - fake) / fake.size,
            ),
        },
        about="(LeastSquares.1) and (LeastSquares.3)",
        edges=_odd_patches,
    ),
    Exercise(
        "10.swap",
        "A full history of fakes: what D gets, and what the history holds afterwards, for given coins and slots.",
        _swap,
        _pool,
        ("to_d", "held"),
        {
            "You overwrote the old fake before giving it to D: take the old one out, then put the new one in.": lambda **k: (
                _swap(**k, first=True)
            ),
            "The new fake must replace the one that D gets; otherwise the history never changes.": lambda **k: _swap(
                **k, keep=False
            ),
            "The condition is reversed: a coin below 1/2 means to exchange.": lambda **k: _swap(
                **k, exchange=lambda coin: coin >= 0.5
            ),
            "A coin of exactly 1/2 does not exchange: the condition is coin < 1/2.": lambda **k: _swap(
                **k, exchange=lambda coin: coin <= 0.5
            ),
            "A fake that is not exchanged goes to D as well.  D gets as many as were made.": lambda held, fakes, coins, slots: (
                _swap(held, fakes, coins, slots)[0][coins < 0.5],
                _swap(held, fakes, coins, slots)[1],
            ),
            "All exchanges at once: where two fakes take the same slot, the second must get out what the first put in.": _all_at_once,
            "You ignored the coins: every fake was exchanged.": lambda **k: _swap(**k, exchange=lambda coin: True),
        },
        about="(History.2)",
        edges=_odd_coins,
    ),
]
