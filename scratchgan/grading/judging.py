"""Grading one notebook: run it in its process, and judge the functions that it offers, here."""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..exercises import names
from ..exercises.checking import OPEN, SOLVED, WRONG, Verdict, find, judge
from .beside import copy_files
from .calls import library_calls
from .kernel import Gone, Kernel, Limits, Offer, Told, started
from .needs import needing
from .submission import HANDED, Submission

MISSING, SLOW, ENDED, NOT_ASKED = "no such function", "no answer in time", "ended the process", "not asked"
BETTER = [NOT_ASKED, MISSING, ENDED, SLOW, OPEN, WRONG, SOLVED]  # the last is the best
MOST_RUNS = 4
MANY = 5  # different functions for one exercise


@dataclass
class Grade:
    """What came out: as in `table.GradeRow`, for one notebook.

    look   what a teacher should look at, because grading cannot tell what it means
    """

    exercises: dict[str, str]
    status: str = "ran"
    hints: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    look: list[str] = field(default_factory=list)


def grade_submission(submission: Submission, path: Path, chapter: str, limits: Limits, prefix: str = "") -> Grade:
    """Run a notebook and judge its answers to the exercises of a chapter.

    A cell that ends the process is left out when the others are run again; so is an exercise whose function does.
    """
    grade = Grade({name: NOT_ASKED for name in names() if name.startswith(f"{chapter}.")})
    left_out: set[int] = set()
    for _ in range(MOST_RUNS):
        cells = [(number, source) for number, source in submission.code if number not in left_out]
        guilty = _run(grade, submission, path, chapter, cells, limits, prefix)
        if guilty is None or not guilty:
            break
        left_out.add(guilty)
    return grade


def _run(
    grade: Grade, submission: Submission, path: Path, chapter: str, cells: list, limits: Limits, prefix: str
) -> int | None:
    """Run cells and judge functions; return None if all were judged, otherwise the number of the cell that ended the
    process, or -1 if a function did.
    """
    kernel, guilty = None, None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place) / "notebook"
        folder.mkdir()
        _add(grade.notes, copy_files(path.parent, folder, prefix))
        try:
            with started(folder, limits, _told(submission, chapter)) as kernel:
                kernel.run(cells)
                for name in grade.exercises:
                    if grade.exercises[name] not in (ENDED, SOLVED):
                        _judge(kernel, name, submission.functions.get(name, []), grade)
        except Gone as error:
            grade.status = "stopped" if "stopped" in str(error) else "crashed"
            guilty = kernel.cell if kernel and kernel.cell else -1 if kernel else 0
            _add(grade.notes, [f"cell {guilty}, which was left out: {error}" if guilty and guilty > 0 else str(error)])
    if kernel is not None:
        _describe(grade, kernel, submission)
    return guilty


def _told(submission: Submission, chapter: str) -> Told:
    others = []
    for name in submission.solved - {name for name in names() if name.startswith(f"{chapter}.")}:
        if name in names():
            others.append(name)
    handed = {}
    if chapter in HANDED:
        module = importlib.import_module(f"scratchgan.exercises.ch{chapter}")
        handed = {name: getattr(module, name) for name in HANDED[chapter] if hasattr(module, name)}
    return Told(chapter, names(), others, handed)


def _describe(grade: Grade, kernel: Kernel, submission: Submission) -> None:
    """Notes on what happened in the process."""
    calls_solved = {number for number, source in submission.code if "solved(" in source}
    waiting = _waiting(grade, kernel, submission)
    if waiting:
        _add(grade.notes, [_why(waiting)])
    for problem in kernel.problems:
        number = _cell(problem)
        if number in waiting:
            continue
        if number in calls_solved and " raised " in problem:
            problem += " (it uses the package's solutions, which are not given out while grading)"
        elif grade.status == "ran" and number:
            grade.status = "ran with errors"
        _add(grade.notes, [problem])
    for number, kind, what in kernel.reports:
        where = f"cell {number}" if number else "a function"
        if kind == "exit":
            _add(grade.notes, [f"{where} calls {what}: the process went on, and the other cells ran"])
        elif kind == "printed":
            _add(grade.notes, [f"{where} printed {what}"])
        elif kind == "handed":
            _add(grade.look, [f"{what} returns what the notebook's own list of patients says"])
        elif kind in ("solutions", "notebook", "command"):
            _add(grade.look, [f"{where} {what}"])


def _cell(problem: str) -> int:
    """The number of the cell that a problem is about, 0 if it is about none."""
    return int(problem.split()[1]) if problem.startswith("cell ") else 0


def _waiting(grade: Grade, kernel: Kernel, submission: Submission) -> dict[int, list[str]]:
    """{number of a cell that raised an error: the unsolved exercises that it needs}, for cells that need one."""
    unsolved = {
        name: {name.split(".")[1], *(text for text in submission.functions.get(name, []) if text.isidentifier())}
        for name, status in grade.exercises.items()
        if status not in (SOLVED, NOT_ASKED)
    }
    stopped = {_cell(problem) for problem in kernel.problems if " raised " in problem}
    return needing(submission.code, unsolved, stopped)


def _why(waiting: dict[int, list[str]]) -> str:
    """One sentence for all cells that wait for an exercise."""
    cells = [str(number) for number in waiting]
    missing = list(dict.fromkeys(name for needed in waiting.values() for name in needed))
    which = f"cells {', '.join(cells[:-1])} and {cells[-1]}" if len(cells) > 1 else f"cell {cells[0]}"
    names = f"{', '.join(missing[:-1])} and {missing[-1]} are" if len(missing) > 1 else f"{missing[0]} is"
    return f"{which} stopped because {names} not solved"


def _judge(kernel: Kernel, name: str, expressions: list[str], grade: Grade) -> None:
    """Fill in the best verdict on what is offered for one exercise; the first of equally good ones.  Raises Gone."""
    offers: list[Offer] = []
    try:
        offers, tried, replaced = kernel.offers(name, expressions)
        if tried > MANY:
            _add(grade.look, [f"{name}: {tried} different functions were passed to check"])
        if replaced:
            _add(grade.look, ["at its end, check is a function of its own"])
    except (ValueError, KeyError, TypeError, TimeoutError):
        offers = []
    best, chosen = Verdict(name, MISSING), None
    for offer in offers:
        verdict = _verdict(kernel, name, offer.number, grade)
        if BETTER.index(verdict.status) > BETTER.index(best.status):
            best, chosen = verdict, offer
        if best.ok:
            break
    if BETTER.index(best.status) >= BETTER.index(grade.exercises[name]):
        grade.exercises[name] = best.status
        grade.hints.pop(name, None)
        if best.hint:
            grade.hints[name] = best.hint
    if chosen is not None and best.ok:
        if chosen.place != "name" and offers[0].place == "name":
            own = name.split(".")[1]
            _add(grade.notes, [f"{name}: a function that was passed to check is right; {own} itself is not"])
        if found := chosen.calls - library_calls(find(name).solution):
            _add(grade.look, [f"{name} uses {', '.join(sorted(found)[:3])}"])


class _Unanswered(BaseException):
    """There was no answer.  A BaseException, since `judge` treats every Exception as one of the student's function."""

    def __init__(self, status: str, gone: Gone | None = None):
        super().__init__(status)
        self.status, self.gone = status, gone


def _verdict(kernel: Kernel, name: str, number: int, grade: Grade) -> Verdict:
    """The verdict on one function.  Raises Gone if it ends the process."""

    def ask(given: dict[str, Any], seed: int) -> Any:
        try:
            return kernel.ask(name, number, given)
        except TimeoutError:
            raise _Unanswered(SLOW) from None
        except Gone as error:
            raise _Unanswered(ENDED, error) from None

    try:
        return judge(name, ask, np.random.default_rng())
    except _Unanswered as error:
        if error.gone is not None:
            grade.exercises[name] = ENDED
            raise error.gone from None
        return Verdict(name, error.status)


def _add(lines: list[str], more: list[str]) -> None:
    lines += [line for line in more if line not in lines]
