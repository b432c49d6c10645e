"""Training steps beside a process that keeps one core busy for ever, as a browser or a neighbour in a class room does.

    python -m benchmarks.beside [--rounds 15] [--only dcgan mlp]

For each work, in turns: this package on one thread and on two, and PyTorch (if it is installed) on one and on two, each
in a process of its own.  First beside a process that counts in an endless loop, then on the machine as it is.  Each
ratio is the time on two threads over the time on one, the median over the rounds with quartiles.

Complete runs write benchmarks/results/beside.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

import scratchgan
from scratchgan.files.atomic import write_text
from scratchgan.runs import bench

from .peer_process import Peer
from .peer_works import STEP_WORKS, Sizes

RESULTS = Path(__file__).parent / "results"
US = "scratchgan"
TORCH = {"dcgan": "PyTorch channels_last, fused Adam", "mlp": "PyTorch eager, fused Adam"}
MODULES = {US: "benchmarks.beside", "PyTorch": "benchmarks.peer_torch_process"}


def serve(threads: int, item: str, sizes: Sizes) -> None:
    """Answer the same commands as peer_torch_process, with the steps of this package."""
    scratchgan.set_num_threads(threads)
    step = STEP_WORKS[item](sizes).ours(np.float32)[1]
    call = bench.clock(step)
    for line in sys.stdin:
        what = "version" if line.strip() == "version" else json.loads(line)
        print(json.dumps(call(what[2]) if what[0] == "time" else scratchgan.__version__), flush=True)


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Within it, one process of this machine counts without end."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def sides(item: str, sizes: Sizes, stack: contextlib.ExitStack) -> dict[str, bench.Clock]:
    """{"scratchgan, 1 thread": its clock, ...} of the processes that could be started."""
    found: dict[str, bench.Clock] = {}
    for who, module in MODULES.items():
        for threads in (1, 2):
            backend = "numpy" if who != US else "numba"
            try:
                peer = Peer(module, threads, item, json.dumps(asdict(sizes)), SCRATCHGAN_BACKEND=backend)
            except RuntimeError as error:
                print(f"{item}: {who} left out: {error}")
                continue
            stack.callback(peer.close)
            mode = TORCH[item] if who != US else ""
            if who != US:
                peer.ask(json.dumps(["check", mode]))
            name = f"{who}, {threads} thread" + "s" * (threads > 1)
            found[name] = lambda n, peer=peer, mode=mode: peer.ask(json.dumps(["time", mode, n]))
    return found


def measure(item: str, rounds: int) -> dict:
    """{where: {side: ms, ratio of two threads to one}}."""
    report: dict[str, dict] = {}
    sizes = Sizes(seconds=1.0, settle=0.05)
    for where, around in (("beside a busy process", busy), ("alone", contextlib.nullcontext)):
        with contextlib.ExitStack() as stack:
            clocks = sides(item, sizes, stack)
            with around():
                times = bench.interleaved(clocks, rounds, seconds=sizes.seconds, settle=sizes.settle)
        report[where] = {name: {"ms": 1e3 * float(np.median(taken))} for name, taken in times.items()}
        print(f"\n{item}, {where}")
        for name, row in report[where].items():
            who = name.split(",")[0]
            one = times[f"{who}, 1 thread"]
            if "2 threads" in name:
                row["ratio"], *row["quartiles"] = bench.ratio(times[name], one)
            print(
                f"  {name:<28}{row['ms']:>9.2f} ms" + (f"   {row['ratio']:.2f} of one thread" if "ratio" in row else "")
            )
    return report


def main() -> int:
    """Measure what is asked for."""
    if len(sys.argv) == 4 and sys.argv[1].isdigit():
        serve(int(sys.argv[1]), sys.argv[2], Sizes(**json.loads(sys.argv[3])))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=sorted(TORCH), default=sorted(TORCH))
    args = parser.parse_args()
    report = {"machine": bench.machine("torch"), **{item: measure(item, args.rounds) for item in args.only}}
    if len(args.only) == len(TORCH):
        write_text(RESULTS / "beside.json", json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
