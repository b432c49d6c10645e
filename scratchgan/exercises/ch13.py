"""Chapter 13, find the bug: the error of a derivative, four diagnoses, and which weights change in which turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .exercise import Exercise
from .inputs import made
from .reports import REPORTS

# The fault of each letter in the chapter.  (You are reading the answers.)
# For each run: its fault, or None, and the changes to its recipe.
RUNS = {"W": ("gradients assigned", {}), "X": (None, {}), "Y": ("slope with a minus", {}), "Z": (None, {"lr_d": 1e-6})}
PATIENTS = {
    "A": "gradients assigned",
    "B": "batch statistics held constant",
    "C": "no second derivative",
    "D": "norm over the batch",
}
#: Who could be mistaken for the patient.
DOUBLES = {
    "A": ["activations kept on the layer", "fakes with a minus", "1/N forgotten"],
    "B": ["BatchNorm in two modes", "gradients assigned"],
    "C": ["slope with a minus", "the other loss's gradient"],
}


# -- the error of a derivative ----------------------------------------------------------------------------------------


def _pair(rng):
    n = rng.standard_normal((3, 4))
    a = n + 1e-3 * rng.standard_normal((3, 4))
    tiny = bool(rng.integers(2))
    return {"a": 1e-9 * a if tiny else a, "n": 1e-9 * n if tiny else n, "largest": 2.0 + rng.random()}


def _pairs():
    """Each of the three terms is the largest once; the largest entries are negative."""
    return [
        {"a": np.array([-4.0, 1.0]), "n": np.array([-3.0, 2.0]), "largest": 5.0},
        {"a": np.array([1.0, -2.0]), "n": np.array([1.5, -5.0]), "largest": 5.0},
        {"a": np.array([1e-9, -2e-9]), "n": np.array([-1e-9, 3e-9]), "largest": 5.0},
        {"a": np.zeros((2, 2)), "n": np.full((2, 2), -1e-10), "largest": 0.1},
    ]


def _error(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest))


def _entry_by_entry(a, n, largest):
    return float((np.abs(a - n) / np.maximum(np.abs(a), np.abs(n))).max())


def _without_floor(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max()))


def _without_abs(a, n, largest):
    return float(np.abs(a - n).max() / max(a.max(), n.max(), 1e-3 * largest))


def _only_n(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(n).max(), 1e-3 * largest))


def _only_a(a, n, largest):
    return float(np.abs(a - n).max() / max(np.abs(a).max(), 1e-3 * largest))


# -- diagnoses --------------------------------------------------------------------------------------------------------


def _diagnosed(wrong):
    """The fault with these wrong rows, in any order."""
    reports = {name: sorted(rows) for name, rows in REPORTS.items()} | {"healthy": []}
    return next(name for name, rows in reports.items() if rows == sorted(wrong))


def _each(one: Callable[[Any], str]) -> Callable[[list], list[str]]:
    return lambda waiting: [one(patient) for patient in waiting]


def _taken_for(name: str, other: str) -> Callable[[list], list[str]]:
    """A rule that takes one patient for another."""
    return _each(lambda wrong: other if (found := _diagnosed(wrong)) == name else found)


def _patient(letter: str, hints: dict[tuple[str, str], str]) -> Exercise:
    """The exercise of one patient; hints: {(a patient, what it is taken for): why it is not that}."""
    who = [PATIENTS[letter], *DOUBLES[letter]]

    def room(rng) -> dict:
        waiting = [[REPORTS[name][i] for i in rng.permutation(len(REPORTS[name]))] for name in who] + [[]]
        return {"waiting": [waiting[i] for i in rng.permutation(len(waiting))]}

    same = (
        "You say the same of everybody.  Each has another fault, and one has none: let your function look at the rows."
    )
    return Exercise(
        f"13.patient_{letter.lower()}",
        f"Tell patient {letter} and those that could be mistaken for it apart by the wrong rows of their reports.  Return "
        "the names of their faults, out of bugs.names(), or 'healthy', in the order in which they wait.",
        _each(_diagnosed),
        room,
        tuple(f"fault of waiting[{i}]" for i in range(len(who) + 1)),
        {same: _each(lambda wrong: who[0])} | {hint: _taken_for(*pair) for pair, hint in hints.items()},
        about=f'"Patient {letter}"',
    )


# -- a penalty that is the wrong function -------------------------------------------------------------------------------


#: what is wrong, or "healthy" -> the axis of the norm, and how the samples are put together
_PENALTIES = {"healthy": (1, "mean"), "norm over the batch": (0, "mean"), "sum instead of mean": (1, "sum")}


def _tellers(rng):
    penalties = [made("penalty", *kind) for kind in _PENALTIES.values()]
    return {"waiting": [penalties[i] for i in rng.permutation(3)]}


def _asked(penalty):
    """One gradient of length 1 costs nothing unless the norm is wrong; two of length 2 cost 10 each."""
    if abs(penalty(np.array([[0.6, 0.8]]))) > 1e-6:
        return "norm over the batch"
    return "healthy" if abs(penalty(np.array([[2.0, 0.0], [0.0, 2.0]])) - 10) < 1e-6 else "sum instead of mean"


def _doubled(penalty):
    """The chapter's question: it cannot tell the two faults apart."""
    g = np.array([[1.0, 2.0, 0.5], [0.3, 0.1, 2.0]])
    same = np.isclose(penalty(g), penalty(np.concatenate([g, g])))
    return "healthy" if same else "norm over the batch"


def _one_sample(penalty):
    return "healthy" if abs(penalty(np.array([[0.6, 0.8]]))) < 1e-6 else "norm over the batch"


# -- who moves --------------------------------------------------------------------------------------------------------


def _turn(rng):
    return {"gan": made("game", int(rng.integers(1000)), bool(rng.integers(2)), bool(rng.integers(2)))}


def _games():
    moves = [(True, True), (True, False), (False, True), (False, False)]
    return [{"gan": made("game", seed, g, d)} for seed, (g, d) in enumerate(moves)]


def _moved(gan, copied=True, changed=np.any):
    before = [[(a.copy() if copied else a) for _, a in net.parameters()] for net in (gan.G, gan.D)]
    gan.g_step(8)
    return tuple(
        any(bool(changed(a != b)) for (_, a), b in zip(net.parameters(), kept, strict=True))
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
            "The largest entry may be negative: take absolute values before the maximum.": _without_abs,
            "Only n stands below your line.  Whichever of a and n has the larger entry belongs there.": _only_n,
            "Only a stands below your line.  Whichever of a and n has the larger entry belongs there.": _only_a,
        },
        about="(Check.1)",
        edges=_pairs,
    ),
    _patient(
        "A",
        {
            (
                "activations kept on the layer",
                "gradients assigned",
            ): "You took a patient for A who is not: in its game only "
            "the rows of W are wrong.  db needs no activations, so whoever loses these still gets b right.",
            (
                "fakes with a minus",
                "gradients assigned",
            ): "You took a patient for A who is not: its loss is already wrong alone, for the fakes.",
            (
                "1/N forgotten",
                "gradients assigned",
            ): "You took a patient for A who is not: its loss is already wrong alone, for real samples and for fakes.",
            (
                "1/N forgotten",
                "fakes with a minus",
            ): "In one patient the gradient of the loss is wrong for fakes only, in another one for both batches.",
        },
    ),
    _patient(
        "B",
        {
            (
                "BatchNorm in two modes",
                "batch statistics held constant",
            ): "You took a patient for B who is not: its rows are "
            "those of evaluation, in which mean and variance are constants.",
            (
                "gradients assigned",
                "batch statistics held constant",
            ): "You took a patient for B who is not: no row of a BatchNorm is wrong in it.",
            (
                "batch statistics held constant",
                "BatchNorm in two modes",
            ): "B itself is missed.  Which of the two modes is wrong in its report?",
        },
    ),
    _patient(
        "C",
        {
            (
                "slope with a minus",
                "no second derivative",
            ): "You took a patient for C who is not: its first derivatives (backward, tangent) are wrong as well.",
            (
                "the other loss's gradient",
                "no second derivative",
            ): "You took a patient for C who is not: the loss is wrong in it, and no net.",
            (
                "no second derivative",
                "slope with a minus",
            ): "C itself is missed.  Which of the four passes is wrong in its report?",
        },
    ),
    Exercise(
        "13.patient_d",
        "Each of three functions maps the gradients g (N, F) of N samples to a number: one to 10 mean_n (|g_n| - 1)^2, the "
        "others to something else.  Ask them, and return 'healthy', 'norm over the batch' or 'sum instead of mean' for "
        "each.",
        _each(_asked),
        _tellers,
        tuple(f"word for waiting[{i}]" for i in range(3)),
        {
            "A doubled batch changes the value of *two* faulty penalties: you need a second question that tells these apart. "
            "With a single sample, a sum and a mean are the same.": _each(_doubled),
            "With a single sample, a sum and a mean are the same: you found the wrong norm, and not the sum.": _each(
                _one_sample
            ),
            "You say the same of all three: ask the function that you are given.": _each(
                lambda penalty: "norm over the batch"
            ),
        },
        about='"Patient D"',
    ),
    Exercise(
        "13.who_moved",
        "Play G's turn, gan.g_step(8).  Did G's weights change?  Did D's?  Return two booleans.",
        _moved,
        _turn,
        ("G moved", "D moved"),
        {
            "You compared arrays with themselves: parameters() gives the net's own arrays, and the optimiser changes them "
            "in place.  Copy them before the turn.": lambda gan: _moved(gan, copied=False),
            "Swapped: G comes first.": lambda gan: _moved(gan)[::-1],
            "You said of each game that only G moved, which is not so: do you compare *weights*, those before the turn with "
            "those after it, in both nets?": lambda gan: (True, False),
        },
        about='"Who moved?"',
        edges=_games,
    ),
]
