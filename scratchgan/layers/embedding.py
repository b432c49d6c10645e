"""Embedding: a learned vector for every class, through which labels enter a net."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .. import initializers
from ..checks import positive_int, require_rng
from ..core import Cache, Layer, ShapeError
from ..initializers import Initializer

_UNIT = initializers.normal(1.0)


class Embedding(Layer):
    r"""Look up row number `label` of a table.  (Mirza & Osindero 2014, section 3.2: labels go into both nets.)

    Symbols   l (N,) integer labels in 0..K-1   W (K, Z)   y (N, Z);   K `classes`

    Forward   (Embedding.1)   y[n] = W[l[n]],   which is (one-hot row of l[n]) W
    Backward  (Embedding.2)   dW[k] = sum of dy[n] over the n with l[n] = k;   no dx: labels have no derivative
    Tangent   (Embedding.3)   ty[n] = tW[l[n]]
              (Embedding.4)   dW[k] += sum of tdy[n] over the n with l[n] = k

    Its input has no derivative, so it cannot be part of a Sequential; layers that take labels call it.  `backward` and
    `tangent_backward` return None, and `tangent` takes None for tx.

    Arguments: K, Z; `rng` draws W from N(0, 1), or with the initializer `init`.
    Errors    TypeError if the labels are not an integer array, ShapeError if they are not (N,), ValueError naming the
              first label that is out of range.
    """

    def __init__(
        self,
        classes: int,
        Z: int,
        *,
        rng: np.random.Generator,
        init: str | Initializer = _UNIT,
        dtype: DTypeLike = np.float32,
    ):
        super().__init__()
        self.classes, self.Z = positive_int("Embedding", "classes", classes), positive_int("Embedding", "Z", Z)
        require_rng("Embedding", rng)
        self.add_param("W", initializers.get(init)((self.classes, self.Z), rng=rng, dtype=dtype))

    def check_input(self, x):
        """Labels: an integer array (N,) with entries in 0..K-1."""
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{self.label} expects a NumPy array of labels, got {type(x).__name__}")
        if not np.issubdtype(x.dtype, np.integer):
            raise TypeError(f"{self.label} expects integer labels, got {x.dtype}: use labels.astype(np.int64)")
        if x.ndim != 1:
            raise ShapeError(f"{self.label} expects labels (N,), got {x.shape}")
        wrong = np.flatnonzero((x < 0) | (x >= self.classes))
        if wrong.size:
            raise ValueError(
                f"{self.label} expects labels from 0 to {self.classes - 1}, got {x[wrong[0]]} at position {wrong[0]}"
            )

    def forward(self, x, *, train, rng=None):
        """(Embedding.1) for labels x."""
        self.check_input(x)
        cache = Cache(self, self.params["W"], train)  # with W as x: gradients have W's dtype
        cache.labels = x
        y = cache.x[cache.labels]
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Embedding.2).  Returns None: there is no dx."""
        cache.begin_backward(self, dy)
        if param_grads:
            np.add.at(self.grads["W"], cache.labels, dy)

    def tangent(self, tx, cache, tparams=None):
        """(Embedding.3)."""
        if tx is not None:
            raise TypeError(f"{self.label}: labels have no tangent, tx must be None")
        cache.begin_tangent(self, None, tparams)
        tW = cache.tparams.get("W")
        return None if tW is None else tW[cache.labels]

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Embedding.4).  Returns None: there is no tdx."""
        cache.begin_tangent_backward(self, tdy)
        if tdy is not None:
            np.add.at(self.grads["W"], cache.labels, tdy)

    def output_shape(self, shape, batch="N"):
        """() -> (Z,)."""
        if shape:
            raise self.misfit("labels (N,)", shape, batch)
        return (self.Z,)

    def describe(self):
        return f"{self.classes}, {self.Z}"
