"""What was handed in: the notebooks of a folder as learning platforms and people pack them.

    Moodle      Anna Mueller_123456_assignsubmission_file_/03_x.ipynb, or all in one folder, with that as a prefix
    Canvas      muelleranna_12345_67890_03_x.ipynb; LATE after the name; "-1", "-2" at the end of a later one
    nbgrader    submitted/anna/03_x/03_x.ipynb, with timestamp.txt
    others      anna/03_x.ipynb; anna.ipynb; a ZIP archive in place of any of these folders

Every folder and every archive gives at least one HandedIn, so that no student is lost: one without a notebook says why.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .archives import unpacked

NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)  # some browsers add an ending
DOCUMENT = re.compile(r"\.(pdf|docx?|odt|rtf|html?|pages|7z|rar|t?gz|tar|bz2|xz|zip)$", re.IGNORECASE)
ARCHIVE = re.compile(r"\.(7z|rar|t?gz|tar|bz2|xz)$", re.IGNORECASE)
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<rest>.*)$")
CANVAS = re.compile(r"(?P<name>[^\W\d_][^_]*?)(_?LATE)?_(?P<id>\d{2,})_(?P<turn>\d{2,})_(?P<rest>.+)$", re.IGNORECASE)
COPY = re.compile(r"([-_ ]?\(\d+\)|-\d+| - (Copy|Kopie)|\.ipynb)$", re.IGNORECASE)  # of a file's name


@dataclass
class HandedIn:
    """One notebook, or a student's folder in which there is none.

    path      of the notebook; None if there is none
    file      how the table calls it: its path in the folder, with archives as folders
    student   the name, with the platform's number; "" if neither folder nor file tells
    when      when it was handed in
    turn      the platform's number of this attempt, 0 if there is none
    prefix    what the names of this student's files begin with, in a folder with everybody's files
    why       why there is nothing to grade
    """

    path: Path | None
    file: str
    student: str = ""
    when: datetime | None = None
    turn: int = 0
    prefix: str = ""
    why: str = ""


@contextlib.contextmanager
def handed_in(folder: Path, out: Path) -> Iterator[list[HandedIn]]:
    """All that was handed in, sorted by file.  ZIP archives are unpacked to a temporary folder until the block ends.

    out   the table, which is not handed in
    """
    with unpacked(folder) as found:
        files = [(path, logical) for path, logical in found.files if path != out and path.name != "grades.csv"]
        notebooks = [(path, logical) for path, logical in files if NOTEBOOK.search(path.name)]
        others = [(path, logical) for path, logical in files if not NOTEBOOK.search(path.name)]
        above = _above([logical for _, logical in notebooks])
        rows = [_of_notebook(path, logical, above) for path, logical in notebooks]
        for logical, problem in found.damaged:
            rows.append(HandedIn(None, "/".join(logical), _student(logical, above)[0], why=problem))
        accounted = [logical for _, logical in notebooks] + [logical for logical, _ in found.damaged]
        for folder_ in found.folders:
            if _is_student(folder_, above) and not any(one[: len(folder_)] == folder_ for one in accounted):
                rows.append(_without(folder_, [file for file in others if file[1][: len(folder_)] == folder_], above))
        known = {row.student for row in rows}
        for path, logical in others:  # loose ones, in everybody's folder
            student, _, prefix = _student(logical, above)
            if (len(logical) == above + 1 or prefix) and DOCUMENT.search(path.name) and student not in known:
                rows.append(_without(logical, [(path, logical)], above))
        yield sorted(rows, key=lambda row: row.file)


def _above(notebooks: list[tuple[str, ...]]) -> int:
    """How many folders there are above those of the students: nbgrader's `submitted`, or one around everything."""
    above = 0
    while notebooks and all(len(one) > above + 2 for one in notebooks):
        around = {one[above] for one in notebooks}
        if len(around) > 1 or (around != {"submitted"} and len({one[above + 1] for one in notebooks}) == 1):
            break
        above += 1
    return above


def _of_notebook(path: Path, logical: tuple[str, ...], above: int) -> HandedIn:
    student, turn, prefix = _student(logical, above)
    return HandedIn(path, "/".join(logical), student, _date(path), turn, prefix)


def _without(logical: tuple[str, ...], inside: list[tuple[Path, tuple[str, ...]]], above: int) -> HandedIn:
    names = [file[-1] for _, file in inside]
    if not names:
        why = "the folder is empty"
    else:
        why = "no notebook (.ipynb), only " + ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        if any(ARCHIVE.search(name) for name in names):
            why += "; such an archive is not opened here: unpack it"
    when = max((_date(path) for path, _ in inside), default=None)
    return HandedIn(None, "/".join(logical), _student(logical, above)[0], when, why=why)


def _is_student(logical: tuple[str, ...], above: int) -> bool:
    """Whether a folder is one that a student, or a platform for him, has made."""
    return len(logical) == above + 1 or MOODLE.match(logical[-1]) is not None


def _student(logical: tuple[str, ...], above: int) -> tuple[str, int, str]:
    """(student, number of the attempt, prefix of the student's files) from the parts of a path."""
    for pattern in (MOODLE, CANVAS):
        for part in reversed(logical):
            if match := pattern.match(part):
                turn = int(match["turn"]) if pattern is CANVAS else 0
                again = re.search(r"-(\d+)(\.\w+)+$", part)
                prefix = part[: match.start("rest")] if part is logical[-1] else ""
                return f"{match['name'].strip()} ({match['id']})", 100 * turn + int(again[1] if again else 0), prefix
    parts = logical[above:]
    if len(parts) > 1:
        return re.sub(r"\.zip$", "", parts[0], flags=re.IGNORECASE), 0, ""
    stem = re.sub(r"\.\w{2,5}$", "", logical[-1])
    while (shorter := COPY.sub("", stem)) != stem:
        stem = shorter
    return ("" if re.fullmatch(r"\d\d[a-z]?(_[a-z0-9]+)*", stem) else stem), 0, ""


def _date(path: Path) -> datetime:
    """When a file was handed in: nbgrader's time stamp, or the file's own time."""
    with contextlib.suppress(OSError, ValueError):
        return datetime.fromisoformat((path.parent / "timestamp.txt").read_text("utf-8").strip()[:19])
    return datetime.fromtimestamp(path.stat().st_mtime)


def latest(rows: list[HandedIn], chapters: dict[str, str], chapter: str = "") -> list[tuple[HandedIn, int]]:
    """Of each student and chapter the notebook that was handed in last, and how many there were.

    chapters   file -> the chapter of the notebook
    chapter    if it is given, one row for each student: the last of this chapter, or if there is none the last
    """
    groups: dict[tuple[str, str], list[HandedIn]] = {}
    with_notebook = {row.student for row in rows if row.path is not None}
    for row in rows:
        if row.path is None and row.student and row.student in with_notebook:
            continue
        key = (row.student, "" if chapter else chapters.get(row.file, "")) if row.student else ("", row.file)
        groups.setdefault(key, []).append(row)
    kept = []
    for group in groups.values():
        asked = [row for row in group if chapters.get(row.file) == chapter] or group
        kept.append((max(asked if chapter else group, key=order), len(group)))
    return sorted(kept, key=lambda pair: pair[0].file)


def order(row: HandedIn) -> tuple[int, datetime, str]:
    """What the attempts of one student are sorted by."""
    return row.turn, row.when or datetime.min, row.file
