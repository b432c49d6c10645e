"""`scratchgan inpaint`: masks, and the search on the run of a GAN."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from scratchgan import cli
from scratchgan.data.dataset import resize_images, to_unit
from scratchgan.models.completion import complete
from scratchgan.runs import build
from scratchgan.runs import recipe as recipes
from scratchgan.runs.inpaint import blanked, fill, shrunk, square
from scratchgan.runs.mask import read_mask
from scratchgan.runs.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a small GAN of 8 x 8 digits."""
    folder = tmp_path_factory.mktemp("run") / "digits"
    train(
        replace(recipes.load("dcgan-digits8"), steps=2, width=2, dense=4, latent_dim=3, batch_size=8, sample_grid=4),
        folder,
        progress=False,
    )
    return folder


def picture(path, size=(8, 8), mode="L", seed=0, **options):
    """A picture of noise of (width, height)."""
    shape = (size[1], size[0]) + ((len(mode),) if len(mode) > 1 else ())
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), mode).save(path, **options)
    return path


def inpaint(run, *files, mask, out, more=()):
    return cli.main(["inpaint", str(run), *map(str, files), "--mask", str(mask), "--out", str(out), *more])


QUICK = ("--steps", "3", "--starts", "2")


def test_a_picture_of_the_gans_size_keeps_its_known_pixels(run, tmp_path, capsys):
    file = picture(tmp_path / "a.png")
    assert inpaint(run, file, mask="2,0,3,8", out=tmp_path / "out", more=(*QUICK, "--seed", "7")) == 0
    out = capsys.readouterr().out
    assert "1 image filled, and filled.png" in out
    made, given = np.asarray(Image.open(tmp_path / "out" / "a-filled.png")), np.asarray(Image.open(file))
    hole = np.zeros((8, 8), bool)
    hole[:, 2:5] = True
    assert (made[~hole] == given[~hole]).all()
    gan, _ = build.restore(run)
    x = to_unit(given, 255)[..., None]
    expected = complete(gan, blanked(x, hole), hole, steps=3, starts=2, seed=7).image
    np.testing.assert_array_equal(made, np.rint((np.clip(expected[..., 0], -1, 1) + 1) * 127.5).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "mode", "name"), [((13, 9), "RGB", "a.jpg"), ((9, 31), "L", "b.png"), ((5, 5), "RGBA", "c.png")]
)
def test_other_pictures_are_cropped_and_resized_with_their_mask(run, tmp_path, size, mode, name):
    file = picture(tmp_path / name, size, mode)
    hole = np.zeros(size[::-1], np.uint8)
    hole[size[1] // 2 :, : size[0] // 2] = 255
    Image.fromarray(hole).save(tmp_path / "mask.png")
    assert inpaint(run, file, mask=tmp_path / "mask.png", out=tmp_path / "out", more=QUICK) == 0
    made = to_unit(np.asarray(Image.open(tmp_path / "out" / f"{file.stem}-filled.png")), 255)
    assert made.shape == (8, 8)
    with Image.open(file) as image:
        grey = Image.alpha_composite(Image.new("RGBA", size, (0, 0, 0, 255)), image) if mode == "RGBA" else image
        x = to_unit(np.asarray(grey.convert("RGB").convert("L") if mode == "RGBA" else grey.convert("L")), 255)
    missing = shrunk(square(hole > 0), 8)
    known = resize_images(blanked(x[..., None], hole > 0)[None], 8)[0, ..., 0]
    assert 0 < missing.sum() < 64
    assert np.abs(made - known)[~missing].max() <= 1 / 127


def test_each_picture_is_filled_as_if_it_were_alone(run, tmp_path):
    files = [picture(tmp_path / f"{i}.png", seed=i) for i in range(3)]
    for out, given in (("all", files), ("one", files[1:2])):
        assert inpaint(run, *given, mask="25%,25%,50%,50%", out=tmp_path / out, more=QUICK) == 0
    assert (tmp_path / "all" / "1-filled.png").read_bytes() == (tmp_path / "one" / "1-filled.png").read_bytes()
    assert len(list((tmp_path / "all").iterdir())) == 4


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("none.png", '--mask "none.png": no such file; expected a mask\'s file, or a box'),
        ("2,0,3", "no such file"),
        ("-2,0,3,4", "argument --mask: expected one argument"),
        (".", "is a folder"),
        (
            "2,0,7,8",
            "in {file} (8 x 8 pixels) this is columns 2 to 9 and rows 0 to 8; expected a box inside the picture",
        ),
        ("2,0,0,8", "expected a box inside the picture"),
        ("0,0,100%,100%", "everything is missing"),
        ("wide", "has 9 x 8 pixels, {file} has 8 x 8; expected a mask of the picture's size"),
        ("colour", "has colours; expected black where pixels are known"),
        ("black", "nothing is missing in {file}; expected a hole"),
        ("broken", "expected a picture (PNG"),
        ("", "expected a name or a path, got an empty text"),
    ],
)
def test_a_bad_mask_gets_one_line(run, tmp_path, capsys, mask, words):
    file = picture(tmp_path / "a.png")
    made = {
        "wide": lambda path: Image.new("L", (9, 8), 255).save(path),
        "colour": lambda path: Image.new("RGB", (8, 8), (255, 0, 0)).save(path),
        "black": lambda path: Image.new("L", (8, 8), 127).save(path),
        "broken": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n half"),
    }
    if mask in made:
        made[mask](tmp_path / f"{mask}.png")
        mask = tmp_path / f"{mask}.png"
    assert inpaint(run, file, mask=mask, out=tmp_path / "out", more=QUICK) == 2
    error = capsys.readouterr().err
    assert words.format(file=file) in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_all_pictures_are_looked_at_before_the_first_is_filled(run, tmp_path, capsys):
    files = [picture(tmp_path / f"{i}.png", (8 + i, 8)) for i in range(3)]
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(tmp_path / "mask.png")
    assert inpaint(run, *files, mask=tmp_path / "mask.png", out=tmp_path / "out", more=QUICK) == 2
    error = capsys.readouterr().err
    assert "1.png has 9 x 8; expected a mask of the picture's size; and so for 1 more of 3 images" in error
    assert not (tmp_path / "out").exists()
    assert inpaint(run, picture(tmp_path / "long.png", (30, 8)), mask="0,0,4,8", out=tmp_path / "out") == 2
    assert "the hole misses the centre square" in capsys.readouterr().err
    assert inpaint(run, tmp_path / "long.png", mask="5,0,20,8", out=tmp_path / "out") == 2
    assert "the hole covers the centre square" in capsys.readouterr().err


def test_options_that_have_no_effect_or_no_sense(run, tmp_path, capsys):
    file = picture(tmp_path / "a.png")
    for more, words in (
        (("--label", "3"), "is not a conditional GAN, so its samples have no labels"),
        (("--steps", "0"), "steps must be an integer of at least 1"),
        (("--starts", "0"), "starts must be"),
        (("--seed", "-1"), "seed must be"),
        (("--weight", "-1"), "argument --weight: expected a number of at least 0, got -1.0"),
        (("--weight", "nan"), "argument --weight"),
    ):
        assert inpaint(run, file, mask="2,0,3,8", out=tmp_path / "out", more=more) == 2
        error = capsys.readouterr().err
        assert words in error, error
        assert error.count("\n") == 1


def test_the_search_of_a_conditional_gan_needs_a_class(tmp_path, capsys):
    small = {"steps": 1, "width": 2, "dense": 4, "latent_dim": 3, "batch_size": 8, "sample_grid": 10, "image_size": 8}
    train(replace(recipes.load("cgan-mnist"), data="uci-digits-8x8", **small), tmp_path / "run", progress=False)
    file = picture(tmp_path / "a.png")
    for more, words in (
        ((), "is a conditional GAN; say which class to search for (--label, 0 to 9)"),
        (("--label", "11"), "expected 0 to 9, got 11"),
    ):
        assert inpaint(tmp_path / "run", file, mask="2,0,3,8", out=tmp_path / "out", more=more) == 2
        assert words in capsys.readouterr().err
    assert inpaint(tmp_path / "run", file, mask="2,0,3,8", out=tmp_path / "out", more=("--label", "4", *QUICK)) == 0


def test_points_have_no_holes(tmp_path, capsys):
    train(replace(recipes.load("mlp-ring"), steps=1, hidden=(4,)), tmp_path / "run", progress=False)
    assert inpaint(tmp_path / "run", picture(tmp_path / "a.png"), mask="2,0,3,8", out=tmp_path / "out") == 2
    assert "makes points; expected a GAN that makes images" in capsys.readouterr().err


def test_a_box_in_per_cent_is_rounded_to_pixels():
    hole = read_mask("10%, 0, 50%,2")(4, 10, "x")
    assert hole.sum() == 10
    assert hole[:2, 1:6].all()
    assert read_mask("0,0,12.5%,1")(4, 10, "x").sum() == 1


def test_grey_of_a_mask_from_half_on_is_a_hole(tmp_path):
    Image.fromarray(np.array([[127, 128, 0, 255]], np.uint8)).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(str(tmp_path / "m.png"))(1, 4, "x"), [[False, True, False, True]])


# -- the window around a hole, for nets that fill holes ---------------------------------------------------------------


def paint(seen, value=0.5):
    """A stand-in for a net: it remembers what it was given, and paints everything in one grey."""

    def apply(x):
        seen.append(x)
        return np.full((*x.shape[:3], x.shape[3] - 1), value, np.float32)

    return apply


@pytest.mark.parametrize(
    ("size", "hole", "length"),
    [
        ((8, 8), np.s_[2:6, 2:6], 8),
        ((40, 60), np.s_[10:13, 50:53], 8),  # a small hole: the window has the net's size
        ((40, 60), np.s_[0:20, 0:20], 40),  # a large one: twice the hole's size
        ((20, 50), np.s_[5:20, 20:40], 40),  # higher than the picture, which goes on as in a mirror
        ((9, 21), np.s_[:, 10:], 21),  # half of the picture
        ((5, 3), np.s_[1:2, 1:2], 8),
    ],
)
def test_only_the_hole_is_replaced_and_the_net_sees_a_window_around_it(size, hole, length, rng):
    x, missing, seen = rng.uniform(-1, 1, (*size, 3)).astype(np.float32), np.zeros(size, bool), []
    missing[hole] = True
    y = fill(paint(seen), x, missing, 8, 0.5)
    assert (y[~missing] == x[~missing]).all()
    assert (y[missing] == 0.5).all()
    ((image,),) = seen
    assert image.shape == (8, 8, 4)
    assert set(np.unique(image[..., 3])) == {-1, 1}
    share = (image[..., 3] > 0).mean() ** 0.5
    if min(size) >= length:
        assert share <= 0.5 + 1 / 8
    if length == 8 and min(size) >= 8:  # nothing is resized: known pixels are the picture's own
        known = {tuple(pixel) for pixel in x[~missing].tolist()}
        assert all(tuple(pixel) in known for pixel in image[image[..., 3] < 0][:, :3].tolist())
    hidden = image[image[..., 3] > 0][:, :3]
    assert np.ptp(hidden, axis=0).max() < 1e-6  # one colour, the mean of what is known
    np.testing.assert_allclose(hidden[0], image[image[..., 3] < 0][:, :3].mean(axis=0), atol=1e-5)


def test_what_was_in_the_hole_cannot_be_seen_by_the_net(rng):
    x, hole, seen = rng.uniform(-1, 1, (30, 34, 1)).astype(np.float32), np.zeros((30, 34), bool), []
    hole[4:22, 9:30] = True
    fill(paint(seen), x, hole, 8, 0.5)
    fill(paint(seen), np.where(hole[..., None], -x, x), hole, 8, 0.5)
    assert (seen[0] == seen[1]).all()
