"""Kill a training run with SIGKILL at random moments, resume it, and compare its bits with an uninterrupted run.

    python -m benchmarks.kills [--kills 50] [--seed 0]

Two in five kills happen during a checkpoint write: before its bytes are synced, between sync and rename, or just after
the rename (a hook makes the child process kill itself there).  The others come from outside, at a random time between
the start of the process and its end; some hit the start-up, some the pictures at the end.  One run in three is killed a
second time while it is being resumed.  In the end, everything in the folder must have the same bits as in the folder of
the uninterrupted run: weights, moments, averages, running statistics, random states, log (except for the seconds) and
pictures.

Writes benchmarks/results/kills.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from scratchgan.files import checkpoint
from scratchgan.files.atomic import write_text

RESULTS = Path(__file__).parent / "results"
RECIPE = """name = "killed"
model = "mlp"
data = "ring"
steps = 400
batch_size = 64
hidden = [32, 32]
penalty = "r1"
ema_decay = 0.99
lr_schedule = "linear"
sample_every = 100
checkpoint_every = 7
log_every = 3
"""
#: a process that kills itself at the n-th write of a checkpoint, in one of three places
CHILD = """
import os, signal, sys
from scratchgan import cli
count, (n, place) = [0], map(int, sys.argv[1:3])
real_fsync, real_replace = os.fsync, os.replace
def die(): os.kill(os.getpid(), signal.SIGKILL)
def fsync(fd):
    if "/.checkpoint.npz" in os.readlink(f"/proc/self/fd/{fd}"):
        count[0] += 1
        if count[0] == n and place == 0: die()
    real_fsync(fd)
def replace(a, b):
    if str(b).endswith("checkpoint.npz") and count[0] == n and place == 1: die()
    real_replace(a, b)
    if str(b).endswith("checkpoint.npz") and count[0] == n and place == 2: die()
os.fsync, os.replace = fsync, replace
sys.exit(cli.main(sys.argv[3:]))
"""


def contents(folder: Path) -> dict:
    """Everything in the folder that must have the same bits."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", "checkpoint.npz")
    }
    arrays, meta = checkpoint.load(folder / "checkpoint.npz")
    files |= {f"checkpoint/{name}": (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}
    files |= {f"meta/{key}": value for key, value in meta.items() if key not in ("milliseconds", "log_bytes")}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    files["log"] = [{key: value for key, value in record.items() if key != "seconds"} for record in log]
    return files


def killed(command: list[str], rng: random.Random, seconds: float) -> str:
    """Run the command, kill it, and return where it was killed, or "survived" if it ended first."""
    if rng.random() < 0.4:
        n, place = rng.randrange(1, 45), rng.randrange(3)
        done = subprocess.run([sys.executable, "-c", CHILD, str(n), str(place), *command], capture_output=True)
        where = ("in a checkpoint, before sync", "in a checkpoint, before rename", "after a checkpoint's rename")[place]
        return where if done.returncode == -signal.SIGKILL else "survived"
    process = subprocess.Popen(
        [sys.executable, "-m", "scratchgan", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(rng.uniform(0, 1.1 * seconds))
    process.kill()
    return "from outside" if process.wait() == -signal.SIGKILL else "survived"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    rng, where, equal = random.Random(options.seed), Counter(), 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_text(folder / "killed.toml", RECIPE)
        train = ["train", str(folder / "killed.toml"), "--quiet", "--out"]
        scratchgan = [sys.executable, "-m", "scratchgan"]
        start = time.perf_counter()
        subprocess.run([*scratchgan, *train, str(folder / "whole")], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        whole, runs = contents(folder / "whole"), 0
        while sum(where.values()) - where["survived"] < options.kills:
            out = folder / f"run{runs}"
            runs += 1
            places = [killed([*train, str(out)], rng, seconds)]
            if rng.random() < 1 / 3 and (out / "recipe.toml").exists():
                places.append(killed(["resume", str(out), "--quiet"], rng, seconds))
            where.update(places)
            if not (out / "recipe.toml").exists():  # it was killed before it had created the run
                shutil.rmtree(out, ignore_errors=True)
                command = [*train, str(out)]
            else:
                command = ["resume", str(out), "--quiet"]
            done = subprocess.run([*scratchgan, *command], capture_output=True, text=True)
            found = contents(out) if done.returncode == 0 else {"exit": done.returncode, "said": done.stderr}
            differ = sorted(name for name in whole.keys() | found.keys() if whole.get(name) != found.get(name))
            equal += not differ
            print(
                f"{', '.join(places):<70}{'same bits' if not differ else f'DIFFERENT: {differ[:5]} {done.stderr}'}",
                flush=True,
            )
            shutil.rmtree(out)
    kills = sum(where.values()) - where["survived"]
    print(f"{kills} kills in {runs} runs: {dict(where)}; {equal} of {runs} end with the bits of the uninterrupted run")
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(
        options.out / "kills.json",
        json.dumps({"kills": kills, "runs": runs, "same_bits": equal, "where": where}, indent=1) + "\n",
    )
    return 0 if equal == runs else 1


if __name__ == "__main__":
    raise SystemExit(main())
