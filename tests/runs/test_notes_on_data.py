"""What was not read, and what looks wrong, is told once on stderr, with --quiet too; the ground stands in the recipe."""

import numpy as np
import pytest
from PIL import Image

from scratchgan import cli
from scratchgan.data import load
from scratchgan.runs import build
from scratchgan.runs import recipe as recipes
from scratchgan.runs.train import resume

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = [
    "--steps",
    "1",
    "--set",
    "image_size=8",
    "batch_size=4",
    "hidden=[4]",
    "latent_dim=2",
    "sample_every=0",
    "--quiet",
]


def drawings(folder, shade=0, count=6):
    """Strokes of one shade on a transparent ground."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for i in range(count):
        pixels = np.full((8, 8, 4), shade, np.uint8)
        pixels[..., 3] = (rng.random((8, 8)) < 0.4) * 255
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_notes_are_printed_once_and_the_ground_is_recorded(tmp_path, capsys):
    folder, run = drawings(tmp_path / "ink"), tmp_path / "run"
    (folder / "list.csv").write_text("")
    (folder / "x.\n\udcff").write_text("")  # a line break, and a byte that is no text
    assert cli.main(["train", "mlp-mnist", "--data", str(folder), "--out", str(run), *TINY]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == f"wrote {run}"
    notes = [line for line in captured.err.splitlines() if line.startswith("scratchgan: note: ")]
    assert len(notes) == len(set(notes)) == 2
    assert r"not read: 1 .csv, 1 .\n\udcff" in notes[0]
    assert "so all are shown over white" in notes[1]
    recipe = recipes.load(run)
    assert recipe.ground == "white"
    _, data = build.load_data(recipe)
    np.testing.assert_array_equal(data.x, load(folder, image_size=8).x)
    assert resume(run, progress=False).gan.steps == 1  # the data are recognised
    assert (
        cli.main(["train", "mlp-mnist", "--data", str(folder), "--out", str(tmp_path / "b"), *TINY[:7], "ground=grey"])
        == 0
    )
    assert recipes.load(tmp_path / "b").ground == "grey"
    assert cli.main(["train", "mlp-mnist", "--data", str(folder), "--set", "ground=pink"]) == 2
    assert 'ground = "pink": expected "auto" or "black" or "white" or "grey"' in capsys.readouterr().err


def test_both_domains_have_one_ground(tmp_path):
    for name, shade in (("ink", 0), ("chalk", 150)):
        drawings(tmp_path / name, shade)
    for a, b in (("ink", "chalk"), ("chalk", "ink")):
        recipe = recipes.override(
            recipes.load("cyclegan-digits"), [f"data={tmp_path / a}", f"data_b={tmp_path / b}", "image_size=8"]
        )
        made, data = build.load_data(recipe)
        assert made.ground == "white"
        assert data.a.x.max() == data.b.x.max() == 1
        assert build.load_data(made)[0] == made


def test_a_recipe_of_images_without_transparency_keeps_its_ground(tmp_path):
    (tmp_path / "x").mkdir()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(tmp_path / "x" / "0.png")
    recipe = recipes.override(recipes.load("mlp-mnist"), [f"data={tmp_path / 'x'}"])
    assert build.load_data(recipe)[0].ground == "auto"


def test_pairs_of_images_and_labels_in_python(tmp_path, rng):
    recipe = recipes.override(recipes.load("cgan-mnist"), ["batch_size=4", "image_size=8"])
    x, labels = rng.uniform(-1, 1, (9, 8, 8, 1)), np.arange(9)[:, None] % 3
    made, data = build.given_data(recipe, (x, labels))
    assert (made.classes, data.labels.tolist()) == (3, [0, 1, 2] * 3)
