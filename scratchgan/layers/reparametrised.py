"""A bilinear layer whose weight is a function of the trained parameter."""

from __future__ import annotations

import numpy as np

from ..core import Cache, Layer, add
from ..families import Bilinear, sum_rows


class Reparametrised(Layer):
    r"""y = A(x, S) + b with S = S(W): the layer uses S, the optimiser updates W.

    Symbols   W the parameter, S the weight used, of the same shape;   A, A^T, B of the wrapped layer (see Bilinear)
              R tW = tS, how S moves with W, linear in tW;   R^T its adjoint, <R tW, dS> = <tW, R^T dS>

    Forward   (Reparam.1)  S = S(W),    y = A(x, S) + b
    Backward  (Reparam.2)  dx = A^T(dy, S),    dS = B(x, dy),    dW = R^T dS,    db = sum dy
    Tangent   (Reparam.3)  tS = R tW,    ty = A(tx, S) + A(x, tS) + tb
    Second    (Reparam.4)  tdx = A^T(tdy, S) + A^T(dy, tS),    tdS = B(tx, dy) + B(x, tdy)
                           dW += R^T tdS + t(R^T) dS,    db += sum tdy
    Why       The chain rule puts one linear map R^T after the layer's own gradient.  (4) is the product rule on (2):
              R^T depends on W too, and t(R^T) is its derivative along tW.

    A subclass defines `weight` (S), `weight_tangent` (R), `weight_adjoint` (R^T) and `weight_adjoint_tangent`.  The
    wrapped layer's parameters "W" and "b" become the wrapper's, under the same names; its own forward is not used.

    Arguments: layer, a Dense, Conv2D or ConvTranspose2D.
    Errors    TypeError if it is not Bilinear, ValueError if it is already wrapped; for a wrong input, the errors
              of the wrapped layer.
    """

    def __init__(self, layer: Bilinear):
        super().__init__()
        who = type(self).__name__
        if not isinstance(layer, Bilinear):
            raise TypeError(f"{who} wraps a layer with a weight (Dense, Conv2D, ConvTranspose2D), got {layer!r}")
        if layer.wrapped:
            raise ValueError(f"{who}: {layer!r} is wrapped already; its weight would be counted twice")
        self.layer, layer.wrapped = layer, True
        # The same dict objects: arrays that `astype` replaces in one are replaced in both.
        self.params, self.grads = layer.params, layer.grads

    def weight(self, W: np.ndarray, cache: Cache) -> np.ndarray:
        """S(W); stores in the cache what the other three methods need."""
        raise NotImplementedError(f"{type(self).__name__} must define weight")

    def weight_tangent(self, tW: np.ndarray, cache: Cache) -> np.ndarray:
        """R tW."""
        raise NotImplementedError(f"{type(self).__name__} must define weight_tangent")

    def weight_adjoint(self, dS: np.ndarray, cache: Cache) -> np.ndarray:
        """R^T dS."""
        raise NotImplementedError(f"{type(self).__name__} must define weight_adjoint")

    def weight_adjoint_tangent(self, dS: np.ndarray, tW: np.ndarray, tS: np.ndarray, cache: Cache) -> np.ndarray:
        """t(R^T) dS along tW, dS held fixed; tS = R tW."""
        raise NotImplementedError(f"{type(self).__name__} must define weight_adjoint_tangent")

    def forward(self, x, *, train, rng=None):
        """(Reparam.1)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.W = self.weight(self.params["W"], cache)
        y = self.layer.affine(x, cache.W, self.params.get("b"))
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Reparam.2)."""
        cache.begin_backward(self, dy)
        cache.dS = None  # computed by tangent_backward if it is not computed here
        if param_grads:
            cache.dS = self.layer.weight_grad(cache.x, dy)
            self.grads["W"] += self.weight_adjoint(cache.dS, cache)
            if "b" in self.params:
                self.grads["b"] += sum_rows(dy)
        return self.layer.adjoint(dy, cache.W, cache.x.shape) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(Reparam.3)."""
        cache.begin_tangent(self, tx, tparams)
        tW, tb = cache.tparams.get("W"), cache.tparams.get("b")
        cache.tS = None if tW is None else self.weight_tangent(tW, cache)
        ty = None if tx is None else self.layer.apply(tx, cache.W)
        if tW is not None:
            ty = add(ty, self.layer.apply(cache.x, cache.tS))
        if tb is not None:
            ty = np.broadcast_to(tb, cache.y_shape).copy() if ty is None else ty + tb
        return ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Reparam.4)."""
        cache.begin_tangent_backward(self, tdy)
        x, tx, dy, tW, tS = cache.x, cache.tx, cache.dy, cache.tparams.get("W"), cache.tS
        tdS = None if tx is None else self.layer.weight_grad(tx, dy)
        if tdy is not None:
            tdS = add(tdS, self.layer.weight_grad(x, tdy))
            if "b" in self.params:
                self.grads["b"] += sum_rows(tdy)
        if tdS is not None:
            self.grads["W"] += self.weight_adjoint(tdS, cache)
        if tW is not None:
            dS = self.layer.weight_grad(x, dy) if cache.dS is None else cache.dS
            self.grads["W"] += self.weight_adjoint_tangent(dS, tW, tS, cache)
        if not input_grad:
            return None
        tdx = None if tdy is None else self.layer.adjoint(tdy, cache.W, x.shape)
        return tdx if tS is None else add(tdx, self.layer.adjoint(dy, tS, x.shape))

    def output_shape(self, shape, batch="N"):
        """The wrapped layer's."""
        return self.layer.output_shape(shape, batch)

    def set_path(self, path):
        """Set the path of this layer, and the same path for the wrapped one."""
        super().set_path(path)
        self.layer.set_path(path)

    def describe(self):
        return repr(self.layer)
