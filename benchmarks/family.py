"""GAN variants and the plain DCGAN on handwritten digits: seconds, Frechet distance, precision, recall, over seeds.

    python -m benchmarks.family [--seeds 0 1 2] [--only wgan-gp-mnist ...] [--checks 10] [--quick]

Each run trains an unchanged recipe in a separate process on one thread; two runs go on at the same time.  At `--checks`
points during a run, 2,000 samples are evaluated with the features of the bundled classifier, to compare the loss with
the quality of the samples; at the end, 5,000.  "Estimate" is -(d_loss - penalty), which for a Wasserstein critic
estimates the earth mover's distance.  Its rank correlation with the Frechet distance over these points is near 1 for any
two curves that fall, so it does not show that the loss indicates quality (chapter 08 takes the trend out).  (The first point comes after a tenth of the run: an untrained critic estimates nothing.)

Runs of other recipes and seeds that are already in family.json are kept: after a change to a recipe, run all its seeds
again.  All figures use features of scratchgan's own digit classifier, and are not comparable to published figures that
use Inception features.
Writes benchmarks/results/family.json, family.png (the samples) and family_estimates.png.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan.files.atomic import write_text
from scratchgan.plots import BLUE, ORANGE, figure, image_grid, save_figure

RESULTS = Path(__file__).parent / "results"
RECIPES = (
    "dcgan-mnist",
    "lsgan-mnist",
    "hinge-sngan-mnist",
    "wgan-clip-mnist",
    "wgan-gp-mnist",
    "dragan-mnist",
    "ragan-mnist",
    "r1-mnist",
    "r3gan-mnist",
)
FIGURES = ("frechet", "precision", "recall", "seconds")


def train(name: str, seed: int, checks: int, steps: int, samples: int, out: str) -> dict:
    """One run in this process; its last 64 samples go to `out`."""
    import scratchgan
    from scratchgan.metrics import frechet_distance, load_classifier, precision_recall
    from scratchgan.runs import build, recipe

    scratchgan.set_num_threads(1)
    settings, data = build.load_data(replace(recipe.load(name), seed=seed))
    settings = replace(settings, steps=steps or settings.steps)
    gan, stream = build.build_gan(settings, data.example_shape), build.data_stream(settings, data)
    judge = load_classifier()
    order = np.random.default_rng(0).permutation(len(data.x))
    real = judge.features(data.x[order])
    points, seconds, last = [], 0.0, settings.steps
    marks = {round(last * (i + 1) / checks) for i in range(checks)}
    recent: list[float] = []
    for step in range(1, last + 1):
        start = time.process_time()  # of this process alone: the other run does not count
        report = gan.train_step(stream.next())
        seconds += time.process_time() - start
        penalty = sum(value for key, value in report.items() if key.startswith("penalty"))
        recent = [*recent[-99:], -(report["d_loss"] - penalty)]
        if step in marks:
            fake = judge.features(gan.sample(samples, seed=1))
            points.append({"step": step, "estimate": float(np.mean(recent)), "frechet": frechet_distance(real, fake)})
    images = gan.sample(5000 if samples == 2000 else samples, seed=1)
    fake = judge.features(images)
    read = judge.classify(fake).argmax(axis=1)
    precision, recall = precision_recall(real[:2000], fake[:2000])
    np.save(out, images[:64])
    return {
        "seed": seed,
        "steps": last,
        "seconds": round(seconds, 1),
        "frechet": frechet_distance(real, fake),
        "precision": precision,
        "recall": recall,
        "classes": np.bincount(read, minlength=10).tolist(),
        "points": points,
    }


def apart(name: str, seed: int, options, folder: Path) -> dict:
    """`train` in a separate process."""
    out = folder / f"{name}-{seed}.npy"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.family",
            "--one",
            name,
            str(seed),
            str(options.checks),
            str(20 if options.quick else 0),
            str(200 if options.quick else 2000),
            str(out),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"{name}, seed {seed}: {done.stderr.strip().splitlines()[-1]}")
    run = json.loads(done.stdout)
    print(
        f"{name:<20} seed {seed}  {run['seconds']:>6.0f} s  Frechet {run['frechet']:>7.2f}  precision "
        f"{run['precision']:.3f}  recall {run['recall']:.3f}",
        flush=True,
    )
    return run


def rank_correlation(a, b) -> float:
    """Spearman's rank correlation: Pearson's correlation of the ranks."""
    ranks = [np.argsort(np.argsort(v)) for v in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1]) if len(a) > 1 else float("nan")


def draw_samples(path: Path, images: dict[str, np.ndarray], means: dict, seed: int) -> None:
    """A grid of samples for each recipe."""
    fig = figure(3.1 * 4, 4 * -(-len(images) // 4))
    for axes, (name, x) in zip(
        np.ravel(fig.subplots(-(-len(images) // 4), 4, squeeze=False)), images.items(), strict=False
    ):
        axes.imshow(image_grid(x)[..., 0], cmap="gray")
        axes.set_title(
            f"{name}\nFrechet {means[name]['frechet'][0]:.2f}, precision {means[name]['precision'][0]:.2f}, "
            f"recall {means[name]['recall'][0]:.2f}",
            fontsize=8,
        )
    for axes in fig.axes:
        axes.axis("off")
    fig.suptitle(
        f"Samples at the end of each recipe, seed {seed}; figures are means over seeds, computed with our own "
        "classifier's features",
        fontsize=10,
    )
    fig.tight_layout()
    save_figure(fig, path)


def draw_estimates(path: Path, results: dict) -> None:
    """D's estimate and the Frechet distance over training, for each recipe."""
    fig = figure(3.3 * 4, 2.9 * -(-len(results) // 4))
    for axes, (name, runs) in zip(
        np.ravel(fig.subplots(-(-len(results) // 4), 4, squeeze=False)), results.items(), strict=False
    ):
        beside = axes.twinx()
        for run in runs["runs"]:
            steps = [p["step"] for p in run["points"]]
            axes.plot(steps, [p["estimate"] for p in run["points"]], color=BLUE, linewidth=1)
            beside.semilogy(steps, [p["frechet"] for p in run["points"]], color=ORANGE, linewidth=1)
        axes.set_title(f"{name}: rank correlation {runs['rank_correlation']:.2f}", fontsize=8)
        axes.set_xlabel("training step", fontsize=7)
        axes.set_ylabel("-(D's loss without penalty)", fontsize=7, color=BLUE)
        beside.set_ylabel("Frechet distance", fontsize=7, color=ORANGE)
        for side in (axes, beside):
            side.tick_params(which="both", labelsize=6)
    fig.suptitle(
        "D's loss and the quality of the samples over time: two curves that both fall agree in rank, whatever they measure",
        fontsize=10,
    )
    fig.tight_layout()
    save_figure(fig, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--checks", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="only test that it runs: 20 steps each")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, *numbers, out = options.one
        print(json.dumps(train(name, *map(int, numbers), out)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    import tempfile

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        jobs = [(name, seed) for name in options.only for seed in options.seeds]
        runs = list(pool.map(lambda job: apart(*job, options, Path(folder)), jobs))
        images = {name: np.load(Path(folder) / f"{name}-{options.seeds[-1]}.npy") for name in options.only}
    path, kept = options.out / "family.json", {}
    if path.exists():
        kept = {
            name: {run["seed"]: run for run in found["runs"]}
            for name, found in json.loads(path.read_text())["results"].items()
        }
    for (name, seed), run in zip(jobs, runs, strict=True):
        kept.setdefault(name, {})[seed] = run
    results = {}
    for name in [name for name in RECIPES if name in kept]:
        own = [kept[name][seed] for seed in sorted(kept[name])]
        values = {key: np.array([run[key] for run in own]) for key in FIGURES}
        related = [
            rank_correlation([p["estimate"] for p in run["points"]], [p["frechet"] for p in run["points"]])
            for run in own
        ]
        results[name] = {
            "mean": {
                key: [float(v.mean()), float(v.std(ddof=1) / len(v) ** 0.5) if len(v) > 1 else None]
                for key, v in values.items()
            },
            "rank_correlation": float(np.mean(related)),
            "runs": own,
        }
    print(f"\n{'recipe':<20}{'seeds':>6}{'seconds':>9}{'Frechet':>16}{'precision':>11}{'recall':>9}{'rank corr.':>12}")
    for name, found in results.items():
        m = found["mean"]
        print(
            f"{name:<20}{len(found['runs']):>6}{m['seconds'][0]:>9.0f}{m['frechet'][0]:>9.2f} "
            f"+-{m['frechet'][1] or 0:.2f}{m['precision'][0]:>11.3f}{m['recall'][0]:>9.3f}"
            f"{found['rank_correlation']:>12.2f}"
        )
    write_text(path, json.dumps({"results": results}, indent=1) + "\n")
    if set(images) == set(results):  # the figure is drawn only if this run has samples of every recipe
        draw_samples(
            options.out / "family.png",
            images,
            {name: found["mean"] for name, found in results.items()},
            options.seeds[-1],
        )
    draw_estimates(options.out / "family_estimates.png", results)
    print(f"wrote {options.out}/family.json, family.png, family_estimates.png")


if __name__ == "__main__":
    main()
