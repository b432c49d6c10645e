"""How scratchgan behaves when the machine fails: a table of error messages, exit codes and the files left behind.

    python -m benchmarks.adversity

Each row runs `scratchgan` in a separate process: a full disk (a tmpfs of 320 kB, if this process may mount one), a
limit on the size of files, a folder that cannot be written to, signals at different moments, a folder in use, no
display, a kernel cache that cannot be written to.  The files left behind are checked: the checkpoint can be loaded,
there is no temporary file, every line of the log is complete, and `scratchgan resume` continues the run.

Writes benchmarks/results/adversity.json.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scratchgan.files import checkpoint
from scratchgan.files.atomic import write_text
from scratchgan.runs.folder import locked

RESULTS = Path(__file__).parent / "results"
TRAIN = [
    "train",
    "mlp-ring",
    "--steps",
    "600",
    "--quiet",
    "--checkpoint-every",
    "50",
    "--set",
    "hidden=[32,32]",
    "sample_every=100",
    "log_every=5",
    "--out",
]
#: a process that sends itself SIGINT while it writes a checkpoint or the pictures
CHILD = """
import os, signal, sys
from scratchgan import cli
import scratchgan.plots as plots
moment, real, real_gif, count = sys.argv[1], os.fsync, plots.save_gif, [0]
def fsync(fd):
    if moment == "checkpoint" and "/.checkpoint.npz" in os.readlink(f"/proc/self/fd/{fd}"):
        count[0] += 1
        if count[0] == 3: os.kill(os.getpid(), signal.SIGINT)
    real(fd)
def gif(*a, **k):
    if moment == "pictures": os.kill(os.getpid(), signal.SIGINT)
    if moment == "pictures twice":
        os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT)
    real_gif(*a, **k)
os.fsync, plots.save_gif = fsync, gif
sys.exit(cli.main(sys.argv[2:]))
"""


def start(arguments: list[str], *, moment: str = "", limit: int = 0, **environment: str):
    """Start scratchgan; `limit` bounds the size of its files in bytes, `moment` says when it sends itself SIGINT."""

    def prepare():
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = ["-c", CHILD, moment] if moment else ["-m", "scratchgan"]
    return subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
        env=os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", **environment},
    )


def signalled(arguments: list[str], number: int, folder: Path):
    """Start scratchgan, and send it a signal as soon as the log has a few lines."""
    process, log = start(arguments), folder / "log.jsonl"
    while process.poll() is None and not (log.exists() and log.stat().st_size > 2000):
        time.sleep(0.005)
    process.send_signal(number)
    return process


def left_behind(folder: Path) -> str:
    """A description of the files in the folder; raises an error if any of them is incomplete."""
    if not folder.exists():
        return "nothing"
    if temporaries := list(folder.rglob("*.tmp")):
        raise AssertionError(f"temporary files: {temporaries}")
    words = []
    if (path := folder / "checkpoint.npz").exists():
        words.append(f"checkpoint of step {checkpoint.load(path).meta['step']}")
    if (path := folder / "log.jsonl").exists():
        words.append(f"{len([json.loads(line) for line in path.read_text().splitlines()])} complete lines of log")
    pictures = sorted(path.name for path in folder.glob("*.png")) + sorted(path.name for path in folder.glob("*.gif"))
    return ", ".join([*words, *pictures]) or "no files of a run"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows: list[dict] = []

    def row(what: str, run: Callable[[], subprocess.Popen], folder: Path, resumes: bool = True) -> None:
        process = run()
        out, err = process.communicate(timeout=300)
        said = " ".join((err.strip() or out.strip()).split())
        if "Traceback" in said:
            raise AssertionError(f"{what}: {said}")
        code, left = process.returncode, left_behind(folder)
        again = ""
        if resumes and (folder / "checkpoint.npz").exists():
            done = start(["resume", str(folder), "--quiet"])
            done.communicate(timeout=300)
            again = f"resumes: exit {done.returncode}, {left_behind(folder).split(',')[0]}"
        rows.append({"what": what, "reads": said, "exit": code, "left": left, "resume": again})
        print(f"{what}\n    reads   {said}\n    exit    {code}\n    left    {left}\n    {again}", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        small, closed = base / "small", base / "closed"
        small.mkdir()
        closed.mkdir(mode=0o555)
        root = os.getuid() == 0  # root can write everywhere except to a read-only mount
        mounted = [
            folder
            for folder, how in ((small, "size=320k"), (closed, "ro"))
            if root
            and subprocess.run(
                ["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(folder)], capture_output=True
            ).returncode
            == 0
        ]
        try:
            if small in mounted:
                row("full disk (tmpfs of 320 kB)", lambda: start([*TRAIN, str(small / "run")]), small / "run", False)
            row(
                "file larger than its limit (90 kB)",
                lambda: start([*TRAIN, str(base / "limit")], limit=90_000),
                base / "limit",
            )
            if closed in mounted or not root:
                row("folder that cannot be written to", lambda: start([*TRAIN, str(closed / "run")]), closed / "run")
                row(
                    "kernel cache that cannot be written to",
                    lambda: start(
                        [*TRAIN, str(base / "uncached")],
                        NUMBA_CACHE_DIR=str(closed / "cache"),
                        HOME=str(closed),
                        XDG_CACHE_HOME=str(closed / "xdg"),
                        MPLCONFIGDIR=str(base),
                    ),
                    base / "uncached",
                )
        finally:
            for folder in mounted:
                subprocess.run(["umount", str(folder)], check=True)
        for name, number in (("SIGTERM", signal.SIGTERM), ("Ctrl-C", signal.SIGINT)):
            folder = base / name
            row(f"{name} during training", lambda f=folder, n=number: signalled([*TRAIN, str(f)], n, f), folder)
        for moment in ("checkpoint", "pictures", "pictures twice"):
            folder = base / moment.replace(" ", "-")
            row(
                f"Ctrl-C during a {moment}" if moment == "checkpoint" else f"Ctrl-C during the last {moment}",
                lambda f=folder, m=moment: start([*TRAIN, str(f)], moment=m),
                folder,
            )
        with locked(base / "SIGTERM"):
            row(
                "folder in use by another process",
                lambda: start(["resume", str(base / "SIGTERM")]),
                base / "SIGTERM",
                False,
            )
        row(
            "no display, and a backend that needs one",
            lambda: start([*TRAIN, str(base / "display")], MPLBACKEND="TkAgg", DISPLAY=""),
            base / "display",
        )
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "adversity.json", json.dumps(rows, indent=1) + "\n")
    print(f"wrote {options.out}/adversity.json")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
