"""What D and G minimise: one loss per file.  `base` derives them from cross-entropy and lists the facts that each has.

To add a loss: write its file, add its line below, and give it a case in `scratchgan/gradcheck/cases.py`.  Training,
plots and scratchgan.doctor then know it by its name.

Two more files are losses of a single net: `cross_entropy`, of a classifier, and `content`, of a net whose image is
compared with the right one.
"""

from __future__ import annotations

from typing import Any

from ..checks import one_of

# isort: off
from .base import Loss as Loss, Pointwise as Pointwise, Rest as Rest
from .minimax import Minimax as Minimax, NonSaturating as NonSaturating
from .least_squares import LeastSquares as LeastSquares
from .hinge import Hinge as Hinge
from .wasserstein import Wasserstein as Wasserstein
from .relativistic import RelativisticAverage as RelativisticAverage
from .pairing import RelativisticPairing as RelativisticPairing
# isort: on

#: name -> class, for every loss that is imported above, in that order
LOSSES: dict[str, type[Loss]] = {
    thing.name: thing
    for thing in list(globals().values())
    if isinstance(thing, type) and issubclass(thing, Loss) and thing.name
}


def get(which: str | Loss, **options: Any) -> Loss:
    """The loss called `which` (a key of LOSSES) with these options, or `which` itself if it is a Loss.

    Raises ValueError for an unknown name, or for label smoothing with a loss that does not support it.
    """
    if isinstance(which, Loss):
        return which
    one_of("losses", "loss", which, LOSSES)
    if not LOSSES[which].smooths_labels and options.pop("label_smoothing", 0):
        raise ValueError(
            f"losses: {which!r} has no labels to smooth; label_smoothing is for {' and '.join(smoothing())}"
        )
    return LOSSES[which](**options)


def smoothing() -> tuple[str, ...]:
    """The names of the losses that take label_smoothing."""
    return tuple(name for name, loss in LOSSES.items() if loss.smooths_labels)
