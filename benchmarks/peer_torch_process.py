"""Training steps in PyTorch, in a separate process that executes commands from its standard input.

    python -m benchmarks.peer_torch_process THREADS ITEM SIZES    with SCRATCHGAN_BACKEND=numpy

The commands, one per line, and their answers:

["check", MODE]      the losses of the first steps, by dtype, or an error message
["time", MODE, N]    the seconds of N steps, after one step that is not timed
"""

from __future__ import annotations

import json
import sys

import numpy as np

from scratchgan.runs import bench

from .peer_works import CHECKS, STEP_WORKS, TORCH_MODES, Sizes


def serve(threads: int, item: str, sizes: Sizes) -> None:
    """Answer the commands on standard input until it ends."""
    try:
        from . import peer_torch
    except ImportError as error:
        answer = {"missing": f"it is not installed ({error})"}
        sys.stdin.readline()
        print(json.dumps(answer), flush=True)
        return
    peer_torch.set_num_threads(threads)
    work, clocks = STEP_WORKS[item](sizes), {}
    for line in sys.stdin:
        if line.strip() == "version":
            print(json.dumps(peer_torch.torch.__version__), flush=True)
            continue
        what, who, *rest = json.loads(line)
        if what == "check":
            answer, clocks[who] = check(work, peer_torch, who)
        else:
            answer = clocks[who](*rest)
        print(json.dumps(answer), flush=True)


def check(work, peer_torch, who: str) -> tuple[dict, bench.Clock | None]:
    """The losses in both precisions (compiled modes only in float32, because compiling takes long), and the clock."""
    compiled, last = TORCH_MODES[who]
    mode = peer_torch.Mode("fused" in who, last, compiled)
    answer = {}
    try:
        for dtype in CHECKS:
            if dtype is np.float32 or not compiled:
                answer[dtype.__name__], step = work.theirs(mode, dtype)
    except Exception as error:
        if not compiled:
            raise
        text = str(error).strip() or "no message"
        return {"failed": f"{type(error).__name__}: {text.splitlines()[0][:100]}"}, None
    return answer, bench.clock(step)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2], Sizes(**json.loads(sys.argv[3])))
