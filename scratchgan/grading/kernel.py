"""Running a notebook in a separate process, with a time limit, and calling its functions.

A cell that takes longer than `cell_seconds` is interrupted, as by Ctrl-C, and the next one runs.  If the whole notebook
takes longer than `seconds`, its process and all processes that it started are killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import wire

ANSWER_SECONDS = 20.0  # time limit for one call of one function
MOST_PRINTED = 20_000_000  # characters that a cell may print; the rest is dropped
#: the first cell; it leaves no names behind
PREPARE = """
import sys
before = list(sys.path)
sys.path[:] = [place for place in before if place]
import scratchgan.grading.wire, scratchgan.grading.checked
sys.path[:] = before
scratchgan.grading.checked.watch()
del sys, before, scratchgan
"""


class Gone(RuntimeError):
    """The notebook's process has ended; the message says why."""


class Kernel:
    """The separate process of a notebook.  `problems` lists, in sentences, what went wrong in it; `cell` is the number
    of the cell that is running, 0 when all have run.
    """

    def __init__(self, client: Any, seconds: float, cell_seconds: float):
        self.client, self.seconds, self.cell_seconds = client, seconds, cell_seconds
        self.problems: list[str] = []
        self.cell = 0
        self.killed = False
        self._start = time.monotonic()
        self._timer = threading.Timer(seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def prepare(self) -> None:
        """Import what grading needs, before a file beside the notebook can take its name.  Raises Gone."""
        import nbformat

        self._execute(nbformat.v4.new_code_cell(PREPARE), self.seconds)

    def run(self, cells: list[Any]) -> None:
        """Execute all code cells; if one raises an error, it is noted, and the next cell runs.  Raises Gone."""
        for number, cell in enumerate(cells, 1):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            start, self.cell = time.monotonic(), number
            outputs = self._execute(cell, self.cell_seconds)
            for output in outputs:
                if output.output_type == "error":
                    says = " ".join(output.evalue.split())[:120]
                    late = output.ename == "KeyboardInterrupt" and time.monotonic() - start > 0.9 * self.cell_seconds
                    self.problems.append(
                        f"cell {number} was stopped after {self.cell_seconds:.0f} s"
                        if late
                        else f"cell {number} raised {output.ename}: {says}".removesuffix(": ")
                    )
        self.cell = 0

    def ask(self, name: str, expression: str, seed: int) -> Any:
        """The answer of the notebook to the exercise `name`, on the input made with `seed`; see `checked.answer`.

        Raises an error with the same name and message if the function raised one, LookupError if there is no such
        function, TimeoutError, and Gone.
        """
        import nbformat

        mark = secrets.token_hex(16)  # random, so the notebook's code cannot have printed it before
        cell = nbformat.v4.new_code_cell(
            f"import sys\n"
            f"print({mark!r} + sys.modules['scratchgan.grading.wire'].reply({name!r}, "
            f"sys.modules['scratchgan.grading.checked'].answer({name!r}, {expression!r}, globals()), {seed}) + {mark!r})"
        )
        start = time.monotonic()
        outputs = self._execute(cell, ANSWER_SECONDS)
        text = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")
        parts = text.split(mark)
        if len(parts) != 3:
            if time.monotonic() - start > 0.9 * ANSWER_SECONDS:
                raise TimeoutError(f"no answer after {ANSWER_SECONDS:.0f} s")
            raise ValueError("the notebook's process gave no answer")
        return _answer(parts[1])

    def _execute(self, cell: Any, seconds: float) -> list[Any]:
        self.client.timeout = max(1, int(min(seconds, self.seconds - (time.monotonic() - self._start))))
        cell.outputs = []
        try:
            self.client.nb.cells.append(cell)
            self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        except RuntimeError as error:  # nbclient's DeadKernelError is one
            raise Gone(
                f"stopped after {self.seconds:.0f} s" if self.killed else "its process ended by itself"
            ) from error
        finally:
            self.client.nb.cells.pop()
        return cell.outputs

    def _kill(self) -> None:
        self.killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
            pid = self.client.km.provisioner.process.pid
            if hasattr(os, "killpg"):
                os.killpg(os.getpgid(pid), signal.SIGKILL)  # and what it started
            else:
                self.client.km.provisioner.process.kill()

    def close(self) -> None:
        """Cancel the time limit and kill the process."""
        self._timer.cancel()
        self._kill()


@contextlib.contextmanager
def started(folder: Path, *, seconds: float, cell_seconds: float) -> Iterator[Kernel]:
    """Start a new process with working directory `folder`, and kill it after the block.  Raises Gone if that fails."""
    import nbformat

    client = _client_class()(
        nbformat.v4.new_notebook(),
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    ours = str(Path(__file__).parents[2])  # so that both processes use the same scratchgan
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    setup = client.setup_kernel(stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path})
    try:
        setup.__enter__()
    except RuntimeError as error:
        raise Gone(f"its process did not start: {error}") from error
    kernel = Kernel(client, seconds, cell_seconds)
    try:
        kernel.prepare()
        yield kernel
    finally:
        kernel.close()
        with contextlib.suppress(Exception):  # there is nothing left to shut down
            setup.__exit__(None, None, None)


def _client_class() -> type:
    """nbclient's NotebookClient, with a limit on how much a cell may print."""
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


def _answer(text: str) -> Any:
    if len(text) > wire.MOST:
        raise ValueError(f"the answer is {len(text):,} characters long, expected at most {wire.MOST:,}")
    reply = json.loads(text)
    if not isinstance(reply, dict):
        raise ValueError("that is not an answer")
    if reply.get("missing"):
        raise LookupError("no function of that name")
    if "raised" in reply:
        kind, says = str(reply["raised"]), str(reply.get("says", ""))
        known = {"TypeError": TypeError, "NotImplementedError": NotImplementedError}
        raise known.get(kind, type(kind if kind.isidentifier() else "Error", (Exception,), {}))(says)
    return wire.unpack(json.dumps(reply.get("value")))
