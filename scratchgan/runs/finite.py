"""Where did NaN or infinity first appear?  This is checked after every training step, and the answer is a name.

A number that is not finite spreads: through D's loss into every gradient, and with the next update into every weight.
So what matters is where it *began*: in which layer, in the order of the forward pass, it appeared first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Layer
from ..game import Game
from ..layers import Sequential


def bad_array(gan: Game) -> str | None:
    """Name of the first weight, running statistic or gradient of G or D that is not finite, such as "D.3.W"; or None.

    One pass over the weights and running statistics after each step is enough: a gradient that is not finite has
    already reached its weight, and a moving average of finite weights (ema) is finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for name, net in gan.nets():
            if name != "ema" and not _sound(net):
                for path, a in [*net.parameters(), *net.buffers()]:
                    if not np.isfinite(a).all():
                        spoilt = [where for where, g in net.gradients() if not np.isfinite(g).all()]
                        return f"the gradient of {name}.{spoilt[0]}" if spoilt else f"{name}.{path}"
    return None


def _sound(net: Layer) -> bool:
    """A fast test: True if every array's sum of squares is finite.  False may also mean that the numbers are large."""
    return all(
        np.isfinite(np.dot(flat := a.ravel(), flat))
        for layer in net.layers_below()
        for arrays in (layer.params, layer.state)
        for a in arrays.values()
    )


def first_fault(gan: Game) -> str | None:
    """The first layer of D whose output on its last batch is not finite; if there is none, as `bad_array`.

    Runs D in training mode, which changes its running statistics; that is harmless, since the run has ended.
    """
    batch = gan.last_batch
    if batch is not None and all(np.isfinite(w).all() for _, w in gan.D.parameters()):
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
