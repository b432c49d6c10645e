"""The metrics for a run on points: counts of modes, if the density has modes, and distances between sets of points.

The real points are new samples of the density, or two halves of a data set.  Noise is uniform over the bounding box of
the data.
"""

from __future__ import annotations

import numpy as np

from ...data import Dataset, Density
from ...gan import GAN
from ...metrics.density_coverage import density_coverage
from ...metrics.earth_mover import earth_mover_1d
from ...metrics.membership import membership_advantage
from ...metrics.mmd import median_distance, mmd
from ...metrics.modes import mode_report
from ...metrics.precision_recall import precision_recall
from ...metrics.sliced_wasserstein import sliced_wasserstein
from ...metrics.two_sample import two_sample_accuracy
from ..recipe import Recipe
from .table import Candidates, Entry, Line, Prepared, entry

PIECES = 200  # random features of the two-sample test
SCALES = 2.0 ** np.arange(-4, 1)  # bandwidths of MMD / median distance: a mode is much narrower than that


def prepare(
    gan: GAN,
    recipe: Recipe,
    data: Dataset | Density,
    *,
    n: int,
    seed: int,
    held_out: np.ndarray | None = None,
) -> Prepared:
    """Draw the points and choose the metrics.  Raises ValueError if samples are not finite.

    data     without the points that are `held_out` of training
    """
    rng = np.random.default_rng([seed, 1000])
    notes: list[str] = []
    if data.kind == "density":
        reference, other = data.sample(n, rng=rng), data.sample(n, rng=rng)
        edges = np.reshape(data.extent, (-1, 2))
    else:
        half = min(n, len(data) // 2)
        if half < n:
            notes.append(f"n is {half:,}: half of the data's {len(data):,} points")
        n, order = half, rng.permutation(len(data))
        reference, other = data.x[order[:n]], data.x[order[n : 2 * n]]
        edges = np.stack([data.x.min(axis=0), data.x.max(axis=0)], axis=1)
    noise = rng.uniform(edges[:, 0], edges[:, 1], (n, len(edges))).astype(np.float32)
    samples = gan.sample(n, seed=seed)
    if not np.isfinite(samples).all():
        raise ValueError("the run's samples are not finite: it has diverged")
    entries = _entries(reference, data if data.kind == "density" and data.modes is not None else None, rng)
    if held_out is not None and data.kind == "examples" and len(held_out) > 1:
        entries.append(_members(gan, data.x, held_out, samples, other))
        notes.append(f"{len(held_out):,} points were held out of training, for the membership advantage")
    notes.append("real: other real points instead of the samples; noise: uniform over the bounding box of the data")
    return Prepared(
        entries,
        Candidates(samples, other, noise),
        n,
        "distances are between the points themselves",
        samples,
        reference,
        notes,
    )


def _entries(reference, density, rng) -> list[Entry]:
    entries = [] if density is None else [_modes(density)]
    if reference.shape[1] == 1:
        entries.append(
            entry(
                "earth mover's distance",
                "low",
                "how far mass must be moved; exact",
                lambda x, rng: earth_mover_1d(reference, x),
            )
        )
    else:
        entries.append(
            entry(
                "sliced Wasserstein",
                "low",
                "how far mass must be moved on random lines",
                lambda x, rng: sliced_wasserstein(reference, x, rng=rng),
            )
        )
    bandwidths = median_distance(reference) * SCALES  # from the real points: the same for all candidates
    return [
        *entries,
        entry(
            "MMD^2",
            "low",
            "the largest difference of means of a smooth function",
            lambda x, rng: mmd(reference, x, bandwidths=bandwidths),
            squared=True,
        ),
        entry(
            "two-sample accuracy",
            "low",
            "how often waves separate real and fake; 0.5: chance",
            lambda x, rng: two_sample_accuracy(*_waves(reference, x), rng=rng),
        ),
        Entry(
            [
                Line("precision", "high", "share of samples that lie among real points"),
                Line("recall", "high", "share of real points that lie among samples"),
            ],
            lambda x, rng: precision_recall(reference, x),
        ),
        Entry(
            [
                Line("density", "high", "samples lie where real points are dense; real: 1"),
                Line("coverage", "high", "share of real points with a sample next to them"),
            ],
            lambda x, rng: density_coverage(reference, x),
        ),
    ]


def _members(gan: GAN, train: np.ndarray, held_out: np.ndarray, samples: np.ndarray, real: np.ndarray) -> Entry:
    """Membership inference with D: the points it was trained on against half of the held-out ones; real: other half."""
    judge, proof = gan.probability(held_out[::2]), gan.probability(held_out[1::2])
    known = gan.probability(train[: 10 * len(held_out)])
    trained, chance = (membership_advantage(points, judge).advantage for points in (known, proof))
    return entry(
        "membership advantage of D",
        "low",
        "does D recognise its training set? 0: no, 1: yes",
        lambda x, rng: trained if x is samples else chance if x is real else np.nan,
    )


def _modes(density) -> Entry:
    lines = [
        Line("modes found", "high", f"modes, of {len(density.modes)}, with a sample within 3 sigma"),
        Line("high quality", "real", "share of samples within 3 sigma of a mode"),
        Line("reverse KL of modes", "low", "does each mode get its share of the samples? in nats"),
        Line("spread in a mode", "real", "width of the modes over the true width: 1 is right"),
    ]

    def compute(x, rng):
        report = mode_report(x, density)
        return report.modes_found, report.high_quality, report.reverse_kl, report.within_mode_spread

    return Entry(lines, compute)


def _waves(real, fake):
    """Random Fourier features of both: a line cannot separate a ring from its middle, but a sum of waves can.

    cos(<w, x> / s + b), w ~ N(0, I), b uniform, s a third of the median distance of real points (Rahimi & Recht 2007).
    """
    rng = np.random.default_rng(0)
    s = median_distance(real) / 3
    w, b = rng.standard_normal((real.shape[1], PIECES)) / s, rng.uniform(0, 2 * np.pi, PIECES)
    return np.cos(real @ w + b), np.cos(fake @ w + b)
