r"""Maximum mean discrepancy (MMD): the largest difference in mean between real and fake, over functions of a kernel.

The functions are those of norm at most 1 in the kernel's reproducing kernel Hilbert space.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..checks import real as number
from .inputs import rows, two_samples
from .neighbours import block_rows, tables

#: the default bandwidths, in units of the median distance
SCALES = (0.5, 1.0, 2.0)
_HEURISTIC_ROWS = 1000  # of each sample: its million pairs are enough for a median


def mmd(real: ArrayLike, fake: ArrayLike, *, bandwidths: ArrayLike | None = None, unbiased: bool = True) -> float:
    r"""MMD^2 between real (N, F) and fake (M, F) with an average of Gaussian kernels.

    (Mmd.1)   MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y),     x, x' real and y, y' fake, all independent
    (Mmd.2)   unbiased:   sum_{i != j} k(x_i, x_j) / N(N-1) + sum_{i != j} k(y_i, y_j) / M(M-1) - 2 mean_ij k(x_i, y_j)
    (Mmd.3)   biased:     mean_ij k(x_i, x_j) + mean_ij k(y_i, y_j) - 2 mean_ij k(x_i, y_j)
    (Mmd.4)   k(x, y) = mean_s exp( -|x - y|^2 / (2 s^2) )     over the bandwidths s

    bandwidths   one number or several, in units of the features.  None: `median_distance` of both samples together,
                 times 1/2, 1 and 2 (the median heuristic).  The kernel then depends on the fakes too; to compare runs,
                 use the same bandwidths for all, such as median_distance(real).
    unbiased     True: (Mmd.2), which has mean 0 for equal distributions and can be negative.  False: (Mmd.3), which is
                 never negative, 0 if real equals fake, and on average too large by about (1/N + 1/M)(1 - E k).

    Range     slightly negative to 2; smaller is better; symmetric.
    Floor     0 on average if unbiased, for every N and M.  Pixels of 8x8 digits, 898 real against 898 real: 0, with a
              standard deviation of 0.0002 between samples.
    Ceiling   898 uniform noise images against real: 0.24.
    Blind to  structure much finer or much coarser than the bandwidths, where k is flat or almost 0.  In many dimensions
              all distances are similar, the kernel hardly varies, and fine differences are no longer detected.
              Memorised samples score like fresh ones.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with at least 2 rows each, if a bandwidth is
              not positive, or if the median is 0 because most rows are equal.
    Source    Gretton et al. 2012, "A kernel two-sample test".
    """
    real, fake = two_samples("mmd", real, fake, least=2)
    if bandwidths is None:
        bandwidths = median_distance(np.concatenate([_thinned(real), _thinned(fake)])) * np.array(SCALES)
    gammas = [
        0.5 / number("mmd", "bandwidths", float(s), 0, np.inf, open_low=True, open_high=True) ** 2
        for s in np.ravel(bandwidths)
    ]
    if not gammas:
        raise ValueError("mmd: bandwidths must be one number or several, got none")

    centre = real.mean(axis=0)  # centred rows have smaller rounding errors: see (Neighbours.2)

    def gaussians(a, b):  # (Mmd.4)
        square = next(tables(a, b, len(a)))[1]
        return sum(np.exp(-gamma * square) for gamma in gammas) / len(gammas)

    return kernel_mmd(real - centre, fake - centre, gaussians, unbiased=unbiased)


def median_distance(x: ArrayLike) -> float:
    """The median distance between two rows of x (N, F), computed from at most 2,000 evenly spaced rows.

    ValueError if x is not finite (N, F) with at least 2 rows, or if the median is 0 because most rows are equal.
    """
    points = _thinned(rows("median_distance", "x", x, least=2), 2 * _HEURISTIC_ROWS)
    points = points - points.mean(axis=0)
    here = np.arange(len(points))
    square = np.concatenate(
        [table[here > np.arange(part.start, part.stop)[:, None]] for part, table, _ in tables(points, points)]
    )
    median = float(np.sqrt(np.median(square)))
    if median <= 1e-7 * np.abs(points).max():  # rounding error: see (Neighbours.2)
        raise ValueError("mmd: most rows are equal, so their median distance is 0; give bandwidths")
    return median


def kernel_mmd(
    real: np.ndarray, fake: np.ndarray, kernel: Callable, *, unbiased: bool = True, block: int | None = None
) -> float:
    """(Mmd.2), or (Mmd.3) if not unbiased, with kernel(a, b) -> (len(a), len(b)), summed block by block."""
    return (
        _mean(real, real, kernel, block, no_diagonal=unbiased)
        + _mean(fake, fake, kernel, block, no_diagonal=unbiased)
        - 2 * _mean(real, fake, kernel, block, no_diagonal=False)
    )


def _mean(a, b, kernel, block, *, no_diagonal):
    """Mean of kernel(a_i, b_j) over all pairs, or over those with i != j."""
    step, total = block_rows(len(b), block), 0.0
    for start in range(0, len(a), step):
        table = kernel(a[start : start + step], b)
        if no_diagonal:
            here = np.arange(len(table))
            table[here, start + here] = 0
        total += table.sum()
    return float(total / (len(a) * (len(b) - no_diagonal)))


def _thinned(x, most=_HEURISTIC_ROWS):
    """At most `most` rows, evenly spaced, so that all classes remain if the data are sorted by class."""
    return x if len(x) <= most else x[np.linspace(0, len(x) - 1, most).round().astype(int)]
