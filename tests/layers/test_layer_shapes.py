"""Shapes: those that a layer refuses, naming itself, what it expects and what it got; and those that just fit."""

import numpy as np
import pytest
from small_layers import attention, conv, conv_t, dense, embedding, ident, new, said, spectral, tells

from scratchgan import Sequential
from scratchgan import layers as L
from scratchgan.core import ShapeError

IMAGES = "images (N, H, W, 2)"
ALONE = "(N, ..., 4) | 2 entries | 4 groups"
WRONG = {  # (how it is made, what it says before "got ...", see `tells`, shapes with their batch axis that do not fit)
    "Dense": (dense, "Dense | vectors (N, 4)", [(2, 5), (2, 2, 4), (7,)]),
    "Conv2D": (conv, f"Conv2D | {IMAGES}", [(1, 5, 5, 3), (5, 5, 2), (1, 1, 5, 5, 2)]),
    "Conv2D height": (
        lambda: conv(kernel_size=(6, 3), padding=(1, 0)),
        f"Conv2D | {IMAGES} | 4 pixels | kernel 6, padding 1",
        [(2, 3, 9, 2)],
    ),
    "Conv2D width": (
        lambda: conv(kernel_size=(6, 3), padding=(1, 0)),
        f"Conv2D | {IMAGES} | 3 pixels | kernel 3, padding 0",
        [(2, 4, 2, 2)],
    ),
    "ConvTranspose2D": (conv_t, f"ConvTranspose2D | {IMAGES}", [(1, 5, 5, 3), (5, 5, 2)]),
    "ConvTranspose2D no output": (
        lambda: conv_t(kernel_size=1, padding=1),
        f"ConvTranspose2D | {IMAGES} | large enough",
        [(3, 2, 3, 2), (3, 3, 2, 2)],
    ),
    "ConvTranspose2D no pixel": (
        conv_t,
        f"ConvTranspose2D | {IMAGES} | large enough",
        [(3, 0, 3, 2), (3, 3, 0, 2)],
    ),
    "BatchNorm": (lambda: L.BatchNorm(3), "BatchNorm | (N, ..., 3)", [(4, 2), (4,), (4, 3, 3, 2)]),
    "LayerNorm": (lambda: L.LayerNorm((3, 4)), "LayerNorm | (N, ..., 3, 4)", [(2, 4, 3), (2, 4), (2,)]),
    "LayerNorm vectors": (lambda: L.LayerNorm(5), "LayerNorm | (N, ..., 5)", [(2, 4), (2,)]),
    "GroupNorm": (lambda: L.GroupNorm(2, 4), "GroupNorm | (N, ..., 4)", [(2, 3, 3, 5), (2,)]),
    "GroupNorm alone": (lambda: L.GroupNorm(4, 4), f"GroupNorm | {ALONE}", [(2, 4), (2, 1, 1, 4), (2, 0, 3, 4)]),
    "InstanceNorm": (lambda: L.InstanceNorm(4), "InstanceNorm | (N, ..., 4)", [(2, 3, 3, 1)]),
    "InstanceNorm alone": (lambda: L.InstanceNorm(4), f"InstanceNorm | {ALONE}", [(2, 1, 1, 4)]),
    "PixelNorm": (L.PixelNorm, "PixelNorm | (N, ..., C)", [(2,)]),
    "Softmax": (L.Softmax, "Softmax | (N, ..., C) | at least 1", [(4,), (4, 0), (2, 3, 0)]),
    "SelfAttention": (
        attention,
        "SelfAttention | images (N, H, W, 3) | at least one pixel",
        [(1, 2, 2, 4), (1, 0, 2, 3), (1, 2, 0, 3), (1, 2, 3), (1, 1, 2, 2, 3)],
    ),
    "MinibatchStd": (L.MinibatchStd, "MinibatchStd | (N, ..., C)", [(4,)]),
    "MinibatchDiscrimination": (
        lambda: L.MinibatchDiscrimination(3, 2, 2, rng=new()),
        "MinibatchDiscrimination | vectors (N, 3)",
        [(4, 2), (4, 3, 3), (4,)],
    ),
    "Maxout": (lambda: L.Maxout(3), "Maxout | (N, ..., a multiple of 3)", [(4, 4), (4,), (2, 3, 5)]),
    "AveragePool2D": (
        lambda: L.AveragePool2D(3),
        "AveragePool2D | images (N, H, W, C) | 3 pixels",
        [(4, 2, 3, 1), (4, 3, 2, 1), (4, 3, 3), (4, 3, 3, 3, 3)],
    ),
    "MaxPool2D": (
        lambda: L.MaxPool2D(3),
        "MaxPool2D | images (N, H, W, C) | 3 pixels",
        [(4, 2, 3, 1), (4, 3, 2, 1), (4, 3, 3)],
    ),
    "UpsampleNearest2D": (L.UpsampleNearest2D, "UpsampleNearest2D | images (N, H, W, C)", [(4, 2), (1, 2, 2)]),
    "UpsampleBilinear2D": (L.UpsampleBilinear2D, "UpsampleBilinear2D | images (N, H, W, C)", [(4, 2)]),
    "UpsampleBilinear2D no pixel": (
        L.UpsampleBilinear2D,
        "UpsampleBilinear2D | images (N, H, W, C) | at least one pixel",
        [(4, 0, 2, 1), (4, 2, 0, 1)],
    ),
    "PixelShuffle": (
        L.PixelShuffle,
        "PixelShuffle | images (N, H, W, a multiple of 4)",
        [(1, 2, 2, 6), (1, 2, 4), (2, 2, 2, 2, 4)],
    ),
    "SpectralNorm": (spectral, "Dense | vectors (N, 4)", [(2, 5)]),
    "Concat": (lambda: L.Concat([Sequential([]), dense()]), 'Dense "1" | vectors (N, 4)', [(2, 5)]),
    "Residual": (lambda: L.Residual(dense(4, 4)), 'Dense "branch" | vectors (N, 4)', [(2, 5)]),
}


def refused_shape(make, expected, shape):
    layer, x = make(), np.zeros(shape, np.float32)
    real = f"{expected} | got ({', '.join(map(str, shape))})"
    symbol = f"{expected} | got ({', '.join(['N', *map(str, shape[1:])])})"
    tells(said(lambda: layer.forward(x, train=True), ShapeError), real)
    tells(said(lambda: layer.check_input(x), ShapeError), real)
    tells(said(lambda: layer.output_shape(shape[1:]), ShapeError), symbol)


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
    refused_shape(lambda: L.Reshape((2, 3, 2)), "Reshape | 12 entries | (2, 3, 2)", shape)


def test_the_label_stands_in_front():
    for layer, start in (
        (dense(), 'Dense "D.2"'),
        (spectral(), 'Dense "D.2"'),
        (L.Residual(dense(4, 4)), 'Dense "D.2.branch"'),
    ):
        layer.set_path("D.2")
        tells(said(lambda layer=layer: layer.output_shape((5,)), ShapeError), f"{start} | (N, 4) | got (N, 5)")


def test_shapes_that_no_batch_has():
    """Embedding and the products check their own inputs; output_shape prints the batch that it is told."""
    tells(said(lambda: embedding().output_shape((2,)), ShapeError), "Embedding | labels (N,) | got (N, 2)")
    tells(said(lambda: embedding().output_shape((2,), 7), ShapeError), "Embedding | labels (N,) | got (7, 2)")
    multiply, matmul, transposed = (
        "Multiply | b | a's",
        "MatMul | a (N, I, K) | b (N, K, J)",
        "MatMul | a (N, I, K) | b (N, J, K)",
    )
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
        tells(
            said(lambda layer=layer, pair=pair: layer.check_input(pair), ShapeError), f"{start} | got a {a} and b {b}"
        )
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
