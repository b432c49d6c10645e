"""The GAN out of the learner's functions at the end of chapter 04, on five seeds.

    python -m benchmarks.capstone [--settings as_it_is slow_d fast_d] [--seeds 5]

The code is that of the chapter's cells; the functions are the package's answers to the exercises.  Modes found, and the share of
points within 3 sigma, of G and of the running mean of its weights, halfway and at the end, are added to
benchmarks/results/capstone.json.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np

from scratchgan.data import load
from scratchgan.exercises.borrowed import Borrowed
from scratchgan.files.atomic import write_text

CHAPTER = Path(__file__).parents[1] / "notebooks" / "source" / "04_training_step_by_step.py"
RESULTS = Path(__file__).parent / "results" / "capstone.json"
SETTINGS = {"as_it_is": {}, "slow_d": {"lr_d": 1e-4}, "fast_d": {"lr_d": 4e-3}}
FUNCTIONS = {
    "layer_forward": "03.dense_forward",
    "layer_backward": "03.dense_backward",
    "bend_backward": "03.leaky_relu_backward",
    "d_gradient": "02.d_loss_gradient",
    "g_gradient": "02.g_loss_gradient",
    "adam": "04.adam_step",
}


def code() -> str:
    """The cell of the chapter that defines `ring_gan`."""
    (cell,) = [c for c in re.split(r"^# %%.*$", CHAPTER.read_text(), flags=re.MULTILINE) if "\ndef ring_gan" in c]
    return cell


def names(**functions) -> dict:
    """The names after that cell has run, with the package's functions where none is given."""
    made = {name: functions.get(name, Borrowed(exercise)) for name, exercise in FUNCTIONS.items()}
    made |= {"np": np, "ring": load("ring")}
    exec(code(), made)
    return made


def quality(points: np.ndarray) -> dict:
    """Modes found, and the share within 3 sigma."""
    ring = load("ring")
    count, share = Borrowed("04.modes_found"), Borrowed("04.high_quality")
    return {
        "modes": count(points, ring.modes, ring.sigmas[0]),
        "share": round(share(points, ring.modes, ring.sigmas[0]), 4),
    }


def run(seed: int, **options) -> dict:
    """One GAN."""
    start = time.perf_counter()
    seen = names()["ring_gan"](seed, **options)
    (_, half, end), seconds = seen.values(), time.perf_counter() - start
    parts = {"half": half[0], "half_mean": half[1], "end": end[0], "end_mean": end[1]}
    return {"seed": seed, **{part: quality(points) for part, points in parts.items()}, "seconds": round(seconds, 1)}


def main() -> None:
    """Run what is asked for and add it to the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    for setting in args.settings:
        rows = []
        for seed in range(args.seeds):
            rows.append(run(seed, **SETTINGS[setting]))
            print(setting, rows[-1], flush=True)
        there = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        write_text(RESULTS, json.dumps(there | {setting: rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
