r"""Three kinds of layer, and all four passes of each, written once.

A gradient penalty P(g) with g = dF/dx is itself minimised over the weights.  With u = dP/dg held fixed,

    (Families.1)   grad_theta P = grad_theta <g, u> = d/de grad_theta F(x + e u)  at e = 0,

so what is needed is the ordinary parameter gradient, differentiated along u in input space.  Put a dot (a `t`) on every
line of `backward` and apply the product rule; that is the whole of second-order backpropagation:

    pass               Bilinear  y = A(x, W) + b             Elementwise  y = phi(x)          LinearMap  y = A(x)
    forward            A(x, W) + b                           phi(x)                           A(x)
    backward           dx = A'(dy, W)                        dx = phi'(x) dy                  A'(dy)
                       dW += B(x, dy);  db += sum dy
    tangent            A(tx, W) + A(x, tW) + tb              phi'(x) tx                       A(tx)
    tangent_backward   tdx = A'(tdy, W) + A'(dy, tW)         phi''(x) tx dy + phi'(x) tdy     A'(tdy)
                       dW += B(tx, dy) + B(x, tdy)
                       db += sum tdy

A' is the adjoint of A in x, <A(x, W), dy> = <x, A'(dy, W)>, and B the adjoint in W, <A(x, W), dy> = <W, B(x, dy)>.
A tangent that is None is identically zero, and its terms are skipped: for linear layers with LeakyReLU, phi'' = 0, so
that of the last pass only B(tx, dy) remains.
"""

from __future__ import annotations

import numpy as np

from .core import Cache, Layer, add
from .kernels import channel_sum


class Bilinear(Layer):
    """y = A(x, W) + b: linear in x for fixed W, and linear in W for fixed x.  Dense and both convolutions.

    A subclass gives `apply` (A), `adjoint` (A') and `weight_grad` (B); b is added to the last axis.
    """

    def apply(self, x: np.ndarray, W: np.ndarray) -> np.ndarray:
        """A(x, W)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def adjoint(self, dy: np.ndarray, W: np.ndarray, x_shape: tuple[int, ...]) -> np.ndarray:
        """A'(dy, W), of the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def weight_grad(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """B(x, dy), of the shape of W, summed over the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define weight_grad")

    def forward(self, x, *, train, rng=None):
        """y = A(x, W) + b."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.W = self.params["W"]
        y = self.apply(x, cache.W)
        if "b" in self.params:
            y += self.params["b"]
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = A'(dy, W); dW += B(x, dy); db += sum dy."""
        cache.begin_backward(self, dy)
        if param_grads:
            self.grads["W"] += self.weight_grad(cache.x, dy)
            if "b" in self.params:
                self.grads["b"] += sum_rows(dy)
        return self.adjoint(dy, cache.W, cache.x.shape) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty = A(tx, W) + A(x, tW) + tb."""
        cache.begin_tangent(self, tx, tparams)
        tW, tb = cache.tparams.get("W"), cache.tparams.get("b")
        ty = None if tx is None else self.apply(tx, cache.W)
        if tW is not None:
            ty = add(ty, self.apply(cache.x, tW))
        if tb is not None:
            ty = np.broadcast_to(tb, cache.y_shape).copy() if ty is None else ty + tb
        return ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """tdx = A'(tdy, W) + A'(dy, tW); dW += B(tx, dy) + B(x, tdy); db += sum tdy."""
        cache.begin_tangent_backward(self, tdy)
        x, tx, dy, tW = cache.x, cache.tx, cache.dy, cache.tparams.get("W")
        if tx is not None:
            self.grads["W"] += self.weight_grad(tx, dy)
        if tdy is not None:
            self.grads["W"] += self.weight_grad(x, tdy)
            if "b" in self.params:
                self.grads["b"] += sum_rows(tdy)
        if not input_grad:
            return None
        tdx = None if tdy is None else self.adjoint(tdy, cache.W, x.shape)
        return tdx if tW is None else add(tdx, self.adjoint(dy, tW, x.shape))


class Elementwise(Layer):
    """y = phi(x), entry by entry: the activations.

    A subclass gives `phi(x)`, `dphi(x, y)` and `d2phi(x, y)` with y = phi(x), which often makes the derivative cheap,
    and states in `kinks` where phi has no derivative and in its docstring which value is then taken.
    """

    #: where phi' jumps
    kinks: tuple[float, ...] = ()
    #: phi'' = 0 wherever it exists: the second-order term is skipped
    piecewise_linear = False

    def phi(self, x: np.ndarray) -> np.ndarray:
        """phi(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define phi")

    def dphi(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """phi'(x), given also y = phi(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define dphi")

    def d2phi(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """phi''(x), given also y = phi(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define d2phi")

    def output_shape(self, shape, batch="N"):
        """The same as the input's."""
        return shape

    def forward(self, x, *, train, rng=None):
        """y = phi(x)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.y = self.phi(x)
        cache.y_shape = x.shape
        return cache.y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = phi'(x) dy."""
        cache.begin_backward(self, dy)
        return self.dphi(cache.x, cache.y) * dy if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty = phi'(x) tx."""
        cache.begin_tangent(self, tx, tparams)
        return None if tx is None else self.dphi(cache.x, cache.y) * tx

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """tdx = phi''(x) tx dy + phi'(x) tdy."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None
        tdx = None if tdy is None else self.dphi(cache.x, cache.y) * tdy
        if cache.tx is None or self.piecewise_linear:
            return tdx
        return add(tdx, self.d2phi(cache.x, cache.y) * cache.tx * cache.dy)

    def kink_distance(self, cache):
        """The smallest distance of an entry of x to a kink."""
        return min((float(np.abs(cache.x - k).min()) for k in self.kinks if cache.x.size), default=np.inf)


class LinearMap(Layer):
    """y = A(x), linear and without parameters: reshape, up-sampling, pooling, dropout.

    A subclass gives `apply` (A) and `adjoint` (A').  What makes the map this call's own (a dropout mask) is drawn by
    `prepare` into the cache, so that all four passes use the same map.
    """

    def apply(self, x: np.ndarray, cache: Cache) -> np.ndarray:
        """A(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def adjoint(self, dy: np.ndarray, cache: Cache) -> np.ndarray:
        """A'(dy), of the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def prepare(self, cache: Cache, rng: np.random.Generator | None) -> None:
        """Put into the cache what the map depends on besides its argument."""

    def forward(self, x, *, train, rng=None):
        """y = A(x)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        self.prepare(cache, rng)
        y = self.apply(x, cache)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = A'(dy)."""
        cache.begin_backward(self, dy)
        return self.adjoint(dy, cache) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty = A(tx)."""
        cache.begin_tangent(self, tx, tparams)
        return None if tx is None else self.apply(tx, cache)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """tdx = A'(tdy)."""
        cache.begin_tangent_backward(self, tdy)
        return self.adjoint(tdy, cache) if input_grad and tdy is not None else None


def sum_rows(a: np.ndarray) -> np.ndarray:
    """Sum over every axis but the last: (..., C) -> (C,)."""
    return channel_sum(a.reshape(-1, a.shape[-1]))
