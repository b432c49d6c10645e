"""Answers to the exercises of chapter 04."""

import numpy as np


def adam_in_place(w, g, m, v, t, lr, beta1, beta2, eps):
    m += (1 - beta1) * (g - m)
    v += (1 - beta2) * (g * g - v)
    w -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
    return w, m, v


def adam_scaled(w, g, m, v, t, lr, beta1, beta2, eps):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    scale = np.sqrt(1 - beta2**t)
    return w - lr * scale / (1 - beta1**t) * m / (np.sqrt(v) + eps * scale), m, v


def adam_scaled_wrongly(w, g, m, v, t, lr, beta1, beta2, eps):
    """A common shortcut: it changes what eps means."""
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return w - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps), m, v


def distances(points, modes):
    return np.sqrt(((points[:, None] - modes) ** 2).sum(-1))


def counted(points, modes, sigma):
    good = 0
    for p in points:
        good += min(np.hypot(*(p - q)) for q in modes) <= 3 * sigma
    return good / len(points)


def listed(points, modes, sigma):
    found = []
    for p in points:
        d = [np.hypot(*(p - q)) for q in modes]
        if min(d) <= 3 * sigma and d.index(min(d)) not in found:
            found.append(d.index(min(d)))
    return len(found)


def by_bincount(points, modes, sigma):
    d = distances(points, modes)
    return np.count_nonzero(np.bincount(d.argmin(1)[d.min(1) <= 3 * sigma], minlength=len(modes)))


RIGHT = {
    "04.labels": {
        "integers": lambda turn, N: np.full((N, 1), int(turn == "G")),
        "a list": lambda turn, N: [[float(turn == "G")]] * N,
        "ones and zeros": lambda turn, N: np.ones((N, 1)) if turn == "G" else np.zeros((N, 1)),
        "booleans": lambda turn, N: np.array([[turn == "G"]] * N),
        "float32": lambda turn, N: np.full((N, 1), turn != "D", np.float32),
    },
    "04.adam_step": {
        "in place": adam_in_place,
        "scaled": adam_scaled,
        "lists": lambda **given: [a.tolist() for a in adam_in_place(**given)],
        "float32": lambda **given: tuple(a.astype(np.float32) for a in adam_scaled(**given)),
        "number by number": lambda w, g, m, v, t, lr, beta1, beta2, eps: tuple(
            np.array(column)
            for column in zip(*(adam_scaled(a, b, c, d, t, lr, beta1, beta2, eps) for a, b, c, d in zip(w, g, m, v)))
        ),
    },
    "04.high_quality": {
        "a loop": counted,
        "squares": lambda points, modes, sigma: (distances(points, modes).min(1) ** 2 <= 9 * sigma**2).mean(),
        "any": lambda points, modes, sigma: np.mean((distances(points, modes) <= 3 * sigma).any(1)),
        "strictly": lambda points, modes, sigma: np.mean(distances(points, modes).min(1) < 3 * sigma),
        "a 0-d array": lambda points, modes, sigma: np.asarray(counted(points, modes, sigma)),
        "complex numbers": lambda points, modes, sigma: np.mean(
            abs((points @ [1, 1j])[:, None] - modes @ [1, 1j]).min(1) <= 3 * sigma
        ),
    },
    "04.modes_found": {
        "a list": listed,
        "bincount": by_bincount,
        "unique": lambda points, modes, sigma: len(
            np.unique(distances(points, modes).argmin(1)[distances(points, modes).min(1) <= 3 * sigma])
        ),
        "a float": lambda points, modes, sigma: float(listed(points, modes, sigma)),
        "mode by mode": lambda points, modes, sigma: sum(
            bool(((distances(points, modes).argmin(1) == k) & (distances(points, modes)[:, k] <= 3 * sigma)).any())
            for k in range(len(modes))
        ),
    },
}

WRONG = {
    "04.labels": {
        "one axis": lambda turn, N: np.full(N, float(turn == "G")),
        "a row": lambda turn, N: np.full((1, N), float(turn == "G")),
        "a half": lambda turn, N: np.full((N, 1), 0.5),
        "one number": lambda turn, N: float(turn == "G"),
        "smoothed": lambda turn, N: np.full((N, 1), 0.9 if turn == "G" else 0.0),
        "small letters": lambda turn, N: np.full((N, 1), float(turn == "g")),
    },
    "04.adam_step": {
        "another eps": adam_scaled_wrongly,
        "products instead of powers": lambda w, g, m, v, t, lr, beta1, beta2, eps: (
            w
            - lr
            * (beta1 * m + (1 - beta1) * g)
            / (1 - beta1 * t + 1e-9)
            / (np.sqrt(np.abs((beta2 * v + (1 - beta2) * g**2) / (1 - beta2 * t + 1e-9))) + eps),
            beta1 * m + (1 - beta1) * g,
            beta2 * v + (1 - beta2) * g**2,
        ),
        "no eps": lambda **given: adam_in_place(**{**given, "eps": 0.0}),
        "only w": lambda **given: adam_in_place(**given)[0],
        "v before m": lambda **given: tuple(adam_in_place(**given)[i] for i in (0, 2, 1)),
    },
    "04.high_quality": {
        "strict sigma": lambda points, modes, sigma: np.mean(distances(points, modes).min(1) <= 2 * sigma),
        "the first mode": lambda points, modes, sigma: np.mean(distances(points, modes)[:, 0] <= 3 * sigma),
        "the farthest mode": lambda points, modes, sigma: np.mean(distances(points, modes).max(1) <= 3 * sigma),
        "percent": lambda points, modes, sigma: 100 * counted(points, modes, sigma),
        "city blocks": lambda points, modes, sigma: np.mean(abs(points[:, None] - modes).sum(-1).min(1) <= 3 * sigma),
        "of the mean": lambda points, modes, sigma: float(distances(points, modes).min(1).mean() <= 3 * sigma),
    },
    "04.modes_found": {
        "always all": lambda points, modes, sigma: len(modes),
        "share of points": counted,
        "the names": lambda points, modes, sigma: set(distances(points, modes).argmin(1).tolist()),
        "the largest index": lambda points, modes, sigma: int(
            distances(points, modes).argmin(1)[distances(points, modes).min(1) <= 3 * sigma].max(initial=-1) + 1
        ),
        "all but one": lambda points, modes, sigma: len(modes) - 1,
    },
}
