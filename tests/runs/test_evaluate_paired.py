"""The evaluation of runs on pairs: each task's measures on cases known beforehand, rivals, floors, and bad input."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import load
from scratchgan.data.degrade import Degradation
from scratchgan.metrics import frechet_distance, psnr, seam_ratio
from scratchgan.runs.evaluate import paired, rivals
from scratchgan.runs.evaluate.paired import measure, pooled
from scratchgan.runs.evaluate.paired_features import SPLITS, View, between_halves, halves, patches

pytestmark = pytest.mark.usefixtures("one_thread")


def drawings(n, seed, side=16):
    """Coloured rectangles on white (n, side, side, 3), and their outlines (n, side, side, 1): pairs."""
    rng = np.random.default_rng(seed)
    y, x = np.ones((n, side, side, 3), np.float32), np.ones((n, side, side, 1), np.float32)
    for i in range(n):
        top, left = rng.integers(1, side // 3, 2)
        bottom, right = rng.integers(side // 2, side - 1, 2)
        y[i, top:bottom, left:right] = rng.uniform(-1, 0.8, 3)
        x[i, top:bottom, left:right] = -1
        x[i, top + 1 : bottom - 1, left + 1 : right - 1] = 1
    return x, y


def few(pairs):
    """The first of both parts."""
    return [[images[:20] for images in part] for part in pairs]


def blurred(y):
    return rivals.smoothed(rivals.smoothed(y))


def box(n, side, top=4, low=10, left=5, right=12):
    """The mask channel (n, side, side, 1) of one box."""
    m = np.full((n, side, side, 1), -1, np.float32)
    m[:, top:low, left:right] = 1
    return m


@pytest.fixture(scope="module")
def pairs():
    return drawings(120, 0), drawings(200, 1)


@pytest.fixture(scope="module")
def translated(pairs):
    (x, y), (train_x, train_y) = pairs
    return measure(blurred(y), x, y, task="translation", train_x=train_x, train_y=train_y, title="drawings")


# ---------------------------------------------------------------- translation


def test_translation_by_hand(pairs, translated):
    (_, y), _ = pairs
    error = blurred(y) - y
    assert translated["L1"].value == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert translated["PSNR (dB)"].value == pytest.approx(
        10 * math.log10(4 / (error.astype(float) ** 2).mean()), rel=1e-5
    )
    assert translated["L1"].real == 0
    assert translated["histogram overlap"].real == 1
    assert translated["PSNR (dB)"].real == math.inf
    assert translated.rivals == ("mean image", "nearest", "another's")
    assert translated.n == 120


def test_every_measure_has_the_truth_best_and_noise_worst(translated):
    for m in translated.measures:
        order = 1 if m.best == "low" else -1
        assert order * m.real < order * m.value < order * m.noise, m.name


def test_what_was_asked_and_what_looks_real_are_different_questions(translated):
    """Outputs for other inputs look as real as the run's, but are far from the truth."""
    l1, frechet = translated["L1"], translated["Frechet distance"]
    assert l1.rivals["another's"] > 2 * l1.value
    assert frechet.rivals["another's"] == pytest.approx(frechet.value, rel=0.35)
    assert frechet.rivals["nearest"] < frechet.value  # real images
    assert frechet.rivals["mean image"] > frechet.value
    assert any(
        "not better than a trivial rival" in note and "Frechet distance (nearest" in note for note in translated.notes
    )
    assert "L1 (" not in " ".join(translated.notes)


def test_colours_count_in_translation(pairs):
    """As light as the truth, of another hue: by the luminance alone this would be perfect."""
    (x, y), (train_x, train_y) = few(pairs)
    grey = np.repeat((y @ np.float32([0.299, 0.587, 0.114]))[..., None], 3, axis=3)
    result = measure(grey, x, y, task="translation", train_x=train_x, train_y=train_y)
    assert result["PSNR (dB)"].value < 25
    assert psnr(grey, y).min() > 80


def test_a_copy_of_the_truth_is_perfect_and_loses_to_nobody(pairs):
    (x, y), (train_x, train_y) = few(pairs)
    result = measure(y, x, y, task="translation", train_x=train_x, train_y=train_y)
    for m in result.measures:
        assert m.value == m.real, m.name
    assert not any("not better" in note for note in result.notes)


def test_the_same_seed_gives_the_same_table_and_another_other_halves(pairs):
    (x, y), (train_x, train_y) = few(pairs)
    one, again, other = (
        measure(blurred(y), x, y, task="translation", train_x=train_x, train_y=train_y, seed=seed) for seed in (1, 1, 2)
    )
    assert str(again) == str(one)
    assert other["Frechet distance"].real != one["Frechet distance"].real
    assert other["L1"].value == one["L1"].value


# ---------------------------------------------------------------- super-resolution


@pytest.fixture(scope="module")
def enlarged():
    y, train_y = drawings(12, 3, side=32)[1], drawings(30, 4, side=32)[1]
    x = Degradation("bicubic", 4)(y, np.random.default_rng(0))
    out = np.clip(1.2 * rivals.enlarged(x, 4) - 0.2 * blurred(rivals.enlarged(x, 4)), -1, 1)
    return x, y, out, measure(out, x, y, task="super-resolution", factor=4, train_y=train_y)


def test_super_resolution_cuts_the_border_and_takes_the_luminance(enlarged):
    x, y, out, result = enlarged
    light = lambda v: v[:, 4:-4, 4:-4] @ np.float64([0.299, 0.587, 0.114])
    by_hand = 10 * np.log10(4 / ((light(out) - light(y)) ** 2).mean(axis=(1, 2)))
    m = result["PSNR of Y (dB)"]
    assert m.value == pytest.approx(by_hand.mean())
    assert m.each["this run"] == pytest.approx(by_hand)
    assert m.each["bicubic"] == pytest.approx(psnr(rivals.enlarged(x, 4), y, border=4))
    ruined = out.copy()
    ruined[:, :4], ruined[:, -4:], ruined[:, :, :4], ruined[:, :, -4:] = 1, -1, -1, 1
    other = measure(ruined, x, y, task="super-resolution", factor=4, train_y=y)
    assert other["PSNR of Y (dB)"].value == m.value
    assert other["SSIM of Y"].value == result["SSIM of Y"].value
    assert other["consistency (dB)"].value < 20


def test_super_resolution_knows_its_rivals(enlarged):
    x, y, _, result = enlarged
    assert result.rivals == ("bicubic", "blocks")
    np.testing.assert_array_equal(result.images["blocks"][:, ::4, ::4], x)
    assert result["consistency (dB)"].real == math.inf  # the truth, made small, is the input
    assert result["consistency (dB)"].value > 25
    assert "patches of 16 x 16" in result.features
    one = measure(y[:1], x[:1], y[:1], task="super-resolution", factor=4, train_y=y)
    assert one.n == 1
    assert any("too few for distances of sets" in note for note in one.notes)


def test_photographs_of_any_shape_are_measured_one_by_one():
    rng = np.random.default_rng(5)
    y = rng.uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)
    x = y[:, ::2, ::2]
    crops = rng.uniform(-1, 1, (20, 32, 32, 3))
    result = measure(rivals.enlarged(x, 2), x, y, task="super-resolution", factor=2, train_y=crops)
    assert result["Frechet distance"].value > result["Frechet distance"].real > 0
    assert result.images["bicubic"].shape == y.shape


# ---------------------------------------------------------------- enhancement


def test_enhancement_gains_over_its_input():
    y, train_y = drawings(20, 6)[1], drawings(30, 7)[1]
    rng = np.random.default_rng(0)
    x = (y + 0.3 * rng.standard_normal(y.shape)).astype(np.float32)
    result = measure(np.clip((x + y) / 2, -1, 1), x, y, task="enhancement", train_y=train_y)
    before, after = (((np.clip(v, -1, 1) - y).astype(float) ** 2).mean() for v in (x, (x + y) / 2))
    assert result["PSNR gain (dB)"].value == pytest.approx(10 * math.log10(before / after), rel=1e-4)
    assert result["PSNR gain (dB)"].rivals["input"] == pytest.approx(0, abs=1e-9)
    assert result.rivals == ("input", "smoothed")


def test_colouring_starts_from_grey():
    y, train_y = drawings(20, 6)[1], drawings(30, 7)[1]
    x = (y @ np.float32([0.299, 0.587, 0.114]))[..., None]
    result = measure(0.5 * (y + x), x, y, task="enhancement", train_y=train_y)
    assert result["PSNR gain (dB)"].value == pytest.approx(20 * math.log10(2), abs=0.01)
    assert result.images["given"].shape == x.shape
    already = measure(x * [1, 1, 1], x, x * np.float32([1, 1, 1]), task="enhancement", train_y=train_y)
    assert math.isnan(already["PSNR gain (dB)"].value)  # grey images are right before and after: there is no gain
    assert "PSNR gain (dB)" in str(already)


# ---------------------------------------------------------------- inpainting


@pytest.fixture(scope="module")
def mended():
    digits = load("mnist-5k").x
    order = np.random.default_rng(0).permutation(len(digits))
    y, train_y = digits[order[:60]], digits[order[60:1500]]
    mask = box(60, 28, 8, 20, 8, 20)
    x = np.concatenate([np.where(mask > 0, np.float32(-0.7), y), mask], axis=3)
    out = rivals.filled(x, blurred(y))
    return x, y, out, measure(out, x, y, task="inpainting", train_y=train_y, digits=True)


def test_inpainting_looks_into_the_hole(mended):
    x, y, out, result = mended
    inside = (slice(None), slice(8, 20), slice(8, 20))
    error = out[inside].astype(float) - y[inside]
    assert result["PSNR in the hole (dB)"].value == pytest.approx(10 * math.log10(4 / (error**2).mean()))
    assert result["L1 in the hole"].value == pytest.approx(np.abs(error).mean())
    assert result["L1 in the hole"].each["this run"] == pytest.approx(np.abs(error).mean(axis=(1, 2, 3)))
    assert result["known pixels kept"].value == 1
    assert result["seam ratio"].real == pytest.approx(np.median(seam_ratio(y, x[..., -1] > 0)))
    assert result["seam ratio"].rivals["mean image"] > result["seam ratio"].real


def test_one_changed_bit_outside_the_hole_is_seen(mended):
    x, y, out, _ = mended
    out = out.copy()
    out[3, 0, 0, 0] = np.nextafter(out[3, 0, 0, 0], np.float32(0))
    result = measure(out, x, y, task="inpainting", train_y=y)
    assert result["known pixels kept"].value == pytest.approx(59 / 60)


def test_an_inverted_mask_is_seen(mended):
    x, y, out, _ = mended
    wrong = x.copy()
    wrong[..., -1] *= -1
    other = measure(out, wrong, y, task="inpainting", train_y=y)
    assert other["PSNR in the hole (dB)"].value == math.inf  # "the hole" is what was known
    assert other["known pixels kept"].value < 0.1


def test_digits_are_asked_for_their_class(mended):
    _, _, _, result = mended
    assert result["same digit"].real == 1
    assert (
        result["same digit"].value > result["same digit"].rivals["nearest"] > result["same digit"].rivals["mean image"]
    )
    assert result["entropy of the class"].value > result["entropy of the class"].real
    assert "digit classifier" in result.features
    assert "not comparable" in result.features


def test_the_nearest_neighbour_looks_at_known_pixels_only():
    """Two training images: one equals the known half, the other equals the hidden one."""
    y = np.zeros((1, 4, 4, 1), np.float32)
    y[0, :2], y[0, 2:] = 0.5, -0.5
    mask = box(1, 4, 2, 4, 0, 4)
    x = np.concatenate([np.where(mask > 0, np.float32(-0.5), y), mask], axis=3)  # a tempting filling
    right, wrong = y[0].copy(), y[0].copy()
    right[2:], wrong[:2] = 0.1, -0.9
    out = rivals.nearest_known(x, np.stack([wrong, right]))
    np.testing.assert_array_equal(out[0, :2], y[0, :2])
    np.testing.assert_array_equal(out[0, 2:], right[2:])


# ---------------------------------------------------------------- rivals and distances of sets


def test_rivals_by_hand():
    y = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) / 4
    assert rivals.mean_image(y, 2).ravel().tolist() == [0.375, 0.375]
    assert rivals.nearest_target(np.float32([[[[0.3]]], [[[0.9]]]]), y, -y).ravel().tolist() == [-0.25, -0.75]
    shuffled = rivals.of_another(y, np.random.default_rng(0))
    assert sorted(shuffled.ravel()) == sorted(y.ravel())
    assert (shuffled != y).all()
    flat = np.zeros((1, 3, 3, 1), np.float32)
    flat[0, 1, 1, 0] = 0.9
    assert rivals.smoothed(flat).ravel() == pytest.approx([0.1] * 9)
    assert rivals.enlarged(y[:1], 3, smooth=False).shape == (1, 3, 3, 1)
    wide = np.zeros((1, 4, 6, 3), np.float32)
    assert rivals.enlarged(wide, 2).shape == (1, 8, 12, 3)


def test_halves_have_no_common_image():
    for n in (7, 40):
        for A, B in halves(n, np.random.default_rng(0)):
            assert len(A) == len(B) == n // 2
            assert not set(A) & set(B)
    assert len({tuple(A) for A, _ in halves(40, np.random.default_rng(0))}) == SPLITS


def test_the_floor_is_that_of_disjoint_halves(rng):
    """With the same half twice the floor would be 0, and with all rows it would be smaller."""
    truth = rng.standard_normal((40, 1, 3))
    floor = between_halves(frechet_distance, truth, truth, seed=1)
    fresh = np.mean([frechet_distance(*rng.standard_normal((2, 20, 3))) for _ in range(200)])
    assert floor == pytest.approx(fresh, rel=0.4)
    marked = np.arange(40.0).reshape(40, 1, 1)

    def apart(a, b):
        assert not set(a.ravel()) & set(b.ravel())
        return 1.0

    assert between_halves(apart, marked, marked, seed=1) == 1
    grouped = np.repeat(marked, 3, axis=1)  # patches of one image stay on one side
    assert between_halves(apart, grouped, grouped, seed=1) == 1
    few = np.arange(12.0).reshape(2, 6, 1)  # two images only: their patches are divided
    assert between_halves(apart, few, few, seed=1) == 1


def test_there_are_at_most_32_features_and_two_images_for_each(pairs):
    _, (_, train_y) = pairs
    rng = np.random.default_rng(0)
    for n, count in ((400, 32), (122, 30), (40, 10), (5, 1)):
        view = View.of(train_y, np.resize(train_y, (n, 16, 16, 3)), digits=False, cut=False, rng=rng)
        assert view(train_y[:5]).shape == (5, 1, count)
    features = View.of(train_y[50:], np.resize(train_y, (400, 16, 16, 3)), digits=False, cut=False, rng=rng)(train_y)
    assert features.reshape(-1, 32).var(axis=0).mean() == pytest.approx(1, rel=0.01)
    assert np.abs(features.mean(axis=(0, 1))).max() < 0.01
    small = train_y[:, :8, :8]
    assert "pixels" in View.of(small, small[:40], digits=False, cut=False, rng=rng).label


def test_patches_are_cut_row_by_row():
    x = np.arange(2 * 5 * 4).reshape(2, 5, 4, 1)
    cut = patches(x, 2)
    assert cut.shape == (2, 4, 2, 2, 1)
    assert cut[0, :, :, :, 0].tolist() == [[[0, 1], [4, 5]], [[2, 3], [6, 7]], [[8, 9], [12, 13]], [[10, 11], [14, 15]]]


def test_decibels_are_averaged_as_errors():
    assert pooled([20, math.inf]) == pytest.approx(20 + 10 * math.log10(2))  # half of the error
    assert pooled([math.inf, math.inf]) == math.inf
    assert pooled([10, 10]) == pytest.approx(10)


# ---------------------------------------------------------------- table, file, picture, errors


def test_the_table_has_a_column_for_each_rival(translated):
    lines = str(translated).splitlines()
    assert lines[0] == "drawings: 120 held-out pairs, seed 1"
    head = next(line for line in lines if "this run" in line)
    for name in ("mean image", "nearest", "another's", "truth", "noise", "best"):
        assert name in head
    assert max(map(len, lines)) <= 132
    assert "not comparable with LPIPS" in str(translated)
    with pytest.raises(KeyError, match="no measure 'FID'"):
        translated["FID"]


def test_file_and_picture(tmp_path, translated, enlarged):
    for folder, result in ((tmp_path / "a", translated), (tmp_path / "b", enlarged[3])):
        folder.mkdir()
        paths = result.save(folder)
        assert [p.name for p in paths] == ["evaluation.json", "evaluation.png"]
        with Image.open(paths[1]) as picture:
            assert picture.size[0] > 600
        stored = json.loads(paths[0].read_text(), parse_constant=pytest.fail)
        names = [m["name"] for m in stored["measures"]]
        assert names == [m.name for m in result.measures]
        assert stored["measures"][0]["rivals"].keys() == set(result.rivals)
        assert ("each" in stored["measures"][0]) == (result.n <= 32)
        assert {"title", "n", "seed", "features", "notes", "task"} <= stored.keys()
    assert next(m for m in stored["measures"] if m["name"] == "PSNR of Y (dB)")["real"] == "inf"
    assert len(next(m for m in stored["measures"] if m["name"] == "PSNR of Y (dB)")["each"]["bicubic"]) == 12


def test_outputs_beyond_the_range_are_clipped_and_that_is_said(pairs):
    (x, y), (train_x, train_y) = few(pairs)
    out = y.copy()
    out[0, 0, 0, 0] = 1.5
    result = measure(out, x, y, task="translation", train_x=train_x, train_y=train_y)
    assert any("beyond [-1, 1] and were clipped" in note for note in result.notes)
    assert result["L1"].value == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "dream"}, "task must be one of translation, super-resolution, enhancement, inpainting, got 'dream'"),
        ({"outputs": np.zeros((4, 16, 16, 1))}, "expects outputs like the true images"),
        ({"outputs": np.full((4, 16, 16, 3), np.nan)}, "not finite: the run has diverged"),
        ({"train_x": None}, "expects train_x .* got None"),
        ({"train_y": np.zeros((5, 8, 8, 3))}, "expects train_y"),
        ({"task": "inpainting"}, r"inpainting of images .* needs inputs \(4, 16, 16, 4\), got \(4, 16, 16, 1\)"),
        ({"task": "super-resolution", "factor": 2}, r"needs inputs \(4, 8, 8, 3\)"),
        ({"task": "super-resolution", "factor": 0}, "factor must be an integer of at least 1"),
        ({"task": "enhancement", "x": np.zeros((4, 16, 16, 2))}, "1 or 3 channels"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_what_does_not_fit_is_named(pairs, change, words):
    (x, y), (train_x, train_y) = pairs
    given = {"outputs": y[:4], "x": x[:4], "y": y[:4], "task": "translation", "train_x": train_x, "train_y": train_y}
    given |= change
    with pytest.raises(ValueError, match=words):
        measure(given.pop("outputs"), given.pop("x"), given.pop("y"), **given)


def test_every_task_is_in_the_docstring():
    for task in paired.TASKS:
        assert f"    {task} " in paired.__doc__
