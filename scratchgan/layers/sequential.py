"""Layers one after another, and the chain rule through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..core import Cache, Layer, Shape, ShapeError, below, show_shape


class Sequential(Layer):
    """Layers one after another: forward in order, backward in reverse order.

    layers        a list; no layer object may occur in it twice (its parameters would be listed and updated twice)
    input_shape   shape of one sample, without the batch axis; if given, the shapes of all layers are checked at
                  construction, otherwise as far as the layers alone determine them

    Raises ShapeError at construction if two neighbours do not fit, TypeError for something that is not a layer.
    """

    #: named layers -> what the passes run over: the same layers, unless compiled kernels compute pairs of them
    steps_of: Callable[[list[tuple[str, Layer]]], list[tuple[str, Layer]]] = staticmethod(lambda layers: layers)

    def __init__(self, layers: Sequence[Layer], *, input_shape: Shape = None):
        super().__init__()
        self.layers = list(layers)
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential: entry {i} must be a Layer, got {type(layer).__name__}")
        ids = [id(part) for layer in self.layers for _, part in layer.walk()]
        if len(set(ids)) != len(ids):
            raise ValueError("Sequential: the same layer object occurs twice; build a second layer instead")
        self.set_path("")
        self.output_shape(input_shape)

    def children(self):
        """The layers, named by their position."""
        return [(str(i), layer) for i, layer in enumerate(self.layers)]

    @property
    def takes_labels(self) -> bool:  # type: ignore[override]  # here it depends on the layers
        """Whether any of the layers takes labels."""
        return any(layer.takes_labels for layer in self.layers)

    def forward(self, x, *, train, rng=None, labels=None):
        """x -> layer 0 -> layer 1 -> ... -> y.  `labels` go to the layers that take labels (layers.conditional)."""
        self.check_input(x)
        if labels is not None and not self.takes_labels:
            raise TypeError(f"{self.label}: none of its layers takes labels")
        cache = Cache(self, x, train)
        cache.steps, cache.parts = self.steps_of(self.children()), []
        for _, layer in cache.steps:
            conditions = {"labels": labels} if layer.takes_labels else {}
            x, part = layer.forward(x, train=train, rng=rng, **conditions)
            cache.parts.append(part)
        cache.y_shape = x.shape
        cache.couples = any(part.couples for part in cache.parts)
        return x, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """The chain rule: dy goes through the layers in reverse order.  The first layer's dx only if input_grad."""
        cache.begin_backward(self, dy)
        for i, (_, layer) in reversed(list(enumerate(cache.steps))):
            dy = layer.backward(dy, cache.parts[i], param_grads=param_grads, input_grad=input_grad or i > 0)
        return dy if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """The chain rule forwards: tx goes through the layers in order."""
        cache.begin_tangent(self, tx, tparams)
        for (name, layer), part in zip(cache.steps, cache.parts, strict=True):
            tx = layer.tangent(tx, part, below(cache.tparams, name))
        return tx

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """The tangent of `backward`, layer by layer in reverse order."""
        cache.begin_tangent_backward(self, tdy)
        for i, (_, layer) in reversed(list(enumerate(cache.steps))):
            tdy = layer.tangent_backward(tdy, cache.parts[i], input_grad=input_grad or i > 0)
        return tdy if input_grad else None

    def output_shape(self, shape, batch="N"):
        """Pass `shape` through all layers; a ShapeError also says what the layer before gives."""
        before = None
        for layer in self.layers:
            try:
                shape = layer.output_shape(shape, batch)
            except ShapeError as error:
                if before is None or "the layer before" in str(error):
                    raise
                raise ShapeError(
                    f"{error}: the layer before it, {before.label}, gives {show_shape(shape, 'N')}"
                ) from None
            before = layer
        return shape

    def kink_distance(self, cache):
        """The smallest kink distance of the layers."""
        steps = zip(cache.steps, cache.parts, strict=True)
        return min((layer.kink_distance(part) for (_, layer), part in steps), default=np.inf)

    def describe(self):
        """One line per layer."""
        return "[" + "".join(f"\n  {i}: {layer!r}," for i, layer in enumerate(self.layers)) + "\n]"

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Layer:
        return self.layers[i]
