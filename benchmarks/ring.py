"""Eight Gaussians on a ring, over several seeds: modes found, share of high-quality samples, width of the modes.

    python -m benchmarks.ring [--seeds 5] [--recipe mlp-ring]

Writes benchmarks/results/<recipe>.json and .png.  The counts follow VEEGAN and PacGAN: 2,500 samples; a sample has high
quality if it is within 3 sigma of the nearest mode; a mode is found if it is nearest to at least one such sample.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from scratchgan.data import load
from scratchgan.files.atomic import replacing, write_text
from scratchgan.runs import recipe as recipes
from scratchgan.runs.train import train

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", default="mlp-ring")
    args = parser.parse_args()
    recipe = recipes.load(args.recipe)
    density = load(recipe.data)

    runs, clouds = [], []
    for seed in range(args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            run = train(replace(recipe, seed=seed), Path(folder) / "run")
        runs.append({"seed": seed, "seconds": round(run.seconds, 1), **asdict(run.modes)})
        clouds.append(run.gan.sample(2500, seed=seed + 1))
        print(f"seed {seed}: {run.seconds:.1f} s\n{run.modes}", flush=True)

    keys = ("modes_found", "high_quality", "reverse_kl", "within_mode_spread", "seconds")
    median = {key: float(np.median([r[key] for r in runs])) for key in keys}
    RESULTS.mkdir(exist_ok=True)
    write_text(
        RESULTS / f"{args.recipe}.json",
        json.dumps({"recipe": args.recipe, "steps": recipe.steps, "median": median, "runs": runs}, indent=1) + "\n",
    )
    draw(RESULTS / f"{args.recipe}.png", density, runs, clouds)
    print("median:", median)


def draw(path: Path, density, runs, clouds) -> None:
    """One panel per seed: the samples, the modes found and the share of high-quality samples."""
    figure = Figure(figsize=(2.6 * len(runs), 3.2), layout="constrained")
    for axes, run, cloud in zip(np.ravel(figure.subplots(1, len(runs))), runs, clouds, strict=True):
        axes.scatter(*density.modes.T, s=60, facecolors="none", edgecolors="#D55E00", linewidths=1, label="modes")
        axes.scatter(*cloud.T, s=1, color="#0072B2", alpha=0.4, label="samples")
        axes.set(
            aspect="equal",
            xlabel="x1",
            ylabel="x2",
            title=f"seed {run['seed']}: {run['modes_found']} of "
            f"{run['n_modes']} modes,\n{100 * run['high_quality']:.0f} % within 3 sigma",
        )
        axes.title.set_fontsize(9)
    figure.suptitle(f"{path.stem}: samples and modes for each seed; look for bridges between the modes", fontsize=10)
    with replacing(path) as file:
        figure.savefig(file, format="png", dpi=110)


if __name__ == "__main__":
    main()
