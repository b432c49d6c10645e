"""Chapter 00, start here: pixels as network inputs, how often D is right, and a walk between two latent vectors."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _pixels(rng):
    return {"pixels": rng.integers(0, 256, (3, 4, 4)).astype(np.float64)}


def _images(rng):
    return {"x": rng.uniform(-1, 1, (3, 4, 4))}


def _opinions(rng):
    d_real, d_fake = np.round(rng.uniform(0.02, 0.45, 7), 2), np.round(rng.uniform(0.02, 0.45, 4), 2)
    d_real[:5] = 1 - d_real[:5]  # right about 5 of 7 and about 3 of 4: no two ways of counting agree
    d_fake[0] = 1 - d_fake[0]
    return {"d_real": rng.permutation(d_real), "d_fake": rng.permutation(d_fake)}


def _accuracy(d_real, d_fake):
    return float(np.mean(np.concatenate([d_real > 0.5, d_fake <= 0.5])))


def _codes(rng):
    return {"z0": rng.standard_normal(5), "z1": rng.standard_normal(5), "steps": int(rng.integers(4, 8))}


def _walk(z0, z1, t):
    t = np.asarray(t)[:, None]
    return (1 - t) * z0 + t * z1


EXERCISES = [
    Exercise(
        "00.to_network",
        "Convert pixels from 0 (black) to 255 (white), of any shape, to numbers from -1 to 1.",
        lambda pixels: pixels / 127.5 - 1,
        _pixels,
        ("x",),
        {
            "Your result ranges from 0 to 1: black has to become -1.": lambda pixels: pixels / 255,
            "White becomes slightly more than 1: the middle between 0 and 255 is 127.5.": lambda pixels: (
                pixels / 127 - 1
            ),
            "White becomes slightly less than 1: there are 255 steps from black to white, not 256.": lambda pixels: (
                pixels / 128 - 1
            ),
            "Black and white are swapped.": lambda pixels: 1 - pixels / 127.5,
            "Your result ranges from -0.5 to 0.5: the interval from -1 to 1 is twice as long.": lambda pixels: (
                pixels / 255 - 0.5
            ),
            "Subtract first and divide then, or put brackets: pixels - 127.5 / 127.5 is pixels - 1.": lambda pixels: (
                pixels - 127.5 / 127.5
            ),
        },
        about='"The real images"',
        edges=lambda: [{"pixels": np.array([0.0, 51.0, 255.0])}],
    ),
    Exercise(
        "00.to_pixels",
        "The inverse: convert numbers from -1 to 1, of any shape, to pixels from 0 to 255, without rounding.",
        lambda x: (x + 1) * 127.5,
        _images,
        ("pixels",),
        {
            "Your result ranges from -255 to 255: first add 1, so that -1 becomes 0.": lambda x: x * 255,
            "Your result goes up to 510: the interval from -1 to 1 has length 2.": lambda x: (x + 1) * 255,
            "First add 1, then multiply: you added 1 after multiplying.": lambda x: x * 127.5 + 1,
            "White becomes 256: there are 255 steps from black to white.": lambda x: (x + 1) * 128,
            "You rounded: the exercise asks for numbers that are not rounded.": lambda x: np.round((x + 1) * 127.5),
        },
        about='"The real images"',
        edges=lambda: [{"x": np.array([-1.0, -0.6, 1.0])}],
    ),
    Exercise(
        "00.accuracy",
        "The share of images about which D is right, from its outputs for real images and for fakes; above 1/2 means real.",
        _accuracy,
        _opinions,
        ("accuracy",),
        {
            "D is right about a fake when it says *less* than 1/2.": lambda d_real, d_fake: float(
                np.mean(np.concatenate([d_real, d_fake]) > 0.5)
            ),
            "That is the share of images about which D is wrong.": lambda d_real, d_fake: 1 - _accuracy(d_real, d_fake),
            "There are not as many fakes as real images: count over all images, instead of averaging two shares.": lambda d_real, d_fake: (
                float(np.mean(d_real > 0.5) + np.mean(d_fake < 0.5)) / 2
            ),
            "That is the number of right answers: divide by the number of images.": lambda d_real, d_fake: int(
                np.sum(d_real > 0.5) + np.sum(d_fake < 0.5)
            ),
            "You counted only the real images.": lambda d_real, d_fake: float(np.mean(d_real > 0.5)),
            "You counted only the fakes.": lambda d_real, d_fake: float(np.mean(d_fake <= 0.5)),
            "That is how sure D was of what is true, on average: count how often it is right.": lambda d_real, d_fake: (
                float(np.mean(np.concatenate([d_real, 1 - d_fake])))
            ),
            "That is in percent: a share is between 0 and 1.": lambda d_real, d_fake: 100 * _accuracy(d_real, d_fake),
        },
        about='"Who is winning?"',
        edges=lambda: [{"d_real": np.array([0.9, 0.8, 0.7]), "d_fake": np.array([0.6])}],
    ),
    Exercise(
        "00.straight_walk",
        "`steps` equally spaced latent vectors on the line from z0 to z1, both ends included: (steps, Z).",
        lambda z0, z1, steps: _walk(z0, z1, np.linspace(0, 1, steps)),
        _codes,
        ("codes",),
        {
            "The walk goes in the wrong direction: it should begin at z0.": lambda z0, z1, steps: _walk(
                z0, z1, np.linspace(1, 0, steps)
            ),
            "The walk stops one step before z1: it should include both ends.": lambda z0, z1, steps: _walk(
                z0, z1, np.arange(steps) / steps
            ),
            "You add t z1 but never reduce the share of z0: the walk should end at z1 itself.": lambda z0, z1, steps: (
                z0 + np.linspace(0, 1, steps)[:, None] * z1
            ),
            "There is a row too many: `steps` counts the rows, not the gaps between them.": lambda z0, z1, steps: _walk(
                z0, z1, np.linspace(0, 1, steps + 1)
            ),
            "Both ends are missing: the first row is z0 and the last one z1.": lambda z0, z1, steps: _walk(
                z0, z1, np.linspace(0, 1, steps + 2)[1:-1]
            ),
        },
        about="(Latent.1)",
        edges=lambda: [
            {"z0": np.array([0.0, 1.0, -2.0]), "z1": np.array([4.0, 1.0, 3.0]), "steps": 2},
            {"z0": np.array([0.0, 1.0, -2.0]), "z1": np.array([4.0, 1.0, 3.0]), "steps": 5},
        ],
    ),
]
