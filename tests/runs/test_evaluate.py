"""An evaluation: every number stands between real data and noise, failures show where they should, and errors are one
clear line."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import tiny

from scratchgan.data import Dataset, load
from scratchgan.data.pairs import Pair
from scratchgan.files import checkpoint
from scratchgan.game import Game
from scratchgan.runs import build
from scratchgan.runs.evaluate import evaluate, images, run
from scratchgan.runs.evaluate.report import Evaluation, Measure, show
from scratchgan.runs.recipe import to_toml

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = tiny(steps=3, batch_size=16)
N = 100


def trained(folder, data, steps=3, **changes):
    """The folder of a short run, with nothing in it but the checkpoint."""
    recipe, data = build.given_data(replace(TINY, **changes), data)
    gan, stream = build.build_gan(recipe, data.example_shape), build.data_stream(recipe, data)
    for _ in range(steps):
        gan.train_step(stream.next())
    checkpoint.save(
        folder / "checkpoint.npz",
        {f"gan/{key}": value for key, value in gan.state().items()},
        {"recipe": to_toml(recipe), "data_shape": gan.data_shape},
    )
    return folder


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("digits"), load("mnist-5k"), latent_dim=4, hidden=(16,))


class Copier(Game):
    """Not a generator but a thief: its samples are what it is given."""

    kind = "samples"
    conditional = False

    def __init__(self, images):
        super().__init__(data_shape=images.shape[1:], streams={})
        self.images, self.steps = images, 7

    def sample(self, n, *, seed):
        return self.images[:n]


def of(monkeypatch, tmp_path, samples, **kwargs):
    """Evaluate samples as if a run on mnist-5k had made them."""
    recipe = replace(TINY, data="mnist-5k", name="fake")
    monkeypatch.setattr(build, "restore", lambda run: (Copier(samples), recipe))
    return evaluate(tmp_path, n=N, progress=False, save=False, **kwargs)


# -- digits ------------------------------------------------------------------------------------------------------------


def test_digits(digits_run, capsys):
    found = run(digits_run, n=N, progress=False)
    text = capsys.readouterr().out
    assert str(found) in text
    assert f"wrote {digits_run / 'evaluation.json'}" in text
    assert "not comparable to published Inception figures" in text
    assert "membership cannot be measured" in text
    stored = json.loads((digits_run / "evaluation.json").read_text())
    assert [m["name"] for m in stored["measures"]] == [m.name for m in found.measures]
    assert stored["n"] == found.n == N
    with Image.open(digits_run / "evaluation.png") as picture:
        assert picture.size[0] > 800
    for m in found.measures:
        assert m.name in text
        assert all(map(math.isfinite, (m.value, m.real, m.noise))), m.name
    assert found["precision"].real > 0.6 > 0.1 > found["precision"].value  # three steps are no training
    assert found["Frechet distance"].real < found["Frechet distance"].value
    assert found["two-sample accuracy"].value > 0.9
    assert sum(found.classes["real"]) > 0.9 * N
    assert found["nearest real image"].real == pytest.approx(1, abs=0.1)
    with pytest.raises(KeyError, match=r"no measure .*nosuch.*Frechet"):
        found["nosuch"]


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    folder = trained(tmp_path, load("uci-digits-8x8"))
    first, again, other = (evaluate(folder, n=100, seed=s, progress=False, save=False) for s in (3, 3, 4))
    assert first == again
    assert first.measures != other.measures


def test_real_digits_look_real_and_copies_are_caught(monkeypatch, tmp_path):
    data = load("mnist-5k")
    found = of(monkeypatch, tmp_path, data.x[::50])
    for name in ("precision", "recall", "coverage", "classes that occur", "inception-style score"):
        assert found[name].closeness > 0.9, name
    assert found["nearest real image"].value == 0  # every sample is a training image
    assert found["copies"].value == 1
    assert found["copies"].real < 0.05
    unseen = of(monkeypatch, tmp_path, data.x[1::50], data=Dataset(np.delete(data.x, np.s_[1::50], 0), name="mnist-5k"))
    assert unseen["nearest real image"].value == pytest.approx(1, abs=0.15)
    assert unseen["copies"].value < 0.1


def test_collapse_shows(monkeypatch, tmp_path):
    data = load("mnist-5k")
    found = of(monkeypatch, tmp_path, data.x[data.labels == 3][:N])
    assert found["classes that occur"].value <= 2
    assert found["recall"].value < 0.5 < found["recall"].real
    assert found["precision"].value > 0.8
    assert found["MS-SSIM of pairs"].value > found["MS-SSIM of pairs"].real + 0.05
    one = of(monkeypatch, tmp_path, np.repeat(data.x[:1], N, axis=0))
    assert one["different images, at least"].value < 2
    assert one["MS-SSIM in a class"].value == pytest.approx(1)
    assert one["MS-SSIM in a class"].closeness == 0


def test_digits_of_another_size_are_resized(tmp_path):
    folder = trained(tmp_path, load("uci-digits-8x8"))
    found = evaluate(folder, n=N, progress=False, save=False)
    assert "resized from 8 x 8 to 28 x 28" in str(found).replace("\n  ", " ")
    assert found.classes is not None


# -- other images, and what was held out -------------------------------------------------------------------------------


def test_images_that_no_classifier_knows(tmp_path, rng):
    x = rng.uniform(-1, 1, (240, 14, 14, 3)).astype(np.float32)
    folder = trained(tmp_path, x)
    with pytest.raises(ValueError, match=r"its data cannot be loaded .*evaluate\(run, data=...\)"):
        evaluate(folder, n=N, progress=False)
    found = evaluate(folder, n=150, data=x, progress=False, save=False)
    assert found.n == 120
    assert "n is 120: half of the data's 240 images" in str(found)
    assert found.features.startswith("features are pixels")
    assert found.classes is None
    assert "there is no classifier for these images" in str(found)
    assert "inception-style score" not in [m.name for m in found.measures]
    assert found["Frechet distance"].value > 0


def test_held_out_images_tell_of_membership(tmp_path, rng):
    x = load("mnist-5k").x
    folder = trained(tmp_path, x[::20], 60, hidden=(64,), latent_dim=8, lr_d=5e-3)
    found = evaluate(folder, n=N, data=x[::20], held_out=x[7::20], progress=False)
    assert 0 <= found["membership advantage of D"].real < 0.3
    assert 0 <= found["membership advantage of D"].value <= 1
    assert math.isnan(found["membership advantage of D"].noise)
    assert found["nearest trained / held out"].real == pytest.approx(1, abs=0.1)
    assert json.loads((folder / "evaluation.json").read_text())["measures"][-1]["noise"] is None
    with pytest.raises(ValueError, match=r"held_out: expected at least 2 images of shape \(28, 28, 1\), got"):
        evaluate(folder, n=N, data=x[::20], held_out=x[:, :14], progress=False)


def test_downloaded_sets_bring_held_out_images(monkeypatch, tmp_path, digits_run):
    x = load("mnist-5k").x
    monkeypatch.setattr(images, "load", lambda name, *, image_size, channels, split: Dataset(x[3::20]))
    monkeypatch.setattr(images, "DOWNLOADS", {"mnist-5k": None})
    found = evaluate(digits_run, n=N, progress=False, save=False)
    assert "250 images were held out of training" in str(found)
    assert found["membership advantage of D"].value >= 0


def test_a_large_training_set_is_thinned(monkeypatch, digits_run):
    monkeypatch.setattr(images, "MOST_PIXELS", 784 * 300)
    assert "with 300 of the 5,000 training images" in str(evaluate(digits_run, n=N, progress=False, save=False))


# -- points ------------------------------------------------------------------------------------------------------------


def test_ring(tmp_path):
    found = evaluate(trained(tmp_path, load("ring")), n=N, progress=False)
    promised = [
        "modes found",
        "high quality",
        "reverse KL of modes",
        "spread in a mode",
        "sliced Wasserstein",
        "MMD^2",
        "two-sample accuracy",
        "precision",
        "recall",
        "density",
        "coverage",
    ]
    assert [m.name for m in found.measures if m.name in promised] == promised  # there may be more
    assert found["modes found"].real == 8
    assert found["high quality"].real == pytest.approx(0.989, abs=0.03)
    assert found["two-sample accuracy"].real == pytest.approx(0.5, abs=0.1)
    assert found["two-sample accuracy"].noise > 0.75  # a plane alone could not tell a box from a ring
    assert found["sliced Wasserstein"].real < found["sliced Wasserstein"].value
    assert (tmp_path / "evaluation.png").is_file()


def test_points_on_a_line(tmp_path):
    found = evaluate(trained(tmp_path, load("mixture-1d")) / "checkpoint.npz", n=N, progress=False)
    assert found["earth mover's distance"].real < found["earth mover's distance"].noise
    assert found["modes found"].real == 3
    assert (tmp_path / "evaluation.json").is_file()


def test_a_cloud_of_points_and_a_density_without_modes(tmp_path, rng):
    cloud = rng.standard_normal((260, 2)).astype(np.float32)
    found = evaluate(trained(tmp_path, cloud), n=150, data=cloud, progress=False, save=False)
    assert found.n == 130
    assert found.measures[0].name == "sliced Wasserstein"
    moons = evaluate(trained(tmp_path, load("two-moons")), n=N, progress=False, save=False)
    assert moons.measures[0].name == "sliced Wasserstein"


def test_few_images_that_are_not_square_with_a_part_for_testing(tmp_path, rng):
    """They are shown whole, and the part that was held out by its folder counts as held out."""
    for part, count in (("train", 120), ("test", 20)):
        (tmp_path / "data" / part).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, (8, 24), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / part / f"{i}.png")
    data = load(tmp_path / "data")
    (tmp_path / "run").mkdir()
    found = evaluate(trained(tmp_path / "run", data), n=N, data=data, progress=False, save=False)
    assert found.n == 60
    notes = " ".join(found.notes)
    assert "n is below 100: all numbers are noisy" in notes
    assert "20 images were held out of training" in notes
    wide = np.zeros((2, 8, 24, 1), np.float32)
    wide[1, :, :8] = 1  # outside the centre square
    seen = images.look(wide, None)
    assert seen.features.shape == (2, 5 * 16)
    assert np.abs(seen.features[0] - seen.features[1]).max() > 0.9


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"n": 99}, "evaluate: n must be an integer of at least 100, got 99"),
        ({"n": 2.5}, "n must be an integer"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"data": np.zeros((300, 2))}, r"makes samples of shape \(28, 28, 1\), but its data have \(2,\)"),
        ({"data": np.zeros((99, 28, 28, 1))}, "at least 100 real examples to compare with, its data have 99"),
        ({"data": np.zeros((200, 28, 28, 1))}, "all images that samples would be compared with are equal"),
    ],
)
def test_bad_arguments(digits_run, kwargs, words):
    with pytest.raises(ValueError, match=words):
        evaluate(digits_run, progress=False, **kwargs)


def test_bad_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="nosuch: no such run"):
        evaluate(tmp_path / "nosuch")
    with pytest.raises(FileNotFoundError, match=r"contains no checkpoint\.npz"):
        evaluate(tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(b"PK hello")
    with pytest.raises(ValueError, match="truncated or damaged"):
        evaluate(tmp_path)


def test_two_data_sets_are_not_what_a_run_was_trained_on(digits_run):
    digits = load("mnist-5k")
    with pytest.raises(ValueError, match="one data set or a density, got the pair both"):
        evaluate(digits_run, data=Pair(digits, digits, name="both"), progress=False)


def test_samples_that_are_not_finite(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="samples are not finite"):
        of(monkeypatch, tmp_path, np.full((N, 28, 28, 1), np.nan, np.float32))
    monkeypatch.setattr(build, "restore", lambda run: (Copier(np.full((N, 2), np.inf)), TINY))
    with pytest.raises(ValueError, match="samples are not finite"):
        evaluate(tmp_path, n=N, progress=False)


# -- the report --------------------------------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10), st.sampled_from(["low", "high", "real"]), st.booleans()
)
def test_closeness_lies_between_noise_and_real(value, real, noise, best, squared):
    m = Measure("m", value, real, noise, best, "", squared)
    if math.isnan(m.closeness):
        assert best == "real" or (noise <= max(real, 0) if best == "low" else noise >= min(real, noise))
    else:
        assert 0 <= m.closeness <= 1
        assert replace(m, value=real).closeness == 1
        assert replace(m, value=noise).closeness == pytest.approx(0, abs=1e-9)


def test_closeness_is_nan_where_the_metric_is_blind():
    assert math.isnan(Measure("m", 1.0, 1.0, 0.5, "low", "").closeness)
    assert math.isnan(Measure("m", 1.0, 0.5, 1.0, "high", "").closeness)
    assert math.isnan(Measure("m", 1.0, 0.5, math.nan, "low", "").closeness)
    assert Measure("m", 4.0, 1.0, 16.0, "low", "", squared=True).closeness == pytest.approx(2 / 3)
    assert Measure("m", 3.0, 1.0, 0.0, "real", "").closeness == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (12345.0, "12,345"),
        (0.0123456, "0.012"),
        (1234.56, "1,235"),
        (1e-5, "1e-05"),
        (math.nan, "-"),
        (math.inf, "inf"),
        (21.54321, "21.5"),
    ],
)
def test_numbers_read_well(value, text):
    assert show(value) == text


def test_a_report_without_examples_has_a_picture_too(tmp_path):
    found = Evaluation("t", 100, 1, "f", (Measure("m", 1.0, 0.0, 2.0, "low", "means"),), ("a note",))
    assert [path.name for path in found.save(tmp_path)] == ["evaluation.json", "evaluation.png"]
    assert "a note" in str(found)
