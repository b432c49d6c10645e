"""Grading notebooks: one row for each, and the CSV file with all rows."""

from __future__ import annotations

import csv
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..exercises import names
from ..exercises.checking import SOLVED, Verdict, judge
from ..files.atomic import write_text
from ..files.console import progress_bar
from .beside import copy_files
from .kernel import Gone, started
from .submission import read

MISSING, SLOW, NOT_ASKED = "no such function", "no answer in time", "not asked"


@dataclass
class GradeRow:
    """The result for one notebook.

    file       its path within the folder
    chapter    such as "03"; "" if unknown
    status     "ran", "ran with errors", "stopped", "crashed", "unreadable" or "no chapter of the course"
    exercises  name -> "solved", "not solved yet", "not right yet", "no such function", "no answer in time", "not asked"
    hints      name -> the hint that `check` gives for this answer
    notes      what a teacher should look at, one sentence each
    seconds    how long grading took
    """

    file: str
    chapter: str = ""
    status: str = "ran"
    exercises: dict[str, str] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(status == SOLVED for status in self.exercises.values())


def notebooks(folder: Path) -> list[Path]:
    """Sorted paths of all notebooks in a folder and its sub-folders, without hidden files and folders."""
    return sorted(
        path
        for path in folder.rglob("*.ipynb")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def grade(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    seconds: float = 600,
    cell_seconds: float = 180,
    progress: bool = True,
) -> tuple[list[GradeRow], Path]:
    """Grade all notebooks in a folder; return their rows and the path of the CSV file.

    The CSV file is written again after each notebook, so that an interruption loses nothing.

    out            path of the CSV file; default: FOLDER/grades.csv
    seconds        time limit for one whole notebook
    cell_seconds   time limit for one cell
    progress       show a progress bar

    Raises FileNotFoundError if there is no such folder or no notebook in it, ValueError for time limits below one
    second, ImportError without nbclient.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not (found := notebooks(folder)):
        raise FileNotFoundError(f"{folder}: there is no notebook (*.ipynb) in it")
    for name, value in (("seconds", seconds), ("cell_seconds", cell_seconds)):
        if not value >= 1:
            raise ValueError(f"grade: {name} must be at least 1, got {value}")
    _needs_nbclient()
    out = Path(out) if out is not None else folder / "grades.csv"
    rows: list[GradeRow] = []
    for path in _with_progress(found, progress):
        rows.append(grade_one(path, str(path.relative_to(folder)), seconds=seconds, cell_seconds=cell_seconds))
        write_text(out, as_csv(rows))
    return rows, out


def grade_one(
    path: str | Path, file: str | None = None, *, seconds: float = 600, cell_seconds: float = 180
) -> GradeRow:
    """Run one notebook in a separate process, and check the functions that it defines."""
    path = Path(path)
    row, start = GradeRow(file or path.name), time.monotonic()
    try:
        submission = read(path)
    except (ValueError, OSError) as error:
        row.status = "unreadable"
        row.notes.append(str(error))
        return row
    row.chapter, row.notes = submission.chapter, list(submission.odd)
    row.exercises = {name: NOT_ASKED for name in names() if name.startswith(f"{row.chapter}.")}
    if not row.exercises:
        row.status, row.chapter = "no chapter of the course", ""
        return row
    cells = list(submission.notebook.cells)
    died = _run_and_ask(row, path, cells, submission.functions, seconds, cell_seconds)
    if died:  # the number of the cell in which the process ended: run only the cells before it
        _run_and_ask(row, path, cells[: died - 1], submission.functions, seconds, cell_seconds)
        row.notes.append(f"this happened in cell {died}: only the cells before it were graded")
    unknown = {SOLVED, NOT_ASKED} | ({MISSING, SLOW} if died else set())  # later cells may have had the function
    row.notes += [
        f"its saved output says that {name} is solved, but it is not"
        for name in sorted(submission.claimed)
        if row.exercises.get(name, SOLVED) not in unknown
    ]
    row.seconds = time.monotonic() - start
    return row


def _run_and_ask(
    row: GradeRow, path: Path, cells: list, functions: dict[str, str], seconds: float, cell_seconds: float
) -> int:
    """Run cells and functions in a copy of the notebook's folder, and fill in the row; return the number of the cell
    that ended the process, or 0.
    """
    kernel = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        row.notes += [note for note in copy_files(path.parent, Path(folder)) if note not in row.notes]
        try:
            with started(Path(folder), seconds=seconds, cell_seconds=cell_seconds) as kernel:
                try:
                    kernel.run(cells)
                    for name in row.exercises:
                        verdict = _asked(kernel, name, functions.get(name, ""))
                        row.exercises[name] = verdict.status
                        if verdict.hint:
                            row.hints[name] = verdict.hint
                finally:
                    row.notes += [problem for problem in kernel.problems if problem not in row.notes]
                    if row.status == "ran" and kernel.problems:
                        row.status = "ran with errors"
        except Gone as error:
            row.status = "stopped" if "stopped" in str(error) else "crashed"
            row.notes.append(str(error))
            return kernel.cell if kernel else 0
    return 0


def as_csv(rows: list[GradeRow]) -> str:
    """The table as CSV text: one line per notebook, one column per exercise."""
    columns = sorted({name for row in rows for name in row.exercises})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "chapter", "status", "solved", "of", "percent", "seconds", *columns, "hints", "notes"])
    for row in rows:
        share = f"{100 * row.solved / len(row.exercises):.0f}" if row.exercises else ""
        writer.writerow(
            [
                _plain(value)
                for value in (
                    row.file,
                    row.chapter,
                    row.status,
                    row.solved,
                    len(row.exercises),
                    share,
                    f"{row.seconds:.1f}",
                    *(row.exercises.get(name, "") for name in columns),
                    "; ".join(f"{name}: {hint}" for name, hint in row.hints.items()),
                    "; ".join(row.notes),
                )
            ]
        )
    return text.getvalue()


class _Unanswered(BaseException):
    """There was no answer.  A BaseException, since `judge` treats every Exception as one of the student's function.

    gone    set if the notebook's process has ended
    """

    def __init__(self, status: str, gone: Gone | None = None):
        super().__init__(status)
        self.status, self.gone = status, gone


def _asked(kernel, name: str, expression: str) -> Verdict:
    """The verdict on the notebook's answer to one exercise.  Raises Gone."""

    def ask(given, seed):
        try:
            return kernel.ask(name, expression, seed)
        except LookupError:
            raise _Unanswered(MISSING) from None
        except TimeoutError:
            raise _Unanswered(SLOW) from None
        except Gone as error:
            raise _Unanswered(NOT_ASKED, error) from None

    try:
        return judge(name, ask, np.random.default_rng())
    except _Unanswered as error:
        if error.gone is not None:
            raise error.gone from None
        return Verdict(name, error.status)


def _plain(value: object) -> str:
    """The value as one line of text that no spreadsheet program treats as a formula."""
    text = " ".join(str(value).split())
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def _with_progress(found: list[Path], progress: bool) -> Iterator[Path]:
    return iter(progress_bar(found, desc="grade", unit="notebook", disable=not progress))


def _needs_nbclient() -> None:
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'grading runs notebooks, and needs {error.name}: pip install "scratchgan[notebooks]"'
        ) from None
