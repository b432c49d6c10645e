"""Where did NaN or infinity first appear?  Asked after every step of training, and answered by name.

A number that is not finite spreads: through D's loss into every gradient, and with the next update into every weight.
So what matters is where it *began*: the first layer, in the order in which numbers flow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .core import Layer, Sequential


def bad_array(gan: Any) -> str | None:
    """The first weight, running statistic or gradient of a gan that is not finite, as "D.3.W (gradient)"; or None.

    Costs one pass over the weights: a gradient that is not finite has reached its weight by then.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for name, net in gan.nets():
            for path, w in net.parameters() + net.buffers():
                flat = w.ravel()
                if not np.isfinite(np.dot(flat, flat)) and not np.isfinite(w).all():   # or is it only too large?
                    for where, gradient in net.gradients():
                        if not np.isfinite(gradient).all():
                            return f"the gradient of {name}.{where}"
                    return f"{name}.{path}"
    return None


def first_fault(gan: Any) -> str | None:
    """The first layer of D whose output is not finite, for the batch that D has just seen; else as `bad_array`.

    Running statistics move; the run is over anyway.
    """
    seen, D = getattr(gan, "seen", None), getattr(gan, "D", None)
    if seen is not None and D is not None and all(np.isfinite(w).all() for _, w in D.parameters()):
        for what, x in (("real samples", seen[0]), ("fakes", seen[1])):
            if not np.isfinite(x).all():
                return f"the {what} that D was shown"
            if (layer := _through(D, x, gan.given)) is not None:
                return f"the output of {layer} on {what}"
    return bad_array(gan)


def _through(net: Layer, x: np.ndarray, given: dict) -> str | None:
    with np.errstate(all="ignore"):
        for layer in net.layers if isinstance(net, Sequential) else [net]:
            x, _ = layer.forward(x, train=True, rng=np.random.default_rng(0), **(given if layer.takes_labels else {}))
            if not np.isfinite(x).all():
                return layer.label
    return None
