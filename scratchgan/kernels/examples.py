"""Example calls of every kernel: `warmup` runs them to compile everything, tests to compare engines with twins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

HOW = {"stride": (2, 2), "padding": (1, 1)}


def examples(dtype=np.float32, seed: int = 0) -> Iterator[tuple[str, tuple, dict]]:
    """(kernel's name, arguments, keywords), large enough for the compiled engine to be used."""
    rng = np.random.default_rng(seed)
    new = lambda *shape: np.asarray(rng.standard_normal(shape), dtype)

    a, b, bias = new(70, 40), new(40, 66), new(66)
    yield "matmul", (a, b), {"bias": bias, "slope": 0.2}
    yield "matmul", (new(40, 70), b), {"transpose_a": True}
    yield "matmul", (a, new(66, 40)), {"transpose_b": True}
    yield "matmul", (a, new(40, 3)), {}  # the narrow tile
    yield "matmul", (new(40, 70), new(40, 3)), {"transpose_a": True}
    yield "matmul", (new(90, 70), new(70, 1)), {}
    yield "matmul", (new(70, 90), new(70, 1)), {"transpose_a": True}
    yield "matmul", (new(90, 1), new(1, 70)), {}
    yield "batch_matmul", (new(3, 20, 30), new(3, 30, 25)), {}
    for N, C, Co in ((4, 2, 24), (4, 20, 24), (60, 32, 32)):  # short pixels, long ones, enough for Winograd
        x, W, dy = new(N, 12, 12, C), new(4, 4, C, Co), new(N, 6, 6, Co)
        yield "conv2d", (x, W), {**HOW, "bias": new(Co), "slope": 0.2}
        yield "conv2d_input_grad", (dy, W), {**HOW, "x_shape": x.shape, "bias": new(C), "slope": 0.2}
        yield "conv2d_weight_grad", (x, dy), {**HOW, "kernel_size": (4, 4)}
    x, dy = new(300, 24), new(300, 24)
    yield "channel_sum", (x,), {}
    yield "channel_dot", (x, dy), {}
    yield "leaky_relu", (x,), {"slope": 0.2}
    yield "leaky_relu_grad", (dy, x), {"slope": 0.2}
    yield "leaky_relu_grad_sum", (dy, x), {"slope": 0.2}
    gamma, beta, r = new(24), new(24), abs(new(24))
    for M in (128, 1152):  # shares of 16 and of 144 rows: whole blocks, with nothing left over
        x8, dy8 = new(M, 8), new(M, 8)
        yield "channel_sum", (x8,), {}
        yield "channel_dot", (x8, dy8), {}
        yield "leaky_relu_grad_sum", (dy8, x8), {"slope": 0.2}
        yield "batchnorm_forward", (x8, new(8), new(8)), {"eps": 1e-5, "slope": 0.2}
        yield "batchnorm_backward", (dy8, new(M, 8), x8, new(8), abs(new(8))), {"slope": 0.2}
    yield "batchnorm_forward", (x, gamma, beta), {"eps": 1e-5, "slope": 0.2}
    yield "batchnorm_backward", (dy, new(300, 24), x, gamma, r), {"slope": 0.2}
    w, g, m, v = new(50, 40), new(50, 40), new(50, 40), abs(new(50, 40))
    yield "adam_update", (w, g, m, v), {"lr": 1e-3, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "step": 3}
    yield (
        "adam_updates",
        ([w.copy(), m[0]], [g, w[1]], [m.copy(), g[0]], [v.copy(), v[1]]),
        {"lr": 1e-3, "beta1": 0.5, "beta2": 0.999, "eps": 1e-8, "step": 3},
    )
    yield "rmsprop_update", (w, g, v), {"lr": 1e-3, "decay": 0.9, "eps": 1e-8}
    yield "sgd_update", (w, g, m), {"lr": 1e-2, "momentum": 0.9, "nesterov": True}
    yield "ema_update", (w, g), {"decay": 0.9}
    image, half, at = new(4, 12, 12, 20), new(4, 6, 6, 20), rng.integers(0, 4, (4, 6, 6, 20))
    yield "average_pool", (image,), {"size": 2}
    yield "average_pool_adjoint", (half,), {"size": 2, "x_shape": image.shape}
    yield "max_pool_argmax", (image,), {"size": 2}
    yield "max_pool_take", (image, at), {"size": 2}
    yield "max_pool_adjoint", (half, at), {"size": 2, "x_shape": image.shape}
    yield "upsample_nearest", (half,), {"size": 2}
    yield "upsample_nearest_adjoint", (image,), {"size": 2}
    yield "upsample_bilinear", (half,), {"size": 2}
    yield "upsample_bilinear_adjoint", (image,), {"size": 2}
    yield "group_mean", (new(4, 60, 24),), {"groups": 3}
    yield "group_mean_dot", (new(4, 60, 24), new(4, 60, 24)), {"groups": 3}
    yield "power_iteration", (new(80, 60), new(80)), {"iterations": 2}
