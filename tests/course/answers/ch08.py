"""Answers to the exercises of chapter 08."""

import numpy as np


def w1(x, y):
    return float(np.mean(np.abs(np.sort(x) - np.sort(y))))


def area(x, y):
    at = np.sort(np.concatenate([x, y]))
    F_x = np.searchsorted(np.sort(x), at[:-1], side="right") / len(x)
    F_y = np.searchsorted(np.sort(y), at[:-1], side="right") / len(y)
    return float(np.sum(np.abs(F_x - F_y) * np.diff(at)))


def u(g, weight):
    return np.stack([2 * weight / len(g) * (np.linalg.norm(row) - 1) * row / np.linalg.norm(row) for row in g])


def power(W, u):
    v = u @ W
    v = v / np.sqrt(v @ v)
    u = W @ v
    sigma = np.sqrt(u @ u)
    return u / sigma, v, sigma


def spectral(dS, W, u, v):
    sigma = np.linalg.norm(W, 2)
    return dS / sigma - np.vdot(dS, W) / sigma**2 * np.outer(u, v)


RIGHT = {
    "08.w1": {
        "sorted lists": lambda x, y: sum(abs(a - b) for a, b in zip(sorted(x), sorted(y), strict=True)) / len(x),
        "the area between the staircases": area,
        "both downwards": lambda x, y: np.abs(np.sort(x)[::-1] - np.sort(y)[::-1]).mean(),
        "float32": lambda x, y: np.float32(w1(x, y)),
        "argsort": lambda x, y: np.linalg.norm(x[np.argsort(x)] - y[np.argsort(y)], 1) / len(x),
    },
    "08.critic_slope": {
        "integers": lambda F_p, F_q: np.where(F_q > F_p, 1, -1),
        "a list of integers": lambda F_p, F_q: [1 if q > p else -1 for p, q in zip(F_p, F_q, strict=True)],
        "float32": lambda F_p, F_q: np.sign(F_q - F_p).astype(np.float32),
        "divided by its size": lambda F_p, F_q: (F_q - F_p) / np.abs(F_q - F_p),
        "int8": lambda F_p, F_q: (2 * (F_q > F_p) - 1).astype(np.int8),
    },
    "08.wasserstein_gradients": {
        "lists": lambda real_scores, fake_scores: (
            [[-1 / len(real_scores)]] * len(real_scores),
            [[1 / len(fake_scores)]] * len(fake_scores),
            [[-1 / len(fake_scores)]] * len(fake_scores),
        ),
        "ones": lambda real_scores, fake_scores: (
            -np.ones((len(real_scores), 1)) / len(real_scores),
            np.ones((len(fake_scores), 1)) / len(fake_scores),
            -np.ones((len(fake_scores), 1)) / len(fake_scores),
        ),
        "zeros of the scores": lambda real_scores, fake_scores: (
            0 * real_scores - 1 / real_scores.size,
            0 * fake_scores + 1 / fake_scores.size,
            0 * fake_scores - 1 / fake_scores.size,
        ),
        "float32": lambda real_scores, fake_scores: (
            np.full_like(real_scores, -1 / len(real_scores), dtype=np.float32),
            np.full_like(fake_scores, 1 / len(fake_scores), dtype=np.float32),
            np.full_like(fake_scores, -1 / len(fake_scores), dtype=np.float32),
        ),
        "a list of three": lambda real_scores, fake_scores: [
            np.full(real_scores.shape, -1 / len(real_scores)),
            np.full(fake_scores.shape, 1 / len(fake_scores)),
            np.full(fake_scores.shape, -1 / len(fake_scores)),
        ],
    },
    "08.gp_direction": {
        "row by row": u,
        "a list": lambda g, weight: u(g, weight).tolist(),
        "float32": lambda g, weight: u(g, weight).astype(np.float32),
        "1 - 1 / norm": lambda g, weight: 2 * weight / len(g) * (1 - 1 / np.linalg.norm(g, axis=1, keepdims=True)) * g,
        "einsum": lambda g, weight: (
            2 * weight / len(g) * np.einsum("n,nd->nd", 1 - np.einsum("nd,nd->n", g, g) ** -0.5, g)
        ),
    },
    "08.power_step": {
        "the length as sigma": power,
        "a list": lambda W, u: list(power(W, u)),
        "float32": lambda W, u: tuple(np.float32(part) for part in power(W, u)),
        "einsum": lambda W, u: (
            power(W, u)[0],
            power(W, u)[1],
            np.einsum("k,kc,c->", power(W, u)[0], W, power(W, u)[1]),
        ),
        "lists": lambda W, u: (power(W, u)[0].tolist(), power(W, u)[1].tolist(), float(power(W, u)[2])),
    },
    "08.spectral_backward": {
        "by the quotient rule": spectral,
        "a list": lambda dS, W, u, v: spectral(dS, W, u, v).tolist(),
        "float32": lambda dS, W, u, v: spectral(dS, W, u, v).astype(np.float32),
        "trace": lambda dS, W, u, v: (dS - np.trace(dS.T @ W) / (u @ W @ v) * u[:, None] * v[None, :]) / (u @ W @ v),
        "einsum": lambda dS, W, u, v: (
            dS / np.einsum("k,kc,c->", u, W, v)
            - np.einsum("kc,kc->", dS, W) * np.einsum("k,c->kc", u, v) / np.einsum("k,kc,c->", u, W, v) ** 2
        ),
    },
}

WRONG = {
    "08.w1": {
        "x only sorted": lambda x, y: float(np.mean(np.abs(np.sort(x) - y))),
        "no absolute value": lambda x, y: float(np.mean(np.sort(x) - np.sort(y))),
        "the largest way": lambda x, y: float(np.max(np.abs(np.sort(x) - np.sort(y)))),
    },
    "08.critic_slope": {
        "the sign of F_q": lambda F_p, F_q: np.sign(F_q),
        "one slope for all": lambda F_p, F_q: np.full(len(F_p), np.sign(np.mean(F_q - F_p))),
        "scaled to at most 1": lambda F_p, F_q: (F_q - F_p) / np.abs(F_q - F_p).max(),
    },
    "08.wasserstein_gradients": {
        "N for both": lambda real_scores, fake_scores: (
            np.full((len(real_scores), 1), -1 / len(real_scores)),
            np.full((len(fake_scores), 1), 1 / len(real_scores)),
            np.full((len(fake_scores), 1), -1 / len(real_scores)),
        ),
        "without the axis of length 1": lambda real_scores, fake_scores: (
            np.full(len(real_scores), -1 / len(real_scores)),
            np.full(len(fake_scores), 1 / len(fake_scores)),
            np.full(len(fake_scores), -1 / len(fake_scores)),
        ),
        "half of D's": lambda real_scores, fake_scores: (
            np.full((len(real_scores), 1), -0.5 / len(real_scores)),
            np.full((len(fake_scores), 1), 0.5 / len(fake_scores)),
            np.full((len(fake_scores), 1), -1 / len(fake_scores)),
        ),
    },
    "08.gp_direction": {
        "the weight forgotten": lambda g, weight: u(g, 1.0) if weight != 1.0 else 2 * u(g, 1.0),
        "the sign turned": lambda g, weight: -u(g, weight),
    },
    "08.power_step": {
        "v of the new u": lambda W, u: (power(W, u)[0], power(W, power(W, u)[0])[1], power(W, u)[2]),
        "the exact sigma": lambda W, u: (*power(W, u)[:2], np.linalg.norm(W, 2)),
        "sigma of one length only": lambda W, u: (*power(W, u)[:2], np.linalg.norm(u @ W)),
    },
    "08.spectral_backward": {
        "the product with S itself": lambda dS, W, u, v: (
            (dS - np.sum(dS * W) / (u @ W @ v) * W / (u @ W @ v)) / (u @ W @ v)
        ),
        "outer(v, u) where it fits": lambda dS, W, u, v: dS / (u @ W @ v) - np.sum(dS) * np.outer(u, v),
    },
}
