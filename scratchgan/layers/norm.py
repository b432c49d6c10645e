r"""Normalisation: subtract a mean, divide by a standard deviation.  Four passes, derived once by hand.

Let m(v) be the mean of v over the group of entries that are normalised together.  The normalisations differ only in
the choice of this group:

    BatchNorm      all samples and positions of a channel            LayerNorm   all entries of a sample
    InstanceNorm   all positions of a channel of a sample            GroupNorm   the same for several channels together
    PixelNorm      all channels of a pixel, and no mean is subtracted

With centred xc = x - m(x) and r = 1 / sqrt(m(xc^2) + eps):

    (Norm.1)   xhat = r xc                                   the normalised input
    (Norm.2)   y = gamma xhat + beta

When x moves along tx, m(xc^2) moves by 2 m(xc tx), hence

    (Norm.3)   tr = -r^3 m(xc tx) = -r^2 m(xhat tx)
    (Norm.4)   txhat = r (tx - m(tx)) + tr xc = P tx,     P v = r (v - m(v) - xhat m(xhat v))

P is symmetric, <P v, w> = <v, P w>, so the gradient is given by the same formula.  With g = gamma dy:

    (Norm.5)   dx = P g,     dgamma = sum dy xhat,     dbeta = sum dy

and its tangent follows from the product rule on r, xhat and g, with tg = tgamma dy + gamma tdy:

    (Norm.6)   tdx = (tr / r) dx + P tg - r txhat m(xhat g) - r xhat m(txhat g)
               dgamma += sum (tdy xhat + dy txhat),     dbeta += sum tdy

The sums run over all axes that gamma and beta do not have.  Three variants leave out some terms and keep the others:

    not centred    xc = x, and P loses its m(v):  P v = r (v - xhat m(xhat v))
    not affine     no gamma and beta:  y = xhat, g = dy, tg = tdy
    constants      m and r do not depend on x (BatchNorm in evaluation):  P v = r v, tr = 0, tdx = P tg.  This is
                   a different function with a different gradient: confusing the two is a classic mistake.
"""

from __future__ import annotations

import numpy as np

from ..checks import positive_int, real
from ..core import Cache, Layer, add
from ..kernels import channel_dot, channel_sum


class Normalisation(Layer):
    """(Norm.1-6).  A subclass defines m(v), as `mean`; gamma and beta have the shape of x's last axes.

    shape     of gamma and beta; None: not affine
    eps > 0   keeps r finite where all entries of a group are equal
    """

    #: whether a mean is subtracted
    centred = True

    def __init__(self, shape: tuple[int, ...] | None, *, eps: float, dtype=np.float32):
        super().__init__()
        self.eps = real(type(self).__name__, "eps", eps, 0, 1, open_low=True)
        if shape is not None:
            self.add_param("gamma", np.ones(shape, dtype))
            self.add_param("beta", np.zeros(shape, dtype))

    def mean(self, v: np.ndarray) -> np.ndarray:
        """m(v), of a shape that broadcasts against v."""
        raise NotImplementedError(f"{type(self).__name__} must define mean")

    def mean_dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """m(a b)."""
        return self.mean(a * b)

    def statistics(self, x: np.ndarray, cache: Cache) -> tuple[np.ndarray, np.ndarray]:
        """(xc, m(xc^2))."""
        xc = x - self.mean(x) if self.centred else x
        return xc, self.mean_dot(xc, xc)

    def constant(self, cache: Cache) -> bool:
        """Whether m and r were constants in this call."""
        return False

    def forward(self, x, *, train, rng=None):
        """(Norm.1, 2)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.couples = self.couples_samples and not self.constant(cache)
        xc, var = self.statistics(x, cache)
        cache.r = 1 / np.sqrt(var + x.dtype.type(self.eps))
        cache.xhat = xc * cache.r  # (Norm.1)
        cache.gamma = self.params.get("gamma")
        cache.y_shape = x.shape
        y = cache.xhat if cache.gamma is None else cache.gamma * cache.xhat + self.params["beta"]  # (Norm.2)
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Norm.5)."""
        cache.begin_backward(self, dy)
        if param_grads and cache.gamma is not None:
            self.grads["gamma"] += self._dot(dy, cache.xhat)
            self.grads["beta"] += self._sum(dy)
        cache.dx = None  # computed by tangent_backward if it is not computed here
        if input_grad:
            cache.dx = self.project(_scale(cache.gamma, dy), cache)
        return cache.dx

    def tangent(self, tx, cache, tparams=None):
        """ty = gamma txhat + tgamma xhat + tbeta."""
        cache.begin_tangent(self, tx, tparams)
        tgamma, tbeta = cache.tparams.get("gamma"), cache.tparams.get("beta")
        cache.txhat = None if tx is None else self.project(tx, cache)  # (Norm.4)
        ty = None if tx is None else _scale(cache.gamma, cache.txhat)
        if tgamma is not None:
            ty = add(ty, tgamma * cache.xhat)
        if tbeta is not None:
            ty = np.broadcast_to(tbeta, cache.y_shape).copy() if ty is None else ty + tbeta
        return ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Norm.6)."""
        cache.begin_tangent_backward(self, tdy)
        xhat, txhat, dy, gamma, tgamma = cache.xhat, cache.txhat, cache.dy, cache.gamma, cache.tparams.get("gamma")
        if gamma is not None and tdy is not None:
            self.grads["gamma"] += self._dot(tdy, xhat)
            self.grads["beta"] += self._sum(tdy)
        if gamma is not None and txhat is not None:
            self.grads["gamma"] += self._dot(dy, txhat)
        if not input_grad:
            return None
        tg = add(None if tdy is None else _scale(gamma, tdy), None if tgamma is None else tgamma * dy)
        tdx = None if tg is None else self.project(tg, cache)
        if txhat is None or self.constant(cache):
            return tdx
        g, r = _scale(gamma, dy), cache.r
        dx = self.project(g, cache) if cache.dx is None else cache.dx
        tr_over_r = -r * self.mean_dot(xhat, cache.tx)  # (Norm.3)
        return add(tdx, tr_over_r * dx - r * (txhat * self.mean_dot(xhat, g) + xhat * self.mean_dot(txhat, g)))

    def output_shape(self, shape, batch="N"):
        """The shape of the input."""
        return shape

    def project(self, v: np.ndarray, cache: Cache) -> np.ndarray:
        """P v of (Norm.4)."""
        if self.constant(cache):
            return cache.r * v
        if not self.centred:
            return cache.r * (v - cache.xhat * self.mean_dot(cache.xhat, v))
        return cache.r * (v - self.mean(v) - cache.xhat * self.mean_dot(cache.xhat, v))

    def _sum(self, a: np.ndarray) -> np.ndarray:
        """Sum a over the axes that gamma does not have."""
        gamma = self.params["gamma"]
        return channel_sum(a.reshape(-1, gamma.size)).reshape(gamma.shape)

    def _dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The same sum, of a b."""
        gamma = self.params["gamma"]
        return channel_dot(a.reshape(-1, gamma.size), b.reshape(-1, gamma.size)).reshape(gamma.shape)


class BatchNorm(Normalisation):
    r"""Normalise each channel over the batch and all positions.  (Ioffe & Szegedy 2015, algorithm 1.)

    Symbols   x, y (N, C) or (N, H, W, C)   gamma, beta (C,)   m(v) the mean over all axes but the last, of M entries

    Training    (BatchNorm.1)  y by (Norm.2), xhat by (Norm.1) from this batch: a sample's output depends on the
                               whole batch, and gradients flow to the whole batch, by (Norm.5)
                (BatchNorm.2)  mean <- (1 - momentum) mean + momentum m(x)
                               var  <- (1 - momentum) var  + momentum M/(M-1) m(xc^2)
    Evaluation  (BatchNorm.3)  xhat = (x - mean) / sqrt(var + eps) with the running statistics: constants

    Each call's mode is in its cache, so a training call keeps its training backward whatever is called in between.  In
    training, `cache.couples` is True: samples are coupled, and a penalty on per-sample gradients has no meaning.

    Arguments: C; momentum in [0, 1]; eps > 0.
    Errors    ValueError if the last axis of x is not C, or, in training, if a channel has only one entry.
    """

    couples_samples = True

    def __init__(self, C: int, *, momentum: float = 0.1, eps: float = 1e-5, dtype=np.float32):
        self.C = positive_int("BatchNorm", "C", C)
        super().__init__((C,), eps=eps, dtype=dtype)
        self.momentum = real("BatchNorm", "momentum", momentum, 0, 1)
        self.state = {"mean": np.zeros(C, dtype), "var": np.ones(C, dtype)}

    def mean(self, v):
        """Over all axes but the last."""
        return self._sum(v) / v.dtype.type(v.size // self.C)

    def mean_dot(self, a, b):
        """m(a b), by the kernel that multiplies and sums in one pass."""
        return self._dot(a, b) / a.dtype.type(a.size // self.C)

    def statistics(self, x, cache):
        """In training those of the batch, which update the running ones; in evaluation the latter.  (BatchNorm.1-3)"""
        if not cache.train:
            return x - self.state["mean"], self.state["var"]
        M, mean = self.entries(x), self.mean(x)
        xc = x - mean
        var = self.mean_dot(xc, xc)
        self.update_running(mean, var, M)
        return xc, var

    def entries(self, x):
        """M, the number of entries per channel.  Raises ValueError for only one, which has no variance."""
        M = x.size // self.C
        if M < 2:
            raise ValueError(
                f"{self.label} in training needs at least 2 entries per channel to have a variance, "
                f"got {M}: use a larger batch"
            )
        return M

    def constant(self, cache):
        """True in evaluation."""
        return not cache.train

    def output_shape(self, shape, batch="N"):
        """The shape of the input, whose last entry must be C."""
        if shape is None:
            return None
        if not shape or shape[-1] not in (None, self.C):
            raise self.misfit(f"(N, ..., {self.C})", shape, batch)
        return shape

    def describe(self):
        return str(self.C)

    def update_running(self, mean, var, M):
        """(BatchNorm.2), in place."""
        for name, value in (("mean", mean), ("var", var * (M / (M - 1)))):
            old = self.state[name]
            old += self.momentum * (value - old)


def _scale(gamma: np.ndarray | None, v: np.ndarray) -> np.ndarray:
    """Return gamma v, or v itself without gamma."""
    return v if gamma is None else gamma * v
