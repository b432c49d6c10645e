"""Mode collapse in two dimensions: the plain GAN and each remedy under one protocol, on the ring and on the grid.

    python -m benchmarks.modes [--seeds 5] [--seconds 60] [--only gan r1+r2 ...] [--data ring grid] [--best]

One protocol    All methods use the same nets (MLP 2-128-128-128-2 with ReLU, 2-128-128-128-1 with LeakyReLU), noise
                N(0, I2), new batches of 256 at each step, and Adam with beta1 = 0.5 and lr = 1e-3 for both players,
                with linear decay over the second half.  A method changes only the settings in METHODS.
Budget          Each run gets the same time, not the same number of steps: 300 steps of each method are timed first, and
                the runs take as many steps as fit.  The number of steps is in the file, and a run with that number
                and that seed gives the same bits.  Two single-threaded runs go on at the same time; seconds are
                processor time, which depends less on the load of the machine than wall time.
Counting        As in VEEGAN and PacGAN: 2,500 samples; a sample has high quality if it is within 3 sigma of the nearest
                mode; a mode is found if it is nearest to at least one such sample.  Perfect samples score 98.89 %.

Differences from PacGAN's protocol (theirs in brackets): the ring has sigma 0.02 (0.01; the grid is the same); new
batches are drawn from the density (from 100,000 fixed samples); the nets are smaller (G 4 x 400 with BatchNorm, D 3 x
200 maxout units of 5 pieces); the batch is larger (100); the learning rate is ten times theirs, and decays; beta1 is
0.5 (0.8); there are 5 or 10 seeds (10).  The protocols of VEEGAN and Unrolled GAN differ from both; PUBLISHED quotes
the figures of all three as printed.

--best runs 10 seeds each of the best remedy with its own settings (BEST), the plain GAN with the same settings but no
remedy, and the plain GAN of the protocol, for the number of steps in BEST_STEPS.
Writes benchmarks/results/modes.json and .png (modes_best.* with --best).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from scratchgan.files.atomic import write_text
from scratchgan.plots import BLUE, ORANGE, SKY, VERMILLION, figure, save_figure

RESULTS = Path(__file__).parent / "results"
BASE = {"hidden": (128, 128, 128), "lr_g": 1e-3, "lr_d": 1e-3, "lr_schedule": "linear"}
BATCH, SAMPLES = 256, 2500
METHODS = {
    "gan": {},
    "label smoothing": {"label_smoothing": 0.1},
    "two time-scales": {"lr_d": 4e-3},
    "EMA of G": {"ema_decay": 0.999},
    "instance noise": {"instance_noise": 0.3},
    "minibatch std": {"minibatch": "std"},
    "minibatch discrimination": {"minibatch": "discrimination"},
    "feature matching": {"g_objective": "feature-matching"},
    "PacGAN2": {"packing": 2},
    "PacGAN4": {"packing": 4},
    "unrolled 1": {"unroll": 1},
    "unrolled 5": {"unroll": 5},
    "WGAN-GP": {
        "loss": "wasserstein",
        "penalty": "wgan-gp",
        "penalty_weight": 10.0,
        "d_steps": 5,
        "beta1": 0.0,
        "beta2": 0.9,
    },
    "R1": {"penalty": "r1", "penalty_weight": 0.1},
    "R1 + R2": {"penalty": "r1+r2", "penalty_weight": 0.1},
    "R1 + R2, EMA": {"penalty": "r1+r2", "penalty_weight": 0.1, "ema_decay": 0.999},
}
TUNED = {"lr_g": 3e-3, "lr_d": 3e-3, "beta1": 0.0, "beta2": 0.99}
BEST = {
    "gan": {},
    "gan, Adam as below": TUNED,
    "R1 + R2, EMA, tuned": {**TUNED, "penalty": "r1+r2", "penalty_weight": 0.1, "ema_decay": 0.999},
}
BEST_STEPS = {"ring": 8000, "grid": 15000}
#: (method, modes found, share of high-quality samples) as printed in the papers
PUBLISHED = {
    "ring": [
        ("GAN (VEEGAN's table 1)", 1, 0.993),
        ("Unrolled (VEEGAN's table 1)", 7.6, 0.356),
        ("VEEGAN", 8, 0.529),
        ("GAN (PacGAN's table 1)", 6.3, 0.982),
        ("PacGAN2", 7.9, 0.956),
        ("PacGAN4", 7.8, 0.959),
    ],
    "grid": [
        ("GAN (VEEGAN's table 1)", 3.3, 0.005),
        ("Unrolled (VEEGAN's table 1)", 23.6, 0.16),
        ("VEEGAN", 24.6, 0.40),
        ("GAN (PacGAN's table 1)", 17.3, 0.948),
        ("PacGAN2", 23.8, 0.913),
        ("PacGAN4", 24.8, 0.936),
    ],
}
FIGURES = ("modes_found", "high_quality", "reverse_kl", "within_mode_spread")


def train(method: str, data: str, seed: int, steps: int) -> dict:
    """One run in this process, on one thread; returns the figures and the seconds."""
    import scratchgan
    from scratchgan.data import load
    from scratchgan.metrics import mode_report
    from scratchgan.models import mlp_gan

    scratchgan.set_num_threads(1)
    density, rng = load(data), np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1000,)))
    gan = mlp_gan(2, 2, seed=seed, total_steps=steps, **{**BASE, **(METHODS | BEST)[method]})
    start = time.process_time()
    for _ in range(steps):
        report = gan.train_step(density.sample(BATCH, rng=rng))
        if not math.isfinite(report["d_loss"]):
            return {"seed": seed, "diverged_at": gan.steps}
    seconds = time.process_time() - start
    found = mode_report(gan.sample(SAMPLES, seed=seed + 1), density)
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        **{key: getattr(found, key) for key in FIGURES},
        "counts": found.counts,
    }


def apart(method: str, data: str, seed: int, steps: int) -> dict:
    """`train` in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.modes", "--one", method, data, str(seed), str(steps)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise RuntimeError(f"{method}, {data}, seed {seed}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def steps_that_fit(method: str, data: str, seconds: float, probe: int) -> int:
    """The number of steps, a multiple of 100, that take about `seconds` while two runs go on at the same time."""
    with ThreadPoolExecutor(2) as pool:
        times = [run["seconds"] / probe for run in pool.map(lambda seed: apart(method, data, seed, probe), (900, 901))]
    return max(100, round(seconds / max(times) / 100) * 100)


def summary(runs: list[dict]) -> dict:
    """Mean and standard error of each figure over the runs that did not diverge."""
    whole = [run for run in runs if "diverged_at" not in run]
    result = {"diverged": len(runs) - len(whole)}
    for key in (*FIGURES, "seconds"):
        values = np.array([math.nan if run[key] is None else run[key] for run in whole], float)
        error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
        result[key] = [float(values.mean()) if len(values) else math.nan, error]
    return result


def draw(path: Path, results: dict) -> None:
    """Modes found and share of high-quality samples of each method, with standard errors, and the published figures."""
    fig = figure(13, 0.34 * max(len(r) for r in results.values()) * len(results) + 2.2 * len(results))
    axes = np.atleast_2d(fig.subplots(len(results), 2))
    for row, (data, methods) in zip(axes, results.items(), strict=True):
        total, names = 8 if data == "ring" else 25, list(methods)
        took = [methods[name]["summary"]["seconds"][0] for name in names]
        budget = f"{len(methods[names[0]]['runs'])} seeds, {min(took):.0f} to {max(took):.0f} s each"
        labels = names + [f"{name}, as published" for name, _, _ in PUBLISHED[data]]
        places = range(len(labels))
        for axis, key, published, scale in ((row[0], "modes_found", 1, 1), (row[1], "high_quality", 2, 100)):
            middle = [scale * methods[name]["summary"][key][0] for name in names]
            error = [0 if math.isnan(e := methods[name]["summary"][key][1]) else scale * e for name in names]
            axis.barh(
                range(len(names)),
                middle,
                xerr=error,
                capsize=2,
                color=[VERMILLION if n.startswith("gan") else BLUE for n in names],
            )
            axis.barh(
                range(len(names), len(labels)),
                [scale * p[published] for p in PUBLISHED[data]],
                color=[ORANGE if "GAN (" in p[0] else SKY for p in PUBLISHED[data]],
            )
            axis.set_yticks(places, labels if published == 1 else [""] * len(labels), fontsize=8)
            axis.invert_yaxis()
            axis.grid(axis="x", alpha=0.3)
        row[0].axvline(total, color="black", linestyle="--", linewidth=1)
        row[1].axvline(98.89, color="black", linestyle="--", linewidth=1)
        row[0].set(xlabel=f"modes found, of {total}", title=f"{data}: modes found  (dashed: all)\n{budget}")
        row[1].set(xlabel="samples within 3 sigma of a mode (%)", title=f"{data}: quality  (dashed: perfect samples)\n")
    fig.suptitle(
        "Which remedy keeps the modes?  Bars are means, whiskers standard errors; light blue and orange: "
        "as published, under other protocols",
        fontsize=11,
    )
    fig.tight_layout(rect=(0, 0, 1, 0.98))
    save_figure(fig, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", nargs="+", choices=[*METHODS, *BEST], default=None, metavar="METHOD")
    parser.add_argument("--data", nargs="+", choices=("ring", "grid"), default=["ring", "grid"])
    parser.add_argument("--best", action="store_true")
    parser.add_argument("--probe", type=int, default=300, help="steps that are timed beforehand")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        method, data, seed, steps = options.one
        print(json.dumps(train(method, data, int(seed), int(steps))))
        return
    seeds = options.seeds or (10 if options.best else 5)
    table, path = BEST if options.best else METHODS, options.out / ("modes_best" if options.best else "modes")
    options.out.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.with_suffix(".json").read_text())["results"] if path.with_suffix(".json").exists() else {}
    print(
        f"{'data':<6}{'method':<26}{'steps':>7}{'modes':>14}{'high quality':>16}{'reverse KL':>18}{'spread':>8}{'s':>6}"
    )
    for data in options.data:
        found = results.setdefault(data, {})
        for method in options.only or table:
            steps = BEST_STEPS[data] if options.best else steps_that_fit(method, data, options.seconds, options.probe)
            with ThreadPoolExecutor(2) as pool:
                runs = list(pool.map(lambda seed, m=method, d=data, n=steps: apart(m, d, seed, n), range(seeds)))
            found[method] = {"steps": steps, "settings": table[method], "summary": summary(runs), "runs": runs}
            print(line(data, method, steps, found[method]["summary"]), flush=True)
            text = json.dumps({"base": BASE, "batch": BATCH, "results": results}, indent=1)
            write_text(path.with_suffix(".json"), text + "\n")
    draw(path.with_suffix(".png"), results)
    print(f"wrote {path}.json and .png")


def line(data: str, method: str, steps: int, found: dict) -> str:
    """A row of the printed table."""
    modes, quality, kl, spread, took = (found[key] for key in (*FIGURES, "seconds"))
    return (
        f"{data:<6}{method:<26}{steps:>7}{modes[0]:>8.2f} +-{modes[1]:.2f}{100 * quality[0]:>9.1f} +-"
        f"{100 * quality[1]:.1f} %{kl[0]:>11.3f} +-{kl[1]:.3f}{spread[0]:>8.2f}{took[0]:>6.0f}"
        + (f"  {found['diverged']} diverged" if found["diverged"] else "")
    )


if __name__ == "__main__":
    main()
