"""Products of two inputs: the four passes of both, and factors that are repeated."""

import numpy as np
import pytest
from small_layers import ident, new

from scratchgan import kernels
from scratchgan import layers as L
from scratchgan.core import OrderError, ShapeError
from scratchgan.layers import (
    MatMul,
    Multiply,
)


def test_product_contract(rng):
    """None in a tangent is zero; both factors are checked."""
    layer = MatMul()
    a, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    y, cache = layer.forward((a, b), train=True)
    with pytest.raises(OrderError, match="backward and tangent"):
        layer.tangent_backward(None, cache)
    dy = rng.standard_normal(y.shape)
    assert layer.backward(dy, cache, input_grad=False) == (None, None)
    np.testing.assert_allclose(layer.tangent((a, None), cache), y)
    da, db = layer.tangent_backward(None, cache)
    assert da is None
    np.testing.assert_allclose(db, a.swapaxes(1, 2) @ dy)
    np.testing.assert_allclose(layer.tangent((None, b), cache), y)
    da, db = layer.tangent_backward(None, cache)
    np.testing.assert_allclose(da, dy @ b.swapaxes(1, 2))
    assert db is None
    assert layer.tangent((None, None), cache) is None
    assert layer.tangent_backward(None, cache) == (None, None)
    with pytest.raises(ShapeError, match="tb must be float64 of the shape"):
        layer.tangent((None, a), cache)
    with pytest.raises(TypeError, match="array of float32 or float64 for b, got list"):
        layer.forward((a, [1.0]), train=True)
    with pytest.raises(TypeError, match="a and b of the same dtype, got float64 and float32"):
        layer.forward((a, b.astype(np.float32)), train=True)
    with pytest.raises(ShapeError, match=r"a \(N, I, K\) and b \(N, K, J\), got a \(2, 3, 4\) and b \(2, 3, 4\)"):
        layer.forward((a, a), train=True)
    with pytest.raises(ShapeError, match="b of a shape that broadcasts to a's"):
        Multiply().forward((a, b), train=True)


def test_batch_matmul_against_loops(rng):
    a, b = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 4, 5))
    expected = np.array(
        [[[sum(a[n, i, k] * b[n, k, j] for k in range(4)) for j in range(5)] for i in range(3)] for n in range(2)]
    )
    for ta in (False, True):
        for tb in (False, True):
            c = kernels.batch_matmul(
                a.swapaxes(1, 2) if ta else a, b.swapaxes(1, 2) if tb else b, transpose_a=ta, transpose_b=tb
            )
            np.testing.assert_allclose(c, expected, rtol=1e-12, atol=1e-14)


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
