"""Chapter 00, start here: pixels as a network sees them, how often D is right, and a walk between two codes."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _pixels(rng):
    return {"pixels": rng.integers(0, 256, (3, 4, 4)).astype(np.float64)}


def _images(rng):
    return {"x": rng.uniform(-1, 1, (3, 4, 4))}


def _opinions(rng):
    d_real, d_fake = np.round(rng.uniform(0.02, 0.45, 7), 2), np.round(rng.uniform(0.02, 0.45, 4), 2)
    d_real[:5] = 1 - d_real[:5]  # right in 5 of 7 and in 3 of 4: each way of counting differs
    d_fake[0] = 1 - d_fake[0]
    return {"d_real": rng.permutation(d_real), "d_fake": rng.permutation(d_fake)}


def _codes(rng):
    return {"z0": rng.standard_normal(5), "z1": rng.standard_normal(5), "steps": int(rng.integers(4, 8))}


def _walk(z0, z1, t):
    t = np.asarray(t)[:, None]
    return (1 - t) * z0 + t * z1


EXERCISES = [
    Exercise(
        "00.to_network",
        "Pixels 0 (black) to 255 (white), of any shape, as numbers from -1 to 1.",
        lambda pixels: pixels / 127.5 - 1,
        _pixels,
        ("x",),
        {
            "That goes from 0 to 1: black has to become -1.": lambda pixels: pixels / 255,
            "White becomes a little more than 1: the middle between 0 and 255 is 127.5.": lambda pixels: (
                pixels / 127 - 1
            ),
            "White stays a little below 1: there are 255 steps from black to white, not 256.": lambda pixels: (
                pixels / 128 - 1
            ),
            "Black and white are swapped.": lambda pixels: 1 - pixels / 127.5,
        },
        about="what stands above the exercise",
    ),
    Exercise(
        "00.to_pixels",
        "The way back: numbers from -1 to 1, of any shape, as pixels from 0 to 255; no rounding.",
        lambda x: (x + 1) * 127.5,
        _images,
        ("pixels",),
        {
            "That reaches from -255 to 255: first move -1 to 0.": lambda x: x * 255,
            "That reaches 510: the range from -1 to 1 is 2 long.": lambda x: (x + 1) * 255,
            "First add 1, then multiply: here only the product was moved.": lambda x: x * 127.5 + 1,
        },
        about="what stands above the exercise",
    ),
    Exercise(
        "00.accuracy",
        "How often D is right, from what it says of real images and of fakes; above 1/2 means real.",
        lambda d_real, d_fake: float(np.mean(np.concatenate([d_real > 0.5, d_fake < 0.5]))),
        _opinions,
        ("accuracy",),
        {
            "D is right about a fake when it says *less* than 1/2.": lambda d_real, d_fake: float(
                np.mean(np.concatenate([d_real, d_fake]) > 0.5)
            ),
            "That is how often D is wrong.": lambda d_real, d_fake: (
                1 - float(np.mean(np.concatenate([d_real > 0.5, d_fake < 0.5])))
            ),
            "The two kinds are not equally many: count over all images, not a mean of two shares.": lambda d_real, d_fake: (
                float(np.mean(d_real > 0.5) + np.mean(d_fake < 0.5)) / 2
            ),
            "That counts the right answers: divide by how many there are.": lambda d_real, d_fake: int(
                np.sum(d_real > 0.5) + np.sum(d_fake < 0.5)
            ),
            "Only the real images were counted.": lambda d_real, d_fake: float(np.mean(d_real > 0.5)),
        },
        about="the picture of the two players",
    ),
    Exercise(
        "00.straight_walk",
        "`steps` codes on the straight line from z0 to z1, both ends included: (steps, Z).",
        lambda z0, z1, steps: _walk(z0, z1, np.linspace(0, 1, steps)),
        _codes,
        ("codes",),
        {
            "It goes the wrong way: it should begin at z0.": lambda z0, z1, steps: _walk(
                z0, z1, np.linspace(1, 0, steps)
            ),
            "It stops one step short of z1: both ends belong to it.": lambda z0, z1, steps: _walk(
                z0, z1, np.arange(steps) / steps
            ),
            "It adds t z1 without giving up any of z0: at the end it should be at z1 itself.": lambda z0, z1, steps: (
                z0 + np.linspace(0, 1, steps)[:, None] * z1
            ),
        },
        about="(Latent.1)",
    ),
]
