"""A CycleGAN from the recipe to translated files, on two small domains."""

import shutil
import zipfile
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
from scratchgan.runs.image_files import free, inputs, names, write_png
from scratchgan.runs.train import resume, train
from scratchgan.runs.translate import domain, domain_names


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
    assert "expected a CycleGAN, or a net trained on pairs, got a GAN" in capsys.readouterr().err


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


def translated(folders, *files, to="b", out="out"):
    """The names that `translate` writes, without translated.png; the exit code must be 0."""
    place = folders / out
    before = set(place.iterdir()) if place.exists() else set()
    command = ["translate", str(folders / "run"), "--to", to, *map(str, files), "--out", str(place)]
    assert cli.main(command) == 0
    assert not list(place.glob(".*"))  # what was written aside is gone
    return sorted(path.name for path in set(place.iterdir()) - before if not path.name.startswith("translated"))


def test_results_never_have_the_same_name(folders, capsys):
    train(small(folders, steps=1), folders / "run", progress=False)
    dark, bright, x = folders / "dark", folders / "bright", folders / "x"
    x.mkdir()
    for name in ("a.png", "a.jpg", "A.bmp", "a-jpg.png", "\u732b" * 80 + ".png", 'b:"?.png', "..png"):
        Image.new("L", (9, 9), 77).save(x / name, format="PNG" if name.endswith("png") else None)
    assert translated(folders, dark / "0.png", bright / "0.png", out="one") == [
        "bright-0-png-to-bright.png",
        "dark-0-png-to-bright.png",
    ]
    made = translated(folders, *sorted(x.iterdir()), out="two")
    assert len(made) == 7
    assert {"a-png-to-bright.png", "A-bmp-to-bright.png", "b___-to-bright.png"} <= set(made)
    assert {"a-jpg-to-bright.png", "x-a-jpg-to-bright.png"} & set(made)
    assert len({name.lower() for name in made}) == 7
    assert all(len(name.encode()) <= 180 for name in made)
    again = translated(folders, dark / "0.png", bright / "0.png", out="one")  # nothing that exists is replaced
    assert again == ["bright-0-png-to-bright-2.png", "dark-0-png-to-bright-2.png"]
    assert "translated-2.png" in capsys.readouterr().out
    twice = translated(folders, dark / "0.png", dark / "0.png", out="three")
    assert twice == ["dark-0-png-to-bright-2.png", "dark-0-png-to-bright.png"]


def test_domains_of_the_same_name(folders):
    recipe = small(folders, data="/d/horse/train", data_b="/d/zebra/train")
    assert domain_names(recipe) == {"a": "horse-train", "b": "zebra-train"}
    assert [domain(recipe, to) for to in ("a", "b", "horse", "zebra-train")] == ["a", "b", "a", "b"]
    with pytest.raises(ValueError, match=r"a \(horse-train\) or b \(zebra-train\)"):
        domain(recipe, "train")
    assert domain_names(small(folders, data="/d/Train", data_b="/e/train")) == {"a": "d-Train", "b": "e-train"}
    assert domain_names(small(folders, data="/d/x", data_b="/d/x")) == {"a": "a-x", "b": "b-x"}
    assert domain_names(small(folders, data="x", data_b="/d/x"))["b"].endswith("x")
    longer = small(folders, data="photos", data_b="photos-of-zebras")
    assert domain(longer, "photos") == "a"  # the whole name counts before the beginning of another


def test_results_are_not_translated_again(folders, capsys):
    train(small(folders, steps=1), folders / "run", progress=False)
    dark = folders / "dark"
    run, before = str(folders / "run"), sorted(dark.iterdir())
    (folders / "link").symlink_to(dark)
    for out in (dark, dark / "out", folders / "link", folders / "link" / "out"):
        assert cli.main(["translate", run, "--to", "b", str(dark), "--out", str(out)]) == 2
        assert "choose another --out" in capsys.readouterr().err  # the run's data
    assert cli.main(["translate", run, "--to", "b", str(dark / "0.png"), "--out", str(dark)]) == 2
    assert "choose another --out" in capsys.readouterr().err
    assert sorted(dark.iterdir()) == before
    other = folders / "other"
    shutil.copytree(dark, other)
    (folders / "link to other").symlink_to(other)
    for out in (other, other / "out", folders / "link to other", folders / "link to other" / "out"):
        assert cli.main(["translate", run, "--to", "b", str(other), "--out", str(out)]) == 2
        assert "give another folder with --out" in capsys.readouterr().err
    assert cli.main(["translate", run, "--to", "b", str(other / "0.png"), "--out", str(other)]) == 2
    assert "give another folder with --out" in capsys.readouterr().err
    assert sorted(path.name for path in other.iterdir()) == [path.name for path in before]
    assert translated(folders, other / "0.png", out="other/out") == ["0-to-bright.png"]  # no folder was given
    assert translated(folders, other / "0.png", out="other/.out/x") == ["0-to-bright.png"]
    (folders / "file").write_text("")
    assert cli.main(["translate", run, "--to", "b", str(dark / "0.png"), "--out", str(folders / "file")]) == 2
    assert "expected a folder for the results, got a file" in capsys.readouterr().err


def test_nothing_is_written_half(folders, capsys, monkeypatch):
    import scratchgan.runs.image_files as module

    train(small(folders, steps=1), folders / "run", progress=False)
    files = sorted((folders / "dark").iterdir())
    (folders / "bad").mkdir()
    for name in ("x.png", "y.png"):
        (folders / "bad" / name).write_bytes(files[0].read_bytes()[:60])
    command = ["translate", str(folders / "run"), "--to", "b", "--out", str(folders / "out")]
    assert cli.main([*command, *map(str, files), str(folders / "bad")]) == 2
    error = capsys.readouterr().err
    assert "translate: 2 of 12 images cannot be used" in error
    assert "x.png" in error
    assert "y.png" in error
    assert not (folders / "out").exists() or not list((folders / "out").iterdir())
    written = []

    def fill_up(path, image):
        if len(written) == 5:
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write_png(path, image)

    monkeypatch.setattr(module, "write_png", fill_up)
    assert cli.main([*command, *map(str, files)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert list((folders / "out").iterdir()) == []


def test_folders_are_read_as_for_training(folders, capsys):
    train(small(folders, steps=1), folders / "run", progress=False)
    both = folders / "both"
    for part, name in (("train/x", "dark"), ("train/y", "bright"), ("test/x", "dark")):
        (both / part).mkdir(parents=True)
        for i in (0, 1):
            (both / part / f"{i}.png").write_bytes((folders / name / f"{i}.png").read_bytes())
    (both / "train" / "x" / "notes.txt").write_text("")
    assert translated(folders, both) == [f"{c}-{i}-png-to-bright.png" for c in "xy" for i in (0, 1)]
    error = capsys.readouterr().err
    assert "train (4 images in 2 classes) is used, test (2 images in 1 class) is held out" in error
    assert "not read: 1 .txt" in error
    with zipfile.ZipFile(folders / "pics.zip", "w") as archive:
        for path in sorted((folders / "dark").iterdir()):
            archive.write(path, f"in/{path.name}")
    assert translated(folders, folders / "pics.zip", out="zipped") == [f"{i}-to-bright.png" for i in range(10)]
    (both / "train" / "x" / "odd.png").write_bytes(b"<html>")
    (both / "0.png").write_bytes((folders / "dark" / "0.png").read_bytes())
    (both / "z").mkdir()
    (both / "z" / "0.png").write_bytes((folders / "dark" / "0.png").read_bytes())
    assert cli.main(["translate", str(folders / "run"), "--to", "b", str(both), "--out", str(folders / "out")]) == 2
    assert "both directly in the folder (1) and in sub-folders (z)" in capsys.readouterr().err


def test_a_name_that_is_free(tmp_path):
    (tmp_path / "a.png").write_text("")
    (tmp_path / "a-2.png").symlink_to(tmp_path / "nowhere")
    assert free(tmp_path / "a.png", {"a-3.png"}) == tmp_path / "a-4.png"
    assert names([], "b", tmp_path) == []


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
