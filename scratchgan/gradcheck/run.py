"""Check the table of cases and print the errors: `scratchgan gradcheck`."""

from __future__ import annotations

from collections.abc import Sequence

from ..checks import one_of
from . import Report, cases

_PASSES = ("backward", "tangent", "tangent_backward", "adjoint", "step", "field's")


def select(names: Sequence[str] = ()) -> list[cases.Case]:
    """The cases whose name begins with one of `names` ("Conv2D"); all if `names` is empty.  ValueError for no match."""
    chosen = []
    for name in names:
        fits = [case for case in cases.CASES if case.name.lower().startswith(name.lower())]
        if not fits:
            known = dict.fromkeys(case.name.split(",")[0].split(" ")[0] for case in cases.CASES)
            one_of("gradcheck", "name", name, list(known))
        chosen += [case for case in fits if case not in chosen]
    return chosen if names else cases.CASES


def run(names: Sequence[str] = (), *, print=print) -> bool:
    """Check all cases and print one line per case; with `names`, check those and print every derivative.

    Returns True if all are within the tolerance.
    """
    chosen, reports = select(names), []
    if not names:
        print(f"{'largest error, in float64':<32}" + "".join(f"{step:>17}" for step in _PASSES))
    for case in chosen:
        reports.append(report := case.check())
        if names or not report.ok:
            print(str(report))
        else:
            print(f"{case.name:<32}" + "".join(f"{_worst(report, step):>17}" for step in _PASSES))
    wrong = [report.name for report in reports if not report.ok]
    rows = sum(len(report.rows) for report in reports)
    print(
        f"\n{len(reports)} cases, {rows} derivatives, largest error {max(r.max_error for r in reports):.1e}: "
        + (f"WRONG: {', '.join(wrong)}" if wrong else "all right")
    )
    return not wrong


def _worst(report: Report, step: str) -> str:
    errors = [row.error for row in report.rows if row.step.split(" ")[0] == step]
    return f"{max(errors):.1e}" if errors else "-"
