"""The cost of checkpoints: their share of the training time, at each recipe's default interval.

    python -m benchmarks.checkpoint_cost [--seconds 20]

Steps and saves alternate in one process, so changes in the machine's speed affect both.  A save is the same as in
training: sync the log, then write all arrays to a temporary file, sync it and rename it.
Writes benchmarks/results/checkpoint_cost.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from scratchgan.files.atomic import write_text
from scratchgan.runs import build, recipe
from scratchgan.runs.facts import facts_of
from scratchgan.runs.train import Loop

RESULTS = Path(__file__).parent / "results"
RECIPES = ("dcgan-mnist", "dcgan-digits8", "mlp-ring", "mlp-1d", "wgan-gp-mnist", "cgan-mnist", "cyclegan-digits")


def measure(name: str, seconds: float, folder: Path) -> dict:
    """Median seconds of a step and of a save, and the share of the training time that saves take."""
    settings, data = build.load_data(recipe.load(name))
    settings = replace(settings, seed=0)
    gan, stream = build.build_gan(settings, data.example_shape), build.data_stream(settings, data)
    loop = Loop(settings, folder, gan, stream, data, None, facts_of(data))
    for _ in range(3):
        gan.train_step(*loop.batch())  # compiles the kernels
    steps: list[float] = []
    saves: list[float] = []
    with open(folder / "log.jsonl", "ab") as loop.log_file:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(saves) < 5:
            start = time.perf_counter()
            for _ in range(10):
                gan.train_step(*loop.batch())
            middle = time.perf_counter()
            loop.save()
            steps.append((middle - start) / 10)
            saves.append(time.perf_counter() - middle)
    step, save = statistics.median(steps), statistics.median(saves)
    return {
        "step": step,
        "save": save,
        "every": settings.checkpoint_every,
        "share": save / (save + settings.checkpoint_every * step),
        "bytes": (folder / "checkpoint.npz").stat().st_size,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    results = {}
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            found = results[name] = measure(name, options.seconds, Path(folder))
        print(
            f"{name:<18}step {1e3 * found['step']:>7.1f} ms   save {1e3 * found['save']:>6.1f} ms "
            f"({found['bytes'] / 1e6:.1f} MB)   every {found['every']:>5} steps: {found['share']:.2%} of the time",
            flush=True,
        )
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "checkpoint_cost.json", json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
