"""The user's own pairs: matched by name, side by side, as arrays; each mistake gets one line that names every file."""

import numpy as np
import pytest
from PIL import Image
from refuses import unit

from scratchgan.data import DataError, limits, pairs_from_folders, pairs_from_npz, pairs_side_by_side


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def shade(value, height=8, width=8, channels=0):
    """A picture with a bright corner, whose other pixels have one value."""
    pixels = np.full((height, width, channels) if channels else (height, width), value, np.uint8)
    pixels[0, 0] = 255
    return pixels


def two(tmp_path, names, a="png", b="png"):
    """Folders a and b: image i has the shade 10 i + 20 in a (grey), 10 i + 21 in b (colour)."""
    for i, name in enumerate(names):
        save(tmp_path / "a" / f"{name}.{a}", shade(10 * i + 20))
        save(tmp_path / "b" / f"{name}.{b}", shade(10 * i + 21, channels=3))
    return tmp_path / "a", tmp_path / "b"


def shades(data):
    return np.rint((data.x[:, 4, 4, 0] + 1) * 127.5).astype(int).tolist()


def refuses(call, *words):
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert str(word) in message, message
    return message


# ---- two folders


def test_partners_are_found_by_name_in_the_natural_order(tmp_path):
    a, b = two(tmp_path, ["10", "9", "1", "b 2", "b 10", "ä"], b="bmp")
    (a / "notes.txt").write_text("x")
    data = pairs_from_folders(a, b)
    assert shades(data.x) == [40, 30, 20, 50, 60, 70]
    assert shades(data.y) == [41, 31, 21, 51, 61, 71]
    assert (data.input_shape, data.example_shape, data.scale) == ((8, 8, 1), (8, 8, 3), 1)
    assert (data.name, data.source) == ("a to b", f"{a}; {b}")
    assert f"{a}: not read: 1 .txt" in data.notes
    assert (data.test, data.test_size) == (None, 0)
    swapped = pairs_from_folders(b, a)
    assert (shades(swapped.x), shades(swapped.y)) == (shades(data.y), shades(data.x))


def test_sizes_and_channels_of_both_sides(tmp_path):
    a, b = two(tmp_path, "xyz")
    data = pairs_from_folders(a, b, image_size=28, channels=3)
    assert (data.input_shape, data.example_shape) == ((28, 28, 3), (28, 28, 3))
    data = pairs_from_folders(a, b, image_size=32, channels=3, input_channels=1, scale=4)
    assert (data.input_shape, data.example_shape, data.scale) == ((8, 8, 1), (32, 32, 3), 4)
    np.testing.assert_array_equal(data.x.x, pairs_from_folders(a, b).x.x)
    for name in "xyz":
        save(b / f"{name}.png", shade(90, 16, 16, 3))
    assert pairs_from_folders(a, b).scale == 2
    for name in "xyz":
        save(b / f"{name}.png", shade(90, 24, 24, 3))
    refuses(lambda: pairs_from_folders(a, b), f"{a} and {b}: ", "four times as large, got 8 x 8 in a and 24 x 24 in b")
    refuses(lambda: pairs_from_folders(a, b, image_size=30, scale=4), "scale=4, image_size=30")
    refuses(lambda: pairs_from_folders(a, b, channels=2), "channels must be 1 (grey), 3 (colour)")
    refuses(lambda: pairs_from_folders(a, b, input_channels=4), "channels must be 1 (grey), 3 (colour)")
    refuses(lambda: pairs_from_folders(a, b, ground="pink"), "ground must be auto, black, white, grey, got 'pink'")


def test_whoever_is_alone_is_named(tmp_path):
    a, b = two(tmp_path, [f"{i}" for i in range(1, 4)])
    for i in range(4, 20):
        save(a / f"{i}.png", shade(0))
    save(b / "x.png", shade(0, channels=3))
    message = refuses(
        lambda: pairs_from_folders(a, b),
        f"{a}: without a partner in {b}: 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 and 6 more",
        f"{b}: without a partner in {a}: x",
    )
    assert message.count("14") == 0
    for name in ("2.jpg", "3.bmp"):
        save(a / name, shade(0))
    refuses(lambda: pairs_from_folders(a, b), f"{a}: names must differ", "2 (2.jpg and 2.png), 3 (3.bmp and 3.png)")


def test_parts_and_classes_of_both_folders(tmp_path):
    for side, depth in (("a", 0), ("b", 3)):
        for part, names in (("train", "123"), ("test", "45")):
            for kind in ("cat", "dog"):
                for name in names:
                    value = 20 * int(name) + 100 * (kind == "dog") + (side == "b")
                    save(tmp_path / side / part / kind / f"{name}.png", shade(value, channels=depth))
    a, b = tmp_path / "a", tmp_path / "b"
    data = pairs_from_folders(a, b, image_size=8)
    assert (len(data), data.test_size) == (6, 4)
    assert shades(data.x) == [20, 40, 60, 120, 140, 160]  # a name counts within its class
    assert shades(data.y) == [21, 41, 61, 121, 141, 161]
    assert data.x.labels is None
    held = data.test()
    assert (shades(held.x), shades(held.y)) == ([80, 100, 180, 200], [81, 101, 181, 201])
    assert (held.test, held.input_shape, held.example_shape) == (None, data.input_shape, data.example_shape)
    again = pairs_from_folders(a, b, image_size=8, split="test")
    np.testing.assert_array_equal(again.x.x, held.x.x)
    (b / "test" / "dog" / "5.png").unlink()
    refuses(lambda: pairs_from_folders(a, b), "4 images are for testing, but 3 in")
    for path in (b / "test").rglob("*.png"):
        path.unlink()
    refuses(lambda: pairs_from_folders(a, b, split="test"), f"{b} has no test part: only train")


def test_everything_that_is_broken_is_named_at_once(tmp_path):
    a, b = two(tmp_path, "wxyz")
    (a / "x.png").write_bytes(b"<html>")
    (b / "y.png").write_bytes(b"")
    (b / "z.png").write_bytes((b / "z.png").read_bytes()[:60])
    refuses(lambda: pairs_from_folders(a, b), a / "x.png", "it is a web page", b / "y.png", "it is empty", b / "z.png")
    refuses(lambda: pairs_from_folders(tmp_path / "u", tmp_path / "v"), "u: no such folder; ", "v: no such folder")
    refuses(lambda: pairs_from_folders(a, a / "x.png"), "x.png: expected a folder of images, got a file")
    refuses(lambda: pairs_from_folders(a, tmp_path / "." / "a"), "got the same one twice")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare").mkdir()
    refuses(
        lambda: pairs_from_folders(tmp_path / "empty", tmp_path / "bare"), "empty: the folder is", "bare: the folder"
    )


def test_partners_of_other_proportions_are_named(tmp_path):
    a, b = two(tmp_path, "wxyz")
    save(b / "x.png", shade(0, 8, 16, 3))
    save(b / "z.png", shade(0, 16, 17, 3))  # one pixel more is a rounding
    refuses(lambda: pairs_from_folders(a, b), "images differ in size", "give one size for all")
    message = refuses(
        lambda: pairs_from_folders(a, b, image_size=8),
        "images that belong together must have the same proportions",
        f"{a / 'x.png'} is 8x8, {b / 'x.png'} is 16x8 (width x height)",
    )
    assert "z.png" not in message


def test_transparent_pixels_of_both_sides_lie_over_the_same_ground(tmp_path):
    """Black drawings on nothing are shown over white; so then are their partners, which black would suit as well."""
    rng = np.random.default_rng(0)
    for name in "xyz":
        drawing = np.zeros((8, 8, 4), np.uint8)
        drawing[2:5, 2:5, 3] = 255
        painting = np.zeros((8, 8, 4), np.uint8)
        painting[2:5, 2:5] = (*rng.integers(100, 200, 3), 255)
        save(tmp_path / "a" / f"{name}.png", drawing)
        save(tmp_path / "b" / f"{name}.png", painting)
    a, b = tmp_path / "a", tmp_path / "b"
    for first, second in ((a, b), (b, a)):
        data = pairs_from_folders(first, second)
        assert (data.x.ground, data.y.ground) == ("white", "white")
        assert (data.x.x[:, 0, 0] == 1).all()
        assert (data.y.x[:, 0, 0] == 1).all()
    assert (pairs_from_folders(a, b, ground="grey").y.x[:, 0, 0] == unit(np.uint8([128]))).all()


def test_the_test_part_lies_over_the_ground_of_training(tmp_path):
    """Though its own drawings, which are light, could be seen over black."""
    for part, ink in (("train", 0), ("test", 180)):
        for name in "xyz":
            drawing = np.full((8, 8, 4), ink, np.uint8)
            drawing[..., 3] = 255 * (np.indices((8, 8)).sum(axis=0) < 5)
            save(tmp_path / "b" / part / f"{name}.png", drawing)
            save(tmp_path / "a" / part / f"{name}.png", shade(90))
    data = pairs_from_folders(tmp_path / "a", tmp_path / "b")
    assert (data.x.ground, data.y.ground) == ("", "white")
    for held in (data.y, data.test().y):
        assert (held.x[:, 7, 7] == 1).all()


def test_memory_is_counted_for_both_sides_before_it_is_taken(tmp_path, monkeypatch):
    a, b = two(tmp_path, "wxyz")
    both = 4 * 4 * (8 * 8 + 8 * 8 * 3)
    monkeypatch.setattr(limits, "MAX_BYTES", both)
    assert len(pairs_from_folders(a, b)) == 4
    monkeypatch.setattr(limits, "MAX_BYTES", both - 1)
    monkeypatch.setattr("scratchgan.data.paired_files.read_found", None)
    refuses(lambda: pairs_from_folders(a, b), f"{a} and {b}", "use fewer or smaller samples")


# ---- side by side


def test_the_given_half_is_the_input(tmp_path, rng):
    wide = {name: rng.integers(0, 256, (6, 12, 3), dtype=np.uint8) for name in ("1", "10", "2")}
    for name, pixels in wide.items():
        save(tmp_path / f"{name}.png", pixels)
    ordered = unit(np.stack([wide[name] for name in ("1", "2", "10")]))
    left, right = ordered[:, :, :6], ordered[:, :, 6:]
    data = pairs_side_by_side(tmp_path)
    assert (data.name, data.source) == (tmp_path.name, str(tmp_path))
    np.testing.assert_allclose(data.x.x, left, atol=1e-6)
    np.testing.assert_allclose(data.y.x, right, atol=1e-6)
    data = pairs_side_by_side(tmp_path, given="right", input_channels=1)
    np.testing.assert_allclose(data.y.x, left, atol=1e-6)
    np.testing.assert_allclose(data.x.x[..., 0], right @ np.float32([0.299, 0.587, 0.114]), atol=0.01)
    refuses(lambda: pairs_side_by_side(tmp_path, given="top"), "given must be 'left' or 'right'", "got 'top'")


def test_what_is_beyond_the_middle_does_not_shine_through(tmp_path):
    """The halves are cut before they are resized, so a filter sees no pixel of the other one."""
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, 16:] = 255
    for i in range(2):
        save(tmp_path / f"{i}.png", pixels)
    for size in (5, 16, 23):
        data = pairs_side_by_side(tmp_path, image_size=size)
        assert (data.x.x == -1).all()
        assert (data.y.x == 1).all()


def test_pictures_of_several_sizes_and_parts(tmp_path):
    for part, sides in (("train", (6, 8, 20)), ("test", (10, 12))):
        for side in sides:
            save(tmp_path / part / f"{side}.png", np.hstack([shade(side, side, side), shade(100 + side, side, side)]))
    refuses(lambda: pairs_side_by_side(tmp_path), "images differ in size", "image_size=28")
    data = pairs_side_by_side(tmp_path, image_size=8)
    assert (len(data), data.test_size, data.test().example_shape) == (3, 2, (8, 8, 1))
    assert shades(data.x) == [6, 8, 20]
    assert shades(data.y) == [106, 108, 120]
    assert shades(data.test().y) == [110, 112]


def test_the_width_is_twice_the_height_after_turning(tmp_path):
    """A photograph that its camera stored upright counts as it is shown."""
    turned = np.vstack([shade(10), shade(200)])  # 8 wide, 16 high, and to be turned
    exif = Image.Exif()
    exif[274] = 8
    for i in range(2):
        save(tmp_path / f"{i}.png", turned, exif=exif)
    data = pairs_side_by_side(tmp_path)
    assert (shades(data.x), shades(data.y)) == ([10, 10], [200, 200])
    save(tmp_path / "2.png", turned)
    save(tmp_path / "3.png", shade(0, 8, 15))
    save(tmp_path / "4.png", shade(0, 8, 17))
    refuses(
        lambda: pairs_side_by_side(tmp_path, image_size=8),
        "must be twice as wide as high",
        f"{tmp_path / '2.png'} is 8x16, {tmp_path / '3.png'} is 15x8, {tmp_path / '4.png'} is 17x8",
    )


# ---- arrays


@pytest.mark.parametrize(
    ("x", "y"), [("x", "y"), ("inputs", "targets"), ("line", "colour"), ("x_train", "y_train"), ("trainX", "trainY")]
)
def test_names_of_the_arrays(tmp_path, rng, x, y):
    a, b = (rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((5, 8, 8), (5, 16, 16, 3)))
    np.savez(tmp_path / "f.npz", **{x: a, y: b, "about": np.arange(3)})
    data = pairs_from_npz(tmp_path / "f.npz")
    np.testing.assert_allclose(data.x.x[..., 0], unit(a), atol=1e-6)
    np.testing.assert_allclose(data.y.x, unit(b), atol=1e-6)
    assert (data.scale, data.test_size) == (2, 0)
    assert f"{tmp_path / 'f.npz'}: the arrays ['about'] are not read" in data.notes
    assert pairs_from_npz(tmp_path / "f.npz", image_size=16, channels=1).input_shape == (16, 16, 1)


def test_arrays_for_testing_are_held_out(tmp_path, rng):
    pixels = rng.integers(0, 256, (9, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "f.npz", x_train=pixels[:6], y_train=pixels[1:7], x_test=pixels[6:8], y_test=pixels[7:])
    data = pairs_from_npz(tmp_path / "f.npz", image_size=12)
    assert (len(data), data.test_size, data.notes) == (6, 2, ())
    assert data.test().example_shape == (12, 12, 1)
    assert data.name == data.test().name == "f.npz"
    np.testing.assert_array_equal(pairs_from_npz(tmp_path / "f.npz", split="test").y.x[..., 0], unit(pixels[7:]))
    np.savez(tmp_path / "f.npz", x=pixels, y=pixels, x_test=pixels, y_test=pixels[:2])
    data = pairs_from_npz(tmp_path / "f.npz")
    refuses(data.test, f"{tmp_path / 'f.npz'}: 9 inputs in f.npz but 2 targets in f.npz")


def test_arrays_that_are_no_pairs(tmp_path, rng):
    path = tmp_path / "f.npz"
    pixels = rng.integers(0, 256, (4, 8, 8), dtype=np.uint8)
    for arrays, words in (
        ({"x": pixels}, "expected two arrays called x and y, inputs and targets, or line and colour, got ['x']"),
        ({"x": pixels, "y": pixels[:3]}, "4 inputs in f.npz but 3 targets in f.npz"),
        ({"x": pixels, "y": np.arange(4)}, "got int64"),
        ({"x": np.zeros((4, 2)), "y": pixels}, "[x]: expected images, got points (4, 2)"),
        ({"x": pixels.astype(np.int32), "y": np.full((4, 8, 8), 300.0)}, "[y]: float images must lie in"),
    ):
        np.savez(path, **arrays)
        refuses(lambda: pairs_from_npz(path), path, words)
    refuses(lambda: pairs_from_npz(path), "[x]: ", "[y]: ")  # both are wrong, both are named
    np.savez(path, x=pixels, y=pixels)
    refuses(lambda: pairs_from_npz(path, split="test"), "has no test part: no arrays such as x_test and y_test")
    path.write_bytes(path.read_bytes()[:-30])
    refuses(lambda: pairs_from_npz(path), f"{path}: the .npz file is broken or cut short")
    refuses(lambda: pairs_from_npz(tmp_path), "expected a .npz file with two arrays, got a folder")
    refuses(lambda: pairs_from_npz(tmp_path / "g.npz"), "expected a .npz file with two arrays, no such file")
