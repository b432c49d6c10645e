"""Two ways to condition D on a label: append its vector to the features, or project the features onto its vector.

Both layers take a second input, integer labels (N,) in 0..K-1, as the keyword `labels` of `forward`.  Labels have no
derivative.  A Sequential passes its `labels` on to every such layer in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..checks import positive_int, require_rng
from ..core import Cache, Layer, ShapeError, add, below
from ..initializers import normal
from .dense import Dense
from .embedding import Embedding
from .products import Multiply

INIT = normal(0.02)


class _Labelled(Layer):
    """What both layers share: the keyword `labels`, and the check that there is a label for every sample."""

    takes_labels = True

    def check_labels(self, x, labels) -> None:
        """Raise TypeError without labels, ShapeError unless there is one for each sample."""
        if labels is None:
            raise TypeError(f"{self.label} needs labels (N,), got none: pass forward(x, train=..., labels=...)")
        if np.shape(labels) != (len(x),):
            raise ShapeError(f"{self.label} expects a label for each of {len(x)} samples, got {np.shape(labels)}")


class LabelConcat(_Labelled):
    r"""Append the label's vector to the features.  (Mirza & Osindero 2014, sections 3.2 and 4.1.)

    Symbols   x (N, C)   l (N,) labels in 0..K-1   e(l) (N, Z) rows of a table (Embedding.1)   y (N, C + Z)

    Forward   (LabelConcat.1)   y = [x, e(l)]
    Backward  (LabelConcat.2)   dx = the first C columns of dy; the other columns are the table's dy (Embedding.2)
    Tangent   (LabelConcat.3)   ty = [tx, te];   tdx and the table's dW likewise, of tdy
    Why       the Dense layer that follows can combine features and label: it has to learn that an image of a seven is
              only right with the label seven.

    Arguments: K, Z; `rng` draws the table from N(0, 1).
    Errors    TypeError without labels; ShapeError and ValueError for labels of a wrong shape or out of range.
    """

    def __init__(self, classes: int, Z: int, *, rng: np.random.Generator, dtype: DTypeLike = np.float32):
        super().__init__()
        self.embedding = Embedding(classes, Z, rng=rng, dtype=dtype)
        self.set_path("")

    def children(self):
        """The table."""
        return [("embedding", self.embedding)]

    def forward(self, x, *, train, rng=None, labels=None):
        """(LabelConcat.1)."""
        self.check_input(x)
        self.check_labels(x, labels)
        cache = Cache(self, x, train)
        e, cache.table = self.embedding.forward(labels, train=train)
        y = np.concatenate([x, e], axis=1)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(LabelConcat.2)."""
        cache.begin_backward(self, dy)
        dx, de = self._cut(dy, cache)
        self.embedding.backward(de, cache.table, param_grads=param_grads)
        return dx if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(LabelConcat.3)."""
        cache.begin_tangent(self, tx, tparams)
        te = self.embedding.tangent(None, cache.table, below(cache.tparams, "embedding"))
        if tx is None and te is None:
            return None
        tx = np.zeros_like(cache.x) if tx is None else tx
        te = np.zeros((len(tx), self.embedding.Z), tx.dtype) if te is None else te
        return np.concatenate([tx, te], axis=1)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(LabelConcat.3)."""
        cache.begin_tangent_backward(self, tdy)
        tdx, tde = (None, None) if tdy is None else self._cut(tdy, cache)
        self.embedding.tangent_backward(tde, cache.table)
        return tdx if input_grad else None

    def output_shape(self, shape, batch="N"):
        """(C,) -> (C + Z,)."""
        if shape is None:
            return (None,)
        if len(shape) != 1:
            raise self.misfit("features (N, C)", shape, batch)
        return (None if shape[0] is None else shape[0] + self.embedding.Z,)

    def describe(self):
        return self.embedding.describe()

    @staticmethod
    def _cut(dy, cache):
        C = cache.x.shape[1]
        return np.ascontiguousarray(dy[:, :C]), np.ascontiguousarray(dy[:, C:])


class Projection(_Labelled):
    r"""Project the features onto a vector of the label.  (Miyato & Koyama 2018, equation 4, figure 1d.)

    Symbols   x (N, C) features phi   l (N,) labels in 0..K-1   e(l) (N, C) rows of a table   y (N, 1) the logit

    Forward   (Projection.1)   y = x w + b + <e(l), x>             w, b of a Dense layer, psi
    Backward  (Projection.2)   dx = dy w^T + dy e(l);   de = dy x, which goes to the table (Embedding.2)
    Tangent   (Projection.3)   ty = psi's ty + <te, x> + <e, tx>;  tdx and de's tangent by the product rule (Families)
    Why       the best logit is log p(x|l)/q(x|l) + log p(l)/q(l).  If log p(l|x) is linear in features phi(x), the
              label enters as an inner product, and what is left does not depend on it.

    Arguments: C, K; `rng` draws w (Glorot) and the table from N(0, 0.02^2): at first, D hardly depends on the label.
    Errors    TypeError without labels; ShapeError and ValueError for labels of a wrong shape or out of range.
    """

    def __init__(self, C: int, classes: int, *, rng: np.random.Generator, dtype: DTypeLike = np.float32):
        super().__init__()
        require_rng("Projection", rng)
        self.C = positive_int("Projection", "C", C)
        self.psi = Dense(self.C, 1, init="glorot", rng=rng, dtype=dtype)
        self.embedding = Embedding(classes, self.C, rng=rng, init=INIT, dtype=dtype)
        self.product = Multiply()
        self.set_path("")

    def children(self):
        """psi, the table and the product."""
        return [("psi", self.psi), ("embedding", self.embedding), ("product", self.product)]

    def forward(self, x, *, train, rng=None, labels=None):
        """(Projection.1)."""
        self.check_input(x)
        self.check_labels(x, labels)
        cache = Cache(self, x, train)
        y, cache.of_psi = self.psi.forward(x, train=train)
        e, cache.of_table = self.embedding.forward(labels, train=train)
        xe, cache.of_product = self.product.forward((x, e), train=train)
        y = y + xe.sum(axis=1, keepdims=True)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Projection.2)."""
        cache.begin_backward(self, dy)
        dx = self.psi.backward(dy, cache.of_psi, param_grads=param_grads)
        dx_too, de = self.product.backward(self._wide(dy), cache.of_product)
        self.embedding.backward(de, cache.of_table, param_grads=param_grads)
        return dx + dx_too if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(Projection.3)."""
        cache.begin_tangent(self, tx, tparams)
        ty = self.psi.tangent(tx, cache.of_psi, below(cache.tparams, "psi"))
        te = self.embedding.tangent(None, cache.of_table, below(cache.tparams, "embedding"))
        txe = self.product.tangent((tx, te), cache.of_product)
        return add(ty, None if txe is None else txe.sum(axis=1, keepdims=True))

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Projection.3)."""
        cache.begin_tangent_backward(self, tdy)
        tdx = self.psi.tangent_backward(tdy, cache.of_psi)
        tdx_too, tde = self.product.tangent_backward(None if tdy is None else self._wide(tdy), cache.of_product)
        self.embedding.tangent_backward(tde, cache.of_table)
        return add(tdx, tdx_too) if input_grad else None

    def output_shape(self, shape, batch="N"):
        """(C,) -> (1,)."""
        if shape not in (None, (self.C,), (None,)):
            raise self.misfit(f"features (N, {self.C})", shape, batch)
        return (1,)

    def describe(self):
        return f"{self.C}, {self.embedding.classes}"

    def _wide(self, dy):
        """dy (N, 1) repeated for each of the C columns: the gradient of a sum over columns."""
        return np.repeat(dy, self.C, axis=1)
