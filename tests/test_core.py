"""Paths, shapes, orders: what the contract of `core` promises."""

import numpy as np
import pytest

from scratchgan import Sequential
from scratchgan.core import OrderError, ShapeError
from scratchgan.layers import (
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    LeakyReLU,
    Reshape,
    Tanh,
    UpsampleNearest2D,
)


def test_paths_of_parameters_and_gradients(rng):
    inner = Sequential([Dense(3, 2, rng=rng), BatchNorm(2)])
    net = Sequential([Dense(2, 3, rng=rng), Tanh(), inner])
    assert [path for path, _ in net.parameters()] == ["0.W", "0.b", "2.0.W", "2.0.b", "2.1.gamma", "2.1.beta"]
    assert [path for path, _ in net.gradients()] == [path for path, _ in net.parameters()]
    assert [path for path, _ in net.buffers()] == ["2.1.mean", "2.1.var"]
    assert dict(net.parameters())["2.0.W"] is inner[0].params["W"]


def test_error_names_path_expected_got_and_the_layer_before(rng):
    net = Sequential([Conv2D(1, 1, kernel_size=4, stride=2, padding=1, rng=rng), LeakyReLU(0.2)])
    net.layers.append(Conv2D(64, 128, kernel_size=4, stride=2, padding=1, rng=rng))
    net.set_path("D")
    with pytest.raises(ShapeError) as error:
        net.forward(np.zeros((32, 28, 28, 1), np.float32), train=True)
    assert 'Conv2D "D.2" expects images (N, H, W, 64), got (32, 14, 14, 1)' in str(error.value)
    assert 'the layer before it, LeakyReLU "D.1", gives (N, 14, 14, 1)' in str(error.value)


def test_shapes_are_checked_when_a_net_is_built(rng):
    with pytest.raises(ShapeError, match=r'Dense "1" expects vectors \(N, 4\), got \(N, 3\): the layer before it'):
        Sequential([Dense(2, 3, rng=rng), Dense(4, 1, rng=rng)])
    with pytest.raises(ShapeError, match="expects 12 entries per sample"):
        Sequential([Dense(2, 10, rng=rng), Reshape((2, 3, 2))])
    with pytest.raises(ShapeError, match='Conv2D "0" expects images'):
        Sequential([Conv2D(3, 4, kernel_size=3, rng=rng)], input_shape=(8, 8, 1))
    with pytest.raises(ShapeError, match="of at least 5 pixels per side"):
        Sequential([Conv2D(3, 4, kernel_size=5, rng=rng)], input_shape=(4, 8, 3))
    # without an input shape, what can be known is checked: channels, here, and not the flattened length
    Sequential([Conv2D(1, 4, kernel_size=3, rng=rng), Flatten(), Dense(999, 1, rng=rng)])
    with pytest.raises(ShapeError, match="the layer before it"):
        Sequential([Conv2D(1, 4, kernel_size=3, rng=rng), Conv2D(5, 4, kernel_size=3, rng=rng)])


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda rng: Dense(4, 3, rng=rng), (2, 5)),
        (lambda rng: Dense(4, 3, rng=rng), (2, 2, 4)),
        (lambda rng: Conv2D(2, 3, kernel_size=3, rng=rng), (1, 5, 5, 3)),
        (lambda rng: Conv2D(2, 3, kernel_size=3, rng=rng), (1, 2, 5, 2)),
        (lambda rng: Conv2D(2, 3, kernel_size=3, rng=rng), (5, 5, 2)),
        (lambda rng: ConvTranspose2D(2, 3, kernel_size=3, rng=rng), (1, 5, 5, 3)),
        (lambda rng: ConvTranspose2D(2, 3, kernel_size=1, padding=1, rng=rng), (1, 2, 2, 2)),
        (lambda rng: BatchNorm(3), (4, 2)),
        (lambda rng: Reshape((2, 3)), (4, 7)),
        (lambda rng: AveragePool2D(3), (4, 2, 2, 1)),
        (lambda rng: UpsampleNearest2D(2), (4, 2)),
    ],
    ids=lambda v: str(v) if isinstance(v, tuple) else "",
)
def test_every_layer_refuses_a_wrong_shape(make, shape, rng):
    layer = make(rng)
    with pytest.raises(ShapeError, match=f"{type(layer).__name__} expects .* got "):
        layer.forward(np.zeros(shape, np.float32), train=True)


def test_wrong_types(rng):
    layer = Dense(2, 3, rng=rng)
    with pytest.raises(TypeError, match="expects a NumPy array, got list"):
        layer.forward([[1.0, 2.0]], train=True)
    with pytest.raises(TypeError, match="float32 or float64, got int64"):
        layer.forward(np.ones((1, 2), np.int64), train=True)
    with pytest.raises(TypeError, match=r"float32 parameters, got float64 input: use x.astype\(np.float32\)"):
        layer.forward(np.ones((1, 2)), train=True)
    with pytest.raises(TypeError, match="must be a Layer, got function"):
        Sequential([Dense(2, 3, rng=rng), lambda x: x])
    with pytest.raises(TypeError, match=r"numpy.random.Generator"):
        Dense(2, 3, rng=0)
    with pytest.raises(TypeError, match="Dropout in training: rng must be"):
        Dropout(0.5).forward(np.ones((2, 2)), train=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda rng: Dense(0, 3, rng=rng), "Dense: Di must be an integer of at least 1, got 0"),
        (lambda rng: Dense(2, 2.5, rng=rng), "Dense: Do must be an integer of at least 1, got 2.5"),
        (lambda rng: Conv2D(1, 1, kernel_size=(1, 2, 3), rng=rng), "kernel_size must be an integer or a pair"),
        (
            lambda rng: Conv2D(1, 1, kernel_size=3, padding=-1, rng=rng),
            "padding must be an integer of at least 0, got -1",
        ),
        (lambda rng: ConvTranspose2D(1, 1, kernel_size=3, stride=2, output_padding=2, rng=rng), "smaller than stride"),
        (lambda rng: LeakyReLU(1.5), r"slope must be a number in \[0, 1\], got 1.5"),
        (lambda rng: Dropout(1.0), r"rate must be a number in \[0, 1\), got 1.0"),
        (lambda rng: Dense(2, 2, init="hee", rng=rng), "unknown initializer 'hee', did you mean 'he'?"),
    ],
)
def test_bad_arguments_are_named(build, message, rng):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        build(rng)


def test_the_same_layer_twice_is_refused(rng):
    layer = Dense(2, 2, rng=rng)
    with pytest.raises(ValueError, match="twice"):
        Sequential([layer, Tanh(), layer])
    with pytest.raises(ValueError, match="twice"):
        Sequential([layer, Sequential([layer])])


def test_tangent_paths_are_checked(rng):
    net = Sequential([Dense(2, 3, rng=rng), Tanh()])
    x = np.ones((4, 2), np.float32)
    _, cache = net.forward(x, train=True)
    with pytest.raises(ValueError, match=r"no parameter '0.w'; it has 0.W, 0.b"):
        net.tangent(x, cache, {"0.w": np.ones((2, 3))})
    with pytest.raises(ShapeError, match=r"tangent of '0.W' must have the shape \(2, 3\), got \(3, 2\)"):
        net.tangent(x, cache, {"0.W": np.ones((3, 2))})


def test_tangent_backward_belongs_to_the_latest_backward(rng):
    net = Sequential([Dense(3, 4, rng=rng), Tanh(), Dense(4, 2, rng=rng)]).astype(np.float64)
    x, tx = rng.standard_normal((2, 5, 3))
    first, second = rng.standard_normal((2, 5, 2))
    _, cache = net.forward(x, train=True)
    with pytest.raises(OrderError):
        net.tangent_backward(None, cache)
    net.backward(first, cache, param_grads=False)
    net.tangent(tx, cache)
    net.backward(second, cache, param_grads=False)
    late = net.tangent_backward(None, cache)
    _, cache = net.forward(x, train=True)
    net.backward(second, cache, param_grads=False)
    net.tangent(tx, cache)
    np.testing.assert_array_equal(late, net.tangent_backward(None, cache))


def test_input_grad_false_skips_only_the_first_layer(rng):
    net = Sequential([Dense(3, 4, rng=rng), Tanh(), Dense(4, 2, rng=rng)])
    x = rng.standard_normal((5, 3)).astype(np.float32)
    y, cache = net.forward(x, train=True)
    net.backward(np.ones_like(y), cache)
    full = [g.copy() for _, g in net.gradients()]
    net.zero_grads()
    assert net.backward(np.ones_like(y), cache, input_grad=False) is None
    for (_, g), expected in zip(net.gradients(), full, strict=True):
        np.testing.assert_array_equal(g, expected)


def test_conv_transpose_is_exactly_the_adjoint_of_conv(rng):
    """<Conv x, y> = <x, ConvT y> with the same weight."""
    for k, s, p, size in ((4, 2, 1, 8), (3, 1, 0, 6), (5, 3, 2, 10), (2, 3, 0, 8)):
        conv = Conv2D(3, 5, kernel_size=k, stride=s, padding=p, bias=False, rng=rng, dtype=np.float64)
        out = conv.output_shape((size, size, 3))[0]
        rest = size - ((out - 1) * s - 2 * p + k)
        back = ConvTranspose2D(
            5, 3, kernel_size=k, stride=s, padding=p, output_padding=rest, bias=False, rng=rng, dtype=np.float64
        )
        assert back.params["W"].shape == conv.params["W"].shape
        back.params["W"][...] = conv.params["W"]
        x, y = rng.standard_normal((2, size, size, 3)), rng.standard_normal((2, out, out, 5))
        left = np.sum(conv.forward(x, train=True)[0] * y)
        assert np.sum(x * back.forward(y, train=True)[0]) == pytest.approx(left, rel=1e-12)


def test_batchnorm_statistics_and_modes(rng):
    layer = BatchNorm(3, dtype=np.float64)
    x = 5 + 2 * rng.standard_normal((40, 2, 2, 3))
    y, _ = layer.forward(x, train=True)
    rows = x.reshape(-1, 3)
    np.testing.assert_allclose(y.reshape(-1, 3).mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.reshape(-1, 3).var(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(layer.state["mean"], 0.1 * rows.mean(axis=0))
    np.testing.assert_allclose(layer.state["var"], 0.9 + 0.1 * rows.var(axis=0, ddof=1))
    before = {name: a.copy() for name, a in layer.state.items()}
    y, _ = layer.forward(x, train=False)
    np.testing.assert_allclose(y, (x - before["mean"]) / np.sqrt(before["var"] + 1e-5))
    for name, a in before.items():
        np.testing.assert_array_equal(layer.state[name], a)
    with pytest.raises(ValueError, match="at least 2 entries per channel"):
        layer.forward(x[:1, :1, :1], train=True)


def test_dropout_keeps_the_mean_and_the_mask(rng):
    layer = Dropout(0.25)
    x = np.ones((200, 100))
    y, cache = layer.forward(x, train=True, rng=rng)
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert y.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(layer.backward(x, cache), y)
    assert layer.forward(x, train=False)[0] is x
