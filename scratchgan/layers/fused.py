"""Fused pairs: a layer and the ReLU or LeakyReLU after it, computed by one compiled kernel.

On its own, a rectifier reads every number that the layer before it has just written, and writes it again.  A compiled
kernel applies the rectifier while the number is still in a register, and the rectifier's gradient needs only the sign
of its output.  So a Sequential that runs on compiled kernels runs over the list that `steps` makes of its layers:
single layers, and pairs that are computed together.  A pair has the four passes of a layer, and its values and
gradients are those of the two layers one after the other.

    Bilinear + rectifier     bias and rectifier are applied as the product is stored (`Rectified`)
    BatchNorm (+ rectifier)  mean, variance, scaling and rectifier in two passes over memory (`Normalised`)
    a rectifier by itself    its derivative comes from the sign of y (`Rectifier`)

With the NumPy twins, and within `off()`, every layer is computed separately.  So is a layer of a subclass, or one whose
methods were replaced after this file was imported (an experiment, a planted fault).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from ..core import Cache, Layer
from ..kernels import (
    batchnorm_backward,
    batchnorm_forward,
    conv2d,
    conv2d_input_grad,
    get_backend,
    leaky_relu,
    leaky_relu_grad,
    leaky_relu_grad_sum,
    matmul,
)
from .activations import LeakyReLU, ReLU
from .conv import Conv2D, ConvTranspose2D
from .dense import Dense
from .norm import BatchNorm
from .sequential import Sequential

_here = threading.local()  # `off` applies to one thread: another one may be training


def _dense(layer: Dense, x, W, b, slope):
    return matmul(x, W, bias=b, slope=slope)


def _conv(layer: Conv2D, x, W, b, slope):
    return conv2d(x, W, stride=layer.stride, padding=layer.padding, bias=b, slope=slope)


def _conv_transpose(layer: ConvTranspose2D, x, W, b, slope):
    shape = (len(x), *layer.output_shape(x.shape[1:]))
    return conv2d_input_grad(x, W, x_shape=shape, stride=layer.stride, padding=layer.padding, bias=b, slope=slope)


#: A(x, W) + b and a rectifier in one kernel
PRODUCTS: dict[type, Callable[..., np.ndarray]] = {Dense: _dense, Conv2D: _conv, ConvTranspose2D: _conv_transpose}
RECTIFIERS = (ReLU, LeakyReLU)
_METHODS = (
    "forward",
    "backward",
    "tangent",
    "tangent_backward",
    "affine",
    "phi",
    "dphi",
    "statistics",
    "project",
    "mean",
    "mean_dot",
)
#: for each class a function that returns the methods that a pair replaces, and what it returned at first
_ORIGINAL: dict[type, tuple[Callable, tuple]] = {}
for _kind in (*PRODUCTS, *RECTIFIERS, BatchNorm):
    _methods = attrgetter(*(name for name in _METHODS if hasattr(_kind, name)))
    _ORIGINAL[_kind] = _methods, _methods(_kind)


def _original(layer: Layer | None, *kinds: type) -> bool:
    """Whether a layer is an instance of exactly one of these classes, none of whose methods has been replaced."""
    kind = type(layer)
    if kind not in kinds:
        return False
    methods, first = _ORIGINAL[kind]
    return methods(kind) == first


@contextlib.contextmanager
def off(single: bool = True):
    """Context manager: every layer is computed separately (the gradient checker needs the inputs of activations)."""
    before = getattr(_here, "off", False)
    _here.off = single
    try:
        yield
    finally:
        _here.off = before


def steps(named: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The layers of a Sequential with their names, in order; neighbours that are computed together are one step."""
    if getattr(_here, "off", False) or get_backend() != "numba":
        return named
    found: list[tuple[str, Any]] = []
    i = 0
    while i < len(named):
        name, layer = named[i]
        after = named[i + 1][1] if i + 1 < len(named) else None
        rectifier = after if _original(after, *RECTIFIERS) else None
        if rectifier is not None and _original(layer, *PRODUCTS):
            found.append((name, Rectified(layer, rectifier)))
        elif _original(layer, BatchNorm):
            found.append((name, Normalised(layer, rectifier)))
        else:
            found.append((name, Rectifier(layer) if _original(layer, *RECTIFIERS) else layer))
            rectifier = None
        i += 1 if rectifier is None else 2
    return found


class Rectifier:
    """A ReLU or LeakyReLU: y = max(x, slope x), whose derivative follows from the sign of y."""

    takes_labels = False

    def __init__(self, rectifier: ReLU | LeakyReLU | None, last: Layer | None = None):
        self.rectifier: Any = rectifier
        self.last: Any = rectifier or last

    def forward(self, x, *, train, rng=None):
        """y = max(x, slope x)."""
        return self.rectifier.forward(x, train=train)

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx = dy where y > 0, slope dy elsewhere."""
        cache.begin_backward(self.last, dy)
        return self._times_slope(dy, cache) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty = tx where y > 0, slope tx elsewhere."""
        cache.begin_tangent(self.last, tx, None)
        return self._times_slope(tx, cache)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """tdx = tdy where y > 0, slope tdy elsewhere."""
        cache.begin_tangent_backward(self.last, tdy)
        return self._times_slope(tdy, cache) if input_grad else None

    def kink_distance(self, cache):
        """The rectifier's."""
        return self.rectifier.kink_distance(cache)

    def _times_slope(self, v, cache):
        """v where y > 0, slope v elsewhere; v itself if there is no rectifier."""
        if v is None or self.rectifier is None:
            return v
        return leaky_relu_grad(v, cache.y, slope=self.rectifier.slope)


class Rectified(Rectifier):
    """A bilinear layer and the rectifier after it.  `cache` is the rectifier's, `cache.inner` the layer's."""

    def __init__(self, layer: Any, rectifier: ReLU | LeakyReLU | None):
        super().__init__(rectifier, layer)
        self.layer = layer

    def forward(self, x, *, train, rng=None):
        """y = max(v, slope v), v = A(x, W) + b."""
        layer = self.layer
        layer.check_input(x)
        inner = Cache(layer, x, train)
        inner.W = layer.params["W"]
        y = PRODUCTS[type(layer)](layer, x, inner.W, layer.params.get("b"), self.rectifier.slope)
        inner.y_shape = y.shape
        return y, _rectified(self.rectifier, y, inner)

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """The rectifier's gradient and its sum over the rows, which is db, in one pass; then the layer's gradients."""
        cache.begin_backward(self.rectifier, dy)
        layer, inner = self.layer, cache.inner
        dv, db = leaky_relu_grad_sum(dy, cache.y, slope=self.rectifier.slope)
        inner.begin_backward(layer, dv)
        if param_grads:
            layer.grads["W"] += layer.weight_grad(inner.x, dv)
            if "b" in layer.params:
                layer.grads["b"] += db
        return layer.adjoint(dv, inner.W, inner.x.shape) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """The layer's tangent, then the rectifier's."""
        return super().tangent(self.layer.tangent(tx, cache.inner, tparams), cache)

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The rectifier's pass, then the layer's."""
        tdv = super().tangent_backward(tdy, cache)
        return self.layer.tangent_backward(tdv, cache.inner, input_grad=input_grad)

    def kink_distance(self, cache):
        """Computed from y, whose sign is that of the rectifier's input; exact only where y > 0."""
        return min(self.layer.kink_distance(cache.inner), super().kink_distance(cache))


class Normalised(Rectified):
    """A BatchNorm and the rectifier after it, if there is one."""

    def __init__(self, layer: BatchNorm, rectifier: ReLU | LeakyReLU | None):
        super().__init__(layer, rectifier)
        self.slope = 1.0 if rectifier is None else rectifier.slope

    def forward(self, x, *, train, rng=None):
        """(BatchNorm.1) in training, (BatchNorm.3) in evaluation; then max(y, slope y)."""
        layer = self.layer
        if not train:
            y, inner = layer.forward(x, train=False)
            y = y if self.rectifier is None else leaky_relu(y, slope=self.slope)
        else:
            layer.check_input(x)
            inner, M = Cache(layer, x, True), layer.entries(x)
            inner.gamma, inner.couples, inner.y_shape = layer.params["gamma"], True, x.shape
            y, xhat, inner.r, mean, var = batchnorm_forward(
                x.reshape(M, layer.C), inner.gamma, layer.params["beta"], eps=layer.eps, slope=self.slope
            )
            y, inner.xhat = y.reshape(x.shape), xhat.reshape(x.shape)
            layer.update_running(mean, var, M)
        cache = _rectified(self.last, y, inner)
        cache.couples = inner.couples
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """The rectifier's gradient, then (Norm.5), in one kernel.  The former is not kept: see `tangent_backward`."""
        layer, inner = self.layer, cache.inner
        cache.begin_backward(self.last, dy)
        if not inner.train:
            return layer.backward(self._times_slope(dy, cache), inner, param_grads=param_grads, input_grad=input_grad)
        inner.begin_backward(layer, dy)
        inner.dy = inner.dx = None  # `tangent_backward` computes them if it needs them
        if param_grads or input_grad:
            rows = (-1, layer.C)
            dx, dgamma, dbeta = batchnorm_backward(
                dy.reshape(rows),
                cache.y.reshape(rows),
                inner.xhat.reshape(rows),
                inner.gamma,
                inner.r,
                slope=self.slope,
                input_grad=input_grad,
            )
            if param_grads:
                layer.grads["gamma"] += dgamma
                layer.grads["beta"] += dbeta
            if input_grad:
                inner.dx = dx.reshape(dy.shape)
        return inner.dx

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The rectifier's pass, then (Norm.6)."""
        if cache.inner.dy is None and cache.dy is not None:
            cache.inner.dy = self._times_slope(cache.dy, cache)
        return super().tangent_backward(tdy, cache, input_grad=input_grad)

    def kink_distance(self, cache):
        """The rectifier's, if there is one."""
        return self.layer.kink_distance(cache.inner) if self.rectifier is None else super().kink_distance(cache)


def _rectified(layer: Layer, y, inner: Cache) -> Cache:
    """The cache of a pair: the rectifier's, with its output stored in place of its input."""
    cache = Cache(layer, y, inner.train)
    cache.y, cache.y_shape, cache.inner = y, y.shape, inner
    return cache


Sequential.steps_of = staticmethod(steps)
