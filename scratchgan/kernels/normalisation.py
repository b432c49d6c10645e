"""Batch normalisation in training, forward and backward, with the activation after it.  Equations: layers/norm.py."""

from __future__ import annotations

import numpy as np

from .activations import leaky_relu, leaky_relu_grad
from .products import channel_dot, channel_sum
from .registry import kernel


@kernel
def batchnorm_forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, *, eps: float, slope: float = 1.0):
    """x (M, C) -> y, xhat (M, C) and r, mean, var (C,).  (Norm.1, 2), then leaky_relu with `slope`.

    for each channel c: mean, var = moments of x[:, c];  r = 1 / sqrt(var + eps)
    for each row m (parallel: a thread owns its rows), for each channel c
        xhat[m, c] = (x[m, c] - mean[c]) r[c];   y[m, c] = leaky(gamma[c] xhat[m, c] + beta[c])
    """
    M = x.dtype.type(len(x))
    mean = channel_sum.twin(x) / M
    xc = x - mean
    var = channel_dot.twin(xc, xc) / M
    r = 1 / np.sqrt(var + x.dtype.type(eps))
    xhat = xc * r
    y = gamma * xhat + beta
    return (y if slope == 1 else leaky_relu.twin(y, slope=slope)), xhat, r, mean, var


@kernel
def batchnorm_backward(
    dy: np.ndarray,
    y: np.ndarray,
    xhat: np.ndarray,
    gamma: np.ndarray,
    r: np.ndarray,
    *,
    slope: float = 1.0,
    input_grad: bool = True,
):
    """dy, y, xhat (M, C) -> dx (M, C) or None, dgamma, dbeta (C,).  leaky_relu's gradient, then (Norm.5).

        for each channel c: dbeta = sum over m of dy[m, c];   dgamma = sum over m of dy[m, c] xhat[m, c]
        for each row m (parallel: a thread owns its rows), for each channel c
            dx[m, c] = gamma[c] r[c] (dy[m, c] - dbeta[c] / M - xhat[m, c] dgamma[c] / M)

    which is (Norm.5) with gamma taken out of the means.
    """
    if slope != 1:
        dy = leaky_relu_grad.twin(dy, y, slope=slope)
    M = dy.dtype.type(len(dy))
    dbeta, dgamma = channel_sum.twin(dy), channel_dot.twin(dy, xhat)
    dx = gamma * r * (dy - dbeta / M - xhat * (dgamma / M)) if input_grad else None
    return dx, dgamma, dbeta
