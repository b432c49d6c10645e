"""Fuzzing: what do our file readers do with tens of thousands of damaged files?

    python -m benchmarks.fuzz                         # 20,000 mutants per reader
    python -m benchmarks.fuzz --inputs 500 --only npz image

For each reader, valid seed files are mutated (`fuzz_mutators`), written, and read in a separate process.  Its memory is
limited, and an audit hook records everything that must not happen while a file is read: code is compiled or run, a
process is started, a pickle is opened, a file is written, a connection is made.  The possible outcomes are

    ok        the file was read (the change was harmless)
    clear     ValueError or OSError with a message of one line that names the file
    unclear   any other exception, or a message of several lines, or one that does not name the file
    crash     the process ended, hung, or needed more memory than the limit
    slow      over 2 s of processor time (not of wall time, because the machine may be busy with other work)

Input i of reader r depends on (--seed, r, i) only: `--only npz --start 123 --inputs 1 --show` repeats a single input.
Writes results/fuzz.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

from . import fuzz_mutators as mutators
from . import fuzz_pictures as pictures
from .fuzz_seeds import seeds

RESULT = Path(__file__).parent / "results" / "fuzz.json"
SLOW = 2.0  # s of processor time
MEMORY = 1 << 30  # bytes of address space that a reader may use in addition to those of the process at its start
MOST_MB = 800  # of a process: the largest image that is read, 25 million pixels, takes up to 600 to decode
SILENCE = 600  # s without output from a process, after which it counts as hung
#: audit events that must not happen while a file is read; for "open", only opening for writing
FORBIDDEN = (
    "compile",
    "exec",
    "import",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "subprocess.Popen",
    "pickle.find_class",
    "marshal.",
    "ctypes.",
    "socket.",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.putenv",
    "shutil.",
    "code.__new__",
    "function.__new__",
    "urllib.",
    "webbrowser.",
    "tempfile.",
)


# ---- the readers: how to mutate their files, and how to read them


def reader(name: str):
    """(the mutator, the file's name, read(path)) of a reader."""
    from scratchgan.data import load_path
    from scratchgan.files import checkpoint
    from scratchgan.runs import recipe
    from scratchgan.runs.build import build_gan, restore

    if name == "checkpoint":
        gans = [
            build_gan(recipe.from_dict(settings), shape)
            for settings, shape in (
                ({"model": "mlp", "hidden": [4, 4], "latent_dim": 3, "ema_decay": 0.9}, (2,)),
                ({"model": "dcgan", "width": 2, "latent_dim": 3, "optimizer": "rmsprop"}, (8, 8, 1)),
            )
        ]

        def read(path):
            arrays, _ = checkpoint.load(path)
            state = {key[4:]: value for key, value in arrays.items() if key.startswith("gan/")}
            try:
                gans["ema_steps" not in state].load_state(state)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None  # as build.restore does

        return mutators.archive, "checkpoint.npz", read
    if name == "run":
        return mutators.archive, "checkpoint.npz", restore
    if name == "image":
        return mutators.image, "images/a.png", lambda path: load_path(path.parent, image_size=8, channels=3)
    if name in pictures.KINDS:
        options = {"image_size": 8, "channels": 3}
        return pictures.picture(name), f"images/a.{name}", lambda path: load_path(path.parent, **options)
    if name == "zip":
        return pictures.pictures_in_zip, "data.zip", lambda path: load_path(path, image_size=8, channels=3)
    if name == "recipe":
        return mutators.recipe, "recipe.toml", recipe.load
    return getattr(mutators, {"npz": "archive"}.get(name, name)), f"data.{name}", load_path


READERS = ("checkpoint", "run", "idx", "npy", "npz", "image", *pictures.KINDS, "zip", "recipe")


# ---- one process, one reader


class Canary:
    """Counts forbidden audit events while `watching` is true."""

    def __init__(self):
        self.watching, self.seen = False, Counter()
        sys.addaudithook(self.hook)

    def test(self, path):
        """Check that the hook works: it must count the two events caused here."""
        self.watching = True
        compile("0", "canary", "eval")
        path.write_bytes(b"")
        self.watching = False
        if self.seen.total() < 2:
            raise RuntimeError(f"the audit hook does not work: it saw {dict(self.seen)}")
        self.seen.clear()

    def hook(self, event, args):
        if not self.watching:
            return
        if event == "open":
            mode, flags = args[1], args[2]
            if (isinstance(mode, str) and set(mode) & set("wax+")) or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.seen[f"open for writing: {args[0]}"] += 1
        elif event.startswith(FORBIDDEN):
            self.seen[f"{event} {str(args[0])[:60] if args and event == 'import' else ''}".strip()] += 1


def judge(error: BaseException, path: Path) -> str:
    """The outcome for a file whose reading raised `error`: "clear", "unclear" or "crash"."""
    message = str(error)
    if isinstance(error, MemoryError):
        return "crash"
    if not isinstance(error, (ValueError, OSError)) or "\n" in message or len(message) > 3000:
        return "unclear"
    return "clear" if path.name in message or path.parent.name + "/" in message else "unclear"


def once(read, path: Path, canary: Canary) -> tuple[str, float, BaseException | None]:
    """Read one file: (outcome, seconds of processor time, the error or None)."""
    start, outcome, fault = time.process_time(), "ok", None
    canary.watching = True
    try:
        read(path)
    except BaseException as error:
        canary.watching = False
        outcome, fault = judge(error, path), error
    canary.watching = False
    return outcome, time.process_time() - start, fault


def work(name: str, start: int, inputs: int, seed: int, show: bool) -> None:
    """Read inputs start ... start + inputs - 1; print a line of JSON from time to time, and one at the end."""
    import encodings.cp437
    import encodings.idna  # noqa: F401

    import scratchgan

    scratchgan.set_num_threads(1)
    warnings.simplefilter("error")
    mutate, filename, read = reader(name)
    found = seeds(name)
    counts, faults, slowest = Counter(), [], 0.0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / filename
        path.parent.mkdir(exist_ok=True)
        canary = Canary()
        canary.test(path)
        for content in found:  # imports and compiles what it ever will
            path.write_bytes(content)
            with contextlib.suppress(ValueError):
                read(path)
        if name in ("image", "zip", *pictures.KINDS):
            from PIL import Image

            Image.init()
            import PIL.MpoImagePlugin  # noqa: F401
        before = memory()
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        for i in range(start, start + inputs):
            rng = random.Random(f"{seed}/{name}/{i}")
            with warnings.catch_warnings(action="ignore"):  # zipfile, of two members of one name
                path.write_bytes(mutate(rng.choice(found), rng, found))
            if i % 100 == 0:
                print(json.dumps({"at": i}), flush=True)
            seen = canary.seen.total()
            outcome, seconds, fault = once(read, path, canary)
            slowest = max(slowest, seconds)
            counts[outcome] += 1
            counts["slow"] += seconds > SLOW
            if outcome in ("unclear", "crash") or seconds > SLOW or canary.seen.total() > seen:
                if len(faults) < 40:
                    where = traceback.extract_tb(fault.__traceback__)[-1] if fault else None
                    faults.append(
                        {
                            "input": i,
                            "outcome": outcome,
                            "seconds": round(seconds, 2),
                            "error": f"{type(fault).__name__}: {fault}"[:300],
                            "where": f"{Path(where.filename).name}:{where.lineno}" if where else "",
                        }
                    )
            if show:
                print(outcome, f"{seconds:.3f} s", path.stat().st_size, "bytes", type(fault).__name__, fault)
        print(
            json.dumps(
                {
                    "done": True,
                    "counts": counts,
                    "faults": faults,
                    "slowest": slowest,
                    "events": canary.seen,
                    "before": before,
                    "peak": memory(),
                }
            ),
            flush=True,
        )


def memory() -> int:
    """Peak resident memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# ---- all of it


def fuzz(name: str, inputs: int, seed: int, start: int = 0) -> dict:
    """Fuzz one reader; a process that ends early counts as a crash, and another one continues after these inputs."""
    from tqdm import tqdm

    counts, faults, events, peak, before, slowest, began = Counter(), [], Counter(), 0, 0, 0.0, time.time()
    at, end = start, start + inputs
    with tqdm(total=inputs, desc=name, unit="file") as bar:
        while at < end:
            step, done = min(2000, end - at), None
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.fuzz",
                    "--worker",
                    name,
                    "--start",
                    str(at),
                    "--inputs",
                    str(step),
                    "--seed",
                    str(seed),
                ],
                stdout=subprocess.PIPE,
            )
            reached = at
            while select.select([process.stdout], [], [], SILENCE)[0] and (line := process.stdout.readline()):
                said = json.loads(line)
                reached = said.get("at", reached)
                bar.n = reached - start
                bar.refresh()
                done = said if said.get("done") else done
            if process.poll() is None and done is None:
                process.kill()
            code = process.wait()
            if done is None:  # the crash was at one of the hundred inputs after the last report
                counts["crash"] += 1
                faults.append({"input": reached, "outcome": f"the process ended with {code}, or hung, in these 100"})
                at = reached + 100
                continue
            counts.update(done["counts"])
            events.update(done["events"])
            faults += done["faults"]
            peak, before, slowest = max(peak, done["peak"]), max(before, done["before"]), max(slowest, done["slowest"])
            at += step
    keys = ("ok", "clear", "unclear", "crash", "slow")
    return {
        "inputs": inputs,
        **{key: counts[key] for key in keys},
        "forbidden_events": dict(events),
        "slowest_seconds": round(slowest, 3),
        "peak_mb": round(peak / 1e6),
        "peak_mb_with_sound_files": round(before / 1e6),
        "seconds": round(time.time() - began),
        "faults": faults[:20],
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, metavar="N", help="for each reader (20000)")
    parser.add_argument(
        "--only", nargs="+", choices=READERS, default=READERS, metavar="READER", help=", ".join(READERS)
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, metavar="I", help="the first input (0)")
    parser.add_argument("--show", action="store_true", help="read in this process and print the outcome of each input")
    parser.add_argument("--worker", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument(
        "--out", type=Path, default=RESULT, help="default: results/fuzz.json; the results of other readers are kept"
    )
    options = parser.parse_args(argv)
    if options.worker or options.show:
        for name in [options.worker] if options.worker else options.only:
            work(name, options.start, options.inputs, options.seed, options.show)
        return 0
    result = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.only:
        result[name] = fuzz(name, options.inputs, options.seed, options.start)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        print(name, {key: value for key, value in result[name].items() if key != "faults"})
    bad = [
        name
        for name in options.only
        if result[name]["unclear"]
        or result[name]["crash"]
        or result[name]["slow"]
        or result[name]["forbidden_events"]
        or result[name]["peak_mb"] > MOST_MB
    ]
    print(f"faults in {', '.join(bad)}: see {options.out}" if bad else f"no faults; written to {options.out}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
