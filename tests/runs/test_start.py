"""The beginning of a run and what comes after its end: nothing is left of one that failed, and training can go on."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny

from scratchgan import cli
from scratchgan.data import Dataset
from scratchgan.files import checkpoint
from scratchgan.gan import GAN
from scratchgan.runs import build, places, start
from scratchgan.runs import recipe as recipes
from scratchgan.runs import train as loop
from scratchgan.runs.folder import InUse, locked
from scratchgan.runs.train import resume, train

pytestmark = pytest.mark.usefixtures("one_thread")


def said(capsys, *arguments, code=0):
    assert cli.main([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def weights(folder):
    arrays = checkpoint.load(folder / "checkpoint.npz").arrays
    return {key: array for key, array in arrays.items() if key.startswith(("gan/G", "gan/D"))}


# -- a run that does not begin -----------------------------------------------------------------------------------------


class Broken(Exception):
    """What no code expects."""


def fails(*args, **options):
    raise Broken


@pytest.mark.parametrize("where", ["draw_samples", "on_start", "train_step", "write_text"])
@pytest.mark.parametrize("error", [Broken, OSError, MemoryError, KeyboardInterrupt])
def test_a_run_that_fails_before_its_first_step_leaves_nothing(where, error, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise error("no")

    targets = {
        "draw_samples": (build, "draw_samples"),
        "train_step": (GAN, "train_step"),
        "write_text": (loop, "write_text"),
    }
    out = tmp_path / "deep" / "run"
    with monkeypatch.context() as patch:
        if where in targets:
            patch.setattr(*targets[where], fail)
        with pytest.raises(error):
            train(tiny(), out, progress=False, on_start=fail if where == "on_start" else None)
    assert list(tmp_path.iterdir()) == []
    assert train(tiny(), out, progress=False).gan.steps == 7


def test_what_was_in_the_folder_stays(tmp_path, monkeypatch):
    (tmp_path / "samples").mkdir()
    for name in ("notes.txt", "samples.png", "samples/mine.png"):
        (tmp_path / name).write_text("mine")
    monkeypatch.setattr(build, "draw_samples", fails)
    with pytest.raises(Broken):
        train(tiny(), tmp_path, progress=False)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["notes.txt", "samples", "samples.png", "samples/mine.png"]


def test_the_default_folder_is_removed_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(build, "draw_samples", fails)
        with pytest.raises(Broken):
            train(tiny(), progress=False)
    assert list(tmp_path.iterdir()) == []
    assert train(tiny(), progress=False).folder.as_posix() == "runs/tiny"


def test_the_folder_of_another_process_is_left_alone(tmp_path):
    with locked(tmp_path), pytest.raises(InUse):
        train(tiny(), tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    with pytest.raises(InUse), locked(tmp_path), places.new_folder(tmp_path, "x", begun=lambda: False):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_run_that_fails_later_can_be_resumed(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("scratchgan.runs.train.plots.save_curves", fails)
        with pytest.raises(Broken):
            train(tiny(), tmp_path / "run", progress=False)
    assert resume(tmp_path / "run", progress=False).gan.steps == 7


# -- more steps --------------------------------------------------------------------------------------------------------


def test_training_on_ends_with_the_weights_of_a_longer_run(tmp_path, capsys):
    train(tiny(), tmp_path / "run", progress=False)
    train(tiny(steps=12), tmp_path / "whole", progress=False)
    out = said(capsys, "resume", tmp_path / "run", "--steps", 12).out
    assert "tiny: continues after step 7 of 12; in" in out
    one, two = weights(tmp_path / "run"), weights(tmp_path / "whole")
    assert all((one[key] == two[key]).all() for key in two)
    assert recipes.load(tmp_path / "run").steps == 12
    assert "complete, all 12 steps" in said(capsys, "resume", tmp_path / "run").out
    error = said(capsys, "resume", tmp_path / "run", "--steps", 9, code=2).err
    assert "steps = 9: " in error
    assert "has made 12 steps; expected more than that" in error


def test_what_is_spread_over_the_steps_is_told(tmp_path, capsys):
    train(tiny(lr_schedule="linear"), tmp_path / "run", progress=False)
    assert (
        'lr_schedule = "linear" is spread over all of them'
        in said(capsys, "resume", tmp_path / "run", "--steps", 9).out
    )


def test_a_recipe_with_more_steps_is_answered_with_the_option(tmp_path, capsys):
    train(tiny(), tmp_path / "run", progress=False)
    path = tmp_path / "run" / "recipe.toml"
    path.write_text(path.read_text().replace("steps = 7", "steps = 20"))
    assert f"to train on: scratchgan resume {tmp_path / 'run'} --steps 20" in said(
        capsys, "resume", tmp_path / "run", code=2
    ).err  # fmt: skip
    assert resume(tmp_path / "run", progress=False, steps=20).gan.steps == 20


def test_name_and_description_may_change_and_a_lost_recipe_is_restored(tmp_path, capsys):
    train(tiny(), tmp_path / "run", progress=False)
    path = tmp_path / "run" / "recipe.toml"
    text = path.read_text()
    path.write_text(
        "# mine\n" + text.replace('description = ""', 'description = "my first"').replace('"tiny"', '"renamed"')
    )
    assert resume(tmp_path / "run", progress=False).recipe.description == "my first"
    assert path.read_text().startswith("# mine")
    path.unlink()
    resume(tmp_path / "run", progress=False)
    assert recipes.load(path).name == "renamed"
    path.unlink()
    assert recipes.load(tmp_path / "run").name == recipes.load(tmp_path / "run" / "checkpoint.npz").name == "renamed"
    said(capsys, "doctor", tmp_path / "run")
    path.write_text("damaged [")
    assert "without this file, the recipe is read from checkpoint.npz" in said(
        capsys, "resume", tmp_path / "run", code=2
    ).err  # fmt: skip


# -- from other weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(0.9, 0.9), (0.9, 0.0), (0.0, 0.9)])
def test_a_run_starts_from_another_ones_weights(before, after, tmp_path):
    old = train(tiny(ema_decay=before), tmp_path / "old", progress=False)
    recipe = tiny(start_from=str(tmp_path / "old"), ema_decay=after, seed=3, lr_g=1e-30, lr_d=1e-30, optimizer="sgd")
    new = train(recipe, tmp_path / "new", progress=False)
    for net in ("G", "D"):
        pairs = zip(getattr(old.gan, net).parameters(), getattr(new.gan, net).parameters(), strict=True)
        assert all(np.array_equal(one, two) for (_, one), (_, two) in pairs)
    assert new.gan.steps == 7
    assert recipes.load(tmp_path / "new").start_from == str(tmp_path / "old" / "checkpoint.npz")
    if before == after:
        again = train(recipes.load(tmp_path / "new"), tmp_path / "again", progress=False)
        assert np.array_equal(again.gan.sample(4, seed=1), new.gan.sample(4, seed=1))


def test_the_command_takes_the_runs_recipe_or_another(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(tiny(), "old", progress=False)
    out, err = said(capsys, "train", "--from", "old", "--steps", 2, "--data", "grid")
    assert "tiny: mlp on grid" in out
    assert f"tiny: starts from the weights of {tmp_path / 'old'} after 7 steps" in err
    assert recipes.load("runs/tiny").hidden == (8,)
    error = said(capsys, "train", "mlp-ring", "--from", "old", "--steps", 2, code=2).err
    assert "its nets do not fit this recipe: " in error
    assert "hidden = [128, 128], there [8]" in error
    assert "start_from = \"nowhere\": expected the folder of a run" in said(
        capsys, "train", "mlp-ring", "--from", "old", "--set", "start_from=nowhere", code=2
    ).err  # fmt: skip
    assert error.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny"]


@pytest.mark.parametrize("model", ["dcgan", "cyclegan"])
def test_every_kind_of_net_hands_on_its_weights(model, tmp_path, rng):
    x = rng.uniform(-1, 1, (6, 8, 8, 1)).astype(np.float32)
    small = {"steps": 1, "width": 2, "batch_size": 2, "ema_decay": 0.5, "image_size": 8, "sample_grid": 6}
    if model == "dcgan":
        recipe = tiny(model="dcgan", dense=0, **small)
    else:
        recipe = replace(recipes.load("cyclegan-digits"), blocks=0, d_width=2, **small)
    data = Dataset(x) if model == "dcgan" else (x, x[::-1])
    old = train(recipe, tmp_path / "old", progress=False, data=data)
    gan = build.build_gan(replace(recipe, seed=5), (8, 8, 1))
    start.take_weights(gan, start.located(replace(recipe, start_from=str(tmp_path / "old"))))
    for (_, one), (_, two) in zip(old.gan.nets(), gan.nets(), strict=True):
        arrays = zip(one.parameters() + one.buffers(), two.parameters() + two.buffers(), strict=True)
        assert all(np.array_equal(a, b) for (_, a), (_, b) in arrays)
    for other, words in [(replace(recipe, width=3), "width = 3, there 2"), (tiny(), 'model = "mlp", there "')]:
        other = replace(other, start_from=str(tmp_path / "old" / "checkpoint.npz"))
        with pytest.raises(ValueError, match=words):
            start.take_weights(build.build_gan(other, (8, 8, 1)), other)


# -- which recipe is asked for -----------------------------------------------------------------------------------------


def test_a_recipes_name_will_do_in_python(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(recipes.to_toml(tiny(steps=1)))
    assert train(str(path), tmp_path / "run", progress=False).recipe.steps == 1
    assert train(tmp_path / "run", tmp_path / "again", progress=False).recipe.steps == 1
    with pytest.raises(TypeError, match="expected a Recipe, or a recipe's name or file, got dict"):
        train({"model": "mlp"}, tmp_path / "other", progress=False)
    with pytest.raises(ValueError, match='did you mean "mlp-ring"'):
        train("mlp-rnig", tmp_path / "other", progress=False)


def test_the_name_may_stand_behind_the_settings(tmp_path, capsys):
    settings = ["--set", "hidden=[4]", "batch_size=4", "mlp-ring", "steps=1"]
    assert "mlp-ring: mlp on ring" in said(capsys, "train", *settings, "--out", tmp_path / "a").out
    for wrong in (["hidden=[4]", "mlp-rnig"], ["hidden=[4]", "mlp-ring", "mlp-grid"]):
        error = said(capsys, "train", "--out", tmp_path / "b", "--set", *wrong, code=2).err
        assert "expected a setting key=value" in error


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("mnist", 'did you mean "dcgan-mnist" or "mlp-mnist"? "mnist" is a data set: give it with --data mnist'),
        ("ring", 'did you mean "mlp-ring"? "ring" is a data set'),
        ("cyclegan", 'did you mean "cyclegan-digits" or "cyclegan-emoji"?'),
        ("gp", 'did you mean "wgan-gp-mnist"?'),
        ("kmnist", '"kmnist" is a data set: give it with --data kmnist'),
        ("dcgan-mnits", 'did you mean "dcgan-mnist"?'),
    ],
)
def test_an_unknown_recipe_is_answered_with_what_was_meant(word, hint, capsys):
    assert hint in said(capsys, "train", word, code=2).err


def test_a_cyclegan_says_what_it_pairs_with(tmp_path, capsys):
    x = np.zeros((4, 8, 8, 1), np.float32) - 0.5
    np.save(tmp_path / "x.npy", x)
    small = ["--steps", 1, "--set", "width=2", "d_width=2", "blocks=0", "batch_size=2", "image_size=8"]
    out = said(capsys, "train", "cyclegan-digits", "--data", tmp_path / "x.npy", "--out", tmp_path / "a", *small).out
    assert "the other domain is mnist-5k, as in the recipe; --data-b sets another" in out
    both = ["--data", tmp_path / "x.npy", "--data-b", tmp_path / "x.npy"]
    out = said(capsys, "train", "cyclegan-digits", *both, "--out", tmp_path / "b", *small).out
    assert "the other domain" not in out
    error = said(capsys, "train", "mlp-ring", "--data-b", "grid", code=2).err
    assert '--data-b has no effect with model = "mlp"' in error
