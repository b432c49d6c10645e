"""Running a notebook in another process, with a time limit, and asking its functions.

Each cell may take `cell_seconds`: then it is interrupted, as by Ctrl-C, and the next one runs.  The whole may take
`seconds`: then the process and all that it started is killed.
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

ANSWER_SECONDS = 20.0  # for one answer of one function
MOST_PRINTED = 20_000_000  # characters that a cell may print; the rest is dropped


class Gone(RuntimeError):
    """The notebook's process is not there any more; the message says why."""


class Kernel:
    """A notebook's own process.  `problems` are sentences about what happened in it; `cell` is the number of the one
    that runs, 0 when all have run.
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

    def run(self, cells: list[Any]) -> None:
        """Execute all code cells; what raises is noted, and the next cell runs.  Raises Gone."""
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

    def ask(self, name: str, function: str, seed: int) -> Any:
        """What the notebook's `function` for the exercise `name` answers on the input of that seed.

        Raises what the function raised (by name), LookupError if there is no such function, TimeoutError, and Gone.
        """
        import nbformat

        mark = secrets.token_hex(16)  # nobody in there can have printed it before
        cell = nbformat.v4.new_code_cell(
            f"import scratchgan.grading.wire\n"
            f"print({mark!r} + scratchgan.grading.wire.reply({name!r}, globals().get({function!r}), {seed})"
            f" + {mark!r})"
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
        """No more time limit, and no more process."""
        self._timer.cancel()
        self._kill()


@contextlib.contextmanager
def started(folder: Path, *, seconds: float, cell_seconds: float) -> Iterator[Kernel]:
    """A fresh process that works in `folder`; afterwards it is gone.  Raises Gone if it does not start."""
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
    ours = str(Path(__file__).parents[2])  # the same scratchgan in there as out here
    path = os.pathsep.join(filter(None, (ours, os.environ.get("PYTHONPATH"))))
    setup = client.setup_kernel(stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path})
    try:
        setup.__enter__()
    except RuntimeError as error:
        raise Gone(f"its process did not start: {error}") from error
    kernel = Kernel(client, seconds, cell_seconds)
    try:
        yield kernel
    finally:
        kernel.close()
        with contextlib.suppress(Exception):  # there is nothing left to shut down
            setup.__exit__(None, None, None)


def _client_class() -> type:
    """nbclient's, with a limit on what a cell may print."""
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
        raise ValueError("that is no answer")
    if reply.get("missing"):
        raise LookupError("no function of that name")
    if "raised" in reply:
        kind, says = str(reply["raised"]), str(reply.get("says", ""))
        known = {"TypeError": TypeError, "NotImplementedError": NotImplementedError}
        raise known.get(kind, type(kind if kind.isidentifier() else "Error", (Exception,), {}))(says)
    return wire.unpack(json.dumps(reply.get("value")))
