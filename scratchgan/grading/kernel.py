"""Running a notebook in a separate process, with limits, and calling its functions.

A cell that takes longer than `cell_seconds` is interrupted, as by Ctrl-C, and the next one runs.  If that does not stop
it, its process is killed.  When the whole notebook has taken `seconds`, each further cell has only SHORT.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import wire
from .processes import MARK, end_all, memory

ANSWER_SECONDS = 20.0  # time limit for one call of one function
MOST_PRINTED = 25_000_000  # characters of a cell's output that are kept here; `guard` drops them at their source
SHORT = 5.0
GRACE = 30.0  # seconds from the interruption of a cell to the end of its process
#: the first cell; it leaves no names behind
PREPARE = """
import sys
before = list(sys.path)
sys.path[:] = [place for place in before if place]
import scratchgan.grading.inside
sys.path[:] = before
scratchgan.grading.inside.begin(get_ipython(), {facts!r})
del sys, before, scratchgan
"""
INSIDE = "__import__('sys').modules['scratchgan.grading.inside']"


class Gone(RuntimeError):
    """The notebook's process has ended; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    seconds        for the whole notebook
    cell_seconds   for one cell
    memory         bytes, of its process and those that it starts
    threads        of the kernels; 0 for the usual number

    Raises ValueError for limits that are too small.
    """

    seconds: float = 600.0
    cell_seconds: float = 180.0
    memory: float = 6e9
    threads: int = 0

    def __post_init__(self) -> None:
        for name in ("seconds", "cell_seconds"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"grade: {name} must be at least 1, got {getattr(self, name)}")
        if not self.memory >= 5e8:
            raise ValueError(f"grade: memory must be at least 0.5 GB, got {self.memory / 1e9:g} GB")


@dataclass(frozen=True)
class Told:
    """What the process is told of the notebook that it runs.

    chapter   such as "03"
    names     name -> question of all exercises
    others    exercises of other chapters, for which it may get the package's functions
    handed    the values that the chapter itself imports from the module of its exercises
    """

    chapter: str
    names: dict[str, str]
    others: list[str] = field(default_factory=list)
    handed: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A function that may answer an exercise: number `number`, found by its `name` or by a `check`, and the library
    functions that it calls.
    """

    number: int
    place: str
    calls: frozenset[str]


class Kernel:
    """The separate process of a notebook.

    problems   what went wrong in it, in sentences
    reports    what it tells of itself: (number of the cell or 0, kind, what)
    cell       the number of the cell that is running, 0 when all have run
    """

    def __init__(self, client: Any, limits: Limits, mark: str, folder: str, report: Path):
        self.client, self.limits, self.mark, self.folder, self.report = client, limits, mark, folder, report
        self.problems: list[str] = []
        self.reports: list[tuple[int, str, str]] = []
        self.cell = 0
        self.killed = ""
        self.pid: int = client.km.provisioner.process.pid
        self._deadline = float("inf")
        self._closed = threading.Event()
        self._start = time.monotonic()
        threading.Thread(target=self._watch, daemon=True).start()

    def prepare(self, facts: Told) -> None:
        """Import what grading needs, before a file beside the notebook can take its name.  Raises Gone."""
        message = vars(facts) | {"report": str(self.report), "memory": int(self.limits.memory)}
        outputs = self._execute(PREPARE.format(facts=wire.pack_input(message)), 120)
        for output in outputs:
            if output.output_type == "error":
                raise Gone(f"its process could not be prepared: {output.ename}: {output.evalue}"[:300])

    def run(self, cells: list[tuple[int, str]]) -> None:
        """Execute cells, (number, source); if one raises an error, it is noted, and the next cell runs.  Raises Gone."""
        late = 0
        for number, source in cells:
            left = self.limits.seconds - (time.monotonic() - self._start)
            late = late or (number if left < SHORT else 0)
            limit = max(min(SHORT, self.limits.cell_seconds), min(left, self.limits.cell_seconds))
            start, self.cell = time.monotonic(), number
            outputs = self._execute(source, limit)
            for output in outputs:
                if output.output_type == "error":
                    says = " ".join(output.evalue.split())[:120]
                    slow = output.ename == "KeyboardInterrupt" and time.monotonic() - start > 0.9 * limit
                    self.problems.append(
                        f"cell {number} was stopped after {limit:.0f} s"
                        if slow
                        else f"cell {number} was stopped: it printed {says}"
                        if output.ename == "TooMuchPrinted"
                        else f"cell {number} raised {output.ename}: {says}".removesuffix(": ")
                    )
        self.cell = 0
        if late:
            self.problems.append(
                f"from cell {late} on each cell had {SHORT:.0f} s: the notebook took {self.limits.seconds:.0f} s"
            )

    def offers(self, name: str, expressions: list[str]) -> tuple[list[Offer], int, bool]:
        """What may answer an exercise, how many functions were offered, and whether `check` was replaced.

        See `inside.offered`.  Raises Gone, and ValueError for a process that does not answer.
        """
        facts = self._asked(f"offered({name!r}, {expressions!r})")
        if not isinstance(facts, dict):
            raise ValueError("that is not an answer")
        found = [
            Offer(number, str(place), frozenset(str(call)[:120] for call in calls))
            for number, (place, calls) in enumerate(facts["offered"])
        ]
        return found, int(facts["tried"]), bool(facts["replaced"])

    def ask(self, name: str, number: int, given: dict[str, Any]) -> Any:
        """The answer of function `number` of `offers` to the exercise `name` for the arguments `given`.

        Raises an error with the same name and message if the function raised one, TimeoutError, and Gone.
        """
        return _answer(self._asked(f"ask({name!r}, {number}, {wire.pack_input(given)!r})"))

    def _asked(self, call: str) -> Any:
        mark = secrets.token_hex(16)  # random, so the notebook's code cannot have printed it before
        start = time.monotonic()
        outputs = self._execute(f"__import__('builtins').print({mark!r} + {INSIDE}.{call} + {mark!r})", ANSWER_SECONDS)
        text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
        parts = text.split(mark)
        if len(parts) != 3:
            if time.monotonic() - start > 0.9 * ANSWER_SECONDS:
                raise TimeoutError(f"no answer after {ANSWER_SECONDS:.0f} s")
            raise ValueError("the notebook's process gave no answer")
        if len(parts[1]) > wire.MOST:
            raise ValueError(f"the answer is {len(parts[1]):,} characters long, expected at most {wire.MOST:,}")
        return json.loads(parts[1])

    def _execute(self, source: str, seconds: float) -> list[Any]:
        import nbformat

        cell = nbformat.v4.new_code_cell(source)
        self.client.timeout = max(1, round(seconds))
        self._deadline = time.monotonic() + self.client.timeout + GRACE
        try:
            self.client.nb.cells.append(cell)
            self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        except RuntimeError as error:  # nbclient's DeadKernelError is one
            raise Gone(self.killed or "its process ended by itself") from error
        finally:
            self._deadline = float("inf")
            self.client.nb.cells.pop()
            self._read_reports()
        return cell.outputs

    def _read_reports(self) -> None:
        with contextlib.suppress(OSError):
            for line in self.report.read_text("utf-8", "replace")[:100_000].splitlines():
                with contextlib.suppress(ValueError):
                    kind, what = json.loads(line)
                    if not any((str(kind), str(what)) == known[1:] for known in self.reports):
                        self.reports.append((self.cell, str(kind), " ".join(str(what).split())[:200]))

    def _watch(self) -> None:
        """Kill the process when it ignores an interruption, or takes too much memory."""
        while not self._closed.wait(0.5):
            if time.monotonic() > self._deadline:
                self._kill(f"stopped after {self.client.timeout:.0f} s: it did not react to an interruption")
            elif memory(self.pid) > self.limits.memory:
                self._kill(f"stopped: it took more than {self.limits.memory / 1e9:g} GB of memory")

    def _kill(self, why: str) -> None:
        self.killed = self.killed or why
        end_all(self.pid, self.mark, self.folder)

    def close(self) -> None:
        """Kill the process, and what it started."""
        self._closed.set()
        if others := end_all(self.pid, self.mark, self.folder):
            self.problems.append(f"it had started {others} other processes, which were ended")


@contextlib.contextmanager
def started(folder: Path, limits: Limits, facts: Told) -> Iterator[Kernel]:
    """Start a new process with working directory `folder`, and kill it after the block.  Raises Gone if that fails."""
    import nbformat

    client = _client_class()(
        nbformat.v4.new_notebook(),
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    ours = str(Path(__file__).parents[2])  # so that both processes use the same scratchgan
    mark = secrets.token_hex(8)
    env = os.environ | {MARK: mark, "PYTHONPATH": os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))}
    if limits.threads:
        env["NUMBA_NUM_THREADS"] = str(limits.threads)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    setup = client.setup_kernel(env=env, **quiet)
    try:
        setup.__enter__()
    except RuntimeError as error:
        raise Gone(f"its process did not start: {error}") from error
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        report = Path(place) / "report"
        report.touch()
        kernel = Kernel(client, limits, mark, str(folder), report)
        try:
            kernel.prepare(facts)
            yield kernel
        finally:
            kernel.close()
            with contextlib.suppress(Exception):  # there is nothing left to shut down
                setup.__exit__(None, None, None)


def _client_class() -> type:
    """nbclient's NotebookClient, with a limit on how much of a cell's output it keeps."""
    from nbclient import NotebookClient

    class Client(NotebookClient):
        def process_message(self, msg, cell, cell_index):
            if msg["header"]["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data"):
                size = len(repr(msg["content"]))
                cell.metadata["printed"] = cell.metadata.get("printed", 0) + size
                if cell.metadata["printed"] > MOST_PRINTED:
                    return None
            return super().process_message(msg, cell, cell_index)

    return Client


def _answer(reply: Any) -> Any:
    if not isinstance(reply, dict):
        raise ValueError("that is not an answer")
    if "raised" in reply:
        kind, says = str(reply["raised"]), str(reply.get("says", ""))
        known = {"TypeError": TypeError, "NotImplementedError": NotImplementedError}
        raise known.get(kind, type(kind if kind.isidentifier() else "Error", (Exception,), {}))(says)
    return wire.unpack(json.dumps(reply.get("value")))
