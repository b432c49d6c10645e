"""The user's own arrays (.npy, .npz, IDX): read right, or refused before memory is taken; pickles are never loaded."""

import gzip
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refuses import refuses, unit

from scratchgan.data import limits, load_path
from scratchgan.data.arrays import to_samples


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 6, 1), (4, 5, 6, 3)])
def test_npy_and_npz(tmp_path, rng, shape):
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    np.savez_compressed(tmp_path / "x.npz", images=np.asfortranarray(pixels), labels=np.arange(4), other=np.ones(3))
    np.savez(tmp_path / "only.npz", anything=pixels)
    wanted = unit(pixels if len(shape) == 4 else pixels[..., None])
    for name in ("x.npy", "x.npz", "only.npz"):
        data = load_path(tmp_path / name)
        np.testing.assert_array_equal(data.images, wanted)
        assert data.images.flags.writeable
    assert load_path(tmp_path / "x.npz").labels.tolist() == [0, 1, 2, 3]
    assert load_path(tmp_path / "x.npy", image_size=4).images.shape == (4, 4, 4, wanted.shape[3])
    assert load_path(tmp_path / "x.npy", channels=3).images.shape == (4, 5, 6, 3)
    assert load_path(tmp_path / "x.npy", channels=1).images.shape == (4, 5, 6, 1)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    values=st.lists(st.floats(-1, 1, width=32), min_size=16, max_size=16),
    dtype=st.sampled_from(["<f2", "<f4", "<f8", ">f4"]),
)
def test_float_images_keep_their_range(values, dtype):
    """[-1, 1] stays; without a negative it is [0, 1] and is stretched.  Never outside [-1, 1]."""
    array = np.array(values).astype(dtype).reshape(1, 4, 4)
    if -0.25 < array.min() < 0:  # hardly below 0: see test_what_rounding_and_filters_do_to_floats
        array[0, 0, 0] = -0.25
    x = to_samples(array, "x")
    assert x.shape == (1, 4, 4, 1)
    assert x.dtype == np.float32
    wanted = array.astype(np.float32) if array.min() < 0 else 2 * array.astype(np.float32) - 1
    np.testing.assert_allclose(x[..., 0], wanted, atol=1e-6)
    assert np.abs(x).max() <= 1


@pytest.mark.parametrize("d", [1, 2])
def test_points(tmp_path, rng, d):
    points = rng.normal(size=(7, d)) * 50  # as they are: not scaled
    np.save(tmp_path / "p.npy", points)
    data = load_path(tmp_path / "p.npy")
    np.testing.assert_array_equal(data.x, points.astype(np.float32))
    assert data.example_shape == (d,)
    refuses(tmp_path / "p.npy", f"holds points (7, {d}); image_size and channels are for images", image_size=8)


def test_array_errors(tmp_path):
    path = tmp_path / "x.npy"
    nan = np.zeros((5, 4, 4), np.float32)
    nan[3, 1, 1] = np.nan
    inf = np.zeros((5, 2))
    inf[2, 1] = -np.inf
    for array, words in [
        (nan, "sample 3 has the value nan; every value must be finite"),
        (inf, "sample 2 has the value -inf"),
        (np.full((3, 2), 1e300), "sample 0 has the value inf"),
        (np.full((2, 4, 4), 255.0), "must lie in [0, 1] or [-1, 1], got 255 to 255; if they are 0 to 255, divide by"),
        (np.full((2, 4, 4), -1.5), "got -1.5 to -1.5"),
        (np.zeros((2, 4, 4), np.int64), "expected uint8 or floats, got int64"),
        (np.zeros((2, 4, 4), np.uint16), "images must be uint8 or floats, got uint16; 0..255 can be .astype(np.uint8)"),
        (np.zeros((2, 4, 4), complex), "expected uint8 or floats, got complex128"),
        (np.array(["a", "b"]), "expected uint8 or floats, got <U1"),
        (np.zeros((2, 1, 8, 8)), "got (2, 1, 8, 8): channels must come last, use .transpose(0, 2, 3, 1)"),
        (np.zeros((2, 3, 8, 8)), "got (2, 3, 8, 8): channels must come last"),
        (np.zeros((2, 8, 8, 4)), "got 4 channels in (2, 8, 8, 4)"),
        (np.zeros((8, 8, 3)), "(8, 8, 3) looks like a single image"),
        (np.zeros((9, 784)), "is read as points (N, 1) or (N, 2), got (9, 784); images must be (N, H, W)"),
        (np.zeros((4, 2), np.uint8), "points must be floats, got uint8"),
        (np.zeros((0, 8, 8)), "got the empty shape (0, 8, 8)"),
        (np.zeros((0, 2)), "got (0, 2)"),
        (np.zeros(5), "images must be (N, H, W), (N, H, W, 1) or (N, H, W, 3), got (5,)"),
        (np.array(1.0), "got ()"),
    ]:
        np.save(path, array)
        refuses(path, path, words)


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("code from the file was run",))

    np.save(tmp_path / "x.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    refuses(tmp_path / "x.npy", "contains pickled Python objects, which are never loaded")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.write(tmp_path / "x.npy", "images.npy")
    refuses(tmp_path / "x.npz", "[images]: contains pickled Python objects")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([1, 2]))
    refuses(tmp_path / "x.pkl", "looks like a pickle, which is never loaded")


def header(shape, dtype="|u1"):
    text = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def test_declared_sizes_are_checked_before_memory_is_taken(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    path.write_bytes(header((10**9, 10**3, 10**3)) + b"\0" * 100)
    refuses(path, "more than the file contains: it is truncated or broken")
    path.write_bytes(header((-4, -5, 5)) + b"\0" * 100)
    refuses(path, "declares the impossible shape (-4, -5, 5)")
    path.write_bytes(header((4, 5, 5))[:60])
    refuses(path, "not an array that NumPy can read")
    path.write_bytes(b"\x93NUMPY\x09\x00" + b"\0" * 100)
    refuses(path, "not an array that NumPy can read (its header is broken or too new)")
    path.write_bytes(header((4, 5, 5)) + b"\0" * 100)
    assert load_path(path).images.shape == (4, 5, 5, 1)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("images.npy", header((10**6, 10**6)) + b"\0" * 100)
    refuses(tmp_path / "x.npz", "x.npz[images]: declares (1000000, 1000000) of uint8, more than the file contains")
    monkeypatch.setattr(limits, "MAX_BYTES", 399)
    refuses(path, "(4, 5, 5) would take", "as float32, and the limit is")


def test_npz_errors(tmp_path, rng):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.zeros((2, 4, 4)), b=np.zeros((2, 4, 4)))
    refuses(path, "expected an array 'images' or a single array, got ['a', 'b']")
    np.savez(path, images=np.zeros((2, 4, 4)), labels=np.zeros(3, int))
    refuses(path, "labels must be 2 whole numbers, got int64 of shape (3,)")
    np.savez(path, images=np.zeros((2, 4, 4)), labels=np.array([0, 0.5]))
    refuses(path, "[labels]: expected whole numbers, got float64")
    np.savez_compressed(path, images=rng.integers(0, 256, (50, 9, 9), dtype=np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    refuses(path, "the .npz file is broken or cut short")
    path.write_bytes(whole[:300] + b"????" + whole[304:])
    refuses(path, "the .npz file is broken or cut short")


# ---- IDX files


def idx(array, kind=8, shape=None):
    shape = array.shape if shape is None else shape
    return bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_idx(tmp_path, rng, pack):
    pixels = rng.integers(0, 256, (4, 5, 6), dtype=np.uint8)
    path = tmp_path / "my-images-idx3-ubyte"
    path.write_bytes(pack(idx(pixels)))
    data = load_path(path)
    np.testing.assert_array_equal(data.images[..., 0], unit(pixels))
    assert data.labels is None
    labels = tmp_path / "my-labels-idx1-ubyte"
    labels.write_bytes(pack(idx(np.array([3, 1, 2, 0], np.uint8))))
    assert load_path(path).labels.tolist() == [3, 1, 2, 0]
    labels.write_bytes(pack(idx(np.zeros(3, np.uint8))))
    refuses(path, "labels must be 4 whole numbers, got uint8 of shape (3,)")
    labels.unlink()
    for content, words in [
        (idx(pixels, shape=(4, 5, 7)), "declares (4, 5, 7), 140 bytes, but ends before that"),
        (idx(pixels, shape=(4, 5, 5)), "declares (4, 5, 5), 100 bytes, but continues after that"),
        (idx(pixels, kind=0x0D), "IDX type 0x0d is not supported, only unsigned bytes (0x08)"),
        (idx(pixels[0]), "expected an IDX file of 3 axes, got 2"),
        (idx(pixels)[:9], "the IDX file ends inside its header"),
        (b"\0\0", "not an IDX file"),
        (idx(pixels, shape=(2**32 - 1,) * 3), "which a file of this size cannot hold"),
    ]:
        if pack is bytes and "ends before" in words:
            words = "which a file of this size cannot hold"  # known before it is read
        path.write_bytes(pack(content))
        refuses(path, path, words)


def test_gzip_errors(tmp_path, rng, monkeypatch):
    path = tmp_path / "x.gz"
    packed = gzip.compress(idx(rng.integers(0, 256, (4, 50, 60), dtype=np.uint8)))
    path.write_bytes(packed[:-3000])
    refuses(path, "the gzip file is broken or cut short")
    path.write_bytes(packed[:3000] + b"????" + packed[3004:])
    refuses(path, "the gzip file is broken or cut short")
    path.write_bytes(gzip.compress(b"hello, this is text"))
    refuses(path, "not an IDX file")
    path.write_bytes(packed)
    monkeypatch.setattr(limits, "MAX_BYTES", 1000)
    refuses(path, "would take")
