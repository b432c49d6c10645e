"""Arrays under other programs' names, labels in other forms, pixels at the edges of their range, data in Python."""

import numpy as np
import pytest
from refuses import refuses, unit

from scratchgan.data import DataError, load, load_path
from scratchgan.data.named import role
from scratchgan.data.own import from_python

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 2, 1, 0])


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ("x_train", "y_train"),
        ("X_train", "Y_train"),
        ("train_images", "train_labels"),
        ("trainX", "trainY"),
        ("TrainImages", "TrainLabels"),
        ("train_x", "train_y"),
        ("x_tr", "y_tr"),
        ("x", "y"),
        ("X", "Y"),
        ("data", "target"),
        ("arr_0", "arr_1"),
        ("imgs", "label"),
        ("train", "y_train"),
        ("features", "targets"),
        ("pictures", "classes"),
    ],
)
def test_names_of_other_programs(tmp_path, x, y):
    np.savez(tmp_path / "x.npz", **{x: PIXELS, y: LABELS})
    data = load_path(tmp_path / "x.npz")
    np.testing.assert_array_equal(data.x[..., 0], unit(PIXELS))
    assert (data.labels.tolist(), data.notes, data.test_size) == (LABELS.tolist(), (), 0)


def test_parts_of_an_npz(tmp_path):
    path = tmp_path / "bloodmnist.npz"
    parts = {"train": PIXELS, "val": PIXELS[:2], "test": PIXELS[:3]}
    arrays = {f"{part}_images": x for part, x in parts.items()}
    np.savez(path, **arrays, **{f"{part}_labels": LABELS[: len(x), None] for part, x in parts.items()})
    data = load_path(path, image_size=8)
    assert (len(data), data.labels.tolist(), data.test_size) == (6, LABELS.tolist(), 3)
    assert data.notes == (
        f"{path}: train_images is used, test_images is held out of training",
        f"{path}: the arrays ['val_images', 'val_labels'] are not read",
    )
    held = data.test()
    assert (held.x.shape, held.labels.tolist()) == ((3, 8, 8, 1), [2, 0, 1])
    np.testing.assert_array_equal(load(path, split="test").x[..., 0], unit(PIXELS[:3]))
    np.savez(path, images=PIXELS)
    with pytest.raises(DataError, match="has no test part: no array such as x_test"):
        load(path, split="test")


def test_what_cannot_be_told_is_refused_with_the_way_out(tmp_path):
    np.savez(tmp_path / "x.npz", first=PIXELS, second=PIXELS)
    refuses(tmp_path / "x.npz", "got ['first', 'second']", "np.savez(FILE, images=..., labels=...)")
    np.savez(tmp_path / "x.npz", weird=PIXELS, labels=LABELS)
    assert load_path(tmp_path / "x.npz").labels.tolist() == LABELS.tolist()
    assert role("x_y") is None
    assert role("folder/x_test") == ("images", "test")
    assert role("bottleneck") is None


def test_labels_in_every_usual_form(tmp_path):
    for labels in (
        LABELS[:, None],
        LABELS.astype(np.uint8)[:, None, None],
        LABELS.astype(np.float32),
        np.eye(3)[LABELS],
        np.eye(3, dtype=bool)[LABELS],
        np.eye(3, dtype=np.uint8)[LABELS],
    ):
        np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
        data = load_path(tmp_path / "x.npz")
        assert data.labels.tolist() == LABELS.tolist()
        assert data.labels.dtype == np.int64
    for labels in (
        np.array(["cat", "ant", "bee", "cat", "bee", "ant"]),
        np.array([b"c", b"a", b"b", b"c", b"b", b"a"]),
    ):
        np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
        data = load_path(tmp_path / "x.npz")
        assert data.labels.tolist() == LABELS.tolist()
        assert data.classes == tuple(np.unique(labels.astype(str)))
    np.savez(tmp_path / "x.npz", images=PIXELS, labels=LABELS > 1)
    assert load_path(tmp_path / "x.npz").labels.tolist() == [1, 0, 0, 1, 0, 0]
    for labels, words in (
        (np.ones((6, 3)), "labels (6, 3) are neither one column nor one-hot"),
        (np.eye(7)[:6] * 2, "neither one column nor one-hot"),
        (LABELS + 0.5, "expected whole numbers, got float64 with values that are none"),
        (np.full(6, np.nan), "expected whole numbers"),
        (np.full(6, 1e300), "expected whole numbers"),
        (LABELS[:4], "labels must be 6 whole numbers, got int64 of shape (4,)"),
        (LABELS - 1, "labels must be 0 or more, got -1"),
        (np.array(3), "labels must be 6 whole numbers"),
        (np.array(["a"] * 5), "labels must be 6 whole numbers, got <U1"),
        (LABELS * 1j, "expected whole numbers or texts, got complex128"),
    ):
        np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
        refuses(tmp_path / "x.npz", f"{tmp_path / 'x.npz'}[labels]: ", words)


def saved(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    return tmp_path / "x.npy"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_what_rounding_and_filters_do_to_floats(tmp_path, rng, dtype):
    base = rng.uniform(0, 1, (5, 4, 4))
    base[0, 0, :2] = 0, 1
    for least, most in ((-1e-7, 1), (0, 1.0000001), (-5e-4, 1.0009), (-1e-30, 1)):
        array = base.copy()
        array[0, 0, :2] = least, most
        x = load_path(saved(tmp_path, array.astype(dtype))).x  # black stays black
        assert (x[0, 0, 0, 0], x[0, 0, 1, 0]) == (pytest.approx(-1, abs=1e-6), 1)
    for least, most in ((-1.0000001, 1.0000001), (-1.0009, 1.0009), (-0.25, 0.5)):
        array = 2 * base - 1
        array[0, 0, :2] = least, most
        x = load_path(saved(tmp_path, np.maximum(array, least).astype(dtype))).x
        assert x[0, 0, 0, 0] == pytest.approx(max(least, -1), abs=1e-3)
        assert x.min() >= -1
    base[0, 0, 0] = -0.04
    refuses(saved(tmp_path, base.astype(dtype)), "could be either: if black is 0, use np.clip(x, 0, 1); if black is -1")
    base[0, 0, 1] = 1.0625
    refuses(
        saved(tmp_path, base.astype(dtype)), "must lie in [0, 1] or [-1, 1], got -0.04", "to 1.0625; ", "use np.clip"
    )
    refuses(saved(tmp_path, np.full((2, 4, 4), 1.002)), "got 1.002 to 1.002")


def test_ways_out_for_other_types_and_shapes(tmp_path):
    for array, words in (
        (PIXELS > 100, "got bool; False and True become black and white by x.astype(np.uint8) * 255"),
        (PIXELS.astype(np.int64), "got int64; 0..255 can be .astype(np.uint8), 0..65535 by (x // 257)"),
        (PIXELS.astype(np.int8), "got int8; 0..255 can be .astype(np.uint8)"),
        (PIXELS.astype(np.uint32), "got uint32; 0..255 can be .astype(np.uint8)"),
        (np.zeros((6, 784), np.uint8), "rows of 784 pixels become images by .reshape(-1, 28, 28)"),
        (np.zeros((6, 3072)), "become images by .reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)"),
        (np.zeros((32, 32, 3, 9)), "images must come first, use .transpose(3, 0, 1, 2)"),
        (np.zeros((6, 3, 32, 32)), "channels must come last, use .transpose(0, 2, 3, 1)"),
        (np.zeros((6, 8, 8, 4)), "without their transparency they are x[..., :3]"),
        (np.zeros((6, 4, 8, 8)), "they are x.transpose(0, 2, 3, 1)[..., :3]"),
        (np.zeros((6, 8, 8, 2)), "they are x[..., :1]"),
    ):
        refuses(saved(tmp_path, array), tmp_path / "x.npy", words)


def test_other_kinds_of_files_have_a_way_out(tmp_path):
    for content, words in (
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file: read its arrays with h5py"),
        (b"PAR1....", "is a Parquet file"),
        (b"MATLAB 5.0 MAT-file", "is a MATLAB file"),
        (b"Rar!\x1a\7", "is a RAR archive: unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a single image is not enough"),
        (b"\0\0\0\x1cftypavif", "a single image is not enough"),
        (b"GIF89a", "a single image is not enough"),
    ):
        (tmp_path / "x.bin").write_bytes(content)
        refuses(tmp_path / "x.bin", tmp_path / "x.bin", words)


def test_data_given_in_python(rng):
    x = rng.uniform(-1, 1, (6, 4, 4, 1)).astype(np.float32)
    for pair in ((x, LABELS), [x, LABELS[:, None]], (x, np.eye(3)[LABELS]), (list(x), list(LABELS))):
        data = from_python(pair)
        np.testing.assert_array_equal(data.x, x)
        assert data.labels.tolist() == LABELS.tolist()
    assert from_python((x, ["b", "a", "b", "b", "a", "a"])).classes == ("a", "b")
    np.testing.assert_array_equal(from_python(PIXELS).x[..., 0], unit(PIXELS))
    np.testing.assert_array_equal(from_python(x[..., 0]).x, x)
    assert from_python(x * 1.0000002).x.max() <= 1
    assert from_python(rng.normal(size=(9, 2)) * 5).labels is None
    assert "if these are in [0, 1], use 2 * x - 1" in from_python(np.abs(x)).notes[0]
    for given, words in (
        ((x, LABELS, LABELS), "expected an array or a pair (x, labels), got 3 objects"),
        (x * 255, "if they are 0 to 255, divide by 255"),
        (PIXELS.astype(np.int64), "can be .astype(np.uint8)"),
        ((x, LABELS[:2]), "labels must be 6 whole numbers"),
        (PIXELS > 9, "x.astype(np.uint8) * 255"),
    ):
        with pytest.raises(DataError) as caught:
            from_python(given)
        assert words in str(caught.value)
