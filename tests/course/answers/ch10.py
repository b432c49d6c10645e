"""Answers to the exercises of chapter 10."""

import numpy as np


def l1(u, v):
    return np.abs(u - v).mean()


def gradient(a, b, W, V, weight, size=None):
    size = size or a.size
    there, here = a @ W @ V - a, b @ V @ W - b
    s, t = weight * np.sign(there) / size, weight * np.sign(here) / size
    return a.T @ s @ V.T + (b @ V).T @ t, (a @ W).T @ s + b.T @ t @ W.T


def einsums(a, b, W, V, weight):
    s, t = np.sign(a @ W @ V - a), np.sign(b @ V @ W - b)
    dW = np.einsum("ni,nk,jk->ij", a, s, V) + np.einsum("nk,ki,nj->ij", b, V, t)
    dV = np.einsum("nk,ki,nj->ij", a, W, s) + np.einsum("ni,nk,jk->ij", b, t, W)
    return weight / a.size * dW, weight / a.size * dV


def sample_by_sample(a, b, W, V, weight):
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    for x, y in zip(a, b, strict=True):
        s, t = weight * np.sign(x @ W @ V - x) / a.size, weight * np.sign(y @ V @ W - y) / b.size
        dW += np.outer(x, V @ s) + np.outer(y @ V, t)
        dV += np.outer(x @ W, s) + np.outer(y, W @ t)
    return dW, dV


def swap_in_place(held, fakes, coins, slots):
    for i, (coin, slot) in enumerate(zip(coins, slots, strict=True)):
        if coin < 0.5:
            held[slot], fakes[i] = fakes[i], held[slot]
    return fakes, held


def swap_lists(held, fakes, coins, slots):
    held, shown = held.tolist(), []
    for fake, coin, slot in zip(fakes, coins, slots, strict=True):
        if coin >= 0.5:
            shown.append(fake)
        else:
            shown.append(held[slot])
            held[slot] = fake
    return shown, held


def swap_at_once(held, fakes, coins, slots):
    exchanged = coins < 0.5
    shown, after = np.where(exchanged, held[slots], fakes), held.copy()
    after[slots[exchanged]] = fakes[exchanged]
    return shown, after


RIGHT = {
    "10.cycle_loss": {
        "two sums": lambda a, ra, b, rb, weight: (
            weight * (np.abs(a - ra).sum() / a.size + np.abs(b - rb).sum() / b.size)
        ),
        "float32": lambda a, ra, b, rb, weight: np.float32(weight * (l1(ra, a) + l1(rb, b))),
        "one mean": lambda a, ra, b, rb, weight: weight * (np.abs(ra - a) + np.abs(rb - b)).mean(),
        "by norms": lambda a, ra, b, rb, weight: (
            weight * (np.linalg.norm((ra - a).ravel(), 1) + np.linalg.norm((rb - b).ravel(), 1)) / a.size
        ),
        "root of the square": lambda a, ra, b, rb, weight: float(
            weight * np.sqrt((ra - a) ** 2).mean() + weight * np.sqrt((rb - b) ** 2).mean()
        ),
        "mean of means": lambda a, ra, b, rb, weight: (
            weight * np.mean([np.abs(x - y).mean(1) for x, y in ((a, ra), (b, rb))]) * 2
        ),
    },
    "10.l1_gradient": {
        "two comparisons": lambda u, v: ((u > v).astype(float) - (u < v)) / u.size,
        "a list": lambda u, v: (np.sign(u - v) / u.size).tolist(),
        "float32": lambda u, v: (np.sign(u - v) / u.size).astype(np.float32),
        "nested where": lambda u, v: np.where(u == v, 0, np.where(u > v, 1 / u.size, -1 / u.size)),
        "safe division": lambda u, v: np.divide(u - v, np.abs(u - v), out=np.zeros(u.shape), where=u != v) / u.size,
    },
    "10.cycle_gradient": {
        "short": gradient,
        "einsum": einsums,
        "sample by sample": sample_by_sample,
        "lists": lambda **k: [g.tolist() for g in gradient(**k)],
        "float32": lambda **k: tuple(g.astype(np.float32) for g in gradient(**k)),
    },
    "10.least_squares": {
        "by the mean": lambda real, fake: (
            (real - 1) / np.size(real),
            fake / np.size(fake),
            (fake - 1) / np.size(fake),
        ),
        "the 2 and the half left in": lambda real, fake: (
            0.5 * 2 * (real - 1) / real.size,
            0.5 * 2 * fake / fake.size,
            0.5 * 2 * (fake - 1) / fake.size,
        ),
        "lists": lambda real, fake: [((x) / real.size).tolist() for x in (real - 1, fake, fake - 1)],
        "float32": lambda real, fake: tuple((x / real.size).astype(np.float32) for x in (real - 1, fake, fake - 1)),
        "product of the axes": lambda real, fake: tuple(
            x / np.prod(real.shape) for x in (real - 1.0, fake, fake - 1.0)
        ),
    },
    "10.swap": {
        "in place": swap_in_place,
        "lists": swap_lists,
        "arrays of objects of floats": lambda **k: tuple(np.array(x, float) for x in swap_lists(**k)),
        "integers": lambda **k: tuple(np.array(x).astype(int) for x in swap_lists(**k)),
        "float32": lambda **k: tuple(x.astype(np.float32) for x in swap_in_place(**k)),
    },
}

WRONG = {
    "10.cycle_loss": {
        "the weight on one": lambda a, ra, b, rb, weight: weight * l1(ra, a) + l1(rb, b),
        "always 5": lambda a, ra, b, rb, weight: 5.0 * (l1(ra, a) + l1(rb, b)),
        "the larger one": lambda a, ra, b, rb, weight: weight * max(l1(ra, a), l1(rb, b)),
        "no absolute value": lambda a, ra, b, rb, weight: weight * abs((ra - a).mean() + (rb - b).mean()),
    },
    "10.l1_gradient": {
        "1 or -1 at a tie": lambda u, v: np.where(u > v, 1, -1) / u.size,
        "0 divided by 0": lambda u, v: (u - v) / np.abs(u - v) / u.size,
        "squared": lambda u, v: 2 * (u - v) / u.size,
        "by the other": lambda u, v: np.sign(v - u) / u.size,
        "a sum over all": lambda u, v: np.sign(u - v).sum() / u.size,
    },
    "10.cycle_gradient": {
        "divided by N": lambda a, b, W, V, weight: gradient(a, b, W, V, weight, len(a)),
        "no sign": lambda a, b, W, V, weight: (
            weight * (a.T @ (a @ W @ V - a) @ V.T + (b @ V).T @ (b @ V @ W - b)) / a.size,
            weight * ((a @ W).T @ (a @ W @ V - a) + b.T @ (b @ V @ W - b) @ W.T) / a.size,
        ),
        "only the first cycle": lambda a, b, W, V, weight: (
            a.T @ (weight * np.sign(a @ W @ V - a) / a.size @ V.T),
            (a @ W).T @ (weight * np.sign(a @ W @ V - a) / a.size),
        ),
        "1 or -1 at a tie": lambda a, b, W, V, weight: (
            weight * (a.T @ np.where(a @ W @ V > a, 1, -1) @ V.T + (b @ V).T @ np.where(b @ V @ W > b, 1, -1)) / a.size,
            weight * ((a @ W).T @ np.where(a @ W @ V > a, 1, -1) + b.T @ np.where(b @ V @ W > b, 1, -1) @ W.T) / a.size,
        ),
    },
    "10.least_squares": {
        "the mean over the images": lambda real, fake: tuple(x / len(real) for x in (real - 1, fake, fake - 1)),
        "G's is minus D's": lambda real, fake: ((real - 1) / real.size, fake / fake.size, -fake / fake.size),
        "the losses": lambda real, fake: (
            ((real - 1) ** 2).mean() / 2,
            (fake**2).mean() / 2,
            ((fake - 1) ** 2).mean() / 2,
        ),
        "no division": lambda real, fake: (real - 1, fake, fake - 1),
    },
    "10.swap": {
        "all exchanges at once": swap_at_once,
        "all go to D": lambda held, fakes, coins, slots: (fakes, held),
        "coins the other way": lambda held, fakes, coins, slots: swap_lists(held, fakes, 1 - coins, slots),
        "slot i for fake i": lambda held, fakes, coins, slots: swap_lists(held, fakes, coins, np.arange(len(fakes))),
    },
}
