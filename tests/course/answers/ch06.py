"""Answers to the exercises of chapter 06."""

import math

import numpy as np

from scratchgan.exercises.checking import find

intensity, flops, tiled, ranges, sums = (
    find(f"06.{name}").solution for name in ("intensity", "conv_flops", "tiled_matmul", "row_ranges", "partial_sums")
)


def _dots(a, b, T):
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], T):
        for j in range(0, b.shape[1], T):
            for k in range(0, a.shape[1], T):
                c[i : i + T, j : j + T] = c[i : i + T, j : j + T] + np.dot(
                    a[i : i + T, k : k + T], b[k : k + T, j : j + T]
                )
    return c


def _stacked(a, b, T):
    """Blocks of C first, joined at the end."""
    cut = lambda n: [slice(i, min(i + T, n)) for i in range(0, n, T)]
    (M, K), N = a.shape, b.shape[1]
    return np.block([[sum(a[i, k] @ b[k, j] for k in cut(K)) for j in cut(N)] for i in cut(M)])


def _plain(a, b, T):
    return _dots(np.array(a), np.array(b), T)


def _numbers_one_by_one(a, b, T):
    """Loops over blocks, and within these over numbers."""
    c = [[0.0] * b.shape[1] for _ in range(a.shape[0])]
    for k0 in range(0, a.shape[1], T):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                for k in range(k0, min(k0 + T, a.shape[1])):
                    c[i][j] += a[i, k] * b[k, j]
    return c


def _einsum(a, b, T):
    c = np.zeros((a.shape[0], b.shape[1]))
    for i, j, k in np.ndindex(*(-(-n // T) for n in (*c.shape, len(b)))):
        I, J, K = (slice(T * n, T * n + T) for n in (i, j, k))
        c[I, J] += np.einsum("ik,kj->ij", a[I, K], b[K, J])
    return c


RIGHT = {
    "06.intensity": {
        "in pieces": lambda M, K, N, size: (M * K * N + M * K * N) / (size * M * K + size * K * N + size * M * N),
        "one over the sum": lambda M, K, N, size: 2 / (size * (1 / N + 1 / M + 1 / K)),
        "an array": lambda M, K, N, size: np.array(2 * M * K * N / (size * (M * K + K * N + M * N))),
        "float32": lambda M, K, N, size: np.float32(intensity(M, K, N, size)),
        "0-d": lambda M, K, N, size: np.float64(2 / size) / (1 / M + 1 / K + 1 / N),
    },
    "06.conv_flops": {
        "prod": lambda N, Ho, Wo, k, Ci, Co: 2 * math.prod((N, Ho, Wo, k, k, Ci, Co)),
        "a float": lambda N, Ho, Wo, k, Ci, Co: 2.0 * N * Ho * Wo * k**2 * Ci * Co,
        "of the matrices": lambda N, Ho, Wo, k, Ci, Co: 2 * (N * Ho * Wo) * (k * k * Ci) * Co,
        "counted": lambda N, Ho, Wo, k, Ci, Co: N * Co * (Ho * Wo) * (k * k * Ci * 2),
        "an array": lambda N, Ho, Wo, k, Ci, Co: np.array(flops(N, Ho, Wo, k, Ci, Co)),
    },
    "06.tiled_matmul": {
        "np.dot": _dots,
        "joined": _stacked,
        "from plain arrays": _plain,
        "number by number": _numbers_one_by_one,
        "einsum": _einsum,
        "a list": lambda a, b, T: _stacked(a, b, T).tolist(),
        "smaller blocks": lambda a, b, T: _dots(a, b, T - 1),
    },
    "06.row_ranges": {
        "lists": lambda M, n: [[M * i // n, M * (i + 1) // n] for i in range(n)],
        "an array": lambda M, n: np.array(ranges(M, n)),
        "zip": lambda M, n: list(zip([M * i // n for i in range(n)], [M * i // n for i in range(1, n + 1)])),
        "float32": lambda M, n: np.array(ranges(M, n), np.float32),
        "a tuple": lambda M, n: tuple((M * i // n, (M * i + M) // n) for i in range(n)),
    },
    "06.partial_sums": {
        "reduceat": lambda x, chunk: np.add.reduceat(x, range(0, len(x), chunk)),
        "a list": lambda x, chunk: [float(sum(x[i : i + chunk])) for i in range(0, len(x), chunk)],
        "float32": lambda x, chunk: sums(x, chunk).astype(np.float32),
        "padded with zeros": lambda x, chunk: np.pad(x, (0, -len(x) % chunk)).reshape(-1, chunk).sum(axis=1),
        "split": lambda x, chunk: np.array([part.sum() for part in np.split(x, range(chunk, len(x), chunk))]),
    },
}

WRONG = {
    "06.intensity": {
        "the bytes of A are missing": lambda M, K, N, size: 2 * M * K * N / (size * (K * N + M * N)),
        "square": lambda M, K, N, size: 2 * M / (3 * size),
        "a product for a sum": lambda M, K, N, size: 2 * M * K * N / (size * M * K * K * N * M * N),
    },
    "06.conv_flops": {
        "as a dense layer": lambda N, Ho, Wo, k, Ci, Co: 2 * N * Ho * Wo * Ci * Ho * Wo * Co,
        "k to the fourth": lambda N, Ho, Wo, k, Ci, Co: 2 * N * Ho * Wo * k**4 * Ci * Co,
        "bytes": lambda N, Ho, Wo, k, Ci, Co: 8 * N * Ho * Wo * k * k * Ci * Co,
    },
    "06.tiled_matmul": {
        "a @ b": lambda a, b, T: a @ b,
        "np.dot": lambda a, b, T: np.dot(a, b),
        "a.dot(b)": lambda a, b, T: a.dot(b),
        "np.matmul": lambda a, b, T: np.matmul(a, b),
        "einsum": lambda a, b, T: np.einsum("ik,kj->ij", a, b),
        "tensordot": lambda a, b, T: np.tensordot(a, b, 1),
        "rows at a time": lambda a, b, T: np.concatenate([a[i : i + T] @ b for i in range(0, len(a), T)]),
        "the product, cut again": lambda a, b, T: np.block([[(a @ b)[:T], (a @ b)[T:]]]),
        "multiplied and summed": lambda a, b, T: (a[:, :, None] * b[None]).sum(axis=1),
        "b transposed": lambda a, b, T: tiled(a, b[::-1], T),
    },
    "06.row_ranges": {
        "one thread": lambda M, n: [(0, M)],
        "rounded up": lambda M, n: [(-(-M * i // n), -(-M * (i + 1) // n)) for i in range(n)],
        "the last row included": lambda M, n: [(a, b - 1) for a, b in ranges(M, n)],
    },
    "06.partial_sums": {
        "every chunk-th number": lambda x, chunk: np.array([x[i::chunk].sum() for i in range(chunk)]),
        "the total": lambda x, chunk: x.sum(),
        "one chunk more": lambda x, chunk: np.append(sums(x, chunk), 0.0),
        "sliding": lambda x, chunk: np.array([x[i : i + chunk].sum() for i in range(len(x))]),
        "the last is missing": lambda x, chunk: sums(x, chunk)[:-1],
    },
}
