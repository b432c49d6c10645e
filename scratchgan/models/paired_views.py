r"""What D is shown of a pair, and the features that it forms of it; both with the way back.

D gets s(x, v) for an input x (N, h, w, Cx) and an image v (N, H, W, C), a real y or G's output u:

    "pair"     (Shown.1)   s = [x enlarged to H x W, v] along the channels: does v go with x?
    "output"   (Shown.2)   s = v: does v look like a target?
    "hole"     (Shown.3)   s = [m v, x's last channel]: does it look right inside the hole (where m is 1)?

The gradient of v from that of s:

    (Shown.4)   dv = the last C channels of ds          "pair"
    (Shown.5)   dv = ds                                 "output"
    (Shown.6)   dv = m times the first C channels       "hole"

x is data, and gets none.  In "hole" D does not see what is around the hole: of a whole picture it would soon see only
whether there is a seam.  The mask channel tells it where the hole is.

**Features.**  h_k is the output of D's k-th activation.  Terms that compare them send a gradient into the middle of D:

    (Shown.7)   q_k = (gradient that comes back from the layers after h_k) + (gradient of the terms of h_k itself)

so going back through the layers, each feature's own gradient is added when its layer is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..core import Cache
from ..families import Elementwise
from ..kernels import upsample_nearest


def show_pair(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(Shown.1)."""
    scale = v.shape[1] // x.shape[1]
    return np.concatenate([upsample_nearest(x, size=scale) if scale > 1 else x, v], axis=-1)


def show_output(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(Shown.2)."""
    return v


def show_hole(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """(Shown.3)."""
    return np.concatenate([np.where(hole(x), v, 0), x[..., -1:]], axis=-1).astype(v.dtype, copy=False)


def back_from_pair(ds: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(Shown.4)."""
    return ds[..., x.shape[-1] :]


def back_from_output(ds: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(Shown.5)."""
    return ds


def back_from_hole(ds: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(Shown.6)."""
    return np.where(hole(x), ds[..., :-1], 0)


def hole(x: np.ndarray) -> np.ndarray:
    """Where the mask, the last channel of x, says "hole" (above 0): booleans (N, H, W, 1)."""
    return x[..., -1:] > 0


Show = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: d_sees -> (s(x, v), dv from ds and x, how many channels s has for (Cx, C))
VIEWS: dict[str, tuple[Show, Show, Callable[[int, int], int]]] = {
    "pair": (show_pair, back_from_pair, lambda Cx, C: Cx + C),
    "output": (show_output, back_from_output, lambda Cx, C: C),
    "hole": (show_hole, back_from_hole, lambda Cx, C: C + 1),
}


def hidden(cache: Cache) -> dict[int, np.ndarray]:
    """{step: output} of each activation in a call of a Sequential, from its cache: the features h_k."""
    return {k: part.y for k, part in enumerate(cache.parts) if isinstance(part.layer, Elementwise)}


def back_through(cache: Cache, dy: np.ndarray, added: Mapping[int, np.ndarray]) -> np.ndarray:
    """The gradient of a frozen Sequential's input, for dy at its output and `added` at its steps.  (Shown.7)"""
    for k, (_, step) in reversed(list(enumerate(cache.steps))):
        if k in added:
            dy = dy + added[k]
        dy = step.backward(dy, cache.parts[k], param_grads=False)
    return dy
