"""Mutation testing: small faults (mutants) are put into the package one at a time; does a test fail?

    pip install mutmut==3.8.1 -e ".[test]"
    python -m benchmarks.mutants             # core, families, losses, penalties and dynamics in full
    python -m benchmarks.mutants --sample 320  # a seeded sample over layers/ and optim.py

mutmut works on a copy in a temporary folder. A mutant that survives is either a gap in the tests or *equivalent*: no
test can detect it, because no documented behaviour changes. `mutants_equivalent.toml` lists the equivalent mutants with
the reason, each as the line that mutmut removed and the line that replaced it; any other survivor lowers the score.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
#: the files under scratchgan/ that are mutated, and the tests that should fail
FULL = ["core.py", "families.py", "losses/*.py", "penalties.py", "dynamics.py"]
SAMPLED = ["layers/*.py", "optim.py"]
TESTS = {
    "full": [
        "tests/test_contract.py",
        "tests/test_core.py",
        "tests/test_gan.py",
        "tests/test_penalties.py",
        "tests/gradcheck",
        "tests/layers",
        "tests/losses",
    ],
    "sample": [
        "tests/test_arguments.py",
        "tests/test_contract.py",
        "tests/test_core.py",
        "tests/test_gan.py",
        "tests/test_optim.py",
        "tests/gradcheck",
        "tests/layers",
    ],
}
DESELECT = [
    # mutmut runs the tests in one process; this test starts other processes
    "tests/test_gan.py::test_same_bits_on_one_and_two_blas_threads",
    # uses random sizes: slow, and its failures are not reproducible
    "tests/layers/test_any_shape.py",
]
KILLED = {1, 3}  # mutmut's exit codes: a test failed; an error while collecting
SURVIVED, TIMEOUT, NO_TESTS = 0, {36, 24, -24, 152, 255}, 33


def missing(kind: str) -> list[str]:
    """The files, tests and deselected tests that are named above but do not exist (any more)."""
    files, tests = FULL if kind == "full" else SAMPLED, TESTS[kind]
    lost = [f"scratchgan/{name}" for name in files if not list((ROOT / "scratchgan").glob(name))]
    lost += [test for test in tests if not (ROOT / test).exists()]
    for test in DESELECT:
        path, _, name = test.partition("::")
        if not (ROOT / path).is_file() or (f"def {name}(" not in (ROOT / path).read_text() and name):
            lost.append(test)
    return lost


def workspace(folder: Path, kind: str) -> None:
    """A copy of the package and its tests in `folder`, with mutmut's settings."""
    for name in ("scratchgan", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    mutate = [f"scratchgan/{name}" for name in (FULL if kind == "full" else SAMPLED)]
    arguments = ["-p", "no:cacheprovider"]
    for test in DESELECT:
        arguments += ["--deselect", test]
    settings = [
        "",
        "[tool.mutmut]",
        'source_paths = ["scratchgan"]',
        f"only_mutate = {json.dumps(mutate)}",
        'also_copy = ["scratchgan", "tests", "README.md"]',
        f"pytest_add_cli_args_test_selection = {json.dumps(TESTS[kind])}",
        f"pytest_add_cli_args = {json.dumps(arguments)}",
        "",
    ]
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + "\n".join(settings))
    shutil.copy(ROOT / "README.md", folder)


def mutmut(folder: Path, *arguments: str, quiet: bool = False) -> str:
    """Run mutmut in `folder` on one BLAS thread, without a PYTHONPATH that may contain another copy of the package."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["OPENBLAS_NUM_THREADS"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
        check=False,
    )
    return done.stdout or ""


def outcomes(folder: Path) -> dict[str, int | None]:
    """{mutant: exit code of the tests that ran against it} (None: not run)."""
    found = {}
    for meta in sorted((folder / "mutants").rglob("*.meta")):
        found.update(json.loads(meta.read_text())["exit_code_by_key"])
    return found


def difference(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """(lines removed, lines added) by a mutant."""
    lines = mutmut(folder, "show", name, quiet=True).splitlines()
    pick = lambda sign: [line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3)]
    return pick("-"), pick("+")


def equivalent() -> dict[tuple[str, str], str]:
    """{(line removed, line added): why no test can detect the mutant}."""
    groups = tomllib.loads((HERE / "mutants_equivalent.toml").read_text())["group"]
    return {(old, new): group["reason"] for group in groups for old, new in group["mutants"]}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, metavar="N", help="N mutants of layers/ and optim.py instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--children", type=int, default=2, help="number of parallel processes (2)")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    parser.add_argument("--again", action="store_true", help="only the survivors in --keep, with the current tests")
    parser.add_argument("--dry-run", action="store_true", help="print what would be mutated and tested, and stop")
    options = parser.parse_args(argv)
    kind = "sample" if options.sample else "full"
    if lost := missing(kind):
        parser.error(f"missing: {', '.join(lost)}")
    if options.dry_run:
        files = [path for name in (FULL if kind == "full" else SAMPLED) for path in (ROOT / "scratchgan").glob(name)]
        print(f"{len(files)} files: {', '.join(str(path.relative_to(ROOT)) for path in sorted(files))}")
        print(f"tests: {', '.join(TESTS[kind])}")
        return 0
    folder = options.keep or Path(tempfile.mkdtemp(prefix="mutants-"))
    folder.mkdir(parents=True, exist_ok=True)
    run = ["run", "--max-children", str(options.children)]
    if options.again:
        chosen = [name for name, code in outcomes(folder).items() if code is not None]
        for tests in (folder / "tests", folder / "mutants" / "tests"):
            shutil.copytree(ROOT / "tests", tests, dirs_exist_ok=True)
        mutmut(folder, *run, *(name for name in chosen if outcomes(folder)[name] in (SURVIVED, NO_TESTS)))
    elif options.sample:
        workspace(folder, kind)
        mutmut(folder, *run, "no.such.mutant", quiet=True)  # creates the mutants without running any
        names = sorted(outcomes(folder))
        chosen = random.Random(options.seed).sample(names, options.sample)
        print(f"{len(chosen)} of {len(names)} mutants, seed {options.seed}")
        mutmut(folder, *run, *chosen)
    else:
        workspace(folder, kind)
        mutmut(folder, *run)
        chosen = sorted(outcomes(folder))
    codes = outcomes(folder)
    alive = [name for name in chosen if codes[name] not in KILLED and codes[name] not in TIMEOUT]
    reasons, known, holes = Counter(), equivalent(), []
    for name in alive:
        old, new = difference(folder, name)
        reason = known.get((" ".join(old), " ".join(new)))
        if reason:
            reasons[reason] += 1
        else:
            holes.append({"mutant": name, "exit": codes[name], "removed": old, "added": new})
    sought = len(chosen) - sum(reasons.values())
    result = {
        "kind": kind,
        "mutants": len(chosen),
        "equivalent": dict(reasons),
        "sought": sought,
        "killed": sought - len(holes),
        "score": round((sought - len(holes)) / max(sought, 1), 4),
        "survived": holes,
    }
    path = HERE / "results" / f"mutants_{kind}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    for hole in holes:
        print(f"\n{hole['mutant']} (exit {hole['exit']})")
        print("\n".join([f"  - {line}" for line in hole["removed"]] + [f"  + {line}" for line in hole["added"]]))
    print(
        f"\n{len(chosen)} mutants, {sum(reasons.values())} equivalent; of the other {sought}, {result['killed']} "
        f"were detected: {result['score']:.1%}. Wrote {path}"
    )
    if not options.keep:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
