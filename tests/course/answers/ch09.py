"""Answers to the exercises of chapter 09."""

import numpy as np


def loop_conditional_d(p, q, share):
    K, M = p.shape
    told = [[p[k, m] / (p[k, m] + q[k, m]) for m in range(M)] for k in range(K)]
    top = [sum(share[k] * p[k, m] for k in range(K)) for m in range(M)]
    low = [sum(share[k] * (p[k, m] + q[k, m]) for k in range(K)) for m in range(M)]
    return told, [a / b for a, b in zip(top, low, strict=True)]


def loop_g_input(z, labels, K):
    made = np.zeros((len(z), z.shape[1] + K))
    made[:, : z.shape[1]] = z
    for n, label in enumerate(labels):
        made[n, z.shape[1] + label] = 1
    return made


def loop_dE(dy, x, E, labels):
    dE = np.zeros_like(E)
    for n, label in enumerate(labels):
        dE[label] += dy[n] * x[n]
    return dE


def plain_softmax(logits):
    e = np.exp(logits - logits.max())  # one shift for all rows would underflow
    return e / e.sum(axis=1, keepdims=True)


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def hot(labels, K):
    return np.eye(K)[labels]


def gradient(logits, labels):
    return (np.exp(log_softmax(logits)) - hot(labels, logits.shape[1])) / len(logits)


def ratios(logits, labels):
    with np.errstate(over="ignore"):
        p = 1 / np.exp(logits[:, None, :] - logits[:, :, None]).sum(axis=2)
    return (p - hot(labels, logits.shape[1])) / len(logits)


def joint(p_c, p_x):
    return p_c[:, None] * p_x


def entropy(p_c):
    return -(p_c * np.log(p_c)).sum()


RIGHT = {
    "09.conditional_d": {
        "loops and lists": loop_conditional_d,
        "a list of two": lambda p, q, share: [1 / (1 + q / p), 1 / (1 + (share @ q) / (share @ p))],
        "sigmoid of the log ratio": lambda p, q, share: (
            1 / (1 + np.exp(np.log(q) - np.log(p))),
            1 / (1 + np.exp(np.log(share @ q) - np.log(share @ p))),
        ),
        "float32": lambda p, q, share: (
            (p / (p + q)).astype(np.float32),
            (share @ p / (share @ (p + q))).astype(np.float32),
        ),
        "einsum": lambda p, q, share: (
            p / (p + q),
            np.einsum("k,km->m", share, p) / np.einsum("k,km->m", share, p + q),
        ),
        "shares left in": lambda p, q, share: (
            share[:, None] * p / (share[:, None] * (p + q)),
            np.average(p, axis=0, weights=share) / np.average(p + q, axis=0, weights=share),
        ),
    },
    "09.g_input": {
        "a loop": loop_g_input,
        "comparison": lambda z, labels, K: np.hstack([z, labels[:, None] == np.arange(K)]),
        "a list": lambda z, labels, K: np.c_[z, np.eye(K, dtype=int)[labels]].tolist(),
        "float32": lambda z, labels, K: np.concatenate([z, np.eye(K)[labels]], axis=1).astype(np.float32),
        "a Kronecker delta of columns": lambda z, labels, K: np.column_stack([z, *[labels == k for k in range(K)]]),
    },
    "09.projection": {
        "einsum": lambda x, w, b, E, labels: x @ w + b + np.einsum("nf,nf->n", x, E[labels])[:, None],
        "one inner product": lambda x, w, b, E, labels: (x * (w[:, 0] + E[labels])).sum(axis=1, keepdims=True) + b,
        "all labels, then one": lambda x, w, b, E, labels: x @ w + b + (x @ E.T)[np.arange(len(x)), labels][:, None],
        "a list": lambda x, w, b, E, labels: [[float(r @ w[:, 0] + b[0] + r @ E[k])] for r, k in zip(x, labels)],
        "diagonal": lambda x, w, b, E, labels: x @ w + b + np.diag(x @ E[labels].T).reshape(-1, 1),
        "float32": lambda x, w, b, E, labels: (x @ w + b + (x * E[labels]).sum(1, keepdims=True)).astype(np.float32),
    },
    "09.projection_backward": {
        "a loop": lambda dy, x, w, E, labels: (dy * (w.T + E[labels]), x.T @ dy, loop_dE(dy, x, E, labels)),
        "one-hot product": lambda dy, x, w, E, labels: (
            dy @ w.T + dy * E[labels],
            x.T @ dy,
            hot(labels, len(E)).T @ (dy * x),
        ),
        "a list": lambda dy, x, w, E, labels: [
            (dy * (w[:, 0] + E[labels])).tolist(),
            (dy.T @ x).T.tolist(),
            [(dy * x)[labels == k].sum(axis=0).tolist() for k in range(len(E))],
        ],
        "sum of masks": lambda dy, x, w, E, labels: (
            dy * (w.T + E[labels]),
            (dy * x).sum(axis=0)[:, None],
            ((labels[:, None] == np.arange(len(E)))[:, :, None] * (dy * x)[:, None]).sum(axis=0),
        ),
        "float32": lambda dy, x, w, E, labels: (
            (dy * (w.T + E[labels])).astype(np.float32),
            (x.T @ dy).astype(np.float32),
            loop_dE(dy, x, E, labels).astype(np.float32),
        ),
    },
    "09.cross_entropy_gradient": {
        "by the log": gradient,
        "ratios": ratios,
        "a list": lambda logits, labels: gradient(logits, labels).tolist(),
        "float32": lambda logits, labels: gradient(logits, labels).astype(np.float32),
        "shifted by the right class": lambda logits, labels: gradient(
            logits - logits[np.arange(len(logits)), labels][:, None], labels
        ),
        "row by row": lambda logits, labels: np.stack(
            [gradient(row[None], np.array([k]))[0] / len(logits) for row, k in zip(logits, labels, strict=True)]
        ),
    },
    "09.information_bound": {
        "einsum": lambda p_c, p_x, guess: np.einsum("c,cx,xc->", p_c, p_x, np.log(guess)) + entropy(p_c),
        "two loops": lambda p_c, p_x, guess: sum(
            p_c[c] * p_x[c, m] * (np.log(guess[m, c]) - np.log(p_c[c]))
            for c in range(len(p_c))
            for m in range(p_x.shape[1])
        ),
        "log ratio": lambda p_c, p_x, guess: float((joint(p_c, p_x) * np.log(guess.T / p_c[:, None])).sum()),
        "log2": lambda p_c, p_x, guess: np.log(2) * (joint(p_c, p_x) * np.log2(guess.T / p_c[:, None])).sum(),
        "float32": lambda p_c, p_x, guess: np.float32((joint(p_c, p_x) * np.log(guess.T)).sum() + entropy(p_c)),
    },
}

WRONG = {
    "09.conditional_d": {
        "the sum without shares": lambda p, q, share: (p / (p + q), p.sum(0) / (p + q).sum(0)),
        "the mixture for both": lambda p, q, share: (share @ p / (share @ (p + q)),) * 2,
        "p over q": lambda p, q, share: (p / q, share @ p / (share @ q)),
        "shares beside, not cancelled": lambda p, q, share: (
            share[:, None] * p / (p + q),
            share @ p / (share @ (p + q)),
        ),
    },
    "09.g_input": {
        "as wide as the largest label": lambda z, labels, K: np.concatenate(
            [z, np.eye(labels.max() + 1)[labels]], axis=1
        ),
        "the labels divided by K": lambda z, labels, K: np.c_[z, labels / K],
        "one-hot of the sample's number": lambda z, labels, K: np.c_[z, np.eye(len(z), K)],
        "as wide as the noise": lambda z, labels, K: np.c_[z, (labels[:, None] == np.arange(z.shape[1]))],
        "ten columns": lambda z, labels, K: np.c_[z, np.eye(10)[labels]],
    },
    "09.projection": {
        "(N,)": lambda x, w, b, E, labels: (x @ w)[:, 0] + b + (x * E[labels]).sum(axis=1),
        "the row of the sample's number": lambda x, w, b, E, labels: (
            x @ w + b + (x * E[np.arange(len(x)) % len(E)]).sum(1, keepdims=True)
        ),
        "the whole table": lambda x, w, b, E, labels: x @ w + b + (x @ E.T).sum(axis=1, keepdims=True),
        "broadcast to (N, N)": lambda x, w, b, E, labels: x @ w + b + (x * E[labels]).sum(axis=1),
    },
    "09.projection_backward": {
        "dw (F,)": lambda dy, x, w, E, labels: (dy * (w.T + E[labels]), (dy * x).sum(0), loop_dE(dy, x, E, labels)),
        "the last of each label": lambda dy, x, w, E, labels: (
            dy * (w.T + E[labels]),
            x.T @ dy,
            np.stack([(dy * x)[labels == k][-1] if (labels == k).any() else 0 * x[0] for k in range(len(E))]),
        ),
        "the mean of each label": lambda dy, x, w, E, labels: (
            dy * (w.T + E[labels]),
            x.T @ dy,
            np.stack([(dy * x)[labels == k].mean(axis=0) if (labels == k).any() else 0 * x[0] for k in range(len(E))]),
        ),
        "as many rows as labels came": lambda dy, x, w, E, labels: (
            dy * (w.T + E[labels]),
            x.T @ dy,
            np.stack([(dy * x)[labels == k].sum(axis=0) for k in np.unique(labels)]),
        ),
    },
    "09.cross_entropy_gradient": {
        "exp overflows": lambda logits, labels: (
            (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - hot(labels, logits.shape[1])) / len(logits)
        ),
        "one shift for the whole batch": lambda logits, labels: (
            (plain_softmax(logits) - hot(labels, logits.shape[1])) / len(logits)
        ),
        "divided by N K": lambda logits, labels: gradient(logits, labels) / logits.shape[1],
        "as many columns as the batch needs": lambda logits, labels: (
            (np.exp(log_softmax(logits)) - hot(labels, labels.max() + 1)) / len(logits)
        ),
        "the log": lambda logits, labels: (log_softmax(logits) - hot(labels, logits.shape[1])) / len(logits),
    },
    "09.information_bound": {
        "H = log K": lambda p_c, p_x, guess: (joint(p_c, p_x) * np.log(guess.T)).sum() + np.log(len(p_c)),
        "the true posterior": lambda p_c, p_x, guess: (
            (joint(p_c, p_x) * np.log(joint(p_c, p_x) / joint(p_c, p_x).sum(axis=0))).sum() + entropy(p_c)
        ),
        "a mean over the table": lambda p_c, p_x, guess: (joint(p_c, p_x) * np.log(guess.T)).mean() + entropy(p_c),
        "bits": lambda p_c, p_x, guess: (joint(p_c, p_x) * np.log2(guess.T)).sum() + entropy(p_c) / np.log(2),
    },
}
