"""How the time and memory of a DCGAN training step grow with the batch size, the resolution and the width.

    python -m benchmarks.scaling [--threads N] [--repeats 7] [--quick]

One of the three varies at a time; the others stay at batch size 64, 28 pixels, width 64.  Each setting is measured in a
separate process: the median time of a training step, the peak of resident memory, and how much of that was added after
the imports and one tiny step, which loads the kernels ("own" memory).  "Exponent" is the slope of a straight line
fitted to the logarithms: 1 is proportional, 2 quadratic.  The exponent of the time should not exceed that of the
counted operations.  (The resolution also changes the depth: 28 pixels are halved twice, 32 three times, 64 four times.)

Writes benchmarks/results/scaling.json and .png; --quick, with two tiny settings each, writes nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
STANDARD = {"batch": 64, "resolution": 28, "width": 64}
VARIED = {"batch": (16, 32, 64, 128, 256), "resolution": (28, 32, 64), "width": (32, 64, 128)}
QUICK = {"batch": (2, 4), "resolution": (8, 16), "width": (4, 8)}
QUICK_STANDARD = {"batch": 4, "resolution": 8, "width": 4}


def memory(which: str) -> float:
    """Resident memory of this process in MB: its peak ("VmHWM") or its present value ("VmRSS").

    Where there is no /proc, both are the peak from getrusage.  That is the second choice, because on Linux a new
    process inherits this peak from its parent.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(which)) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1024)


def measure(batch: int, resolution: int, width: int, threads: int | None, repeats: int) -> dict[str, float]:
    """Measure a setting in this process: one step to warm up, then `repeats` timed steps."""
    import scratchgan
    from scratchgan.models import dcgan
    from scratchgan.runs import bench

    if threads is not None:
        scratchgan.set_num_threads(threads)
    real = np.random.default_rng(0).uniform(-1, 1, (batch, resolution, resolution, 1)).astype(np.float32)
    dcgan(resolution, 1, 2, 2, seed=0).train_step(real[:2])
    before = memory("VmRSS")
    gan = dcgan(resolution, 1, 100, width, seed=0)
    gan.train_step(real)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        gan.train_step(real)
        seconds.append(time.perf_counter() - start)
    peak = memory("VmHWM")
    return {
        "ms": 1e3 * float(np.median(seconds)),
        "gflop": bench.step_flops(gan, batch) / 1e9,
        "peak_mb": peak,
        "own_mb": max(peak - before, 0.1),
        "threads": bench.present_threads(),
    }


def fresh(setting: dict[str, int], threads: int | None, repeats: int) -> dict[str, float]:
    """`measure` in a new process."""
    arguments = json.dumps({**setting, "threads": threads, "repeats": repeats})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scaling", "--measure", arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def exponent(sizes, values) -> float:
    """The slope of a straight line fitted to log value against log size."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def draw(path: Path, tables: dict, exponents: dict, facts: dict) -> None:
    from scratchgan.plots import BLUE, VERMILLION, figure, save_figure

    fig = figure(11, 4.2)
    for axes, (varied, rows) in zip(fig.subplots(1, len(tables)), tables.items(), strict=True):
        sizes, found = [row[varied] for row in rows], exponents[varied]
        axes.loglog(sizes, [row["ms"] for row in rows], "o-", color=BLUE, label="ms per step")
        axes.loglog(sizes, [row["own_mb"] for row in rows], "s--", color=VERMILLION, label="own MB")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        values = [row[what] for row in rows for what in ("ms", "own_mb")]
        steps = [m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5)]
        ticks = [step for step in steps if min(values) / 2 <= step <= max(values) * 2]
        axes.set_yticks(ticks, [f"{tick:,g}" for tick in ticks])
        axes.set(
            xlabel={"batch": "batch size", "resolution": "pixels per side", "width": "width (channels)"}[varied],
            ylabel="ms or MB",
            title=f"exponents in {varied}: time {found['ms']:.2f},\n"
            f"operations {found['gflop']:.2f}, memory {found['own_mb']:.2f}",
        )
        axes.title.set_fontsize(9)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    fig.suptitle(
        "A DCGAN training step: the time should not grow faster than the number of operations "
        f"({facts['cpu']}, threads: {facts['threads']})",
        fontsize=10,
    )
    fig.tight_layout()
    save_figure(fig, path)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="default: the package's default")
    parser.add_argument("--repeats", type=int, default=7, help="timed steps per setting (7)")
    parser.add_argument("--quick", action="store_true", help="only test that it runs: tiny settings, one step")
    parser.add_argument("--out", type=Path, help="folder for scaling.json and scaling.png")
    parser.add_argument("--measure", metavar="JSON", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        print(json.dumps(measure(**json.loads(options.measure))))
        return 0
    standard, varied = (QUICK_STANDARD, QUICK) if options.quick else (STANDARD, VARIED)
    repeats, out = (1, options.out) if options.quick else (options.repeats, options.out or RESULTS)

    fresh(standard, options.threads, 1)  # compiles the kernels, if need be
    tables, exponents = {}, {}
    print("     batch  resolution   width         ms    GFLOP  GFLOP/s   own MB    peak MB")
    for name, sizes in varied.items():
        tables[name] = []
        for size in sizes:
            row = {**standard, name: size}
            row.update(fresh(row, options.threads, repeats))
            tables[name].append(row)
            print(
                f"{row['batch']:>10}{row['resolution']:>12}{row['width']:>8}{row['ms']:>11.2f}{row['gflop']:>9.3f}"
                f"{1e3 * row['gflop'] / row['ms']:>9.1f}{row['own_mb']:>9.1f}{row['peak_mb']:>11.1f}",
                flush=True,
            )
        exponents[name] = {
            what: exponent(sizes, [row[what] for row in tables[name]]) for what in ("ms", "gflop", "own_mb", "peak_mb")
        }
        print(
            f"  exponents in {name}: time {exponents[name]['ms']:.2f}, operations {exponents[name]['gflop']:.2f}, "
            f"own memory {exponents[name]['own_mb']:.2f}"
        )
    if out:
        from scratchgan.files.atomic import write_text
        from scratchgan.runs import bench

        facts = {**bench.machine(), "threads": tables["batch"][0]["threads"]}
        out.mkdir(parents=True, exist_ok=True)
        write_text(
            out / "scaling.json",
            json.dumps({"machine": facts, "repeats": repeats, "exponents": exponents, "settings": tables}, indent=1)
            + "\n",
        )
        draw(out / "scaling.png", tables, exponents, facts)
        print(f"wrote {out / 'scaling.json'} and {out / 'scaling.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
