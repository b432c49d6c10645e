"""A run that was stopped goes on, bit for bit, as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scratchgan import cli
from scratchgan.data import Dataset
from scratchgan.files import checkpoint
from scratchgan.models import mlp_gan
from scratchgan.runs import recipe as recipes
from scratchgan.runs.finite import bad_array, first_fault
from scratchgan.runs.folder import InUse, cut_log, locked
from scratchgan.runs.train import Diverged, resume, train

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and locks as POSIX has them")


def ring(**changes):
    return replace(
        recipes.load("mlp-ring"),
        **{
            "steps": 60,
            "hidden": (8, 8),
            "batch_size": 16,
            "sample_every": 30,
            "checkpoint_every": 20,
            "log_every": 7,
            "ema_decay": 0.9,
            **changes,
        },
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nobody stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(ring(), folder, progress=False)
    return folder


def all_of(folder: Path) -> dict:
    """Everything in a run's folder that must be the same bits, the log without its seconds."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", "checkpoint.npz")
    }
    arrays, meta = checkpoint.load(folder / "checkpoint.npz")
    files |= {f"checkpoint/{name}": a.tobytes() for name, a in arrays.items()}
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    files["log"] = [{key: value for key, value in record.items() if key != "seconds"} for record in log]
    return files | {f"meta/{k}": v for k, v in meta.items() if k not in ("milliseconds", "log_bytes")}


def same(a: Path, b: Path) -> None:
    one, two = all_of(a), all_of(b)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


class Killed(BaseException):
    """What the process would not survive."""


def killed_at(monkeypatch, step, recipe, folder, **options):
    """Train until a step has just been made, then die without any chance to save."""
    import scratchgan.runs.train as module

    keep = module.bad_array

    def die(gan):
        if gan.steps == step:
            raise Killed
        return keep(gan)

    with monkeypatch.context() as patch:
        patch.setattr(module, "bad_array", die)
        with pytest.raises(Killed):
            train(recipe, folder, progress=False, **options)


@pytest.mark.parametrize("step", [1, 20, 21, 31, 60])
def test_a_run_that_died_ends_with_the_bits_of_one_that_did_not(step, whole, tmp_path, monkeypatch):
    killed_at(monkeypatch, step, ring(), tmp_path / "died")
    run = resume(tmp_path / "died", progress=False)
    assert run.gan.steps == 60
    assert [record["step"] for record in run.log] == [*range(7, 60, 7), 60]
    same(whole, tmp_path / "died")


@pytest.mark.parametrize(
    "changes",
    [
        {"penalty": "r1+r2", "d_steps": 2},
        {"instance_noise": 0.3, "optimizer": "rmsprop"},
        {"unroll": 2},
        {"packing": 2, "minibatch": "std", "lr_schedule": "cosine"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_every_kind_of_game_goes_on(changes, tmp_path, monkeypatch):
    recipe = ring(steps=24, checkpoint_every=10, sample_every=0, **changes)
    train(recipe, tmp_path / "whole", progress=False)
    killed_at(monkeypatch, 17, recipe, tmp_path / "died")
    resume(tmp_path / "died", progress=False)
    same(tmp_path / "whole", tmp_path / "died")


@pytest.mark.parametrize("condition", ["none", "concat", "codes"])
def test_images_labels_and_held_out_examples_go_on(condition, tmp_path, monkeypatch, rng):
    data = Dataset(np.tanh(rng.standard_normal((50, 8, 8, 1))), np.arange(50) % 3, name="noise")
    recipe = replace(
        recipes.load("dcgan-mnist"),
        steps=9,
        width=4,
        dense=8,
        latent_dim=4,
        batch_size=16,
        image_size=0,
        sample_every=4,
        checkpoint_every=4,
        log_every=2,
        condition=condition,
        sample_grid=9,
        held_out=10 if condition == "none" else 0,
    )
    train(recipe, tmp_path / "whole", progress=False, data=data)
    killed_at(monkeypatch, 7, recipe, tmp_path / "died", data=data)
    resume(tmp_path / "died", progress=False, data=data)
    same(tmp_path / "whole", tmp_path / "died")


def test_what_a_kill_leaves_is_cleaned_up_and_a_finished_run_says_so(whole, tmp_path, monkeypatch, capsys):
    killed_at(monkeypatch, 30, ring(), tmp_path / "died")
    (tmp_path / "died" / ".checkpoint.npz.0badf00d.tmp").write_bytes(b"half a checkpoint")
    (tmp_path / "died" / "samples" / ".000050.png.0badf00d.tmp").write_bytes(b"half a picture")
    with open(tmp_path / "died" / "log.jsonl", "a") as log:
        log.write('{"step": 35, "d_lo')  # half a line
    assert cli.main(["resume", str(tmp_path / "died")]) == 0
    assert "continues after step 20 of 60" in capsys.readouterr().out
    same(whole, tmp_path / "died")
    assert cli.main(["resume", str(tmp_path / "died")]) == 0
    assert "complete, all 60 steps are done" in capsys.readouterr().out
    same(whole, tmp_path / "died")


def test_a_run_that_died_before_its_first_checkpoint_begins_again(whole, tmp_path, monkeypatch):
    killed_at(monkeypatch, 5, ring(), tmp_path / "died")
    (tmp_path / "died" / "checkpoint.npz").unlink()
    resume(tmp_path / "died", progress=False)
    same(whole, tmp_path / "died")


def test_what_has_changed_is_named(tmp_path, monkeypatch):
    killed_at(monkeypatch, 30, ring(sample_every=0), tmp_path / "run")
    path = tmp_path / "run" / "recipe.toml"
    text = path.read_text()
    path.write_text(text.replace("lr_g = 0.001", "lr_g = 0.002"))
    with pytest.raises(ValueError, match=r"recipe\.toml was changed: lr_g = 0\.002, but 0\.001 in the checkpoint"):
        resume(tmp_path / "run", progress=False)
    path.write_text(text)
    log = tmp_path / "run" / "log.jsonl"
    lines = log.read_bytes()
    log.write_bytes(lines[:100])
    with pytest.raises(ValueError, match="lines are missing"):
        resume(tmp_path / "run", progress=False)
    assert log.read_bytes() == lines[:100]
    log.write_bytes(b"x" + lines[1:])
    with pytest.raises(ValueError, match="not the log that belongs to the checkpoint"):
        resume(tmp_path / "run", progress=False)
    log.write_bytes(lines)
    resume(tmp_path / "run", progress=False)
    with pytest.raises(FileNotFoundError, match=r"contains no recipe\.toml"):
        resume(tmp_path, progress=False)


def test_other_data_are_refused(tmp_path, monkeypatch, rng):
    x = rng.standard_normal((40, 2)).astype(np.float32)
    killed_at(monkeypatch, 30, ring(sample_every=0), tmp_path / "run", data=x)
    other = x.copy()
    other[3, 1] += 1e-3
    with pytest.raises(ValueError, match="not what the run was trained on: 40 of 2 as before, but other values"):
        resume(tmp_path / "run", progress=False, data=other)
    with pytest.raises(ValueError, match="array"):  # the recipe cannot load what a caller gave
        resume(tmp_path / "run", progress=False)
    assert resume(tmp_path / "run", progress=False, data=x).gan.steps == 60


@POSIX
def test_a_folder_has_one_process_at_a_time(tmp_path, capsys, monkeypatch):
    killed_at(monkeypatch, 30, ring(), tmp_path / "run")
    with locked(tmp_path / "run"):
        with pytest.raises(InUse, match="in use"):
            resume(tmp_path / "run", progress=False)
        assert cli.main(["resume", str(tmp_path / "run"), "--quiet"]) == 2
    assert "in use: another process is writing to it" in capsys.readouterr().err
    resume(tmp_path / "run", progress=False)


def test_cutting_a_log(tmp_path):
    path = tmp_path / "log.jsonl"
    assert cut_log(path, 0) == []
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n{"st')
    assert cut_log(path, 24) == [{"step": 1}, {"step": 2}]
    assert path.read_bytes() == b'{"step": 1}\n{"step": 2}\n'
    with pytest.raises(ValueError, match="not the log that belongs to the checkpoint"):
        cut_log(path, 15)
    with pytest.raises(ValueError, match="not a complete record"):
        cut_log(path, 23)


# -- signals ----------------------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
def test_a_signal_saves_and_the_run_goes_on(number, code, name, tmp_path):
    recipe = ring(steps=400, sample_every=0)
    (tmp_path / "r.toml").write_text(recipes.to_toml(recipe))
    scratchgan = [sys.executable, "-m", "scratchgan"]
    command = [*scratchgan, "train", str(tmp_path / "r.toml"), "--quiet", "--out"]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.Popen([*command, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.jsonl"
    while not (log.exists() and log.stat().st_size) and done.poll() is None:
        time.sleep(0.005)
    done.send_signal(number)
    out, _ = done.communicate(timeout=60)
    if done.returncode != 0:  # else it was faster than the signal
        assert done.returncode == code
        assert f"stopped by {name} after step" in out
        assert (tmp_path / "run" / "samples.png").exists()
    subprocess.run([*scratchgan, "resume", str(tmp_path / "run"), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    same(tmp_path / "whole", tmp_path / "run")


# -- divergence -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda gan: gan.D.layers[2].params["W"].__setitem__((0, 0), np.nan), r"D\.2\.W"),
        (lambda gan: gan.G.layers[0].params["b"].__setitem__(0, np.inf), r"G\.0\.b"),
    ],
)
def test_a_weight_that_is_not_finite_stops_the_run_at_that_step(spoil, where, tmp_path, monkeypatch):
    from scratchgan.gan import GAN

    step = GAN.train_step

    def spoiled(gan, *args):
        report = step(gan, *args)
        if gan.steps == 33:
            spoil(gan)
        return report

    monkeypatch.setattr(GAN, "train_step", spoiled)
    with pytest.raises(Diverged, match=f"diverged at step 33: {where} is not finite"):
        train(ring(), tmp_path / "run", progress=False)
    kept = checkpoint.load(tmp_path / "run" / "checkpoint.npz")
    assert kept.meta["step"] == 20
    assert all(np.isfinite(a).all() for a in kept.arrays.values() if a.dtype.kind == "f")


def test_the_first_layer_is_named(rng):
    gan = mlp_gan(2, 2, (4, 4))
    real = rng.standard_normal((8, 2)).astype(np.float32)
    gan.train_step(real)
    assert bad_array(gan) is None
    assert first_fault(gan) is None
    gan.D.layers[2].params["b"][...] = 3e38
    gan.D.layers[2].params["W"][...] = 3e38  # finite itself; its product is not
    assert bad_array(gan) is None
    assert first_fault(gan) == 'the output of Dense "D.2" on real samples'
    for name, g in gan.G.gradients():
        g[...] = np.nan if name == "0.W" else g
    gan.G.layers[4].params["W"][0, 0] = np.inf
    assert bad_array(gan) == "the gradient of G.0.W"


def test_an_infinite_learning_rate_is_told_with_its_layer(tmp_path, capsys):
    out = tmp_path / "run"
    code = cli.main(["train", "mlp-ring", "--steps", "50", "--quiet", "--out", str(out), "--set", "lr_d=1e30"])
    err = capsys.readouterr().err
    assert code == 3
    assert "training diverged at step" in err
    assert " D." in err or '"D.' in err


# -- threads ----------------------------------------------------------------------------------------------------------


def test_two_loops_in_two_threads_have_the_bits_of_each_alone(tmp_path):
    recipes_ = [ring(seed=seed, sample_every=0) for seed in (1, 2)]
    alone = [train(recipe, tmp_path / f"alone{i}", progress=False) for i, recipe in enumerate(recipes_)]
    together = {}

    def work(i):
        together[i] = train(recipes_[i], tmp_path / f"together{i}", progress=False)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(2):
        one, two = alone[i].gan.state(), together[i].gan.state()
        assert all((one[name] == two[name]).all() for name in one)
