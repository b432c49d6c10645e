"""Chapter 13, find the bug: the error of a derivative, four patients, and which weights change in which turn."""

from __future__ import annotations

import numpy as np

from ..models import mlp_gan
from .bugs import d_steps_too
from .exercise import Exercise

# The fault of each letter in the chapter.  (You are reading the answers.)
# For each run: its fault, or None, and the changes to its recipe.
RUNS = {"W": ("gradients assigned", {}), "X": (None, {}), "Y": ("slope with a minus", {}), "Z": (None, {"lr_d": 1e-6})}
PATIENTS = {
    "A": "gradients assigned",
    "B": "batch statistics held constant",
    "C": "no second derivative",
    "D": "norm over the batch",
}


def _pair(rng):
    n = rng.standard_normal((3, 4))
    a = n + 1e-3 * rng.standard_normal((3, 4))
    tiny = bool(rng.integers(2))
    return {"a": 1e-9 * a if tiny else a, "n": 1e-9 * n if tiny else n, "largest": 2.0 + rng.random()}


def _error(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest))


def _entry_by_entry(a, n, largest):
    return float((np.abs(a - n) / np.maximum(np.abs(a), np.abs(n))).max())


def _without_floor(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max()))


def _patient(letter, hints):
    """The exercise of one patient; hints: {a fault that the patient does not have: the reason why not}."""
    right = PATIENTS[letter]
    ask = f"Which fault does patient {letter} have?  Return its name, one of bugs.names()."
    return Exercise(
        f"13.patient_{letter.lower()}",
        ask,
        lambda: right,
        lambda rng: {},
        ("name",),
        {hint: lambda name=name: name for name, hint in hints.items()},
        about="the rows of its report",
    )


class _Careless:
    """A game whose D also moves in G's turn: the fault is in this one object, not in the package."""

    def __init__(self, gan):
        self.gan = gan

    def __getattr__(self, name):
        if name == "gan":  # during a copy the attribute is not set yet
            raise AttributeError(name)
        return getattr(self.gan, name)

    def g_step(self, N, real=None):
        return d_steps_too(type(self.gan).g_step)(self.gan, N, real)


def _turn(rng):
    gan = mlp_gan(2, 2, (4,), seed=int(rng.integers(1000)))
    gan.d_gradients(rng.standard_normal((6, 2)).astype(np.float32), gan.noise(6))
    return {"gan": _Careless(gan) if rng.integers(2) else gan}


def _moved(gan, copied=True):
    before = [[(a.copy() if copied else a) for _, a in net.parameters()] for net in (gan.G, gan.D)]
    gan.g_step(8)
    return tuple(
        any((a != b).any() for (_, a), b in zip(net.parameters(), kept, strict=True))
        for net, kept in zip((gan.G, gan.D), before, strict=True)
    )


EXERCISES = [
    Exercise(
        "13.relative_error",
        "The error (Check.1) of a derivative a, computed by hand, against n, computed by finite differences.",
        _error,
        _pair,
        ("error",),
        {
            "You divided entry by entry: an entry that is almost 0 is then mostly rounding error.  Divide the largest "
            "difference by the largest entry.": _entry_by_entry,
            "The third term of the maximum is missing: an array that should be 0 contains only rounding errors, and you "
            "divide by these.": _without_floor,
        },
        about="(Check.1)",
    ),
    _patient(
        "A",
        {
            "activations kept on the layer": "That fault also loses one of two batches.  But it would mix real and fake in the gradient of W, and leave "
            "that of b right, which needs no activations.",
            "bias of one sample": "Then the check of a layer by itself would fail as well, and only for b.",
            "fakes with a minus": "Then the check of the loss by itself would fail, but it passes.",
        },
    ),
    _patient(
        "B",
        {
            "BatchNorm in two modes": "Then evaluation would be wrong.  Here evaluation is right, and training is wrong.",
            "another mask on the way back": "The net has no dropout.",
        },
    ),
    _patient(
        "C",
        {
            "slope with a minus": "Then the first derivatives would be wrong as well.",
            "norm over the batch": "The check of a net's four passes does not use the penalty.",
        },
    ),
    _patient(
        "D",
        {
            "no second derivative": "Then gradcheck would have found it.",
            "two signs that cancel": "That fault is in the loss.  It was the penalty that gave a wrong value.",
        },
    ),
    Exercise(
        "13.who_moved",
        "Play G's turn, gan.g_step(8).  Did G's weights change?  Did D's?  Return two booleans.",
        _moved,
        _turn,
        ("G moved", "D moved"),
        {
            "You compared arrays with themselves: parameters() gives the net's own arrays, and the optimiser changes them "
            "in place.  Copy them before the turn.": lambda gan: _moved(gan, copied=False)
        },
        about="scratchgan/gan.py",
    ),
]
