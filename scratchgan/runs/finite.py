"""Where did NaN or infinity first appear?  Asked after every step of training, and answered by name.

A number that is not finite spreads: through D's loss into every gradient, and with the next update into every weight.
So what matters is where it *began*: the first layer, in the order in which numbers flow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Layer
from ..game import Game
from ..layers import Sequential


def bad_array(gan: Game) -> str | None:
    """The first weight, running statistic or gradient of G or D that is not finite, such as "D.3.W"; or None.

    Costs one pass over the weights, after every step: a gradient that is not finite has reached its weight by then, and
    an average of finite weights is finite.
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
    """Whether the squares of all numbers in a net have a finite sum; if not, they may be only too large."""
    return all(
        np.isfinite(np.dot(flat := a.ravel(), flat))
        for layer in net.layers_below()
        for arrays in (layer.params, layer.state)
        for a in arrays.values()
    )


def first_fault(gan: Game) -> str | None:
    """The first layer of D whose output is not finite, for the last batch that D was given; else as `bad_array`.

    Running statistics move; the run is over anyway.
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
