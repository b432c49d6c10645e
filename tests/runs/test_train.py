"""A run: what its folder holds, that it can be repeated, and that no end of it loses what was learned."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tiny import tiny

from scratchgan.data import Dataset, ring
from scratchgan.files import checkpoint
from scratchgan.runs import build
from scratchgan.runs.recipe import load
from scratchgan.runs.train import Diverged, train

TINY = tiny(log_every=3)


def losses(run):
    return [{key: value for key, value in entry.items() if key != "seconds"} for entry in run.log]


def on_step(monkeypatch, n, act):
    """Let `act` happen in the n-th training step, after its first half: D's turn."""
    from scratchgan.gan import GAN

    g_step, calls = GAN.g_step, []

    def wrapped(self, N, real=None):
        calls.append(N)
        if len(calls) == n:
            act()
        return g_step(self, N, real)

    monkeypatch.setattr(GAN, "g_step", wrapped)


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A short run on points, and what it printed nowhere."""
    recipe = replace(TINY, sample_every=4, checkpoint_every=5)
    return train(recipe, tmp_path_factory.mktemp("runs") / "run", progress=False)


def test_the_folder_tells_the_whole_run(done):
    assert done.files == [
        "checkpoint.npz",
        "curves.png",
        "log.jsonl",
        "modes.json",
        "progress.gif",
        "recipe.toml",
        "samples.png",
        "samples/",
    ]
    assert sorted(path.name for path in (done.folder / "samples").iterdir()) == [
        "000000.png",
        "000004.png",
        "000007.png",
    ]
    assert load(done.folder) == done.recipe
    log = [json.loads(line) for line in (done.folder / "log.jsonl").read_text().splitlines()]
    assert log == done.log
    assert [entry["step"] for entry in log] == [3, 6, 7]
    first = ["step", "d_loss", "g_loss", "d_real", "d_fake", "seconds"]
    assert all(list(entry)[:6] == first and {"d_grads", "g_grads", "separation"} <= set(entry) for entry in log)
    assert all(0 < entry[key] < 1 for entry in log for key in ("d_real", "d_fake"))
    with Image.open(done.folder / "progress.gif") as film:
        assert film.n_frames == 3
    assert json.loads((done.folder / "modes.json").read_text())["n_modes"] == 8
    assert not done.interrupted


def test_a_run_repeats_from_its_own_recipe(done, tmp_path):
    again = train(load(done.folder), tmp_path / "again", progress=False)
    assert losses(again) == losses(done)
    np.testing.assert_array_equal(again.gan.sample(5, seed=3), done.gan.sample(5, seed=3))
    for name in ("samples.png", "samples/000004.png", "recipe.toml", "modes.json"):
        assert (again.folder / name).read_bytes() == (done.folder / name).read_bytes()


def test_another_seed_is_another_run(done, tmp_path):
    other = train(replace(done.recipe, seed=1, sample_every=0), tmp_path / "run", progress=False)
    assert losses(other)[0]["d_loss"] != losses(done)[0]["d_loss"]


def test_pictures_and_checkpoints_do_not_disturb_the_training(done, tmp_path):
    plain = train(TINY, tmp_path / "run", progress=False)
    assert losses(plain) == losses(done)


def test_restore_gives_the_trained_generator(done):
    for where in (done.folder, str(done.folder / "checkpoint.npz")):
        gan, recipe = build.restore(where)
        assert (recipe, gan.steps) == (done.recipe, 7)
        np.testing.assert_array_equal(gan.sample(5, seed=1), done.gan.sample(5, seed=1))


def test_restore_refuses(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run"):
        build.restore(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"contains no checkpoint\.npz"):
        build.restore(tmp_path)
    checkpoint.save(tmp_path / "checkpoint.npz", {}, {"data_shape": (2,)})
    with pytest.raises(ValueError, match=r"checkpoint\.npz: the checkpoint lacks 'recipe'"):
        build.restore(tmp_path)


def test_the_bar_shows_the_losses_on_stderr_only(tmp_path, capsys):
    train(TINY, tmp_path / "run", progress=True)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert all(text in printed.err for text in ("7/7", "tiny", "D loss", "G loss", "D(x)", "D(G(z))"))


def test_a_run_is_never_overwritten(done):
    before = {path: path.stat().st_mtime_ns for path in done.folder.iterdir()}
    with pytest.raises(FileExistsError, match="already contains a run"):
        train(TINY, done.folder, progress=False)
    assert {path: path.stat().st_mtime_ns for path in done.folder.iterdir()} == before


def test_default_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [str(build.make_folder(None, "tiny")) for _ in range(3)]
    assert names == [os.path.join("runs", name) for name in ("tiny", "tiny-2", "tiny-3")]


def test_a_folder_of_other_things_may_be_used(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    train(TINY, tmp_path, progress=False)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_ctrl_c_ends_after_the_step_and_saves_everything(tmp_path, monkeypatch):
    handler = signal.getsignal(signal.SIGINT)
    on_step(monkeypatch, 5, ctrl_c)
    run = train(TINY, tmp_path / "run", progress=False)
    assert run.interrupted
    assert signal.getsignal(signal.SIGINT) is handler
    assert [entry["step"] for entry in run.log] == [3]  # no odd line that a run which nobody stops would not have
    assert {"checkpoint.npz", "samples.png", "curves.png", "progress.gif"} <= set(run.files)
    gan, _ = build.restore(run.folder)
    assert gan.steps == 5
    monkeypatch.undo()
    whole = train(replace(TINY, steps=5), tmp_path / "whole", progress=False)  # step 5 was done to its end
    np.testing.assert_array_equal(gan.sample(4, seed=1), whole.gan.sample(4, seed=1))


def test_a_second_ctrl_c_stops_at_once_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    handler = signal.getsignal(signal.SIGINT)
    on_step(monkeypatch, 6, lambda: (ctrl_c(), ctrl_c()))
    with pytest.raises(KeyboardInterrupt):
        train(replace(TINY, checkpoint_every=2), tmp_path / "run", progress=False)
    assert signal.getsignal(signal.SIGINT) is handler
    assert checkpoint.load(tmp_path / "run" / "checkpoint.npz").meta["step"] == 4


def test_an_interrupt_from_elsewhere_leaves_the_last_checkpoint_and_not_half_a_step(tmp_path, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    on_step(monkeypatch, 6, interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(replace(TINY, checkpoint_every=2), tmp_path / "run", progress=False)
    assert checkpoint.load(tmp_path / "run" / "checkpoint.npz").meta["step"] == 4


def test_divergence_names_the_step_and_keeps_what_was_good(tmp_path):
    recipe = replace(TINY, optimizer="sgd", lr_d=1e12, lr_g=1e12, steps=50, log_every=1, checkpoint_every=1)
    with pytest.raises(Diverged, match=r"diverged at step \d+: .*lr_g = 1e\+12") as caught:
        train(recipe, tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert f"diverged at step {log[-1]['step']}" in str(caught.value)
    assert (tmp_path / "run" / "curves.png").is_file()
    if (tmp_path / "run" / "checkpoint.npz").exists():
        arrays, meta = checkpoint.load(tmp_path / "run" / "checkpoint.npz")
        assert meta["step"] < log[-1]["step"]
        assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_nan_loss_is_null_in_the_log(tmp_path, monkeypatch):
    from scratchgan.gan import GAN

    step = GAN.train_step
    monkeypatch.setattr(GAN, "train_step", lambda self, real: {**step(self, real), "g_loss": float("nan")})
    with pytest.raises(Diverged, match="step 1: g_loss = nan"):
        train(TINY, tmp_path / "run", progress=False)
    assert json.loads((tmp_path / "run" / "log.jsonl").read_text())["g_loss"] is None


def test_weights_that_are_not_finite_are_not_saved(tmp_path, monkeypatch):
    from scratchgan.gan import GAN

    step = GAN.train_step

    def spoil(self, real):
        report = step(self, real)
        if self.steps == 4:
            self.G.parameters()[0][1][0, 0] = np.inf
        return report

    monkeypatch.setattr(GAN, "train_step", spoil)
    with pytest.raises(Diverged, match=r"step 4: G\..* is not finite"):
        train(replace(TINY, checkpoint_every=2), tmp_path / "run", progress=False)
    assert checkpoint.load(tmp_path / "run" / "checkpoint.npz").meta["step"] == 2


def test_images_of_the_user(tmp_path, rng):
    (tmp_path / "photos").mkdir()
    for n in range(10):
        Image.fromarray(rng.integers(0, 255, (20, 24, 3)).astype(np.uint8)).save(tmp_path / "photos" / f"{n}.png")
    recipe = replace(
        TINY,
        model="dcgan",
        width=4,
        latent_dim=4,
        data=os.path.relpath(tmp_path / "photos"),
        image_size=8,
        steps=2,
        sample_grid=9,
    )
    run = train(recipe, tmp_path / "run", progress=False)
    assert run.gan.data_shape == (8, 8, 3)
    assert load(run.folder).data == str((tmp_path / "photos").resolve())  # found again from any folder
    assert run.modes is None


def test_data_given_as_an_array(tmp_path, rng):
    run = train(replace(TINY, steps=2), tmp_path / "run", data=rng.standard_normal((20, 2)), progress=False)
    assert run.recipe.data == "array (given to train by its caller)"
    assert run.gan.data_shape == (2,)


def test_data_given_under_a_known_name(tmp_path):
    run = train(replace(TINY, steps=2, data="grid"), tmp_path / "run", data=ring(), progress=False)
    assert run.recipe.data == "ring"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "dcgan"}, 'model "dcgan" makes images, but "ring" holds points'),
        ({"data": "rnig"}, "did you mean 'ring'"),
        ({"data": "uci-digits-8x8", "batch_size": 5000}, "fewer than one batch"),
    ],
)
def test_what_does_not_fit_leaves_no_folder(tmp_path, changes, words):
    with pytest.raises(ValueError) as caught:
        train(replace(TINY, **changes), tmp_path / "run", progress=False)
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_dcgan_needs_square_images(tmp_path):
    data = Dataset(np.zeros((9, 8, 12, 1), np.float32), name="wide")
    with pytest.raises(ValueError, match=r"square images.*8 x 12: set image_size"):
        train(replace(TINY, model="dcgan"), tmp_path / "run", data=data, progress=False)


def test_the_order_of_the_data_has_its_own_branch_of_the_seed():
    stream = build.data_stream(replace(TINY, seed=5), ring())
    rng = np.random.default_rng(np.random.SeedSequence(5, spawn_key=(1000,)))
    np.testing.assert_array_equal(stream.next(), ring().sample(8, rng=rng))
