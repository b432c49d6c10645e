"""Which images of a folder or a zip file are read: parts, classes, layouts, and a word on everything else."""

import io
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from refuses import refuses

from scratchgan.data import DataError, load, load_path
from scratchgan.data.zipped import MAX_MEMBERS, opened_zip


def picture(shade, kind="png"):
    file = io.BytesIO()
    Image.fromarray((np.arange(36).reshape(6, 6) * 3 + shade).astype(np.uint8)).save(file, kind)
    return file.getvalue()


def layout(folder, *names):
    """A file for each name: images of different shades, or a line of text."""
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(20 * i) if path.suffix == ".png" else b"text")
    return folder


def shades(data):
    return np.rint((data.x[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def test_what_is_not_read_is_counted(tmp_path):
    layout(tmp_path, "cats/0.png", "cats/1.png", "dogs/0.png", "cats/x.heic", "dogs/y.heic", "list.csv", "dogs/README")
    layout(tmp_path / "dogs" / "more", "2.png")
    layout(tmp_path, ".hidden/0.png", "dogs/.thumb.png")
    (tmp_path / "dogs" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    data = load_path(tmp_path)
    assert len(data) == 3
    note = data.notes[0]
    assert note.startswith(f"{tmp_path}: not read: ")
    for words in ("2 .heic", "2 hidden", "1 .csv", "1 without extension", "1 folder inside a class folder"):
        assert words in note
    assert "1 that is no file or cannot be reached" in note
    assert load_path(layout(tmp_path / "clean", "0.png", "1.png")).notes == ()


def test_training_and_test_parts(tmp_path):
    layout(tmp_path, "train/b/0.png", "train/b/1.png", "train/a/0.png", "test/b/0.png", "val/a/0.png", "about.txt")
    data = load_path(tmp_path)
    assert (data.classes, data.labels.tolist(), shades(data)) == (("a", "b"), [0, 1, 1], [40, 0, 20])
    assert (
        f"{tmp_path}: train (3 images in 2 classes) is used, test (1 image in 1 class) is held out of "
        "training, val (1 image in 1 class) is not used"
    ) in data.notes
    assert data.test_size == 1
    held = data.test()
    assert (held.classes, held.labels.tolist(), shades(held)) == (("a", "b"), [1], [60])
    assert shades(load(tmp_path, split="test")) == [60]
    layout(tmp_path, "test/c/0.png")
    with pytest.raises(DataError, match="the classes c do not occur in the training part"):
        load(tmp_path, split="test")


def test_other_names_of_parts_and_names_that_only_look_so(tmp_path):
    data = load_path(layout(tmp_path / "flat", "Training/0.png", "Training/1.png", "VALID/0.png"))
    assert (data.labels, len(data), data.test_size) == (None, 2, 1)
    data = load_path(layout(tmp_path / "alone", "train/x/0.png", "train/y/1.png"))
    assert (data.classes, data.test_size) == (("x", "y"), 0)
    with pytest.raises(DataError, match="has no test part: only train"):
        load(tmp_path / "alone", split="test")
    data = load_path(layout(tmp_path / "vehicles", "train/0.png", "bus/0.png"))
    assert data.classes == ("bus", "train")
    assert "the sub-folders train are taken for classes" in data.notes[0]
    refuses(
        layout(tmp_path / "horse2zebra", "trainA/0.png", "trainB/0.png", "testA/0.png", "testB/0.png"),
        "holds the two domains of a CycleGAN",
        "trainA",
        f'data_b="{tmp_path / "horse2zebra" / "trainB"}"',
    )


def test_ways_out_of_folders_without_images(tmp_path):
    refuses(layout(tmp_path / "deep", "PetImages/Cat/0.png"), "there are some in", f"give the folder {tmp_path}")
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "x.npy", np.zeros(3))
    refuses(tmp_path / "arrays", f"for arrays, give the path of the file, such as {tmp_path / 'arrays' / 'x.npy'}")
    refuses(layout(tmp_path / "phone", "a.heic", "b.heic", "c.mov"), "found only 2 .heic, 1 .mov")


# ---- zip files


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_file_is_read_as_its_folder_would_be(tmp_path):
    names = ("train/b/10.png", "train/b/9.png", "train/a/0.png", "test/b/0.png", "about.txt", "__MACOSX/train/._0.png")
    folder = layout(tmp_path / "folder", *names)
    for around in ("", "photos/", "a/b/"):
        path = zipped(tmp_path / "x.zip", {around + name: (folder / name).read_bytes() for name in names})
        data, same = load_path(path), load_path(folder)
        np.testing.assert_array_equal(data.x, same.x)
        np.testing.assert_array_equal(data.labels, same.labels)
        assert (data.classes, data.test_size) == (same.classes, 1)
        np.testing.assert_array_equal(data.test().x, same.test().x)
        assert any("not read: " in note and "1 .txt" in note and "1 hidden" in note for note in data.notes)
    path = zipped(tmp_path / "x.zip", {"cats\\0.png": picture(0), "dogs\\0.png": picture(50)})  # made on Windows
    assert load_path(path).classes == ("cats", "dogs")
    path = zipped(tmp_path / "x.zip", {"0.png": picture(0), "1.png": b"<html>"})
    refuses(path, f"{path}[1.png]: broken image (it is a web page)")


def test_arrays_in_a_zip_file(tmp_path, rng):
    pixels = rng.integers(0, 256, (4, 5, 5), dtype=np.uint8)
    inner = io.BytesIO()
    np.savez(inner, x_train=pixels, y_train=np.arange(4), x_test=pixels[:2])
    path = zipped(tmp_path / "x.zip", {"data/mnist.npz": inner.getvalue(), "readme.txt": b"hello"})
    data = load_path(path)
    assert (data.labels.tolist(), data.test_size, len(data.test())) == ([0, 1, 2, 3], 2, 2)
    alone = io.BytesIO()
    np.save(alone, pixels)
    assert load_path(zipped(tmp_path / "y.zip", {"data/x.npy": alone.getvalue()})).x.shape == (4, 5, 5, 1)
    refuses(zipped(tmp_path / "z.zip", {"a.txt": b"", "b.pdf": b""}), "holds no images and no arrays", "unpack it")
    refuses(
        zipped(tmp_path / "z.zip", {"a.npz": inner.getvalue(), "b.npz": inner.getvalue()}), "holds 2 files of arrays"
    )


def test_zip_files_that_are_not_what_they_say(tmp_path, monkeypatch):
    sound = picture(0)
    path = tmp_path / "x.zip"
    for members, words in (
        ({"../a.png": sound}, "has a member called '../a.png'; expected a plain name"),
        ({"C:\\a.png": sound}, "expected a plain name"),
        ({"a\nb.png": sound}, "expected a plain name"),
        ({"a/b.png": sound, "a\\b.png": sound}, "has two members called 'a/b.png'"),
        ({"a.png": bytes(40_000_000)}, "which is what a zip bomb does"),
    ):
        refuses(zipped(path, members), path, words)
    refuses(zipped(path, {"a.png": sound, "b.bmp": b""}, zipfile.ZIP_BZIP2), "compression method 12", "a.png")
    whole = zipped(path, {"a.png": sound, "b.png": sound}, zipfile.ZIP_STORED).read_bytes()
    path.write_bytes(whole[:100] + b"????" + whole[104:])
    refuses(path, f"{path}[a.png]: ")
    path.write_bytes(whole[:-30])
    refuses(path, path)
    path.write_bytes(whole.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"))
    refuses(path, "it is encrypted")
    for name, read in (
        ("a.png", load_path),
        ("x.npz", lambda file: refuses(file, f"{file}[x.npz]")),
    ):  # a length of 2 GiB in the directory: no memory is taken for it
        content = zipped(path, {name: sound}, zipfile.ZIP_STORED).read_bytes()
        at = content.index(b"PK\1\2") + 20
        path.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
        tracemalloc.start()
        read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6
    path.write_bytes(whole)
    with pytest.raises(DataError, match="broken or cut short"), opened_zip(path):
        raise zlib.error("while a member is read")
    monkeypatch.setattr("scratchgan.data.zipped.MAX_MEMBERS", 1)
    refuses(path, "has 2 members, expected at most 1")
    assert MAX_MEMBERS > 70_000  # the images of MNIST
