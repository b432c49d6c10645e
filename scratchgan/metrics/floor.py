r"""What would be a good value?  Every metric between its floor, real against real, and its ceiling, noise against real.

A distance of 7.3 says nothing by itself.  Two samples of one distribution are not at distance 0, because samples
differ; that is the floor, and no generator can be expected below it.  Noise tells how bad it can get: the ceiling.  For
scores of which more is better (precision, coverage) the "floor" is the high end and the "ceiling" the low one: the
floor is always what perfect samples score.

A value well *below* the floor is suspicious, not good: samples that are closer to the data than other real data are
copies of it.
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

    With A and B a random half each of the n = 2h real rows (of an odd number one is left out):

    (Floor.1)   floor   = metric(A, B)
    (Floor.2)   ceiling = metric(A, h rows of noise, drawn at random)

    metric   gives a float, or a tuple of floats
    real     (n, ...) features or images
    noise    (at least h, ...) in the same space: features *of* noise images for a metric on features.  `uniform_noise`
             and `gaussian_noise` make some.

    Both hold for h against h rows.  Most metrics depend on the number of rows, so the value to hold against them is
    metric(A, h fakes); or give twice as many real rows as the value is computed from.

    Raises ValueError unless real has at least 2 rows and noise at least h, both of one shape and finite, TypeError if
    rng is no Generator; and whatever the metric raises for as few as h rows.
    """
    require_rng("floor_ceiling", rng)
    two_samples("floor_ceiling", real, noise, names=("real", "noise"))
    real, noise = np.asarray(real), np.asarray(noise)
    half = len(real) // 2
    if not half or len(noise) < half:
        raise ValueError(
            f"floor_ceiling expects at least 2 real rows and half as many of noise, got {len(real)} real "
            f"and {len(noise)} of noise"
        )
    order = rng.permutation(len(real))
    A, B = real[order[:half]], real[order[half : 2 * half]]
    return metric(A, B), metric(A, noise[rng.permutation(len(noise))[:half]])


def uniform_noise(like: ArrayLike, count: int, *, rng: np.random.Generator) -> np.ndarray:
    """(count, ...) images in the shape of `like`'s, every pixel uniform in [-1, 1] and independent; float32."""
    like, count = np.asarray(like), positive_int("uniform_noise", "count", count)
    require_rng("uniform_noise", rng)
    rows("uniform_noise", "like", like)
    return rng.uniform(-1, 1, size=(count, *like.shape[1:])).astype(np.float32)


def gaussian_noise(like: ArrayLike, count: int, *, rng: np.random.Generator) -> np.ndarray:
    """(count, ...) Gaussian rows, independent numbers with the mean and standard deviation of each column of `like`.

    In float32 and not clipped.  Harder to tell from the data than uniform noise: all that is missing is how the numbers
    depend on each other.
    """
    like, count = np.asarray(like), positive_int("gaussian_noise", "count", count)
    require_rng("gaussian_noise", rng)
    rows("gaussian_noise", "like", like, least=2)
    mean, std = like.mean(axis=0, dtype=np.float64), like.std(axis=0, dtype=np.float64)
    return (mean + std * rng.standard_normal((count, *like.shape[1:]))).astype(np.float32)
