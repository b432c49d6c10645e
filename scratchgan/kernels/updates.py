"""The optimisers' update rules on one array, in place.  The equations are in `scratchgan.optim`."""

from __future__ import annotations

import numpy as np

from .registry import kernel


@kernel
def sgd_update(w: np.ndarray, g: np.ndarray, v: np.ndarray, *, lr: float, momentum: float, nesterov: bool) -> None:
    """v <- momentum v + g;  w <- w - lr v, or w - lr (g + momentum v) with nesterov.  (SGD.1-3)"""
    v *= momentum
    v += g
    w -= lr * ((g + momentum * v) if nesterov else v)


@kernel
def rmsprop_update(w: np.ndarray, g: np.ndarray, v: np.ndarray, *, lr: float, decay: float, eps: float) -> None:
    """v <- decay v + (1 - decay) g^2;  w <- w - lr g / (sqrt(v) + eps).  (RMSProp.1, 2)"""
    v *= decay
    v += (1 - decay) * (g * g)
    w -= lr * g / (np.sqrt(v) + eps)


@kernel
def adam_update(
    w: np.ndarray,
    g: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
) -> None:
    """The moments, their bias corrections and the step.  (Adam.1-4)"""
    m *= beta1
    m += (1 - beta1) * g  # (Adam.1)
    v *= beta2
    v += (1 - beta2) * (g * g)  # (Adam.2)
    scale = 1.0 / (1 - beta2**step) ** 0.5  # sqrt(vhat) = scale sqrt(v)         (Adam.3)
    w -= (lr / (1 - beta1**step)) * m / (scale * np.sqrt(v) + eps)  # (Adam.4)


@kernel
def adam_updates(
    ws: list[np.ndarray],
    gs: list[np.ndarray],
    ms: list[np.ndarray],
    vs: list[np.ndarray],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    step: int,
) -> None:
    """`adam_update` for every array of a net."""
    for w, g, m, v in zip(ws, gs, ms, vs, strict=True):
        adam_update.twin(w, g, m, v, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)


@kernel
def ema_update(mean: np.ndarray, w: np.ndarray, *, decay: float) -> None:
    """mean <- decay mean + (1 - decay) w.  (EMA.1)"""
    mean *= decay
    mean += (1 - decay) * w
