"""Where did NaN or infinity first appear?  This is checked after every training step, and the answer is a name.

A number that is not finite spreads: through D's loss into every gradient, and with the next update into every weight.
So what matters is where it *began*: in which layer, in the order of the forward pass, it appeared first.

Not every one spreads.  Where Adam's mean square v has become infinite, updates are 0 from then on: the loss stays
finite, and the weight never changes again.  So all arrays that training carries from step to step are watched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..core import Layer
from ..game import Game
from ..layers import Sequential


def bad_array(gan: Game) -> str | None:
    """Name of the first array in the game's state that is not finite, such as "D.3.W" or "d_optimizer/v/3.W"; or None.

    If it is in a net, the first gradient of this net that is not finite is named instead.  One pass over the state
    after each step is enough: a gradient that is not finite has already reached its weight or its moments.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for name, net in gan.nets():
            layers = net.layers_below()
            if not _sound(a for layer in layers for arrays in (layer.params, layer.state) for a in arrays.values()):
                for path, a in [*net.parameters(), *net.buffers()]:
                    if not np.isfinite(a).all():
                        spoilt = [where for where, g in net.gradients() if not np.isfinite(g).all()]
                        return f"the gradient of {name}.{spoilt[0]}" if spoilt else f"{name}.{path}"
        moments = (a for _, optimizer in gan.optimizers() for arrays in optimizer.slot.values() for a in arrays)
        if _sound(moments) and _sound(gan.extra_arrays().values()):
            return None
        return next((name for name, a in gan.state().items() if a.dtype.kind == "f" and not np.isfinite(a).all()), None)


def _sound(arrays: Iterable[np.ndarray]) -> bool:
    """A fast test: True if every array's sum of squares is finite.  False may also mean that the numbers are large."""
    return all(np.isfinite(np.dot(flat := a.ravel(), flat)) for a in arrays)


def first_fault(gan: Game) -> str | None:
    """The first layer of D whose output on its last batch is not finite; if there is none, as `bad_array`.

    Runs D in training mode, which changes its running statistics; that is harmless, since the run has ended.
    """
    batch = gan.last_batch
    if batch is not None and gan.kind == "samples" and all(np.isfinite(w).all() for _, w in gan.D.parameters()):
        for what, x in (("real samples", batch.real), ("fakes", batch.fake)):
            if not np.isfinite(x).all():
                return f"the {what} that D was given"
            if (layer := _through(gan.D, x, gan.conditions)) is not None:
                return f"the output of {layer} on {what}"
    return bad_array(gan)


def _through(net: Layer, x: np.ndarray, conditions: dict[str, Any]) -> str | None:
    with np.errstate(all="ignore"):
        for layer in net.layers if isinstance(net, Sequential) else [net]:
            x, _ = layer.forward(
                x, train=True, rng=np.random.default_rng(0), **(conditions if layer.takes_labels else {})
            )
            if not np.isfinite(x).all():
                return layer.label
    return None
