"""The NumPy twins against plain loops, and the table that lists them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgan import get_backend, kernels, set_backend
from scratchgan.kernels import convolution


def loops(x, W, stride, padding):
    """(Conv2D.1) as it is written: seven loops."""
    (kh, kw, Ci, Co), (sh, sw), (ph, pw) = W.shape, stride, padding
    N, H, Wd, _ = x.shape
    Ho, Wo = (H + 2 * ph - kh) // sh + 1, (Wd + 2 * pw - kw) // sw + 1
    y = np.zeros((N, Ho, Wo, Co))
    for n, h, w, i, j in itertools.product(range(N), range(Ho), range(Wo), range(kh), range(kw)):
        a, b = sh * h + i - ph, sw * w + j - pw
        if 0 <= a < H and 0 <= b < Wd:
            for c, o in itertools.product(range(Ci), range(Co)):
                y[n, h, w, o] += x[n, a, b, c] * W[i, j, c, o]
    return y


geometry = st.tuples(
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(0, 5),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometry)
def test_convolution_and_its_adjoints(g):
    kh, kw, sh, sw, ph, pw, Ci, Co, N, extra_h, extra_w = g
    rng = np.random.default_rng(0)
    H, Wd = max(1, kh - 2 * ph) + extra_h, max(1, kw - 2 * pw) + extra_w
    x, W = rng.standard_normal((N, H, Wd, Ci)), rng.standard_normal((kh, kw, Ci, Co))
    how = {"stride": (sh, sw), "padding": (ph, pw)}
    expected = loops(x, W, **how)
    y = kernels.conv2d(x, W, **how)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    dx = kernels.conv2d_input_grad(dy, W, x_shape=x.shape, **how)
    dW = kernels.conv2d_weight_grad(x, dy, kernel_size=(kh, kw), **how)
    assert dx.shape == x.shape
    assert dW.shape == W.shape
    assert np.sum(x * dx) == pytest.approx(np.sum(y * dy), rel=1e-10, abs=1e-10)  # both adjoints of the same map
    assert np.sum(W * dW) == pytest.approx(np.sum(y * dy), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("buffer", [1, 100, 1 << 18])
def test_batches_may_be_cut_anywhere(buffer, rng, monkeypatch):
    """The size of the patch buffer changes nothing but rounding."""
    x, W = rng.standard_normal((7, 6, 5, 2)), rng.standard_normal((3, 3, 2, 4))
    dy = rng.standard_normal((7, 3, 3, 4))
    how = {"stride": (2, 2), "padding": (1, 1)}
    run = lambda: [
        kernels.conv2d(x, W, **how),
        kernels.conv2d_input_grad(dy, W, x_shape=x.shape, **how),
        kernels.conv2d_weight_grad(x, dy, kernel_size=(3, 3), **how),
    ]
    expected = run()
    monkeypatch.setattr(convolution, "_BUFFER", buffer)
    for a, b in zip(run(), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_matmul_transpositions(rng):
    a, b = rng.standard_normal((3, 4)), rng.standard_normal((4, 5))
    expected = [[sum(a[m, k] * b[k, n] for k in range(4)) for n in range(5)] for m in range(3)]
    for ta, tb in itertools.product((False, True), repeat=2):
        c = kernels.matmul(a.T if ta else a, b.T if tb else b, transpose_a=ta, transpose_b=tb)
        np.testing.assert_allclose(c, expected, rtol=1e-13)


@pytest.mark.parametrize("N", [0, 1, 127, 128, 129, 1000])
def test_channel_sums(N, rng):
    a, b = rng.standard_normal((2, N, 3))
    np.testing.assert_allclose(kernels.channel_sum(a), a.sum(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(kernels.channel_dot(a, b), (a * b).sum(axis=0), rtol=1e-12, atol=1e-12)


def test_channel_sum_is_accurate_in_float32():
    """A running float32 sum of 0.1 over 100,000 rows is off by 1e-4 or so; blocks keep six digits."""
    a = np.full((100_000, 2), 0.1, np.float32)
    assert kernels.channel_sum(a) == pytest.approx(1e5 * float(np.float32(0.1)), rel=1e-5)


def test_pooling_by_hand():
    x = np.arange(20.0).reshape(1, 4, 5, 1)
    np.testing.assert_array_equal(kernels.average_pool(x, size=2)[0, :, :, 0], [[3, 5], [13, 15]])
    y = kernels.upsample_nearest(x[:, :1, :2], size=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 0, 1, 1], [0, 0, 1, 1]])


def test_registry():
    before = get_backend()
    for name, k in kernels.KERNELS.items():
        assert k.name == name
        assert getattr(kernels, name) is k
        assert k.__doc__
    with pytest.raises(ValueError, match="backend must be one of numpy, numba, got 'cuda'"):
        set_backend("cuda")
    assert get_backend() == before


def test_engines_stand_beside_their_twin(monkeypatch):
    from scratchgan.kernels import registry

    monkeypatch.setattr(registry, "KERNELS", {})

    @registry.kernel
    def double(a):
        return a + a

    @double.engine("numba")
    def _(a):
        return 2 * a, "fast"

    before = get_backend()
    try:
        registry.set_backend("numba")
        assert double(3) == (6, "fast")
        assert double.twin(3) == 6
    finally:
        registry.set_backend("numpy")
        assert double(3) == 6
        registry.set_backend(before)
    with pytest.raises(ValueError, match="already a kernel called double"):
        registry.kernel(double.twin)
