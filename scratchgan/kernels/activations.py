"""max(x, slope x) and its gradient: the activation between most layers of a GAN."""

from __future__ import annotations

import numpy as np

from .products import channel_sum
from .registry import kernel


@kernel
def leaky_relu(x: np.ndarray, *, slope: float) -> np.ndarray:
    """y = x where x > 0, slope x elsewhere; slope 0 is ReLU.  (LeakyReLU.1)"""
    return np.maximum(x, x.dtype.type(slope) * x)


@kernel
def leaky_relu_grad(dy: np.ndarray, y: np.ndarray, *, slope: float) -> np.ndarray:
    """dx = dy where y > 0, slope dy elsewhere.  (y > 0 exactly where x > 0, for 0 <= slope <= 1.)"""
    return np.where(y > 0, dy, dy.dtype.type(slope) * dy)


@kernel
def leaky_relu_grad_sum(dy: np.ndarray, y: np.ndarray, *, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """(dx, its sum over all axes but the last): the gradients of an activation and of the bias before it."""
    dx = leaky_relu_grad.twin(dy, y, slope=slope)
    return dx, channel_sum.twin(dx.reshape(-1, dx.shape[-1]))
