"""The compiled engines: equal to their twins, the same bits on any number of threads, and honest about bad input."""

import numpy as np
import pytest
from engines import MOST, close

from scratchgan import kernels
from scratchgan.kernels.compiled import pool
from scratchgan.kernels.examples import examples

pytestmark = pytest.mark.usefixtures("on_numba")


def copies(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else [b.copy() for b in a] for a in arguments]


def results(made, arguments):
    """What a kernel returned, and what it wrote in place."""
    made = list(made) if isinstance(made, tuple) else [made]
    arguments = [a for given in arguments for a in (given if isinstance(given, list) else [given])]
    return [a for a in [*made, *arguments] if isinstance(a, (np.ndarray, np.generic))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_engine_is_its_twin_on_one_and_two_threads(dtype):
    seen = set()
    for name, arguments, keywords in examples(dtype):
        k = kernels.KERNELS[name]
        first = copies(arguments)
        expected = results(k.twin(*first, **keywords), first)
        bits = []
        for n in (1, MOST):
            pool.set_num_threads(n)
            given = copies(arguments)
            made = results(k(*given, **keywords), given)
            for a, b in zip(made, expected, strict=True):
                close(a, b)
            bits.append([np.asarray(a).tobytes() for a in made])
        assert bits[0] == bits[1], name
        seen.add(name)
    assert seen == set(kernels.KERNELS), "every kernel has an example, and every example is a kernel"
    assert all("numba" in k.engines for k in kernels.KERNELS.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "g",
    [
        (1, 9, 8, 3, 40, 4, 4, 2, 2, 1, 1),
        (3, 5, 4, 20, 17, 3, 2, 3, 2, 2, 1),
        (2, 7, 7, 16, 16, 1, 1, 1, 1, 0, 0),
        (2, 9, 9, 33, 3, 2, 2, 5, 5, 0, 0),
        (1, 1, 1, 18, 70, 1, 1, 1, 1, 0, 0),
        (5, 6, 5, 1, 1, 3, 3, 1, 1, 1, 1),
        (2, 3, 3, 64, 65, 3, 3, 2, 2, 2, 2),
    ],
    ids=str,
)
def test_convolutions_of_odd_geometry(g, dtype, rng):
    N, H, W, Ci, Co, kh, kw, sh, sw, ph, pw = g
    new = lambda *shape: rng.standard_normal(shape).astype(dtype)
    x, weight, how = new(N, H, W, Ci), new(kh, kw, Ci, Co), {"stride": (sh, sw), "padding": (ph, pw)}
    y = kernels.conv2d.twin(x, weight, **how)
    dy = new(*y.shape)
    close(kernels.conv2d(x, weight, **how), y)
    close(
        kernels.conv2d_input_grad(dy, weight, x_shape=x.shape, **how),
        kernels.conv2d_input_grad.twin(dy, weight, x_shape=x.shape, **how),
    )
    close(
        kernels.conv2d_weight_grad(x, dy, kernel_size=(kh, kw), **how),
        kernels.conv2d_weight_grad.twin(x, dy, kernel_size=(kh, kw), **how),
    )
    # views that are not contiguous, and an empty batch
    close(kernels.conv2d(np.asfortranarray(x), weight, **how), y)
    assert kernels.conv2d(x[:0], weight, **how).shape == (0, *y.shape[1:])


@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 3, 5), (65, 513, 129), (6, 1200, 16), (301, 2, 17), (130, 70, 1)])
def test_products_of_odd_sizes(shape, rng):
    M, K, N = shape
    for ta in (False, True):
        for tb in (False, True):
            a, b = rng.standard_normal((K, M) if ta else (M, K)), rng.standard_normal((N, K) if tb else (K, N))
            how = {"transpose_a": ta, "transpose_b": tb, "bias": rng.standard_normal(N), "slope": 0.3}
            close(kernels.matmul(a, b, **how), kernels.matmul.twin(a, b, **how))
            close(kernels.matmul(a.T.copy().T, b, **how), kernels.matmul.twin(a, b, **how))


def test_shapes_that_do_not_fit_are_refused_and_never_read_past_the_end(rng):
    """Compiled code does not look where an array ends: what does not fit must not get there."""
    new = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    x, W, dy, how = new(4, 12, 12, 20), new(4, 4, 20, 24), new(4, 6, 6, 24), {"stride": (2, 2), "padding": (1, 1)}
    big, small = new(300, 24), new(200, 24)
    wrong = [
        lambda: kernels.matmul(new(70, 40), new(41, 66)),
        lambda: kernels.matmul(new(70, 40), new(40, 66), bias=new(65)),
        lambda: kernels.conv2d(x, new(4, 4, 19, 24), **how),
        lambda: kernels.conv2d(x, W, **how, bias=new(23)),
        lambda: kernels.conv2d_input_grad(new(4, 5, 6, 24), W, x_shape=x.shape, **how),
        lambda: kernels.conv2d_input_grad(dy, W, x_shape=(4, 12, 12, 21), **how),
        lambda: kernels.conv2d_weight_grad(x, new(3, 6, 6, 24), kernel_size=(4, 4), **how),
        lambda: kernels.channel_dot(big, small),
        lambda: kernels.leaky_relu_grad(big, small, slope=0.2),
        lambda: kernels.batchnorm_forward(big, new(23), new(24), eps=1e-5),
        lambda: kernels.batchnorm_backward(big, big, small, new(24), new(24)),
        lambda: kernels.adam_update(big, small, big, big, lr=1e-3, beta1=0.5, beta2=0.9, eps=1e-8, step=1),
        lambda: kernels.sgd_update(big, small, big, lr=1e-3, momentum=0.9, nesterov=False),
        lambda: kernels.ema_update(big, small, decay=0.9),
    ]
    for call in wrong:
        with pytest.raises(ValueError):
            call()
    bias = rng.standard_normal(66)  # of another dtype: NumPy's rules, not its bytes read as floats
    close(kernels.matmul(new(70, 40), new(40, 66) * 0, bias=bias)[0], bias.astype(np.float32))


def test_not_a_number_is_honest(rng):
    """NaN and infinity come out where they must, whatever the compiler may reorder."""
    x, W = rng.standard_normal((70, 40)).astype(np.float32), rng.standard_normal((40, 70)).astype(np.float32)
    x[3, 5], x[9, 0] = np.nan, np.inf
    y = kernels.matmul(x, W)
    assert np.isnan(y[3]).all()
    assert not np.isfinite(y[9]).any()
    assert np.isfinite(np.delete(y, [3, 9], axis=0)).all()
    assert np.isnan(kernels.leaky_relu(np.full((60, 60), np.nan, np.float32), slope=0.2)).all()
    x = rng.standard_normal((300, 24)).astype(np.float32)
    x[7, 4] = np.nan
    y = kernels.batchnorm_forward(x, np.ones(24, np.float32), np.zeros(24, np.float32), eps=1e-5)[0]
    assert np.isnan(y[:, 4]).all()
    assert np.isfinite(np.delete(y, 4, axis=1)).all()
