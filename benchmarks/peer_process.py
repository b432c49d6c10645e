"""A peer in a process of its own, that does what the lines of its standard input say: seen from outside.

XLA's CPU client has no call that sets its threads: it makes as many as the process may use cores when JAX starts.  So
each number of threads gets a process that is pinned to so many cores (os.sched_setaffinity) before it imports JAX.
Where a process cannot be pinned (macOS, Windows) JAX is only measured with as many threads as there are cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys


class Peer:
    """`python -m module threads arguments...` with the environment changed by `variables`.

    Raises RuntimeError if the process does not start, or ends; `close` ends it.
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
        """Send one line, return what the answer says."""
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


def can_pin(threads: int) -> bool:
    return hasattr(os, "sched_setaffinity") or threads == os.cpu_count()
