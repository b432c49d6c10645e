"""A CycleGAN from the recipe to translated files, on two small domains."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from scratchgan import cli
from scratchgan.data import load
from scratchgan.data.limits import DataError
from scratchgan.plots import save_translations
from scratchgan.runs import build
from scratchgan.runs import recipe as recipes
from scratchgan.runs.train import resume, train
from scratchgan.runs.translate import domain, inputs, write_png


@pytest.fixture
def folders(tmp_path, rng):
    """Two folders of ten pictures each, dark ones and bright ones."""
    for name, low in (("dark", 0), ("bright", 128)):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.fromarray(rng.integers(low, low + 128, (12, 10), dtype=np.uint8)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def small(folders, **changes):
    return replace(
        recipes.load("cyclegan-digits"),
        **{
            "data": str(folders / "dark"),
            "data_b": str(folders / "bright"),
            "image_size": 8,
            "steps": 6,
            "batch_size": 4,
            "width": 2,
            "d_width": 2,
            "blocks": 1,
            "sample_every": 3,
            "sample_grid": 12,
            "checkpoint_every": 2,
            "log_every": 2,
            **changes,
        },
    )


def test_a_run_from_training_to_translated_files(folders, capsys):
    run = train(small(folders), folders / "run", progress=False)
    assert {"samples.png", "curves.png", "checkpoint.npz", "log.jsonl"} <= set(run.files)
    assert {"cycle", "identity", "d_loss_a", "adversarial_b"} <= set(run.log[0])
    again, _ = build.restore(folders / "run")
    x = load(folders / "bright", image_size=8).x
    assert (again.translate(x, "a") == run.gan.translate(x, "a")).all()
    files = [str(folders / "bright" / "3.png"), str(folders / "bright" / "5.png")]
    assert cli.main(["translate", str(folders / "run"), "--to", "dark", *files]) == 0
    assert "2 images translated to dark" in capsys.readouterr().out
    with Image.open(folders / "run" / "translated" / "5-to-dark.png") as file:
        made = np.asarray(file)
    expected = np.rint((run.gan.translate(x[5:6], "a")[0, ..., 0] + 1) * 127.5).astype(np.uint8)
    np.testing.assert_array_equal(made, expected)
    assert (folders / "run" / "translated" / "translated.png").exists()
    assert (
        cli.main(["translate", str(folders / "run"), "--to", "b", str(folders / "dark"), "--out", str(folders / "out")])
        == 0
    )
    assert len(list((folders / "out").iterdir())) == 11


def test_a_cyclegan_goes_on_where_it_stopped(folders, monkeypatch):
    import scratchgan.runs.train as module

    whole = train(small(folders), folders / "whole", progress=False)
    keep = module.bad_array

    def die(gan):
        if gan.steps == 5:
            raise KeyboardInterrupt
        return keep(gan)

    with monkeypatch.context() as patch:
        patch.setattr(module, "bad_array", die)
        with pytest.raises(KeyboardInterrupt):
            train(small(folders), folders / "died", progress=False)
    run = resume(folders / "died", progress=False)
    one, two = whole.gan.state(), run.gan.state()
    assert all((one[name] == two[name]).all() for name in one)
    assert (folders / "whole" / "samples.png").read_bytes() == (folders / "died" / "samples.png").read_bytes()


def test_what_a_cyclegan_cannot_do_is_said(folders, capsys):
    train(small(folders, steps=1), folders / "run", progress=False)
    run = str(folders / "run")
    (folders / "empty").mkdir()
    for command, words in (
        (["sample", run], "try scratchgan translate"),
        (["evaluate", run], "expected a run that makes samples from noise, got a CycleGAN"),
        (["pictures", run], "expected a run that makes samples, got a CycleGAN"),
        (["translate", run, "--to", "grey", run], "expected one of the two domains: a (dark)"),
        (["translate", run, "--to", "a", str(folders / "none.png")], "no such file or folder"),
        (["translate", run, "--to", "a", str(folders / "empty")], "the folder is empty"),
    ):
        assert cli.main(command) == 2
        assert words in capsys.readouterr().err
    bad = folders / "dark" / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n half")
    assert cli.main(["translate", run, "--to", "b", str(bad)]) == 2
    assert "bad.png" in capsys.readouterr().err


def test_a_plain_gan_does_not_translate(tmp_path, capsys):
    train(replace(recipes.load("mlp-ring"), steps=1, hidden=(4,)), tmp_path / "run", progress=False)
    assert cli.main(["translate", str(tmp_path / "run"), "--to", "a", "x.png"]) == 2
    assert "expected a CycleGAN, got a GAN" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data_b": ""}, "needs a second domain: set data_b"),
        ({"data": "ring"}, r'data = "ring": a CycleGAN translates images'),
        ({"image_size": 0, "data_b": "mnist-5k"}, "both domains need samples of the same shape"),
        ({"optimizer": "sgd"}, 'optimizer = "sgd" has no effect with model = "cyclegan"'),
        ({"penalty": "r1"}, 'penalty = "r1" has no effect'),
        ({"batch_size": 11}, "11"),
    ],
)
def test_recipes_that_do_not_fit(folders, changes, words):
    with pytest.raises(ValueError, match=words):
        train(small(folders, **changes), folders / "run", progress=False)


def test_held_out_has_no_place_in_it(folders):
    with pytest.raises(ValueError, match="no effect with a CycleGAN"):
        small(folders, held_out=2)


def test_which_domain_is_meant():
    recipe = recipes.load("cyclegan-digits")
    assert [domain(recipe, to) for to in ("a", "b", "mnist", "MNIST-5k", "uci")] == ["a", "b", "b", "b", "a"]
    for to in ("", "x", "mnist-5k-"):
        with pytest.raises(ValueError, match=r"a \(uci-digits-28x28\) or b \(mnist-5k\)"):
            domain(recipe, to)


def test_files_and_pictures(tmp_path, rng):
    with pytest.raises(DataError, match="no such file"), inputs([tmp_path / "x"]):
        pass
    image = rng.uniform(-1, 1, (5, 4, 3)).astype(np.float32)
    write_png(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as file:
        np.testing.assert_allclose(np.asarray(file) / 127.5 - 1, image, atol=0.004)
    x = rng.uniform(-1, 1, (3, 6, 6, 1))
    save_translations(tmp_path / "b.png", [("there", x, x, x), ("back", x, x, x)], title="two ways")
    with Image.open(tmp_path / "b.png") as picture:
        assert picture.size[0] > 400


def test_the_framed_digits_are_the_small_ones_enlarged():
    small_ones, framed = load("uci-digits-8x8"), load("uci-digits-28x28")
    assert framed.x.shape == (1797, 28, 28, 1)
    assert (framed.labels == small_ones.labels).all()
    border = framed.x.copy()
    border[:, 4:24, 4:24] = -1
    assert (border == -1).all()
    assert abs(framed.x[:, 4:24, 4:24].mean() - small_ones.x.mean()) < 0.02
