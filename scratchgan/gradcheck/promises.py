"""What a layer promises besides its derivatives, and which passes of a half-written layer can be checked.

the cache       what a later pass needs is kept in the cache, not on the layer: two forward passes may be pending at
                once, of real samples and of fakes
its arguments   no pass changes the arrays that it is given, or the parameters
the switches    param_grads=False leaves the gradients alone; input_grad=False returns None
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import Layer
from .differences import ALONG, Frozen
from .report import Row

PASSES = ("backward", "tangent", "tangent_backward")
#: attributes of every layer; any other that changes in a forward pass is suspicious
OWN = {"params", "grads", "state", "path", "_accepted"}


class Trouble:
    """What keeps a layer from being checked as a whole.

    missing   {a pass that is not written yet: what its call says}
    faults    sentences about what is wrong besides the numbers
    notes     sentences about what is right, but not as it should be
    """

    def __init__(self, net: Layer):
        self.missing: dict[str, str] = {
            name: f"{type(layer).__name__} must define {name}"
            for name in PASSES
            for layer in net.layers_below()
            if getattr(type(layer), name) is getattr(Layer, name)
        }
        self.faults: list[str] = []
        self.notes: list[str] = []

    def listed(self, net: Layer) -> tuple[str, ...]:
        """The missing passes, in a net with the layer that lacks them."""
        return tuple(
            f"{name} of {says.removesuffix(f' must define {name}')}"
            if net.children() and says.endswith(f" must define {name}")
            else name
            for name, says in self.missing.items()
        )

    def attempt(self, name: str, call: Callable[[], Any]) -> Any:
        """The result of a pass; None if it is not written yet or raises an error, which is noted."""
        if name in self.missing:
            return None
        try:
            return call()
        except NotImplementedError as error:
            self.missing[name] = str(error)
        except Exception as error:
            self.missing[name] = ""
            self.faults.append(f"{name} raised {type(error).__name__}: {' '.join(str(error).split())}"[:300])
        return None

    def fits(self, name: str, what: str, array: Any, shape: tuple[int, ...]) -> bool:
        """Whether the result of a pass is an array of this shape; if not, it is noted."""
        if isinstance(array, np.ndarray) and array.shape == shape:
            return True
        got = f"the shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        if (says := f"{name} gives {what} with {got}, expected an array of shape {shape}") not in self.faults:
            self.faults.append(says)
        return False


def promise_rows(f: Frozen, x: np.ndarray, rng: np.random.Generator, trouble: Trouble) -> list[Row]:
    """The rows of what depends on another forward pass, or of a switch that is ignored; [] if all is as promised.

    Only passes that `trouble` does not list as missing are called.
    """
    net = f.net
    draw = lambda shape: np.asarray(rng.standard_normal(shape), x.dtype)
    y, _ = f.forward(x)
    given = {"x": x, "dy": draw(y.shape), "tx": ALONG * draw(x.shape), "tdy": ALONG * draw(y.shape)}
    tparams = {path: ALONG * draw(w.shape) for path, w in net.parameters()}
    other = {"x": x + draw(x.shape), "dy": draw(y.shape), "tx": draw(x.shape), "tdy": draw(y.shape)}
    if "backward" in trouble.missing:
        return []

    kept = {name: a.copy() for name, a in [*given.items(), *net.parameters()]}
    alone = _passes(f, given, tparams, trouble, lambda upto: None)
    before = [dict(vars(layer)) for layer in net.layers_below()]
    _passes(f, other, tparams, trouble, None)
    on_self = sorted(
        {
            name
            for layer, old in zip(net.layers_below(), before, strict=True)
            for name, value in vars(layer).items()
            if name not in OWN and value is not old.get(name)
        }
    )
    for name, a in [*given.items(), *net.parameters()]:
        if not np.array_equal(a, kept[name]):
            trouble.faults.append(f"a pass changes {name} in place: make a new array")
            a[...] = kept[name]

    between = _passes(f, given, tparams, trouble, lambda upto: _passes(f, other, tparams, trouble, None, upto))
    rows = [
        Row(f"{step} after another forward", name, a.shape, between[step, name], a)
        for (step, name), a in alone.items()
        if not _close(between.get((step, name)), a)
    ]
    if rows:
        where = f"self.{', self.'.join(on_self)}" if on_self else "the layer"
        trouble.faults.append(f"what a forward pass keeps in {where} is lost in the next one: keep it in the cache")
    return rows + _switches(f, given, tparams, trouble)


def _passes(f, given, tparams, trouble, other, upto: str = "tangent_backward") -> dict[tuple[str, str], np.ndarray]:
    """{(pass, array): result} of all passes up to `upto`; `other`, if given, is called before each of them.

    Only the call without `other` uses other random numbers, as another batch would.
    """
    net, found = f.net, {}
    if other is None:
        _, cache = net.forward(given["x"], train=f.train, rng=np.random.default_rng(8), **f.conditions)
        f.restore()
    else:
        _, cache = f.forward(given["x"])

    def keep(step: str, name: str, result: Any) -> None:
        if isinstance(result, np.ndarray):
            found[step, name] = result.copy()
        for path, gradient in net.gradients() if step != "tangent" else ():
            found[step, path] = gradient.copy()

    calls: dict[str, tuple[str, Callable[[], Any]]] = {
        "backward": ("x", lambda: net.backward(given["dy"], cache)),
        "tangent": ("y", lambda: net.tangent(given["tx"], cache, tparams)),
        "tangent_backward": ("x", lambda: net.tangent_backward(given["tdy"], cache)),
    }
    for step, (name, call) in calls.items():
        if other is not None:
            other(step)
        net.zero_grads()
        if (result := trouble.attempt(step, call)) is None and step in trouble.missing:
            break
        keep(step, name, result)
        if step == upto:
            break
    return found


def _switches(f: Frozen, given, tparams, trouble: Trouble) -> list[Row]:
    """The rows of parameter gradients that nobody asked for; a note on input gradients."""
    net = f.net
    _, cache = f.forward(given["x"])
    net.zero_grads()
    asked: list[str] = []
    try:
        net.backward(given["dy"], cache, param_grads=False)
        rows = [
            Row("backward with param_grads=False", path, g.shape, g.copy(), np.zeros_like(g))
            for path, g in net.gradients()
            if g.any()
        ]
        if rows:
            trouble.faults.append("backward ignores param_grads=False: G's turn would change D's gradients")
        net.zero_grads()
        if net.backward(given["dy"], cache, input_grad=False) is not None:
            asked.append("backward")
        if not {"tangent", "tangent_backward"} & trouble.missing.keys():
            net.tangent(given["tx"], cache, tparams)
            if net.tangent_backward(given["tdy"], cache, input_grad=False) is not None:
                asked.append("tangent_backward")
    except Exception as error:
        must = (
            "a pass must take the switches of Layer" if isinstance(error, TypeError) else "a pass with a switch raised"
        )
        trouble.faults.append(f"{must}: {' '.join(str(error).split())}")
        return []
    if asked:
        trouble.notes.append(f"{' and '.join(asked)} with input_grad=False should return None: nobody reads the result")
    return rows


def _close(a: np.ndarray | None, b: np.ndarray) -> bool:
    """Whether two results of the same computation agree, up to rounding."""
    if a is None or a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=0, atol=1e-6 * max(1e-6, float(np.abs(b).max(initial=0)))))


def complete(net: Layer) -> None:
    """Raise TypeError, with what to do, if a layer lacks what the base class gives it."""
    for layer in net.layers_below() if hasattr(net, "params") else [net]:
        name = type(layer).__name__
        if not hasattr(layer, "params"):
            raise TypeError(f"check: {name} has no params: call super().__init__() first in its __init__")
        if lost := [key for key in layer.params if key not in layer.grads]:
            raise TypeError(f"check: {name} has no gradient for {lost[0]!r}: use add_param({lost[0]!r}, ...) for it")
