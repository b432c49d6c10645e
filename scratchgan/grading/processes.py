"""Ending a notebook's process and every process that it started, also those that detached themselves from it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

MARK = "SCRATCHGAN_GRADED"  # an environment variable that all these processes inherit


def _psutil() -> Any:
    try:
        import psutil  # comes with ipykernel
    except ImportError:
        return None
    return psutil


def end_all(pid: int, mark: str, folder: str) -> int:
    """Kill process `pid`, its group, and all processes with the mark or with their working directory in `folder`.

    Returns how many others than `pid` there still were.
    """
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if (group := os.getpgid(pid)) != os.getpgid(0):
                os.killpg(group, signal.SIGKILL)
    if (psutil := _psutil()) is None:
        return 0
    ended: set[int] = set()
    for _ in range(5):  # a process may start another one while it is looked for
        found = [process for process in psutil.process_iter() if _is_ours(psutil, process, pid, mark, folder)]
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
                ended.add(process.pid)
        if not found:
            break
        psutil.wait_procs(found, timeout=1)
    return len(ended - {pid})


def _is_ours(psutil: Any, process: Any, pid: int, mark: str, folder: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.pid == pid or process.environ().get(MARK) == mark:
            return True
        return os.path.realpath(process.cwd()).startswith(os.path.realpath(folder) + os.sep)
    except (psutil.Error, OSError):
        return False


def memory(pid: int) -> int:
    """Bytes in memory of a process and of those that it started; 0 if that is not known."""
    if (psutil := _psutil()) is None:
        return 0
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
    return total


def gone(pid: int, seconds: float) -> bool:
    """Wait until a process has ended, at most so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except OSError:
            return True
        time.sleep(0.05)
    return False
