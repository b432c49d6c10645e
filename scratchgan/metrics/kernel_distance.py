r"""Kernel distance: MMD^2 with a polynomial kernel on features.  With Inception's features, the KID."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .mmd import kernel_mmd


def kernel_distance(real: ArrayLike, fake: ArrayLike, *, degree: int = 3) -> float:
    r"""Unbiased MMD^2 (Mmd.2) between real (N, F) and fake (M, F) with the kernel

    (KernelDistance.1)   k(x, y) = (x.y / F + 1)^degree

    With degree 3 it compares means, covariances and third moments, and needs no bandwidth.

    Range     -small to infinity; smaller is better; symmetric.  It may be negative: an estimate that is right on
              average for a quantity that is 0 must be.  Real against itself, the same rows, is *below* 0, because the
              pairs i = j are left out of two of the three terms only.
    Floor     0 on average, for every N and M: unlike the Frechet distance it has no bias, so runs with different N
              compare; but its spread grows as N shrinks.  Pixels of 8x8 digits, 898 real against 898 real: 0, with a
              standard deviation of 0.001 from sample to sample.
    Ceiling   898 uniform noise images against real: 1.9.
    Blind to  what the first three moments of the features do not show, and memorisation.  Gaussian noise with the
              moments of the 898 real images has -0.002, below the floor.  A large outlier among the features weighs
              with its sixth power.
    Errors    ValueError if the samples are not (N, F) with at least 2 rows, one F, and finite, or if degree is not a
              positive integer.
    Source    Binkowski et al. 2018, "Demystifying MMD GANs".  It averages over subsets of the samples, which saves time
              and gives an error bar; here all pairs are used, in blocks.
    """
    degree = positive_int("kernel_distance", "degree", degree)
    real, fake = two_samples("kernel_distance", real, fake, least=2)
    return kernel_mmd(real, fake, lambda a, b: (a @ b.T / a.shape[1] + 1) ** degree)
