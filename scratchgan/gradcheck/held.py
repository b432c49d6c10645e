"""Layers with labels, wrapped so that the labels are fixed and x is their only input, as the gradient check needs."""

from __future__ import annotations

import numpy as np

from ..core import Cache, Layer, below
from ..layers import Embedding, Multiply


class TimesEmbedding(Layer):
    """y = x * Embedding(l) with fixed labels l: an embedding alone has no differentiable input."""

    def __init__(self, rng: np.random.Generator):
        super().__init__()
        self.embedding, self.product = Embedding(3, 4, rng=rng), Multiply()
        self.set_path("")

    def children(self):
        """The embedding and the product."""
        return [("embedding", self.embedding), ("product", self.product)]

    def forward(self, x, *, train, rng=None):
        """y (N, 4) for x (N, 4).  The labels are 1, 2, 2, 1, 2, 2 ...: one is repeated, and 0 does not occur."""
        self.check_input(x)
        cache = Cache(self, x, train)
        labels = np.array([1, 2, 2])[np.arange(len(x)) % 3]
        e, of_embedding = self.embedding.forward(labels, train=train)
        y, of_product = self.product.forward((x, e), train=train)
        cache.parts, cache.y_shape = [of_embedding, of_product], y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """dx from the product; its gradient by the embedding is passed to the table."""
        cache.begin_backward(self, dy)
        dx, de = self.product.backward(dy, cache.parts[1])
        self.embedding.backward(de, cache.parts[0], param_grads=param_grads)
        return dx if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """ty from tx and the embedding's tangent te."""
        cache.begin_tangent(self, tx, tparams)
        te = self.embedding.tangent(None, cache.parts[0], below(cache.tparams, "embedding"))
        return self.product.tangent((tx, te), cache.parts[1])

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The tangent of `backward`."""
        cache.begin_tangent_backward(self, tdy)
        tdx, tde = self.product.tangent_backward(tdy, cache.parts[1])
        self.embedding.tangent_backward(tde, cache.parts[0])
        return tdx if input_grad else None

    def output_shape(self, shape, batch="N"):
        """(4,) -> (4,)."""
        if shape not in (None, (4,)):
            raise self.misfit("vectors (N, 4)", shape, batch)
        return (4,)


class LabelsHeld(Layer):
    """A net that takes labels, with fixed labels 1, 2, 2, 1, 2, 2 ...; 0 does not occur.  All passes are the net's."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.set_path("")

    def children(self):
        """The net."""
        return [("net", self.net)]

    def forward(self, x, *, train, rng=None):
        """The net's forward pass, with one label per sample of x."""
        self.check_input(x)
        cache = Cache(self, x, train)
        labels = np.array([1, 2, 2])[np.arange(len(x)) % 3]
        y, cache.part = self.net.forward(x, train=train, rng=rng, labels=labels)
        cache.y_shape, cache.couples = y.shape, cache.part.couples
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """The net's."""
        cache.begin_backward(self, dy)
        return self.net.backward(dy, cache.part, param_grads=param_grads, input_grad=input_grad)

    def tangent(self, tx, cache, tparams=None):
        """The net's."""
        cache.begin_tangent(self, tx, tparams)
        return self.net.tangent(tx, cache.part, below(cache.tparams, "net"))

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The net's."""
        cache.begin_tangent_backward(self, tdy)
        return self.net.tangent_backward(tdy, cache.part, input_grad=input_grad)

    def output_shape(self, shape, batch="N"):
        """The net's."""
        return self.net.output_shape(shape, batch)

    def kink_distance(self, cache):
        """The net's."""
        return self.net.kink_distance(cache.part)
