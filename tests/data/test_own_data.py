"""The user's own images: what is accepted comes out right, and each mistake gets one line that names it."""

import io

import numpy as np
import pytest
from PIL import Image
from refuses import refuses, unit

from scratchgan.data import DataError, limits, load, load_path


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def grey(rng, height=6, width=6):
    return rng.integers(0, 256, (height, width), dtype=np.uint8)


# ---- folders of images


def test_flat_folder(tmp_path, rng):
    a, b = grey(rng), grey(rng)
    a[0, 0], a[0, 1] = 0, 255
    save(tmp_path / "b.png", b)
    save(tmp_path / "a.PNG", a, format="PNG")
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_bytes(b"rubbish")
    data = load_path(tmp_path)
    assert data.images.dtype == np.float32
    np.testing.assert_array_equal(data.images, unit(np.stack([a, b]))[..., None])  # in the order of the names
    assert (data.images[0, 0, 0, 0], data.images[0, 0, 1, 0]) == (-1, 1)
    assert data.labels is None
    assert data.name == tmp_path.name
    np.testing.assert_array_equal(load(str(tmp_path)).images, data.images)
    np.testing.assert_array_equal(load(tmp_path).images, data.images)


def test_class_folders(tmp_path, rng):
    for name, count in (("dogs", 2), ("cats", 3)):
        for i in range(count):
            save(tmp_path / name / f"{i}.jpg", rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    (tmp_path / "empty").mkdir()
    save(tmp_path / "__MACOSX" / "x.png", grey(rng))
    data = load_path(tmp_path)
    assert data.classes == ("cats", "dogs")
    assert data.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.images.shape == (5, 8, 8, 3)
    assert data.n_classes == 2
    assert load_path(tmp_path, image_size=4).classes == ("cats", "dogs")


def test_resize_keeps_the_centre_square(tmp_path):
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 200
    save(tmp_path / "a.png", pixels)
    save(tmp_path / "b.png", np.full((7, 7), 100, np.uint8))
    data = load_path(tmp_path, image_size=5)
    np.testing.assert_allclose(data.images[0], 200 / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(data.images[1], 100 / 127.5 - 1, atol=1e-6)


def test_alpha_is_dropped_onto_black(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., :3] = (200, 100, 50)
    pixels[0, :, 3], pixels[1, :, 3] = 255, 51  # opaque; a fifth
    save(tmp_path / "rgba" / "a.png", pixels)
    x = (load_path(tmp_path / "rgba").images + 1) * 127.5
    np.testing.assert_allclose(x[0, 0, 0], (200, 100, 50), atol=0.01)
    np.testing.assert_allclose(x[0, 1, 0], (40, 20, 10), atol=1)
    save(tmp_path / "la" / "a.png", np.stack([np.full((2, 2), 200, np.uint8), pixels[..., 3]], axis=-1))
    x = (load_path(tmp_path / "la").images + 1) * 127.5
    np.testing.assert_allclose(x[0, :, 0, 0], (200, 40), atol=1)


def test_other_kinds_of_png_and_jpeg(tmp_path):
    save(tmp_path / "deep" / "a.png", np.array([[0, 65535], [257 * 100, 257 * 7]], np.uint16))
    np.testing.assert_allclose((load_path(tmp_path / "deep").images[0, ..., 0] + 1) * 127.5, [[0, 255], [100, 7]])
    (tmp_path / "palette").mkdir()
    Image.fromarray(np.full((3, 3, 3), (255, 0, 0), np.uint8)).quantize(4).save(tmp_path / "palette" / "a.png")
    np.testing.assert_array_equal(load_path(tmp_path / "palette").images[0, 0, 0], [1, -1, -1])
    (tmp_path / "bits").mkdir()
    Image.new("1", (4, 4), 1).save(tmp_path / "bits" / "a.png")
    np.testing.assert_array_equal(load_path(tmp_path / "bits").images, np.ones((1, 4, 4, 1)))
    turned = np.zeros((8, 16), np.uint8)
    turned[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees: what was left is on top
    save(tmp_path / "photo" / "a.jpg", turned, exif=exif)
    shown = load_path(tmp_path / "photo").images[0, ..., 0]
    assert shown.shape == (16, 8)
    assert shown[0].mean() > 0.9
    assert shown[-1].mean() < -0.9


def test_channels(tmp_path, rng):
    colour = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    save(tmp_path / "a.png", colour)
    save(tmp_path / "b.png", grey(rng))
    refuses(tmp_path, "images differ in channels", "b.png is grey", "a.png is colour", "channels=1 or channels=3")
    luma = (colour @ [0.299, 0.587, 0.114])[..., None] / 127.5 - 1
    np.testing.assert_allclose(load_path(tmp_path, channels=1).images[0], luma, atol=1.1 / 127.5)
    three = load_path(tmp_path, channels=3).images
    np.testing.assert_array_equal(three[1, ..., 0], three[1, ..., 1])
    np.testing.assert_array_equal(three[0], unit(colour))


def test_folder_errors(tmp_path, rng, monkeypatch):
    refuses(tmp_path, tmp_path, "the folder is empty")
    (tmp_path / "notes.txt").write_text("hello")
    refuses(
        tmp_path, "no images found, neither here nor one folder down (looked for .png, .jpg, .jpeg, .jpe", "only 1 .txt"
    )
    first = save(tmp_path / "a.png", grey(rng))
    second = save(tmp_path / "b.png", grey(rng, 6, 7))
    refuses(tmp_path, "images differ in size", f"{first} is 6x6", f"{second} is 7x6", "such as image_size=28")
    assert load_path(tmp_path, image_size=6).images.shape == (2, 6, 6, 1)
    save(tmp_path / "cats" / "c.png", grey(rng))
    refuses(tmp_path, "both directly in the folder (2) and in sub-folders (cats)", "one sub-folder per class")
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    refuses(tmp_path / "cats", "(1, 6, 6, 1) would take", "use fewer or smaller")


def test_broken_images(tmp_path, rng):
    whole = save(tmp_path / "whole.png", rng.integers(0, 256, (64, 64), dtype=np.uint8)).read_bytes()
    bad = tmp_path / "z.png"
    for content in (whole[: len(whole) // 2], whole[:20], b"", b"GIF89a rubbish", whole[:2000] + b"??" + whole[2002:]):
        bad.write_bytes(content)
        refuses(tmp_path, bad, "broken image", "delete or replace it")
    bad.unlink()
    jpeg = save(tmp_path / "whole.jpg", rng.integers(0, 256, (64, 64), dtype=np.uint8)).read_bytes()
    (tmp_path / "z.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    refuses(tmp_path, tmp_path / "z.jpg", "broken image", "truncated")


def test_decompression_bomb(tmp_path, rng, monkeypatch):
    path = save(tmp_path / "a.png", grey(rng, 40, 40))
    for limit in (1000, 100):  # Pillow warns above its limit, and refuses above twice the limit
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        refuses(tmp_path, f"{path}: the image has more than {limit} pixels, Pillow's limit")


# ---- other paths


def test_other_paths(tmp_path, rng):
    refuses(tmp_path / "nothing", "no such file or folder")
    refuses("/dev/null", "expected a folder or zip file of images (PNG, JPEG, WebP,", "or a .npy, .npz or IDX file")
    path = tmp_path / "x"
    for content, words in [
        (b"", "the file is empty"),
        (b"hello", "unknown kind of file; expected a folder or zip file of images"),
    ]:
        path.write_bytes(content)
        refuses(path, path, words)
    refuses(save(tmp_path / "one.png", grey(rng)), "a single image is not enough to learn from; give the folder")
    with pytest.raises(DataError, match="has no test part"):
        load(tmp_path, split="test")


def test_what_a_file_is_is_decided_by_its_content(tmp_path, rng):
    buffer = io.BytesIO()
    np.save(buffer, grey(rng, 4, 4)[None])
    (tmp_path / "data.bin").write_bytes(buffer.getvalue())
    assert load_path(tmp_path / "data.bin").images.shape == (1, 4, 4, 1)
