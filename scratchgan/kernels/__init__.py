"""The array operations that take most of the time, each with a readable NumPy twin; and the choice of a backend.

Layers call these functions and need not know which backend runs them.  `registry` holds the pairs (kernel, twin) and
the choice of the backend, `products` the matrix product and the sums over rows, `convolution` the three convolution
products, `pooling` the resampling maps, `batched` a matrix product for every sample, `group_means` means over parts of
a sample, `spectral` the power iteration, `updates` the optimisers' update rules, and `threads` the number of threads.

`compiled` holds the compiled engines of the same functions; it is imported when the first kernel is called.
"""

from .activations import leaky_relu, leaky_relu_grad, leaky_relu_grad_sum
from .batched import batch_matmul
from .convolution import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_output_size
from .group_means import group_mean, group_mean_dot
from .normalisation import batchnorm_backward, batchnorm_forward
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
from .products import channel_dot, channel_sum, leaky, matmul
from .registry import KERNELS, Kernel, get_backend, kernel, set_backend
from .spectral import power_iteration
from .threads import blas_on_one_thread, get_num_threads, on_one_blas_thread, set_num_threads
from .updates import adam_update, adam_updates, ema_update, rmsprop_update, sgd_update
from .warm import prepare, warmup

__all__ = [
    "KERNELS",
    "Kernel",
    "adam_update",
    "adam_updates",
    "average_pool",
    "average_pool_adjoint",
    "batch_matmul",
    "batchnorm_backward",
    "batchnorm_forward",
    "blas_on_one_thread",
    "channel_dot",
    "channel_sum",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "conv_output_size",
    "ema_update",
    "get_backend",
    "get_num_threads",
    "group_mean",
    "group_mean_dot",
    "kernel",
    "leaky",
    "leaky_relu",
    "leaky_relu_grad",
    "leaky_relu_grad_sum",
    "matmul",
    "max_pool_adjoint",
    "max_pool_argmax",
    "max_pool_take",
    "on_one_blas_thread",
    "pool_blocks",
    "power_iteration",
    "prepare",
    "rmsprop_update",
    "set_backend",
    "set_num_threads",
    "sgd_update",
    "upsample_bilinear",
    "upsample_bilinear_adjoint",
    "upsample_nearest",
    "upsample_nearest_adjoint",
    "warmup",
]
