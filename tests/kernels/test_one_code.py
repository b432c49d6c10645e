"""A kernel has one machine code: its bits do not depend on what was compiled, or loaded from the cache, before it."""

import os
import subprocess
import sys

import pytest
from engines import numba  # noqa: F401 - skips without Numba

from benchmarks import one_code

#: kernels that are quickly compiled; `python -m benchmarks.one_code` does the same with all of them
QUICK = ["adam_updates", "matmul", "group_mean_dot"]


def test_bits_do_not_depend_on_what_was_compiled_or_loaded_before(tmp_path):
    report, wrong = one_code.kernels(QUICK, 1, tmp_path)
    assert all(report["kernels"].values())
    assert max(report["inner functions compiled alone"].values()) > 3, "no inner function: the test compares nothing"
    assert wrong == []


def test_a_difference_is_found(tmp_path, monkeypatch):
    """The comparison itself: one result with other bits is named, with its case."""
    answers = iter(
        [{"digests": {"a": ["1"]}, "inner": {}, "compiled alone": 0}] * 2
        + [{"digests": {"a": ["2"]}, "compiled alone": 0}] * 2
    )
    monkeypatch.setattr(one_code, "apart", lambda *a, **k: next(answers))
    assert one_code.kernels(["a"], 0, tmp_path)[1] == ["a: loaded, two threads", "a: compiled in the opposite order"]


def test_a_run_that_is_stopped_cold_and_resumed_warm_is_the_run_left_alone(tmp_path):
    """With an empty cache, the first process compiles its kernels, and the second loads them."""
    variables = {
        **os.environ,
        "SCRATCHGAN_BACKEND": "",
        "SCRATCHGAN_KERNEL_CACHE": str(tmp_path / "kernels"),
        "NUMBA_NUM_THREADS": "1",
    }
    scratchgan = [sys.executable, "-m", "scratchgan"]
    common = ["--set", "hidden=[64,64]", "--set", "checkpoint_every=5", "--quiet"]

    def run(*arguments):
        subprocess.run([*scratchgan, *arguments], env=variables, cwd=tmp_path, check=True, timeout=300)

    program = (
        "import dataclasses, os; from scratchgan.runs import train as t, recipe as r\n"
        "save = t.Loop.save\n"
        "def stop(self):\n"
        "    save(self); os._exit(0)\n"
        "t.Loop.save = stop\n"
        "made = dataclasses.replace(r.load('mlp-ring'), steps=12, hidden=(64, 64), checkpoint_every=5)\n"
        "t.train(made, 'stopped', progress=False)"
    )
    subprocess.run([sys.executable, "-c", program], env=variables, cwd=tmp_path, check=True, timeout=300)
    assert not (tmp_path / "stopped" / "samples.npz").exists()
    run("resume", "stopped", "--quiet")
    run("train", "mlp-ring", "--steps", "12", *common, "--out", "alone")
    a, b = (one_code.np.load(tmp_path / name / "checkpoint.npz") for name in ("stopped", "alone"))
    for key in a.files:
        if key.startswith("arrays/"):
            one_code.np.testing.assert_array_equal(a[key], b[key], err_msg=key)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_with_a_second_process_that_compiles_ahead_the_bits_are_the_same(tmp_path):
    program = """
import hashlib, sys, time
import numpy as np
from scratchgan import kernels
from scratchgan.models import mlp_gan
print(kernels.prepare())
if sys.argv[1] == "wait":
    time.sleep(8)  # the second process is ahead: most kernels are loaded
gan = mlp_gan(data_dim=2, latent_dim=2, hidden=(64, 64), seed=0)
real = np.random.default_rng(0).standard_normal((256, 2)).astype(np.float32)
for _ in range(3):
    gan.train_step(real)
print(hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in gan.state().values())).hexdigest())
"""
    found = {}
    for case, ahead in (("alone", "0"), ("wait", "1")):
        variables = {
            **os.environ,
            "SCRATCHGAN_BACKEND": "",
            "SCRATCHGAN_KERNEL_CACHE": str(tmp_path / case),
            "SCRATCHGAN_KERNELS_AHEAD": ahead,
        }
        done = subprocess.run(
            [sys.executable, "-c", program, case], env=variables, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        cold, found[case] = done.stdout.split()
        assert cold == "True"
    assert len(set(found.values())) == 1, found
