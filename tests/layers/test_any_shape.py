"""Hypothesis draws the shapes: all passes of each layer, whatever the sizes, kernels, strides and paddings."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan import Sequential
from scratchgan.core import ShapeError
from scratchgan.gradcheck import check
from scratchgan.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    PixelNorm,
    PixelShuffle,
    ReLU,
    Residual,
    SelfAttention,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SpectralNorm,
    Tanh,
    UpsampleBilinear2D,
    UpsampleNearest2D,
)

few = settings(max_examples=20, deadline=None, derandomize=True)
small, size = st.integers(1, 3), st.integers(1, 4)
rng = np.random.default_rng(0)
#: dividing by the spread of two or three numbers can bend so sharply that the difference is wrong in its 6th digit
SHARP = 1e-5


def holds(layer, shape, tolerance=1e-7, **options):
    """Every derivative at a random input; one that cannot vary (a single number) is passed over."""
    if np.prod(shape) > 1:
        report = check(layer, np.random.default_rng(1).standard_normal(shape), tolerance=tolerance, **options)
        assert report.ok, str(report)


@few
@given(size, size, size, st.booleans())
def test_dense(N, n_in, n_out, bias):
    holds(Dense(n_in, n_out, bias=bias, rng=rng), (N, n_in))


@few
@given(
    st.sampled_from([ReLU(), LeakyReLU(0.1), ELU(0.5), Tanh(), Sigmoid(), Softplus(), SiLU(), PixelNorm()]),
    st.lists(size, min_size=2, max_size=4),
)
def test_elementwise(layer, shape):
    holds(layer, tuple(shape))


@few
@given(st.integers(2, 4), st.lists(small, min_size=1, max_size=2), st.integers(1, 3), st.booleans(), st.booleans())
def test_batch_norm(N, sizes, C, images, train):
    holds(BatchNorm(C), (N, *(sizes if len(sizes) == 2 and images else []), C), train=train)


@few
@given(small, st.integers(1, 2), st.integers(2, 3), st.integers(1, 2), st.integers(1, 3), st.booleans())
def test_norms_within_a_sample(N, H, W, groups, each, affine):
    C = groups * each
    holds(GroupNorm(groups, C, affine=affine), (N, H, W, C), SHARP)
    holds(InstanceNorm(C, affine=affine), (N, H, W, C), SHARP)
    holds(LayerNorm((H, W, C), affine=affine), (N, H, W, C), SHARP)
    holds(LayerNorm((W, C), affine=affine), (N, H, W, C), SHARP)


@few
@given(small, size, size, st.integers(1, 3), st.integers(1, 3))
def test_windows(N, H, W, C, k):
    for layer in (AveragePool2D(k), MaxPool2D(k)):
        holds(layer, (N, H * k, W * k, C))
    for layer in (UpsampleNearest2D(k), UpsampleBilinear2D(k)):
        holds(layer, (N, H, W, C))
    holds(PixelShuffle(k), (N, H, W, C * k * k))


@few
@given(small, st.lists(small, max_size=2), st.integers(1, 3), st.integers(2, 3))
def test_along_channels(N, sizes, C, k):
    holds(Maxout(k), (N, *sizes, C * k))
    holds(Softmax(), (N, *sizes, C + 1))


@few
@given(st.integers(1, 3), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(2, 4))
def test_across_the_batch(groups, W, C, kernels, each):
    N = groups * each
    holds(MinibatchStd(groups), (N, 2, W, C), SHARP)
    holds(MinibatchDiscrimination(C, kernels, W, rng=rng), (each, C), SHARP)


@few
@given(small, small, small, st.integers(1, 9))
def test_self_attention(N, H, W, C):
    holds(SelfAttention(C, rng=rng), (N, H, W, C))


@few
@given(small, size, size, size)
def test_combinators(N, n_in, n_out, middle):
    holds(Concat([Dense(n_in, n_out, rng=rng), Tanh(), Sequential([])]), (N, n_in))
    holds(Residual(Sequential([Dense(n_in, middle, rng=rng), Softplus(), Dense(middle, n_in, rng=rng)])), (N, n_in))
    holds(Sequential([Dropout(0.3), Flatten(), Dense(n_in * n_out, middle, rng=rng)]), (N, n_in, n_out))


@few
@given(small, st.integers(1, 3), st.integers(1, 3), small, small, st.integers(0, 1))
def test_spectral_norm(N, Ci, Co, k, s, p):
    conv = Conv2D(Ci, Co, kernel_size=k, stride=s, padding=p, rng=rng)
    holds(SpectralNorm(conv, rng=rng), (N, k + 1, k, Ci), SHARP, train=False)
    holds(SpectralNorm(Dense(Ci, Co, rng=rng), rng=rng), (N, Ci), SHARP, train=False)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_convolutions_of_any_geometry(k, s, p, o, Ci, Co, N, more_h, more_w, bias):
    """All four passes of both convolutions, whatever the kernel, stride, paddings, channels and batch."""
    H, W = max(1, k - 2 * p) + more_h, max(1, k - 2 * p) + more_w
    conv = Conv2D(Ci, Co, kernel_size=k, stride=s, padding=p, bias=bias, rng=rng)
    holds(conv, (N, H, W, Ci))
    back = ConvTranspose2D(Ci, Co, kernel_size=k, stride=s, padding=p, output_padding=min(o, s - 1), bias=bias, rng=rng)
    shape = (N, 1 + more_h, 2 + more_w, Ci)
    try:
        back.output_shape(shape[1:])
    except ShapeError:
        return  # nothing would remain after cutting the padding off
    holds(back, shape)
