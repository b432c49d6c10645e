"""Do conditional GANs generate the class that they are asked for?  Four recipes on handwritten digits.

    python -m benchmarks.conditional [--only cgan-mnist ...] [--seeds 3] [--quick]

Each run trains an unchanged recipe in a separate process on one thread; two runs go on at the same time.

Agreement    the share of 2,000 samples, 200 per label, that a classifier assigns to the requested label.  There are
             two classifiers: the bundled one, and a second one with a different architecture (strided 5 x 5
             convolutions, no BatchNorm), trained here on the same 4,000 digits.  Neither is used to train a GAN.
Diversity    within a class: the mean MS-SSIM of pairs (1: all alike), and the mean distance, in pixel space, from an
             image to its nearest neighbour among 200 of its class.  For comparison, both for 200 real digits per class.
InfoGAN      has no labels: its ten categories are matched to the ten digits by the best one-to-one assignment.

Writes benchmarks/results/conditional.json, conditional.png (one row per class) and conditional_codes.png.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan import Sequential
from scratchgan.data import load
from scratchgan.files.atomic import write_text
from scratchgan.layers import Conv2D, Dense, Dropout, Flatten, LeakyReLU
from scratchgan.losses.cross_entropy import cross_entropy
from scratchgan.metrics import diversity, frechet_distance, load_classifier, precision_recall
from scratchgan.metrics.augment import random_warp
from scratchgan.metrics.classifier import split
from scratchgan.optim import Adam, cosine
from scratchgan.plots import figure, image_grid, save_figure
from scratchgan.runs import build, recipe

RESULTS = Path(__file__).parent / "results"
LABELLED = ("cgan-mnist", "projection-mnist", "acgan-mnist")
RECIPES = (*LABELLED, "infogan-mnist")
SAMPLES, EACH = 2000, 200


def second_classifier(path: Path, steps: int = 2400) -> float:
    """Train it, save its weights to `path` (.npz), and return its accuracy on the 1,000 held-out digits."""
    data, rng = load("mnist-5k"), np.random.default_rng(11)
    learn, kept_out = split(data.labels)
    net = second_net(rng)
    optimizer = Adam(net, 1e-3, beta1=0.9, schedule=cosine(steps))
    for _ in range(steps):
        chosen = rng.choice(learn, 64, replace=False)
        logits, cache = net.forward(random_warp(data.x[chosen], rng=rng), train=True, rng=rng)
        net.zero_grads()
        net.backward(cross_entropy(logits, data.labels[chosen])[1], cache, input_grad=False)
        optimizer.step()
    np.savez(path, **dict(net.parameters()))
    return float((reads(net, data.x[kept_out]) == data.labels[kept_out]).mean())


def second_net(rng) -> Sequential:
    """Conv k5 s2 -> Conv k5 s2 -> Dense -> Dense."""
    return Sequential(
        [
            Conv2D(1, 24, kernel_size=5, stride=2, padding=2, init="he", rng=rng),
            LeakyReLU(0.1),
            Conv2D(24, 48, kernel_size=5, stride=2, padding=2, init="he", rng=rng),
            LeakyReLU(0.1),
            Flatten(),
            Dense(7 * 7 * 48, 160, init="he", rng=rng),
            LeakyReLU(0.1),
            Dropout(0.4),
            Dense(160, 10, rng=rng),
        ],
        input_shape=(28, 28, 1),
    )


def reads(net, x: np.ndarray) -> np.ndarray:
    """The labels that the second classifier assigns to images."""
    return np.concatenate([net.forward(x[i : i + 250], train=False)[0].argmax(axis=1) for i in range(0, len(x), 250)])


def within(images: np.ndarray, labels: np.ndarray) -> dict:
    """MS-SSIM of pairs within a class, and the distance to the nearest other image of the class; means over classes."""
    distances = []
    for k in range(10):
        x = images[labels == k][:EACH].reshape(EACH, -1).astype(np.float64)
        d2 = ((x[:, None] - x[None]) ** 2).sum(axis=2)
        np.fill_diagonal(d2, np.inf)
        distances.append(float(np.sqrt(d2.min(axis=1)).mean()))
    return {
        "ms_ssim": diversity(images, rng=np.random.default_rng(0), pairs=2000, labels=labels),
        "nearest": float(np.mean(distances)),
    }


def train(name: str, seed: int, steps: int, second: str, out: str) -> dict:
    """One run in this process; the images for the figures are saved to `out`."""
    scratchgan.set_num_threads(1)
    settings, data = build.load_data(replace(recipe.load(name), seed=seed))
    settings = replace(settings, steps=steps or settings.steps)
    gan, stream = build.build_gan(settings, data.example_shape), build.data_stream(settings, data)
    start = time.process_time()
    for _ in range(settings.steps):
        gan.train_step(*stream.next_labelled())
    seconds = time.process_time() - start

    judge, other = load_classifier(), second_net(np.random.default_rng(0))
    with np.load(second, allow_pickle=False) as weights:
        for path, w in other.parameters():
            w[...] = weights[path]
    asked = np.arange(SAMPLES) % 10
    images = gan.sample(SAMPLES, seed=1, labels=asked)
    read, read_too = judge.logits(images).argmax(axis=1), reads(other, images)
    table = np.zeros((10, 10), int)
    np.add.at(table, (asked, read), 1)
    means = np.arange(10) if name in LABELLED else assignment(table)
    real = judge.features(data.x[np.random.default_rng(0).permutation(len(data.x))])
    fake = judge.features(images)
    precision, recall = precision_recall(real[:SAMPLES], fake)
    Z = np.random.default_rng(1).standard_normal((10, gan.latent_dim)).astype(np.float32)
    rows = gan.generate(np.tile(Z, (10, 1)), np.repeat(np.argsort(means), 10))
    np.savez(out, rows=rows, codes=code_walk(gan, Z, np.argsort(means)) if gan.continuous else rows)
    return {
        "seed": seed,
        "steps": settings.steps,
        "seconds": round(seconds, 1),
        "bundled": float((read == means[asked]).mean()),
        "second": float((read_too == means[asked]).mean()),
        "means": means.tolist(),
        "confusion": table.tolist(),
        "frechet": frechet_distance(real, fake),
        "precision": precision,
        "recall": recall,
        **within(images, asked),
    }


def assignment(table: np.ndarray) -> np.ndarray:
    """The digit of each category: the one-to-one assignment that agrees with the largest number of samples."""
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}  # over the sets of digits given to rows 0..k-1
    for k in range(10):
        step: dict[int, tuple[int, tuple[int, ...]]] = {}
        for used, (total, given) in best.items():
            for digit in range(10):
                if not used >> digit & 1:
                    new = used | 1 << digit
                    if new not in step or total + table[k, digit] > step[new][0]:
                        step[new] = total + int(table[k, digit]), (*given, digit)
        best = step
    return np.array(best[1023][1])


def code_walk(gan, Z: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """Images, 5 rows of 9 per continuous code: the code goes from -2 to 2 in each of five categories; fixed noise."""
    walks = []
    for code, category in itertools.product(range(gan.continuous), categories[[1, 2, 3, 7, 8]]):
        codes = np.zeros((9, gan.continuous))
        codes[:, code] = np.linspace(-2, 2, 9)
        walks.append(gan.generate(np.tile(Z[:1], (9, 1)), int(category), codes))
    return np.concatenate(walks)


def apart(name: str, seed: int, options, folder: Path) -> dict:
    """`train` in a separate process."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.conditional",
            "--one",
            name,
            str(seed),
            str(20 if options.quick else 0),
            str(folder / "second.npz"),
            str(folder / f"{name}-{seed}.npz"),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"{name}, seed {seed}: {done.stderr.strip().splitlines()[-1]}")
    run = json.loads(done.stdout)
    print(
        f"{name:<18} seed {seed}  {run['seconds']:>5.0f} s  bundled {run['bundled']:.4f}  second "
        f"{run['second']:.4f}  Frechet {run['frechet']:.2f}  MS-SSIM "
        f"{run['ms_ssim']:.3f}  nearest {run['nearest']:.2f}",
        flush=True,
    )
    return run


def draw(path: Path, folder: Path, results: dict, seeds: int) -> None:
    """A panel for each recipe, with one row per class; seed 0."""
    fig = figure(3.4 * len(results), 4.1)
    for axes, (name, runs) in zip(np.ravel(fig.subplots(1, len(results), squeeze=False)), results.items(), strict=True):
        with np.load(folder / f"{name}-0.npz", allow_pickle=False) as arrays:
            axes.imshow(image_grid(arrays["rows"], columns=10)[..., 0], cmap="gray")
        axes.set_title(
            f"{name}: {np.mean([r['bundled'] for r in runs]):.1%} as asked\nFrechet "
            f"{np.mean([r['frechet'] for r in runs]):.2f}, {runs[0]['seconds']:.0f} s",
            fontsize=9,
        )
        axes.set_yticks([14.5 + 29 * k for k in range(10)], map(str, range(10)))
        axes.set_xticks([])
    fig.suptitle(
        f"One digit per row, the same noise per column (seed 0; shares and Frechet distances: means of {seeds} seeds)",
        fontsize=10,
    )
    fig.tight_layout()
    save_figure(fig, path)


def draw_codes(path: Path, images: np.ndarray, codes: int) -> None:
    """A panel for each continuous code of InfoGAN."""
    fig = figure(5.2 * codes, 4.3)
    each = len(images) // codes
    for i, axes in enumerate(np.ravel(fig.subplots(1, codes, squeeze=False))):
        axes.imshow(image_grid(images[i * each : (i + 1) * each], columns=9)[..., 0], cmap="gray")
        axes.set_title(f"continuous code {i + 1}", fontsize=9)
        axes.set_xticks([14.5 + 29 * k for k in range(0, 9, 2)], ["-2", "-1", "0", "1", "2"])
        axes.set_yticks([])
        axes.set_xlabel("value of the code (trained on -1..1)")
    fig.suptitle(
        "InfoGAN: one code varies along each row, everything else is fixed.  What does each code change?", fontsize=10
    )
    fig.tight_layout()
    save_figure(fig, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--quick", action="store_true", help="only test that it runs: 20 steps each")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, seed, steps, second, out = options.one
        print(json.dumps(train(name, int(seed), int(steps), second, out)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    data = load("mnist-5k")
    order = np.random.default_rng(0).permutation(len(data.x))
    chosen = np.concatenate([order[data.labels[order] == k][:EACH] for k in range(10)])
    real = within(data.x[chosen], data.labels[chosen])
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as pool:
        folder = Path(temporary)
        scratchgan.set_num_threads(1)
        accuracy = second_classifier(folder / "second.npz", 60 if options.quick else 2400)
        print(
            f"second classifier: {accuracy:.1%} of the 1,000 held-out digits; real digits: MS-SSIM "
            f"{real['ms_ssim']:.3f}, nearest {real['nearest']:.2f}",
            flush=True,
        )
        jobs = [(name, seed) for name in options.only for seed in range(options.seeds)]
        runs = list(pool.map(lambda job: apart(*job, options, folder), jobs))
        results = {
            name: [run for (which, _), run in zip(jobs, runs, strict=True) if which == name] for name in options.only
        }
        draw(options.out / "conditional.png", folder, results, options.seeds)
        if "infogan-mnist" in results:
            with np.load(folder / "infogan-mnist-0.npz", allow_pickle=False) as arrays:
                draw_codes(
                    options.out / "conditional_codes.png", arrays["codes"], recipe.load("infogan-mnist").continuous
                )
    write_text(
        options.out / "conditional.json",
        json.dumps(
            {
                "second_classifier": accuracy,
                "bundled_classifier": load_classifier().facts.accuracy,
                "real": real,
                "results": results,
            },
            indent=1,
        )
        + "\n",
    )
    print(f"wrote {options.out}/conditional.json, conditional.png, conditional_codes.png")


if __name__ == "__main__":
    main()
