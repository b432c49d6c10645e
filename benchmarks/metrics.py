"""What does each metric see?  Real digits, a trained run, and runs that fail in one way each, through every metric.

    python -m benchmarks.metrics [--run runs/dcgan-mnist]

Writes benchmarks/results/metrics.json and .png.  Without --run it trains `dcgan-mnist`, README's first command, itself.

5,000 digits are cut at random into A, 2,000 that every candidate is held against; B, 2,000 others; C, the last 1,000.
Candidates, 2,000 images each:

    real         B
    good         samples of the run (which was trained on A, B and C)
    copies       A itself, each image once: a generator that learned its training set by heart
    collapsed    the same generator with ten noise vectors, and next to nothing around them
    one class    the 500 eights, four times each, turned and shifted by a hair: nobody's copies
    blurred      B, under a Gaussian of 1 pixel
    noisy        B plus Gaussian noise of 0.3 (pixels are in [-1, 1])
    noise        uniform in every pixel

Real digits are held against real digits five times: the table's B, and four other random cuts of the 5,000.  A metric
sees a failure if it says worse of it than of the worst of these five, by more than the five differ among themselves;
what it does not see is marked with a star.  BLIND says what it cannot see by its nature, and why; CHANCE, what depends
on the run.  The program ends with an error if anything is otherwise, or if a metric of ORDERED likes another failure
than copies better than the run, or anything less than noise.

Membership, and the modes of toy data, have tables of their own.

Features and verdicts are those of scratchgan's own digit classifier: not comparable to published Inception figures.
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

#: failures that a metric cannot see, by its nature: (failures, why)
BLIND = {
    "Frechet distance": ("copies", "copies have the mean and covariance of what they are copied from"),
    "kernel distance (KID)": ("copies", "and all other moments"),
    "MMD^2, features": ("copies", "and the mean of every function"),
    "sliced Wasserstein, pixels": ("copies", "no mass need be moved"),
    "earth mover's, mean pixel": ("copies, blurred", "one number an image, and a blur moves ink without adding any"),
    "precision": ("copies, one class", "it asks whether samples look real, not whether all kinds are there"),
    "recall": ("copies", "every real image is reached, by its own copy"),
    "density": ("copies, one class", "as precision; and samples in the thick of one class count more than once"),
    "coverage": ("copies", "as recall"),
    "two-sample accuracy": ("copies", "below 1/2: the same image stands on both sides"),
    "inception-style score": ("copies", "it never looks at the real images"),
    "sure of its class": ("copies, one class, noise", "a classifier that knows only digits is sure of anything"),
    "MS-SSIM of pairs": ("copies", "copies are as diverse as what they are copied from"),
    "MS-SSIM in a class": ("copies", "the same"),
    "pairs that repeat": ("copies, noisy, noise", "each copy comes once in 2,000; and no two noises are alike"),
    "distance trained / held out": ("blurred, noisy, noise", "as far from what was trained on as from all else"),
    "share of copies": ("blurred, noisy, noise", "the same: bad images are original"),
    "Parzen log likelihood": ("copies, blurred", "a blur is near to many images, and the score likes that: Theis 2016"),
}
#: failures that it may or may not see: ten images, or one class, may lie anywhere; a little noise lowers a likeness
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
    """name: (which is best: low, high or real; function of a View)."""
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
    """Larger is worse, whichever way the metric counts."""
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
    """What is not as BLIND, CHANCE and ORDERED have it."""
    wrong = []
    for name, row in digits.items():
        blind, chance = set(BLIND[name][0].split(", ")), set(CHANCE.get(name, "").split(", "))
        unseen = set(row["not seen"])
        wrong += [f"{name} sees {failure}" for failure in blind - unseen]
        wrong += [f"{name} does not see {failure}" for failure in unseen - blind - chance]
        better = set(row["the run is better than"])
        if name in ORDERED and better != set(FAILURES) - {"copies"}:
            wrong.append(f"{name} says that the run is better than {better} only")
        if name in ORDERED and row["worst"] != "noise":
            wrong.append(f"{name} says that {row['worst']} is worse than noise")
    return wrong


def table(gan, data):
    """All metrics of all candidates, printed; returns (rows by metric, images by candidate)."""
    order = rng(0).permutation(len(data))
    A, B, C = data.x[order[:N]], data.x[order[N : 2 * N]], data.x[order[2 * N :]]
    candidates = {"real": B, "good": np.clip(gan.sample(N, seed=1), -1, 1), **failures(gan, data, A, B)}
    classifier = load_classifier()
    see = lambda images: look(images, classifier)
    views, judged = {name: see(images) for name, images in candidates.items()}, metrics(see(A), C)
    halves = []  # of real data against real data: what chance does to each metric
    for i in range(4):
        mixed = data.x[rng(5, i).permutation(len(data))]
        halves.append((metrics(see(mixed[:N]), mixed[2 * N :]), see(mixed[N : 2 * N])))

    print(f"{'':<29}" + "".join(f"{name:>12}" for name in views) + "   (* it says no worse of it than of real data)")
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
    """One way to fail each."""
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
    """A Gaussian over rows, then over columns; black outside."""
    t = np.arange(-4, 5)
    weights = np.exp(-(t**2) / (2 * sigma**2))
    for axis in (1, 2):
        pad = [(4, 4) if a == axis else (0, 0) for a in range(4)]
        padded, n = np.pad(images, pad, constant_values=-1), images.shape[axis]
        images = sum(w * np.take(padded, np.arange(k, k + n), axis) for k, w in enumerate(weights / weights.sum()))
    return images.astype(np.float32)


def readme(gan, data) -> dict:
    """The 64 digits of README's picture and 2,000 more: how many is the classifier sure of, and of which?"""
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
    """D's scores of what it was trained on and of what it was not: few images for long, and many for a short time."""
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
    """The metrics of toy data, on the ring: perfect samples, a run, and three failures."""
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
    """Which failure does which metric see?  And how the failures look."""
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
                f"{row['values'][name]:.3g}",
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
        "Blue: the metric says worse of it than of real digits.  Red: it does not see the failure.\n"
        "No column is blue throughout, and no row: ask more than one",
        fontsize=11,
        va="top",
    )
    save_figure(fig, path)


def _box(x: float, y: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, color=colour, linewidth=0)


if __name__ == "__main__":
    main()
