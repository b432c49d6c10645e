"""Which neighbours in a Sequential are computed in one go.

A LeakyReLU (or ReLU) reads every number that the layer before it has just written, and writes it once more.  Compiled
kernels apply it while the number is still in a register; and their backward begins with its gradient, which needs only
the sign of its output.  Gradients are those of two separate layers; so are the caches, except that the activation's
cache has its output in the place of its input.  With the NumPy twins, and within `off()`, nothing is fused.

Methods that have their part in it are marked `@can`: a subclass that overrides one of them is computed by itself.
"""

from __future__ import annotations

import contextlib
import functools
import threading

from .registry import get_backend

_here = threading.local()  # `off` is this thread's wish: another one may be training


def can(method):
    """Decorator: this method knows about fusion."""
    method.can_be_fused = True
    return method


@functools.cache
def _marked(kind: type, *names: str) -> bool:
    return all(getattr(getattr(kind, name, None), "can_be_fused", False) for name in names)


def forget() -> None:
    """Look at the marks again: somebody has put another method into a class."""
    _marked.cache_clear()


def activation(layer) -> bool:
    """Whether a layer is max(x, slope x) with this package's own derivative."""
    return _marked(type(layer), "phi", "dphi")


@contextlib.contextmanager
def off():
    """Within it every layer computes by itself (the gradient checker looks at the inputs of activations)."""
    before = getattr(_here, "off", False)
    _here.off = True
    try:
        yield
    finally:
        _here.off = before


@contextlib.contextmanager
def on():
    """The opposite of `off`, within it."""
    before = getattr(_here, "off", False)
    _here.off = False
    try:
        yield
    finally:
        _here.off = before


def groups(layers):
    """(layer, None), or (layer, the activation behind it) for two that are computed together; in order."""
    active = not getattr(_here, "off", False) and get_backend() == "numba"
    i, n = 0, len(layers)
    while i < n:
        layer = layers[i]
        if active and i + 1 < n and _marked(type(layer), "forward", "backward") and activation(layers[i + 1]):
            yield layer, layers[i + 1]
            i += 2
        else:
            yield layer, None
            i += 1


def cache(activation, y, train):
    """What the activation's own forward would have left."""
    from ..core import Cache

    made = Cache(activation, y, train)
    made.y, made.y_shape, made.fused = y, y.shape, True
    return made
