"""Chapter 06, fast kernels: counting operations and bytes, tiles, rows per thread, and sums in a fixed order."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _shapes(rng):
    M, K, N = (int(n) for n in rng.choice(np.arange(11, 60), 3, replace=False))
    return {"M": M, "K": K, "N": N, "size": int(rng.choice([4, 8]))}


def _intensity(M, K, N, size):
    return 2 * M * K * N / (size * (M * K + K * N + M * N))


def _some_shapes():
    return [
        {"M": M, "K": K, "N": N, "size": size} for M, K, N, size in ((6, 6, 6, 4), (1, 1000, 1000, 4), (5, 1, 7, 8))
    ]


def _layer(rng):
    N, Ho, Wo, Ci, Co = (int(n) for n in rng.choice(np.arange(5, 40), 5, replace=False))
    return {"N": N, "Ho": Ho, "Wo": Wo, "k": int(rng.integers(3, 5)), "Ci": Ci, "Co": Co}


def _conv_flops(N, Ho, Wo, k, Ci, Co):
    return 2 * N * Ho * Wo * k * k * Ci * Co


class Blocks(np.ndarray):
    """A matrix of which only blocks of at most `limit` rows and columns can be multiplied.

    Otherwise `a @ b` would pass for a product of blocks.  Raises ValueError for a larger product; what is computed from
    a matrix is an ordinary array.
    """

    limit = 3
    _products = frozenset({"dot", "matmul", "einsum", "tensordot", "inner", "outer", "vdot", "kron"})

    @classmethod
    def of(cls, array: np.ndarray) -> Blocks:
        """The array, with that limit."""
        return array.view(cls)

    def _refuse(self, operands) -> None:
        large = [np.shape(v) for v in operands if isinstance(v, Blocks) and max(np.shape(v), default=0) > self.limit]
        if large:
            raise ValueError(
                f"a product with all of a {large[0]} at once; the blocks are at most {self.limit} x {self.limit}"
            )

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        if ufunc in (np.matmul, np.multiply):
            self._refuse(inputs)
        plain = [np.asarray(v) if isinstance(v, Blocks) else v for v in inputs]
        if "out" in named:
            named["out"] = tuple(np.asarray(v) if isinstance(v, Blocks) else v for v in named["out"])
        return getattr(ufunc, method)(*plain, **named)

    def __array_function__(self, function, types, args, named):
        if function.__name__ in self._products:
            self._refuse(args)
        return super().__array_function__(function, types, args, named)

    def dot(self, other, out=None):
        """The product, if both are small enough."""
        self._refuse((self, other))
        return np.asarray(self).dot(np.asarray(other), out=out)


def _blocks(rng, M=7, K=8, N=10):
    return {"a": Blocks.of(rng.standard_normal((M, K))), "b": Blocks.of(rng.standard_normal((K, N))), "T": Blocks.limit}


def _some_blocks():
    return [
        _blocks(np.random.default_rng(i), *sizes)
        for i, sizes in enumerate(((6, 9, 3), (2, 7, 1), (4, 4, 4), (1, 3, 8)))
    ]


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


def _some_rows():
    return [{"M": M, "n": n} for M, n in ((8, 4), (3, 4), (7, 3), (10, 4), (5, 1))]


def _numbers(rng):
    chunk = int(rng.integers(4, 8))
    return {"x": rng.uniform(0.5, 1.5, 3 * chunk + 2), "chunk": chunk}


def _some_numbers():
    x = np.random.default_rng(1).uniform(0.5, 1.5, 12)
    return [{"x": x, "chunk": chunk} for chunk in (4, 1, 5, 12, 20)]


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
            "n/6 is for square matrices of float32; these have three different sides.": lambda M, K, N, size: M / 6,
        },
        about='"Count first"',
        edges=_some_shapes,
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
            "Each of the Co output channels has a kernel of its own.": lambda N, Ho, Wo, k, Ci, Co: (
                2 * N * Ho * Wo * k * k * Ci
            ),
        },
        about='"Count first"',
        edges=lambda: [dict(zip(("N", "Ho", "Wo", "k", "Ci", "Co"), (1, 14, 14, 4, 1, 64), strict=True))],
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
            "Some of the sum is missing: K may need more blocks than one.": lambda a, b, T: np.asarray(
                _tiled(a[:, :T], b[:T], T)
            ),
        },
        about='"4. Tiles"',
        edges=_some_blocks,
    ),
    Exercise(
        "06.row_ranges",
        "For each of n threads, its range (first, last + 1) of the M rows; the first i threads have i/n of them, rounded down.",
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
            "The last thread got all that was left over: the sizes should differ by one row at most.": lambda M, n: [
                (M // n * i, M if i == n - 1 else M // n * (i + 1)) for i in range(n)
            ],
            "The larger shares come first in yours; the first i threads have i/n of the rows, rounded down.": (
                lambda M, n: [(M // n * i + min(i, M % n), M // n * (i + 1) + min(i + 1, M % n)) for i in range(n)]
            ),
        },
        about='"Threads, and the same bits"',
        edges=_some_rows,
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
            "Those are means: sum.": lambda x, chunk: np.array(
                [x[i : i + chunk].mean() for i in range(0, len(x), chunk)]
            ),
        },
        about='"Threads, and the same bits"',
        edges=_some_numbers,
    ),
]
