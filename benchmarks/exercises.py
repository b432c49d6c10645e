"""The checker of the exercises, tried: right answers in unusual forms, and wrong ones, a hundred times each.

    python -m benchmarks.exercises [--runs 100] [--only 03.dense_forward ...]

    right   must be accepted each time
    wrong   must never be accepted: the known mistakes of each exercise, and the table WRONG of tests/course/answers;
            a known mistake must get its own hint each time
    factor  of a wrong number the verdict may say "X times" only if X is simple: 2, 1/2, 4, 1/4, pi, log 2, -1, or the
            length of an argument, or one over these

Complete runs write benchmarks/results/exercises.json; the exit code is 1 if anything was misjudged.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
from pathlib import Path

import numpy as np

from scratchgan.exercises import check, names
from scratchgan.exercises.checking import SOLVED, WRONG, find
from scratchgan.files.atomic import write_text

RESULTS = Path(__file__).parent / "results"
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
SIMPLE = re.compile(r" is (minus )?(2|1/2|4|1/4|pi|1/pi|log 2|1/log 2|\d+|1/\d+) (times|of)")


def statuses(name: str, answer, runs: int) -> list:
    """The verdicts on an answer, on input drawn anew each time."""
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        return [check(name, answer) for _ in range(runs)]


def judge(name: str, right: dict, wrong: dict, runs: int) -> dict:
    """What was tried for an exercise, and what was misjudged, a sentence each."""
    exercise, misjudged = find(name), []
    for form, answer in right.items():
        if refused := [verdict for verdict in statuses(name, answer, runs) if verdict.status != SOLVED]:
            misjudged.append(f"right, {form}: refused in {len(refused)} of {runs}: {refused[0].hint}")
    factors = set()
    for what, answer in {**exercise.mistakes, **wrong}.items():
        verdicts = statuses(name, answer, runs)
        if accepted := [verdict for verdict in verdicts if verdict.status != WRONG]:
            misjudged.append(f"wrong, {what}: {accepted[0].status} in {len(accepted)} of {runs}")
        if what in exercise.mistakes and (n := sum(not verdict.hint.startswith(what) for verdict in verdicts)):
            misjudged.append(f"wrong, {what}: without its hint in {n} of {runs}")
        told = {verdict.hint for verdict in verdicts if "where does that factor come from" in verdict.hint}
        factors |= {hint for hint in told if not hint.startswith("Every entry") and not SIMPLE.search(hint)}
    misjudged += [f"factor: {hint}" for hint in sorted(factors)]
    return {"right": len(right), "wrong": len(wrong) + len(exercise.mistakes), "misjudged": misjudged}


def main() -> int:
    """Try what is asked for."""
    from course.answers import tables

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--only", nargs="+", metavar="EXERCISE", default=list(names()))
    args = parser.parse_args()
    right, wrong = tables()
    report = {}
    for name in args.only:
        report[name] = judge(name, right.get(name, {}), wrong.get(name, {}), args.runs)
        print(f"{name:<28}{report[name]['right']:>4} right{report[name]['wrong']:>4} wrong", flush=True)
        print("".join(f"    {line}\n" for line in report[name]["misjudged"]), end="")
    faults = sum(len(row["misjudged"]) for row in report.values())
    tried = sum(row["right"] + row["wrong"] for row in report.values())
    print(f"{len(report)} exercises, {tried} answers, {args.runs} runs each: {faults} misjudged")
    if len(report) == len(names()):
        write_text(RESULTS / "exercises.json", json.dumps({"runs": args.runs, "exercises": report}, indent=1) + "\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
