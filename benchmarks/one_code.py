"""Do the bits depend on what was compiled, or loaded from the cache, before?  They must not.

    python -m benchmarks.one_code [--kernels NAME ...] [--subsets 4]        every kernel
    python -m benchmarks.one_code --recipes [NAME ...] [--steps 20]         whole runs

Kernels: the results of all example calls, each set in a process of its own: with an empty cache; with the cache that
this has filled; with an empty cache again, in the opposite order; and after the functions that are inlined into kernels
(`compiling.inner`) have been compiled as functions of their own, all of them and random halves, with an empty cache
and with the filled one.

Recipes: the whole state after 20 steps, in a process whose kernels are compiled and in one that loads them, on one and
on two threads.

Prints what differs; the exit code is 1 if anything does.  Complete runs write benchmarks/results/one_code.json.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from scratchgan.files.atomic import write_text

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"


def digests_of_kernels(names: list[str], alone: dict[str, list[str]], share: float, seed: int) -> dict:
    """Call the examples of these kernels, in this order, and return their digests and the inner functions in use.

    alone    {inner function: the types of its arguments} of functions that are compiled by themselves first: a `share`
             of them, chosen at random
    """
    import numba

    from scratchgan.kernels import compiled  # noqa: F401 - the engines
    from scratchgan.kernels.compiled import compiling
    from scratchgan.kernels.examples import examples
    from scratchgan.kernels.registry import KERNELS, set_backend

    set_backend("numba")
    rng, count = np.random.default_rng(seed), 0
    for function in compiling.INNER:
        for types in alone.get(_name(function), ()):
            if rng.random() < share and not re.search(r"[a-zA-Z]\(", types):  # numba.types cannot read all it writes
                function.compile(eval(types, vars(numba.types)))
                count += 1
    found: dict[str, list[str]] = {name: [] for name in names}
    calls = list(examples(np.float32))
    for name in names:
        for _, arguments, keywords in (call for call in calls if call[0] == name):
            arguments = copy.deepcopy(arguments)
            result = KERNELS[name](*arguments, **keywords)
            sha = hashlib.sha256()
            for array in _arrays([result, arguments]):
                sha.update(np.ascontiguousarray(array).tobytes())
            found[name].append(sha.hexdigest()[:16])
    literal = re.compile(r"Literal\[int\]\(\d+\)")
    used = {_name(f): [literal.sub("int64", str(s)) for s in f.signatures] for f in compiling.INNER if f.signatures}
    return {"digests": found, "inner": used, "compiled alone": count}


def _name(function) -> str:
    return f"{function.py_func.__module__}.{function.__name__}"


def _arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _arrays(part)


def digest_of_recipe(name: str, steps: int) -> dict:
    """The digest of the whole state after some steps of a recipe."""
    from scratchgan.runs import build, recipe

    made, data = build.load_data(recipe.load(name))
    gan, stream = build.build_gan(made, data.example_shape), build.data_stream(made, data)
    with np.errstate(all="ignore"):
        for _ in range(steps):
            gan.train_step(*(stream.next_labelled() if getattr(gan, "conditional", False) else (stream.next(),)))
    sha = hashlib.sha256()
    for key, array in sorted(gan.state().items()):
        sha.update(key.encode() + np.ascontiguousarray(array).tobytes())
    return {"digest": sha.hexdigest()[:16]}


def apart(cache: Path, threads: int, **job) -> dict:
    """Do a job in a new process with a cache of kernels, and return its result."""
    variables = {
        **os.environ,
        "SCRATCHGAN_KERNEL_CACHE": str(cache),
        "SCRATCHGAN_KERNELS_AHEAD": "0",
        "NUMBA_NUM_THREADS": str(threads),
    }
    command = [sys.executable, "-m", "benchmarks.one_code", "--job", json.dumps(job)]
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def kernels(names: list[str], subsets: int, folder: Path) -> tuple[dict, list[str]]:
    """Compare the kernels' bits; returns what was found and a line for each difference."""
    cold = apart(folder / "a", 1, kernels=names)
    cases = {
        "loaded": apart(folder / "a", 1, kernels=names),
        "loaded, two threads": apart(folder / "a", min(2, os.cpu_count() or 1), kernels=names),
        "compiled in the opposite order": apart(folder / "b", 1, kernels=names[::-1]),
    }
    for k in range(subsets):
        share = 1.0 if k == 0 else 0.5
        what = {"kernels": names, "alone": cold["inner"], "share": share, "seed": k}
        some = "all inner functions" if k == 0 else f"half of the inner functions, choice {k},"
        cases[f"compiled after {some} compiled alone"] = apart(folder / f"c{k}", 1, **what)
        cases[f"loaded after {some} compiled alone"] = apart(folder / "a", 1, **what)
    wrong = [
        f"{name}: {case}"
        for case, found in cases.items()
        for name in names
        if found["digests"][name] != cold["digests"][name]
    ]
    counts = {case: found["compiled alone"] for case, found in cases.items()}
    return {"kernels": cold["digests"], "inner functions compiled alone": counts}, wrong


def recipes(names: list[str], steps: int, folder: Path) -> tuple[dict, list[str]]:
    """Compare whole runs; returns what was found and a line for each difference."""
    found, wrong = {}, []
    for name in names:
        cold_and_warm = [apart(folder / f"{name}-{n}", n, recipe=name, steps=steps) for n in (1, 1, 2, 2)]
        bits = [one["digest"] for one in cold_and_warm]
        found[name] = dict(zip(("cold, 1 thread", "warm, 1", "cold, 2 threads", "warm, 2"), bits, strict=True))
        print(f"  {name:<24}{' '.join(bits)}  {'equal' if len(set(bits)) == 1 else 'DIFFERENT'}", flush=True)
        wrong += [] if len(set(bits)) == 1 else [f"{name}: {found[name]}"]
    return found, wrong


def main() -> int:
    """Run the comparisons that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", nargs="*")
    parser.add_argument("--recipes", nargs="*")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--subsets", type=int, default=4)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job = json.loads(args.job)
        if "recipe" in job:
            result = digest_of_recipe(job["recipe"], job["steps"])
        else:
            result = digests_of_kernels(job["kernels"], job.get("alone", {}), job.get("share", 0), job.get("seed", 0))
        print(json.dumps(result))
        return 0
    from scratchgan.kernels.examples import examples
    from scratchgan.runs import recipe as r

    whole, wrong, report = not (args.kernels or args.recipes), [], {}
    with tempfile.TemporaryDirectory() as folder:
        if args.recipes is None:
            names = args.kernels or list(dict.fromkeys(name for name, _, _ in examples(np.float32)))
            report, wrong = kernels(names, args.subsets, Path(folder))
            print(f"{len(names)} kernels: {'equal in all cases' if not wrong else 'DIFFERENT'}")
            for case, count in report["inner functions compiled alone"].items():
                print(f"  {case}" + (f" ({count})" if count else ""))
        else:
            report, wrong = recipes(args.recipes or list(r.names()), args.steps, Path(folder))
    for line in wrong:
        print("different:", line)
    if whole:
        path = RESULTS / "one_code.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        part = "recipes" if args.recipes is not None else "functions"
        write_text(path, json.dumps({**before, part: report}, indent=1) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
