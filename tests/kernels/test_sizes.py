"""Sizes around every tile, block and share of every kernel: where a loop ends, and the next one begins.

The sizes are made from the constants of the modules, so they follow if these change.
"""

import numpy as np
import pytest
from engines import DTYPES, MOST, close, threads

from scratchgan import kernels
from scratchgan.kernels.compiled import (
    batchnorm,
    conv,
    conv_weight_grad,
    elementwise,
    gemm,
    group_means,
    resampling,
    spectral,
    thin,
    tile,
    updates,
    winograd,
    winograd_grad,
)

pytestmark = pytest.mark.usefixtures("on_numba")
HOW = {"stride": (2, 2), "padding": (1, 1)}


def around(*sizes):
    return sorted({n + d for n in sizes for d in (-1, 0, 1) if n + d > 0})


def agree(name, *args, **how):
    """The engine is its twin, and gives the same bits on one and on two threads."""
    given = lambda: [a.copy() if isinstance(a, np.ndarray) else [b.copy() for b in a] for a in args]
    k, mine, bits = kernels.KERNELS[name], given(), []
    flat = lambda made, args: [
        *(made if isinstance(made, tuple) else [] if made is None else [made]),
        *(b for a in args for b in (a if isinstance(a, list) else [a])),
    ]
    expected = flat(k.twin(*mine, **how), mine)
    for n in (1, MOST):
        with threads(n):
            mine = given()
            made = flat(k.engines["numba"](*mine, **how), mine)
        for a, b in zip(made, expected, strict=True):
            close(a, b)
        bits.append([np.asarray(a).tobytes() for a in made])
    assert bits[0] == bits[1], name


@pytest.fixture
def new(rng):
    return lambda dtype: lambda *shape: rng.standard_normal(shape).astype(dtype)


#: rows: one loop (WIDE), one block, the share of a task of each, and the shares of eight tasks
ROWS = around(
    batchnorm.WIDE,
    batchnorm.WIDE * batchnorm.BLOCK,
    batchnorm.TASKS * batchnorm.WIDE,
    batchnorm.TASKS * batchnorm.WIDE * batchnorm.BLOCK,
    batchnorm.TASKS * batchnorm.WIDE * (batchnorm.BLOCK + 1),
)


@DTYPES
def test_sums_over_rows_of_every_share(dtype, new, monkeypatch):
    monkeypatch.setattr(batchnorm, "SMALL", 1)
    monkeypatch.setattr(elementwise, "SMALL", 1)
    make = new(dtype)
    for M in ROWS:
        for C in (1, 3) if M > 200 else (1, 3, 8, 17):
            x, dy, y = make(M, C), make(M, C), make(M, C)
            agree("channel_sum", 3 + x)  # sums without cancellation
            agree("channel_dot", 3 + x, 3 + dy)
            agree("leaky_relu_grad_sum", 3 + dy, y, slope=0.2)
            if M > 1:
                agree("batchnorm_forward", 3 + x, make(C), make(C), eps=1e-5, slope=0.2)
                agree("batchnorm_backward", dy, x, y, make(C), abs(make(C)), slope=0.2)


@DTYPES
def test_numbers_of_every_share(dtype, new, monkeypatch):
    for module in (elementwise, updates):
        monkeypatch.setattr(module, "SMALL", 1)
    make = new(dtype)
    rate = {"lr": 1e-2, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "step": 2}
    for n in around(2, 8, 64, updates.PIECE, 1 << 14, 2 * updates.PIECE):
        x, dy, w, g, m, v = make(n, 1), make(n, 1), make(n), make(n), make(n), abs(make(n))
        agree("leaky_relu", x, slope=0.2)
        agree("leaky_relu_grad", dy, x, slope=0.2)
        agree("adam_update", w, g, m, v, **rate)
        agree("adam_updates", [w, m[:3]], [g, g[:3]], [m, w[:3]], [v, v[:3]], **rate)
        agree("rmsprop_update", w, g, v, lr=1e-2, decay=0.9, eps=1e-8)
        agree("sgd_update", w, g, m, lr=1e-2, momentum=0.9, nesterov=n % 2 == 0)
        agree("ema_update", w, g, decay=0.9)


@DTYPES
def test_products_around_every_tile_and_panel(dtype, new, monkeypatch):
    monkeypatch.setattr(gemm, "SMALL", 1)
    make = new(dtype)
    width = tile.VECTORS * tile.VECTOR_BYTES // np.dtype(dtype).itemsize
    rows = around(tile.ROWS, gemm.BLOCK * tile.ROWS)
    sizes = [(M, 7, N) for M in rows for N in (1, width - 1, width, width + 1)]
    sizes += [(tile.ROWS + 1, K, width + 1) for K in around(gemm.DEPTH)]
    sizes += [(gemm.BLOCK * tile.ROWS * gemm.TASKS + d, 3, width) for d in (-1, 0, 1)]
    sizes += [(9, gemm.DEPTH + 3, n) for n in around(gemm.TOGETHER * width)]
    sizes += [(M, 40, 1) for M in around(thin.TASKS, thin.TASKS * 16)] + [(M, 1, 40) for M in around(thin.TASKS)]
    for i, (M, K, N) in enumerate(sizes):
        a, b, bias = make(M, K), make(K, N), make(N)
        agree("matmul", a, b, bias=bias, slope=0.2)
        if i % 3 == 0:
            agree("matmul", a.T.copy(), b, transpose_a=True)
            agree("matmul", a, b.T.copy(), transpose_b=True)


def convolutions(make, x, W, how):
    y = kernels.conv2d.twin(x, W, **how)
    agree("conv2d", x, W, **how)
    agree("conv2d_input_grad", make(*y.shape), W, x_shape=x.shape, **how)
    agree("conv2d_weight_grad", x, make(*y.shape), kernel_size=W.shape[:2], **how)


@DTYPES
def test_convolutions_around_every_group_of_pixels_and_channels(dtype, new):
    make = new(dtype)
    for C in around(conv.SHORT):
        convolutions(make, make(2, 6, 6, C), make(4, 4, C, 5), HOW)
    for pixels in around(conv.GROUP, conv_weight_grad.DEPTH):
        convolutions(make, make(1, 1, pixels, 3), make(1, 3, 3, 4), {"stride": (1, 1), "padding": (0, 1)})


@DTYPES
def test_winograd_around_every_group_of_tiles(dtype, new):
    """N images of 2 x 2 output pixels have one tile for each of the four phases of the input gradient."""
    make, C = new(dtype), winograd.NARROW
    W = make(4, 4, C, C)
    for tiles in (*around(winograd.FEWEST, winograd_grad.DEPTH * 4), winograd.FEWEST + winograd.GROUP + 1):
        x = make(tiles, 4, 4, C)
        convolutions(make, x, W, HOW)


@DTYPES
def test_pixels_of_every_share(dtype, new, monkeypatch):
    for module in (group_means, resampling, spectral):
        monkeypatch.setattr(module, "SMALL", 1)
        monkeypatch.setattr(module, "GRAIN", 64)
    make = new(dtype)
    for N in around(2, resampling.MOST):
        image, half = make(N, 4, 4, 2), make(N, 2, 2, 2)
        agree("average_pool", image, size=2)
        agree("average_pool_adjoint", half, size=2, x_shape=image.shape)
        agree("upsample_nearest", half, size=2)
        agree("upsample_nearest_adjoint", image, size=2)
        agree("upsample_bilinear", half, size=2)
        agree("upsample_bilinear_adjoint", image, size=2)
        agree("max_pool_argmax", image, size=2)
    for P in around(group_means.SHARES):
        agree("group_mean", make(3, P, 6), groups=3)
        agree("group_mean_dot", make(3, P, 6), make(3, P, 6), groups=2)
    for rows in around(spectral.MOST):
        agree("power_iteration", make(rows, 9), make(rows), iterations=2)
