"""Grading a folder: one row for each notebook, and for each student's folder without one; and the CSV file with them."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..exercises import names
from ..exercises.checking import SOLVED
from ..files.atomic import write_text
from ..files.console import progress_bar
from .folder import HandedIn, handed_in, latest, order
from .judging import ENDED, MISSING, NOT_ASKED, SLOW, grade_submission
from .kernel import Limits
from .submission import read

KEEP = ("all", "latest")


@dataclass
class GradeRow:
    """The result for one notebook, or for a student's folder without one.

    file       its path within the folder
    student    from the names that learning platforms give to files and folders; "" if it is not known
    handed_in  date and time, such as "2026-11-30 09:15"
    chapter    such as "03"; "" if unknown
    status     "ran", "ran with errors", "stopped", "crashed", "unreadable", "no notebook" or "no chapter of the course"
    exercises  name -> "solved", "not solved yet", "not right yet", "no such function", "no answer in time",
               "ended the process", "not asked"
    look       what a teacher should look at, because grading cannot tell what it means, one sentence each
    hints      name -> the hint that `check` gives for this answer
    notes      what happened, one sentence each
    seconds    how long grading took
    """

    file: str
    student: str = ""
    handed_in: str = ""
    chapter: str = ""
    status: str = "ran"
    exercises: dict[str, str] = field(default_factory=dict)
    look: list[str] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def solved(self) -> int:
        """How many exercises are solved."""
        return sum(status == SOLVED for status in self.exercises.values())


def grade(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    chapter: str | None = None,
    keep: str = "all",
    jobs: int = 1,
    limits: Limits | None = None,
    progress: bool = True,
) -> tuple[list[GradeRow], Path]:
    """Grade all that was handed in in a folder; return the rows and the path of the CSV file.

    The CSV file is written again after each notebook, so that an interruption loses nothing.

    out        path of the CSV file; default: FOLDER/grades.csv
    chapter    grade each notebook as one of this chapter, such as "03"; default: the chapter that it is from
    keep       "latest": of several notebooks that a student handed in for a chapter, only the last
    jobs       how many notebooks run at the same time
    progress   show a progress bar

    Raises FileNotFoundError if there is no such folder or nothing in it, ValueError for an unknown chapter or a number
    that is not possible, ImportError without nbclient.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    if keep not in KEEP:
        raise ValueError(f"grade: keep must be 'all' or 'latest', got {keep!r}")
    if jobs < 1:
        raise ValueError(f"grade: jobs must be at least 1, got {jobs}")
    known = list(dict.fromkeys(name.split(".")[0] for name in names()))
    if chapter is not None and chapter not in known:
        raise ValueError(f"grade: no chapter {chapter!r} with exercises; there are {', '.join(known)}")
    _needs_nbclient()
    limits = limits or Limits()
    if jobs > 1 and not limits.threads:
        limits = replace(limits, threads=max(1, (os.cpu_count() or 1) // jobs))
    out = Path(out) if out is not None else folder / "grades.csv"
    with handed_in(folder, out) as found:
        if not found:
            raise FileNotFoundError(f"{folder}: there is no notebook (*.ipynb) in it")
        found, notes = _chosen(found, chapter or "", keep)
        rows: dict[str, GradeRow] = {}
        lock = threading.Lock()

        def one(item: HandedIn) -> None:
            row = _row(item, chapter or "", limits)
            row.notes += notes.get(item.file, [])
            with lock:
                rows[item.file] = row
                write_text(out, as_csv([rows[item.file] for item in found if item.file in rows]))

        bar = progress_bar(range(len(found)), desc="grade", unit="notebook", disable=not progress)

        def one_in_thread(item: HandedIn) -> None:
            try:
                one(item)
            finally:
                with contextlib.suppress(RuntimeError):  # there is none
                    asyncio.get_event_loop().close()  # nbclient leaves it open

        if jobs == 1:
            for _, item in zip(bar, found, strict=True):
                one(item)
        else:
            with ThreadPoolExecutor(jobs) as pool:
                futures = [pool.submit(one_in_thread, item) for item in found]
                try:
                    for _, future in zip(bar, as_completed(futures), strict=True):
                        future.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
    return [rows[item.file] for item in found], out


def _chosen(found: list[HandedIn], chapter: str, keep: str) -> tuple[list[HandedIn], dict[str, list[str]]]:
    """What is graded, and notes for some files on what else the same student handed in."""
    chapters = {}
    for item in found:
        try:
            chapters[item.file] = read(item.path).chapter if item.path is not None else ""
        except (ValueError, OSError):
            chapters[item.file] = ""
    if keep == "latest":
        kept = latest(found, chapters, chapter)
        return [item for item, _ in kept], {
            item.file: [f"the last of {number} that were handed in"] for item, number in kept if number > 1
        }
    notes = {}
    count = Counter((item.student, chapters[item.file]) for item in found if item.path is not None and item.student)
    for key in (key for key, number in count.items() if number > 1):
        same = sorted((i for i in found if i.path is not None and (i.student, chapters[i.file]) == key), key=order)
        for number, item in enumerate(same, 1):
            notes[item.file] = [f"number {number} of {len(same)} that were handed in"]
    return found, notes


def _row(item: HandedIn, chapter: str, limits: Limits) -> GradeRow:
    when = "" if item.when is None else f"{item.when:%Y-%m-%d %H:%M}"
    if item.path is None:
        row = GradeRow(item.file, status="no notebook", chapter=chapter, notes=[item.why])
        row.exercises = {name: NOT_ASKED for name in names() if chapter and name.startswith(f"{chapter}.")}
    else:
        row = grade_one(item.path, item.file, chapter=chapter, limits=limits, prefix=item.prefix)
    row.student, row.handed_in = item.student, when
    return row


def grade_one(
    path: str | Path, file: str | None = None, *, chapter: str = "", limits: Limits | None = None, prefix: str = ""
) -> GradeRow:
    """Run one notebook in a separate process, and check the functions that it defines.

    chapter   grade it as a notebook of this chapter; "": of the chapter that it is from
    prefix    see `beside.copy_files`
    """
    path = Path(path)
    row, start = GradeRow(file or path.name, chapter=chapter), time.monotonic()
    row.exercises = {name: NOT_ASKED for name in names() if chapter and name.startswith(f"{chapter}.")}
    try:
        submission = read(path)
    except (ValueError, OSError) as error:
        row.status = "unreadable"
        row.notes.append(str(error))
        return row
    row.chapter = chapter or submission.chapter
    if chapter and submission.chapter not in ("", chapter):
        row.notes.append(f"this is a notebook of chapter {submission.chapter}")
    if not any(name.startswith(f"{row.chapter}.") for name in names()):
        row.status, row.chapter = "no chapter of the course", ""
        return row
    result = grade_submission(submission, path, row.chapter, limits or Limits(), prefix)
    row.status, row.exercises, row.hints = result.status, result.exercises, result.hints
    row.notes += result.notes
    row.look = list(dict.fromkeys([*submission.odd, *result.look]))
    unsure = {SOLVED, NOT_ASKED, MISSING, SLOW, ENDED}
    if stale := [name for name in sorted(submission.claimed) if row.exercises.get(name, SOLVED) not in unsure]:
        row.notes.append(f"saved output and function differ, as after a later change: {', '.join(stale)}")
    row.seconds = time.monotonic() - start
    return row


def summary(rows: list[GradeRow]) -> str:
    """The rows for a terminal."""
    width = max(len(row.file) for row in rows)
    return "\n".join(
        f"{row.file:<{width}}  {row.solved} of {len(row.exercises)}  {row.seconds:5.0f} s  {row.status}"
        + "".join(f"\n{'':<{width}}    {line}" for line in [*(f"look: {look}" for look in row.look), *row.notes])
        for row in rows
    )


def as_csv(rows: list[GradeRow]) -> str:
    """The table as CSV text: one line per notebook, one column per exercise; with a mark that spreadsheets look for."""
    columns = sorted({name for row in rows for name in row.exercises})
    text = io.StringIO()
    text.write("\ufeff")  # without this byte order mark some programs take the text for another encoding
    writer = csv.writer(text, lineterminator="\n")
    first = ("student", "file", "handed in", "chapter", "status", "solved", "of", "percent", "seconds")
    writer.writerow([*first, *columns, "look at this one", "hints", "notes"])
    for row in rows:
        share = f"{100 * row.solved / len(row.exercises):.0f}" if row.exercises else ""
        cells = [row.student, row.file, row.handed_in, row.chapter, row.status, row.solved, len(row.exercises), share]
        cells += [f"{row.seconds:.1f}", *(row.exercises.get(name, "") for name in columns), "; ".join(row.look)]
        cells += ["; ".join(f"{name}: {hint}" for name, hint in row.hints.items()), "; ".join(row.notes)]
        writer.writerow([_plain(cell) for cell in cells])
    return text.getvalue()


def _plain(value: object) -> str:
    """The value as one line of text that no spreadsheet program treats as a formula."""
    text = " ".join(str(value).split())
    return "'" + text if text[:1] in ("=", "+", "-", "@") else text


def _needs_nbclient() -> None:
    try:
        import ipykernel  # noqa: F401
        import nbclient  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'grading runs notebooks, and needs {error.name}: pip install "scratchgan[notebooks]"'
        ) from None
