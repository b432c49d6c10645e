"""Winograd's rule: the same convolutions with fewer multiplications, and honest about what is not a number."""

import itertools

import numpy as np
import pytest
from engines import DTYPES, MOST

from scratchgan import kernels
from scratchgan.kernels.compiled import conv, pool, winograd, winograd_grad

pytestmark = pytest.mark.usefixtures("on_numba")
# N, H, W, Ci, Co, stride, padding: odd and even numbers of outputs; one; channels that fill no panel; other strides
SHAPES = [
    (3, 14, 14, 64, 128, (2, 2), (1, 1)),
    (5, 9, 6, 17, 40, (2, 2), (1, 1)),
    (2, 4, 4, 16, 16, (2, 2), (0, 0)),
    (7, 13, 8, 33, 70, (2, 2), (2, 1)),
    (1, 5, 12, 20, 65, (2, 2), (3, 0)),
    (2, 8, 7, 16, 33, (1, 1), (0, 1)),
    (4, 7, 11, 18, 24, (3, 1), (1, 0)),
    (70, 6, 6, 16, 16, (2, 2), (1, 1)),
    (1, 1, 1, 16, 16, (2, 2), (2, 2)),
]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
PASSES = ("conv2d", "conv2d_input_grad", "conv2d_weight_grad")


@pytest.fixture
def always(monkeypatch):
    """No batch is too small, no weight too large; returns how often the rule has been used."""
    used = []
    monkeypatch.setattr(winograd, "FEWEST", 1)
    monkeypatch.setattr(winograd, "NARROW", 16)
    monkeypatch.setattr(winograd, "LARGEST", 1 << 40)
    spy_on(monkeypatch, used)
    return used


def spy_on(monkeypatch, used):
    for function in (winograd.convolve, winograd_grad.weight_grad_at_points):
        monkeypatch.setattr(conv, function.__name__, lambda *a, f=function: (used.append(1), f(*a)))


def arrays(shape, dtype, rng):
    """x, W, dy and the biases of y and dx."""
    N, H, W, Ci, Co, stride, padding = shape
    new = lambda *shape: rng.standard_normal(shape).astype(dtype)
    out = (kernels.conv_output_size(size, 2 * s, s, p) for size, s, p in zip((H, W), stride, padding))
    return new(N, H, W, Ci), new(2 * stride[0], 2 * stride[1], Ci, Co), new(N, *out, Co), new(Co), new(Ci)


def calls(shape, x, weight, dy, bias, bias_x):
    """Keyword arguments and all, for each of the passes."""
    how = {"stride": shape[5], "padding": shape[6]}
    return [
        ("conv2d", (x, weight), {**how, "bias": bias, "slope": 0.2}),
        ("conv2d_input_grad", (dy, weight), {**how, "x_shape": x.shape, "bias": bias_x, "slope": 0.2}),
        ("conv2d_weight_grad", (x, dy), {**how, "kernel_size": weight.shape[:2]}),
    ]


@DTYPES
@shapes
def test_every_pass_is_its_twin_on_one_and_two_threads(shape, dtype, rng, always):
    for name, args, how in calls(shape, *arrays(shape, dtype, rng)):
        k, bits = kernels.KERNELS[name], []
        expected = k.twin(*args, **how)
        for n in (1, MOST):
            pool.set_num_threads(n)
            made = k(*args, **how)
            tolerance = (1e-12 if dtype == np.float64 else 1e-5) * np.abs(expected).max()
            np.testing.assert_allclose(made, expected, rtol=0, atol=tolerance)
            assert made.dtype == dtype
            bits.append(made.tobytes())
        assert bits[0] == bits[1]
    assert len(always) == 6


@shapes
def test_the_gradients_are_the_derivatives(shape, rng, always):
    """<conv2d(x, W), dy> is linear in each: all three passes must give the same number."""
    x, weight, dy, *_ = arrays(shape, np.float64, rng)
    how = {"stride": shape[5], "padding": shape[6]}
    y = kernels.conv2d(x, weight, **how)
    dx = kernels.conv2d_input_grad(dy, weight, x_shape=x.shape, **how)
    dW = kernels.conv2d_weight_grad(x, dy, kernel_size=weight.shape[:2], **how)
    expected = np.vdot(y, dy)
    scale = np.linalg.norm(y) * np.linalg.norm(dy)
    assert abs(np.vdot(x, dx) - expected) < 1e-12 * scale
    assert abs(np.vdot(weight, dW) - expected) < 1e-12 * scale
    assert len(always) == 3


@DTYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_seen_in_the_same_places(bad, dtype, rng, always):
    """An image's, exactly there in y and dx; in dW, and where a weight is bad (padding takes part), at least there."""
    shape = (3, 9, 8, 16, 32, (2, 2), (1, 1))
    given = arrays(shape, dtype, rng)
    for which, n in itertools.product(range(3), range(4)):
        broken = [a.copy() for a in given]
        broken[which].flat[rng.integers(broken[which].size)] = bad
        if n == 3:
            broken[which][-1, -1, -1] = bad  # the last row and column of tiles
        for name, args, how in calls(shape, *broken):
            with np.errstate(invalid="ignore"):
                expected = np.isfinite(kernels.KERNELS[name].twin(*args, **how))
            made = np.isfinite(kernels.KERNELS[name](*args, **how))
            assert not made[~expected].any()
            if name != "conv2d_weight_grad" and which != 1:
                np.testing.assert_array_equal(made, expected)
    assert len(always) == 36


def test_all_points_of_the_rule_in_one_dimension():
    """The drawing at the top of the file, in numbers."""
    x, w = np.array([3.0, 5, 7]), np.array([2.0, 11])
    m = np.array([x[0] - x[1], x[1], x[2] - x[1]]) * np.array([w[0], w[0] + w[1], w[1]])
    assert [m[0] + m[1], m[1] + m[2]] == [x[0] * w[0] + x[1] * w[1], x[1] * w[0] + x[2] * w[1]]


def test_seven_outputs_take_eleven_products():
    for plan in (winograd.forward_plan(14, 14, (2, 2), (1, 1)), winograd.input_grad_plan(14, 14, (2, 2), (1, 1))):
        assert plan.tiles == 16
        assert plan.wanted.sum((0, 2)).tolist() == [11 * 11] * plan.wanted.shape[1]
    assert winograd.forward_plan(16, 16, (2, 2), (1, 1)).wanted.sum() == 12 * 12


def test_weight_gradient_of_few_tiles_at_a_time(rng, always, monkeypatch):
    """Points that no tile of the first ones wants; shares of a batch."""
    monkeypatch.setattr(winograd_grad, "SHARES", 3)
    shape = (90, 5, 5, 16, 20, (2, 2), (1, 1))
    for name, args, how in calls(shape, *arrays(shape, np.float64, rng)):
        made, expected = kernels.KERNELS[name](*args, **how), kernels.KERNELS[name].twin(*args, **how)
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_it_is_used_where_it_pays_and_nowhere_else(rng, monkeypatch):
    used = []
    spy_on(monkeypatch, used)
    dcgan, other = (
        (64, 14, 14, 64, 128, (2, 2), (1, 1)),
        [
            (2, 14, 14, 64, 128, (2, 2), (1, 1)),  # a small batch
            (64, 14, 14, 16, 64, (2, 2), (1, 1)),  # few channels
            (64, 8, 8, 128, 256, (2, 2), (1, 1)),
        ],
    )  # a large weight
    for shape, times in ((dcgan, 3), *((shape, 0) for shape in other)):
        for name, args, how in calls(shape, *arrays(shape, np.float32, rng)):
            kernels.KERNELS[name](*args, **how)
        assert len(used) == times
        used.clear()
    x, weight = rng.standard_normal((64, 14, 14, 32)), rng.standard_normal((3, 3, 32, 32))
    kernels.conv2d(x, weight, stride=(2, 2), padding=(1, 1))  # another kernel
    assert not used
