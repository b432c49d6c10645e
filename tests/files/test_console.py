"""Consoles that lack letters, that do not exist, that nobody reads any more: a command goes on to its end."""

import ast
import errno
import io
import os
import subprocess
import sys
import warnings

import pytest

from scratchgan.cli import main
from scratchgan.files.console import Output, argument, console, explain, progress_bar
from tests.structure import Package

RUN = ["train", "mlp-ring", "--steps", "3", "--set", "hidden=[8]", "batch_size=8", "sample_every=0", "--out"]
FILES = {"checkpoint.npz", "curves.png", "log.jsonl", "modes.json", "progress.gif", "recipe.toml", "samples.png"}


class Broken(io.StringIO):
    """A stream that fails with an error number from the `after`-th write on."""

    def __init__(self, code, after=0):
        super().__init__()
        self.code, self.left = code, after

    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise OSError(self.code, os.strerror(self.code))
        return super().write(text)


class NotFlushed(io.StringIO):
    def flush(self):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def encoded(name):
    return io.TextIOWrapper(io.BytesIO(), encoding=name, write_through=True)


#: {a kind of console: (what makes it, the exit code of a command that writes to it)}
CONSOLES = {
    "ASCII": (lambda: encoded("ascii"), 0),
    "an old code page": (lambda: encoded("cp1252"), 0),
    "a multibyte code page": (lambda: encoded("cp932"), 0),
    "none, as in pythonw": (lambda: None, 0),
    "closed": (closed, 0),
    "a pipe whose reader went away": (lambda: Broken(errno.EPIPE), 0),
    "the same, later": (lambda: Broken(errno.EPIPE, 2), 0),
    "the same, at the flush": (NotFlushed, 0),
    "a terminal that was closed": (lambda: Broken(errno.EIO), 0),
    "a full disk": (lambda: Broken(errno.ENOSPC), 2),
    "a full quota": (lambda: Broken(errno.EDQUOT, 1), 2),
}


@pytest.mark.parametrize("kind", ["ASCII", "none, as in pythonw", "the same, later", "a full quota"])
def test_a_run_is_complete_whatever_the_console(kind, tmp_path, monkeypatch):
    make, code = CONSOLES[kind]
    folder = tmp_path / "été 猫"
    stdout, stderr = make(), io.StringIO() if code else make()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main([*RUN, str(folder)]) == code
    assert (sys.stdout, sys.stderr) == (stdout, stderr)
    assert {path.name for path in folder.iterdir()} >= FILES
    if kind == "ASCII":
        assert rb"\xe9t\xe9 \u732b: checkpoint.npz" in stdout.buffer.getvalue()
    if code:
        assert "scratchgan: error: the output is not complete: " in stderr.getvalue()


@pytest.mark.parametrize("kind", CONSOLES)
def test_a_command_that_only_prints_ends_as_ever(kind, monkeypatch):
    make, code = CONSOLES[kind]
    monkeypatch.setattr(sys, "stdout", make())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main(["recipes", "--keys"]) == code
    assert bool(sys.stderr.getvalue()) == bool(code)


@pytest.mark.parametrize("kind", CONSOLES)
def test_an_error_keeps_its_exit_code(kind, tmp_path, monkeypatch):
    make, _ = CONSOLES[kind]
    monkeypatch.setattr(sys, "stderr", make())
    assert main(["resume", str(tmp_path / "été")]) == 2


@pytest.mark.skipif(os.name == "nt", reason="the shell of POSIX systems")
@pytest.mark.parametrize("redirected", ["2>&1 | true", ">&- 2>&- <&-"])
def test_in_a_shell(redirected, tmp_path):
    command = f'"{sys.executable}" -m scratchgan {" ".join(RUN)} run {redirected}'
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONIOENCODING": "ascii",
        "SCRATCHGAN_BACKEND": "numpy",
    }
    subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert {path.name for path in (tmp_path / "run").iterdir()} >= FILES


def test_a_warning_is_one_line():
    with console():
        assert warnings.formatwarning("two\nlines", RuntimeWarning, "f.py", 1) == "scratchgan: warning: two\\nlines\n"
    assert warnings.formatwarning("x", RuntimeWarning, "f.py", 1).startswith("f.py:1")


def test_progress_without_a_console(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress_bar(range(3), desc="counting")) == [0, 1, 2]


def test_all_progress_bars_are_ours():
    package = Package()
    for path, source in package.sources.items():
        if "tqdm" in source and package.place(path) != "files/console.py":
            for node in ast.walk(ast.parse(source)):
                names = (
                    {alias.name for alias in node.names} if isinstance(node, (ast.Import, ast.ImportFrom)) else set()
                )
                assert "tqdm" not in {*names, getattr(node, "module", "")}, package.place(path)


def test_output_passes_on_what_else_a_stream_has():
    stream = io.StringIO()
    output = Output(stream)
    assert output.getvalue() == ""
    assert not output.isatty()
    assert not Output(None).isatty()
    assert Output(None).write("abc") == 3


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a/b.png"), "a/b.png: No space left on device; free some"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "a"), "remove some files"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "a"), "a: Permission denied; check its permissions"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "a"), "choose a folder that you may write to"),
        (OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), "a" * 300), "choose a shorter name"),
        (OSError(errno.ENOSPC, "full; it says itself what to do", "a"), "a: full; it says itself what to do"),
        (FileNotFoundError(2, "No such file or directory", "a\nb\x1b[31m"), r"a b\x1b[31m: No such file or directory"),
        (UnicodeEncodeError("latin-1", "a猫b", 1, 2, "no"), "latin-1 has no character for '猫'; rename it"),
        (MemoryError("of 9 GiB"), "not enough memory: of 9 GiB"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_one_line_with_a_way_out(error, text):
    assert text in explain(error)
    assert explain(error).isprintable()


@pytest.mark.skipif(os.name == "nt", reason="the shell of POSIX systems")
def test_a_folder_in_advice_can_be_copied():
    assert argument("runs/mlp-ring") == "runs/mlp-ring"
    assert argument("runs/my ring 1") == "'runs/my ring 1'"


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "mlp-ring", "--data", ""],
        ["train", "mlp-ring", "--out", ""],
        ["train", ""],
        ["resume", ""],
        ["sample", "runs/x", "--out", ""],
        ["evaluate", ""],
        ["doctor", ""],
        ["pictures", "runs/x", "--out", ""],
        ["translate", "runs/x", "", "--to", "a"],
        ["grade", ""],
    ],
)
def test_an_empty_path_is_not_the_present_folder(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "expected a name or a path, got an empty text" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
