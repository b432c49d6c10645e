r"""Softmax cross-entropy: what a classifier of K classes minimises.  With K = 2 it is (Loss.1) of the game.

The net returns K logits l; softmax turns them into probabilities, and the loss is minus the label's log-probability:

    (CrossEntropy.1)   L = -mean_n log p[n, t_n],     p = softmax(l),   t_n in 0..K-1 the label
                         = mean_n ( log sum_k e^l[n,k] - l[n, t_n] )

The second form is the one that is computed: with z = l - max_k l, no exponent is above 0 and the sum is at least 1, so
nothing overflows and there is no log 0.

**Its derivative.**  d/dl_k of log sum_j e^l_j is e^l_k / sum_j e^l_j = p_k; l_t has the derivative [k = t].  So

    (CrossEntropy.2)   dL/dl[n,k] = ( p[n,k] - [k = t_n] ) / N

predicted minus true probability, as in (Minimax.2).  Each row sums to 0: adding a number to all logits changes nothing.

**Its second derivative.**  When l moves along tl, p moves by (Softmax.2), so

    (CrossEntropy.3)   t(dL/dl)[n,k] = p[n,k] ( tl[n,k] - sum_j p[n,j] tl[n,j] ) / N

Source: Bishop 2006, section 4.3.4.
"""

from __future__ import annotations

import numpy as np

from ..core import Cache, Layer, Shape, TParams


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return (L in nats, dL/d logits) for logits (N, K) and labels (N,) in 0..K-1.  (CrossEntropy.1, 2)

    L is at least 0; equal logits give log K.
    Raises ValueError unless logits are floats (N, K), N and K at least 1, and labels are N whole numbers in 0..K-1.
    """
    labels = _checked(logits, labels)
    rows, N = np.arange(len(logits)), logits.dtype.type(len(logits))
    z = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    value = float((np.log(total[:, 0]) - z[rows, labels]).mean(dtype=np.float64))  # (CrossEntropy.1)
    p /= total
    p[rows, labels] -= 1
    return value, p / N  # (CrossEntropy.2)


def cross_entropy_tangent(logits: np.ndarray, labels: np.ndarray, t_logits: np.ndarray) -> np.ndarray:
    """Return the tangent of dL/d logits, (N, K), when the logits move along t_logits (N, K).  (CrossEntropy.3)"""
    _checked(logits, labels)
    p = softmax(logits)
    return p * (t_logits - (p * t_logits).sum(axis=1, keepdims=True)) / logits.dtype.type(len(logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    """The probabilities of logits (N, K): positive, each row sums to 1.  (Softmax.1)"""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


class CrossEntropy(Layer):
    """The loss for fixed labels (N,) as a layer x (N, K) -> y (1, 1), which `gradcheck` can check."""

    couples_samples = True

    def __init__(self, labels: np.ndarray):
        super().__init__()
        self.labels = np.asarray(labels)

    def forward(
        self, x: np.ndarray, *, train: bool, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Cache]:
        """(CrossEntropy.1)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        value, cache.d_logits = cross_entropy(x, self.labels)
        cache.y_shape, cache.couples = (1, 1), True
        return np.full((1, 1), value, x.dtype), cache

    def backward(
        self, dy: np.ndarray, cache: Cache, *, param_grads: bool = True, input_grad: bool = True
    ) -> np.ndarray | None:
        """(CrossEntropy.2), times dy."""
        cache.begin_backward(self, dy)
        return dy * cache.d_logits if input_grad else None

    def tangent(self, tx: np.ndarray | None, cache: Cache, tparams: TParams = None) -> np.ndarray | None:
        """ty = <dL/dx, tx>."""
        cache.begin_tangent(self, tx, tparams)
        return None if tx is None else np.full((1, 1), (cache.d_logits * tx).sum(), tx.dtype)

    def tangent_backward(self, tdy: np.ndarray | None, cache: Cache, *, input_grad: bool = True) -> np.ndarray | None:
        """The product rule: (CrossEntropy.3) times dy, and (CrossEntropy.2) times tdy."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None
        tdx = np.zeros_like(cache.x) if tdy is None else tdy * cache.d_logits
        return tdx if cache.tx is None else tdx + cache.dy * cross_entropy_tangent(cache.x, self.labels, cache.tx)

    def output_shape(self, shape: Shape, batch: object = "N") -> Shape:
        """(K,) -> (1,)."""
        if shape is not None and (len(shape) != 1 or shape[0] == 0):
            raise self.misfit("logits (N, K)", shape, batch)
        return (1,)


def _checked(logits: object, labels: object) -> np.ndarray:
    if not isinstance(logits, np.ndarray) or logits.dtype.kind != "f" or logits.ndim != 2 or 0 in logits.shape:
        got = f"{logits.dtype} {logits.shape}" if isinstance(logits, np.ndarray) else type(logits).__name__
        raise ValueError(f"cross_entropy expects float logits (N, K), N and K at least 1, got {got}")
    labels, (N, K) = np.asarray(labels), logits.shape
    if labels.dtype.kind not in "iu" or labels.shape != (N,):
        raise ValueError(f"cross_entropy expects {N} whole numbers as labels, got {labels.dtype} {labels.shape}")
    if labels.min() < 0 or labels.max() >= K:
        raise ValueError(f"cross_entropy expects labels in 0..{K - 1}, got {labels.min()} to {labels.max()}")
    return labels
