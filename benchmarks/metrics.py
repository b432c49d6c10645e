"""Which failures does each metric detect?  Real digits, a trained run and several failures, measured by every metric.

    python -m benchmarks.metrics [--run runs/dcgan-mnist]

Writes benchmarks/results/metrics.json and .png.  Without --run it first trains `dcgan-mnist`, README's first command.

The 5,000 digits are split at random into A, 2,000 that every candidate is compared with; B, 2,000 others; and C, the
last 1,000.  The candidates have 2,000 images each:

    real         B
    good         samples of the run (which was trained on A, B and C)
    copies       A itself, each image once: a generator that memorised its training set
    collapsed    the generator of the run, with latent vectors that lie very close to ten points
    one class    the 500 eights, four times each, slightly rotated and shifted so that they are not exact copies
    blurred      B, convolved with a Gaussian of 1 pixel
    noisy        B plus Gaussian noise with standard deviation 0.3 (pixels are in [-1, 1])
    noise        every pixel is uniform

Real digits are compared with real digits five times: B with A, and four other random splits of the 5,000.  A metric
detects a failure if its value is worse than the worst of these five by more than the range of the five; a failure that
it does not detect is marked with a star.  BLIND lists the failures that a metric cannot detect on principle, and why;
CHANCE lists those that depend on the run.  The program ends with an error if the results differ from these tables, or
if a metric in ORDERED ranks a failure other than copies above the run, or any failure below noise.

Membership inference and the modes of toy data have separate tables.

Features and class probabilities are those of scratchgan's own digit classifier, so the figures are not comparable to
published figures that use Inception.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan.data import Dataset, load
from scratchgan.files.atomic import write_text
from scratchgan.metrics.augment import random_warp
from scratchgan.metrics.birthday import birthday_test
from scratchgan.metrics.classifier import LABEL, load_classifier
from scratchgan.metrics.density_coverage import density_coverage
from scratchgan.metrics.earth_mover import earth_mover_1d
from scratchgan.metrics.frechet import frechet_distance
from scratchgan.metrics.inception_score import inception_score
from scratchgan.metrics.kernel_distance import kernel_distance
from scratchgan.metrics.membership import membership_advantage
from scratchgan.metrics.memorisation import memorisation_ratio
from scratchgan.metrics.mmd import median_distance, mmd
from scratchgan.metrics.modes import mode_report
from scratchgan.metrics.ms_ssim import diversity
from scratchgan.metrics.parzen import parzen_log_likelihood
from scratchgan.metrics.precision_recall import precision_recall
from scratchgan.metrics.sliced_wasserstein import sliced_wasserstein
from scratchgan.metrics.two_sample import two_sample_accuracy
from scratchgan.plots import BLUE, VERMILLION, figure, image_grid, save_figure
from scratchgan.runs import recipe as recipes
from scratchgan.runs.build import restore
from scratchgan.runs.evaluate.images import View, look
from scratchgan.runs.train import train

RESULTS = Path(__file__).parent / "results"
SEED, N = 0, 2000
FAILURES = ("copies", "collapsed", "one class", "blurred", "noisy", "noise")

#: failures that a metric cannot detect on principle: (failures, why)
BLIND = {
    "Frechet distance": ("copies", "copies have the mean and covariance of what they are copied from"),
    "kernel distance (KID)": ("copies", "and all other moments"),
    "MMD^2, features": ("copies", "and the mean of every function"),
    "sliced Wasserstein, pixels": ("copies", "no mass need be moved"),
    "earth mover's, mean pixel": ("copies, blurred", "one number per image, and a blur moves ink without adding any"),
    "precision": ("copies, one class", "it asks whether samples look real, not whether all kinds are there"),
    "recall": ("copies", "every real image is covered by its own copy"),
    "density": ("copies, one class", "as for precision; and samples in a dense part of a class count more than once"),
    "coverage": ("copies", "as for recall"),
    "two-sample accuracy": ("copies", "below 1/2: the same image is in both samples"),
    "inception-style score": ("copies", "it does not use the real images"),
    "sure of its class": ("copies, one class, noise", "a classifier that knows only digits is sure of anything"),
    "MS-SSIM of pairs": ("copies", "copies are as diverse as what they are copied from"),
    "MS-SSIM in a class": ("copies", "the same within a class"),
    "pairs that repeat": ("copies, noisy, noise", "each copy occurs once in 2,000; and no two noise images are alike"),
    "distance trained / held out": ("blurred, noisy, noise", "as far from the training images as from all others"),
    "share of copies": ("blurred, noisy, noise", "the same: bad images are not copies"),
    "Parzen log likelihood": ("copies, blurred", "a blurred image is near many images, so it scores high: Theis 2016"),
}
#: failures that a metric may or may not detect: ten images or one class may lie anywhere; noise lowers a similarity
CHANCE = {
    "precision": "collapsed",
    "density": "collapsed",
    "MS-SSIM of pairs": "noisy",
    "MS-SSIM in a class": "one class",
    "distance trained / held out": "collapsed, one class",
    "share of copies": "collapsed, one class",
}
ORDERED = (
    "Frechet distance",
    "kernel distance (KID)",
    "MMD^2, features",
    "sliced Wasserstein, pixels",
    "recall",
    "coverage",
    "two-sample accuracy",
)


def rng(*key: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *key])


def metrics(real: View, judge: np.ndarray) -> dict[str, tuple]:
    """{name: (the best values: "low", "high" or "real", which is close to those of real data; function of a View)}."""
    bandwidths = np.array([0.5, 1, 2]) * median_distance(real.features)
    ink = lambda v: v.images.mean(axis=(1, 2, 3))
    return {
        "Frechet distance": ("low", lambda v: frechet_distance(real.features, v.features)),
        "kernel distance (KID)": ("low", lambda v: kernel_distance(real.features, v.features)),
        "MMD^2, features": ("low", lambda v: mmd(real.features, v.features, bandwidths=bandwidths)),
        "sliced Wasserstein, pixels": ("low", lambda v: sliced_wasserstein(real.images, v.images, rng=rng(1))),
        "earth mover's, mean pixel": ("low", lambda v: earth_mover_1d(ink(real), ink(v))),
        "precision": ("high", lambda v: precision_recall(real.features, v.features)[0]),
        "recall": ("high", lambda v: precision_recall(real.features, v.features)[1]),
        "density": ("high", lambda v: density_coverage(real.features, v.features)[0]),
        "coverage": ("high", lambda v: density_coverage(real.features, v.features)[1]),
        "two-sample accuracy": ("low", lambda v: two_sample_accuracy(real.features, v.features, rng=rng(2))),
        "inception-style score": ("high", lambda v: inception_score(v.probabilities)),
        "sure of its class": ("high", lambda v: len(v.sure) / len(v.images)),
        "MS-SSIM of pairs": ("real", lambda v: diversity(v.images, rng=rng(3), pairs=2000)),
        "MS-SSIM in a class": (
            "real",
            lambda v: diversity(v.images, rng=rng(4), pairs=2000, labels=v.probabilities.argmax(axis=1)),
        ),
        "pairs that repeat": ("low", lambda v: birthday_test(v.images, real=real.images, closest=1).repeats),
        "distance trained / held out": ("high", lambda v: memorisation_ratio(real.images, judge, v.images).ratio),
        "share of copies": ("low", lambda v: memorisation_ratio(real.images, judge, v.images).copies),
        "Parzen log likelihood": ("high", lambda v: parzen_log_likelihood(v.images, real.images[:1000], sigma=0.25)[0]),
    }


def badness(best: str, value: float, among_real: np.ndarray) -> float:
    """A number that is larger for worse values, whichever direction the metric has."""
    return {"low": value, "high": -value, "real": abs(value - among_real.mean())}[best]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="a run of dcgan-mnist; default: train one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = args.run
        if run is None:
            run = train(recipes.load("dcgan-mnist"), Path(folder) / "run").folder
        gan, recipe = restore(run)
        data = load("mnist-5k")
        digits, shown = table(gan, data)
        report = {
            "run": f"{recipe.name}, {gan.steps} steps, seed {recipe.seed}",
            "label": LABEL,
            "n": N,
            "digits": digits,
            "README's samples": readme(gan, data),
            "membership": membership(data, Path(folder)),
            "ring": ring(Path(folder)),
        }
    RESULTS.mkdir(exist_ok=True)
    write_text(RESULTS / "metrics.json", json.dumps(report, indent=1) + "\n")
    draw(RESULTS / "metrics.png", digits, shown)
    print(f"wrote {RESULTS / 'metrics.json'} and .png")
    if wrong := unexpected(digits):
        raise SystemExit("not as expected: " + "; ".join(wrong))


def unexpected(digits: dict) -> list[str]:
    """The results that differ from BLIND, CHANCE and ORDERED, one line each."""
    wrong = []
    for name, row in digits.items():
        blind, chance = set(BLIND[name][0].split(", ")), set(CHANCE.get(name, "").split(", "))
        unseen = set(row["not seen"])
        wrong += [f"{name} detects {failure}" for failure in blind - unseen]
        wrong += [f"{name} does not detect {failure}" for failure in unseen - blind - chance]
        better = set(row["the run is better than"])
        if name in ORDERED and better != set(FAILURES) - {"copies"}:
            wrong.append(f"{name} ranks the run only above {better}")
        if name in ORDERED and row["worst"] != "noise":
            wrong.append(f"{name} ranks {row['worst']} below noise")
    return wrong


def table(gan, data):
    """Compute and print all metrics of all candidates; returns (rows by metric, images by candidate)."""
    order = rng(0).permutation(len(data))
    A, B, C = data.x[order[:N]], data.x[order[N : 2 * N]], data.x[order[2 * N :]]
    candidates = {"real": B, "good": np.clip(gan.sample(N, seed=1), -1, 1), **failures(gan, data, A, B)}
    classifier = load_classifier()
    see = lambda images: look(images, classifier)
    views, judged = {name: see(images) for name, images in candidates.items()}, metrics(see(A), C)
    halves = []  # real data against real data: how much each metric varies by chance
    for i in range(4):
        mixed = data.x[rng(5, i).permutation(len(data))]
        halves.append((metrics(see(mixed[:N]), mixed[2 * N :]), see(mixed[N : 2 * N])))

    print(f"{'':<29}" + "".join(f"{name:>12}" for name in views) + "   (* not detected: no worse than real data)")
    rows = {}
    for name, (best, compute) in judged.items():
        values = {candidate: float(compute(view)) for candidate, view in views.items()}
        among_real = np.array([values["real"], *(float(others[name][1](view)) for others, view in halves)])
        of_real = [badness(best, value, among_real) for value in among_real]
        limit = max(of_real) + np.ptp(of_real)
        unseen = [c for c in FAILURES if badness(best, values[c], among_real) <= limit]
        of_good = badness(best, values["good"], among_real)
        rows[name] = {
            "best": best,
            "values": values,
            "real, five splits": among_real.tolist(),
            "not seen": unseen,
            "worst": max(reversed(FAILURES), key=lambda c: badness(best, values[c], among_real)),
            "the run is better than": [c for c in FAILURES if badness(best, values[c], among_real) > of_good],
        }
        print(
            f"{name:<29}" + "".join(f"{value:>11.4g}{'*' if c in unseen else ' '}" for c, value in values.items()),
            flush=True,
        )
    return rows, candidates


def failures(gan, data, A, B) -> dict[str, np.ndarray]:
    """{name: images} of the candidates that fail in one way each."""
    eights = np.repeat(data.x[data.labels == 8], 4, axis=0)
    few = rng(6).standard_normal((10, gan.latent_dim))
    Z = np.repeat(few, N // 10, axis=0) + 0.02 * rng(7).standard_normal((N, gan.latent_dim))
    return {
        "copies": A[rng(8).permutation(N)],
        "collapsed": np.clip(gan.generate(Z.astype(np.float32)), -1, 1),
        "one class": random_warp(eights, rng=rng(9), degrees=4, scale=0.04, slant=0.04, shift=0.5),
        "blurred": blur(B, 1.0),
        "noisy": np.clip(B + 0.3 * rng(10).standard_normal(B.shape), -1, 1).astype(np.float32),
        "noise": rng(11).uniform(-1, 1, B.shape).astype(np.float32),
    }


def blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Convolve with a Gaussian along one axis, then along the other; black outside."""
    t = np.arange(-4, 5)
    weights = np.exp(-(t**2) / (2 * sigma**2))
    for axis in (1, 2):
        pad = [(4, 4) if a == axis else (0, 0) for a in range(4)]
        padded, n = np.pad(images, pad, constant_values=-1), images.shape[axis]
        images = sum(w * np.take(padded, np.arange(k, k + n), axis) for k, w in enumerate(weights / weights.sum()))
    return images.astype(np.float32)


def readme(gan, data) -> dict:
    """The 64 digits of README's picture, 2,000 more and real digits: on how many is the classifier sure, by class?"""
    classifier, report = load_classifier(), {}
    for name, images in (
        ("the picture's 64", gan.sample(64, seed=0)),
        ("2,000 samples", gan.sample(N, seed=1)),
        ("5,000 real digits", data.x),
    ):
        view = look(np.clip(images, -1, 1), classifier)
        counts = np.bincount(view.sure, minlength=10).tolist()
        report[name] = {"sure": len(view.sure) / len(images), "of each class": counts}
        print(f"{name:<18} sure (at least 90 %) of {len(view.sure) / len(images):.1%}; of each class {counts}")
    return report


def membership(data, folder: Path) -> dict:
    """Membership inference from D's outputs: D trained on 200 and on 4,000 digits, for the same number of steps."""
    order, report = rng(12).permutation(len(data)), {}
    for count, steps in ((200, 600), (4000, 600)):
        members, others = data.x[order[:count]], data.x[order[4000:]]
        recipe = replace(recipes.load("dcgan-mnist"), name=f"dcgan-{count}", steps=steps, width=16, sample_every=0)
        gan = train(recipe, folder / str(count), data=Dataset(members, name="digits")).gan
        found = membership_advantage(gan.probability(members[:1000]), gan.probability(others))
        report[f"trained on {count}"] = {"advantage": found.advantage, "by chance": found.floor, "AUC": found.auc}
        print(
            f"membership, D trained on {count:,} digits for {steps} steps: advantage {found.advantage:.3f} (by "
            f"chance {found.floor:.3f}), AUC {found.auc:.3f}"
        )
    return report


def ring(folder: Path) -> dict:
    """The metrics for toy data on the ring: perfect samples, a run, and three failures."""
    density = load("ring")
    run = train(replace(recipes.load("mlp-ring"), sample_every=0), folder / "ring")
    labels, draw_ = rng(13).integers(8, size=N), rng(14)
    spread = draw_.standard_normal((N, 2)) * density.sigma
    candidates = {
        "real": density.sample(N, rng=draw_),
        "good": run.gan.sample(N, seed=1),
        "one mode": density.modes[3] + spread,
        "too wide": density.modes[labels] + 3 * spread,
        "noise": draw_.uniform(-1.5, 1.5, (N, 2)),
    }
    reference, report = density.sample(N, rng=draw_), {}
    bandwidths = median_distance(reference) * 2.0 ** np.arange(-4, 1)
    for name, x in candidates.items():
        found = mode_report(x, density)
        report[name] = {
            "modes": found.modes_found,
            "high quality": found.high_quality,
            "reverse KL": found.reverse_kl,
            "spread": None if math.isnan(found.within_mode_spread) else found.within_mode_spread,
            "sliced Wasserstein": sliced_wasserstein(reference, x, rng=rng(15)),
            "MMD^2": mmd(reference, x, bandwidths=bandwidths),
            "earth mover's, x1": earth_mover_1d(reference[:, 0], x[:, 0]),
        }
    print(f"{'ring':<20}" + "".join(f"{name:>12}" for name in report))
    for key in report["real"]:
        cells = (row[key] for row in report.values())
        print(f"{key:<20}" + "".join(f"{'-' if cell is None else format(cell, '.4g'):>12}" for cell in cells))
    return report


def draw(path: Path, rows: dict, candidates: dict) -> None:
    """A table of the failures that each metric detects, below samples of each failure."""
    names = ["good", *FAILURES]
    fig = figure(11, 8.4)
    axes = fig.add_axes((0.28, 0.03, 0.7, 0.66))
    for y, (metric, row) in enumerate(rows.items()):
        for x, name in enumerate(names):
            seen = name not in row["not seen"]
            colour = "#DDDDDD" if name == "good" else BLUE if seen else VERMILLION
            axes.add_patch(_box(x, y, colour))
            axes.text(
                x,
                y,
                f"{row['values'][name]:.3g}" + ("" if name == "good" or seen else " *"),
                ha="center",
                va="center",
                fontsize=8,
                color="black" if name == "good" else "white",
            )
        low, high = min(row["real, five splits"]), max(row["real, five splits"])
        axes.text(-0.6, y, f"{metric}   {low:.3g} .. {high:.3g}", ha="right", va="center", fontsize=8)
    axes.set(xlim=(-0.55, len(names) - 0.45), ylim=(len(rows) - 0.5, -0.5))
    axes.set_axis_off()
    fig.text(0.275, 0.7, "metric and its range among real digits", ha="right", fontsize=8)
    for x, name in enumerate(names):
        left = 0.28 + 0.7 * (x + 0.08) / len(names)
        picture = fig.add_axes((left, 0.725, 0.7 * 0.84 / len(names), 0.145))
        shown = candidates[name][:: len(candidates[name]) // 16][:16]
        picture.imshow(image_grid(shown, columns=4)[..., 0], cmap="gray", interpolation="nearest")
        picture.set_axis_off()
        picture.set_title("a good run" if name == "good" else name, fontsize=10)
    fig.text(
        0.02,
        0.965,
        "Blue: the metric rates it worse than real digits.  Red, with a star: it does not detect the failure.\n"
        "No column and no row is entirely blue: use more than one metric",
        fontsize=11,
        va="top",
    )
    save_figure(fig, path)


def _box(x: float, y: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, color=colour, linewidth=0)


if __name__ == "__main__":
    main()
