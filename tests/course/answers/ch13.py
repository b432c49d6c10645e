"""Answers to the exercises of chapter 13."""

import copy

import numpy as np

RIGHT = {
    "13.relative_error": {
        "ravel": lambda a, n, largest: np.linalg.norm((a - n).ravel(), np.inf) / max(
            np.linalg.norm(a.ravel(), np.inf), np.linalg.norm(n.ravel(), np.inf), largest / 1000
        ),
        "np.max of a list": lambda a, n, largest: np.abs(a - n).max() / np.max([*np.abs(a).flat, *np.abs(n).flat, 1e-3 * largest]),
        "stacked": lambda a, n, largest: np.ptp(np.stack([a, n]), axis=0).max() / max(np.abs([a, n]).max(), largest * 1e-3),
        "sorted": lambda a, n, largest: sorted(abs(a - n).flat)[-1] / sorted([*abs(a).flat, *abs(n).flat, 1e-3 * largest])[-1],
        "minimum of reciprocals": lambda a, n, largest: np.abs(a - n).max() * min(
            1 / max(np.abs(a).max(), np.abs(n).max(), 1e-300), 1e3 / largest
        ),
        "an array": lambda a, n, largest: np.array(
            np.abs(n - a).max() / np.maximum(np.maximum(np.abs(a).max(), np.abs(n).max()), 1e-3 * largest)
        ),
    }
}  # fmt: skip


def each(rule):
    return lambda waiting: [rule(patient) for patient in waiting]


def has(wrong, piece):
    return any(piece in row for row in wrong)


def a(wrong):
    if not wrong:
        return "healthy"
    if has(wrong, "the loss alone"):
        return "1/N forgotten" if has(wrong, "D: real logits") else "fakes with a minus"
    return "gradients assigned" if has(wrong, "D.0.b") else "activations kept on the layer"


def by_layer(wrong):
    """Dense alone is wrong in one patient only."""
    things = {row.split(": ")[0] for row in wrong}
    if "Dense alone" in things:
        return "activations kept on the layer"
    if "the loss alone" in things:
        passes = [row for row in wrong if "backward" in row and row.startswith("the loss")]
        return ["", "fakes with a minus", "1/N forgotten"][len(passes)]
    return "gradients assigned" if things else "healthy"


def by_numbers(numbers):
    return lambda wrong: numbers[len(wrong)]


COUNTS = {
    "a": {8: "gradients assigned", 19: "activations kept on the layer", 10: "fakes with a minus", 12: "1/N forgotten"},
    "b": {6: "BatchNorm", 8: "gradients assigned"},
}


def b(wrong):
    for piece, name in (("training", "batch statistics held constant"), ("evaluation", "BatchNorm in two modes")):
        if has(wrong, piece):
            return name
    return "gradients assigned" if wrong else "healthy"


def b_by_start(wrong):
    if not wrong:
        return "healthy"
    start = min(wrong)[:12]
    return {"BatchNorm, t": "batch statistics held constant", "BatchNorm, e": "BatchNorm in two modes"}.get(
        start, "gradients assigned"
    )


def c(wrong):
    if not wrong:
        return "healthy"
    if has(wrong, "the loss alone"):
        return "the other loss's gradient"
    first = any(row.split(": ")[1] in ("backward", "tangent") for row in wrong)
    return "slope with a minus" if first else "no second derivative"


def c_by_thing(wrong):
    things = " ".join(wrong)
    return (
        "slope with a minus" if "LeakyReLU" in things
        else "no second derivative" if "Tanh" in things
        else "the other loss's gradient" if things else "healthy"
    )  # fmt: skip


def forms(rule, other):
    """A rule in the forms that people write."""

    def loop(waiting):
        names = []
        for wrong in waiting:
            names.append(rule(wrong))
        return names

    return {
        "a list": each(rule),
        "a tuple": lambda waiting: tuple(map(rule, waiting)),
        "a loop": loop,
        "another row": each(other),
        "sets": each(lambda wrong: rule(set(wrong))),
        "an array of text": lambda waiting: list(np.array([other(wrong) for wrong in waiting])),
    }


RIGHT["13.patient_a"] = forms(a, by_layer) | {"counted": each(by_numbers({0: "healthy"} | COUNTS["a"]))}
RIGHT["13.patient_b"] = forms(b, b_by_start)
RIGHT["13.patient_c"] = forms(c, c_by_thing)


def d(penalty):
    one, two = penalty(np.array([[1.0, 0.0, 0.0]])), penalty(np.zeros((2, 3)))
    return "norm over the batch" if one > 1e-9 else "healthy" if abs(two - 10) < 1e-9 else "sum instead of mean"


def d_compared(penalty):
    """Compares with the formula on random gradients."""
    g = np.random.default_rng(0).standard_normal((4, 3))
    costs = (np.linalg.norm(g, axis=1) - 1) ** 2
    if np.isclose(penalty(g), 10 * costs.mean()):
        return "healthy"
    return "sum instead of mean" if np.isclose(penalty(g), 10 * costs.sum()) else "norm over the batch"


def d_by_doubling(penalty):
    g = np.random.default_rng(1).standard_normal((5, 3))
    ratio = penalty(np.concatenate([g, g])) / penalty(g)
    return (
        "healthy" if np.isclose(ratio, 1) else "sum instead of mean" if np.isclose(ratio, 2) else "norm over the batch"
    )


RIGHT["13.patient_d"] = {
    "a unit vector": each(d),
    "the formula": each(d_compared),
    "doubled": each(d_by_doubling),
    "a tuple": lambda waiting: tuple(d(penalty) for penalty in waiting),
    "lists for gradients": each(lambda penalty: d(lambda g: penalty(np.asarray(g).tolist()))),
}


def flat(net):
    return np.concatenate([w.ravel() for _, w in net.parameters()]).copy()


def two_copies(gan):
    twin = copy.deepcopy(gan)
    gan.g_step(8)
    return [bool((flat(getattr(gan, name)) != flat(getattr(twin, name))).any()) for name in ("G", "D")]


def by_sums(gan):
    before = flat(gan.G), flat(gan.D)
    gan.g_step(8)
    return not np.array_equal(before[0], flat(gan.G)), not np.array_equal(before[1], flat(gan.D))


def by_bytes(gan):
    image = lambda: [b"".join(w.tobytes() for _, w in net.parameters()) for net in (gan.G, gan.D)]
    before = image()
    gan.g_step(8)
    return [old != new for old, new in zip(before, image())]


def by_distance(gan):
    before = [flat(gan.G), flat(gan.D)]
    gan.g_step(8)
    return np.array([np.abs(flat(net) - old).max() > 0 for net, old in zip((gan.G, gan.D), before)])


def in_dictionaries(gan):
    kept = {name: {path: w.copy() for path, w in getattr(gan, name).parameters()} for name in "GD"}
    gan.g_step(8)
    return tuple(
        int(any(np.any(w != kept[name][path]) for path, w in getattr(gan, name).parameters())) for name in "GD"
    )


RIGHT["13.who_moved"] = {
    "flattened": by_sums,
    "a copy of the game": two_copies,
    "bytes": by_bytes,
    "distances": lambda gan: tuple(by_distance(gan)),
    "dictionaries, 0 and 1": in_dictionaries,
}


def all_moved(gan, every=all):
    before = [[w.copy() for _, w in net.parameters()] for net in (gan.G, gan.D)]
    gan.g_step(8)
    return tuple(
        every((w == old).all() for (_, w), old in zip(net.parameters(), kept))
        for net, kept in zip((gan.G, gan.D), before)
    )


def only_d(gan):
    before = flat(gan.D)
    gan.g_step(8)
    return True, bool((flat(gan.D) != before).any())


def only_g(gan):
    before = flat(gan.G)
    gan.g_step(8)
    return bool((flat(gan.G) != before).any()), False


WRONG = {
    "13.relative_error": {
        "a mean": lambda a, n, largest: np.abs(a - n).mean() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest),
        "added": lambda a, n, largest: np.abs(a - n).max() / (np.abs(a).max() + np.abs(n).max() + 1e-3 * largest),
        "largest itself": lambda a, n, largest: np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), largest),
        "no abs above the line": lambda a, n, largest: (a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest),
    },
    "13.patient_a": {
        "healthy": each(lambda wrong: "healthy"),
        "healthy or A": each(lambda wrong: "gradients assigned" if wrong else "healthy"),
        "the order": lambda waiting: [
            "gradients assigned", "activations kept on the layer", "fakes with a minus", "1/N forgotten", "healthy"
        ],
        "one name": lambda waiting: "gradients assigned",
    },
    "13.patient_b": {
        "healthy": each(lambda wrong: "healthy"),
        "healthy or B": each(lambda wrong: "batch statistics held constant" if wrong else "healthy"),
        "healthy forgotten": each(lambda wrong: b(wrong) if wrong else "gradients assigned"),
        "one name": lambda waiting: "batch statistics held constant",
    },
    "13.patient_c": {
        "healthy": each(lambda wrong: "healthy"),
        "healthy or C": each(lambda wrong: "no second derivative" if wrong else "healthy"),
        "healthy forgotten": each(lambda wrong: c(wrong) if wrong else "no second derivative"),
        "one name": lambda waiting: "no second derivative",
    },
    "13.patient_d": {
        "healthy": each(lambda penalty: "healthy"),
        "sum": each(lambda penalty: "sum instead of mean"),
        "the names swapped": each(
            lambda penalty: {"sum instead of mean": "norm over the batch", "norm over the batch": "sum instead of mean"}.get(
                d(penalty), "healthy"
            )
        ),
        "a zero gradient only": each(lambda penalty: "healthy" if penalty(np.zeros((1, 4))) == 10 else "sum instead of mean"),
        "one word": lambda waiting: "norm over the batch",
    },
    "13.who_moved": {
        "equal, not different": all_moved,
        "(True, True)": lambda gan: (True, True),
        "G is taken to move": only_d,
        "D is taken to stand": only_g,
        "no turn": lambda gan: (gan is None, False),
        "moved in every entry of the first weight": lambda gan: (
            gan.g_step(8) is None, True,
        ),
    },
}  # fmt: skip
