r"""Pairwise distances and nearest neighbours, in bounded memory, with exact results.

The fast way to compute all squared distances is a single matrix product,

    (Neighbours.1)   |a - b|^2 = |a|^2 + |b|^2 - 2 a.b,     computed with an error of at most about

    (Neighbours.2)   s = 4 (F + 2) eps (|a|^2 + |b|^2),     eps = 2.2e-16.

It loses precision, because it is a small difference of large numbers: a copy is not at distance 0 but at 1e-7, and
whether a point lies inside a ball may depend on rounding.  The product is therefore used only to select candidates;
pairs within s of the decision are computed again as sum (a - b)^2, which is exactly 0 for a copy and the same number
for (a, b) and (b, a).  The results are then equal to those of the slow way, bit for bit, for every block size.

Memory: a table of block x len(b) numbers, about 32 MB by default, and two or three more of this size for masks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

TABLE = 2**22  # numbers in a table of distances: 32 MB
_EPS = np.finfo(np.float64).eps


def block_rows(columns: int, block: int | None = None) -> int:
    """The number of rows of a table with `columns` columns: `block` if given, otherwise what fits into 32 MB."""
    return max(1, TABLE // columns if block is None else block)


def tables(a: np.ndarray, b: np.ndarray, block: int | None = None) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yield (rows of a, their squared distances to all of b by (Neighbours.1), the error (rows, 1) of (Neighbours.2)).

    a (N, F) and b (M, F) are float64.  The caller may overwrite the table.
    """
    aa, bb = np.einsum("nf,nf->n", a, a), np.einsum("mf,mf->m", b, b)
    slack = 4 * (a.shape[1] + 2) * _EPS * (aa + bb.max())
    step = block_rows(len(b), block)
    for start in range(0, len(a), step):
        part = slice(start, min(start + step, len(a)))
        table = a[part] @ b.T
        table *= -2
        table += aa[part, None]
        table += bb
        yield part, np.maximum(table, 0, out=table), slack[part, None]


def exact(a: np.ndarray, b: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """|a_i - b_j|^2 for pairs of rows with indices i and j, as the sum of squared differences: (len(i),)."""
    square = np.empty(len(i))
    step = max(1, TABLE // a.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        d = a[i[part]] - b[j[part]]
        d *= d
        square[part] = d.sum(axis=1)
    return square


def nearest(
    a: np.ndarray, b: np.ndarray, k: int = 1, *, itself: bool = False, block: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of b for every row of a: (squared distances (N, k) ascending, indices (N, k)).

    Ties go to the lower index.  itself=True is for b = a: a row is then not its own neighbour, but a copy of it is.
    k must be at most the number of rows of b, or one less with itself=True.
    """
    squares, indices = np.empty((len(a), k)), np.empty((len(a), k), dtype=np.int64)
    for part, table, slack in tables(a, b, block):
        here = np.arange(len(table))
        if itself:
            table[here, part.start + here] = np.inf
        kth = np.partition(table, k - 1, axis=1)[:, k - 1 : k]
        # the product may be s too large for the k-th row and s too small for another: keep everything within 2 s
        i, j = np.nonzero(table <= kth + 2 * slack)
        square = exact(a[part], b, i, j)
        order = np.lexsort((j, square, i))
        take = order[np.searchsorted(i, here)[:, None] + np.arange(k)]  # i is sorted, and order keeps it so
        squares[part], indices[part] = square[take], j[take]
    return squares, indices


def within(
    points: np.ndarray, centres: np.ndarray, squares: np.ndarray, *, block: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Count points in balls: (number of balls that contain each point (N,), number of points in each ball (M,)).

    The ball of centre m contains the points at a squared distance of at most squares[m] (a closed ball).
    """
    of_points, of_balls = np.empty(len(points), dtype=np.int64), np.zeros(len(centres), dtype=np.int64)
    for part, table, slack in tables(points, centres, block):
        inside = table <= squares
        table -= squares
        i, j = np.nonzero(np.abs(table, out=table) <= slack)
        inside[i, j] = exact(points[part], centres, i, j) <= squares[j]
        of_points[part] = inside.sum(axis=1)
        of_balls += inside.sum(axis=0)
    return of_points, of_balls


def closest_pairs(x: np.ndarray, count: int, *, block: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The closest pairs of rows i < j: (squared distances (count,) ascending, pairs (count, 2)).

    Fewer than `count` if there are not enough pairs.  Ties go to the smaller i, then to the smaller j.
    """
    best, pairs = np.empty(0), np.empty((0, 2), dtype=np.int64)
    columns = np.arange(len(x))
    for part, table, slack in tables(x, x, block):
        rows = columns[part]
        table[columns <= rows[:, None]] = np.inf
        kth = np.partition(table, count - 1, axis=None)[count - 1] if count <= table.size else np.inf
        if len(best) == count:
            kth = min(kth, best[-1])
        i, j = np.nonzero((table <= kth + 2 * slack.max()) & (table < np.inf))
        best = np.concatenate([best, exact(x[part], x, i, j)])
        pairs = np.concatenate([pairs, np.stack([rows[i], j], axis=1)])
        order = np.lexsort((pairs[:, 1], pairs[:, 0], best))[:count]
        best, pairs = best[order], pairs[order]
    return best, pairs
