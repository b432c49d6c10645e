r"""The layer contract: four passes, explicit caches, parameters with paths.

A layer is a function y = f(x; theta) with four passes.  Below, dv = dL/dv is the gradient of a scalar L
with respect to v, tv is the tangent (the directional derivative) of v, and tdv is the tangent of dv.

    forward            x        -> y      the value
    backward           dy       -> dx     the gradient:             dx  = J(x)^T dy,     and dtheta is added to `grads`
    tangent            tx       -> ty     the tangent of y:         ty  = J(x) tx + (df/dtheta) ttheta
    tangent_backward   tdy      -> tdx    the tangent of dx:        tdx = d/de dx(x + e tx, theta + e ttheta,
                                          dy + e tdy), and the same derivative of dtheta is added to `grads`

The fourth is a second derivative, which gradient penalties need.  `scratchgan.families` derives all four passes, once
for each family of layers.

The layer stores nothing between passes: `forward` returns a `Cache` with everything that the later passes need.  So a
discriminator can run forward on a real batch and on a fake one before either `backward`, and each `backward` uses its
own activations.  Gradients accumulate (`+=`) until `zero_grads`.  Losses average over the batch; layers only sum.
`None` in place of a tangent means "identically zero".
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import DTypeLike

Shape = tuple[int | None, ...] | None  # without the batch axis; None: not known yet
TParams = Mapping[str, np.ndarray] | None

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class ShapeError(ValueError):
    """An array has the wrong shape for a layer; the message names the layer, the expected shape and the actual one."""


class OrderError(RuntimeError):
    """A pass was called before a pass that it depends on, or with the cache of another layer."""


class Cache:
    """What one call of `forward` stores for the later passes.

    Attributes: `layer`, `x` (the input), `train` (the mode), `y_shape`; then `dy` from `backward`, `tx` and `tparams`
    from `tangent`; and whatever else the layer stores: the weight that was used, a mask, an argmax, statistics.
    """

    #: whether, in this call, a sample's output depended on the other samples of the batch
    couples = False

    def __init__(self, layer: Layer, x: np.ndarray, train: bool):
        self.layer, self.x, self.train = layer, x, train
        self.y_shape: tuple[int, ...] | None = None
        self.dy: np.ndarray | None = None
        self.tx: np.ndarray | None = None
        self.tparams: Mapping[str, np.ndarray] = {}
        self.saw_backward = self.saw_tangent = False

    if TYPE_CHECKING:  # a layer may store anything in its cache

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    def begin_backward(self, layer: Layer, dy: np.ndarray) -> None:
        """Check the shape and dtype of dy, and keep it for `tangent_backward`."""
        self._check(layer, "backward", "dy", dy, self.y_shape)
        self.dy, self.saw_backward = dy, True

    def begin_tangent(self, layer: Layer, tx: np.ndarray | None, tparams: TParams) -> None:
        """Check the shapes and dtypes of tx and tparams, and keep them for `tangent_backward`."""
        self._check(layer, "tangent", "tx", tx, self.x.shape)
        self.tx, self.tparams, self.saw_tangent = tx, layer.check_tparams(tparams), True

    def begin_tangent_backward(self, layer: Layer, tdy: np.ndarray | None) -> None:
        """Check that `backward` and `tangent` ran first, and check the shape and dtype of tdy."""
        self._check(layer, "tangent_backward", "tdy", tdy, self.y_shape)
        missing = [
            name for name, passed in (("backward", self.saw_backward), ("tangent", self.saw_tangent)) if not passed
        ]
        if missing:
            raise OrderError(f"{layer.label}: tangent_backward needs {' and '.join(missing)} on the same cache first")

    def _check(self, layer, what, name, value, shape):
        if self.layer is not layer:
            raise OrderError(
                f"{layer.label}: {what} was given the cache of {self.layer.label}; use the one that this "
                "layer's own forward returned"
            )
        if value is None and name != "dy":
            return
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{layer.label}: {name} must be a NumPy array, got {type(value).__name__}")
        if value.shape != shape:
            raise ShapeError(f"{layer.label}: {name} must have the shape {shape}, got {value.shape}")
        if value.dtype != self.x.dtype:
            raise TypeError(f"{layer.label}: {name} must be {self.x.dtype} like the layer's input, got {value.dtype}")


class Layer:
    """Base class of everything that has the four passes: layers, nets, and graphs of layers that are not chains.

    Attributes
        params   name -> array; trained, updated in place by an optimiser
        grads    the same names -> dL/d(param); accumulates until `zero_grads`
        state    name -> array; not trained (running statistics)
        path     the layer's position in its net, such as "D.2"; used only in messages
    """

    #: whether, in training, a sample's output depends on the other samples of the batch (BatchNorm)
    couples_samples = False
    #: whether `forward` has a keyword `labels`
    takes_labels = False

    def __init__(self):
        self.params: dict[str, np.ndarray] = {}
        self.grads: dict[str, np.ndarray] = {}
        self.state: dict[str, np.ndarray] = {}
        self.path = ""
        self._accepted = None  # the last input signature that passed the check

    # -- the four passes ----------------------------------------------------------------------------------------------

    def forward(
        self, x: np.ndarray, *, train: bool, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Cache]:
        """Return (y, cache).  Only layers that draw random numbers (Dropout in training) need `rng`."""
        raise NotImplementedError(f"{type(self).__name__} must define forward")

    def backward(self, dy: np.ndarray, cache: Cache, *, param_grads: bool = True, input_grad: bool = True) -> Any:
        """Add dL/dparams to `grads` (if param_grads) and return dx = dL/dx (None if not input_grad)."""
        raise NotImplementedError(f"{type(self).__name__} must define backward")

    def tangent(self, tx: np.ndarray | None, cache: Cache, tparams: TParams = None) -> np.ndarray | None:
        """Return ty, the derivative of y along tx in the input and tparams (path -> array) in the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define tangent")

    def tangent_backward(self, tdy: np.ndarray | None, cache: Cache, *, input_grad: bool = True) -> np.ndarray | None:
        """Add the derivative of dL/dparams along (tx, tparams, tdy) to `grads`; return that of dx, or None if zero."""
        raise NotImplementedError(f"{type(self).__name__} must define tangent_backward")

    # -- shapes -------------------------------------------------------------------------------------------------------

    def output_shape(self, shape: Shape, batch: object = "N") -> Shape:
        """Shape of y for an x of shape `shape`, both without the batch axis; unknown entries are None.

        Raises ShapeError if the layer does not accept such an x; its message shows `batch` as the batch axis.
        """
        raise NotImplementedError(f"{type(self).__name__} must define output_shape")

    def check_input(self, x: np.ndarray) -> None:
        """Raise TypeError or ShapeError unless x fits; one comparison if shape and dtype are those of the last x."""
        if isinstance(x, np.ndarray) and (x.shape[1:], x.dtype, x.ndim) == self._accepted:
            return
        if not isinstance(x, np.ndarray):
            raise TypeError(f"{self.label} expects a NumPy array, got {type(x).__name__}")
        if x.dtype not in FLOATS:
            raise TypeError(f"{self.label} expects float32 or float64, got {x.dtype}: use x.astype(np.float32)")
        own = self.dtype
        if own is not None and own != x.dtype:
            raise TypeError(
                f"{self.label} has {own} parameters, got {x.dtype} input: use x.astype(np.{own}) or "
                f"net.astype(np.{x.dtype})"
            )
        if x.ndim == 0:
            raise ShapeError(f"{self.label} expects a batch, got a single number")
        self.output_shape(x.shape[1:], batch=x.shape[0])
        self._accepted = (x.shape[1:], x.dtype, x.ndim)

    def misfit(self, expected: str, shape: Shape, batch: object = "N") -> ShapeError:
        """The ShapeError that every layer raises: the layer's label, what it expected and what it got."""
        return ShapeError(f"{self.label} expects {expected}, got {show_shape(shape, batch)}")

    def check_tparams(self, tparams: TParams) -> Mapping[str, np.ndarray]:
        """Return tparams ({} for None); raise ValueError for an unknown path or a wrong shape."""
        if not tparams:
            return {}
        known = dict(self.parameters())
        for path, value in tparams.items():
            if path not in known:
                raise ValueError(f"{self.label} has no parameter {path!r}; it has {', '.join(known) or 'none'}")
            if np.shape(value) != known[path].shape:
                raise ShapeError(
                    f"{self.label}: the tangent of {path!r} must have the shape {known[path].shape}, "
                    f"got {np.shape(value)}"
                )
        return tparams

    # -- parameters ---------------------------------------------------------------------------------------------------

    def add_param(self, name: str, value: np.ndarray) -> None:
        """Register a parameter, and a gradient of zeros for it."""
        self.params[name] = value
        self.grads[name] = np.zeros_like(value)

    def children(self) -> Sequence[tuple[str, Layer]]:
        """The layers that this layer consists of, as (name, layer)."""
        return ()

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield (path with a trailing dot, layer) for this layer and all layers inside it, in order."""
        yield prefix, self
        for name, child in self.children():
            yield from child.walk(f"{prefix}{name}.")

    def parameters(self) -> list[tuple[str, np.ndarray]]:
        """Every parameter with its path: [("0.W", array), ("0.b", array), ...]."""
        return [(prefix + name, a) for prefix, layer in self.walk() for name, a in layer.params.items()]

    def gradients(self) -> list[tuple[str, np.ndarray]]:
        """Every gradient, under the same paths and in the same order as `parameters`."""
        return [(prefix + name, layer.grads[name]) for prefix, layer in self.walk() for name in layer.params]

    def buffers(self) -> list[tuple[str, np.ndarray]]:
        """Every array that is not trained (running statistics), with its path."""
        return [(prefix + name, a) for prefix, layer in self.walk() for name, a in layer.state.items()]

    def zero_grads(self) -> None:
        """Set every gradient to zero, in place."""
        for layer in self.layers_below():
            for grad in layer.grads.values():
                grad.fill(0)

    def parameters_and_gradients(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """(array, its gradient) in the order of `parameters`, without the paths."""
        return [(a, layer.grads[name]) for layer in self.layers_below() for name, a in layer.params.items()]

    def layers_below(self) -> list[Layer]:
        """This layer and all layers inside it, in the order of `walk`."""
        found = [self]
        for _, child in self.children():
            found += child.layers_below()
        return found

    def astype(self, dtype: DTypeLike | None) -> Self:
        """Return a copy of this layer or net whose arrays all have `dtype` (float32 or float64)."""
        dtype = np.dtype(dtype)
        if dtype not in FLOATS:
            raise TypeError(f"{self.label}: astype takes float32 or float64, got {dtype}")
        twin = copy.deepcopy(self)
        for _, layer in twin.walk():
            for arrays in (layer.params, layer.grads, layer.state):
                arrays.update({name: a.astype(dtype) for name, a in arrays.items()})
            layer._accepted = None
        return twin

    @property
    def dtype(self) -> np.dtype | None:
        """The dtype of the parameters; None if there are none."""
        for _, layer in self.walk():
            for array in layer.params.values():
                return array.dtype
        return None

    @property
    def label(self) -> str:
        """The layer's name in messages: `Conv2D "D.2"`."""
        return f'{type(self).__name__} "{self.path}"' if self.path else type(self).__name__

    def set_path(self, path: str) -> None:
        """Set the path of this layer, and with it the paths of all layers inside it."""
        self.path = path
        for name, child in self.children():
            child.set_path(f"{path}.{name}" if path else name)

    # -- for the gradient checker --------------------------------------------------------------------------------------

    def kink_distance(self, cache: Cache) -> float:
        """Distance from this call's inputs to the nearest point that has no derivative; inf if there is none."""
        return np.inf

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def describe(self) -> str:
        """The constructor's arguments, for `repr`."""
        return ""


def below(tparams: Mapping[str, np.ndarray], name: str) -> Mapping[str, np.ndarray]:
    """The entries of tparams that belong to the child `name`, under the child's own paths."""
    start = name + "."
    return {path[len(start) :]: value for path, value in tparams.items() if path.startswith(start)}


def add(a: np.ndarray | None, b: np.ndarray | None) -> np.ndarray | None:
    """a + b, where None stands for zero."""
    if a is None:
        return b
    return a if b is None else a + b


def show_shape(shape, batch) -> str:
    """The text of a shape for messages, with `batch` as the batch axis."""
    if shape is None:
        return "an unknown shape"
    return "(" + ", ".join([str(batch), *("?" if n is None else str(n) for n in shape)]) + ")"
