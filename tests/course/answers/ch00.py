"""Answers to the exercises of chapter 00."""

import numpy as np


def walk_in_a_loop(z0, z1, steps):
    codes = []
    for k in range(steps):
        t = k / (steps - 1)
        codes.append([(1 - t) * a + t * b for a, b in zip(z0, z1)])
    return codes


RIGHT = {
    "00.to_network": {
        "the other way round": lambda pixels: (pixels - 127.5) / 127.5,
        "through 0 to 1": lambda pixels: 2 * (pixels / 255) - 1,
        "float32": lambda pixels: (pixels / 127.5 - 1).astype(np.float32),
        "a list": lambda pixels: (pixels / 127.5 - 1).tolist(),
        "interp": lambda pixels: np.interp(pixels, [0, 255], [-1, 1]),
        "float32 first": lambda pixels: pixels.astype(np.float32) / 127.5 - 1,
    },
    "00.to_pixels": {
        "the other way round": lambda x: 127.5 * x + 127.5,
        "through 0 to 1": lambda x: 255 * (x + 1) / 2,
        "float32": lambda x: ((x + 1) * 127.5).astype(np.float32),
        "a list": lambda x: ((x + 1) * 127.5).tolist(),
        "interp": lambda x: np.interp(x, [-1, 1], [0, 255]),
    },
    "00.accuracy": {
        "counting": lambda d_real, d_fake: (
            (sum(d > 0.5 for d in d_real) + sum(d < 0.5 for d in d_fake)) / (len(d_real) + len(d_fake))
        ),
        "one minus the share of errors": lambda d_real, d_fake: (
            1 - (np.sum(d_real <= 0.5) + np.sum(d_fake > 0.5)) / (d_real.size + d_fake.size)
        ),
        "labels": lambda d_real, d_fake: np.mean(
            (np.r_[d_real, d_fake] > 0.5) == np.r_[np.ones(len(d_real)), np.zeros(len(d_fake))]
        ),
        "float32": lambda d_real, d_fake: np.float32(np.mean(np.r_[d_real > 0.5, d_fake < 0.5])),
        "rounded": lambda d_real, d_fake: np.mean(np.r_[np.round(d_real), 1 - np.round(d_fake)]),
        "weighted shares": lambda d_real, d_fake: np.average(
            [np.mean(d_real > 0.5), np.mean(d_fake < 0.5)], weights=[len(d_real), len(d_fake)]
        ),
    },
    "00.straight_walk": {
        "a loop and lists": walk_in_a_loop,
        "linspace of vectors": lambda z0, z1, steps: np.linspace(z0, z1, steps),
        "start and difference": lambda z0, z1, steps: z0 + np.linspace(0, 1, steps)[:, None] * (z1 - z0),
        "outer": lambda z0, z1, steps: (
            np.outer(1 - np.linspace(0, 1, steps), z0) + np.outer(np.linspace(0, 1, steps), z1)
        ),
        "float32": lambda z0, z1, steps: np.linspace(z0, z1, steps).astype(np.float32),
        "transposed": lambda z0, z1, steps: np.array([np.linspace(a, b, steps) for a, b in zip(z0, z1)]).T,
    },
}

WRONG = {
    "00.to_network": {
        "not shifted": lambda pixels: pixels / 127.5,
        "only shifted": lambda pixels: pixels - 127.5,
        "127 twice": lambda pixels: (pixels - 127) / 127,
        "rounded": lambda pixels: np.round(pixels / 127.5 - 1, 1),
        "integers": lambda pixels: pixels // 127.5 - 1,
        "standardised": lambda pixels: (pixels - pixels.mean()) / pixels.std(),
        "by the largest": lambda pixels: pixels / (pixels.max() / 2 + 1) - 1,
    },
    "00.to_pixels": {
        "127": lambda x: x * 127.5 + 127,
        "bytes": lambda x: ((x + 1) * 127.5).astype(np.uint8),
        "0.5": lambda x: (x + 0.5) * 255,
        "absolute": lambda x: np.abs(x) * 255,
        "swapped": lambda x: (1 - x) * 127.5,
    },
    "00.accuracy": {
        "a product": lambda d_real, d_fake: np.mean(d_real > 0.5) * np.mean(d_fake < 0.5),
        "all above": lambda d_real, d_fake: np.mean(np.r_[d_real, d_fake] > 0.5),
        "by the number of real images": lambda d_real, d_fake: (
            (np.sum(d_real > 0.5) + np.sum(d_fake < 0.5)) / len(d_real)
        ),
        "the larger share": lambda d_real, d_fake: max(np.mean(d_real > 0.5), np.mean(d_fake < 0.5)),
        "always 1/2": lambda d_real, d_fake: 0.5,
    },
    "00.straight_walk": {
        "transposed": lambda z0, z1, steps: np.linspace(z0, z1, steps).T,
        "only the ends": lambda z0, z1, steps: np.array([z0] * (steps - 1) + [z1]),
        "on a circle": lambda z0, z1, steps: np.array(
            [np.cos(t) * z0 + np.sin(t) * z1 for t in np.linspace(0, np.pi / 2, steps)]
        ),
        "not evenly": lambda z0, z1, steps: np.array([(1 - t) * z0 + t * z1 for t in np.linspace(0, 1, steps) ** 2]),
        "from z0 by z1": lambda z0, z1, steps: np.array([z0 + k * z1 for k in range(steps)]),
    },
}
