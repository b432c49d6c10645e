"""What layers say of themselves and to wrong arguments: who speaks, what was expected, what was given."""

import numpy as np
import pytest
from small_layers import attention, conv, conv_t, dense, embedding, new, ones, said, spectral, tells

from scratchgan import Sequential, optim
from scratchgan import layers as L
from scratchgan.core import ShapeError
from scratchgan.layers.norm import Normalisation
from scratchgan.layers.reparametrised import Reparametrised


def zeroed():
    layer = spectral()
    layer.params["W"][...] = 0
    layer.set_path("D.0")
    return layer


def at(layer, path):
    layer.set_path(path)
    return layer


def wrap_twice():
    layer = dense()
    return spectral(layer) and spectral(layer)


def twice():
    layer = L.Tanh()
    return L.Concat([layer, Sequential([layer])])


NO_DIRECTION = 'SpectralNorm "D.0" | W is zero | singular value | other weights'
TWO_ENTRIES = " | training | at least 2 entries | channel | got 1 | larger batch"
MESSAGES = {
    "no branch": (lambda: L.Concat([]), ValueError, "Concat | at least one branch"),
    "branch no layer": (lambda: L.Concat([L.Tanh(), np.tanh]), TypeError, "Concat | '1' | Layer | got ufunc"),
    "residual no layer": (lambda: L.Residual(3), TypeError, "Residual | 'branch' | Layer | got int"),
    "same layer twice": (
        twice,
        ValueError,
        "Concat | same layer | twice | build a second layer instead",
    ),
    "layernorm of one": (
        lambda: L.LayerNorm(1),
        ValueError,
        "LayerNorm | shape | at least 2 entries | got (1,) | zero",
    ),
    "layernorm of ones": (
        lambda: L.LayerNorm([1, 1]),
        ValueError,
        "LayerNorm | shape | at least 2 entries | got (1, 1) | zero",
    ),
    "layernorm of zero": (
        lambda: L.LayerNorm((3, 0)),
        ValueError,
        "LayerNorm: shape | integer | 1 | got 0",
    ),
    "groups": (lambda: L.GroupNorm(3, 4), ValueError, "GroupNorm: groups | divide the 4 channels | got 3"),
    "groups of nothing": (
        lambda: L.GroupNorm(0, 4),
        ValueError,
        "GroupNorm: groups | integer | 1 | got 0",
    ),
    "channels": (lambda: L.GroupNorm(1, 0), ValueError, "GroupNorm: C | integer | 1 | got 0"),
    "reshape": (lambda: L.Reshape((2, 0)), ValueError, "Reshape: shape | integer | 1 | got 0"),
    "output padding": (
        lambda: conv_t(stride=2, output_padding=2),
        ValueError,
        "ConvTranspose2D: output_padding | smaller than stride (2, 2) | got 2",
    ),
    "output padding one": (
        lambda: conv_t(stride=(2, 3), output_padding=(2, 2)),
        ValueError,
        "ConvTranspose2D: output_padding | smaller than stride (2, 3) | got (2, 2)",
    ),
    "batchnorm of one": (lambda: L.BatchNorm(3).forward(ones(1, 3), train=True), ValueError, f"BatchNorm{TWO_ENTRIES}"),
    "batchnorm with path": (
        lambda: at(L.BatchNorm(3), "G.1").forward(ones(1, 1, 1, 3), train=True),
        ValueError,
        f'BatchNorm "G.1"{TWO_ENTRIES}',
    ),
    "minibatch groups": (
        lambda: at(L.MinibatchStd(2), "D.3").forward(ones(3, 2), train=True),
        ValueError,
        'MinibatchStd "D.3" | 2 groups | 3 samples |',
    ),
    "dropout": (
        lambda: at(L.Dropout(), "D.1").forward(ones(2, 2), train=True),
        TypeError,
        'Dropout "D.1" | training | rng must be a numpy.random.Generator | got NoneType',
    ),
    "labels list": (
        lambda: embedding().check_input([0]),
        TypeError,
        "Embedding | NumPy array of labels | got list",
    ),
    "labels float": (
        lambda: embedding().check_input(ones(2)),
        TypeError,
        "Embedding | integer labels | got float32 | labels.astype(np.int64)",
    ),
    "labels matrix": (
        lambda: embedding().check_input(np.zeros((1, 2), int)),
        ShapeError,
        "Embedding | labels (N,) | got (1, 2)",
    ),
    "labels above": (
        lambda: embedding().check_input(np.array([0, 2, 3, -1])),
        ValueError,
        "Embedding | labels from 0 to 2 | got 3 at position 2",
    ),
    "labels below": (
        lambda: at(embedding(), "G.0").check_input(np.array([0, -1])),
        ValueError,
        'Embedding "G.0" | labels from 0 to 2 | got -1 at position 1',
    ),
    "labels tangent": (
        lambda: embedding().tangent(ones(2), None),
        TypeError,
        "Embedding | tangent | tx must be None",
    ),
    "nothing to wrap": (
        lambda: L.SpectralNorm(L.PixelNorm(), rng=new()),
        TypeError,
        "SpectralNorm | weight | Dense, Conv2D, ConvTranspose2D | got PixelNorm()",
    ),
    "wrapped already": (
        wrap_twice,
        ValueError,
        "SpectralNorm | Dense(4, 3) | already | twice",
    ),
    "zero weight training": (lambda: zeroed().forward(ones(2, 4), train=True), ValueError, NO_DIRECTION),
    "zero weight evaluation": (lambda: zeroed().forward(ones(2, 4), train=False), ValueError, NO_DIRECTION),
    "cosine": (lambda: optim.cosine(0), ValueError, "cosine: total_steps | integer | 1 | got 0"),
    "linear": (lambda: optim.linear(0.5), ValueError, "linear: total_steps | integer | 1 | got 0.5"),
    "schedule unknown": (
        lambda: optim.schedule("cosin", 9),
        ValueError,
        "optim | 'cosin' | did you mean 'cosine'? | constant, linear, cosine",
    ),
    "schedule without end": (
        lambda: optim.schedule("linear"),
        ValueError,
        "| 'linear' | total_steps | got None",
    ),
    "no update": (lambda: optim.Optimizer(dense(), 0.1).step(), NotImplementedError, "Optimizer must define update"),
    "no direction": (
        lambda: optim.Optimizer(dense(), 0.1).direction([]),
        NotImplementedError,
        "Optimizer must define direction to be checked",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), MESSAGES.values(), ids=[k.replace(" ", "-") for k in MESSAGES])
def test_what_is_said(call, error, message):
    tells(said(call, error), message)


WRONG_ARGUMENTS = {
    "pool size": (lambda: L.MaxPool2D(0), ValueError, "MaxPool2D: size | integer | 1 | got 0"),
    "pieces": (lambda: L.Maxout(1.5), ValueError, "Maxout: pieces | integer | 1 | got 1.5"),
    "upsample size": (lambda: L.UpsampleBilinear2D(-1), ValueError, "UpsampleBilinear2D: size | got -1"),
    "shuffle size": (lambda: L.PixelShuffle("2"), ValueError, "PixelShuffle: size | got '2'"),
    "std groups": (lambda: L.MinibatchStd(0), ValueError, "MinibatchStd: groups | got 0"),
    "kernels": (
        lambda: L.MinibatchDiscrimination(3, 0, 2, rng=new()),
        ValueError,
        "MinibatchDiscrimination: kernels | got 0",
    ),
    "discrimination rng": (
        lambda: L.MinibatchDiscrimination(3, 2, 2, rng=None),
        TypeError,
        "MinibatchDiscrimination: rng | got NoneType",
    ),
    "classes": (lambda: L.Embedding(0, 2, rng=new()), ValueError, "Embedding: classes | got 0"),
    "embedding rng": (lambda: L.Embedding(2, 2, rng=1), TypeError, "Embedding: rng | got int"),
    "attention channels": (lambda: L.SelfAttention(0, rng=new()), ValueError, "SelfAttention: C | got 0"),
    "attention rng": (lambda: L.SelfAttention(4, rng=0), TypeError, "SelfAttention: rng | got int"),
    "branches": (
        lambda: L.Concat([dense(2, 3), conv(2, 3, 1)]),
        ShapeError,
        "Concat | branch 0 | (3,) | branch 1 | (None, None, 3)",
    ),
}


@pytest.mark.parametrize(
    ("build", "error", "message"), WRONG_ARGUMENTS.values(), ids=[k.replace(" ", "-") for k in WRONG_ARGUMENTS]
)
def test_a_wrong_argument_is_named(build, error, message):
    tells(said(build, error), message)


@pytest.mark.parametrize(
    ("kind", "argument", "least"),
    [
        (kind, argument, least)
        for kind in ("Conv2D", "ConvTranspose2D")
        for argument, least in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("output_padding", 0))
        if (kind, argument) != ("Conv2D", "output_padding")
    ],
)
def test_pairs(kind, argument, least):
    make = lambda value: getattr(L, kind)(**{"Ci": 1, "Co": 1, "kernel_size": 3, "rng": new(), argument: value})
    start = f"{kind}: {argument} | integer"
    tells(said(lambda: make((1, 2, 3))), f"{start} | pair (height, width) | got (1, 2, 3)")
    tells(said(lambda: make((3, least - 1))), f"{start} | {least} | got {least - 1}")
    assert getattr(make([least, least]), argument) == getattr(make(least), argument) == (least, least)


@pytest.mark.parametrize(
    ("base", "make", "name", "count"),
    [
        *(
            (Reparametrised, lambda mine: mine(dense()), name, 2)
            for name in ("weight", "weight_tangent", "weight_adjoint")
        ),
        (Reparametrised, lambda mine: mine(dense()), "weight_adjoint_tangent", 4),
        (Normalisation, lambda mine: mine(None, eps=1e-5), "mean", 1),
    ],
    ids=["S", "R", "R-adjoint", "R-adjoint-tangent", "mean"],
)
def test_a_forgotten_method_is_named(base, make, name, count):
    mine = make(type("Mine", (base,), {}))
    assert said(lambda: getattr(mine, name)(*[None] * count), NotImplementedError) == f"Mine must define {name}"


SHOWN = [
    (dense, "Dense(4, 3)"),
    (lambda: dense(bias=False), "Dense(4, 3, bias=False)"),
    (lambda: conv(stride=(1, 2)), "Conv2D(2, 3, kernel_size=(3, 3), stride=(1, 2), padding=(0, 0))"),
    (lambda: conv_t(padding=(1, 0)), "ConvTranspose2D(2, 3, kernel_size=(3, 3), stride=(1, 1), padding=(1, 0))"),
    (
        lambda: conv_t(bias=False, stride=2, output_padding=(0, 1)),
        "ConvTranspose2D(2, 3, kernel_size=(3, 3), stride=(2, 2), padding=(0, 0), bias=False, output_padding=(0, 1))",
    ),
    (lambda: L.LayerNorm(3), "LayerNorm((3,))"),
    (lambda: L.Residual(dense(4, 4)), "Residual(Dense(4, 4))"),
    (lambda: L.Concat([L.Tanh(), dense(bias=False)]), "Concat([Tanh(), Dense(4, 3, bias=False)])"),
    (lambda: spectral(dense(), 3), "SpectralNorm(Dense(4, 3), iterations=3)"),
    (spectral, "SpectralNorm(Dense(4, 3))"),
    (
        lambda: spectral(conv(bias=False), 2),
        "SpectralNorm(Conv2D(2, 3, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0), bias=False), iterations=2)",
    ),
    (embedding, "Embedding(3, 2)"),
    (attention, "SelfAttention(3)"),
    (lambda: L.MinibatchStd(4), "MinibatchStd(4)"),
    (lambda: L.MinibatchDiscrimination(3, 2, 4, rng=new()), "MinibatchDiscrimination(3, 2, 4)"),
    (lambda: L.Maxout(3), "Maxout(3)"),
    (lambda: L.Pack(3), "Pack(3)"),
    (lambda: L.PixelShuffle(3), "PixelShuffle(3)"),
    (lambda: L.AveragePool2D(3), "AveragePool2D(3)"),
    (lambda: L.UpsampleNearest2D(3), "UpsampleNearest2D(3)"),
    (lambda: L.UpsampleBilinear2D(3), "UpsampleBilinear2D(3)"),
    (lambda: L.Reshape(6), "Reshape((6,))"),
    *(
        (getattr(L, kind), f"{kind}()")
        for kind in ("ReLU", "Sigmoid", "Softplus", "SiLU", "Softmax", "Flatten", "Multiply")
    ),
]


@pytest.mark.parametrize(("make", "text"), SHOWN, ids=[text.split("(")[0] for _, text in SHOWN])
def test_repr(make, text):
    assert repr(make()) == text
