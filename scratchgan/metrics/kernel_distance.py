r"""Kernel distance: MMD^2 with a polynomial kernel on features; with Inception features it is called KID."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .mmd import kernel_mmd


def kernel_distance(real: ArrayLike, fake: ArrayLike, *, degree: int = 3) -> float:
    r"""Unbiased MMD^2 (Mmd.2) between real (N, F) and fake (M, F) with the kernel

    (KernelDistance.1)   k(x, y) = (x.y / F + 1)^degree

    With degree 3 it compares means, covariances and third moments, and needs no bandwidth.

    Range     slightly negative to infinity; smaller is better; symmetric.  It may be negative, because an unbiased
              estimate of 0 has to scatter around 0.  The real rows compared with themselves are *below* 0, because the
              pairs i = j are left out of only two of the three terms.
    Floor     0 on average, for every N and M.  Unlike the Frechet distance it has no bias, so values for different N
              are comparable, but its variance grows as N shrinks.  Pixels of 8x8 digits, 898 real against 898 real: 0,
              with a standard deviation of 0.001 between samples.
    Ceiling   898 uniform noise images against real: 1.9.
    Blind to  differences beyond the first three moments of the features, and memorisation.  Gaussian noise with the
              moments of the 898 real images has -0.002, below the floor.  A large outlier among the features enters
              with its sixth power.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with at least 2 rows each, or if degree is not
              a positive integer.
    Source    Binkowski et al. 2018, "Demystifying MMD GANs".  They average over subsets of the samples, which saves
              time and gives an error bar; here all pairs are used, in blocks.
    """
    degree = positive_int("kernel_distance", "degree", degree)
    real, fake = two_samples("kernel_distance", real, fake, least=2)
    return kernel_mmd(real, fake, lambda a, b: (a @ b.T / a.shape[1] + 1) ** degree)
