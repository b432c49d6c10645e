"""Compiled code: kept in a folder, made when a kernel is first called, and done without where Numba is missing."""

import os
import subprocess
import sys

import pytest

import scratchgan
from scratchgan.kernels.examples import examples

pytest.importorskip("numba")


def python(code, **environment):
    """Run code in a fresh process; returns (exit code, output)."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


SMALL_STEP = """
import warnings; warnings.simplefilter("always")
import numpy as np, scratchgan
from scratchgan import kernels
y = kernels.leaky_relu(-np.ones((60, 60), np.float32), slope=0.5)
print(scratchgan.get_backend(), y.min())
"""


def test_the_cache_of_machine_code(tmp_path):
    """A folder of one's own fills; switched off, nothing is written; an unwritable one costs a warning, no more."""
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "mine"))
    assert (code, output) == (0, "numba -0.5")
    (folder,) = (tmp_path / "mine").iterdir()
    assert folder.name.startswith("kernels-")
    assert list(folder.rglob("*.nbi"))
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE="off", XDG_CACHE_HOME=str(tmp_path / "none"))
    assert (code, output) == (0, "numba -0.5")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("no folder")
    code, output = python(SMALL_STEP, SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "file"))
    assert code == 0
    assert output.startswith("numba -0.5")
    assert "compiled kernels cannot be kept in" in output
    assert "SCRATCHGAN_KERNEL_CACHE" in output


def test_without_numba_the_twins_run():
    hide = "import sys; sys.modules['numba'] = None\n"
    code, output = python(hide + SMALL_STEP, SCRATCHGAN_BACKEND="")
    assert (code, output) == (0, "numpy -0.5")
    code, output = python(hide + "import scratchgan; scratchgan.set_backend('numba')")
    assert code == 1
    assert "BackendError: the backend 'numba' needs Numba: pip install numba" in output


def test_numba_is_imported_when_a_kernel_is_called_and_not_before():
    code, output = python(
        "import sys, scratchgan\n"
        "from scratchgan.models import dcgan\n"
        "gan = dcgan(image_size=8, width=4)\n"
        "print('numba' in sys.modules)\n"
    )
    assert (code, output) == (0, "False")


def test_warmup_compiles_and_counts(capsys):
    assert scratchgan.warmup(progress=False) == len(list(examples()))
    assert capsys.readouterr().err == ""


def test_kernels_that_somebody_may_be_running_are_never_removed(tmp_path):
    """Of old versions the latest two stay; one of the last day stays in any case."""
    import os
    import time

    from scratchgan.kernels.compiled.compiling import _forget_old

    for age, name in enumerate(("now", "hours", "days2", "days3", "days4", "days5")):
        (tmp_path / f"kernels-{name}").mkdir()
        when = time.time() - (0, 0.5, 2, 3, 4, 5)[age] * 86400
        os.utime(tmp_path / f"kernels-{name}", (when, when))
    for name in ("other1", "other2"):
        (tmp_path / f"kernels-{name}").mkdir()
    _forget_old(tmp_path, tmp_path / "kernels-now")
    assert {p.name for p in tmp_path.iterdir()} == {"kernels-now", "kernels-hours", "kernels-other1", "kernels-other2"}
