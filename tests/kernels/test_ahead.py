"""The second process that compiles ahead: when it runs, what it compiles, and when it stops."""

import importlib
import os
import subprocess
import sys
import time

import pytest
from engines import numba  # noqa: F401 - skips without Numba

from scratchgan.kernels.compiled import ahead

START = """
import sys, time
from scratchgan.kernels import prepare
print(prepare(), prepare(), flush=True)
time.sleep(float(sys.argv[1]))
"""


def process(cache, seconds, **variables):
    settings = {**os.environ, "SCRATCHGAN_BACKEND": "", "SCRATCHGAN_KERNEL_CACHE": str(cache), **variables}
    command = [sys.executable, "-c", START, str(seconds)]
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, text=True)


def test_what_it_compiles_exists():
    roots = ahead.names()
    assert set(ahead.ORDER) <= set(roots)
    assert len(set(ahead.ORDER)) == len(ahead.ORDER)
    for name in ahead.ORDER:
        module = importlib.import_module(f"scratchgan.kernels.compiled.{name.split('.')[0]}")
        assert hasattr(module, name.split(".")[1])


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_it_fills_an_empty_cache_and_stops_with_the_process_that_started_it(tmp_path):
    first = process(tmp_path, 120)
    assert first.stdout.readline().split() == ["True", "True"]
    for _ in range(600):
        if len(list(tmp_path.rglob("*.nbi"))) > 1:
            break
        time.sleep(0.1)
    (lock,) = tmp_path.rglob(ahead.LOCK)
    first.kill()
    first.communicate()
    for _ in range(300):  # it ends after the function that it is compiling
        if not lock.exists():
            break
        time.sleep(0.1)
    assert not lock.exists()
    count = len(list(tmp_path.rglob("*.nbi")))
    assert 1 < count < len(ahead.ORDER)
    second = process(tmp_path, 0)
    assert second.communicate(timeout=60)[0].split() == ["False", "False"]  # the cache is not empty
    assert len(list(tmp_path.rglob("*.nbi"))) == count


@pytest.mark.parametrize("variables", [{"SCRATCHGAN_KERNELS_AHEAD": "0"}, {"SCRATCHGAN_BACKEND": "numpy"}])
def test_it_can_be_switched_off(tmp_path, variables):
    expected = "False" if "SCRATCHGAN_BACKEND" in variables else "True"
    assert process(tmp_path, 0, **variables).communicate(timeout=60)[0].split()[0] == expected
    assert not list(tmp_path.rglob(ahead.LOCK))
