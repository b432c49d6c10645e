"""Checkpoints: numbers and text in, the same out; and no damaged or foreign file is taken for one."""

import zipfile

import numpy as np
import pytest

from scratchgan.files import checkpoint

META = {"recipe": 'name = "δ"\n', "step": 7, "data_shape": (28, 28, 1), "one": (5,)}


@pytest.fixture
def arrays(rng):
    return {
        "gan/0.W": rng.standard_normal((3, 4)).astype(np.float32),
        "gan/steps": np.array(7),
        "file": np.zeros(0),
        "stream/rng": np.frombuffer(b"{}", dtype=np.uint8),
        "wide": rng.standard_normal(500),
    }


@pytest.fixture
def path(tmp_path, arrays):
    checkpoint.save(tmp_path / "checkpoint.npz", arrays, META)
    return tmp_path / "checkpoint.npz"


def test_round_trip_is_exact(path, arrays):
    loaded = checkpoint.load(path)
    assert loaded.meta == META
    assert loaded.arrays.keys() == arrays.keys()
    for key, array in arrays.items():
        assert loaded.arrays[key].dtype == array.dtype
        np.testing.assert_array_equal(loaded.arrays[key], array)


def test_python_objects_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r'"bad".*Python objects'):
        checkpoint.save(tmp_path / "c.npz", {"bad": np.array([{}])}, {})
    assert list(tmp_path.iterdir()) == []


def test_pickles_in_a_file_are_not_loaded(tmp_path):
    np.savez(
        tmp_path / "c.npz",
        format=np.frombuffer(checkpoint.FORMAT.encode(), np.uint8),
        version=1,
        **{"arrays/evil": np.array([{}], dtype=object)},
    )
    with pytest.raises(ValueError, match=r"c\.npz.*damaged \(arrays/evil: contains pickled Python objects, which are "):
        checkpoint.load(tmp_path / "c.npz")


def test_an_interrupted_save_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def stop(file, **members):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", stop)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {}, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_read_back_does_not_replace_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def lose_a_bit(file, **members):
        file.write(before[:600] + bytes([before[600] ^ 4]) + before[601:])

    monkeypatch.setattr(np, "savez", lose_a_bit)
    with pytest.raises(OSError, match="what was written could not be read back") as caught:
        checkpoint.save(path, {}, {})
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_more_than_load_reads_is_not_saved(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="expected at most 1,000"):
        checkpoint.save(path, {"x": np.zeros(200)}, {})
    assert path.read_bytes() == before


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz: no such checkpoint"):
        checkpoint.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.95, 0.999])
def test_truncated(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"checkpoint\.npz: the checkpoint is truncated or damaged"):
        checkpoint.load(path)


def test_a_flipped_bit_is_found(path):
    whole = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as members:
        start = members.getinfo("arrays/wide.npy").header_offset + 1000
    whole[start] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="truncated or damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04."])
def test_not_an_npz(tmp_path, content):
    (tmp_path / "c.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"c\.npz: not a scratchgan checkpoint"):
        checkpoint.load(tmp_path / "c.npz")


@pytest.mark.parametrize("member", [{"x": np.zeros(3)}, {"format": np.array("other")}, {"format": np.zeros(3)}])
def test_an_npz_of_something_else(tmp_path, member):
    np.savez(tmp_path / "c.npz", **member)
    with pytest.raises(ValueError, match="not a scratchgan checkpoint"):
        checkpoint.load(tmp_path / "c.npz")


def test_a_newer_version_says_so(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 0)
    with pytest.raises(ValueError, match=r"newer scratchgan \(checkpoint version 1, this one reads up to 0\)"):
        checkpoint.load(path)
