"""The time to start in a new process, the memory of 20 training steps, and whether the results are bit-identical.

    python -m benchmarks.startup [--repeats 3] [--quick]

    import       seconds that `import scratchgan` takes
    first step   seconds from the start of the process to the end of the first step of DCGAN-28, batch 64: with an empty
                 cache of compiled kernels (SCRATCHGAN_KERNEL_CACHE is an empty folder), and again with the filled cache
    memory       peak of resident memory after 20 such steps, and after the same steps in PyTorch
    bits         sha256 of all weights and running statistics after 50 steps, on 1 and on 2 threads

Times are medians.  The exit code is 1 if the bits differ.  Writes benchmarks/results/startup.json; --quick, with a tiny
net and few steps, writes nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .scaling import memory

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
IMPORT = "import time; t = time.perf_counter(); import scratchgan; print(time.perf_counter() - t)"


def steps(count: int, batch: int, width: int, threads: int | None) -> dict:
    """Train DCGAN-28 on digits in this process; returns the peak memory, and a digest of all its arrays."""
    import scratchgan
    from scratchgan.data import load
    from scratchgan.models import dcgan

    if threads is not None:
        scratchgan.set_num_threads(threads)
    gan, digits = dcgan(28, 1, 100, width, seed=0), load("mnist-5k").x
    for i in range(count):
        gan.train_step(digits[i * batch : (i + 1) * batch])
    digest = hashlib.sha256()
    for net in (gan.G, gan.D):
        for path, array in net.parameters() + net.buffers():
            digest.update(path.encode() + array.tobytes())
    return {"peak_mb": memory("VmHWM"), "sha256": digest.hexdigest()}


def torch_steps(count: int, batch: int, width: int, threads: int | None) -> dict:
    """The same in PyTorch, eager with fused Adam and channels_last; returns the peak memory only."""
    import torch

    from . import peer_torch

    if threads is not None:
        torch.set_num_threads(threads)
    mode = peer_torch.Mode(fused=True, channels_last=True)
    gan = peer_torch.Gan(*peer_torch.dcgan_nets(width, 100, mode), 100, batch, mode)
    real = torch.rand(batch, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    for _ in range(count):
        gan.train_step(real)
    return {"peak_mb": memory("VmHWM")}


def fresh(what: str, cache: str | None = None, **arguments) -> tuple[float, dict]:
    """Run `steps` or `torch_steps` in a new process; returns (seconds until its answer arrived, the answer)."""
    environment = {**os.environ, **({"SCRATCHGAN_KERNEL_CACHE": cache} if cache else {})}
    command = [sys.executable, "-m", "benchmarks.startup", "--measure", json.dumps([what, arguments])]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE) as process:
        answer = process.stdout.readline()
        seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{what} ended with exit code {process.returncode}")
    return seconds, json.loads(answer)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="new processes for each measurement (3)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts to compare (1 2)")
    parser.add_argument("--quick", action="store_true", help="only test that it runs: a tiny net, few steps")
    parser.add_argument("--out", type=Path, help="folder for startup.json")
    parser.add_argument("--measure", metavar="JSON", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        what, arguments = json.loads(options.measure)
        print(json.dumps({"steps": steps, "torch_steps": torch_steps}[what](**arguments)), flush=True)
        return 0
    repeats = 1 if options.quick else options.repeats
    size = {"batch": 8, "width": 8} if options.quick else {"batch": 64, "width": 64}
    many, out = (2, options.out) if options.quick else (20, options.out or RESULTS)

    imports = [
        float(
            subprocess.run(
                [sys.executable, "-c", IMPORT], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True
            ).stdout
        )
        for _ in range(repeats)
    ]
    result = {"import_seconds": statistics.median(imports)}
    print(f"import scratchgan: {result['import_seconds']:.3f} s", flush=True)

    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(fresh("steps", cache, count=1, threads=None, **size)[0])
            warm.append(fresh("steps", cache, count=1, threads=None, **size)[0])
    result.update(first_step_cold_seconds=statistics.median(cold), first_step_warm_seconds=statistics.median(warm))
    print(
        f"process start to the end of the first step: {result['first_step_cold_seconds']:.2f} s with an empty kernel "
        f"cache, {result['first_step_warm_seconds']:.2f} s with a filled one",
        flush=True,
    )

    result["peak_mb"] = fresh("steps", count=many, threads=None, **size)[1]["peak_mb"]
    try:
        result["peak_mb_torch"] = fresh("torch_steps", count=many, threads=None, **size)[1]["peak_mb"]
    except RuntimeError as error:
        print(f"PyTorch left out: {error}")
        result["peak_mb_torch"] = None
    print(
        f"peak memory of {many} steps: {result['peak_mb']:.0f} MB"
        + (f"; PyTorch {result['peak_mb_torch']:.0f} MB" if result["peak_mb_torch"] else ""),
        flush=True,
    )

    count = 3 if options.quick else 50
    result["sha256"] = {
        threads: fresh("steps", count=count, threads=threads, **size)[1]["sha256"] for threads in options.threads
    }
    result["same_bits"] = len(set(result["sha256"].values())) == 1
    for threads, digest in result["sha256"].items():
        print(f"sha256 after {count} steps, threads: {threads}: {digest}")
    print("the same bits" if result["same_bits"] else "DIFFERENT bits")
    if out:
        from scratchgan.files.atomic import write_text
        from scratchgan.runs import bench

        facts = bench.machine("torch")
        out.mkdir(parents=True, exist_ok=True)
        write_text(out / "startup.json", json.dumps({"machine": facts, "repeats": repeats, **result}, indent=1) + "\n")
        print(f"wrote {out / 'startup.json'}")
    return 0 if result["same_bits"] else 1


if __name__ == "__main__":
    sys.exit(main())
