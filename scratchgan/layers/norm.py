r"""Normalisation: subtract a mean, divide by a standard deviation; four passes derived by hand.

Let m(v) be the mean of v over the group of entries that are normalised together (for BatchNorm: over everything but the
channel).  With centred xc = x - m(x) and r = 1 / sqrt(m(xc^2) + eps):

    (Norm.1)   xhat = r xc                                   the normalised input
    (Norm.2)   y = gamma xhat + beta

How xhat moves when x moves along tx.  m(xc^2) moves by 2 m(xc tx), hence

    (Norm.3)   tr = -r^3 m(xc tx) = -r^2 m(xhat tx)
    (Norm.4)   txhat = r (tx - m(tx)) + tr xc = P tx,     P v = r (v - m(v) - xhat m(xhat v))

P is symmetric, <P v, w> = <v, P w>, so the gradient goes back through the same formula.  With g = gamma dy:

    (Norm.5)   dx = P g,     dgamma = sum dy xhat,     dbeta = sum dy

and the tangent of (5), by the product rule on r, xhat and g, tg = tgamma dy + gamma tdy:

    (Norm.6)   tdx = (tr / r) dx + P tg - r txhat m(xhat g) - r xhat m(txhat g)
               dgamma += sum (tdy xhat + dy txhat),     dbeta += sum tdy

If m and r are constants (evaluation with running statistics), (3)-(6) lose all terms that come from m and r: P v = r v,
tr = 0, tdx = P tg.  That is another function with another gradient: mixing the two is a classic mistake.
"""

from __future__ import annotations

import numpy as np

from ..checks import positive_int, real
from ..core import Cache, Layer, add
from ..kernels import channel_dot, channel_sum


class BatchNorm(Layer):
    r"""Normalise each channel over the batch and all positions.  (Ioffe & Szegedy 2015, algorithm 1.)

    Symbols   x, y (N, C) or (N, H, W, C)   gamma, beta (C,)   m(v) mean over all axes but the last; M entries in it

    Training    (BatchNorm.1)  y = gamma xhat + beta, xhat by (Norm.1) from this batch: a sample's output depends on its
                               batch-mates, and its gradient (Norm.5) flows to them
                (BatchNorm.2)  mean <- (1 - momentum) mean + momentum m(x)
                               var  <- (1 - momentum) var  + momentum M/(M-1) m(xc^2)
    Evaluation  (BatchNorm.3)  xhat = (x - mean) / sqrt(var + eps) with the running statistics: constants

    Each call's mode is in its cache: a call in training has the training backward whatever was called since.

    Arguments: C; momentum in [0, 1]; eps > 0.
    Errors    ValueError if the last axis of x is not C, or in training if there is but one entry a channel.
    """

    couples_samples = True

    def __init__(self, C: int, *, momentum: float = 0.1, eps: float = 1e-5, dtype=np.float32):
        super().__init__()
        self.C = positive_int("BatchNorm", "C", C)
        self.momentum = real("BatchNorm", "momentum", momentum, 0, 1)
        self.eps = real("BatchNorm", "eps", eps, 0, 1, open_low=True)
        self.add_param("gamma", np.ones(C, dtype))
        self.add_param("beta", np.zeros(C, dtype))
        self.state = {"mean": np.zeros(C, dtype), "var": np.ones(C, dtype)}

    def forward(self, x, *, train, rng=None):
        """(BatchNorm.1, 2) in training, (BatchNorm.3) in evaluation."""
        self.check_input(x)
        cache = Cache(self, x, train)
        rows = x.reshape(-1, self.C)
        if train:
            if len(rows) < 2:
                raise ValueError(f"{self.label} in training needs at least 2 entries a channel to have a variance, "
                                 f"got {len(rows)}: use a larger batch")
            mean = channel_sum(rows) / x.dtype.type(len(rows))
            xc = x - mean
            var = _dot(xc, xc) / x.dtype.type(len(rows))
            self._update_running(mean, var, len(rows))
        else:
            xc, var = x - self.state["mean"], self.state["var"]
        cache.r = 1 / np.sqrt(var + x.dtype.type(self.eps))
        cache.xhat = xc * cache.r                                                                       # (Norm.1)
        cache.gamma = self.params["gamma"]
        cache.y_shape = x.shape
        return cache.gamma * cache.xhat + self.params["beta"], cache                                    # (Norm.2)

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Norm.5)."""
        cache.begin_backward(self, dy)
        if param_grads:
            self.grads["gamma"] += _dot(dy, cache.xhat)
            self.grads["beta"] += _sum(dy)
        cache.dx = None                       # made by tangent_backward if nobody asked for it here
        if input_grad:
            cache.dx = _project(cache.gamma * dy, cache)
        return cache.dx

    def tangent(self, tx, cache, tparams=None):
        """ty = gamma txhat + tgamma xhat + tbeta."""
        cache.begin_tangent(self, tx, tparams)
        tgamma, tbeta = cache.tparams.get("gamma"), cache.tparams.get("beta")
        cache.txhat = None if tx is None else _project(tx, cache)                                       # (Norm.4)
        ty = None if tx is None else cache.gamma * cache.txhat
        if tgamma is not None:
            ty = add(ty, tgamma * cache.xhat)
        if tbeta is not None:
            ty = np.broadcast_to(tbeta, cache.y_shape).copy() if ty is None else ty + tbeta
        return ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Norm.6)."""
        cache.begin_tangent_backward(self, tdy)
        xhat, txhat, dy, gamma, tgamma = cache.xhat, cache.txhat, cache.dy, cache.gamma, cache.tparams.get("gamma")
        if tdy is not None:
            self.grads["gamma"] += _dot(tdy, xhat)
            self.grads["beta"] += _sum(tdy)
        if txhat is not None:
            self.grads["gamma"] += _dot(dy, txhat)
        if not input_grad:
            return None
        tg = add(None if tdy is None else gamma * tdy, None if tgamma is None else tgamma * dy)
        tdx = None if tg is None else _project(tg, cache)
        if txhat is None or not cache.train:
            return tdx
        g, r, M = gamma * dy, cache.r, dy.dtype.type(dy.size // self.C)
        dx = _project(g, cache) if cache.dx is None else cache.dx
        tr_over_r = -r * (_dot(xhat, cache.tx) / M)                                                     # (Norm.3)
        return add(tdx, tr_over_r * dx - r * (txhat * (_dot(xhat, g) / M) + xhat * (_dot(txhat, g) / M)))

    def output_shape(self, shape, batch="N"):
        """The same as the input's; its last entry must be C."""
        if shape is None:
            return None
        if not shape or shape[-1] not in (None, self.C):
            raise self.misfit(f"(N, ..., {self.C})", shape, batch)
        return shape

    def describe(self):
        """Channels."""
        return str(self.C)

    def _update_running(self, mean, var, M):
        """(BatchNorm.2), in place."""
        for name, value in (("mean", mean), ("var", var * (M / (M - 1)))):
            old = self.state[name]
            old += self.momentum * (value - old)


def _sum(a: np.ndarray) -> np.ndarray:
    return channel_sum(a.reshape(-1, a.shape[-1]))


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    C = a.shape[-1]
    return channel_dot(a.reshape(-1, C), b.reshape(-1, C))


def _project(v: np.ndarray, cache: Cache) -> np.ndarray:
    """P v of (Norm.4), or r v where the statistics were constants."""
    if not cache.train:
        return cache.r * v
    M = v.dtype.type(v.size // v.shape[-1])
    return cache.r * (v - _sum(v) / M - cache.xhat * (_dot(cache.xhat, v) / M))
