"""What layers and optimisers say, word for word; what they are by default; what they do at the edge of their arguments.

Everything that can be refused stands in a table with the whole message, so that a changed word, a lost batch number and
an argument that is no longer passed on are all seen.
"""

import inspect
import math

import numpy as np
import pytest

from scratchgan import Sequential, initializers, optim
from scratchgan import layers as L
from scratchgan.core import Layer, ShapeError
from scratchgan.layers.norm import Normalisation
from scratchgan.layers.reparametrised import Reparametrised


def new():
    """The same generator again."""
    return np.random.default_rng(0)


def dense(Di=4, Do=3, **kw):
    return L.Dense(Di, Do, rng=new(), **kw)


def conv(Ci=2, Co=3, kernel_size=3, **kw):
    return L.Conv2D(Ci, Co, kernel_size=kernel_size, rng=new(), **kw)


def conv_t(Ci=2, Co=3, kernel_size=3, **kw):
    return L.ConvTranspose2D(Ci, Co, kernel_size=kernel_size, rng=new(), **kw)


def spectral(layer=None, *args):
    return L.SpectralNorm(layer or dense(), *args, rng=new())


def attention(C=3):
    return L.SelfAttention(C, rng=new())


def embedding():
    return L.Embedding(3, 2, rng=new())


def said(call, error=ValueError):
    """The whole message of the error, which is of exactly that class."""
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    return str(caught.value)


def ident(name, value):
    """A test id of plain characters: Dense-2x5."""
    return f"{name}-{'x'.join(map(str, value))}".replace(" ", "-")


# -- shapes -----------------------------------------------------------------------------------------------------------

IMAGES = "images (N, H, W, 2)"
ALONE = "(N, ..., 4) with at least 2 entries in each group (4 groups)"
WRONG = {  # (how it is made, what it says before ", got ...", shapes with their batch axis that do not fit)
    "Dense": (dense, "Dense expects vectors (N, 4)", [(2, 5), (2, 2, 4), (7,)]),
    "Conv2D": (conv, f"Conv2D expects {IMAGES}", [(1, 5, 5, 3), (5, 5, 2), (1, 1, 5, 5, 2)]),
    "Conv2D height": (
        lambda: conv(kernel_size=(6, 3), padding=(1, 0)),
        f"Conv2D expects {IMAGES} of at least 4 pixels a side (kernel 6, padding 1)",
        [(2, 3, 9, 2)],
    ),
    "Conv2D width": (
        lambda: conv(kernel_size=(6, 3), padding=(1, 0)),
        f"Conv2D expects {IMAGES} of at least 3 pixels a side (kernel 3, padding 0)",
        [(2, 4, 2, 2)],
    ),
    "ConvTranspose2D": (conv_t, f"ConvTranspose2D expects {IMAGES}", [(1, 5, 5, 3), (5, 5, 2)]),
    "ConvTranspose2D no output": (
        lambda: conv_t(kernel_size=1, padding=1),
        f"ConvTranspose2D expects {IMAGES} large enough that an output remains",
        [(3, 2, 3, 2), (3, 3, 2, 2)],
    ),
    "ConvTranspose2D no pixel": (
        conv_t,
        f"ConvTranspose2D expects {IMAGES} large enough that an output remains",
        [(3, 0, 3, 2), (3, 3, 0, 2)],
    ),
    "BatchNorm": (lambda: L.BatchNorm(3), "BatchNorm expects (N, ..., 3)", [(4, 2), (4,), (4, 3, 3, 2)]),
    "LayerNorm": (lambda: L.LayerNorm((3, 4)), "LayerNorm expects (N, ..., 3, 4)", [(2, 4, 3), (2, 4), (2,)]),
    "LayerNorm vectors": (lambda: L.LayerNorm(5), "LayerNorm expects (N, ..., 5)", [(2, 4), (2,)]),
    "GroupNorm": (lambda: L.GroupNorm(2, 4), "GroupNorm expects (N, ..., 4)", [(2, 3, 3, 5), (2,)]),
    "GroupNorm alone": (lambda: L.GroupNorm(4, 4), f"GroupNorm expects {ALONE}", [(2, 4), (2, 1, 1, 4), (2, 0, 3, 4)]),
    "InstanceNorm": (lambda: L.InstanceNorm(4), "InstanceNorm expects (N, ..., 4)", [(2, 3, 3, 1)]),
    "InstanceNorm alone": (lambda: L.InstanceNorm(4), f"InstanceNorm expects {ALONE}", [(2, 1, 1, 4)]),
    "PixelNorm": (L.PixelNorm, "PixelNorm expects (N, ..., C)", [(2,)]),
    "Softmax": (L.Softmax, "Softmax expects (N, ..., C) with C at least 1", [(4,), (4, 0), (2, 3, 0)]),
    "SelfAttention": (
        attention,
        "SelfAttention expects images (N, H, W, 3) of at least one pixel",
        [(1, 2, 2, 4), (1, 0, 2, 3), (1, 2, 0, 3), (1, 2, 3), (1, 1, 2, 2, 3)],
    ),
    "MinibatchStd": (L.MinibatchStd, "MinibatchStd expects (N, ..., C)", [(4,)]),
    "MinibatchDiscrimination": (
        lambda: L.MinibatchDiscrimination(3, 2, 2, rng=new()),
        "MinibatchDiscrimination expects vectors (N, 3)",
        [(4, 2), (4, 3, 3), (4,)],
    ),
    "Maxout": (lambda: L.Maxout(3), "Maxout expects (N, ..., a multiple of 3)", [(4, 4), (4,), (2, 3, 5)]),
    "AveragePool2D": (
        lambda: L.AveragePool2D(3),
        "AveragePool2D expects images (N, H, W, C) of at least 3 pixels a side",
        [(4, 2, 3, 1), (4, 3, 2, 1), (4, 3, 3), (4, 3, 3, 3, 3)],
    ),
    "MaxPool2D": (
        lambda: L.MaxPool2D(3),
        "MaxPool2D expects images (N, H, W, C) of at least 3 pixels a side",
        [(4, 2, 3, 1), (4, 3, 2, 1), (4, 3, 3)],
    ),
    "UpsampleNearest2D": (L.UpsampleNearest2D, "UpsampleNearest2D expects images (N, H, W, C)", [(4, 2), (1, 2, 2)]),
    "UpsampleBilinear2D": (L.UpsampleBilinear2D, "UpsampleBilinear2D expects images (N, H, W, C)", [(4, 2)]),
    "UpsampleBilinear2D no pixel": (
        L.UpsampleBilinear2D,
        "UpsampleBilinear2D expects images (N, H, W, C) of at least one pixel",
        [(4, 0, 2, 1), (4, 2, 0, 1)],
    ),
    "PixelShuffle": (
        L.PixelShuffle,
        "PixelShuffle expects images (N, H, W, a multiple of 4)",
        [(1, 2, 2, 6), (1, 2, 4), (2, 2, 2, 2, 4)],
    ),
    "SpectralNorm": (spectral, "Dense expects vectors (N, 4)", [(2, 5)]),
    "Concat": (lambda: L.Concat([Sequential([]), dense()]), 'Dense "1" expects vectors (N, 4)', [(2, 5)]),
    "Residual": (lambda: L.Residual(dense(4, 4)), 'Dense "branch" expects vectors (N, 4)', [(2, 5)]),
}


def refused_shape(make, expected, shape):
    layer, x = make(), np.zeros(shape, np.float32)
    real = f"{expected}, got ({', '.join(map(str, shape))})"
    symbol = f"{expected}, got ({', '.join(['N', *map(str, shape[1:])])})"
    assert said(lambda: layer.forward(x, train=True), ShapeError) == real
    assert said(lambda: layer.check_input(x), ShapeError) == real
    assert said(lambda: layer.output_shape(shape[1:]), ShapeError) == symbol


@pytest.mark.parametrize(
    ("make", "expected", "shape"),
    [
        pytest.param(make, expected, shape, id=ident(name, shape))
        for name, (make, expected, shapes) in WRONG.items()
        for shape in shapes
    ],
)
def test_a_shape_that_does_not_fit(make, expected, shape):
    refused_shape(make, expected, shape)


@pytest.mark.parametrize("shape", [(4, 7), (4,)], ids=["vector", "number"])
def test_reshape_says_its_entries(shape):
    refused_shape(lambda: L.Reshape((2, 3, 2)), "Reshape expects 12 entries a sample, to make (2, 3, 2)", shape)


def test_the_label_stands_in_front():
    for layer, start in (
        (dense(), 'Dense "D.2" '),
        (spectral(), 'Dense "D.2" '),
        (L.Residual(dense(4, 4)), 'Dense "D.2.branch" '),
    ):
        layer.set_path("D.2")
        assert said(lambda layer=layer: layer.output_shape((5,)), ShapeError) == (
            f"{start}expects vectors (N, 4), got (N, 5)"
        )


JOINED = {  # how it is made, x's shape without the batch, what is said after the layer's name
    "first axis": (
        lambda: L.Concat([Sequential([]), L.MaxPool2D(2)]),
        (4, 4, 1),
        "for (4, 4, 1), branch 0 gives (4, 4, 1) and branch 1 gives (2, 2, 1)",
    ),
    "middle axis": (
        lambda: L.Concat([L.Reshape((2, 3, 2)), L.Reshape((2, 2, 3))]),
        None,
        "for None, branch 0 gives (2, 3, 2) and branch 1 gives (2, 2, 3)",
    ),
    "last axis but one of four": (
        lambda: L.Concat([L.Reshape((1, 2, 3, 2)), L.Reshape((1, 2, 2, 3))]),
        None,
        "for None, branch 0 gives (1, 2, 3, 2) and branch 1 gives (1, 2, 2, 3)",
    ),
    "number of axes": (
        lambda: L.Concat([L.Tanh(), L.Reshape((6, 2)), L.Reshape(12)]),
        None,
        "for None, branch 1 gives (6, 2) and branch 2 gives (12,)",
    ),
}


@pytest.mark.parametrize(("make", "shape", "rest"), JOINED.values(), ids=[k.replace(" ", "-") for k in JOINED])
def test_branches_that_differ_in_another_axis_than_the_last(make, shape, rest):
    assert said(lambda: make().output_shape(shape), ShapeError) == (
        f"Concat joins outputs that differ in the last axis only; {rest}"
    )


def test_branches_without_a_last_axis():
    one = L.Concat([L.Reshape(1), L.Tanh()])
    assert said(lambda: one.output_shape(()), ShapeError) == (
        "Concat: branch 1 gives one number a sample, which has no last axis"
    )


@pytest.mark.parametrize(
    ("make", "shape", "made"),
    [
        (L.Flatten, (4, 4, 1), "(16,)"),
        (lambda: L.Reshape((2, 2, 3)), (2, 3, 2), "(2, 2, 3)"),
        (lambda: L.Reshape((2, 3)), (3, 2), "(2, 3)"),
        (L.MinibatchStd, (2, 3), "(2, 4)"),
    ],
    ids=["axes", "middle", "both", "last"],
)
def test_a_branch_that_changes_the_shape(make, shape, made):
    layer = L.Residual(make())
    expected = f"Residual adds its branch to x: the branch must keep the shape {shape}, it gives {made}"
    assert said(lambda: layer.output_shape(shape), ShapeError) == expected
    assert said(lambda: layer.forward(np.zeros((3, *shape)), train=True), ShapeError) == expected


def test_shapes_that_no_batch_has():
    """Embedding and the products check their own inputs; output_shape prints the batch that it is told."""
    assert said(lambda: embedding().output_shape((2,)), ShapeError) == "Embedding expects labels (N,), got (N, 2)"
    assert said(lambda: embedding().output_shape((2,), 7), ShapeError) == "Embedding expects labels (N,), got (7, 2)"
    multiply = "Multiply expects b of a shape that can be repeated to a's, got a "
    matmul, transposed = (f"MatMul expects a (N, I, K) and b {b}, got a " for b in ("(N, K, J)", "(N, J, K)"))
    for layer, a, b, start in (
        (L.Multiply(), (2, 3), (3, 3), multiply),
        (L.Multiply(), (2, 3), (1, 2, 3), multiply),
        (L.Multiply(), (2, 3), (2,), multiply),
        (L.MatMul(), (2, 3, 4), (2, 3, 4), matmul),
        (L.MatMul(), (2, 3, 4), (3, 4, 5), matmul),
        (L.MatMul(), (2, 3, 4), (4, 5), matmul),
        (L.MatMul(), (3, 4), (4, 5), matmul),
        (L.MatMul(transpose_b=True), (2, 3, 4), (2, 4, 5), transposed),
    ):
        pair = np.zeros(a), np.zeros(b)
        assert said(lambda layer=layer, pair=pair: layer.check_input(pair), ShapeError) == f"{start}{a} and b {b}"
    for b in ((2, 3), (1, 3), (2, 1), (3,), (1,), ()):
        assert L.Multiply().forward((np.ones((2, 3)), np.ones(b)), train=True)[0].shape == (2, 3)


FITS = {  # a layer, and {a shape without the batch: what comes out}; None: not known yet
    "Dense": (dense, {None: (3,), (None,): (3,), (4,): (3,)}),
    "Conv2D": (
        lambda: conv(kernel_size=(6, 3), stride=(1, 2), padding=(1, 0)),
        {None: (None, None, 3), (4, 3, 2): (1, 1, 3), (None, 5, None): (None, 2, 3), (5, None, 2): (2, None, 3)},
    ),
    "ConvTranspose2D": (
        lambda: conv_t(kernel_size=(1, 3), stride=(2, 3), padding=1, output_padding=(0, 2)),
        {None: (None, None, 3), (2, 1, 2): (1, 3, 3), (None, 2, None): (None, 6, 3), (3, None, 2): (3, None, 3)},
    ),
    "BatchNorm": (lambda: L.BatchNorm(3), {None: None, (None,): (None,), (2, None, 3): (2, None, 3)}),
    "LayerNorm": (
        lambda: L.LayerNorm((3, 4)),
        {None: None, (3, 4): (3, 4), (None, None): (None, None), (7, None, 4): (7, None, 4)},
    ),
    "GroupNorm": (
        lambda: L.GroupNorm(2, 4),
        {None: None, (4,): (4,), (None, 1, 4): (None, 1, 4), (1, 1, None): (1, 1, None)},
    ),
    "InstanceNorm": (lambda: L.InstanceNorm(4), {None: None, (1, 2, 4): (1, 2, 4), (None, 1, 4): (None, 1, 4)}),
    "PixelNorm": (L.PixelNorm, {None: None, (1,): (1,), (None,): (None,)}),
    "Softmax": (L.Softmax, {None: None, (1,): (1,), (0, 1): (0, 1), (None,): (None,)}),
    "SelfAttention": (attention, {None: (None, None, 3), (1, 1, 3): (1, 1, 3), (None, 2, None): (None, 2, None)}),
    "MinibatchStd": (L.MinibatchStd, {None: None, (1,): (2,), (2, 3, None): (2, 3, None), (0,): (1,)}),
    "MinibatchDiscrimination": (
        lambda: L.MinibatchDiscrimination(3, 2, 5, rng=new()),
        {None: (5,), (None,): (5,), (3,): (5,)},
    ),
    "Maxout": (lambda: L.Maxout(3), {None: None, (6,): (2,), (2, 3): (2, 1), (4, None): (4, None)}),
    "Pack": (L.Pack, {None: None, (2,): (4,), (4, 5, 2): (4, 5, 4), (4, None): (4, None)}),
    "AveragePool2D": (
        lambda: L.AveragePool2D(3),
        {None: (None, None, None), (3, 8, 5): (1, 2, 5), (None, 3, 1): (None, 1, 1), (3, None, None): (1, None, None)},
    ),
    "MaxPool2D": (lambda: L.MaxPool2D(3), {None: (None, None, None), (3, 8, 5): (1, 2, 5)}),
    "UpsampleNearest2D": (
        lambda: L.UpsampleNearest2D(3),
        {None: (None, None, None), (1, 2, 5): (3, 6, 5), (None, 2, 1): (None, 6, 1), (0, None, None): (0, None, None)},
    ),
    "UpsampleBilinear2D": (
        lambda: L.UpsampleBilinear2D(3),
        {None: (None, None, None), (1, 2, 0): (3, 6, 0), (None, 1, 1): (None, 3, 1)},
    ),
    "PixelShuffle": (
        L.PixelShuffle,
        {None: (None, None, None), (1, 3, 8): (2, 6, 2), (None, 2, None): (None, 4, None), (0, None, 4): (0, None, 1)},
    ),
    "Reshape": (lambda: L.Reshape((2, 3)), {None: (2, 3), (6,): (2, 3), (None, 5): (2, 3), (3, 1, 2): (2, 3)}),
    "Flatten": (L.Flatten, {None: (None,), (): (1,), (2, 3, 4): (24,), (2, None): (None,)}),
    "Embedding": (embedding, {None: (2,), (): (2,)}),
    "SpectralNorm": (spectral, {None: (3,), (4,): (3,)}),
    "Concat": (
        lambda: L.Concat([L.Tanh(), conv(kernel_size=1)]),
        {None: None, (4, 5, 2): (4, 5, 5), (None, 5, 2): (None, 5, 5), (4, None, None): (4, None, None)},
    ),
    "Concat half known": (lambda: L.Concat([conv(kernel_size=1), L.Reshape((2, 3, 4))]), {None: (None, None, 7)}),
    "Residual": (
        lambda: L.Residual(conv(2, 2, 1)),
        {None: (None, None, 2), (4, 5, 2): (4, 5, 2), (None, 5, None): (None, 5, None)},
    ),
    "Residual of a vector": (lambda: L.Residual(dense(4, 4)), {(None,): (None,)}),
    "Residual of anything": (lambda: L.Residual(L.Tanh()), {None: None, (3, None): (3, None)}),
}


@pytest.mark.parametrize(("make", "shapes"), FITS.values(), ids=[name.replace(" ", "-") for name in FITS])
def test_a_shape_that_just_fits(make, shapes):
    for shape, made in shapes.items():
        layer = make()
        assert layer.output_shape(shape) == made, shape
        if not isinstance(layer, L.Embedding) and shape is not None and None not in shape:
            y, _ = layer.forward(np.zeros((2, *shape), np.float32), train=True)
            assert y.shape == (1 if isinstance(layer, L.Pack) else 2, *made), shape


# -- all other messages -----------------------------------------------------------------------------------------------


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


def ones(*shape):
    return np.ones(shape, np.float32)


GENERATOR = "rng must be a numpy.random.Generator such as np.random.default_rng(0), got"
NO_DIRECTION = (
    'SpectralNorm "D.0": W is zero along u and v, or altogether, and cannot be divided by its largest '
    "singular value: begin with other weights"
)
TWO_ENTRIES = " in training needs at least 2 entries a channel to have a variance, got 1: use a larger batch"
MESSAGES = {
    "no branch": (lambda: L.Concat([]), ValueError, "Concat needs at least one branch"),
    "branch no layer": (lambda: L.Concat([L.Tanh(), np.tanh]), TypeError, "Concat: branch '1' is no Layer but ufunc"),
    "residual no layer": (lambda: L.Residual(3), TypeError, "Residual: branch 'branch' is no Layer but int"),
    "same layer twice": (
        twice,
        ValueError,
        "Concat: the same layer object stands in it twice; build a second layer instead",
    ),
    "layernorm of one": (
        lambda: L.LayerNorm(1),
        ValueError,
        "LayerNorm: shape must hold at least 2 entries, got (1,): one entry less its own mean is zero",
    ),
    "layernorm of ones": (
        lambda: L.LayerNorm([1, 1]),
        ValueError,
        "LayerNorm: shape must hold at least 2 entries, got (1, 1): one entry less its own mean is zero",
    ),
    "layernorm of zero": (
        lambda: L.LayerNorm((3, 0)),
        ValueError,
        "LayerNorm: shape must be an integer of at least 1, got 0",
    ),
    "groups": (lambda: L.GroupNorm(3, 4), ValueError, "GroupNorm: groups must divide the 4 channels, got 3"),
    "groups of nothing": (
        lambda: L.GroupNorm(0, 4),
        ValueError,
        "GroupNorm: groups must be an integer of at least 1, got 0",
    ),
    "channels": (lambda: L.GroupNorm(1, 0), ValueError, "GroupNorm: C must be an integer of at least 1, got 0"),
    "reshape": (lambda: L.Reshape((2, 0)), ValueError, "Reshape: shape must be an integer of at least 1, got 0"),
    "output padding": (
        lambda: conv_t(stride=2, output_padding=2),
        ValueError,
        "ConvTranspose2D: output_padding must be smaller than stride (2, 2), got 2",
    ),
    "output padding one": (
        lambda: conv_t(stride=(2, 3), output_padding=(2, 2)),
        ValueError,
        "ConvTranspose2D: output_padding must be smaller than stride (2, 3), got (2, 2)",
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
        'MinibatchStd "D.3" cuts the batch into 2 groups of one size; 3 samples do not divide so',
    ),
    "dropout": (
        lambda: at(L.Dropout(), "D.1").forward(ones(2, 2), train=True),
        TypeError,
        f'Dropout "D.1" in training: {GENERATOR} NoneType',
    ),
    "labels list": (
        lambda: embedding().check_input([0]),
        TypeError,
        "Embedding expects a NumPy array of labels, got list",
    ),
    "labels float": (
        lambda: embedding().check_input(ones(2)),
        TypeError,
        "Embedding expects integer labels, got float32: use labels.astype(np.int64)",
    ),
    "labels matrix": (
        lambda: embedding().check_input(np.zeros((1, 2), int)),
        ShapeError,
        "Embedding expects labels (N,), got (1, 2)",
    ),
    "labels above": (
        lambda: embedding().check_input(np.array([0, 2, 3, -1])),
        ValueError,
        "Embedding expects labels from 0 to 2, got 3 at position 2",
    ),
    "labels below": (
        lambda: at(embedding(), "G.0").check_input(np.array([0, -1])),
        ValueError,
        'Embedding "G.0" expects labels from 0 to 2, got -1 at position 1',
    ),
    "labels tangent": (
        lambda: embedding().tangent(ones(2), None),
        TypeError,
        "Embedding: labels have no tangent, tx must be None",
    ),
    "nothing to wrap": (
        lambda: L.SpectralNorm(L.PixelNorm(), rng=new()),
        TypeError,
        "SpectralNorm wraps a layer with a weight (Dense, Conv2D, ConvTranspose2D), got PixelNorm()",
    ),
    "wrapped already": (
        wrap_twice,
        ValueError,
        "SpectralNorm: Dense(4, 3) is wrapped already; its weight would be counted twice",
    ),
    "zero weight training": (lambda: zeroed().forward(ones(2, 4), train=True), ValueError, NO_DIRECTION),
    "zero weight evaluation": (lambda: zeroed().forward(ones(2, 4), train=False), ValueError, NO_DIRECTION),
    "cosine": (lambda: optim.cosine(0), ValueError, "cosine: total_steps must be an integer of at least 1, got 0"),
    "linear": (lambda: optim.linear(0.5), ValueError, "linear: total_steps must be an integer of at least 1, got 0.5"),
    "schedule unknown": (
        lambda: optim.schedule("cosin", 9),
        ValueError,
        "optim: unknown schedule 'cosin', did you mean 'cosine'? known: constant, linear, cosine",
    ),
    "schedule without end": (
        lambda: optim.schedule("linear"),
        ValueError,
        "the schedule 'linear' must know total_steps",
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
    assert said(call, error) == message


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
    start = f"{kind}: {argument} must be an integer"
    assert said(lambda: make((1, 2, 3))) == f"{start} or a pair (height, width), got (1, 2, 3)"
    assert said(lambda: make((3, least - 1))) == f"{start} of at least {least}, got {least - 1}"
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


def test_states_that_are_not_alike():
    own = {name: np.zeros(2, np.float32) for name in "abcdefgh"}
    more = {**own, **{name: 0 for name in "zyxwvu"}}
    check = lambda given, own=own: said(lambda: optim.check_same_arrays("Adam", own, given))
    assert check({"h": own["h"]}) == "Adam: the state lacks a, b, c, d, e"
    assert check(more) == "Adam: the state has the unknown u, v, w, x, y"
    assert check({**more, "a": 1}, {**own, "k": 0}) == "Adam: the state lacks k"
    assert check({**own, "b": np.zeros(3, np.float32)}) == "Adam: 'b' must be float32 (2,), got float32 (3,)"
    assert check({**own, "c": np.zeros(2)}) == "Adam: 'c' must be float32 (2,), got float64 (2,)"
    assert optim.check_same_arrays("Adam", own, {name: a + 1 for name, a in own.items()}) is None
    for kind in ("SGD", "RMSProp", "Adam"):
        optimizer = getattr(optim, kind)(dense())
        assert said(lambda optimizer=optimizer: optimizer.load_state({})).startswith(f"{kind}: the state lacks ")
        optimizer.load_state({**optimizer.state(), "steps": np.array(7)})
        assert (optimizer.steps, type(optimizer.steps)) == (7, int)


# -- arguments --------------------------------------------------------------------------------------------------------

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
    """A layer that is not here has its case in gradcheck/cases.py: tests/test_additions.py."""
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


def test_inner_widths_of_attention():
    for C, inner, values in ((1, 1, 1), (15, 1, 7), (16, 2, 8), (40, 5, 20)):
        layer = attention(C)
        assert [p.params["W"].shape[2:] for p in (layer.f, layer.g, layer.h, layer.v)] == [
            (C, inner),
            (C, inner),
            (C, values),
            (values, C),
        ]
        assert [part.label for _, part in layer.children()] == [
            'Conv2D "f"',
            'Conv2D "g"',
            'Conv2D "h"',
            'MatMul "scores"',
            'Softmax "softmax"',
            'MatMul "mean"',
            'Conv2D "v"',
            'Multiply "gate"',
        ]
    assert (layer.scores.transpose_b, layer.mean.transpose_b) == (True, False)


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
        assert said(lambda beyond=beyond: build(name, **{argument: beyond})) == (
            f"{name}: {argument} must be a number in {span}, got {beyond!r}"
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


# -- what is shown ----------------------------------------------------------------------------------------------------

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


# -- what is done -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "slope", "curvature"),
    [
        (L.ReLU(), 0, 0),
        (L.LeakyReLU(0.3), 0.3, 0),
        (L.LeakyReLU(0), 0, 0),
        (L.ELU(0.7), 0.7, 0.7),
        (L.ELU(), 1, 1),
    ],
    ids=["relu", "leaky", "leaky-0", "elu", "elu-1"],
)
def test_at_the_kink(layer, slope, curvature):
    """phi' and phi'' at x = 0 are the ones from the left, as the docstrings say; -0.0 is no other number."""
    x = np.array([[0.0, -0.0]])
    y, cache = layer.forward(x, train=True)
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(layer.backward(np.ones_like(x), cache), [[slope] * 2])
    np.testing.assert_array_equal(layer.tangent(np.ones_like(x), cache), [[slope] * 2])
    np.testing.assert_array_equal(layer.tangent_backward(np.ones_like(x), cache), [[slope + curvature] * 2])
    for dtype in (np.float32, np.float64):
        second = layer.d2phi(x.astype(dtype), y.astype(dtype))
        assert (second.dtype, second.tolist()) == (dtype, [[pytest.approx(curvature)] * 2])
    assert layer.kink_distance(cache) == 0


class Spy(L.Tanh):
    """Keeps what it was called with, and gives dx whether it was asked for or not."""

    def __init__(self):
        super().__init__()
        self.calls = {}

    def forward(self, x, **kw):
        self.calls["forward"] = kw
        return super().forward(x, **kw)

    def backward(self, dy, cache, **kw):
        self.calls["backward"] = kw
        return super().backward(dy, cache)

    def tangent_backward(self, tdy, cache, **kw):
        self.calls["tangent_backward"] = kw
        return super().tangent_backward(tdy, cache)


@pytest.mark.parametrize(
    "make",
    [lambda spy: L.Concat([L.Tanh(), spy]), L.Residual, lambda spy: Sequential([spy])],
    ids=["Concat", "Residual", "Sequential"],
)
@pytest.mark.parametrize("flag", [True, False], ids=["yes", "no"])
def test_parts_are_told_what_the_whole_was(make, flag):
    """The mode, the generator, and which gradients are wanted; and the whole keeps to that if a part does not."""
    spy, rng, x = Spy(), new(), np.ones((2, 3))
    whole = make(spy)
    y, cache = whole.forward(x, train=flag, rng=rng)
    assert spy.calls["forward"] == {"train": flag, "rng": rng}
    dx = whole.backward(y, cache, param_grads=not flag, input_grad=flag)
    assert spy.calls["backward"] == {"param_grads": not flag, "input_grad": flag}
    whole.tangent(x, cache)
    tdx = whole.tangent_backward(y, cache, input_grad=flag)
    assert spy.calls["tangent_backward"] == {"input_grad": flag}
    assert ((dx is not None), (tdx is not None)) == (flag, flag)
    whole.backward(y, cache)
    whole.tangent_backward(y, cache)
    assert spy.calls["backward"] == {"param_grads": True, "input_grad": True}
    assert spy.calls["tangent_backward"] == {"input_grad": True}


@pytest.mark.parametrize("flag", [True, False], ids=["yes", "no"])
def test_parts_of_attention_are_told(flag, monkeypatch):
    layer, rng, calls = attention(), new(), {}
    x = rng.standard_normal((2, 2, 2, 3)).astype(np.float32)

    def watch(part, path, name):
        original = getattr(part, name)
        monkeypatch.setattr(part, name, lambda *a, **kw: calls.update({(path, name): kw}) or original(*a, **kw))

    for path, part in layer.children():
        for name in ("forward", "backward", "tangent_backward"):
            watch(part, path, name)
    y, cache = layer.forward(x, train=flag, rng=rng)
    for path, _ in layer.children():
        assert calls[path, "forward"] == {"train": flag, "rng": rng}
    layer.backward(y, cache, param_grads=not flag, input_grad=flag)
    layer.tangent(x, cache)
    layer.tangent_backward(y, cache, input_grad=flag)
    for path in "fgh":
        assert calls[path, "backward"] == {"param_grads": not flag, "input_grad": flag}
        assert calls[path, "tangent_backward"] == {"input_grad": flag}
    assert calls["v", "backward"] == {"param_grads": not flag}
    assert calls["v", "tangent_backward"] == {}


def test_attention_sees_the_kinks_of_its_parts():
    layer = attention()
    layer.softmax = L.ReLU()
    _, cache = layer.forward(new().standard_normal((2, 2, 2, 3)).astype(np.float32), train=True)
    assert layer.kink_distance(cache) == np.abs(cache.of["softmax"].x).min() > 0


@pytest.mark.parametrize("wrap", [lambda d: L.Concat([L.Tanh(), d]), L.Residual], ids=["Concat", "Residual"])
def test_branches_pass_the_generator_on(wrap):
    layer, x = wrap(L.Dropout(0.4)), np.ones((3, 4))
    mask = (np.random.default_rng(5).random((3, 4)) >= 0.4) / 0.6
    y, _ = layer.forward(x, train=True, rng=np.random.default_rng(5))
    np.testing.assert_allclose(y, np.concatenate([np.tanh(x), mask], axis=1) if y.shape[1] == 8 else x + mask)
    with pytest.raises(TypeError, match=r"^Dropout \".*\" in training: rng must be"):
        layer.forward(x, train=True)
    layer.forward(x, train=False)


def test_dropout_of_nothing_draws_nothing():
    x = ones(2, 3)
    assert L.Dropout(0).forward(x, train=True)[0] is x


def test_the_cache_of_labels():
    layer, labels = embedding(), np.array([1, 0])
    for train in (True, False):
        y, cache = layer.forward(labels, train=train)
        assert (cache.layer, cache.train, cache.y_shape, y.shape) == (layer, train, (2, 2), (2, 2))
        assert cache.labels is labels
        assert cache.couples is False


def test_labels_check_every_pass():
    layer, wrong = embedding(), ones(2, 3)
    y, cache = layer.forward(np.array([1, 0]), train=True)
    for _ in range(2):
        for name, d in (("backward", "dy"), ("tangent_backward", "tdy")):
            assert said(lambda name=name: getattr(layer, name)(wrong, cache), ShapeError) == (
                f"Embedding: {d} must have the shape (2, 2), got (2, 3)"
            )
        layer.backward(y, cache)
        layer.tangent(None, cache)
    assert said(lambda: layer.tangent(None, cache, {"V": y})) == "Embedding has no parameter 'V'; it has W"


@pytest.mark.parametrize(
    "shape",
    [(2, 3, 4), (2, 1, 4), (1, 3, 1), (3, 4), (3, 1), (1, 4), (4,), (1,), (1, 1, 1), ()],
    ids=lambda shape: ident("b", shape),
)
def test_the_gradient_of_a_factor_that_was_repeated(shape):
    """(Multiply.2, 3): each number of b collects from all the places where it stood."""
    rng = new()
    (a, dy), b = rng.standard_normal((2, 2, 3, 4)), rng.standard_normal(shape)
    layer = L.Multiply()
    _, cache = layer.forward((a, b), train=True)
    da, db = layer.backward(dy, cache)
    np.testing.assert_allclose(da, dy * b)
    which = np.broadcast_to(np.arange(b.size).reshape(shape), a.shape)
    assert db.shape == shape
    np.testing.assert_allclose(db.ravel(), [(a * dy)[which == i].sum() for i in range(b.size)], rtol=1e-12)


def test_a_gradient_that_is_at_hand_is_not_made_again(monkeypatch):
    """(Reparam.4) takes dS from backward, and makes it only if backward was not asked for it."""
    layer, x, calls = spectral(), ones(2, 4), []
    original = L.Dense.weight_grad
    monkeypatch.setattr(L.Dense, "weight_grad", lambda self, *a: calls.append(a) or original(self, *a))
    y, cache = layer.forward(x, train=False)
    made = []
    for param_grads in (True, False):
        layer.backward(y, cache, param_grads=param_grads)
        layer.tangent(None, cache, {"W": layer.params["W"] + 1})
        layer.zero_grads()
        layer.tangent_backward(None, cache)
        made.append(layer.grads["W"].copy())
        assert len(calls) == 1
        calls.clear()
    np.testing.assert_array_equal(*made)
    assert np.abs(made[0]).max() > 0


def test_one_feature_has_its_own_deviation():
    """(MinibatchStd.2) with F = 1."""
    np.testing.assert_allclose(
        L.MinibatchStd(eps=1e-300).forward(np.array([[0.0], [2.0]]), train=True)[0], [[0, 1], [2, 1]]
    )


@pytest.mark.parametrize(
    "layer", [L.Maxout(2), L.MaxPool2D(2), L.ReLU(), L.Maxout(1)], ids=["maxout", "maxpool", "relu", "one-piece"]
)
def test_no_kink_where_there_is_no_number(layer):
    shape = (3, 2) if layer.describe() == "1" else (0, 2, 2, 2)
    assert layer.kink_distance(layer.forward(np.zeros(shape), train=True)[1]) == np.inf


def test_schedules_in_full():
    linear, cosine = optim.linear(10, start=0.2, final=0.1), optim.cosine(10, final=0.2)
    np.testing.assert_allclose([linear(s) for s in (0, 2, 6, 10, 30)], [1, 1, 0.55, 0.1, 0.1], rtol=1e-15)
    np.testing.assert_allclose([cosine(s) for s in (0, 5, 10, 30)], [1, 0.6, 0.2, 0.2], rtol=1e-15)
    np.testing.assert_allclose([optim.linear(10)(s) for s in (5, 6, 9, 10)], [1, 0.8, 0.2, 0], atol=1e-15)
    assert optim.cosine(10)(10) == 0
    assert optim.schedule("constant")(10**9) == 1.0


def test_a_schedule_counts_from_zero():
    seen = []
    optimizer = optim.SGD(dense(), 0.5, schedule=lambda step: seen.append(step) or 0.5)
    assert optimizer.current_lr() == 0.25
    optimizer.step()
    optimizer.step()
    assert (seen, optimizer.steps) == ([0, 0, 1], 2)


def test_reshape_takes_any_integer_and_instance_norm_names_its_own():
    assert L.Reshape(np.int64(6)).shape == (6,)
    assert said(lambda: L.InstanceNorm(0), ValueError) == "InstanceNorm: C must be an integer of at least 1, got 0"
