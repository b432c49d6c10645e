"""The command line: what it prints and writes, and that every mistake gets one line and an exit code."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import scratchgan
from scratchgan.cli import main
from scratchgan.runs import build
from scratchgan.runs import recipe as recipes

TINY = ["mlp-ring", "--steps", "3", "--set", "hidden=[8]", "batch_size=8", "sample_every=0"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", *TINY, "--out", str(folder), "--quiet"]) == 0
    return folder


def complaint(capsys, *arguments, code=2):
    """Run a command that must fail; return its one line."""
    assert main([str(argument) for argument in arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("scratchgan: error: ")
    return printed.err


def test_train_says_what_it_does_and_what_it_wrote(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *TINY, "--seed", "4"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == (
        "mlp-ring: mlp on ring (new points in each step), 3 steps, batch size 8, seed 4; into "
        + os.path.join("runs", "mlp-ring")
    )
    assert last.startswith("wrote " + os.path.join("runs", "mlp-ring:"))
    assert all(name in last for name in os.listdir("runs/mlp-ring") if name[0] != ".")
    assert main(["train", *TINY, "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"wrote {os.path.join('runs', 'mlp-ring-2')}\n"
    assert printed.err == ""


def test_train_options_reach_the_recipe(tmp_path):
    out = tmp_path / "a" / "b"
    assert (
        main(
            [
                "train",
                "mlp-ring",
                "--steps",
                "2",
                "--seed",
                "9",
                "--data",
                "grid",
                "--set",
                "hidden=[4]",
                "--set",
                "lr_g=.5",
                "batch_size=4",
                "--out",
                str(out),
                "--quiet",
            ]
        )
        == 0
    )
    recipe = recipes.load(out)
    assert (recipe.steps, recipe.seed, recipe.data, recipe.hidden, recipe.lr_g, recipe.batch_size) == (
        2,
        9,
        "grid",
        (4,),
        0.5,
        4,
    )


def test_images_print_their_shape(tmp_path, capsys):
    assert (
        main(
            [
                "train",
                "dcgan-digits8",
                "--steps",
                "1",
                "--set",
                "width=4",
                "batch_size=4",
                "--out",
                str(tmp_path / "run"),
            ]
        )
        == 0
    )
    assert "dcgan on uci-digits-8x8 (1,797 of 8 x 8 x 1), 1 steps, batch size 4" in capsys.readouterr().out
    out = tmp_path / "digits.png"
    assert main(["sample", str(tmp_path / "run"), "--n", "4", "--out", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.size[0] > 400


def test_sample_writes_a_picture_and_an_array(run, capsys):
    assert main(["sample", str(run), "--n", "20"]) == 0
    picture = run / "sample-n20-seed1.png"
    assert capsys.readouterr().out == f"wrote {picture}: 20 samples, seed 1, from {run} after 3 steps\n"
    with Image.open(picture) as image:
        assert image.size == (640, 580)
    out = run / "deep" / "points.npy"
    assert main(["sample", str(run / "checkpoint.npz"), "--n", "20", "--seed", "5", "--out", str(out)]) == 0
    points = np.load(out, allow_pickle=False)
    gan, _ = build.restore(run)
    assert (points.shape, points.dtype) == ((20, 2), np.float32)
    np.testing.assert_array_equal(points, gan.sample(20, seed=5))


def test_recipes_lists_all_and_shows_one(capsys):
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["recipe", "dcgan-mnist"]
    assert len(lines) == 1 + len(recipes.names())
    assert main(["recipes", "mlp-1d"]) == 0
    assert capsys.readouterr().out == recipes.source("mlp-1d")
    assert main(["recipes", "--keys"]) == 0
    assert "label_smoothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["train", "--steps", "many"], "--steps: invalid int value: 'many'"),
        (["train", "--steps", "0"], "steps = 0: expected at least 1"),
        (["train", "--seed", "-1"], "seed = -1: expected at least 0"),
        (["train", "mlp-rnig"], 'did you mean "mlp-ring"'),
        (["train", "--set", "lr_q=3"], 'unknown key "lr_q"; did you mean "lr_g"?'),
        (["train", "--set", "lr_g"], "expected a setting key=value"),
        (["train", "--data", "nowhere/at/all"], "'nowhere/at/all' is neither a file, a folder nor a known data set"),
        (["train", "--data", "ring"], 'model "dcgan" makes images'),
        (["train", "--set", "image_size=29"], "image_size 29"),
        (["train", "--flag"], "unrecognized arguments: --flag"),
        (["sample"], "required: RUN"),
        (["sample", "nowhere"], "nowhere: no such run"),
        (["sample", ".", "--n", "0"], "--n: expected at least 1, got 0"),
        (["sample", ".", "--seed", "-1"], "--seed: expected at least 0, got -1"),
        (["sample", ".", "--n", "20000"], "expected at most 10,000 samples in a picture"),
        (["sample", ".", "--out", "x.jpg"], 'ending in .png or .npy, got "x.jpg"'),
        (["recipes", "nothing"], 'unknown recipe "nothing"'),
    ],
)
def test_mistakes_get_one_line_and_leave_nothing(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert words in complaint(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_mistakes_with_files(run, tmp_path, capsys):
    assert "already contains a run" in complaint(capsys, "train", *TINY, "--out", run)
    (tmp_path / "file").write_text("")
    assert "expected a folder" in complaint(capsys, "train", *TINY, "--out", tmp_path / "file")
    assert complaint(capsys, "train", *TINY, "--out", tmp_path / "file" / "run").endswith(": Not a directory\n")
    (tmp_path / "cut.npz").write_bytes((run / "checkpoint.npz").read_bytes()[:3000])
    assert "truncated or damaged" in complaint(capsys, "sample", tmp_path / "cut.npz")
    assert "not a scratchgan checkpoint" in complaint(capsys, "sample", tmp_path / "file")


def test_divergence_exits_with_3(tmp_path, capsys):
    assert (
        main(
            [
                "train",
                *TINY,
                "optimizer=sgd",
                "lr_d=1e12",
                "lr_g=1e12",
                "--steps",
                "60",
                "--out",
                str(tmp_path / "run"),
                "--quiet",
            ]
        )
        == 3
    )
    printed = capsys.readouterr()
    assert printed.err.startswith("scratchgan: error: training diverged at step ")
    assert printed.err.count("\n") == 1


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"scratchgan {scratchgan.__version__}\n"


def test_ctrl_c_exits_with_130_and_the_run_is_saved(tmp_path):
    """The real thing: `python -m scratchgan` in a process of its own, and a real SIGINT."""
    command = [sys.executable, "-m", "scratchgan", "train", *TINY, "--steps", "1000000", "--out", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log, deadline = tmp_path / "run" / "log.jsonl", time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopped by Ctrl-C after step" in out.splitlines()[-1]
    assert "Traceback" not in err
    gan, _ = build.restore(tmp_path / "run")
    assert gan.steps > 0


def test_gradcheck_prints_a_table_and_says_whether_all_is_right(capsys, monkeypatch):
    from scratchgan.gradcheck import run

    assert main(["gradcheck", "Tanh", "Minimax"]) == 0
    printed = capsys.readouterr().out
    assert "Tanh: ok" in printed
    assert "Minimax, smoothed: ok" in printed
    assert "all right" in printed
    assert main(["gradcheck", "Tan"]) == 0
    assert main(["gradcheck", "nosuch"]) == 2
    assert "unknown name 'nosuch'" in capsys.readouterr().err
    monkeypatch.setattr(run, "run", lambda names: False)
    assert main(["gradcheck"]) == 1


# -- judging a run -----------------------------------------------------------------------------------------------------


def test_evaluate_prints_a_table_and_says_what_it_wrote(run, capsys):
    assert main(["evaluate", str(run), "--n", "300"]) == 0
    printed = capsys.readouterr().out
    assert "modes found" in printed
    assert f"wrote {run / 'evaluation.json'}" in printed
    assert (run / "evaluation.png").stat().st_size > 1000


def test_doctor_names_what_it_found_and_draws_it(run, capsys):
    assert main(["doctor", str(run)]) == 0
    assert str(run / "doctor.png") in capsys.readouterr().out
    with Image.open(run / "doctor.png") as picture:
        assert picture.size[0] > 300


def test_pictures_of_a_run(run, tmp_path, capsys):
    assert main(["pictures", str(run), "--out", str(tmp_path)]) == 0
    assert str(tmp_path / "surface.png") in capsys.readouterr().out
    assert (tmp_path / "surface.png").exists()


@pytest.mark.parametrize("command", ["evaluate", "doctor", "pictures"])
def test_what_is_no_run_gets_one_line(command, tmp_path, capsys):
    assert "no" in complaint(capsys, command, tmp_path)
    assert "nowhere" in complaint(capsys, command, tmp_path / "nowhere")


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (False, 1)])
def test_the_ledger_s_exit_code_says_whether_all_hold(monkeypatch, holds, code):
    from scratchgan.theory import ledger

    monkeypatch.setattr(ledger, "run", lambda: holds)
    assert main(["ledger"]) == code


def test_training_ends_with_the_doctor_s_finding(tmp_path, capsys):
    """A D that hardly learns at all is named at the end, and in a warning on the way."""
    assert (
        main(
            [
                "train",
                "mlp-ring",
                "--steps",
                "400",
                "--out",
                str(tmp_path / "sick"),
                "--set",
                "lr_d=1e-9",
                "hidden=[16]",
                "batch_size=32",
                "sample_every=0",
                "lr_g=1e-3",
            ]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert "doctor: " in printed.out
    assert "D too weak" in printed.out
