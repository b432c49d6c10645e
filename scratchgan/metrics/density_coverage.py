r"""Density and coverage: precision and recall that one outlier cannot decide."""

from __future__ import annotations

from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .neighbours import within
from .precision_recall import ball_squares


def density_coverage(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> tuple[float, float]:
    r"""How deep the fakes lie in the real data, and how much of the real data has a fake nearby.

    Symbols   real x_i (N, F), fake y_j (M, F); B(x_i) the ball around x_i that reaches to its k-th nearest other real
              row, surface included: only real balls are used, as fakes may lie anywhere

    (DensityCoverage.1)   density  = 1/(k M) sum_j (number of balls B(x_i) that hold y_j)
    (DensityCoverage.2)   coverage = share of the real x_i whose ball B(x_i) holds at least one fake

    Precision asks whether a fake lies in any ball, density in how many: a stray real point's huge ball counts once.

    Range     density 0 to N/k, and it passes 1 where fakes gather where the real are dense; coverage 0 to 1.  Larger is
              better, for density only up to 1.
    Floor     (what perfect samples score) known in expectation, whatever the distribution, as long as it has no ties:
              (DensityCoverage.3)   E density  = 1
              (DensityCoverage.4)   E coverage = 1 - prod_{t=1..k} (N - t) / (M + N - t)
              so coverage 0.969 for k = 5 and N = M large.  Why: x_i's N - 1 real rivals and the M fakes are alike, so
              all orders of their distances are equally likely, and x_i is missed if the k nearest are all real.
    Ceiling   (what noise scores) 898 uniform noise images against the pixels of 8x8 digits: 0 and 0.
    Blind to  density is high for a collapsed run: real images of the digit 1 only have 1.1 (and coverage 0.12).
              Memorised samples score as perfect ones, or better: real against itself, the same rows, has density (k +
              1)/k, if no distances are equal, and coverage 1.  Coverage says nothing of proportions as long as each
              ball holds one fake, and with M much above N it is always near 1.
    Errors    ValueError if the samples are not (N, F), real with more than k rows, one F, and finite, or for k below 1.
    Source    Naeem et al. 2020, "Reliable fidelity and diversity metrics for generative models".  Its program leaves
              the surface out of the ball, which matters only where distances are equal.
    """
    k = positive_int("density_coverage", "k", k)
    real, fake = two_samples("density_coverage", real, fake)
    if len(real) <= k:
        raise ValueError(f"density_coverage expects more than k = {k} real rows, got {len(real)}")
    balls_of_fake, fakes_of_ball = within(fake, real, ball_squares(real, k))
    return float(balls_of_fake.mean() / k), float((fakes_of_ball > 0).mean())
