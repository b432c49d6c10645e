"""What the base classes promise, to those who extend them and to those who make mistakes."""

import numpy as np
import pytest

from scratchgan import GAN, Layer, Sequential
from scratchgan.core import Cache, OrderError, ShapeError
from scratchgan.dynamics import jacobian_vector, vector_field
from scratchgan.families import Bilinear, Elementwise, LinearMap, Product
from scratchgan.gradcheck.cases import LAYERS
from scratchgan.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, LeakyReLU, MatMul, Tanh
from scratchgan.losses import Loss, Pointwise
from scratchgan.optim import SGD, Optimizer
from scratchgan.penalties import Penalty

ABSTRACT = {
    Layer: {"forward": 1, "backward": 2, "tangent": 2, "tangent_backward": 2, "output_shape": 1},
    Bilinear: {"apply": 2, "adjoint": 3, "weight_grad": 2},
    Elementwise: {"phi": 1, "dphi": 2, "d2phi": 2},
    LinearMap: {"apply": 2, "adjoint": 2},
    Product: {"apply": 2, "adjoint_a": 3, "adjoint_b": 3},
    Loss: {"discriminator": 2, "generator": 1, "discriminator_tangent": 4, "generator_tangent": 2},
    Pointwise: {"real_term": 1, "fake_term": 1, "generator_term": 1},
    Penalty: {"__call__": 1},
}


@pytest.mark.parametrize(
    ("base", "name", "arguments"), [(base, name, n) for base, names in ABSTRACT.items() for name, n in names.items()]
)
def test_a_forgotten_method_is_named(base, name, arguments):
    mine = type("Mine", (base,), {})()
    keywords = {"train": True} if name == "forward" else {}
    with pytest.raises(NotImplementedError) as error:
        getattr(mine, name)(*[None] * arguments, **keywords)
    assert str(error.value) == f"Mine must define {name}"


def test_a_forgotten_update_is_named(rng):
    net = Dense(1, 1, rng=rng)
    with pytest.raises(NotImplementedError, match=r"^Optimizer must define update$"):
        Optimizer(net, 0.1).step()


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_every_pass_checks_what_it_is_given(case, rng):
    layer = case.build(rng).astype(np.float64)
    x = case.input(rng)
    y, cache = layer.forward(x, train=case.train, rng=np.random.default_rng(3))
    with pytest.raises(ValueError, match=f"{type(layer).__name__} has no parameter 'nosuch'"):
        layer.tangent(x, cache, {"nosuch": x})
    layer.backward(np.ones_like(y), cache)
    layer.tangent(x, cache)
    with pytest.raises(ShapeError, match=f"{type(layer).__name__}: tdy must have the shape"):
        layer.tangent_backward(np.ones((1, *y.shape)), cache)
    with pytest.raises(TypeError, match=f"{type(layer).__name__}: tdy must be a NumPy array, got list"):
        layer.tangent_backward([1.0], cache)
    with pytest.raises(TypeError, match=f"{type(layer).__name__}: dy must be a NumPy array, got NoneType"):
        layer.backward(None, cache)
    with pytest.raises(ShapeError, match=f"{type(layer).__name__}: tx must have the shape"):
        layer.tangent(np.ones((1, *x.shape)), cache)


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_the_defaults_ask_for_everything(case, rng):
    """backward without keywords adds parameter gradients and returns dx; input_grad=False returns None, everywhere."""
    layer = case.build(rng).astype(np.float64)
    x = case.input(rng)
    y, cache = layer.forward(x, train=case.train, rng=np.random.default_rng(3))
    dy = rng.standard_normal(y.shape)
    assert layer.backward(dy, cache).shape == x.shape
    plain = [g.copy() for _, g in layer.gradients()]
    layer.zero_grads()
    layer.backward(dy, cache, param_grads=True, input_grad=True)
    for (_, g), expected in zip(layer.gradients(), plain, strict=True):
        np.testing.assert_array_equal(g, expected)
    layer.tangent(rng.standard_normal(x.shape), cache)
    assert layer.tangent_backward(rng.standard_normal(y.shape), cache).shape == x.shape
    assert layer.tangent_backward(rng.standard_normal(y.shape), cache, input_grad=False) is None


def test_sequential_checks_before_its_layers_do(rng):
    net = Sequential([Tanh(), Dense(2, 3, rng=rng)])
    net.set_path("G")
    x = np.ones((4, 2), np.float32)
    y, cache = net.forward(x, train=True)
    for call, name in ((lambda: net.backward(x, cache), "dy"), (lambda: net.tangent(y, cache), "tx")):
        with pytest.raises(ShapeError, match=f'^Sequential "G": {name} must have the shape'):
            call()
    with pytest.raises(OrderError, match=r'^Sequential "G": tangent_backward needs backward and tangent'):
        net.tangent_backward(None, cache)
    net.backward(y, cache)
    with pytest.raises(OrderError, match="needs tangent on the same cache"):
        net.tangent_backward(None, cache)
    net.tangent(x, cache)
    with pytest.raises(ShapeError, match=r'^Sequential "G": tdy must have the shape'):
        net.tangent_backward(x, cache)


def test_speed_the_first_layer_takes_no_adjoint_that_nobody_reads(rng, monkeypatch):
    """With input_grad=False, in the second and in the fourth pass; that the results are right, others test."""
    net = Sequential([Dense(2, 3, rng=rng), Tanh(), Dense(3, 1, rng=rng)])
    calls = []
    adjoint = Dense.adjoint
    monkeypatch.setattr(Dense, "adjoint", lambda self, *a: calls.append(self.path) or adjoint(self, *a))
    x = rng.standard_normal((4, 2)).astype(np.float32)
    y, cache = net.forward(x, train=True)
    net.backward(y, cache, input_grad=False)
    net.tangent(x, cache)
    net.tangent_backward(y, cache, input_grad=False)
    assert "0" not in calls
    net.tangent_backward(y, cache)
    assert "0" in calls  # the adjoint is counted where it is taken


def test_an_empty_sequential_is_the_identity(rng):
    net, x = Sequential([]), rng.standard_normal((2, 3))
    y, cache = net.forward(x, train=True)
    assert y is x
    assert net.backward(x, cache) is x
    assert net.backward(x, cache, input_grad=False) is None
    assert net.kink_distance(cache) == np.inf
    assert len(net) == 0


def test_repr_and_shapes_in_messages(rng):
    net = Sequential([Conv2D(1, 2, kernel_size=3, rng=rng), LeakyReLU(0.2), Flatten()])
    assert repr(net) == (
        "Sequential([\n  0: Conv2D(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0)),"
        "\n  1: LeakyReLU(0.2),\n  2: Flatten(),\n])"
    )
    assert repr(Dense(2, 3, bias=False, rng=rng)) == "Dense(2, 3, bias=False)"
    with pytest.raises(ShapeError, match=r"gives \(N, \?, \?, 2\)$"):
        Sequential([Conv2D(1, 2, kernel_size=3, rng=rng), Conv2D(3, 2, kernel_size=3, rng=rng)])
    assert str(Dense(2, 3, rng=rng).misfit("one", None)) == "Dense expects one, got an unknown shape"
    assert str(Dense(2, 3, rng=rng).misfit("one", (4, None))) == "Dense expects one, got (N, 4, ?)"


def test_product_checks_its_pair(rng):
    product = MatMul()
    a, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    y, cache = product.forward((a, b), train=True)
    assert isinstance(cache, Cache)
    assert cache.train is True
    np.testing.assert_allclose(y, a @ b)
    with pytest.raises(TypeError, match="float32"):
        product.forward((a, b.astype(np.float32)), train=True)
    with pytest.raises(TypeError, match="list"):
        product.forward((a, [1.0]), train=True)
    product.backward(y, cache)
    product.tangent((a, None), cache)
    with pytest.raises(ShapeError, match="tdy must have the shape"):
        product.tangent_backward(y[:1], cache)


def dropout_gan():
    rng = np.random.default_rng(0)
    make = lambda i, o: Sequential(
        [Dense(i, 6, rng=rng, dtype=np.float64), Dropout(0.4), Tanh(), Dense(6, o, rng=rng, dtype=np.float64)]
    )
    G, D = make(3, 2), make(2, 1)
    return GAN(G, D, latent_dim=3, data_shape=(2,), g_optimizer=SGD(G), d_optimizer=SGD(D), seed=0)


def test_jacobian_vector_is_linear_and_leaves_no_gradient_in_d(rng):
    gan = dropout_gan()
    real, Z = rng.standard_normal((5, 2)), rng.standard_normal((5, 3))
    tD = {path: rng.standard_normal(w.shape) for path, w in gan.D.parameters()}
    tG = {path: rng.standard_normal(w.shape) for path, w in gan.G.parameters()}

    def jvp(tD, tG):
        gan.streams["layers"] = np.random.default_rng(1)  # the same dropout masks each time
        return [g for part in jacobian_vector(gan, real, Z, tD, tG) for g in part.values()]

    both, only_d, only_g, nothing = jvp(tD, tG), jvp(tD, {}), jvp({}, tG), jvp({}, {})
    for a, d, g, zero in zip(both, only_d, only_g, nothing, strict=True):
        np.testing.assert_allclose(a, d + g, rtol=1e-10, atol=1e-14)
        np.testing.assert_array_equal(zero, 0)
    assert max(np.abs(a).max() for a in only_d) > 0
    assert all((g == 0).all() for _, g in gan.D.gradients())
    with pytest.raises(ValueError, match="no parameter"):
        jvp({"nosuch": 1.0}, {})
    d, g = vector_field(gan, real, Z)
    assert list(d) == list(tD)
    assert list(g) == list(tG)


def test_speed_jacobian_vector_takes_no_adjoint_that_nobody_reads(rng, monkeypatch):
    """One-layer players: none of G; of D one for G's turn, and two for its tangent, that of a product."""
    G, D = (Sequential([Dense(2, n, rng=rng, dtype=np.float64)]) for n in (2, 1))
    gan = GAN(G, D, latent_dim=2, data_shape=(2,), g_optimizer=SGD(G), d_optimizer=SGD(D), seed=0)
    calls = {"adjoint": [], "weight_grad": []}

    def count(name):
        original = getattr(Dense, name)
        monkeypatch.setattr(Dense, name, lambda self, *a: calls[name].append(self.path) or original(self, *a))

    for name in calls:
        count(name)
    real, Z = rng.standard_normal((2, 4, 2))
    tD, tG = ({path: rng.standard_normal(w.shape) for path, w in net.parameters()} for net in (D, G))
    jacobian_vector(gan, real, Z, tD, tG)
    assert "G.0" not in calls["adjoint"]
    assert 0 < calls["adjoint"].count("D.0") <= 3
    # D: x tdy for real; tx dy and x tdy for fakes; the same two again on the way to G; G: x tdy
    assert 0 < calls["weight_grad"].count("D.0") <= 5
    assert calls["weight_grad"].count("G.0") == 1


def test_the_cache_says_whether_samples_are_coupled(rng):
    x = rng.standard_normal((4, 3)).astype(np.float32)
    net = Sequential([Tanh(), Sequential([BatchNorm(3)])])
    assert net.forward(x, train=True)[1].couples is True
    assert net.forward(x, train=False)[1].couples is False


@pytest.mark.parametrize("case", LAYERS, ids=str)
@pytest.mark.parametrize("train", [True, False])
def test_the_cache_holds_the_mode_and_the_input(case, train, rng):
    layer = case.build(rng).astype(np.float64)
    x = case.input(rng)
    y, cache = layer.forward(x, train=train, rng=rng)
    assert cache.train is train
    assert cache.layer is layer
    assert cache.x is x
    assert cache.y_shape == y.shape


def test_messages_of_sequential(rng):
    layer = Tanh()
    with pytest.raises(
        ValueError,
        match=r"^Sequential: the same layer object occurs twice; build a second layer "
        r"instead$",
    ):
        Sequential([layer, layer])
    with pytest.raises(ShapeError) as error:  # the inner net has already said what came before
        Sequential([Flatten(), _Mismatched(rng)])
    assert str(error.value).count("the layer before it") == 1


class _Mismatched(Sequential):
    """A net whose second layer does not fit its first; the check at construction is put off."""

    def __init__(self, rng):
        super().__init__([Dense(3, 2, rng=rng)])
        self.layers.append(Dense(4, 1, rng=rng))


def test_an_empty_sequential_returns_no_tangent_that_nobody_wants(rng):
    net, x = Sequential([]), rng.standard_normal((2, 3))
    _, cache = net.forward(x, train=True)
    net.backward(x, cache)
    net.tangent(x, cache)
    assert net.tangent_backward(x, cache) is x
    assert net.tangent_backward(x, cache, input_grad=False) is None


def test_the_bias_alone_moves_every_output_by_its_tangent(rng):
    for layer, x in (
        (Dense(3, 2, rng=rng), rng.standard_normal((4, 3))),
        (Conv2D(1, 2, kernel_size=2, rng=rng), rng.standard_normal((2, 3, 3, 1))),
    ):
        net = layer.astype(np.float64)
        y, cache = net.forward(x, train=True)
        tb = rng.standard_normal(2)
        ty = net.tangent(None, cache, {"b": tb})
        np.testing.assert_array_equal(ty, np.broadcast_to(tb, y.shape))
        ty += 1  # an array of its own, that may be written to


def test_each_pass_says_its_name_when_it_gets_the_cache_of_another(rng):
    mine, other = Dense(2, 2, rng=rng), Dense(2, 2, rng=rng)
    x = np.ones((3, 2), np.float32)
    _, cache = other.forward(x, train=True)
    for name in ("backward", "tangent", "tangent_backward"):
        with pytest.raises(OrderError) as error:
            getattr(mine, name)(x, cache)
        assert str(error.value) == (
            f"Dense: {name} was given the cache of Dense; use the one that this layer's own forward returned"
        )


def test_messages_of_layer(rng):
    layer = Dense(2, 2, rng=rng)
    with pytest.raises(TypeError) as error:
        layer.astype(np.float16)
    assert str(error.value) == "Dense: astype takes float32 or float64, got float16"
    with pytest.raises(ShapeError) as error:
        layer.check_input(np.array(1, np.float32))
    assert str(error.value) == "Dense expects a batch, got a single number"
    with pytest.raises(ValueError) as error:
        Tanh().check_tparams({"W": np.ones(1)})
    assert str(error.value) == "Tanh has no parameter 'W'; it has none"
    with pytest.raises(TypeError, match="got int64"):
        MatMul().check_input((np.ones((1, 2, 2)), np.ones((1, 2, 2), np.int64)))


def test_speed_an_input_like_the_last_one_is_not_checked_again(rng):
    layer, calls = Dense(2, 1, rng=rng), []
    layer.output_shape = lambda *a, **k: calls.append(a)
    for shape in ((3, 2), (5, 2), (3, 4, 2), (3, 5, 2)):
        layer.check_input(np.ones(shape, np.float32))
    assert len(calls) == 3  # (5, 2) is like (3, 2); the other two are not


def test_distance_to_a_kink_that_is_not_zero():
    class Hat(Elementwise):
        kinks = (1.0,)

        def phi(self, x):
            return np.abs(x - 1)

    layer = Hat()
    _, cache = layer.forward(np.array([[0.25, 4.0]]), train=True)
    assert layer.kink_distance(cache) == 0.75
