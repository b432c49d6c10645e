"""Start a peer in a separate process, and send it commands through its standard input.

XLA's CPU client has no call that sets the number of threads: it starts one per core that the process may use when JAX
is imported.  So for each number of threads a process is started and pinned to as many cores (os.sched_setaffinity)
before it imports JAX.  Where a process cannot be pinned (macOS, Windows), JAX is measured only with one thread on each
core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable


class Peer:
    """`python -m module threads arguments...` with the environment changed by `variables`.

    Raises RuntimeError if the process does not start or ends early; `close` ends it.
    """

    def __init__(self, module: str, threads: int, *arguments: str, **variables: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(threads), *arguments],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | variables,
        )
        self.ask("version")

    def ask(self, what: object):
        """Send one command and return the answer, decoded from JSON."""
        try:
            self.process.stdin.write(f"{what}\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            self.close()
            raise RuntimeError(f"the process ended with exit code {self.process.returncode}") from None
        if isinstance(answer, dict) and "missing" in answer:
            self.close()
            raise RuntimeError(answer["missing"])
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def answer_commands(version: str, check: Callable[[], list[float]], step: Callable[[], object]) -> None:
    """The other side: answer the commands on standard input until it ends.

    version   the version of the peer
    check     the losses of the first steps, with the noise that both sides were given
    N         the seconds of each of N calls of `step`, which returns when the step is complete, after one that is not
              timed
    """
    for line in sys.stdin:
        what, answer = line.strip(), []
        if what in ("version", "check"):
            print(json.dumps(version if what == "version" else check()), flush=True)
            continue
        for _ in range(int(what) + 1):
            start = time.perf_counter()
            step()
            answer.append(time.perf_counter() - start)
        print(json.dumps(answer[1:]), flush=True)


def can_pin(threads: int) -> bool:
    return hasattr(os, "sched_setaffinity") or threads == os.cpu_count()
