"""Chapter 06, fast kernels: counting operations and bytes, tiles, rows per thread, and sums in a fixed order."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _shapes(rng):
    M, K, N = (int(n) for n in rng.choice(np.arange(11, 60), 3, replace=False))
    return {"M": M, "K": K, "N": N, "size": int(rng.choice([4, 8]))}


def _intensity(M, K, N, size):
    return 2 * M * K * N / (size * (M * K + K * N + M * N))


def _layer(rng):
    N, Ho, Wo, Ci, Co = (int(n) for n in rng.choice(np.arange(5, 40), 5, replace=False))
    return {"N": N, "Ho": Ho, "Wo": Wo, "k": int(rng.integers(3, 5)), "Ci": Ci, "Co": Co}


def _conv_flops(N, Ho, Wo, k, Ci, Co):
    return 2 * N * Ho * Wo * k * k * Ci * Co


def _blocks(rng):
    T = 3
    return {"a": rng.standard_normal((7, 8)), "b": rng.standard_normal((8, 10)), "T": T}


def _tiled(a, b, T, add=True, whole=False):
    (M, K), N = a.shape, b.shape[1]
    c = np.zeros((M, N))
    for i, j, k in np.ndindex(-(-M // T), -(-N // T), -(-K // T)):
        rows, columns, inner = (slice(n * T, n * T + T) for n in (i, j, k))
        if whole and (i * T + T > M or j * T + T > N or k * T + T > K):
            continue
        c[rows, columns] = (c[rows, columns] if add else 0) + a[rows, inner] @ b[inner, columns]
    return c


def _rows(rng):
    n = int(rng.integers(3, 6))
    return {"M": n * int(rng.integers(2, 7)) + n - 1, "n": n}


def _ranges(M, n):
    return [(M * i // n, M * (i + 1) // n) for i in range(n)]


def _numbers(rng):
    chunk = int(rng.integers(4, 8))
    return {"x": rng.uniform(0.5, 1.5, 3 * chunk + 2), "chunk": chunk}


def _sums(x, chunk):
    return np.array([x[i : i + chunk].sum() for i in range(0, len(x), chunk)])


EXERCISES = [
    Exercise(
        "06.intensity",
        "FLOP per byte of C = A B, (M, K) times (K, N), if each number is moved once and has `size` bytes.",
        _intensity,
        _shapes,
        ("intensity",),
        {
            "Each of the M K N terms is a multiplication *and* an addition.": lambda **k: _intensity(**k) / 2,
            "That is FLOP per number moved: a number has `size` bytes.": lambda M, K, N, size: _intensity(M, K, N, 1),
            "The bytes of C are missing: it has to be written, too.": lambda M, K, N, size: (
                2 * M * K * N / (size * (M * K + K * N))
            ),
            "That is bytes per FLOP, the reciprocal.": lambda **k: 1 / _intensity(**k),
        },
        about="the count above the exercise",
    ),
    Exercise(
        "06.conv_flops",
        "The number of FLOP in Conv2D's forward pass for N images, without the bias.",
        _conv_flops,
        _layer,
        ("flops",),
        {
            "Each term is a multiplication *and* an addition.": lambda **k: _conv_flops(**k) // 2,
            "The kernel has k x k taps: you counted k only once.": lambda N, Ho, Wo, k, Ci, Co: (
                2 * N * Ho * Wo * k * Ci * Co
            ),
            "That is for one image: there are N.": lambda N, Ho, Wo, k, Ci, Co: 2 * Ho * Wo * k * k * Ci * Co,
            "Every output pixel sums over all Ci input channels.": lambda N, Ho, Wo, k, Ci, Co: (
                2 * N * Ho * Wo * k * k * Co
            ),
        },
        about="(Conv2D.1)",
    ),
    Exercise(
        "06.tiled_matmul",
        "The product A B, computed in blocks of at most T x T; T need not divide the sizes.",
        _tiled,
        _blocks,
        ("c",),
        {
            "A block of C is a *sum* of products of blocks: yours overwrite each other.": lambda **k: _tiled(
                **k, add=False
            ),
            "The smaller blocks at the edges are missing, where T does not divide the size.": lambda **k: _tiled(
                **k, whole=True
            ),
        },
        about="the blocks above the exercise",
    ),
    Exercise(
        "06.row_ranges",
        "For each of n threads, its range (first, last + 1) of the M rows; thread i begins at row M i // n.",
        _ranges,
        _rows,
        ("ranges",),
        {
            "The last rows belong to no thread: M // n rows per thread leave a remainder.": lambda M, n: [
                (M // n * i, M // n * (i + 1)) for i in range(n)
            ],
            "Neighbouring threads share a row, and both write to it: that is a data race.": lambda M, n: [
                (M * i // n, M * (i + 1) // n + 1) for i in range(n)
            ],
            "Every thread got all rows.": lambda M, n: [(0, M)] * n,
            "That is (first, number of rows); the question asks for (first, last + 1).": lambda M, n: [
                (a, b - a) for a, b in _ranges(M, n)
            ],
        },
        about="`part` in scratchgan/kernels/compiled/pool.py",
    ),
    Exercise(
        "06.partial_sums",
        "The sum of each chunk of `chunk` neighbouring entries of x; the last chunk may be shorter.",
        _sums,
        _numbers,
        ("sums",),
        {
            "The numbers after the last whole chunk are missing.": lambda x, chunk: (
                x[: len(x) // chunk * chunk].reshape(-1, chunk).sum(axis=1)
            ),
            "Those are running totals: sum each chunk separately.": lambda x, chunk: np.cumsum(_sums(x, chunk)),
            "`chunk` is the number of entries in a chunk, not the number of chunks.": lambda x, chunk: np.array(
                [part.sum() for part in np.array_split(x, chunk)]
            ),
        },
        about="channel_sum in scratchgan/kernels/products.py",
    ),
]
