"""Arguments of every layer and optimiser: what need not be given, new arrays, the ends of intervals."""

import inspect
import math

import numpy as np
import pytest
from small_layers import conv_t, dense, embedding, new, ones, said, spectral, tells

from scratchgan import initializers, optim
from scratchgan import layers as L
from scratchgan.core import Layer

F32 = np.float32
AFFINE = {"affine": True, "eps": 1e-5, "dtype": F32}
CONV = {"stride": 1, "padding": 0, "bias": True, "init": "he", "dtype": F32}
ARGUMENTS = {  # kind: (what must be given, what need not and what it then is); "rng" and "net" are filled in
    "Dense": ({"Di": 4, "Do": 3, "rng": 0}, {"bias": True, "init": "he", "dtype": F32}),
    "Conv2D": ({"Ci": 2, "Co": 3, "kernel_size": 3, "rng": 0}, CONV),
    "ConvTranspose2D": ({"Ci": 2, "Co": 3, "kernel_size": 3, "rng": 0}, {**CONV, "output_padding": 0}),
    "BatchNorm": ({"C": 3}, {"momentum": 0.1, "eps": 1e-5, "dtype": F32}),
    "LayerNorm": ({"shape": 3}, AFFINE),
    "GroupNorm": ({"groups": 2, "C": 4}, AFFINE),
    "InstanceNorm": ({"C": 3}, AFFINE),
    "PixelNorm": ({}, {"eps": 1e-8}),
    "LeakyReLU": ({}, {"slope": 0.2}),
    "ELU": ({}, {"alpha": 1.0}),
    "Dropout": ({}, {"rate": 0.5}),
    "AveragePool2D": ({}, {"size": 2}),
    "MaxPool2D": ({}, {"size": 2}),
    "UpsampleNearest2D": ({}, {"size": 2}),
    "UpsampleBilinear2D": ({}, {"size": 2}),
    "PixelShuffle": ({}, {"size": 2}),
    "Maxout": ({}, {"pieces": 2}),
    "MatMul": ({}, {"transpose_b": False}),
    "Pack": ({}, {"m": 2}),
    "MinibatchStd": ({}, {"groups": 1, "eps": 1e-8}),
    "MinibatchDiscrimination": ({"Di": 3, "kernels": 2, "dims": 2, "rng": 0}, {"init": "normal", "dtype": F32}),
    "LabelConcat": ({"classes": 3, "Z": 2, "rng": 0}, {"dtype": np.float32}),
    "Projection": ({"C": 2, "classes": 3, "rng": 0}, {"dtype": np.float32}),
    "Embedding": ({"classes": 3, "Z": 2, "rng": 0}, {"init": initializers.normal(1.0), "dtype": F32}),
    "SelfAttention": ({"C": 3, "rng": 0}, {"init": "glorot", "dtype": F32}),
    "SpectralNorm": ({"layer": 0, "rng": 0}, {"iterations": 1}),
    "Concat": ({"branches": 0}, {}),
    "Residual": ({"branch": 0}, {}),
    "Reshape": ({"shape": 6}, {}),
    **{kind: ({}, {}) for kind in ("ReLU", "Tanh", "Sigmoid", "Softplus", "SiLU", "Softmax", "Flatten", "Multiply")},
    "SGD": ({"net": 0}, {"lr": 0.01, "momentum": 0.0, "nesterov": False, "schedule": None}),
    "RMSProp": ({"net": 0}, {"lr": 5e-5, "decay": 0.99, "eps": 1e-8, "schedule": None}),
    "Adam": ({"net": 0}, {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "schedule": None}),
    "Ema": ({"source": 0, "decay": 0.9}, {}),
}
FILL = {"rng": new, "net": dense, "source": dense, "layer": dense, "branch": L.Tanh, "branches": lambda: [L.Tanh()]}


def kind_of(name):
    return getattr(L, name, None) or getattr(optim, name)


def build(name, **given):
    required = {key: FILL.get(key, lambda value=value: value)() for key, value in ARGUMENTS[name][0].items()}
    return kind_of(name)(**{**required, **given})


def traits(thing):
    """All that a constructor settled: numbers and words, and every array with its dtype."""
    parts = thing.walk() if isinstance(thing, Layer) else [("", thing)]
    arrays = dict(thing.parameters() + thing.buffers()) if isinstance(thing, Layer) else {}
    plain = (int, float, str, tuple, type(None))
    return (
        [
            (prefix, {key: value for key, value in vars(part).items() if isinstance(value, plain)})
            for prefix, part in parts
        ],
        {path: (a.dtype.str, a.tolist()) for path, a in arrays.items()},
    )


def test_what_is_in_the_table_is_public():
    """A layer that is not here has its case in gradcheck/cases.py."""
    public = {name for name in L.__all__ if inspect.isclass(getattr(L, name))}
    assert set(ARGUMENTS) <= public | {"SGD", "RMSProp", "Adam", "Ema"}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_what_need_not_be_given(name):
    """The constructor without them makes what it makes with them written out; and there are no others."""
    _, optional = ARGUMENTS[name]
    signature = inspect.signature(kind_of(name)).parameters.values()
    assert {p.name for p in signature if p.default is not p.empty} == set(optional)
    assert traits(build(name)) == traits(build(name, **optional))
    attributes = vars(build(name))
    for argument, value in optional.items():
        if argument in attributes:
            assert attributes[argument] == (
                value if argument not in ("stride", "padding", "output_padding") else (value, value)
            )


ARRAYS = {  # every array of a layer with its shape; the running ones too
    "Dense": {"W": (4, 3), "b": (3,)},
    "Conv2D": {"W": (3, 3, 2, 3), "b": (3,)},
    "ConvTranspose2D": {"W": (3, 3, 3, 2), "b": (3,)},
    "BatchNorm": {"gamma": (3,), "beta": (3,), "mean": (3,), "var": (3,)},
    "LayerNorm": {"gamma": (3,), "beta": (3,)},
    "GroupNorm": {"gamma": (4,), "beta": (4,)},
    "InstanceNorm": {"gamma": (3,), "beta": (3,)},
    "MinibatchDiscrimination": {"T": (3, 2, 2)},
    "Embedding": {"W": (3, 2)},
    "SelfAttention": {"gamma": (1,), **{f"{name}.W": (1, 1, 3, 1) for name in "fgh"}, "v.W": (1, 1, 1, 3)},
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["single", "double"])
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_a_new_layer(name, dtype):
    layer = build(name, dtype=dtype)
    arrays = dict(layer.parameters() + layer.buffers())
    assert {path: a.shape for path, a in arrays.items()} == ARRAYS[name]
    assert {a.dtype for a in [*arrays.values(), *dict(layer.gradients()).values()]} == {np.dtype(dtype)}
    for path, a in arrays.items():
        if path in ("b", "beta", "gamma", "mean", "var"):
            at_first = path in ("gamma", "var") and name != "SelfAttention"
            np.testing.assert_array_equal(a, float(at_first), err_msg=path)
    for flag in ("bias", "affine"):
        if flag in ARGUMENTS[name][1]:
            assert set(build(name, **{flag: False}).params) == {"W"} - ({"W"} if flag == "affine" else set())


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["single", "double"])
def test_arrays_around_a_layer(dtype):
    """What is made for somebody else's arrays has their dtype."""
    assert {a.dtype for a in spectral(dense(dtype=dtype)).state.values()} == {np.dtype(dtype)}
    assert {a.dtype for _, a in optim.Ema(dense(dtype=dtype), 0.9).net.parameters()} == {np.dtype(dtype)}
    state = optim.Adam(dense(dtype=dtype)).state()
    assert {name: a.dtype for name, a in state.items()} == {
        "steps": np.int64,
        "m/W": dtype,
        "m/b": dtype,
        "v/W": dtype,
        "v/b": dtype,
    }
    assert state["steps"] == 0


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Dense", [(4, 3)]),
        ("Conv2D", [(3, 3, 2, 3)]),
        ("ConvTranspose2D", [(3, 3, 2, 3)]),
        ("MinibatchDiscrimination", [(3, 4)]),
        ("Embedding", [(3, 2)]),
        ("SelfAttention", [(1, 1, 3, 1), (1, 1, 3, 1), (1, 1, 3, 1), (1, 1, 1, 3)]),
    ],
    ids=["Dense", "Conv2D", "ConvTranspose2D", "MinibatchDiscrimination", "Embedding", "SelfAttention"],
)
def test_what_an_initialiser_is_asked(name, drawn):
    asked, rng = [], new()

    def init(shape, *, rng, dtype):
        asked.append((shape, rng, dtype))
        return np.arange(math.prod(shape), dtype=dtype).reshape(shape)

    layer = build(name, init=init, rng=rng, dtype=np.float64)
    assert asked == [(shape, rng, np.float64) for shape in drawn]
    weights = [w for path, w in layer.parameters() if path[-1] in "WT"]
    for w, shape in zip(weights, drawn, strict=True):
        W = np.arange(math.prod(shape)).reshape(shape)
        np.testing.assert_array_equal(w, W.swapaxes(2, 3) if name == "ConvTranspose2D" else W.reshape(w.shape))
        assert w.flags.c_contiguous


SPANS = {
    "BatchNorm": {"momentum": "[0, 1]", "eps": "(0, 1]"},
    **{kind: {"eps": "(0, 1]"} for kind in ("LayerNorm", "GroupNorm", "InstanceNorm", "PixelNorm", "MinibatchStd")},
    "LeakyReLU": {"slope": "[0, 1]"},
    "ELU": {"alpha": "(0, 100]"},
    "Dropout": {"rate": "[0, 1)"},
    "SGD": {"lr": "(0, inf)", "momentum": "[0, 1)"},
    "RMSProp": {"lr": "(0, inf)", "decay": "[0, 1)", "eps": "(0, 1]"},
    "Adam": {"lr": "(0, inf)", "beta1": "[0, 1)", "beta2": "[0, 1)", "eps": "(0, 1]"},
    "Ema": {"decay": "[0, 1)"},
}


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, spans in SPANS.items() for a in spans])
def test_the_ends_of_an_interval(name, argument):
    """An end that belongs to it, or the last number before one that does not, is taken; the number beyond is not."""
    span = SPANS[name][argument]
    low, high = map(float, span[1:-1].split(", "))
    ends = (low, high, -math.inf, span[0] == "["), (high, low, math.inf, span[-1] == "]")
    for end, inwards, outwards, belongs in ends:
        last, beyond = (end, math.nextafter(end, outwards)) if belongs else (math.nextafter(end, inwards), end)
        assert getattr(build(name, **{argument: last}), argument) == last
        tells(
            said(lambda beyond=beyond: build(name, **{argument: beyond})),
            f"{name}: {argument} | {span} | got {beyond!r}",
        )


def test_what_just_fits():
    assert conv_t(stride=(2, 3), output_padding=(1, 2)).output_padding == (1, 2)
    assert L.LayerNorm((1, 2)).shape == L.LayerNorm([1, 2]).shape == (1, 2)
    assert L.LayerNorm(2).shape == (2,)
    assert L.Reshape(6).shape == (6,)
    assert L.GroupNorm(4, 4).groups == 4
    L.BatchNorm(2).forward(ones(2, 2), train=True)
    L.BatchNorm(2).forward(ones(1, 2), train=False)
    embedding().check_input(np.array([0, 2], np.uint8))
    assert optim.cosine(1)(0) == 1
    assert optim.linear(1)(0) == 1


def test_reshape_takes_any_integer_and_instance_norm_names_its_own():
    assert L.Reshape(np.int64(6)).shape == (6,)
    tells(said(lambda: L.InstanceNorm(0), ValueError), "InstanceNorm: C | integer | 1 | got 0")
