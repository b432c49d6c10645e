"""Compiled code: kept in a folder, made when a kernel is first called, and done without where Numba is missing."""

import errno
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
    code, output = python(SMALL_STEP, SCRATCHGAN_BACKEND="", SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "mine"))
    assert (code, output) == (0, "numba -0.5")
    (folder,) = (tmp_path / "mine").iterdir()
    assert folder.name.startswith("kernels-")
    assert list(folder.rglob("*.nbi"))
    code, output = python(
        SMALL_STEP, SCRATCHGAN_BACKEND="", SCRATCHGAN_KERNEL_CACHE="off", XDG_CACHE_HOME=str(tmp_path / "none")
    )
    assert (code, output) == (0, "numba -0.5")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("no folder")
    code, output = python(SMALL_STEP, SCRATCHGAN_BACKEND="", SCRATCHGAN_KERNEL_CACHE=str(tmp_path / "file"))
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


def test_warmup_compiles_and_counts(capsys, on_numba):
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


# ---- a cache that is damaged, full or out of reach

FUNCTION = "from scratchgan.kernels.compiled.compiling import jit\n@jit\ndef double(x):\n    return x + x\n"
DAMAGE = {
    "the index is empty": ("*.nbi", lambda path: path.write_bytes(b"")),
    "the index is cut short": ("*.nbi", lambda path: path.write_bytes(path.read_bytes()[:-40])),
    "the index is garbage": ("*.nbi", lambda path: path.write_bytes(b"garbage" * 99)),
    "the index is a folder": ("*.nbi", lambda path: (path.unlink(), path.mkdir())),
    "machine code is empty": ("*.nbc", lambda path: path.write_bytes(b"")),
    "machine code is cut short": ("*.nbc", lambda path: path.write_bytes(path.read_bytes()[:1000])),
    "one bit of machine code is wrong": ("*.nbc", lambda path: path.write_bytes(flipped(path.read_bytes()))),
    "machine code is a folder": ("*.nbc", lambda path: (path.unlink(), path.mkdir())),
}


def flipped(content):
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.fixture
def complaints(tmp_path, monkeypatch, recwarn):
    """A function that compiles and calls a function of a file, with a cache of its own; it returns the warnings."""
    from scratchgan.kernels.compiled import compiling

    path, folder = tmp_path / "program.py", tmp_path / "cache"
    path.write_text(FUNCTION)
    folder.mkdir()
    monkeypatch.setattr(compiling, "cache_folder", lambda: folder)

    def called():
        recwarn.clear()
        monkeypatch.setattr(compiling, "_complained", False)
        namespace = {"__name__": "program"}
        exec(compile(FUNCTION, str(path), "exec"), namespace)
        assert namespace["double"](21) == 42
        assert namespace["double"](0.5) == 1
        return [text for text in (str(w.message) for w in recwarn) if "compiled kernels" in text]

    return called


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_costs_time_and_one_warning(kind, complaints, tmp_path):
    pattern, damage = DAMAGE[kind]
    assert complaints() == []
    files = list((tmp_path / "cache").rglob(pattern))
    assert files
    for path in files:
        damage(path)
    (said,) = complaints()
    assert str(tmp_path / "cache") in said
    assert "SCRATCHGAN_KERNEL_CACHE" in said
    assert len(complaints()) == ("folder" in kind)  # files are mended


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_cache_that_cannot_be_written_costs_one_warning(code, complaints, monkeypatch):
    from scratchgan.kernels.compiled import compiling

    def refused(self, path):
        raise OSError(code, os.strerror(code), path)

    monkeypatch.setattr(compiling._Files, "_open_for_write", refused)
    (said,) = complaints()
    assert os.strerror(code) in said


def test_a_cache_that_is_gone(complaints, tmp_path):
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file")
    assert len(complaints()) <= 1


@pytest.mark.parametrize("error", [RuntimeError("Could not determine home directory."), OSError(errno.ENOSPC, "full")])
def test_no_home_and_no_temporary_folder(error, monkeypatch):
    from scratchgan.kernels.compiled import compiling

    def fail(*arguments, **options):
        raise error if isinstance(error, OSError) else OSError(errno.ENOENT, "no folder")

    def no_home():
        raise error

    for name in (compiling.VARIABLE, "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(compiling, "_user_cache", no_home)
    monkeypatch.setattr(compiling.tempfile, "mkdtemp", fail)
    with pytest.warns(RuntimeWarning, match="cannot be kept in .* compiled again next time"):
        assert compiling.cache_folder.__wrapped__() is None


@pytest.mark.parametrize(("setting", "value"), [("NUMBA_DISABLE_JIT", "1"), ("NUMBA_NUM_THREADS", "0")])
def test_settings_with_which_numba_does_not_compile(setting, value):
    code, output = python(SMALL_STEP, SCRATCHGAN_BACKEND="", **{setting: value})
    assert code == 0
    assert "numpy -0.5" in output
    assert "RuntimeWarning: the NumPy twins run" in output
    assert "NUMBA_" in output
    code, output = python("import scratchgan; scratchgan.get_backend()", SCRATCHGAN_BACKEND="numba", **{setting: value})
    assert code == 1
    assert "BackendError: " in output.splitlines()[-1]


FORK = """
import multiprocessing, os, threading
import numpy as np
from scratchgan import kernels

def product(seed):
    a = np.random.default_rng(seed).standard_normal((200, 200)).astype(np.float32)
    return kernels.matmul(a, a).tobytes()

if __name__ == "__main__":
    first = product(0)
    for _ in range(2):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.map(product, [0, 1, 2, 3])
        assert found == [product(seed) for seed in range(4)]
    assert found[0] == first
    print("equal")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_after_the_first_kernel():
    assert python(FORK) == (0, "equal")
