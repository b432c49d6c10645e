"""What is wrong with this run?  From a run's folder to the doctor's diagnosis, printed and drawn.

    diagnose("runs/mlp-ring")     a Diagnosis: findings with their numbers, likely causes first; writes no files
    run("runs/mlp-ring")          the same, printed, and drawn as RUN/doctor.png

A log can be read even if it was cut off in the middle of a line, contains null, or was written by an older version.
Lines that cannot be read are left out, and the diagnosis's notes name them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..doctor import Diagnosis, from_records, judge
from ..doctor.advice import Accepts
from ..doctor.records import Log
from . import advice, build, recipe, run_data
from .given import Given
from .last_state import with_last_state


def run(folder: str | Path, *, data: str | None = None) -> Diagnosis:
    """Print the diagnosis of a run, and draw it as doctor.png in the run's folder.

    Raises as `diagnose` does, and OSError if the picture cannot be written.
    """
    from ..doctor.picture import save_picture

    diagnosis = diagnose(folder, data=data)
    print(diagnosis)
    path = Path(folder) / "doctor.png"
    save_picture(path, diagnosis)
    print(f"\nwrote {path}")
    return diagnosis


def diagnose(folder: str | Path, *, data: Given | str | Path | None = None) -> Diagnosis:
    """Read a run's folder and diagnose the run.  Writes no files.

    Signals that an older log lacks are measured once, for the end of the run, from its checkpoint (`last_state`).

    data     where the run's data are now (a name or a path), or the data themselves if they were given in Python

    Raises FileNotFoundError if there is no such folder or no log in it, ValueError if the log has no records, or if
    `data` is not what the run was trained on.
    """
    log = read_log(folder)
    notes = list(log.notes)
    if log.broken is None and not log.has("diversity"):
        log, measured = with_last_state(log, Path(folder), data)
        notes += measured
    elif data is not None:  # they are not needed, but a wrong path should not go unnoticed
        run_data.of_run(folder, build.restore(folder)[1], data=data)
    return judge(log, name=str(folder), notes=notes, accepts=_accepts(Path(folder)))


def read_log(folder: str | Path) -> Log:
    """Read the log in a run's folder.

    Raises FileNotFoundError if there is no such folder or no log in it, ValueError if the log has no records.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such run; expected a run's folder, such as runs/dcgan-mnist")
    path = folder / "log.jsonl"
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: this folder contains no log.jsonl; expected a run's folder")
    records, unread = [], []
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    last = max((i for i, line in enumerate(lines) if line.strip()), default=-1)
    for i, line in enumerate(lines[: last + 1]):
        if (record := _record(line)) is not None:
            records.append(record)
        elif line.strip():
            unread.append(i)
    if not records:
        raise ValueError(
            f"{path}: expected training records, one per line, got none: the run ended before its first record"
        )
    notes = []
    if last in unread:
        notes.append(
            f"the log's last line ({last + 1}) is cut off and was left out: the run was killed while writing it"
        )
    if others := [str(i + 1) for i in unread if i != last]:
        more = " and more" * (len(others) > 5)
        notes.append(f"line {', '.join(others[:5])}{more} of the log cannot be read and was left out")
    loss, trouble = _loss(folder)
    return from_records(records, loss=loss, notes=(*notes, *trouble))


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(record, dict) and isinstance(record.get("step"), int) and not isinstance(record["step"], bool)
    return record if whole else None


def _accepts(folder: Path) -> Accepts | None:
    """Which changes the run's recipe accepts; None if the recipe cannot be read, which `read_log` notes."""
    try:
        return advice.of_run(folder, recipe.load(folder))
    except (ValueError, OSError):
        return None


def _loss(folder: Path) -> tuple[str, list[str]]:
    try:
        return recipe.load(folder).loss, []
    except (ValueError, OSError) as error:
        return "", [f"the recipe cannot be read, so the loss is not known ({error})"]
