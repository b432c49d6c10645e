"""The lock of a run's folder, where the file system has none."""

import errno
import os

import pytest

from scratchgan.runs.folder import InUse, locked

fcntl = pytest.importorskip("fcntl")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EIO])
def test_a_file_system_without_locks_costs_a_warning(tmp_path, monkeypatch, code):
    def refused(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refused)
    entered = False
    with pytest.warns(RuntimeWarning, match="no locks .*make sure that no other process writes"), locked(tmp_path):
        entered = True
    assert entered


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES])
def test_a_lock_that_another_process_holds(tmp_path, monkeypatch, code):
    def refused(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(InUse, match="another process is writing to it"), locked(tmp_path):
        pass
