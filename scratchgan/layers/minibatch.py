"""Layers that let D compare the samples of a batch, so that a generator that repeats one sample is easy to detect.

In both layers a sample's output depends on the other samples of the batch, in training and in evaluation, and gradients
flow to these samples.  The logit of a sample is then not a function of that sample alone: a gradient penalty through
such a layer uses the gradient of the sum of all logits of the batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .. import initializers
from ..checks import positive_int, real, require_rng
from ..core import Cache, Layer, add
from ..initializers import Initializer
from ..kernels import matmul


class MinibatchStd(Layer):
    r"""Append one channel that measures how much the samples of a group differ.  (Karras et al. 2018, section 3.)

    Symbols   x (N, ..., C)   y (N, ..., C + 1);   the batch is split into `groups` groups of n = N / groups
              successive samples; below is one group, its samples i as rows of F features (all positions and channels):
              x (n, F)
              m(v)[f] = 1/n sum_i v[i, f]

    Forward   (MinibatchStd.1)   xc = x - m(x),   sd = sqrt(m(xc^2) + eps),   q = xc / sd
              (MinibatchStd.2)   s = 1/F sum_f sd[f],   one number per group
              (MinibatchStd.3)   y = x with s as one more channel, at all positions of all samples of the group
    Tangent   (MinibatchStd.4)   tsd = m(xc txc) / sd = m(q tx),   since m(xc) = 0
              (MinibatchStd.5)   ts = 1/F sum_f tsd[f] = sum(q tx) / (n F)
    Backward  (MinibatchStd.6)   dx = dy without its last channel + q ds / (n F),   ds = sum of dy's last channel
    Second    (MinibatchStd.7)   tq = (tx - m(tx) - q tsd) / sd
              (MinibatchStd.8)   tdx = tdy without its last channel + (q tds + tq ds) / (n F)
    Why       (6) is the adjoint of (5), which is linear in tx with the factors q / (n F); (7) is the tangent of q, and
              (8) that of (6).

    Arguments: `groups`, 1 for the whole batch as in the paper (its authors' code has groups of four samples); eps > 0
    keeps the root smooth where all samples agree.
    Errors    ValueError if N is not a multiple of `groups`.
    """

    def __init__(self, groups: int = 1, *, eps: float = 1e-8):
        super().__init__()
        self.groups = positive_int("MinibatchStd", "groups", groups)
        self.eps = real("MinibatchStd", "eps", eps, 0, 1, open_low=True)

    def forward(self, x, *, train, rng=None):
        """(MinibatchStd.1-3)."""
        self.check_input(x)
        if len(x) % self.groups:
            raise ValueError(
                f"{self.label} splits the batch into {self.groups} groups of equal size, got {len(x)} samples"
            )
        cache = Cache(self, x, train)
        cache.couples = True
        rows = self._rows(x)
        cache.nF = max(1, rows.shape[1] * rows.shape[2])
        xc = rows - _mean(rows)
        cache.sd = np.sqrt(_mean(xc * xc) + x.dtype.type(self.eps))
        cache.q = xc / cache.sd  # (MinibatchStd.1)
        s = cache.sd.sum(axis=2, keepdims=True) / max(1, rows.shape[2])  # (MinibatchStd.2)
        y = self._append(x, s)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(MinibatchStd.6)."""
        cache.begin_backward(self, dy)
        return self._hand_back(dy, cache) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(MinibatchStd.3) with tx and ts."""
        cache.begin_tangent(self, tx, tparams)
        if tx is None:
            return None
        ts = (cache.q * self._rows(tx)).sum(axis=(1, 2), keepdims=True) / cache.nF  # (MinibatchStd.5)
        return self._append(tx, ts)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(MinibatchStd.8)."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None
        tdx = None if tdy is None else self._hand_back(tdy, cache)
        if cache.tx is None:
            return tdx
        tx, q = self._rows(cache.tx), cache.q
        tq = (tx - _mean(tx) - q * _mean(q * tx)) / cache.sd  # (MinibatchStd.4, 7)
        return add(tdx, (tq * (self._total(cache.dy) / cache.nF)).reshape(cache.x.shape))

    def output_shape(self, shape, batch="N"):
        """(..., C) -> (..., C + 1)."""
        if shape is None:
            return None
        if not shape:
            raise self.misfit("(N, ..., C)", shape, batch)
        return (*shape[:-1], None if shape[-1] is None else shape[-1] + 1)

    def describe(self):
        return str(self.groups)

    def _rows(self, x):
        """(N, ..., C) -> (groups, n, F)."""
        return x.reshape(self.groups, len(x) // self.groups, int(np.prod(x.shape[1:])))

    def _append(self, x, s):
        """(MinibatchStd.3): s (groups, 1, 1) as one more channel of x."""
        y = np.empty((*x.shape[:-1], x.shape[-1] + 1), x.dtype)
        y[..., :-1] = x
        y.reshape(self.groups, -1, y.shape[-1])[..., -1] = s[..., 0]
        return y

    def _total(self, dy):
        """The last channel, summed over each group: ds (groups, 1, 1)."""
        last = dy[..., -1]
        return last.reshape(self.groups, last.size // self.groups, 1).sum(axis=1, keepdims=True)

    def _hand_back(self, dy, cache):
        """(MinibatchStd.6)."""
        return dy[..., :-1] + (cache.q * (self._total(dy) / cache.nF)).reshape(cache.x.shape)


class MinibatchDiscrimination(Layer):
    r"""Append B numbers that measure how near the other samples of the batch are.  (Salimans et al. 2016, section 3.2.)

    Symbols   x (N, Di)   T (Di, B, K)   y (N, Di + B);   B `kernels`, K `dims`;   i and j run over the batch

    Forward   (MinibatchDisc.1)   M[i,b,k] = sum_d x[i,d] T[d,b,k]
              (MinibatchDisc.2)   e[i,j,b] = exp(-sum_k |M[i,b,k] - M[j,b,k]|)
              (MinibatchDisc.3)   o[i,b] = sum_j e[i,j,b],   the constant e[i,i,b] = 1 included;   y = x with o appended
    Tangent   (MinibatchDisc.4)   tM = tx T + x tT,   S[i,j,b,k] = sign(M[i,b,k] - M[j,b,k])
              (MinibatchDisc.5)   te[i,j,b] = -e[i,j,b] sum_k S[i,j,b,k] (tM[i,b,k] - tM[j,b,k]);   to = sum_j te
    Backward  (MinibatchDisc.6)   w[i,j,b] = e[i,j,b] (do[i,b] + do[j,b]);   dM[i,b,k] = -sum_j S[i,j,b,k] w[i,j,b]
              (MinibatchDisc.7)   dx = dy's part of x + dM T^T,   dT = x^T dM
    Second    (MinibatchDisc.8)   tw[i,j,b] = te[i,j,b] (do[i,b] + do[j,b]) + e[i,j,b] (tdo[i,b] + tdo[j,b]);
                                  tdM[i,b,k] = -sum_j S[i,j,b,k] tw[i,j,b]
              (MinibatchDisc.9)   tdx = tdy's part of x + tdM T^T + dM tT^T,   dT += tx^T dM + x^T tdM
    Why       M[i] moves o[i] through e[i,j] and every o[j] through e[j,i], which is the same number: hence the sum
              do[i] + do[j] in (6).  S is constant unless two entries of M are equal: its tangent is zero.
    Kink      |v| at v = 0, where two samples agree in M: there S = 0.

    Arguments: Di, B, K; `rng` draws T, with the initializer `init`, as for a dense layer from Di to B K.
    Errors    ValueError if x is not (N, Di).
    """

    def __init__(
        self,
        Di: int,
        kernels: int,
        dims: int,
        *,
        rng: np.random.Generator,
        init: str | Initializer = "normal",
        dtype: DTypeLike = np.float32,
    ):
        super().__init__()
        who = "MinibatchDiscrimination"
        self.Di, self.kernels = positive_int(who, "Di", Di), positive_int(who, "kernels", kernels)
        self.dims = positive_int(who, "dims", dims)
        require_rng(who, rng)
        T = initializers.get(init)((self.Di, self.kernels * self.dims), rng=rng, dtype=dtype)
        self.add_param("T", T.reshape(self.Di, self.kernels, self.dims))

    def forward(self, x, *, train, rng=None):
        """(MinibatchDisc.1-3)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.couples = True
        cache.T = self.params["T"]
        cache.M = self._times(x, cache.T)
        cache.e = np.exp(-_over_pairs(cache.M, lambda k, difference: np.abs(difference)))
        cache.te = cache.tM = None
        y = np.concatenate([x, cache.e.sum(axis=1)], axis=1)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(MinibatchDisc.6, 7)."""
        cache.begin_backward(self, dy)
        do = dy[:, self.Di :]
        cache.dM = _signed_sum(cache.M, cache.e * (do[:, None] + do[None]))
        if param_grads:
            self.grads["T"] += self._outer(cache.x, cache.dM)
        return dy[:, : self.Di] + self._back(cache.dM, cache.T) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(MinibatchDisc.4, 5)."""
        cache.begin_tangent(self, tx, tparams)
        tT, cache.te = cache.tparams.get("T"), None
        tM = add(None if tx is None else self._times(tx, cache.T), None if tT is None else self._times(cache.x, tT))
        if tM is None:
            return None
        cache.te = -cache.e * _over_pairs(
            cache.M, lambda k, difference: np.sign(difference) * (tM[:, None, :, k] - tM[None, :, :, k])
        )
        return np.concatenate([np.zeros_like(cache.x) if tx is None else tx, cache.te.sum(axis=1)], axis=1)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(MinibatchDisc.8, 9)."""
        cache.begin_tangent_backward(self, tdy)
        do, tdo = cache.dy[:, self.Di :], None if tdy is None else tdy[:, self.Di :]
        tw = add(
            None if cache.te is None else cache.te * (do[:, None] + do[None]),
            None if tdo is None else cache.e * (tdo[:, None] + tdo[None]),
        )
        tdM = None if tw is None else _signed_sum(cache.M, tw)
        if cache.tx is not None:
            self.grads["T"] += self._outer(cache.tx, cache.dM)
        if tdM is not None:
            self.grads["T"] += self._outer(cache.x, tdM)
        if not input_grad:
            return None
        tT = cache.tparams.get("T")
        tdx = None if tdM is None else self._back(tdM, cache.T)
        tdx = tdx if tT is None else add(tdx, self._back(cache.dM, tT))
        return tdx if tdy is None else add(tdx, tdy[:, : self.Di])

    def output_shape(self, shape, batch="N"):
        """(Di,) -> (Di + B,)."""
        if shape is not None and (len(shape) != 1 or shape[0] not in (None, self.Di)):
            raise self.misfit(f"vectors (N, {self.Di})", shape, batch)
        return (self.Di + self.kernels,)

    def kink_distance(self, cache):
        """The smallest |M[i,b,k] - M[j,b,k]| of two samples."""
        return float(np.diff(np.sort(cache.M, axis=0), axis=0).min()) if len(cache.M) > 1 else np.inf

    def describe(self):
        return f"{self.Di}, {self.kernels}, {self.dims}"

    def _times(self, x, T):
        """(MinibatchDisc.1)."""
        return matmul(x, T.reshape(self.Di, -1)).reshape(len(x), self.kernels, self.dims)

    def _back(self, dM, T):
        """dM T^T (N, Di)."""
        return matmul(dM.reshape(len(dM), self.kernels * self.dims), T.reshape(self.Di, -1), transpose_b=True)

    def _outer(self, x, dM):
        """x^T dM, of the shape of T."""
        flat = dM.reshape(len(dM), self.kernels * self.dims)
        return matmul(x, flat, transpose_a=True).reshape(self.Di, self.kernels, self.dims)


def _mean(v: np.ndarray) -> np.ndarray:
    """m(v), with its axis kept: (groups, n, F) -> (groups, 1, F)."""
    return v.sum(axis=1, keepdims=True) / max(1, v.shape[1])


def _over_pairs(M: np.ndarray, term) -> np.ndarray:
    """sum_k term(k, M[i,b,k] - M[j,b,k]): (N, N, B).  One k at a time: (N, N, B, K) would not fit in a CPU cache."""
    total = np.zeros((len(M), *M.shape[:2]), M.dtype)
    for k in range(M.shape[2]):
        total += term(k, M[:, None, :, k] - M[None, :, :, k])
    return total


def _signed_sum(M: np.ndarray, w: np.ndarray) -> np.ndarray:
    """-sum_j S[i,j,b,k] w[i,j,b]: (N, B, K).  (MinibatchDisc.6)"""
    dM = np.empty_like(M)
    for k in range(M.shape[2]):
        dM[:, :, k] = -(np.sign(M[:, None, :, k] - M[None, :, :, k]) * w).sum(axis=1)
    return dM
