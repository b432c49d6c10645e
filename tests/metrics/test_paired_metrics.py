"""Metrics of pairs (output, truth): worked by hand, what they ignore, bad input, and faults that must not pass."""

import math

import numpy as np
import pytest

from scratchgan.data.degrade import Degradation
from scratchgan.metrics import (
    consistency,
    histogram_overlap,
    ms_ssim,
    perceptual_distance,
    psnr,
    seam_ratio,
    ssim,
)

METRICS = {
    "psnr": psnr,
    "ssim": ssim,
    "histogram_overlap": histogram_overlap,
    "consistency": lambda a, b: consistency(a, b, 1, down=lambda v: v),
    "perceptual_distance": lambda a, b: perceptual_distance(a, b, lambda x: x),
}
each = pytest.mark.parametrize("name", METRICS)


@pytest.fixture
def pair(rng):
    a = rng.uniform(-0.8, 0.8, (3, 14, 17, 3))
    return a, np.clip(a + 0.2 * rng.standard_normal(a.shape), -1, 1)


# ---------------------------------------------------------------- PSNR


def test_psnr_by_hand():
    """An error of 0.2 everywhere, of a range of 2: 10 log10(4 / 0.04) = 20 dB."""
    a, b = np.zeros((2, 4, 5, 1)), np.full((2, 4, 5, 1), 0.2)
    b[1, :, :, 0] = 0.02
    assert psnr(a, b) == pytest.approx([20, 40])
    assert psnr(a, a).tolist() == [math.inf, math.inf]
    b = a.copy()
    b[0, 0, 0, 0] = 1  # one pixel of twenty: MSE 1/20
    assert psnr(a, b)[0] == pytest.approx(10 * math.log10(4 * 20))


def test_psnr_of_colour_is_that_of_the_luminance():
    a, b = np.zeros((1, 3, 3, 3)), np.zeros((1, 3, 3, 3))
    b[..., 2] = 0.5  # blue alone: 0.114 of it is light
    assert psnr(a, b)[0] == pytest.approx(20 * math.log10(2 / (0.114 * 0.5)))
    assert psnr(a, b, luminance=False)[0] == pytest.approx(10 * math.log10(4 / (0.25 / 3)))
    c = np.zeros((1, 3, 3, 3))
    c[..., 0], c[..., 1] = 0.587, -0.299  # as light as grey
    assert psnr(a, c)[0] > 300
    assert psnr(a, c, luminance=False)[0] < 20


def test_the_border_does_not_count(pair):
    a, b = pair
    c = b.copy()
    c[:, :2], c[:, -2:], c[:, :, :2], c[:, :, -2:] = 1, 1, 1, 1
    for metric in (psnr, ssim):
        np.testing.assert_array_equal(metric(a, c, border=2), metric(a, b, border=2))
        np.testing.assert_array_equal(metric(a, c, border=2), metric(a[:, 2:-2, 2:-2], b[:, 2:-2, 2:-2]))
        assert (metric(a, c, border=1) < metric(a, b, border=1)).all()


def test_only_the_hole_counts():
    a, b = np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 1), 0.9)
    hole = np.zeros((2, 4, 4), bool)
    hole[:, 1:3, 1:3] = True
    b[hole] = 0.2
    assert psnr(a, b, mask=hole) == pytest.approx([20, 20])
    assert psnr(a, b, mask=~hole) == pytest.approx([20 * math.log10(2 / 0.9)] * 2)  # inverted, it is another number
    channel = np.where(hole, 1.0, -1.0)[..., None]  # as the last channel of an input
    np.testing.assert_array_equal(psnr(a, b, mask=channel), psnr(a, b, mask=hole))
    np.testing.assert_array_equal(psnr(a, b, mask=hole[0]), psnr(a, b, mask=hole))
    b[:, 1, 1] = 0.9
    assert psnr(a, b, mask=hole, border=2 - 1)[0] == pytest.approx(10 * math.log10(4 / ((0.81 + 3 * 0.04) / 4)))


# ---------------------------------------------------------------- SSIM


def test_ssim_of_constant_images_by_hand():
    """Equal contrast (none): SSIM = l = (2 * 0.5 * 0.8 + C1) / (0.25 + 0.64 + C1), for light of 0.5 and 0.8."""
    a, b = np.zeros((1, 20, 20, 1)), np.full((1, 20, 20, 1), 0.6)
    l = (0.8 + 1e-4) / (0.89 + 1e-4)
    assert ssim(a, b)[0] == pytest.approx(l, rel=1e-12)


def test_ssim_is_the_ms_ssim_of_one_scale(pair):
    """Below 22 pixels ms_ssim has one scale; it has no luminance, so the images are grey."""
    a, b = (x[..., :1] for x in pair)
    np.testing.assert_array_equal(ssim(a, b), ms_ssim(a, b))
    assert (ssim(a, -a) < 0).all()  # here it may be negative
    assert (ms_ssim(a, -a) == 0).all()


def test_ssim_of_colour_is_that_of_the_luminance(pair):
    a, b = pair
    light = [(x @ np.array([0.299, 0.587, 0.114]))[..., None] for x in pair]
    np.testing.assert_allclose(ssim(a, b), ssim(*light), rtol=1e-12)
    channels = np.mean([ssim(a[..., c : c + 1], b[..., c : c + 1]) for c in range(3)], axis=0)
    np.testing.assert_allclose(ssim(a, b, luminance=False), channels, rtol=1e-12)
    assert np.abs(ssim(a, b) - channels).min() > 1e-3


# ---------------------------------------------------------------- seam ratio


def test_seam_by_hand():
    """One row: 0 .1 | .5 .7 | .1 .2 with the hole in the middle.

    Across: .4 and .6, mean .5.  Beside: .1 and .1 outside, and .2 inside, once, though it is next to both: mean .4 / 3.
    """
    row = np.array([0, 0.1, 0.5, 0.7, 0.1, 0.2]).reshape(1, 1, 6, 1)
    hole = np.array([[False, False, True, True, False, False]])
    assert seam_ratio(row, hole)[0] == pytest.approx(0.5 / (0.4 / 3))
    column = row.reshape(1, 6, 1, 1)
    assert seam_ratio(column, hole.T)[0] == pytest.approx(0.5 / (0.4 / 3))
    assert seam_ratio(np.concatenate([row, -row]), hole) == pytest.approx([3.75, 3.75])
    colour = np.concatenate([row, 0 * row, 0 * row], axis=3)  # a third of each step
    assert seam_ratio(colour, hole)[0] == pytest.approx(3.75)


def test_seam_of_flat_images():
    hole = np.zeros((8, 8), bool)
    hole[2:6, 2:6] = True
    flat = np.zeros((1, 8, 8, 1))
    assert seam_ratio(flat, hole)[0] == 1
    assert seam_ratio(np.where(hole, 0.5, 0.0)[None, :, :, None], hole)[0] == math.inf


def test_a_true_image_has_a_seam_of_about_1_and_a_pasted_hole_more(rng):
    x = np.cumsum(np.cumsum(rng.standard_normal((200, 16, 16, 1)), axis=1), axis=2)
    x /= np.abs(x).max(axis=(1, 2, 3), keepdims=True)
    hole = np.zeros((16, 16), bool)
    hole[4:12, 5:11] = True
    truth, pasted = x, np.where(hole[..., None], np.roll(x, 1, axis=0), x)
    assert np.median(seam_ratio(truth, hole)) == pytest.approx(1, abs=0.1)
    assert np.median(seam_ratio(pasted, hole)) > 3
    np.testing.assert_allclose(seam_ratio(x, hole), seam_ratio(x, ~hole))  # which side is the hole does not matter


# ---------------------------------------------------------------- histograms


def test_histogram_overlap_by_hand():
    """Grey, two bins: a has 3 of 4 dark pixels, b has 1 of 4: they share 1/4 + 1/4."""
    a = np.array([-1, -0.5, -0.1, 0.5]).reshape(1, 2, 2, 1)
    b = np.array([1, 0.0, 0.3, -0.2]).reshape(1, 2, 2, 1)
    assert histogram_overlap(a, b, 2)[0] == 0.5
    assert histogram_overlap(a, a[:, ::-1])[0] == 1  # where the colours are does not matter
    assert histogram_overlap(a, b, 1)[0] == 1


def test_histogram_overlap_counts_colours_and_not_channels():
    """Red and cyan against black and white: equal histograms of each channel, but no colour in common."""
    a, b = np.full((1, 1, 2, 3), -1.0), np.full((1, 1, 2, 3), -1.0)
    a[0, 0, 0, 0], a[0, 0, 1, 1:] = 1, 1
    b[0, 0, 1] = 1
    for c in range(3):
        assert histogram_overlap(a[..., c : c + 1], b[..., c : c + 1])[0] == 1
    assert histogram_overlap(a, b)[0] == 0
    with pytest.raises(ValueError, match="at most 3 channels"):
        histogram_overlap(np.zeros((1, 2, 2, 4)), np.zeros((1, 2, 2, 4)))
    with pytest.raises(ValueError, match="at most 64"):
        histogram_overlap(a, b, 65)


# ---------------------------------------------------------------- consistency


def test_consistency_with_its_own_reduction_is_infinite(rng):
    y = rng.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    x = Degradation("bicubic", 4)(y, rng)
    assert consistency(y, x, 4).tolist() == [math.inf, math.inf]
    assert consistency(y, np.clip(x + 0.02, -1, 1), 4) == pytest.approx([40, 40], abs=0.2)
    wide = rng.uniform(-1, 1, (1, 8, 12, 1))
    assert consistency(wide, wide[:, ::2, ::2], 2, down=lambda v: v[:, ::2, ::2])[0] == math.inf
    assert consistency(wide, np.zeros((1, 4, 6, 1)), 2)[0] < 20
    with pytest.raises(ValueError, match=r"expects outputs \(1, 8, 12, 1\) for inputs .* factor 2"):
        consistency(wide[:, :6], wide[:, ::2, ::2], 2)


def test_consistency_sees_a_wrong_hue(rng):
    """The luminance of the output is right, its colours are not."""
    x = np.zeros((1, 4, 4, 3))
    output = np.zeros((1, 8, 8, 3))
    output[..., 0], output[..., 1] = 0.587, -0.299
    assert consistency(output, x, 2)[0] < 20


# ---------------------------------------------------------------- perceptual distance


def test_perceptual_distance_by_hand():
    """Unit vectors at a right angle: |u - v|^2 = 2; opposite: 4; equal direction, other length: 0.  The mean is 1.5."""
    f = {
        0: np.array([[[1.0, 0], [2, 0]], [[3, 4], [0, 0]]]),
        1: np.array([[[0.0, 5], [-1, 0]], [[6, 8], [0, 0]]]),
    }
    a, b = np.zeros((1, 2, 2, 1)), np.ones((1, 2, 2, 1))
    features = lambda x: f[int(x.max())][None]
    assert perceptual_distance(a, b, features)[0] == pytest.approx((2 + 4 + 0 + 0) / 4)
    both = lambda x: [features(x), features(x)[:, :1].copy()]  # a second map of two positions
    assert perceptual_distance(a, b, both)[0] == pytest.approx(1.5 + 3)
    rows = lambda x: features(x)[:, 0, 0]  # (N, F): one position
    assert perceptual_distance(a, b, rows)[0] == pytest.approx(2)


def test_perceptual_distance_takes_a_layer(pair, rng):
    from scratchgan.layers import BatchNorm, Conv2D, Sequential

    net = Sequential([Conv2D(3, 4, kernel_size=3, rng=rng), BatchNorm(4)])
    before = [s.copy() for _, s in net.buffers()]
    whole = perceptual_distance(*pair, net)
    assert (whole > 0).all()
    np.testing.assert_allclose(perceptual_distance(pair[0][1:], pair[1][1:], net), whole[1:], rtol=1e-4)
    assert all(np.array_equal(a, b) for a, (_, b) in zip(before, net.buffers(), strict=True))  # evaluation mode


def test_perceptual_distance_refuses_other_features(pair):
    for features in (lambda x: x[:2], lambda x: x.mean(), lambda x: np.ones(3)):
        with pytest.raises(ValueError, match=r"expects features \(3, ..., F\)"):
            perceptual_distance(*pair, features)
    with pytest.raises(ValueError, match="finite features"):
        perceptual_distance(*pair, lambda x: x * np.float32(np.nan))


# ---------------------------------------------------------------- all of them


@each
def test_every_image_has_its_own_result(name, pair):
    metric, (a, b) = METRICS[name], pair
    whole = metric(a, b)
    assert (whole.shape, whole.dtype) == ((3,), np.float64)
    np.testing.assert_array_equal(np.concatenate([metric(a[i : i + 1], b[i : i + 1]) for i in range(3)]), whole)
    np.testing.assert_allclose(metric(b, a), whole, rtol=1e-12)


@each
def test_bad_images_are_named(name, pair):
    metric, (a, b) = METRICS[name], pair
    bad = a.copy()
    bad[1, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        metric(bad, b)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        metric(a, 255 * b)
    with pytest.raises(ValueError, match=r"same shape|expects outputs"):
        metric(a, b[:, :-1])
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        metric(a[0], b[0])
    with pytest.raises(ValueError, match="real numbers"):
        metric(a.astype(complex), b.astype(complex))


def test_bad_borders_and_masks_are_named(pair):
    a, b = pair
    for metric in (psnr, ssim):
        with pytest.raises(ValueError, match="border of 7 pixels leaves nothing of images of 14 x 17"):
            metric(a, b, border=7)
        with pytest.raises(ValueError, match="border must be an integer of at least 0"):
            metric(a, b, border=-1)
    hole = np.zeros((3, 14, 17), bool)
    hole[:, 4:6, 4:6] = True
    for metric in (lambda m: psnr(a, b, mask=m), lambda m: seam_ratio(a, m)):
        with pytest.raises(ValueError, match=r"mask is empty, .* in 1 of 3 images, first 2"):
            metric(np.where(np.arange(3)[:, None, None] == 2, False, hole))
        with pytest.raises(ValueError, match="shape"):
            metric(hole[:, :-1])
        with pytest.raises(ValueError, match=r"-1 \(known\) and \+1 \(hole\), got others"):
            metric(hole.astype(float))  # 0 and 1: is 1 the hole, or what is known?
        with pytest.raises(ValueError, match=r"-1 \(known\) and \+1 \(hole\), got"):
            metric(np.full((14, 17), "x"))
    with pytest.raises(ValueError, match="no border"):
        seam_ratio(a, np.ones((14, 17), bool))
    with pytest.raises(ValueError, match="empty within a border of 6"):
        psnr(a, b, mask=hole, border=6)


def test_the_range_is_two_and_not_one():
    """With R = 1 every PSNR would be 6 dB lower, and an error as large as the range would not give 0 dB."""
    assert psnr(np.full((1, 2, 2, 1), -1.0), np.ones((1, 2, 2, 1)))[0] == pytest.approx(0, abs=1e-12)
