"""Runs on pairs of images, from the recipe to files: every way to give pairs, every command, every refusal."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scratchgan import cli
from scratchgan.data import Dataset, load
from scratchgan.data.degrade import Degradation
from scratchgan.data.paired import Paired
from scratchgan.models import constants
from scratchgan.runs import build, held_out, run_data
from scratchgan.runs import recipe as recipes
from scratchgan.runs.recipe import Recipe, override
from scratchgan.runs.tiles import in_tiles
from scratchgan.runs.train import resume, train

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = {
    "data": "uci-digits-8x8",
    "steps": 3,
    "batch_size": 4,
    "width": 2,
    "d_width": 2,
    "sample_grid": 6,
    "sample_every": 0,
    "checkpoint_every": 2,
    "log_every": 1,
}
PAIRS = (
    "pix2pix-emoji",
    "pix2pix-l1",
    "srgan-textures",
    "srgan-digits",
    "enhance-denoise",
    "enhance-deblur",
    "enhance-colour",
    "inpaint-digits",
    "inpaint-emoji",
)


def small(model, **changes):
    return Recipe(name=model, model=model, **{**SMALL, "blocks": 1, **changes})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: one that removes noise, one that enlarges twice, one that fills holes."""
    place = tmp_path_factory.mktemp("runs")
    made = {
        "noise": small("enhancer", degrade="noise", degrade_by=0.3),
        "twice": small("srgan", degrade="bicubic", degrade_by=2, pretrain=1, held_out=40),
        "holes": small("context-encoder", degrade="holes", hole="square", held_out=40),
    }
    return {name: train(recipe, place / name, progress=False) for name, recipe in made.items()}


def picture(path, size, mode="L", seed=0):
    shape = (size[1], size[0]) + ((len(mode),) if len(mode) > 1 else ())
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), mode).save(path)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def as_bytes(image):
    return np.rint((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)


# -- training --------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_stopped_with_the_same_bits(runs, tmp_path):
    recipe = small("context-encoder", degrade="holes", noise="channel", steps=5, ema_decay=0.5, flip=True)
    whole = train(recipe, tmp_path / "whole", progress=False)
    train(replace(recipe, steps=2), tmp_path / "part", progress=False)
    part = resume(tmp_path / "part", steps=5, progress=False)
    for key, array in whole.gan.state().items():
        np.testing.assert_array_equal(part.gan.state()[key], array, err_msg=key)
    assert (tmp_path / "whole" / "samples.png").read_bytes() == (tmp_path / "part" / "samples.png").read_bytes()


def test_a_restored_net_makes_the_same(runs):
    for run in runs.values():
        gan, recipe = build.restore(run.folder)
        assert recipe == run.recipe
        assert (gan.kind, gan.input_shape) == ("paired", run.gan.input_shape)
        x = np.random.default_rng(0).uniform(-1, 1, (3, *gan.input_shape)).astype(np.float32)
        np.testing.assert_array_equal(gan.apply(x), run.gan.apply(x))


def test_pretraining_counts_as_steps(runs):
    log = runs["twice"].log
    assert [record["adversarial"] > 0 for record in log] == [False, True, True]
    assert len(log) == runs["twice"].recipe.steps


def test_with_any_number_of_steps_there_is_a_checkpoint(tmp_path):
    run = train(small("srgan", degrade="bicubic", degrade_by=2, steps=1, pretrain=9), tmp_path / "run", progress=False)
    assert build.restore(run.folder)[0].steps == 1


def test_a_new_run_starts_from_the_weights_of_another(runs, tmp_path):
    recipe = replace(runs["noise"].recipe, start_from=str(runs["noise"].folder), degrade="blur", steps=1, lr_g=1e-12)
    run = train(recipe, tmp_path / "run", progress=False)
    for (_, a), (_, b) in zip(run.gan.G.parameters(), runs["noise"].gan.G.parameters(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    with pytest.raises(ValueError, match="its nets do not fit this recipe"):
        train(replace(recipe, width=3), tmp_path / "other", progress=False)


def test_pictures_show_what_was_held_out(runs):
    run = runs["twice"]
    own = run_data.of_run(run.folder, run.recipe)
    data, held = held_out.split(run.recipe, own.data)
    assert (len(data), len(held)) == (1757, 40)
    assert run_data.test_pairs(own).y.x.shape == (40, 8, 8, 1)
    kept = {image.tobytes() for image in data.y.x}
    assert not any(image.tobytes() in kept for image in held.y.x)
    emoji = recipes.load("pix2pix-emoji")
    assert len(run_data.held_out_pairs(build.load_data(emoji)[1], None)) == 122


# -- where pairs come from -------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """Two folders of eight pairs, and the same side by side: y is the negative of x, in colour."""
    rng = np.random.default_rng(1)
    for name in ("a", "b", "both"):
        (tmp_path / name).mkdir()
    for i in range(8):
        x = rng.integers(0, 256, (8, 8), dtype=np.uint8)
        y = np.stack([255 - x] * 3, axis=-1)
        Image.fromarray(x).save(tmp_path / "a" / f"{i}.png")
        Image.fromarray(y).save(tmp_path / "b" / f"{i}.png")
        Image.fromarray(np.concatenate([np.stack([x] * 3, axis=-1), y], axis=1)).save(tmp_path / "both" / f"{i}.png")
    return tmp_path


def test_pairs_of_two_folders_and_of_pictures_side_by_side(folders):
    two = small("pix2pix", data=str(folders / "a"), data_b=str(folders / "b"))
    _, data = build.load_data(two)
    assert (data.input_shape, data.example_shape) == ((8, 8, 1), (8, 8, 3))
    np.testing.assert_allclose(data.x.x, -data.y.x[..., :1], atol=1e-6)
    one = small("pix2pix", data=str(folders / "both"), side_by_side="left")
    _, data = build.load_data(one)
    np.testing.assert_allclose(data.x.x, -data.y.x, atol=1e-6)
    _, other = build.load_data(replace(one, side_by_side="right"))
    np.testing.assert_array_equal(other.x.x, data.y.x)
    run = train(one, folders / "run", progress=False)
    assert Path(run.recipe.data).is_absolute()
    assert resume(folders / "run", steps=4, progress=False).gan.steps == 4


def test_a_run_knows_its_pairs_again(folders):
    run = train(small("pix2pix", data=str(folders / "a"), data_b=str(folders / "b")), folders / "run", progress=False)
    (folders / "a").rename(folders / "moved")
    with pytest.raises(ValueError, match=r"say where they are now \(--data and --data-b\)"):
        resume(run.folder, steps=4, progress=False)
    assert resume(run.folder, steps=4, data=folders / "moved", progress=False).gan.steps == 4
    Image.new("RGB", (8, 8)).save(folders / "b" / "3.png")
    with pytest.raises(ValueError, match=r"have changed since the run began: data_b: .* other values"):
        resume(run.folder, steps=5, data=None, progress=False)


def test_pairs_given_in_python(tmp_path, rng):
    x, y = rng.uniform(-1, 1, (8, 8, 8, 1)), rng.uniform(-1, 1, (8, 8, 8, 3))
    recipe = small("pix2pix")
    run = train(recipe, tmp_path / "tuple", data=(x, y), progress=False)
    assert run.gan.data_shape == (8, 8, 3)
    assert "given to train by its caller" in run.recipe.data_b
    assert resume(run.folder, steps=4, data=(x, y), progress=False).gan.steps == 4
    with pytest.raises(ValueError, match="is not what the run was trained on"):
        resume(run.folder, steps=5, data=(x, -y), progress=False)
    spoilt = Paired(y=Dataset(y.astype(np.float32)), degrade=Degradation("noise", 0.3))
    run = train(small("enhancer"), tmp_path / "paired", data=spoilt, progress=False)
    assert (run.recipe.degrade, run.recipe.degrade_by) == ("noise", 0.3)
    run = train(small("enhancer", degrade="grey"), tmp_path / "array", data=y, progress=False)
    assert run.gan.input_shape == (8, 8, 1)
    with pytest.raises(ValueError, match=r"learns from pairs: give \(x, y\)"):
        train(small("enhancer"), tmp_path / "no", data=y, progress=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "learns from pairs: set data_b"),
        ({"degrade": "noise", "data_b": "mnist-5k"}, 'data_b = "mnist-5k" and degrade = "noise": these are 2 ways'),
        ({"side_by_side": "left"}, "expected a folder of pictures"),
        ({"data_b": "mnist-5k"}, "as many of one as of the other|5,?000"),
        ({"data_b": "emoji-colour", "data": "ring"}, "turn images into images, but these are points"),
        ({"degrade": "bicubic", "degrade_by": 3}, "must be 2 or 4"),
        ({"degrade": "grey"}, "3 channels"),
        ({"degrade": "noise", "d_sees": "hole"}, 'd_sees = "hole" needs images with holes'),
        ({"degrade": "noise", "packing": 2}, "packing = 2 has no effect"),
        ({"degrade": "noise", "penalty": "r1"}, 'penalty = "r1" has no effect'),
        ({"degrade": "noise", "held_out": 1795}, "1795"),
        ({"degrade": "noise", "batch_size": 4000}, "1797"),
    ],
)
def test_pairs_that_cannot_be(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words) as error:
        train(small("pix2pix", **changes), tmp_path / "run", progress=False)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_only_models_for_pairs_take_pairs(rng):
    pairs = Paired(y=Dataset(rng.uniform(-1, 1, (8, 8, 8, 1))), degrade=Degradation("noise"))
    with pytest.raises(ValueError, match="nets for pairs of images, and no others, take pairs"):
        run_data.for_training(Recipe(), pairs)
    with pytest.raises(ValueError, match='degrade = "noise" has no effect with model = "dcgan"'):
        Recipe(degrade="noise")
    with pytest.raises(ValueError, match='flip = true has no effect with model = "cyclegan"'):
        Recipe(model="cyclegan", flip=True)


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        ("pix2pix", ["hole=half"], 'hole has no effect with degrade = "none"'),
        ("pix2pix", ["degrade=grey", "degrade_by=2"], 'degrade_by has no effect with degrade = "grey"'),
        ("pix2pix", ["blocks=3"], 'blocks has no effect with net = "unet"'),
        ("pix2pix", ["latent_dim=3"], "latent_dim has no effect"),
        ("enhancer", ["d_sees=output"], "d_sees has no effect with adversarial_weight = 0"),
        ("enhancer", ["pretrain=5"], "pretrain has no effect with adversarial_weight = 0"),
        ("dcgan", ["net=unet"], 'net has no effect with model = "dcgan", only with "paired"'),
        ("dcgan", ["data_b=x"], "data_b has no effect"),
        ("pix2pix", ["flip=1"], "flip = 1: expected true or false"),
        ("pix2pix", ["degrade=holez"], 'did you mean "holes"'),
    ],
)
def test_keys_without_an_effect_are_refused(model, settings, words):
    with pytest.raises(ValueError, match=words):
        override(Recipe(model=model), settings)


# -- the recipes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRS)
def test_a_recipe_has_data_that_fit_its_nets_and_a_held_out_part(name):
    recipe, data = build.load_data(recipes.load(name))
    gan = build.gan_for(replace(recipe, width=2, d_width=2), data)
    assert (gan.input_shape, gan.data_shape) == (data.input_shape, data.example_shape)
    assert data.test_size or recipe.held_out
    assert recipe.pretrain < recipe.steps
    x, y = build.data_stream(recipe, data).next()
    assert len(x) == len(y) == recipe.batch_size


def test_the_control_differs_from_pix2pix_in_d_alone():
    one, two = recipes.load("pix2pix-emoji"), recipes.load("pix2pix-l1")
    differ = {key for key in recipes.KEYS if getattr(one, key) != getattr(two, key)}
    assert differ <= {"name", "description", "model", "adversarial_weight"}


def test_why_prints_the_table_of_constants(capsys):
    assert cli.main(["recipes", "srgan-digits", "--why"]) == 0
    table = capsys.readouterr().out
    for row in constants("srgan"):
        assert row.key in table
    assert "1e-3" in table
    assert cli.main(["recipes", "dcgan-mnist", "--why"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert cli.main(["recipes", "--why"]) == 2
    assert "expected a recipe's name" in capsys.readouterr().err


def test_why_says_what_a_recipe_sets_itself(tmp_path, capsys):
    (tmp_path / "own.toml").write_text('model = "pix2pix"\ncontent_weight = 7.0\n')
    assert cli.main(["recipes", str(tmp_path / "own.toml"), "--why"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("content_weight")]
    assert "7.0" in line
    assert "set by this recipe" in line


# -- files in, files out ---------------------------------------------------------------------------------------------


def door(command, run, *files, out, more=()):
    return cli.main([command, str(run.folder), *map(str, files), "--out", str(out), *more])


@pytest.mark.parametrize(("size", "mode"), [((13, 21), "L"), ((8, 8), "RGB"), ((30, 9), "RGBA"), ((3, 5), "L")])
def test_whole_pictures_go_through_in_tiles(runs, tmp_path, size, mode):
    file, run = picture(tmp_path / "a.png", size, mode), runs["noise"]
    assert door("enhance", run, file, out=tmp_path / "out") == 0
    made = pixels(tmp_path / "out" / "a-enhanced.png")
    with Image.open(file) as image:
        if mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", size, (0, 0, 0, 255)), image).convert("RGB")
        x = (np.asarray(image.convert("L")).astype(np.float32) / np.float32(127.5) - 1)[..., None]
    np.testing.assert_array_equal(made, as_bytes(in_tiles(run.gan.apply, x, 8, 4))[..., 0])
    assert (tmp_path / "out" / "enhanced.png").exists()


def test_an_enlarged_picture_has_as_many_more_pixels(runs, tmp_path, capsys):
    files = [picture(tmp_path / "a.png", (13, 21)), picture(tmp_path / "b.png", (5, 4))]
    assert door("enhance", runs["twice"], *files, out=tmp_path / "out") == 0
    assert "2 images enhanced, and enhanced.png" in capsys.readouterr().out
    assert pixels(tmp_path / "out" / "a-enhanced.png").shape == (42, 26)
    assert pixels(tmp_path / "out" / "b-enhanced.png").shape == (8, 10)


def test_pictures_can_be_resized_instead(runs, tmp_path):
    file = picture(tmp_path / "a.png", (13, 21))
    assert door("translate", runs["noise"], file, out=tmp_path / "out", more=("--fit", "resize")) == 0
    assert pixels(tmp_path / "out" / "a-translated.png").shape == (8, 8)


def test_a_turned_photograph_is_turned(runs, tmp_path):
    image = Image.open(picture(tmp_path / "a.png", (13, 21)))
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    assert door("enhance", runs["noise"], tmp_path / "turned.png", out=tmp_path / "out") == 0
    assert pixels(tmp_path / "out" / "turned-enhanced.png").shape == (13, 21)


def test_a_u_net_gets_its_own_size(tmp_path):
    run = train(small("pix2pix", degrade="noise"), tmp_path / "run", progress=False)
    file = picture(tmp_path / "a.png", (13, 21))
    assert door("translate", run, file, out=tmp_path / "one") == 0
    assert pixels(tmp_path / "one" / "a-translated.png").shape == (8, 8)
    assert door("translate", run, file, out=tmp_path / "two", more=("--fit", "tiles")) == 0
    assert pixels(tmp_path / "two" / "a-translated.png").shape == (21, 13)


def test_a_net_fills_holes_and_keeps_all_other_pixels(runs, tmp_path):
    for size, box in (((8, 8), "2,2,4,4"), ((31, 17), "40%,20%,30%,50%"), ((9, 40), "0,50%,100%,50%")):
        file = picture(tmp_path / f"{size[0]}.png", size)
        assert door("inpaint", runs["holes"], file, out=tmp_path / "out", more=("--mask", box)) == 0
        made, given = pixels(tmp_path / "out" / f"{size[0]}-filled.png"), pixels(file)
        assert made.shape == given.shape
        from scratchgan.runs.mask import read_mask

        hole = read_mask(box)(*given.shape, "x")
        assert (made[~hole] == given[~hole]).all()
        assert (made[hole] != given[hole]).any()


def test_what_a_run_cannot_do_is_said(runs, tmp_path, capsys):
    file = picture(tmp_path / "a.png", (13, 21))
    noise, holes = runs["noise"], runs["holes"]
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    (tmp_path / "text.txt").write_text("text")
    for command, run, files, more, words in (
        ("translate", noise, [file], ("--to", "a"), "translates in one direction only; leave --to out"),
        ("enhance", holes, [file], (), "fills holes; try scratchgan inpaint"),
        ("inpaint", noise, [file], ("--mask", "1,1,2,2"), "was not trained to fill holes; try scratchgan translate"),
        ("inpaint", holes, [file], (), "the following arguments are required: --mask"),
        ("inpaint", holes, [file], ("--mask", "1,1,2,2", "--steps", "9"), "--steps has no effect"),
        ("inpaint", holes, [file], ("--mask", "1,1,2,2", "--label", "9"), "--label has no effect"),
        ("enhance", noise, [tmp_path / "none.png"], (), "no such file or folder"),
        ("enhance", noise, [tmp_path / "bad.png", tmp_path / "text.txt"], (), "2 of 2 images cannot be used"),
        ("enhance", noise, [file], ("--fit", "crop"), "invalid choice: 'crop'"),
        ("sample", noise, [], (), "none from noise; try scratchgan translate or scratchgan enhance"),
        ("sample", holes, [], (), "none from noise; try scratchgan inpaint"),
    ):
        out = () if command == "sample" else ("--out", str(tmp_path / "out"))
        assert cli.main([command, str(run.folder), *map(str, files), *out, *more]) == 2
        error = capsys.readouterr().err
        assert words in error, error
        assert error.count("\n") == 1, error
        assert not (tmp_path / "out").exists()


def test_a_cyclegan_says_that_it_has_two_directions(tmp_path, capsys):
    small_cycle = {
        "steps": 1,
        "width": 2,
        "d_width": 2,
        "blocks": 0,
        "batch_size": 2,
        "sample_grid": 6,
        "image_size": 8,
    }
    run = train(replace(recipes.load("cyclegan-digits"), **small_cycle), tmp_path / "run", progress=False)
    file = picture(tmp_path / "a.png", (13, 21))
    assert door("translate", run, file, out=tmp_path / "out") == 2
    assert "has two directions; say which: --to a (uci-digits-28x28) or b (mnist-5k)" in capsys.readouterr().err
    assert door("enhance", run, file, out=tmp_path / "out") == 2
    assert "expected a net trained on pairs, got a CycleGAN; try scratchgan translate" in capsys.readouterr().err
    assert door("translate", run, file, out=tmp_path / "out", more=("--to", "b", "--fit", "tiles")) == 0
    assert pixels(tmp_path / "out" / "a-to-mnist-5k.png").shape == (21, 13)


def test_every_command_works_on_such_a_run(runs, tmp_path, capsys):
    folder = str(runs["twice"].folder)
    assert cli.main(["pictures", folder, "--out", str(tmp_path)]) == 0
    assert {"pairs.png", "gradients.png", "film.html"} <= {path.name for path in tmp_path.iterdir()}
    assert cli.main(["evaluate", folder, "--n", "100"]) == 0
    out = capsys.readouterr().out
    assert "40 held-out pairs" in out
    assert "bicubic" in out
    assert "trained on these pairs" not in out
    assert cli.main(["doctor", folder]) == 0


def test_a_run_without_a_game_gets_no_diagnosis_of_its_discriminator(tmp_path, capsys):
    run = train(small("enhancer", degrade="noise", steps=40), tmp_path / "run", progress=False)
    assert not [finding for finding in run.findings if finding.fault.startswith("D")]
    assert cli.main(["doctor", str(run.folder)]) == 0
    assert "D ranks" not in capsys.readouterr().out


def test_evaluation_says_when_there_was_nothing_to_hold_out(runs, capsys):
    from scratchgan.runs.evaluate import evaluate

    evaluation = evaluate(runs["noise"].folder, n=100, save=False)
    assert any("trained on these pairs" in note for note in evaluation.notes)
    assert evaluation.task == "enhancement"
    assert load("uci-digits-8x8").test_size == 0
