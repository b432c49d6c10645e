"""The hot array operations, each a function with a readable NumPy twin; and the switch between their engines.

Layers call these functions and never ask how they are done.  `registry` holds the pairs (kernel, twin) and the backend
switch, `products` the matrix product and the sums over rows, `convolution` the three convolution products, `pooling`
the resampling maps, `batched` a matrix product for every sample, `updates` the optimisers' update rules, `threads`
keeps BLAS from spinning.

This version has the NumPy engine only; compiled engines will register behind the same functions.
"""

from .batched import batch_matmul
from .convolution import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_output_size
from .pooling import (
    average_pool,
    average_pool_adjoint,
    max_pool_adjoint,
    max_pool_argmax,
    max_pool_take,
    pool_blocks,
    upsample_bilinear,
    upsample_bilinear_adjoint,
    upsample_nearest,
    upsample_nearest_adjoint,
)
from .products import channel_dot, channel_sum, matmul
from .registry import KERNELS, Kernel, get_backend, kernel, set_backend
from .threads import blas_on_one_thread, on_one_blas_thread
from .updates import adam_update, ema_update, rmsprop_update, sgd_update

__all__ = [
    "KERNELS", "Kernel", "adam_update", "average_pool", "average_pool_adjoint", "batch_matmul", "blas_on_one_thread",
    "channel_dot", "channel_sum", "conv2d", "conv2d_input_grad", "conv2d_weight_grad", "conv_output_size",
    "ema_update", "get_backend", "kernel", "matmul", "max_pool_adjoint", "max_pool_argmax", "max_pool_take",
    "on_one_blas_thread", "pool_blocks", "rmsprop_update", "set_backend", "sgd_update", "upsample_bilinear",
    "upsample_bilinear_adjoint", "upsample_nearest", "upsample_nearest_adjoint",
]
