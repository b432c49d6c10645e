"""The speed of this package and its peers on the same work, with the same number of threads.

    python -m benchmarks.peers [--threads 1 2] [--repeats 15] [--only dcgan mlp critic products convolutions] [--quick]

    dcgan           a training step of DCGAN-28, batch 64                 PyTorch in five modes, TensorFlow in two
    mlp             a training step of an MLP GAN on points, batch 256    PyTorch, JAX, TensorFlow
    critic          a step of a WGAN-GP critic, batch 64                  PyTorch with double backward
    products        the matrix products of such steps                     NumPy's BLAS
    convolutions    the three products of D's second convolution          oneDNN, through PyTorch

Before anything is timed, both sides get the same weights, data and noise, and must compute the same (`same_work`).
Then they alternate, A B A B ...; the result is the median of the ratios of the rounds, with quartiles.  Before each
turn there is a pause and a call that is not timed, so waiting threads of the other side have stopped spinning by then.
The training steps of PyTorch, JAX and TensorFlow run in separate processes, where neither this package's memory settings
nor its threads affect them.  "best" marks the peer with the smallest ratio in this run.  Next to each time is the share of it
that the counted products alone would take at the rate of this package's fastest large product, with the same number of
threads, in this run.

Complete runs write benchmarks/results/peers.json and .png; with --only or --quick nothing is written unless --out is
given.  A peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.files.atomic import write_text
from scratchgan.plots import BLUE, VERMILLION, figure, save_figure
from scratchgan.runs import bench

from .peer_works import ITEMS, Sizes, Trial

RESULTS = Path(__file__).parent / "results"
US = "scratchgan"


def measure(item: str, trial: Trial, threads: int, rate: float, repeats: int, sizes: Sizes) -> dict:
    """Time all sides in turns; print the results and return them as they are written to the file."""
    times = bench.interleaved({US: trial.ours, **trial.peers}, repeats, seconds=sizes.seconds, settle=sizes.settle)
    best = min(trial.peers, key=lambda who: bench.ratio(times[who], times[US])[0], default=None)  # hardest to beat
    print(
        f"\n{trial.name}, threads: {threads}; {trial.flops / 1e9:.3g} GFLOP of products, "
        f"{1e3 * trial.flops / rate:.3g} ms at {rate / 1e9:.0f} GFLOP/s",
        flush=True,
    )
    sides = {}
    for who, taken in times.items():
        low, median, high = np.percentile(taken, [25, 50, 75])
        sides[who] = {
            "ms": 1e3 * median,
            "quartiles_ms": [1e3 * low, 1e3 * high],
            "gflops": trial.flops / median / 1e9,
            "products_share": trial.flops / rate / median,
        }
        line = (
            f"  {who:<42}{1e3 * median:>9.3f} ms{sides[who]['gflops']:>8.1f} GFLOP/s"
            f"{sides[who]['products_share']:>7.0%} products"
        )
        if who != US:
            ratio, low, high = bench.ratio(taken, times[US])
            sides[who].update(ratio=ratio, ratio_quartiles=[low, high], rounds=list(taken / times[US]))
            line += f"   {ratio:.3f} [{low:.3f}, {high:.3f}] of our time" + ("  best" if who == best else "")
        print(line)
    return {
        "item": item,
        "name": trial.name,
        "threads": threads,
        "gflop": trial.flops / 1e9,
        "best": best,
        "sides": sides,
    }


def geometric_mean(found: list[dict], threads: int) -> dict | None:
    """All products in one figure: the geometric mean of the ratios in each round, then its median and quartiles."""
    rounds = [
        one["sides"][one["best"]]["rounds"] for one in found if one["item"] == "products" and one["threads"] == threads
    ]
    if not rounds:
        return None
    low, median, high = np.percentile(np.exp(np.mean(np.log(rounds), axis=0)), [25, 50, 75])
    print(
        f"\nproducts, threads: {threads}; geometric mean: NumPy's BLAS takes {median:.3f} [{low:.3f}, {high:.3f}] "
        "of our time"
    )
    return {"threads": threads, "ratio": median, "ratio_quartiles": [low, high]}


def draw(path: Path, found: list[dict], facts: dict) -> None:
    """For each work and number of threads, the time of the best peer divided by ours."""
    names = list(dict.fromkeys(one["name"] for one in found))
    rivals = [one for one in found if one["best"]]
    ahead = sum(one["sides"][one["best"]]["ratio"] > 1 for one in rivals)
    fig = figure(9, 1.6 + 0.42 * len(names))
    axes = fig.subplots()
    axes.axvline(1, color="black", linewidth=1)
    several = sorted({one["threads"] for one in rivals})
    for i, threads in enumerate(several):
        marker, colour, shift = "os^D"[i % 4], (BLUE, VERMILLION)[i % 2], 0.12 * (2 * i - len(several) + 1)
        own = [one for one in rivals if one["threads"] == threads]
        middle = np.array([one["sides"][one["best"]]["ratio"] for one in own])
        ends = np.array([one["sides"][one["best"]]["ratio_quartiles"] for one in own]).T
        axes.errorbar(
            middle,
            [names.index(one["name"]) + shift for one in own],
            fmt=marker,
            color=colour,
            capsize=2,
            xerr=np.abs(ends - middle),
            label=f"{threads} thread{'s' * (threads > 1)}",
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set(
        xlabel="time of the fastest peer / our time (median of rounds; the bar spans the quartiles)",
        title=f"Right of the line scratchgan is faster than its fastest peer: {ahead} of {len(rivals)}\n"
        f"{facts['cpu']}, {facts['cores']} cores; NumPy {facts['numpy']}, PyTorch {facts['torch']}, "
        f"JAX {facts['jax']}",
    )
    axes.title.set_fontsize(10)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False)
    fig.tight_layout()
    save_figure(fig, path)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1 2, up to the number of cores")
    parser.add_argument("--repeats", type=int, default=15, help="rounds (15)")
    parser.add_argument("--only", nargs="+", choices=ITEMS, default=list(ITEMS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="only test that it runs: tiny sizes, no torch.compile")
    parser.add_argument("--eager", action="store_true", help="PyTorch without torch.compile, which takes minutes")
    parser.add_argument("--out", type=Path, help="folder for peers.json and peers.png")
    options = parser.parse_args(argv)
    sizes = Sizes(8, 8, 16, False, 0.002) if options.quick else Sizes(compiled=not options.eager)
    repeats = 2 if options.quick else options.repeats
    out = options.out or (RESULTS if not options.quick and options.only == list(ITEMS) else None)

    facts = bench.machine("torch", "jax", "jaxlib", "threadpoolctl")
    facts["load"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    if facts["load"] and facts["load"] > 0.5:
        print("the machine is busy: other processes delay threads that wait for each other, so times are unreliable")
    result = {
        "machine": facts,
        "rounds": repeats,
        "torch_compile": sizes.compiled,
        "best_rate_gflops": {},
        "trials": [],
        "products": [],
    }
    for threads in options.threads or [n for n in (1, 2) if n <= facts["cores"]]:
        scratchgan.set_num_threads(threads)
        rate = bench.best_rate(batch=sizes.batch, width=sizes.width)
        result["best_rate_gflops"][threads] = rate / 1e9
        for item in options.only:
            with contextlib.ExitStack() as stack:
                for trial in ITEMS[item](sizes, threads, stack):
                    result["trials"].append(measure(item, trial, threads, rate, repeats, sizes))
        mean = geometric_mean(result["trials"], threads)
        result["products"] += [mean] if mean else []
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "peers.json", json.dumps(result, indent=1) + "\n")
        draw(out / "peers.png", result["trials"], facts)
        print(f"\nwrote {out / 'peers.json'} and {out / 'peers.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
