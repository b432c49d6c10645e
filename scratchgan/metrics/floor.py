r"""What would be a good value?  A metric's floor compares real data with real data, its ceiling noise with real data.

A distance of 7.3 means nothing by itself.  Two samples from the same distribution do not have distance 0, because
samples vary; their distance is the floor, and no generator can be expected to get below it.  The value for noise shows
how bad it can get: the ceiling.  For scores where larger is better (precision, coverage), the "floor" is the high value
and the "ceiling" the low one: the floor is always what perfect samples score.

A value well *below* the floor is suspicious, not good: samples that are closer to the data than other real data are
probably copies.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int, require_rng
from .inputs import rows, two_samples

Value = float | tuple[float, ...]


def floor_ceiling(
    metric: Callable[..., Value], real: ArrayLike, noise: ArrayLike, *, rng: np.random.Generator
) -> tuple[Value, Value]:
    r"""Return (floor, ceiling) of a two-sample metric(real, fake) for these data.

    A and B are two random halves of the n = 2h real rows (one row is left out if the number is odd):

    (Floor.1)   floor   = metric(A, B)
    (Floor.2)   ceiling = metric(A, h rows of noise, drawn at random)

    metric   returns a float or a tuple of floats
    real     (n, ...) features or images
    noise    (at least h, ...) in the same space: for a metric on features, the features *of* noise images.  See
             `uniform_noise` and `gaussian_noise`.

    Both values are for h against h rows.  Most metrics depend on the number of rows, so compare them with
    metric(A, h fakes), or give twice as many real rows as the value was computed from.

    Raises ValueError unless real has at least 2 rows and noise at least h, finite and of the same row shape; TypeError
    if rng is not a Generator; and any error that the metric raises for h rows.
    """
    require_rng("floor_ceiling", rng)
    two_samples("floor_ceiling", real, noise, names=("real", "noise"))
    real, noise = np.asarray(real), np.asarray(noise)
    half = len(real) // 2
    if not half or len(noise) < half:
        raise ValueError(
            f"floor_ceiling expects at least 2 real rows and half as many noise rows, got {len(real)} real "
            f"and {len(noise)} noise rows"
        )
    order = rng.permutation(len(real))
    A, B = real[order[:half]], real[order[half : 2 * half]]
    return metric(A, B), metric(A, noise[rng.permutation(len(noise))[:half]])


def uniform_noise(like: ArrayLike, count: int, *, rng: np.random.Generator) -> np.ndarray:
    """(count, ...) float32 images of the same shape as those of `like`; pixels are independent, uniform in [-1, 1]."""
    like, count = np.asarray(like), positive_int("uniform_noise", "count", count)
    require_rng("uniform_noise", rng)
    rows("uniform_noise", "like", like)
    return rng.uniform(-1, 1, size=(count, *like.shape[1:])).astype(np.float32)


def gaussian_noise(like: ArrayLike, count: int, *, rng: np.random.Generator) -> np.ndarray:
    """(count, ...) float32 rows of independent Gaussians, with the mean and standard deviation of `like` per column.

    Not clipped.  It is harder to tell from the data than uniform noise: only the shape of each column's distribution
    and the dependence between columns are missing.
    """
    like, count = np.asarray(like), positive_int("gaussian_noise", "count", count)
    require_rng("gaussian_noise", rng)
    rows("gaussian_noise", "like", like, least=2)
    mean, std = like.mean(axis=0, dtype=np.float64), like.std(axis=0, dtype=np.float64)
    return (mean + std * rng.standard_normal((count, *like.shape[1:]))).astype(np.float32)
