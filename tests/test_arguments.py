"""Every constructor names itself and the argument that it refuses; every layer shows what it was made with."""

import numpy as np
import pytest

from scratchgan import layers, optim
from scratchgan.gradcheck.cases import LAYERS
from scratchgan.layers import Dense

RNG = np.random.default_rng(0)
CONV = {"Ci": 2, "Co": 3, "kernel_size": 3, "stride": 2, "padding": 1, "rng": RNG}
GOOD = {
    "Dense": {"Di": 2, "Do": 3, "rng": RNG},
    "Conv2D": CONV,
    "ConvTranspose2D": {**CONV, "output_padding": 1},
    "BatchNorm": {"C": 2, "momentum": 0.1, "eps": 1e-5},
    "LeakyReLU": {"slope": 0.2},
    "ELU": {"alpha": 1.0},
    "Dropout": {"rate": 0.5},
    "AveragePool2D": {"size": 2},
    "UpsampleNearest2D": {"size": 2},
    "MaxPool2D": {"size": 2},
    "UpsampleBilinear2D": {"size": 2},
    "PixelShuffle": {"size": 2},
    "Maxout": {"pieces": 2},
    "MinibatchStd": {"groups": 1, "eps": 1e-8},
    "MinibatchDiscrimination": {"Di": 2, "kernels": 2, "dims": 2, "rng": RNG},
    "Embedding": {"classes": 3, "Z": 2, "rng": RNG},
    "SelfAttention": {"C": 2, "rng": RNG},
    "SpectralNorm": {"iterations": 1, "rng": RNG},
}
OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.5},
    "RMSProp": {"lr": 0.1, "decay": 0.9, "eps": 1e-8},
    "Adam": {"lr": 0.1, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8},
}


@pytest.mark.parametrize(("kind", "argument"), [(k, a) for k, args in GOOD.items() for a in args])
def test_layers_name_the_argument(kind, argument):
    make = getattr(layers, kind)
    if kind == "SpectralNorm":
        make = lambda **kw: layers.SpectralNorm(Dense(2, 2, rng=RNG), **kw)
    make(**GOOD[kind])
    for bad in (-1, "two", None):
        with pytest.raises((ValueError, TypeError), match=f"^{kind}: {argument} must be "):
            make(**{**GOOD[kind], argument: bad})


@pytest.mark.parametrize(("kind", "argument"), [(k, a) for k, args in OPTIMIZERS.items() for a in args])
def test_optimisers_name_the_argument(kind, argument):
    make, net = getattr(optim, kind), Dense(1, 1, rng=RNG)
    make(net, **OPTIMIZERS[kind])
    for bad in (-1, "two", None):
        with pytest.raises(ValueError, match=f"^{kind}: {argument} must be a number in "):
            make(net, **{**OPTIMIZERS[kind], argument: bad})


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimisers_follow_their_schedule(kind):
    net = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    optimizer = getattr(optim, kind)(net, **OPTIMIZERS[kind], schedule=lambda step: 0.0)
    before = net.params["W"].copy()
    net.grads["W"][...] = 1
    optimizer.step()
    np.testing.assert_array_equal(net.params["W"], before)


def test_schedules_by_name():
    for name, half in (("constant", 1.0), ("linear", 0.5), ("cosine", 0.1464466)):
        assert optim.schedule(name, 100)(75) == pytest.approx(half, abs=1e-6)


def test_ema_names_its_decay():
    with pytest.raises(ValueError, match=r"^Ema: decay must be a number in \[0, 1\), got 1"):
        optim.Ema(Dense(1, 1, rng=RNG), 1)


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_repr_can_be_read(case):
    text = repr(case.build(np.random.default_rng(0)))
    assert "None" not in text
    assert "XX" not in text
    assert text.count("(") == text.count(")")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.LayerNorm((2, 3), affine=False), "LayerNorm((2, 3), affine=False)"),
        (layers.InstanceNorm(3, affine=False), "InstanceNorm(3, affine=False)"),
        (layers.GroupNorm(2, 4), "GroupNorm(2, 4)"),
        (layers.Reshape((2, 3)), "Reshape((2, 3))"),
        (
            layers.Conv2D(1, 2, kernel_size=3, bias=False, rng=RNG),
            "Conv2D(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0), bias=False)",
        ),
        (
            layers.ConvTranspose2D(1, 2, kernel_size=3, stride=2, output_padding=1, rng=RNG),
            "ConvTranspose2D(1, 2, kernel_size=(3, 3), stride=(2, 2), padding=(0, 0), output_padding=(1, 1))",
        ),
        (layers.BatchNorm(3), "BatchNorm(3)"),
        (layers.LeakyReLU(0.2), "LeakyReLU(0.2)"),
        (layers.ELU(0.7), "ELU(0.7)"),
        (layers.Dropout(0.5), "Dropout(0.5)"),
        (layers.Tanh(), "Tanh()"),
        (layers.MatMul(), "MatMul()"),
        (layers.MatMul(transpose_b=True), "MatMul(transpose_b=True)"),
        (layers.MaxPool2D(2), "MaxPool2D(2)"),
    ],
    ids=lambda value: "",
)
def test_repr_of(layer, expected):
    assert repr(layer) == expected


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_tangents_add_up_over_the_parameters(case, rng):
    """Moving each parameter alone, and x alone, adds up to moving all at once: no term is lost where some are zero."""
    layer = case.build(rng).astype(np.float64)
    x = case.input(rng)
    y, cache = layer.forward(x, train=case.train, rng=np.random.default_rng(3))
    layer.backward(rng.standard_normal(y.shape), cache, param_grads=False)
    directions = {path: rng.standard_normal(w.shape) for path, w in layer.parameters()}
    tx = rng.standard_normal(x.shape)

    def run(tx, tparams):
        ty = layer.tangent(tx, cache, tparams)
        layer.zero_grads()
        tdx = layer.tangent_backward(None, cache)
        return [np.zeros(1) if a is None else a for a in (ty, tdx)] + [g.copy() for _, g in layer.gradients()]

    together = run(tx, directions)
    parts = [run(tx, None)] + [run(None, {path: t}) for path, t in directions.items()]
    for whole, *each in zip(together, *parts, strict=True):
        np.testing.assert_allclose(sum(each) + np.zeros_like(whole), whole, rtol=1e-9, atol=1e-10)
