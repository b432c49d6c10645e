r"""Four families of layers, with all four passes of each written once.

A gradient penalty P(g) with g = dF/dx is itself minimised over the weights.  With u = dP/dg held fixed,

    (Families.1)   grad_theta P = grad_theta <g, u> = d/de grad_theta F(x + e u)  at e = 0,

so we need the ordinary parameter gradient, differentiated along u in input space.  That means differentiating each
line of `backward` by the product rule, where a `t` marks a tangent.  This is all of second-order backpropagation:

    pass               Bilinear  y = A(x, W) + b             Elementwise  y = phi(x)          LinearMap  y = A(x)
    forward            A(x, W) + b                           phi(x)                           A(x)
    backward           dx = A^T(dy, W)                       dx = phi'(x) dy                  A^T(dy)
                       dW += B(x, dy);  db += sum dy
    tangent            A(tx, W) + A(x, tW) + tb              phi'(x) tx                       A(tx)
    tangent_backward   tdx = A^T(tdy, W) + A^T(dy, tW)       phi''(x) tx dy + phi'(x) tdy     A^T(tdy)
                       dW += B(tx, dy) + B(x, tdy)
                       db += sum tdy

    pass               Product  y = A(a, b), of two activations
    forward            A(a, b)
    backward           da = A_a^T(dy, b)                           db = A_b^T(a, dy)
    tangent            A(ta, b) + A(a, tb)
    tangent_backward   tda = A_a^T(tdy, b) + A_a^T(dy, tb)         tdb = A_b^T(ta, dy) + A_b^T(a, tdy)

A^T is the adjoint of A in x, <A(x, W), dy> = <x, A^T(dy, W)>, and B the adjoint in W, <A(x, W), dy> = <W, B(x, dy)>.
A Product is a Bilinear whose second factor is another activation, b: its gradient is returned, not accumulated.
A tangent that is None is identically zero, and its terms are skipped: for linear layers with LeakyReLU, where
phi'' = 0, only B(tx, dy) remains of the last pass.
"""

from __future__ import annotations

import numpy as np

from .core import FLOATS, Cache, Layer, ShapeError, add
from .kernels import channel_sum


class Bilinear(Layer):
    """y = A(x, W) + b: linear in x for fixed W, and linear in W for fixed x.  Dense and both convolutions.

    A subclass defines `apply` (A), `adjoint` (A^T) and `weight_grad` (B); b is added to the last axis.
    """

    #: whether a wrapper has taken over the weight (layers.reparametrised)
    wrapped = False

    def apply(self, x: np.ndarray, W: np.ndarray) -> np.ndarray:
        """A(x, W)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def adjoint(self, dy: np.ndarray, W: np.ndarray, x_shape: tuple[int, ...]) -> np.ndarray:
        """A^T(dy, W), of the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def weight_grad(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        """B(x, dy), of the shape of W, summed over the batch."""
        raise NotImplementedError(f"{type(self).__name__} must define weight_grad")

    def affine(self, x: np.ndarray, W: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        """A(x, W) + b, or A(x, W) if there is no b.  A subclass whose kernel adds b itself overrides this."""
        y = self.apply(x, W)
        return y if b is None else y + b

    def forward(self, x, *, train, rng=None):
        """y = A(x, W) + b."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.W = self.params["W"]
        y = self.affine(x, cache.W, self.params.get("b"))
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = A^T(dy, W); dW += B(x, dy); db += sum dy."""
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
        """tdx = A^T(tdy, W) + A^T(dy, tW); dW += B(tx, dy) + B(x, tdy); db += sum tdy."""
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

    A subclass defines `phi(x)`, `dphi(x, y)` and `d2phi(x, y)`; y = phi(x) often makes the derivative cheap.  `kinks`
    lists the points where phi has no derivative; the docstring says which value is used there.
    """

    #: where phi' jumps
    kinks: tuple[float, ...] = ()
    #: phi'' = 0 wherever it exists: the second-order term is skipped
    piecewise_linear = False

    def phi(self, x: np.ndarray) -> np.ndarray:
        """phi(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define phi")

    def dphi(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """phi'(x); y = phi(x) is given as well."""
        raise NotImplementedError(f"{type(self).__name__} must define dphi")

    def d2phi(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """phi''(x); y = phi(x) is given as well."""
        raise NotImplementedError(f"{type(self).__name__} must define d2phi")

    def output_shape(self, shape, batch="N"):
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
        return min((float(np.abs(cache.x - k).min()) for k in self.kinks if cache.x.size), default=np.inf)


class LinearMap(Layer):
    """y = A(x), linear and without parameters: reshape, up-sampling, pooling, dropout.

    A subclass defines `apply` (A) and `adjoint` (A^T).  If the map differs from call to call (a dropout mask),
    `prepare` stores it in the cache, and all four passes use the same map.
    """

    def apply(self, x: np.ndarray, cache: Cache) -> np.ndarray:
        """A(x)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def adjoint(self, dy: np.ndarray, cache: Cache) -> np.ndarray:
        """A^T(dy), of the shape of x."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint")

    def prepare(self, cache: Cache, rng: np.random.Generator | None) -> None:
        """Store in the cache whatever the map depends on besides its argument."""

    def forward(self, x, *, train, rng=None):
        """y = A(x)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        self.prepare(cache, rng)
        y = self.apply(x, cache)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = A^T(dy)."""
        cache.begin_backward(self, dy)
        return self.adjoint(dy, cache) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty = A(tx)."""
        cache.begin_tangent(self, tx, tparams)
        return None if tx is None else self.apply(tx, cache)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """tdx = A^T(tdy)."""
        cache.begin_tangent_backward(self, tdy)
        return self.adjoint(tdy, cache) if input_grad and tdy is not None else None


class Product(Layer):
    r"""y = A(a, b) of two activations, linear in each: attention, modulation, projection.

    It has two inputs, so it cannot be part of a Sequential; layers that are graphs call it.  Where other layers take or
    return an array for their input, a Product takes or returns a pair for (a, b).  In a tangent, either of the two may
    be None:

        y, cache = forward((a, b), train=train)        ty       = tangent((ta, tb), cache)
        da, db   = backward(dy, cache)                 tda, tdb = tangent_backward(tdy, cache)

    A subclass defines `apply` (A), `adjoint_a` (A_a^T) and `adjoint_b` (A_b^T), which satisfy

    (Families.2)   <A(a, b), dy> = <a, A_a^T(dy, b)> = <b, A_b^T(a, dy)>

    and `output_shape`, which takes two full shapes: b need not have a batch axis (a gate is a single number).

    Errors    TypeError unless a and b are arrays of the same float dtype; ShapeError if their shapes are incompatible.
    """

    def apply(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """A(a, b)."""
        raise NotImplementedError(f"{type(self).__name__} must define apply")

    def adjoint_a(self, dy: np.ndarray, b: np.ndarray, a_shape: tuple[int, ...]) -> np.ndarray:
        """A_a^T(dy, b), of the shape of a."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint_a")

    def adjoint_b(self, a: np.ndarray, dy: np.ndarray, b_shape: tuple[int, ...]) -> np.ndarray:
        """A_b^T(a, dy), of the shape of b."""
        raise NotImplementedError(f"{type(self).__name__} must define adjoint_b")

    def check_input(self, x):
        """Raise TypeError or ShapeError unless a and b have the same float dtype and compatible shapes."""
        for name, value in zip("ab", x, strict=True):
            if not isinstance(value, np.ndarray) or value.dtype not in FLOATS:
                given = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
                raise TypeError(f"{self.label} expects an array of float32 or float64 for {name}, got {given}")
        if x[0].dtype != x[1].dtype:
            raise TypeError(f"{self.label} expects a and b of the same dtype, got {x[0].dtype} and {x[1].dtype}")
        self.output_shape((x[0].shape, x[1].shape))

    def forward(self, x, *, train, rng=None):
        """y = A(a, b) for x = (a, b)."""
        self.check_input(x)
        a, b = x
        cache = Cache(self, a, train)
        cache.b, cache.tb = b, None
        y = self.apply(a, b)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(da, db) = (A_a^T(dy, b), A_b^T(a, dy))."""
        cache.begin_backward(self, dy)
        return self._adjoints(cache.x, cache.b, dy, cache) if input_grad else (None, None)

    def tangent(self, tx, cache, tparams=None):
        """ty = A(ta, b) + A(a, tb) for tx = (ta, tb)."""
        ta, tb = tx
        if tb is not None and (tb.shape, tb.dtype) != (cache.b.shape, cache.b.dtype):
            raise ShapeError(
                f"{self.label}: tb must be {cache.b.dtype} of the shape {cache.b.shape}, got {tb.dtype} {tb.shape}"
            )
        cache.begin_tangent(self, ta, tparams)
        cache.tb = tb
        return add(None if ta is None else self.apply(ta, cache.b), None if tb is None else self.apply(cache.x, tb))

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(tda, tdb) = (A_a^T(tdy, b) + A_a^T(dy, tb), A_b^T(ta, dy) + A_b^T(a, tdy))."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None, None
        tda, tdb = self._adjoints(cache.tx, cache.tb, cache.dy, cache)
        if tdy is None:
            return tda, tdb
        da, db = self._adjoints(cache.x, cache.b, tdy, cache)
        return add(da, tda), add(db, tdb)

    def _adjoints(self, a, b, dy, cache):
        """(A_a^T(dy, b), A_b^T(a, dy)), where a factor that is None stands for zero."""
        return (
            None if b is None else self.adjoint_a(dy, b, cache.x.shape),
            None if a is None else self.adjoint_b(a, dy, cache.b.shape),
        )


def sum_rows(a: np.ndarray) -> np.ndarray:
    """Sum over every axis but the last: (..., C) -> (C,)."""
    return channel_sum(a.reshape(-1, a.shape[-1]))
