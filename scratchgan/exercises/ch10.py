"""Chapter 10, CycleGAN: the way back, its derivative through both generators, patches, and a memory of fakes."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _there_and_back(rng):
    return {
        "a": rng.standard_normal((4, 3)),
        "ra": rng.standard_normal((4, 3)),
        "b": rng.standard_normal((4, 3)),
        "rb": rng.standard_normal((4, 3)),
        "weight": 5.0,
    }


def _l1(u, v):
    return float(np.abs(u - v).mean())


def _pictures(rng):
    return {"u": rng.standard_normal((3, 4, 2)), "v": rng.standard_normal((3, 4, 2))}


def _sign_over_m(u, v):
    return np.sign(u - v) / u.size


def _linear(rng):
    return {
        "a": rng.standard_normal((5, 3)),
        "b": rng.standard_normal((5, 3)),
        "W": rng.standard_normal((3, 3)),
        "V": rng.standard_normal((3, 3)),
        "weight": 5.0,
    }


def _cycle_gradient(a, b, W, V, weight, first=True, last=True, transposed=True):
    """dW, dV of weight (l1(aWV, a) + l1(bVW, b)); `first`, `last`: whether a net counts where it is the first, last."""
    fb, fa = a @ W, b @ V
    dra, drb = weight * _sign_over_m(fb @ V, a), weight * _sign_over_m(fa @ W, b)
    dfb, dfa = (dra @ V.T, drb @ W.T) if transposed else (dra @ V, drb @ W)
    return first * a.T @ dfb + last * fa.T @ drb, first * b.T @ dfa + last * fb.T @ dra


def _patches(rng):
    return {"real": rng.standard_normal((3, 2, 4, 1)), "fake": rng.standard_normal((3, 2, 4, 1))}


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


EXERCISES = [
    Exercise(
        "10.cycle_loss",
        "The cycle term of L_G, with its weight, from a, b and what came back, ra and rb.",
        lambda a, ra, b, rb, weight: weight * (_l1(ra, a) + _l1(rb, b)),
        _there_and_back,
        ("loss",),
        {
            "The weight is missing.": lambda a, ra, b, rb, weight: _l1(ra, a) + _l1(rb, b),
            "That is a sum over all entries; l1 is their mean.": lambda a, ra, b, rb, weight: (
                weight * a.size * (_l1(ra, a) + _l1(rb, b))
            ),
            "That is summed within a sample and averaged over samples; l1 is the mean over all entries.": lambda a, ra, b, rb, weight: (
                weight * a[0].size * (_l1(ra, a) + _l1(rb, b))
            ),
            "Those are squares; here the error's size counts.": lambda a, ra, b, rb, weight: (
                weight * (np.mean((ra - a) ** 2) + np.mean((rb - b) ** 2))
            ),
            "That is one way only.  There are two: from a and from b.": lambda a, ra, b, rb, weight: (
                weight * _l1(ra, a)
            ),
            "That is the mean of both ways; L_G has their sum.": lambda a, ra, b, rb, weight: (
                weight * (_l1(ra, a) + _l1(rb, b)) / 2
            ),
            "Errors up and down cancelled: take the size before the mean.": lambda a, ra, b, rb, weight: (
                weight * ((ra - a).mean() + (rb - b).mean())
            ),
        },
        about="(Cyclegan.2) and (Cyclegan.3)",
    ),
    Exercise(
        "10.l1_gradient",
        "dl1(u, v)/du, for u and v of any shape.",
        _sign_over_m,
        _pictures,
        ("du",),
        {
            "The 1/M is missing: l1 is a mean.": lambda u, v: np.sign(u - v),
            "That is divided by the number of samples.  The mean runs over all M entries of the batch.": lambda u, v: (
                np.sign(u - v) / len(u)
            ),
            "The sign: when u is above v, a larger u makes the error larger.": lambda u, v: np.sign(v - u) / u.size,
            "That is half the squared error's gradient.  The slope of |d| is as steep for a small d as for a large one.": lambda u, v: (
                (u - v) / u.size
            ),
            "That is |u - v|, the error itself, and not its slope.": lambda u, v: np.abs(u - v) / u.size,
        },
        about="(Cyclegan.4)",
    ),
    Exercise(
        "10.cycle_gradient",
        "dW and dV of weight (l1(aWV, a) + l1(bVW, b)), G_AB(a) = aW and G_BA(b) = bV.",
        _cycle_gradient,
        _linear,
        ("dW", "dV"),
        {
            "Each net has a gradient only from the cycle in which it comes last.  Where it comes first, the gradient goes "
            "back through the other net to it.": lambda **k: _cycle_gradient(**k, first=False),
            "Each net has a gradient only from the cycle in which it comes first.  In the other one it comes last.": lambda **k: (
                _cycle_gradient(**k, last=False)
            ),
            "The weight is missing.": lambda **k: _cycle_gradient(**{**k, "weight": 1.0}),
            "A transposed matrix on the way back: the adjoint of x V is dy V^T.": lambda **k: _cycle_gradient(
                **k, transposed=False
            ),
            "A 1/M is missing: l1 is a mean over all entries.": lambda **k: tuple(
                k["a"].size * g for g in _cycle_gradient(**k)
            ),
            "dW and dV are in each other's place.": lambda **k: _cycle_gradient(**k)[::-1],
        },
        about="(Cyclegan.5) and (Cyclegan.6)",
    ),
    Exercise(
        "10.least_squares",
        "Least squares: dL_D/dreal, dL_D/dfake and dL_G/dfake, for logits of patches (N, h, w, 1).",
        _least_squares,
        _patches,
        ("d_real", "d_fake", "g_fake"),
        {
            "The mean runs over all patches of all images; that is divided by the number of images.": lambda real, fake: (
                tuple(g * real[0].size for g in _least_squares(real, fake))
            ),
            "Everything twice: the loss has a factor 1/2, which takes the 2 of the square away.": lambda real, fake: (
                tuple(2 * g for g in _least_squares(real, fake))
            ),
            "D's labels are swapped: real patches are to be 1, fake ones 0.": lambda real, fake: (
                real / real.size,
                (fake - 1) / fake.size,
                (fake - 1) / fake.size,
            ),
            "G's target is 1: it wants its patches to be taken for real ones.": lambda real, fake: (
                *_least_squares(real, fake)[:2],
                fake / fake.size,
            ),
            "G's sign: it goes the same way down as D, only to another target.": lambda real, fake: (
                *_least_squares(real, fake)[:2],
                (1 - fake) / fake.size,
            ),
        },
        about="(LeastSquares.2) and (LeastSquares.4)",
    ),
    Exercise(
        "10.swap",
        "A full memory of fakes: what D gets, and what is held afterwards, for given coins and slots.",
        _swap,
        _pool,
        ("to_d", "held"),
        {
            "What D gets was overwritten before: take the old one out, then put the new one in.": lambda **k: _swap(
                **k, first=True
            ),
            "The new fake must take the place of the one that D gets, else the memory never changes.": lambda **k: (
                _swap(**k, keep=False)
            ),
            "The other way round: here a coin below 1/2 means to exchange.": lambda **k: _swap(
                **k, exchange=lambda coin: coin >= 0.5
            ),
            "The coins do not decide anything yet: every fake was exchanged.": lambda **k: _swap(
                **k, exchange=lambda coin: True
            ),
        },
        about="(History.2)",
    ),
]
