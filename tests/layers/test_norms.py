"""The normalisations: what they normalise, modes, and what they refuse.  (Their derivatives: the registry.)"""

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.core import ShapeError
from scratchgan.gradcheck import check
from scratchgan.layers import BatchNorm, Conv2D, GroupNorm, InstanceNorm, LayerNorm, LeakyReLU, PixelNorm

PER_SAMPLE = [
    (lambda **kw: LayerNorm((3, 4, 6), **kw), (1, 2, 3)),
    (lambda **kw: InstanceNorm(6, **kw), (1, 2)),
]


@pytest.mark.parametrize(("make", "axes"), PER_SAMPLE, ids=["layer", "instance"])
def test_mean_zero_and_variance_one_over_the_group(make, axes, rng):
    x = 5 + 3 * rng.standard_normal((2, 3, 4, 6))
    y, _ = make(dtype=np.float64).forward(x, train=True)
    np.testing.assert_allclose(y.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=axes), 1, rtol=1e-5)


def test_groupnorm_is_layernorm_at_one_end_and_instancenorm_at_the_other(rng):
    x = rng.standard_normal((2, 3, 4, 6))
    run = lambda layer: layer.forward(x, train=True)[0]
    np.testing.assert_allclose(run(GroupNorm(1, 6, affine=False)), run(LayerNorm((3, 4, 6), affine=False)), rtol=1e-12)
    np.testing.assert_array_equal(run(GroupNorm(6, 6, affine=False)), run(InstanceNorm(6, affine=False)))
    y = run(GroupNorm(3, 6, affine=False))
    for g in range(3):
        part = x[..., 2 * g : 2 * g + 2]
        mean, var = (s(part, axis=(1, 2, 3), keepdims=True) for s in (np.mean, np.var))
        np.testing.assert_allclose(y[..., 2 * g : 2 * g + 2], (part - mean) / np.sqrt(var + 1e-5), rtol=1e-12)


def test_pixelnorm_by_hand():
    x = np.array([[3.0, 4.0]])  # mean square 12.5
    layer = PixelNorm()
    y, cache = layer.forward(x, train=True)
    np.testing.assert_allclose(y, x / np.sqrt(12.5 + 1e-8), rtol=1e-15)
    assert layer.parameters() == []
    # dy along y is turned away, up to eps; dy across it is divided by the length (PixelNorm.2)
    np.testing.assert_allclose(layer.backward(y, cache), 0, atol=1e-8)
    across = np.array([[-4.0, 3.0]])
    np.testing.assert_allclose(layer.backward(across, cache), across / np.sqrt(12.5), rtol=1e-8)
    assert layer.forward(np.zeros((1, 2)), train=True)[0].tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("make", "default"),
    [
        (lambda *eps: LayerNorm(4, **dict(eps)), 1e-5),
        (lambda *eps: PixelNorm(**dict(eps)), 1e-8),
        (lambda *eps: BatchNorm(4, **dict(eps)), 1e-5),
        (lambda *eps: GroupNorm(2, 4, **dict(eps)), 1e-5),
    ],
    ids=["layer", "pixel", "batch", "group"],
)
def test_eps(make, default):
    assert make().eps == default
    assert make(("eps", 1e-3)).eps == 1e-3
    for bad in (0, -1e-5, "small", 2):
        with pytest.raises(ValueError, match=r"eps must be a number in \(0, 1\]"):
            make(("eps", bad))


def test_eps_counts_where_nothing_varies(rng):
    """A constant group gives beta, and its gradient is that of (x - m(x)) / sqrt(eps)."""
    layer = LayerNorm(3, eps=1e-2, dtype=np.float64)
    layer.params["beta"][...] = [1, 2, 3]
    x, dy = np.full((1, 3), 7.0), rng.standard_normal((1, 3))
    y, cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(y, [[1, 2, 3]])
    np.testing.assert_allclose(layer.backward(dy, cache), (dy - dy.mean()) / 0.1, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: BatchNorm(0), "BatchNorm: C must be"),
        (lambda: LayerNorm(()), "at least 2 entries"),
        (lambda: LayerNorm(1), "at least 2 entries"),
        (lambda: LayerNorm((3, 0)), "LayerNorm: shape must be an integer of at least 1"),
        (lambda: LayerNorm(2.0), "LayerNorm: shape must be an integer"),
        (lambda: GroupNorm(0, 4), "GroupNorm: groups must be"),
        (lambda: GroupNorm(3, 4), "groups must divide the 4 channels, got 3"),
        (lambda: GroupNorm(2, "4"), "GroupNorm: C must be"),
        (lambda: InstanceNorm(0), "InstanceNorm: .* must be an integer of at least 1"),
    ],
)
def test_bad_arguments(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: LayerNorm((3, 4)), (2, 4, 3)),
        (lambda: LayerNorm((3, 4)), (2, 4)),
        (lambda: GroupNorm(2, 4), (2, 3, 3, 5)),
        (lambda: GroupNorm(4, 4), (2, 4)),  # a group of one entry is its own mean
        (lambda: InstanceNorm(4), (2, 1, 1, 4)),
        (lambda: InstanceNorm(4), (2, 3, 3, 1)),
        (lambda: PixelNorm(), (2,)),
    ],
    ids=lambda v: str(v) if isinstance(v, tuple) else "",
)
def test_wrong_shapes(make, shape):
    with pytest.raises(ShapeError, match=r"expects .* got "):
        make().forward(np.zeros(shape, np.float32), train=True)


def test_a_misfit_is_found_at_construction(rng):
    with pytest.raises(ShapeError, match=r'LayerNorm "1" expects .*14, 14, 8.*Conv2D "0"'):
        Sequential(
            [Conv2D(1, 4, kernel_size=4, stride=2, padding=1, rng=rng), LayerNorm((14, 14, 8))], input_shape=(28, 28, 1)
        )
    with pytest.raises(ShapeError, match="GroupNorm"):
        Sequential([Conv2D(1, 4, kernel_size=3, rng=rng), GroupNorm(2, 8)])  # channels are known without a size


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (LayerNorm(4), (2, 4)),
        (InstanceNorm(3), (2, 2, 2, 3)),
        (GroupNorm(2, 4), (2, 2, 2, 4)),
        (PixelNorm(), (2, 4)),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, tuple) else "",
)
def test_per_sample_layers_do_not_couple_and_know_no_mode(layer, shape, rng):
    layer = layer.astype(np.float64)
    x = rng.standard_normal(shape)
    (y, in_training), (same, in_evaluation) = (layer.forward(x, train=train) for train in (True, False))
    np.testing.assert_array_equal(y, same)
    np.testing.assert_array_equal(layer.forward(x[:1], train=True)[0], y[:1])
    assert not any([layer.couples_samples, in_training.couples, in_evaluation.couples])
    dy = rng.standard_normal(shape)
    np.testing.assert_array_equal(layer.backward(dy, in_training), layer.backward(dy, in_evaluation))
    assert layer.buffers() == []


def test_the_cache_says_whether_batchnorm_coupled(rng):
    layer, x = BatchNorm(2), rng.standard_normal((4, 2)).astype(np.float32)
    assert layer.couples_samples
    assert layer.forward(x, train=True)[1].couples
    assert not layer.forward(x, train=False)[1].couples


def test_mixed_modes(rng):
    """The backward belongs to the call that made the cache, whatever was called since."""
    layer = BatchNorm(3, dtype=np.float64)
    layer.state["var"][...] = rng.uniform(0.5, 1.5, 3)
    x, dy = rng.standard_normal((2, 6, 3))
    _, evaluated = layer.forward(x, train=False)
    scale = 1 / np.sqrt(layer.state["var"] + 1e-5)
    y, trained = layer.forward(x, train=True)
    np.testing.assert_allclose(layer.backward(dy, evaluated), dy * scale, rtol=1e-12)
    r = 1 / np.sqrt(x.var(axis=0) + 1e-5)
    np.testing.assert_allclose(
        layer.backward(dy, trained), r * (dy - dy.mean(axis=0) - y * (y * dy).mean(axis=0)), rtol=1e-10
    )


def test_none_of_the_passes_is_spoilt_by_a_missing_backward_of_x(rng):
    """tangent_backward makes dx itself if backward did not."""
    layer = LayerNorm(4, dtype=np.float64)
    layer.params["gamma"][...] = rng.standard_normal(4)
    x, dy, tx = rng.standard_normal((3, 5, 4))
    results = []
    for input_grad in (True, False):
        _, cache = layer.forward(x, train=True)
        layer.backward(dy, cache, input_grad=input_grad)
        layer.tangent(tx, cache)
        results.append(layer.tangent_backward(None, cache))
    np.testing.assert_array_equal(*results)


def test_empty_batch():
    for layer, shape in (
        (LayerNorm((2, 3)), (0, 2, 3)),
        (InstanceNorm(3), (0, 2, 2, 3)),
        (GroupNorm(1, 2), (0, 2)),
        (PixelNorm(), (0, 2, 2, 3)),
        (GroupNorm(2, 4), (0, 3, 3, 4)),
    ):
        x = np.zeros(shape, np.float32)
        y, cache = layer.forward(x, train=True)
        dx, ty = layer.backward(y, cache), layer.tangent(x, cache)
        tdx = layer.tangent_backward(y, cache)
        assert [a.shape for a in (y, dx, ty, tdx)] == [shape] * 4
        assert all((g == 0).all() for _, g in layer.gradients())


@pytest.mark.parametrize(
    "make",
    [
        lambda: LayerNorm((14, 14, 16)),
        lambda: InstanceNorm(16),
        lambda: GroupNorm(4, 16),
        lambda: PixelNorm(),
    ],
    ids=["layer", "instance", "group", "pixel"],
)
def test_float32_is_as_good_as_its_digits(make, rng):
    """At a real size, with a mean far from zero."""
    x = (10 + rng.standard_normal((2, 14, 14, 16))).astype(np.float32)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    single, double = make(), make().astype(np.float64)
    y, cache = single.forward(x, train=True)
    exact, exact_cache = double.forward(x.astype(np.float64), train=True)
    np.testing.assert_allclose(y, exact, atol=1e-5)
    dx = double.backward(dy.astype(np.float64), exact_cache)
    np.testing.assert_allclose(single.backward(dy, cache), dx, atol=1e-5)


def test_a_critic_with_layernorm_has_all_derivatives(rng):
    critic = Sequential(
        [
            Conv2D(1, 2, kernel_size=3, rng=rng),
            LayerNorm((3, 2, 2)),
            LeakyReLU(0.2),
            Conv2D(2, 1, kernel_size=2, rng=rng),
            InstanceNorm(1),
        ],
        input_shape=(5, 4, 1),
    )
    report = check(critic, rng.standard_normal((2, 5, 4, 1)))
    assert report.ok, str(report)


class ForgetsTheMean(LayerNorm):
    """The gradient through the mean left out."""

    def project(self, v, cache):
        return cache.r * (v - cache.xhat * self.mean_dot(cache.xhat, v))


class ForgetsTr(GroupNorm):
    """The second derivative without the change of r."""

    def tangent_backward(self, tdy, cache, **kw):
        cache.tx = None if cache.tx is None else np.zeros_like(cache.tx)
        return super().tangent_backward(tdy, cache, **kw)


@pytest.mark.parametrize(("bug", "shape"), [(lambda: ForgetsTheMean(4), (3, 4)), (lambda: ForgetsTr(2, 8), (3, 8))])
def test_checks_catch(bug, shape, rng):
    report = check(bug(), rng.standard_normal(shape))
    assert report.max_error > 1e-3


def test_repr():
    assert repr(LayerNorm((2, 3))) == "LayerNorm((2, 3))"
    assert repr(GroupNorm(2, 4, affine=False)) == "GroupNorm(2, 4, affine=False)"
    assert repr(InstanceNorm(4)) == "InstanceNorm(4)"
    assert repr(PixelNorm()) == "PixelNorm()"
