"""Content losses: values and slopes by hand, and the curvature near Charbonnier's rounded corner."""

import numpy as np
import pytest

from scratchgan.core import ShapeError
from scratchgan.losses import content
from scratchgan.losses.content import CONTENT, EPS, Content, charbonnier, l1, l2
from scratchgan.models import cycle

U, V = np.array([1.0, -2.0, 0.5, 3.0]), np.array([1.0, 0.0, 0.0, 3.0])


def test_values_and_slopes_by_hand():
    value, slope = l1(U, V)
    assert value == 2.5 / 4
    np.testing.assert_array_equal(slope, [0, -0.25, 0.25, 0])
    value, slope = l2(U, V)
    assert value == (4 + 0.25) / 4
    np.testing.assert_array_equal(slope, [0, -1, 0.25, 0])
    value, slope = charbonnier(np.array([3.0, 0.0]), np.array([0.0, 0.0]), eps=4.0)
    assert value == (5 - 4) / 2
    np.testing.assert_array_equal(slope, [3 / 5 / 2, 0])


@pytest.mark.parametrize("name", CONTENT)
def test_an_exact_image_has_the_loss_zero_and_stays_as_it_is(name):
    value, slope = content.get(name)(U, U.copy())
    assert value == pytest.approx(0, abs=1e-15)
    assert not slope.any()


@pytest.mark.parametrize("name", CONTENT)
def test_the_answer_to_two_possible_images_is_in_between_them(name):
    """Targets 0 (three times) and 1 (once): l2's best answer is the mean 1/4, l1's the median 0."""
    targets, tried = np.array([0.0, 0.0, 0.0, 1.0]), np.linspace(-0.5, 1.5, 2001)
    best = tried[np.argmin([content.get(name)(np.full(4, u), targets)[0] for u in tried])]
    assert best == pytest.approx(0.25 if name == "l2" else 0, abs=2e-3)


@pytest.mark.parametrize("name", CONTENT)
def test_float32_stays_float32_and_a_mean_over_many_pixels_is_exact(name):
    u, v = np.full((4, 100, 100, 3), 0.1, np.float32), np.zeros((4, 100, 100, 3), np.float32)
    value, slope = content.get(name)(u, v)
    assert slope.dtype == np.float32
    expected = {"l1": 0.1, "l2": 0.01, "charbonnier": (0.01 + EPS**2) ** 0.5 - EPS}[name]
    assert value == pytest.approx(expected, rel=1e-6)


def test_charbonnier_near_its_corner():
    """At |d| about eps = 1e-3, where the table of cases, which has a larger eps, does not look."""
    d = EPS * np.array([-2.0, -0.5, 0.1, 1.0, 3.0])
    h = 1e-7
    zero = np.zeros_like(d)
    slope = charbonnier(d, zero)[1]
    for k in range(len(d)):
        step = h * (np.arange(len(d)) == k)
        above, below = charbonnier(d + step, zero), charbonnier(d - step, zero)
        assert slope[k] == pytest.approx((above[0] - below[0]) / (2 * h), rel=1e-5)
        curvature = (above[1][k] - below[1][k]) / (2 * h) * len(d)
        assert content.CURVATURE["charbonnier"](d)[k] == pytest.approx(curvature, rel=1e-5)


def test_cyclegan_s_l1_is_this_one():
    assert cycle.l1 is l1


def test_wrong_names_and_shapes_are_named():
    with pytest.raises(ValueError, match="unknown content 'charbonier', did you mean 'charbonnier'"):
        content.get("charbonier")
    with pytest.raises(ShapeError, match=r"target of shape \(2, 3\), got \(2, 4\)"):
        Content("l1", np.zeros((2, 3))).forward(np.zeros((2, 4)), train=True)
