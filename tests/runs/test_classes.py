"""Classes: their order, their names, those that do not occur, and pictures of few and of many."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from scratchgan import cli, plots
from scratchgan.data import Dataset, load_path
from scratchgan.data.listing import natural
from scratchgan.plots import grids
from scratchgan.plots.film import save_gif
from scratchgan.runs import recipe as recipes
from scratchgan.runs.build import class_names, with_classes
from scratchgan.runs.run_data import for_training, of_run, read_meta
from scratchgan.runs.sampling import class_number
from scratchgan.runs.train import train

pytestmark = pytest.mark.usefixtures("one_thread")


def small(**changes):
    return replace(
        recipes.load("cgan-mnist"),
        **{
            "image_size": 8,
            "steps": 1,
            "batch_size": 4,
            "width": 2,
            "latent_dim": 2,
            "dense": 0,
            "sample_every": 0,
            "sample_grid": 6,
            **changes,
        },
    )


def folders(folder, *names, n=3):
    """A folder of class folders; every image of the k-th name is of one grey of its own."""
    for k, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(np.full((8, 8), 10 * k, np.uint8)).save(folder / name / f"{i}.png")
    return folder


def said(capsys, *arguments, code=0):
    assert cli.main([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


@pytest.fixture(scope="module")
def cats(tmp_path_factory):
    """A run on the classes 10, cats, dogs; its data are gone."""
    folder = tmp_path_factory.mktemp("classes")
    train(small(data=str(folders(folder / "F", "dogs", "cats", "2"))), folder / "run", progress=False)
    shutil.rmtree(folder / "F")
    return folder / "run"


# -- order and names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        [str(k) for k in range(1, 13)],
        ["01", "2", "003", "10"],
        ["a1", "a2", "a10", "b1", "b2"],
        ["1", "2", "10", "cats", "dogs"],
        ["01", "1", "2"],
        ["v1.2", "v1.10", "v2.0"],
        ["B", "a", "b"],
        ["class 9 x", "class 10", "class 10 b"],
    ],
    ids=lambda names: names[-1],
)
def test_class_folders_have_their_natural_order(names, tmp_path):
    backwards = names[::-1]
    data = load_path(folders(tmp_path / "F", *backwards, n=1))
    assert data.classes == tuple(names) == tuple(sorted(names, key=natural))
    greys = [10 * backwards.index(name) for name in names]
    np.testing.assert_allclose((data.x.mean(axis=(1, 2, 3)) + 1) * 127.5, greys, atol=1e-4)


def test_a_run_from_before_keeps_its_order(tmp_path):
    """Older versions sorted the names as texts, and wrote no facts about the classes."""
    data = load_path(folders(tmp_path / "F", "1", "2", "10"))
    order = np.argsort([str(data.classes[k]) for k in data.labels], kind="stable")  # 1, 10, 2
    old = Dataset(data.x[order], np.array([0, 2, 1])[data.labels[order]], name="F", classes=("1", "10", "2"))
    recipe = small(data=str(tmp_path / "F"), classes=3)
    meta = {"data": for_training(recipe, old).facts.sha256}
    found = of_run(tmp_path, recipe, meta=meta)
    assert found.changed == ""
    assert found.data.classes == ("1", "10", "2")
    np.testing.assert_array_equal(found.data.x, old.x)
    assert of_run(tmp_path, recipe, meta={"data": "0" * 64}).changed


def test_names_outlive_the_data(cats, capsys):
    out = said(capsys, "sample", cats, "--n", "3", "--label", "cats").out
    assert 'sample-labelcats-n3-seed1.png: 3 samples of label 1 ("cats"), seed 1, from ' in out
    assert 'of label 2 ("dogs")' in said(capsys, "sample", cats, "--n", "3", "--label", "dogs").out
    error = said(capsys, "sample", cats, "--label", "cat", code=2).err
    assert "expected the name of a class (2, cats, dogs) or its number, 0 to 2; " in error
    assert 'did you mean "cats"?' in error


@pytest.mark.parametrize(
    ("label", "names", "number", "remark"),
    [
        ("b", ["a", "b"], 1, ""),
        ("1", ["a", "b"], 1, ""),
        ("1", ["1", "2", "3"], 0, 'taken as a name, class number 1 is called "2"'),
        ("0", ["1", "2", "3"], 0, ""),
        ("0", ["0", "1", "2"], 0, ""),
        ("12", ["12", "13", "14"], 0, ""),
        ("2", None, 2, ""),
    ],
)
def test_a_name_counts_before_a_number(label, names, number, remark):
    found, words = class_number(label, 3, names)
    assert found == number
    assert remark in words
    assert bool(remark) == bool(words)


@pytest.mark.parametrize("label", ["3", "-1", "1.0", "", "999999999999", "²"])
def test_a_label_that_means_nothing_is_refused(label):
    for names in (None, ["a", "b", "c"]):
        with pytest.raises(ValueError, match="0 to 2"):
            class_number(label, 3, names)


# -- samples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_as_many_samples_are_drawn_as_are_asked_for(n, cats, monkeypatch, tmp_path, capsys):
    made = []
    pages = plots.labelled_pages
    monkeypatch.setattr(plots, "labelled_pages", lambda x, labels, **o: (made.append(labels), pages(x, labels, **o))[1])
    out = said(capsys, "sample", cats, "--n", n, "--out", tmp_path / "s.png").out
    assert f"{n} samples, seed 1" in out
    assert made[0].tolist() == [i % 3 for i in range(n)]


def test_labels_are_stored_next_to_the_samples(cats, tmp_path, capsys):
    out = said(capsys, "sample", cats, "--n", 5, "--out", tmp_path / "x.npy").out
    assert "x-labels.npy" in out
    assert np.load(tmp_path / "x-labels.npy").tolist() == [0, 1, 2, 0, 1]
    said(capsys, "sample", cats, "--n", 2, "--label", "dogs", "--out", tmp_path / "y.npy")
    assert np.load(tmp_path / "y-labels.npy").tolist() == [2, 2]
    assert np.load(tmp_path / "y.npy").shape == (2, 8, 8, 1)


def test_too_many_samples_are_refused_before_memory_is_taken(cats, tmp_path, capsys):
    error = said(capsys, "sample", cats, "--n", 10**9, "--out", tmp_path / "x.npy", code=2).err
    assert "GiB" in error
    assert not (tmp_path / "x.npy").exists()


# -- classes that do not occur -----------------------------------------------------------------------------------------


def labelled(*labels, classes=()):
    labels = np.array(labels)
    return Dataset(np.zeros((len(labels), 8, 8, 1), np.float32), labels, name="own", classes=classes)


@pytest.mark.parametrize(
    ("data", "classes", "names", "words"),
    [
        (labelled(*range(1, 11)), 10, [str(k) for k in range(1, 11)], "10 of the labels 0 to 10 occur (1, 2, ... 10)"),
        (labelled(0, 1, 2, 999), 4, ["0", "1", "2", "999"], "4 of the labels 0 to 999 occur (0, 1, 2, 999)"),
        (labelled(5, 10**15), 2, ["5", str(10**15)], "2 of the labels 0 to 1000000000000000 occur"),
        (labelled(0, 2, 0, classes=("a", "b", "c")), 2, ["a", "c"], "2 of the labels 0 to 2 occur (a, c)"),
        (labelled(0, 1, 1, 0), 2, None, ""),
    ],
)
def test_only_labels_that_occur_are_classes(data, classes, names, words):
    found = for_training(small(), data)
    assert found.recipe.classes == found.data.n_classes == classes
    assert class_names(found.recipe, found.data.classes) == names
    assert words in "".join(found.remarks)
    assert sorted(set(found.data.labels.tolist())) == list(range(classes))
    again, _ = with_classes(found.recipe, data)  # the saved recipe repeats it
    assert again == found.recipe
    assert of_run("", found.recipe, data=data, meta={"data": found.facts.sha256}).data.classes == found.data.classes


def test_room_for_more_classes_is_given_with_a_word():
    found = for_training(small(classes=5), labelled(0, 1, 2, classes=("a", "b", "c")))
    assert class_names(found.recipe, found.data.classes) == ["a", "b", "c", "3", "4"]
    assert found.remarks == ("no example has the label 3, 4: G learns nothing for it",)
    found = for_training(small(classes=11), labelled(*range(1, 11)))
    assert found.recipe.classes == 11  # as older versions counted
    assert found.remarks == ("no example has the label 0: G learns nothing for it",)


def test_codes_are_not_the_classes_of_the_data():
    found = for_training(
        replace(small(), model="infogan", condition="codes", classes=10), labelled(0, 1, 2, classes="abc")
    )
    assert found.remarks == ("the 3 classes of own are not used: the GAN finds 10 categories itself",)
    assert class_names(found.recipe, found.data.classes) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (labelled(0, 0, classes=("cats",)), r'needs at least 2 classes, but "own" has only one: "cats"'),
        (labelled(7, 7), r'has only one: "7"'),
        (labelled(*range(1001)), r"own has 1,001 classes; expected at most 1,000"),
    ],
)
def test_numbers_of_classes_that_make_no_gan(data, words):
    with pytest.raises(ValueError, match=words):
        for_training(small(), data)


@pytest.mark.parametrize(("model", "classes"), [("infogan", 10), ("cgan", 5)])
def test_names_do_not_have_to_be_as_many_as_rows(model, classes, tmp_path, capsys):
    data = folders(tmp_path / "F", "a", "b", "c")
    settings = ["image_size=8", "batch_size=4", "width=2", "dense=0", "latent_dim=2", f"classes={classes}"]
    out, err = said(
        capsys, "train", f"{model}-mnist", "--data", data, "--steps", 1, "--out", tmp_path / "r", "--set", *settings
    )
    assert "wrote" in out
    assert ("are not used" if model == "infogan" else "no example has the label 3, 4") in err
    assert "of label 4" in said(capsys, "sample", tmp_path / "r", "--label", "4", "--n", 2).out
    assert read_meta(tmp_path / "r")["step"] == 1


# -- pictures ----------------------------------------------------------------------------------------------------------


def size(figure):
    return tuple(round(side * figure.dpi) for side in figure.get_size_inches())


def drawn(figure, images):
    """Pixels that one image takes across, and how many images are in a line."""
    axes = figure.axes[0]
    across = axes.images[0].get_array().shape[1]
    columns = (across - 1) // (images.shape[2] + 1)
    return axes.get_position().width * size(figure)[0] / columns, columns


@pytest.mark.parametrize(
    ("classes", "each", "side", "pages"),
    [(2, 32, 64, 1), (47, 2, 16, 1), (130, 1, 16, 1), (10, 6, 28, 1), (300, 1, 32, 3), (10, 1, 8, 1), (3, 2000, 32, 2),
     (2, 8, 512, 1), (2, 3, 5, 1)],
)  # fmt: skip
def test_a_picture_of_classes_stays_a_picture(classes, each, side, pages):
    labels = np.repeat(np.arange(classes), each)
    images = np.zeros((len(labels), side, side, 1), np.float32)
    names = [f"{k} {'b' * 70}" for k in range(classes)]
    found = list(plots.labelled_pages(images, labels, names=names, columns=each, title="t"))
    assert len(found) == pages
    count = 0
    for page in found:
        assert max(size(page)) <= 4000
        assert max(size(page)) / min(size(page)) < 8
        shown = page.axes[0].images[0].get_array()
        cell, columns = drawn(page, images if side <= 256 else np.zeros((1, 256, 256, 1)))
        assert cell >= min(side, 128) or cell >= 128
        assert cell >= 24
        count += columns * ((shown.shape[0] - 1) // (min(side, 256) + 1))
        assert ("classes" in page.get_suptitle().splitlines()[0]) == (pages > 1)
    assert count >= len(labels)
    assert max(len(text.get_text()) for text in found[0].axes[0].get_yticklabels()) <= 24


def test_a_plain_grid_of_large_images_stays_a_picture(tmp_path, monkeypatch):
    assert grids.MOST_PIXELS == 4000
    monkeypatch.setattr(grids, "MOST_PIXELS", 1000)
    x = np.linspace(-1, 1, 9 * 290 * 250, dtype=np.float32).reshape(9, 290, 250, 1)
    plots.save_grid(tmp_path / "few.png", x, "nine")
    plots.save_grid(tmp_path / "g.png", np.tile(x, (4, 1, 1, 1)), "many")
    with Image.open(tmp_path / "few.png") as few, Image.open(tmp_path / "g.png") as many:
        assert few.size == (3 * 251 + 1 + 20, 3 * 291 + 1 + 40)
        assert 850 < max(many.size) <= 1000


def test_a_film_of_large_pictures_is_made_smaller(tmp_path):
    frames = [np.full((3900, 40, 3), value, np.uint8) for value in (0, 255)]
    save_gif(tmp_path / "f.gif", frames)
    with Image.open(tmp_path / "f.gif") as film:
        assert film.size == (16, 1600)


def test_translations_are_not_wider_than_a_picture(tmp_path):
    x = np.zeros((170, 4, 4, 1), np.float32)
    plots.save_translations(tmp_path / "t.png", [("to b", x, x, x)], title="t")
    with Image.open(tmp_path / "t.png") as picture:
        assert max(picture.size) <= 4000


def test_pages_of_samples_are_files(cats, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grids, "MOST_PIXELS", 300)
    out = said(capsys, "sample", cats, "--n", "2000", "--out", tmp_path / "s.png").out
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) > 1
    assert "s-2.png" in names
    assert all(str(tmp_path / name) in out for name in names)
