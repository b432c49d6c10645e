r"""Density and coverage: versions of precision and recall that are robust to outliers."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .neighbours import within
from .precision_recall import ball_squares


def density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> tuple[float, float]:
    r"""How deep the fakes lie inside the real data, and how much of the real data has a fake nearby.

    Symbols   real x_i (N, F), fake y_j (M, F); B(x_i) the closed ball around x_i whose radius is the distance to its
              k-th nearest other real row; balls around fakes are not used, because fakes may lie anywhere

    (DensityCoverage.1)   density  = 1/(k M) sum_j (number of balls B(x_i) that contain y_j)
    (DensityCoverage.2)   coverage = share of the real x_i whose ball B(x_i) contains at least one fake

    Precision asks whether a fake lies in any ball, density in how many; so the huge ball of a real outlier adds only
    one to the count.

    Range     density 0 to N/k, above 1 if the fakes gather where real data are dense; coverage 0 to 1.  Larger is
              better, for density only up to 1.
    Floor     (what perfect samples score) known in expectation, for every distribution without ties:
              (DensityCoverage.3)   E density  = 1
              (DensityCoverage.4)   E coverage = 1 - prod_{t=1..k} (N - t) / (M + N - t)
              so coverage is 0.969 for k = 5 and large N = M.  Reason: the N - 1 other real rows and the M fakes have
              the same distribution, so all orders of their distances to x_i are equally likely, and x_i is missed if
              the k nearest are all real.
    Ceiling   (what noise scores) 898 uniform noise images compared with the pixels of 8x8 digits: 0 and 0.
    Blind to  density is high for a collapsed generator: real images of the digit 1 alone have 1.1 (and coverage 0.12).
              Memorised samples score like perfect ones or better: the real rows themselves as fakes have density
              (k + 1)/k, if no distances are equal, and coverage 1.  Coverage ignores proportions as long as each ball
              contains one fake, and if M is much larger than N it is always near 1.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with N above k, or for k below 1.
    Source    Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models".  Their code uses open
              balls, which makes a difference only if distances are equal.
    """
    k = positive_int("density_coverage", "k", k)
    real, fake = two_samples("density_coverage", real, fake)
    if len(real) <= k:
        raise ValueError(f"density_coverage expects more than k = {k} real rows, got {len(real)}")
    balls_of_fake, fakes_of_ball = within(fake, real, ball_squares(real, k))
    return float(balls_of_fake.mean() / k), float((fakes_of_ball > 0).mean())
