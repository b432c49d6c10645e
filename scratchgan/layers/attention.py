"""Attention: every position takes a weighted mean over all positions, with weights computed from the input."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..checks import positive_int, require_rng
from ..core import Cache, Layer, add, below
from ..initializers import Initializer
from .conv import Conv2D
from .products import MatMul, Multiply


class Softmax(Layer):
    r"""Positive weights that sum to 1 over the last axis.  (Goodfellow, Bengio & Courville 2016, equation 6.29.)

    Symbols   x, y (N, ..., C);   <a, b> = sum_c a[..., c] b[..., c]

    Forward   (Softmax.1)   y = e^z / sum_c e^z,   z = x - max_c x, which gives the same y without overflow
    Tangent   (Softmax.2)   ty = y (tx - <y, tx>),   since log y = x - log sum e^x
    Backward  (Softmax.3)   dx = y (dy - <y, dy>):   the matrix diag(y) - y y^T of (2) is symmetric
    Second    (Softmax.4)   tdx = ty (dy - <y, dy>) - y <ty, dy> + y (tdy - <y, tdy>):   the tangent of (3)

    Errors    ValueError if x has only a batch axis, or an empty last axis.
    """

    def forward(self, x, *, train, rng=None):
        """(Softmax.1)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        cache.y = e / e.sum(axis=-1, keepdims=True)
        cache.ty = None
        cache.y_shape = x.shape
        return cache.y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Softmax.3)."""
        cache.begin_backward(self, dy)
        return _jacobian(cache.y, dy) if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(Softmax.2)."""
        cache.begin_tangent(self, tx, tparams)
        cache.ty = None if tx is None else _jacobian(cache.y, tx)
        return cache.ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Softmax.4)."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None
        y, ty, dy = cache.y, cache.ty, cache.dy
        tdx = None if tdy is None else _jacobian(y, tdy)
        return tdx if ty is None else add(tdx, ty * (dy - _inner(y, dy)) - y * _inner(ty, dy))

    def output_shape(self, shape, batch="N"):
        """The shape of the input."""
        if shape is not None and (not shape or shape[-1] == 0):
            raise self.misfit("(N, ..., C) with C at least 1", shape, batch)
        return shape


class SelfAttention(Layer):
    r"""Every position of an image attends to all positions.  (Zhang et al. 2019, "SAGAN", section 3, equations 1-3.)

    Symbols   x, y (N, H, W, C);   below, one image with its L = H W positions as rows: x (L, C)
              F, G (C, C1)   H (C, C2)   V (C2, C): 1 x 1 convolutions without bias;   C1 = C/8, C2 = C/2, at least 1
              gamma (1,) a learned gate

    Forward   (SelfAttention.1)   f = x F,   g = x G,   h = x H
              (SelfAttention.2)   s = g f^T (L, L),   beta = softmax of each row of s: how much position j attends to i
              (SelfAttention.3)   o = (beta h) V
              (SelfAttention.4)   y = x + gamma o
    Backward  in reverse order: each part returns the gradients of its inputs; dx sums four, since x feeds f, g, h and y
    Tangent   in forward order; three steps are products of activations (families.Product): g f^T, beta h and gamma o
    Why       gamma starts at 0: the net first learns to use nearby positions, then distant ones.

    The paper has C/8 for all inner widths; C/2 for h is from the authors' code (which also pools f and h over 2 x 2
    positions; not done here).
    Parts and parameter paths: "f.W", "g.W", "h.W", "v.W" and "gamma".

    Arguments: C; `rng` draws the four weights, with the initializer `init`.
    Errors    ValueError if x is not (N, H, W, C) with at least one pixel.
    """

    def __init__(
        self, C: int, *, rng: np.random.Generator, init: str | Initializer = "glorot", dtype: DTypeLike = np.float32
    ):
        super().__init__()
        self.C = positive_int("SelfAttention", "C", C)
        require_rng("SelfAttention", rng)
        inner, values = max(1, C // 8), max(1, C // 2)
        self.f, self.g, self.h, self.v = (
            Conv2D(Ci, Co, kernel_size=1, bias=False, rng=rng, init=init, dtype=dtype)
            for Ci, Co in ((C, inner), (C, inner), (C, values), (values, C))
        )
        self.scores, self.softmax, self.mean, self.gate = MatMul(transpose_b=True), Softmax(), MatMul(), Multiply()
        self.add_param("gamma", np.zeros(1, dtype))
        self.set_path("")

    def children(self):
        """The parts, in the order of the forward pass."""
        return [(name, getattr(self, name)) for name in ("f", "g", "h", "scores", "softmax", "mean", "v", "gate")]

    def forward(self, x, *, train, rng=None):
        """(SelfAttention.1-4)."""
        self.check_input(x)
        cache = Cache(self, x, train)
        cache.of = {}

        def run(name, value):
            y, cache.of[name] = getattr(self, name).forward(value, train=train, rng=rng)
            return y

        f, g, h = (_rows(run(name, x)) for name in "fgh")  # (SelfAttention.1)
        beta = run("softmax", run("scores", (g, f)))  # (SelfAttention.2)
        o = run("v", _image(run("mean", (beta, h)), x))  # (SelfAttention.3)
        y = x + run("gate", (o, self.params["gamma"]))  # (SelfAttention.4)
        cache.parts = [cache.of[name] for name, _ in self.children()]
        cache.y_shape = x.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """Back-propagate through (SelfAttention.1-4), from the last line to the first."""
        cache.begin_backward(self, dy)
        do, dgamma = self.gate.backward(dy, cache.of["gate"])
        if param_grads:
            self.grads["gamma"] += dgamma
        flags = {"param_grads": param_grads}
        do = _rows(self.v.backward(do, cache.of["v"], **flags))
        dbeta, dh = self.mean.backward(do, cache.of["mean"])
        ds = self.softmax.backward(dbeta, cache.of["softmax"])
        dg, df = self.scores.backward(ds, cache.of["scores"])
        dxs = [
            getattr(self, name).backward(_image(d, cache.x), cache.of[name], input_grad=input_grad, **flags)
            for name, d in (("f", df), ("g", dg), ("h", dh))
        ]
        return dy + dxs[0] + dxs[1] + dxs[2] if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """The tangent of (SelfAttention.1-4), line by line."""
        cache.begin_tangent(self, tx, tparams)

        def run(name, value):
            return getattr(self, name).tangent(value, cache.of[name], below(cache.tparams, name))

        tf, tg, th = (_rows(run(name, tx)) for name in "fgh")
        tbeta = run("softmax", run("scores", (tg, tf)))
        to = run("v", _image(run("mean", (tbeta, th)), cache.x))
        return add(tx, run("gate", (to, cache.tparams.get("gamma"))))

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The tangent of `backward`, line by line."""
        cache.begin_tangent_backward(self, tdy)
        tdo, tdgamma = self.gate.tangent_backward(tdy, cache.of["gate"])
        if tdgamma is not None:
            self.grads["gamma"] += tdgamma
        tdo = _rows(self.v.tangent_backward(tdo, cache.of["v"]))
        tdbeta, tdh = self.mean.tangent_backward(tdo, cache.of["mean"])
        tds = self.softmax.tangent_backward(tdbeta, cache.of["softmax"])
        tdg, tdf = self.scores.tangent_backward(tds, cache.of["scores"])
        total = tdy
        for name, td in (("f", tdf), ("g", tdg), ("h", tdh)):
            part = cache.of[name]
            total = add(total, getattr(self, name).tangent_backward(_image(td, cache.x), part, input_grad=input_grad))
        return total if input_grad else None

    def output_shape(self, shape, batch="N"):
        """The shape of the input."""
        if shape is None:
            return (None, None, self.C)
        if len(shape) != 3 or shape[2] not in (None, self.C) or 0 in shape[:2]:
            raise self.misfit(f"images (N, H, W, {self.C}) of at least one pixel", shape, batch)
        return shape

    def kink_distance(self, cache):
        """The smallest kink distance of the parts (a part that was wrapped or replaced may have kinks)."""
        return min(part.kink_distance(own) for (_, part), own in zip(self.children(), cache.parts, strict=True))

    def describe(self):
        return str(self.C)


def _rows(image):
    """(N, H, W, C) -> (N, H W, C)."""
    return None if image is None else image.reshape(len(image), image.shape[1] * image.shape[2], image.shape[3])


def _image(rows, x):
    """(N, H W, C) -> (N, H, W, C), H and W as in x."""
    return None if rows is None else rows.reshape(*x.shape[:3], rows.shape[-1])


def _inner(a, b):
    """<a, b> over the last axis, which is kept."""
    return (a * b).sum(axis=-1, keepdims=True)


def _jacobian(y, v):
    """y (v - <y, v>).  (Softmax.2, 3)"""
    return y * (v - _inner(y, v))
