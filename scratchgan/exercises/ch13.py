"""Chapter 13, find the bug: how wrong a derivative is, four patients, and who moved in whose turn."""

from __future__ import annotations

import numpy as np

from ..models import mlp_gan
from .bugs import d_steps_too
from .exercise import Exercise

# What each letter of the chapter has.  (You are reading the answers.)
# A run has a fault, or none, and changes of its recipe.
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
    """hints: a fault that it has not -> why not."""
    right = PATIENTS[letter]
    ask = f"Which fault has patient {letter}?  Its name, out of bugs.names()."
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
    """A game whose D moves in G's turn, too: the fault, put into one object and not into the package."""

    def __init__(self, gan):
        self.gan = gan

    def __getattr__(self, name):
        if name == "gan":  # while it is being copied there is none yet
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
        "The error (Check.1) of a derivative a by hand against n by differences.",
        _error,
        _pair,
        ("error",),
        {
            "Entry by entry, a derivative that is almost 0 in one place is judged by its rounding there: take the largest "
            "difference, and the largest entry.": _entry_by_entry,
            "An array that is 0 in truth has only rounding noise in it, and would be judged by it: the third term of the "
            "maximum is missing.": _without_floor,
        },
        about="(Check.1)",
    ),
    _patient(
        "A",
        {
            "activations kept on the layer": "That fault also loses one of two batches.  But then real and fake would be mixed in W's gradient, and "
            "that of b, which needs no activations, would be right.",
            "bias of one sample": "Then a layer by itself would be wrong as well, and only in b.",
            "fakes with a minus": "Then the loss by itself would be wrong, and it is not.",
        },
    ),
    _patient(
        "B",
        {
            "BatchNorm in two modes": "Then evaluation would be wrong.  Here it is right, and training is wrong.",
            "another mask on the way back": "There is no dropout in it.",
        },
    ),
    _patient(
        "C",
        {
            "slope with a minus": "Then the first derivatives would be wrong as well.",
            "norm over the batch": "The penalty has no part in a net's own four passes.",
        },
    ),
    _patient(
        "D",
        {
            "no second derivative": "Then gradcheck would have told.",
            "two signs that cancel": "That is in the loss.  The penalty was asked, and it answered wrongly.",
        },
    ),
    Exercise(
        "13.who_moved",
        "Play G's turn, gan.g_step(8): did G's weights change, did D's?  Two truth values.",
        _moved,
        _turn,
        ("G moved", "D moved"),
        {
            "You compared arrays with themselves: parameters() gives the live arrays, and the optimiser changes them in "
            "place.  Copy them before the turn.": lambda gan: _moved(gan, copied=False)
        },
        about="scratchgan/gan.py",
    ),
]
