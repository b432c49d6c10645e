"""Degradations: against SciPy and Pillow, by hand, and what each must leave alone."""

import numpy as np
import pytest
from PIL import Image

from scratchgan.data import DataError, Degradation, draw_holes, load, with_holes
from scratchgan.data.degrade import bicubic_matrix, blur_matrix
from scratchgan.data.holes import _distance_squared

ALL = [
    Degradation("bicubic", 2),
    Degradation("bicubic", 4),
    Degradation("blur", 1.5),
    Degradation("noise", 0.2),
    Degradation("grey"),
    Degradation("holes", 0.5),
    Degradation("holes", hole="half"),
    Degradation("holes", 0.5, hole="strokes"),
]
IDS = [f"{d.kind}-{d.by:g}-{d.hole}" for d in ALL]


def images(rng, n=3, height=32, width=32, channels=3):
    return rng.uniform(-1, 1, (n, height, width, channels)).astype(np.float32)


# ---- all of them


@pytest.mark.parametrize("degrade", ALL, ids=IDS)
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (48, 48), (32, 20)])
def test_shape_range_and_seed(degrade, size, rng):
    y = images(rng, 5, *size)
    before = y.copy()
    x = degrade(y, np.random.default_rng(3))
    np.testing.assert_array_equal(y, before)
    assert x.shape == (5, *degrade.input_shape(y.shape[1:]))
    assert x.dtype == np.float32
    assert x.min() >= -1
    assert x.max() <= 1
    np.testing.assert_array_equal(x, degrade(y, np.random.default_rng(3)))
    assert np.array_equal(x, degrade(y, np.random.default_rng(4))) == (not degrade.draws)
    assert degrade.scale * x.shape[1] == size[0]


@pytest.mark.parametrize("degrade", [d for d in ALL if not d.draws], ids=lambda d: f"{d.kind}-{d.by:g}")
def test_an_image_is_degraded_as_it_would_be_alone_and_draws_nothing(degrade, rng):
    y, other = images(rng, 4), np.random.default_rng(0)
    state = other.bit_generator.state
    x = degrade(y, other)
    assert other.bit_generator.state == state
    np.testing.assert_allclose(degrade(y[2:3], other)[0], x[2], atol=1e-6)


@pytest.mark.parametrize("degrade", ALL[:5], ids=IDS[:5])
def test_the_mirrored_image_is_degraded_to_the_mirrored_result(degrade, rng):
    if not degrade.draws:
        y = images(rng)
        x = degrade(y, rng)
        np.testing.assert_allclose(degrade(y[:, :, ::-1], rng), x[:, :, ::-1], atol=1e-5)
        np.testing.assert_allclose(degrade(y[:, ::-1], rng), x[:, ::-1], atol=1e-5)


def test_a_plain_image_stays_plain(rng):
    y = np.full((2, 16, 16, 3), 0.25, np.float32)
    for degrade in ALL:
        x = degrade(y, rng)
        if degrade.kind == "noise":
            assert abs(x.mean() - 0.25) < 0.05
        else:
            np.testing.assert_allclose(x[..., :3] if degrade.kind == "holes" else x, 0.25, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Degradation("blurr"), "unknown kind 'blurr', did you mean 'blur'? known: bicubic, blur, noise"),
        (lambda: Degradation("holes", hole="halves"), "unknown hole 'halves', did you mean 'half'?"),
        (lambda: Degradation("bicubic", 3), "by (bicubic) must be 2 or 4, got 3"),
        (lambda: Degradation("blur", -1), "by (blur) must be a number in [0, 16], got -1"),
        (lambda: Degradation("blur", 0.01), "by (blur) must be a number in [0.1, 16], got 0.01"),
        (lambda: Degradation("noise", float("nan")), "by (noise) must be a number in [0, 2], got nan"),
        (lambda: Degradation("holes", 1.0), "by (holes) must be a number in [0, 0.95], got 1.0"),
        (lambda: Degradation("grey", 1), "by (grey) must be a number in [0, 0], got 1"),
        (lambda: Degradation("bicubic", 4).input_shape((30, 32, 3)), "sides must be multiples of 4, got 30 x 32"),
        (lambda: Degradation("bicubic", 4).input_shape((31, 31, 3)), "choose another image_size, such as 32"),
        (lambda: Degradation("grey").input_shape((8, 8, 1)), "expected images with 3 channels, got 1: use channels=3"),
        (lambda: Degradation("holes").input_shape((1, 8, 1)), "expected sides of at least 2, got 1 x 8"),
        (lambda: Degradation("blur").input_shape((2,)), "expected images (H, W, C), got examples of shape (2,)"),
        (lambda: draw_holes(0, 8, 8, np.random.default_rng(0)), "n must be an integer of at least 1, got 0"),
        (lambda: with_holes(np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4))), "booleans (N, H, W), got (1, 4, 4, 1) and"),
        (lambda: with_holes(np.zeros((2, 4, 4, 1)), np.zeros((1, 4, 4), bool)), "and bool (1, 4, 4)"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert issubclass(DataError, ValueError)


def test_the_default_of_each_kind():
    assert [Degradation(kind).by for kind in ("bicubic", "blur", "noise", "grey", "holes")] == [4, 1, 0.2, 0, 0.5]
    with pytest.raises(TypeError, match="rng must be a numpy"):
        Degradation("blur")(np.zeros((1, 4, 4, 1)), 0)


# ---- smaller


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("size", [(32, 32), (48, 28), (4, 8)])
def test_bicubic_is_pillows(factor, size, rng):
    y = images(rng, 2, *size)
    x = Degradation("bicubic", factor)(y, rng)
    for i, c in np.ndindex(2, 3):
        plane = Image.fromarray(np.ascontiguousarray(y[i, :, :, c]))
        small = plane.resize((size[1] // factor, size[0] // factor), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(x[i, :, :, c], np.clip(np.asarray(small), -1, 1), atol=2e-6)


def test_bicubic_weights_by_hand():
    """Halving 8 pixels: an inner pixel has the kernel at 1/4, 3/4, 5/4 and 7/4 on either side."""
    k = np.array([0.8671875, 0.2265625, -0.0703125, -0.0234375])  # (3/2)t^3 - (5/2)t^2 + 1, ...
    row = np.concatenate([k[::-1], k]) / 2
    np.testing.assert_allclose(bicubic_matrix(16, 8)[3, 3:11], row, atol=1e-7)
    np.testing.assert_allclose(bicubic_matrix(16, 8).sum(axis=1), 1, atol=1e-6)


def test_stripes_that_the_small_image_cannot_show_become_grey():
    """Without the stretched kernel, every fourth column would be taken: all black, or all white."""
    y = np.broadcast_to(np.where(np.arange(32) % 2, 1, -1)[None, None, :, None], (1, 32, 32, 1))
    x = Degradation("bicubic", 4)(y, np.random.default_rng(0))
    assert np.abs(x[:, :, 1:-1]).max() < 0.05


# ---- blur and noise


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5, 8.0])
@pytest.mark.parametrize("size", [(32, 32), (28, 9), (3, 2)])
def test_blur_is_scipys(sigma, size, rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    y = images(rng, 2, *size)
    expected = ndimage.gaussian_filter(y.astype(np.float64), (0, sigma, sigma, 0), mode="reflect", truncate=4.0)
    np.testing.assert_allclose(Degradation("blur", sigma)(y, rng), expected, atol=1e-6)


def test_blur_at_the_border_by_hand():
    """Three pixels a b c, radius 2: the neighbours of a are b a | a b c."""
    g = np.exp(-0.5 * np.arange(-2, 3.0) ** 2 / 0.5**2)
    g /= g.sum()
    first = [g[1] + g[2], g[0] + g[3], g[4]]
    np.testing.assert_allclose(blur_matrix(3, 0.5)[0], first, atol=1e-7)
    np.testing.assert_allclose(blur_matrix(3, 0.5)[2], first[::-1], atol=1e-7)


def test_noise_has_its_sigma_and_is_clipped(rng):
    y = np.zeros((4, 64, 64, 3), np.float32)
    x = Degradation("noise", 0.2)(y, rng)
    assert abs(x.std() - 0.2) < 0.002
    assert abs(np.corrcoef(x[..., 0].ravel(), x[..., 1].ravel())[0, 1]) < 0.03  # each channel has its own
    white = Degradation("noise", 0.2)(y + 1, rng)
    assert white.max() == 1
    assert abs(white.mean() - (1 - 0.2 / np.sqrt(2 * np.pi))) < 0.002  # half of the noise is cut off


def test_grey_by_hand():
    y = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1]], np.float32).reshape(1, 2, 2, 3)
    x = Degradation("grey")(y, np.random.default_rng(0))
    np.testing.assert_allclose(x.ravel(), 2 * np.array([0.299, 0.587, 0.114, 1]) - 1, atol=1e-6)


# ---- holes


@pytest.mark.parametrize("hole", ["square", "half", "strokes"])
def test_outside_the_hole_every_bit_is_as_it_was(hole, rng):
    y = images(rng, 6)
    x = Degradation("holes", 0.4, hole)(y, rng)
    mask = x[..., -1] > 0
    assert set(np.unique(x[..., -1])) == {-1, 1}
    np.testing.assert_array_equal(x[..., :-1][~mask], y[~mask])
    for i in range(6):  # one colour in the hole: the mean of what is known, which what is in the hole cannot change
        mean = y[i, ~mask[i]].mean(axis=0)
        np.testing.assert_allclose(x[i, mask[i], :-1], np.tile(mean, (mask[i].sum(), 1)), atol=1e-6)
    np.testing.assert_array_equal(with_holes(y, mask), x)
    np.testing.assert_array_equal(with_holes(np.where(mask[..., None], -y, y), mask), x)


def test_a_square_hole_lies_anywhere_inside(rng):
    mask = draw_holes(4000, 6, 8, rng, by=0.5)
    assert (mask.sum(axis=(1, 2)) == 9).all()
    tops, lefts = mask.any(axis=2).argmax(axis=1), mask.any(axis=1).argmax(axis=1)
    for i in range(0, 4000, 500):
        assert mask[i, tops[i] : tops[i] + 3, lefts[i] : lefts[i] + 3].all()
    counts = np.zeros((4, 6))
    np.add.at(counts, (tops, lefts), 1)
    assert counts.min() > 4000 / 24 - 5 * np.sqrt(4000 / 24)  # every place, equally often
    assert counts.max() < 4000 / 24 + 5 * np.sqrt(4000 / 24)


@pytest.mark.parametrize("height", [7, 8])
def test_the_lower_half(height, rng):
    mask = draw_holes(2, height, 5, rng, hole="half")
    assert not mask[:, : height - height // 2].any()
    assert mask[:, height - height // 2 :].all()


@pytest.mark.parametrize(("size", "by"), [((32, 32), 0.5), ((48, 28), 0.4), ((32, 32), 0.2), ((8, 8), 0.5)])
def test_strokes_cover_their_area_in_one_piece(size, by, rng):
    ndimage = pytest.importorskip("scipy.ndimage")
    masks = draw_holes(50, *size, rng, hole="strokes", by=by)
    share = masks.mean(axis=(1, 2))
    assert (share >= by * by).all()
    assert share.mean() < by * by + 0.15  # no more than about one stroke too much
    assert all(ndimage.label(mask, np.ones((3, 3)))[1] == 1 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == 50


def test_the_embedded_photographs_survive_every_degradation(rng):
    y = load("textures", split="test").x[::50]
    for degrade in ALL:
        assert np.isfinite(degrade(y, rng)).all()


def test_the_distance_from_a_stroke_by_hand():
    """A stroke along row centres from column 1.5 to 3.5: beside it rows count, beyond its ends the corner does."""
    start, end = np.array([[2.5, 1.5]], np.float32), np.array([[2.5, 3.5]], np.float32)
    found = _distance_squared(5, 7, start, end)[0]
    np.testing.assert_allclose(found[2], [1, 0, 0, 0, 1, 4, 9], atol=1e-5)
    np.testing.assert_allclose(found[0], [5, 4, 4, 4, 5, 8, 13], atol=1e-5)
    point = _distance_squared(5, 7, start, start)[0]
    np.testing.assert_allclose(point[2], [1, 0, 1, 4, 9, 16, 25], atol=1e-5)
