"""Writing files where the machine refuses: for a moment, for good, or half-way."""

import errno
import os

import pytest

from scratchgan.files import atomic
from scratchgan.files.atomic import replacing, write_text


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(atomic.time, "sleep", lambda seconds: None)


def refuse(monkeypatch, name, code, times):
    """Let os.<name> fail for the first `times` calls; return the list of calls."""
    real, calls = getattr(os, name), []

    def refused(*arguments, **options):
        calls.append(arguments)
        if len(calls) <= times:
            raise OSError(code, os.strerror(code), *(str(a) for a in arguments[:1] if not isinstance(a, int)))
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, refused)
    return calls


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EBUSY])
def test_a_rename_that_is_refused_for_a_moment_is_tried_again(tmp_path, monkeypatch, code):
    calls = refuse(monkeypatch, "replace", code, 3)
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(calls) == 4
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["replace", "fsync"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_an_error_names_the_file_that_was_meant_and_leaves_the_old_one(tmp_path, monkeypatch, name, code):
    path = tmp_path / "a.txt"
    path.write_text("old")
    refuse(monkeypatch, name, code, 99)
    with pytest.raises(OSError, match=r"a\.txt") as caught:
        write_text(path, "new")
    assert (caught.value.errno, caught.value.filename) == (code, str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_that_cannot_sync_one_file(tmp_path, monkeypatch, code):
    refuse(monkeypatch, "fsync", code, 99)
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_write_without_a_number_of_its_error_is_named_too(tmp_path):
    with pytest.raises(OSError, match="could not be written completely") as caught, replacing(tmp_path / "a.npy"):
        raise OSError("1000 requested and 200 written")  # this is what NumPy says on a full disk
    assert caught.value.filename == str(tmp_path / "a.npy")
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "a.txt"):
        open(tmp_path / "missing")
    assert caught.value.filename == str(tmp_path / "missing")


@pytest.mark.parametrize("name", ["x" * 240, "猫" * 80])
def test_the_longest_names(tmp_path, name):
    write_text(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"
