"""A run knows its data by their checksum: wherever they are, whoever gave them, and whatever has become of them."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny import tiny

from scratchgan import cli
from scratchgan.data import Dataset, load, ring
from scratchgan.data.pairs import Pair
from scratchgan.runs import facts
from scratchgan.runs import recipe as recipes
from scratchgan.runs.diagnose import diagnose
from scratchgan.runs.evaluate import evaluate
from scratchgan.runs.facts import Facts, difference, facts_of, read_facts
from scratchgan.runs.pictures import picture_run
from scratchgan.runs.run_data import for_training, of_run, read_meta
from scratchgan.runs.train import resume, train
from scratchgan.runs.translate import domain_names

pytestmark = pytest.mark.usefixtures("one_thread")
IMAGES = {"image_size": 8, "sample_grid": 4, "steps": 2}
LINKS = pytest.mark.skipif(os.name != "posix", reason="symbolic links as POSIX has them")


def pngs(folder, n=12, seed=0, side=10):
    """A folder of n grey images of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (n, side, side), np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{i:03d}.png")
    return folder


def points(n=300, seed=0):
    return np.random.default_rng(seed).standard_normal((n, 2)).astype(np.float32)


def said(capsys, *arguments, code=0):
    """What a command prints: (stdout, stderr)."""
    assert cli.main([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


@pytest.fixture
def run(tmp_path):
    """A run on a folder of images, which is then moved."""
    recipe = tiny(**IMAGES, data=str(pngs(tmp_path / "a" / "F")))
    train(recipe, tmp_path / "run", progress=False)
    shutil.move(tmp_path / "a", tmp_path / "b")
    return tmp_path / "run"


# -- data that moved ---------------------------------------------------------------------------------------------------


def test_data_that_moved_are_found_by_every_command(run, tmp_path, capsys):
    now = tmp_path / "b" / "F"
    error = said(capsys, "resume", run, "--quiet", code=2).err
    assert f"{tmp_path / 'a' / 'F'} (12 of 8 x 8 x 1) is not there any more" in error
    assert "--data" in error
    assert "wrote" in said(capsys, "pictures", run, "--data", now, "--out", tmp_path / "p").out
    assert (tmp_path / "p" / "neighbours.png").exists()
    assert "wrote" in said(capsys, "doctor", run, "--data", now).out
    with pytest.raises(ValueError, match="at least 100 real examples"):  # found, and too few
        evaluate(run, n=100, data=now)
    assert said(capsys, "resume", run, "--quiet", "--data", now).err == ""
    assert recipes.load(run).data == str(now)  # from now on, it is known where they are
    said(capsys, "resume", run, "--quiet")


@LINKS
def test_a_link_to_the_new_place_is_enough(run, tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    assert resume(run, progress=False).gan.steps == 2


def test_an_edited_recipe_may_say_where_the_data_are(run, tmp_path):
    path = run / "recipe.toml"
    path.write_text(path.read_text().replace(str(tmp_path / "a"), str(tmp_path / "b")))
    assert resume(run, progress=False).gan.steps == 2


def test_the_data_themselves_or_a_copy_in_another_form_will_do(run, tmp_path, capsys):
    x = load(str(tmp_path / "b" / "F"), image_size=8).x
    assert resume(run, progress=False, data=x).gan.steps == 2
    np.save(tmp_path / "copy.npy", x)
    assert of_run(run, recipes.load(run), data=tmp_path / "copy.npy").changed == ""
    said(capsys, "resume", run, "--quiet", "--data", tmp_path / "copy.npy")


def test_pictures_that_need_no_data_are_drawn_without_them(run, tmp_path, capsys):
    printed = said(capsys, "pictures", run)
    assert "interpolation.png" in printed.out
    assert printed.err.startswith("neighbours.png was left out: ")
    assert printed.err.count("\n") == 1
    with pytest.warns(UserWarning, match="neighbours.png was left out"):
        written = picture_run(run)
    assert {path.name for path in written} >= {"interpolation.png"}


def test_both_domains_of_a_cyclegan_are_found_again(tmp_path, capsys):
    a, b = pngs(tmp_path / "a" / "horse", seed=1), pngs(tmp_path / "a" / "zebra", seed=2)
    recipe = replace(
        recipes.load("cyclegan-digits"),
        data=str(a), data_b=str(b), image_size=8, width=2, d_width=2, blocks=0, batch_size=2, steps=2, sample_grid=6,
    )  # fmt: skip
    folder = tmp_path / "run"
    train(recipe, folder, progress=False)
    shutil.move(tmp_path / "a", tmp_path / "c")
    (tmp_path / "c" / "zebra").rename(tmp_path / "c" / "other name")  # names do not count
    one, two = tmp_path / "c" / "horse", tmp_path / "c" / "other name"
    assert "--data and --data-b" in said(capsys, "resume", folder, code=2).err
    wrong = said(capsys, "resume", folder, "--data", two, "--data-b", one, code=2).err
    assert "is not what the run was trained on: domain a: 12 of 8 x 8 x 1 as before, but other values" in wrong
    assert resume(folder, progress=False, data=one, data_b=two).gan.steps == 2
    assert resume(folder, progress=False, data=Pair(*(load(str(p), image_size=8) for p in (one, two)))).gan.steps == 2
    assert read_facts(read_meta(folder)).domains[1].name == "zebra"


# -- data that changed -------------------------------------------------------------------------------------------------


def test_what_differs_is_told_in_one_line(tmp_path, capsys):
    data = pngs(tmp_path / "F", n=240)
    folder = tmp_path / "run"
    train(tiny(**IMAGES, data=str(data)), folder, progress=False)
    pngs(data, n=241)
    line = "have changed since the run began: expected 240 of 8 x 8 x 1, got 241 of 8 x 8 x 1"
    assert line in said(capsys, "resume", folder, code=2).err
    assert line in said(capsys, "pictures", folder).err
    found = evaluate(folder, n=100, progress=False, save=False)
    assert line in found.notes[0]
    assert not any("used for training" in note for note in found.notes)
    assert "copies" not in [m.name for m in found.measures]
    with pytest.raises(ValueError, match=r"is not what the run was trained on: expected 240"):
        evaluate(folder, n=100, data=data, progress=False)
    with pytest.raises(ValueError, match="is not what the run was trained on"):
        diagnose(folder, data=data)
    (data / "240.png").unlink()
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(data / "000.png")
    assert "240 of 8 x 8 x 1 as before, but other values" in said(capsys, "resume", folder, code=2).err


def test_the_doctor_measures_only_the_runs_own_data(tmp_path):
    np.save(tmp_path / "x.npy", points())
    folder = tmp_path / "run"
    train(tiny(data=str(tmp_path / "x.npy"), log_every=1), folder, progress=False)
    log = folder / "log.jsonl"
    log.write_text("\n".join(line.replace('"diversity"', '"other"') for line in log.read_text().splitlines()) + "\n")
    assert "measured once from the checkpoint" in str(diagnose(folder))
    np.save(tmp_path / "x.npy", points(seed=1))
    assert "samples could not be judged: the data" in str(diagnose(folder))
    np.save(tmp_path / "y.npy", points())
    assert "measured once from the checkpoint" in str(diagnose(folder, data=tmp_path / "y.npy"))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0, 0, 1, 1, 2, 2], "the same examples, but other labels (3 of class a, now 2; 1 of class c, now 2)"),
        ([0, 0, 1, 0, 2, 1], "the same examples, but other labels"),
    ],
)
def test_a_difference_of_labels_is_named(labels, words):
    x, names = points(6), ("a", "b", "c")
    before = facts_of(Dataset(x, np.array([0, 0, 0, 1, 1, 2]), classes=names))
    assert difference(before, facts_of(Dataset(x, np.array(labels), classes=names))) == words


def test_classes_are_compared_by_their_names():
    x = points(6)
    before = facts_of(Dataset(x, np.array([0, 0, 1, 1, 2, 2]), classes=("a", "b", "c")))
    after = facts_of(Dataset(x[:4], np.array([0, 0, 1, 1]), classes=("b", "z")))
    assert difference(before, after) == (
        "expected 6 of 2, got 4 of 2 (2 of class a, now 0; 2 of class c, now 0; 0 of class z, now 2)"
    )


# -- what stands in the run --------------------------------------------------------------------------------------------


def test_the_facts_stand_in_the_checkpoint(tmp_path):
    x, labels = np.zeros((9, 8, 8, 1), np.float32), np.array([0, 0, 1] * 3)
    data = Dataset(x, labels, name="two", classes=("cats", "dogs"))
    train(tiny(steps=1, batch_size=4, held_out=3), tmp_path / "run", progress=False, data=data)
    found = read_facts(read_meta(tmp_path / "run"))
    assert (found.kind, found.name, found.n, found.shape) == ("examples", "two", 9, (8, 8, 1))
    assert (found.classes, found.counts, found.held_out, found.given) == (("cats", "dogs"), (6, 3), 3, True)
    assert Facts(**{**vars(found)}) == read_facts({"facts": found.to_json()})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": 3}', "[" * 10_000])
def test_damaged_facts_are_one_clear_error(text):
    with pytest.raises(ValueError, match="facts about the data are damaged"):
        read_facts({"facts": text})


def test_many_long_names_do_not_fill_a_checkpoint():
    names = tuple(f"{k}" * 300 for k in range(1000))
    text = facts_of(Dataset(points(1000), np.arange(1000), classes=names)).to_json()
    assert len(text) < 1 << 20
    assert read_facts({"facts": text}).n == 1000


def test_data_are_hashed_once(tmp_path, monkeypatch):
    data = pngs(tmp_path / "F")
    hashed, add = [], facts._add
    monkeypatch.setattr(facts, "_add", lambda digest, name, values: (hashed.append(name), add(digest, name, values)))
    train(tiny(**IMAGES, data=str(data)), tmp_path / "run", progress=False)
    assert hashed.count("x") == 1
    resume(tmp_path / "run", progress=False)
    assert hashed.count("x") == 2


@pytest.mark.parametrize("given", [False, True])
def test_evaluate_knows_what_was_held_out(given, tmp_path):
    x = load("mnist-5k").x[::10]
    np.save(tmp_path / "x.npy", x)
    recipe = tiny(data=str(tmp_path / "x.npy"), held_out=100, steps=2)
    train(recipe, tmp_path / "run", progress=False, data=x if given else None)
    found = evaluate(tmp_path / "run", n=100, data=x if given else None, progress=False, save=False)
    assert any(note.startswith("100 images were held out of training") for note in found.notes)
    assert 0 <= found["membership advantage of D"].value <= 1
    assert not any("none was" in note or "no images were held out" in note for note in found.notes)


def test_held_out_points_are_known_too(tmp_path):
    np.save(tmp_path / "x.npy", points(400))
    train(tiny(data=str(tmp_path / "x.npy"), held_out=100), tmp_path / "run", progress=False)
    found = evaluate(tmp_path / "run", n=100, progress=False, save=False)["membership advantage of D"]
    assert 0 <= found.value <= 1
    assert 0 <= found.real <= 1
    assert np.isnan(found.noise)


# -- data given in Python ----------------------------------------------------------------------------------------------


def test_sizes_are_true_of_arrays_too(tmp_path, rng):
    x = rng.uniform(-1, 1, (20, 16, 16, 3)).astype(np.float32)
    run = train(tiny(steps=1, image_size=8, channels=1), tmp_path / "run", progress=False, data=x)
    assert run.gan.data_shape == (8, 8, 1)
    assert (run.recipe.image_size, run.recipe.channels) == (8, 1)
    assert resume(tmp_path / "run", progress=False, data=x).gan.steps == 1
    np.save(tmp_path / "x.npy", x)
    assert resume(tmp_path / "run", progress=False, data=tmp_path / "x.npy").gan.steps == 1


def test_a_run_on_given_data_says_that_they_must_be_given_again(tmp_path, capsys):
    train(tiny(), tmp_path / "run", progress=False, data=points())
    for command in ("resume", "evaluate"):
        error = said(capsys, command, tmp_path / "run", code=2).err
        assert '"array" (300 of 2) was given in Python' in error
        assert "(run, data=...)" in error
    assert "was given in Python" in said(capsys, "pictures", tmp_path / "run").err
    assert "they were given in Python" in said(capsys, "train", tmp_path / "run", code=2).err
    with pytest.raises(ValueError, match="has no second domain"):
        resume(tmp_path / "run", progress=False, data=points(), data_b="ring")
    resume(tmp_path / "run", progress=False, data=points())


def test_images_with_labels_and_two_domains_may_be_tuples(rng):
    x = rng.uniform(-1, 1, (6, 8, 8, 1))
    found = for_training(recipes.load("cgan-mnist"), (x, np.arange(6) % 2))
    assert found.data.n_classes == found.recipe.classes == 2
    pair = for_training(recipes.load("cyclegan-digits"), (x, x[:3]))
    assert [domain.n for domain in pair.facts.domains] == [6, 3]
    assert for_training(tiny(), "grid").recipe.data == "grid"
    assert domain_names(pair.recipe) == {"a": "a", "b": "b"}
    with pytest.raises(ValueError, match="got a tuple of 3"):
        for_training(recipes.load("cgan-mnist"), (x, x, x))
    with pytest.raises(ValueError, match="only a CycleGAN takes a pair"):
        for_training(tiny(), Pair(Dataset(x), Dataset(x)))


@pytest.mark.parametrize("data", ["ring", "file", "array"])
def test_sizes_of_points_are_refused(data, tmp_path):
    recipe, given = tiny(image_size=64, channels=3), None
    if data == "file":
        np.save(tmp_path / "x.npy", points())
        recipe = replace(recipe, data=str(tmp_path / "x.npy"))
    elif data == "array":
        given = points()
    with pytest.raises(ValueError, match=r"points.*image_size"):
        for_training(recipe, given)


def test_only_what_repeats_the_data_goes_by_their_name():
    known = load("mnist-5k")
    for data, name in [
        (known, "mnist-5k"),
        (Dataset(known.x[:100], known.labels[:100], name="mnist-5k"), "mnist-5k (given to train by its caller)"),
        (ring(), "ring"),
        (ring(7), "ring (given to train by its caller)"),
    ]:
        assert for_training(tiny(), data).recipe.data == name


# -- places ------------------------------------------------------------------------------------------------------------


def test_a_relative_path_is_relative_to_its_recipe(tmp_path, monkeypatch):
    pngs(tmp_path / "project" / "F", n=9)
    pngs(tmp_path / "here" / "F", n=20)  # of the same name, in the present folder
    path = tmp_path / "project" / "mine.toml"
    path.write_text('model = "mlp"\ndata = "F"\n')
    monkeypatch.chdir(tmp_path / "here")
    recipe = recipes.load(path)
    assert Path(recipe.data) == tmp_path / "project" / "F"
    assert for_training(replace(recipe, batch_size=2)).facts.n == 9
    path.write_text('model = "mlp"\ndata = "sub/G"\n')
    assert Path(recipes.load(path).data) == tmp_path / "project" / "sub" / "G"
    path.write_text('model = "mlp"\ndata = "rnig"\n')
    assert recipes.load(path).data == "rnig"  # a misspelt name gets its hint


@LINKS
@pytest.mark.parametrize("how", ["inside", "the folder", "through a link", "samples", "a linked class"])
def test_no_run_is_made_in_its_own_data(how, tmp_path, capsys):
    data = pngs(tmp_path / "F")
    out = {"inside": data / "deep" / "run", "the folder": data, "samples": tmp_path / "r"}.get(
        how, tmp_path / "L" / "r"
    )
    if how == "through a link":
        (tmp_path / "L").symlink_to(data)
    elif how == "samples":
        data = pngs(tmp_path / "r" / "samples")
    elif how == "a linked class":
        for name in "ab":
            pngs(tmp_path / f"of {name}")
            (tmp_path / "G").mkdir(exist_ok=True)
            (tmp_path / "G" / name).symlink_to(tmp_path / f"of {name}")
        data, out = tmp_path / "G", tmp_path / "of a"
    before = sorted(tmp_path.rglob("*"))
    error = said(
        capsys, "train", "mlp-mnist", "--data", data, "--out", out, "--steps", 1, "--set", "batch_size=4", code=2
    ).err
    assert error.count("\n") == 1
    assert "lies in the data (data = " in error
    assert sorted(tmp_path.rglob("*")) == before


def test_no_picture_goes_into_the_data(tmp_path, capsys, monkeypatch):
    a, b = pngs(tmp_path / "A"), pngs(tmp_path / "B", seed=1)
    monkeypatch.chdir(a)
    common = ["--steps", 1, "--set", "batch_size=2", "image_size=8", "width=2", "d_width=2", "blocks=0"]
    train_it = ["train", "cyclegan-digits", "--data", a, "--data-b", b, *common]
    assert "lies in the data (data = " in said(capsys, *train_it, code=2).err  # the default: ./runs
    assert 'lies in the data (data_b = "' in said(capsys, *train_it, "--out", b / "run", code=2).err
    said(capsys, *train_it, "--out", tmp_path / "run", "--quiet")
    translate = ["translate", tmp_path / "run", a / "000.png", "--to", "b", "--out", b / "t"]
    assert "lies in the data (data_b" in said(capsys, *translate, code=2).err
    recipe = tiny(**IMAGES, data=str(a))
    train(recipe, tmp_path / "plain", progress=False)
    for command in (["pictures", tmp_path / "plain", "--out", a], ["sample", tmp_path / "plain", "--out", a / "s.png"]):
        assert "lies in the data" in said(capsys, *command, code=2).err
    assert len(list(a.iterdir())) == len(list(b.iterdir())) == 12
