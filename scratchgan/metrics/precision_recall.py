r"""Improved precision and recall: two numbers, because bad images and missing images are two failures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .neighbours import nearest, within


def precision_recall(real: ArrayLike, fake: ArrayLike, *, k: int = 3) -> tuple[float, float]:
    r"""Share of the fakes that look real, and share of the real that the fakes reach.

    Symbols   real (N, F), fake (M, F); B_X(x) the ball around a point x of the sample X that reaches to its k-th
              nearest neighbour in X, itself not counted, surface included

    (PrecisionRecall.1)   precision = share of fakes y that lie in B_real(x) of at least one real x
    (PrecisionRecall.2)   recall    = share of real x that lie in B_fake(y) of at least one fake y

    The union of balls stands for all points that could have been sampled.  Swapping real and fake swaps the two.

    Range     0 to 1, larger is better; both 1 if real is fake.
    Floor     (what perfect samples score) not 1, and lower in more dimensions: many points have no other within their
              neighbours' balls.  Pixels of 8x8 digits, k = 3, 898 real against 898 real: 0.91 and 0.89.
    Ceiling   (what noise scores) 898 uniform noise images: 0 and below 0.01.
    Blind to  precision alone is high for a collapsed run: real images of the digit 1 only have precision 0.94 (and
              recall 0).  Recall alone is high for fakes spread over everything, because a far-away fake has a huge
              ball, and a few of those hold all the real data: Gaussian noise with the mean and standard deviation of
              each pixel has recall 0.68 (and precision 0.002).  An outlier among the real does the same for precision:
              see density_coverage.  Both depend on N, M and k.  Memorised samples score as perfect ones.
    Errors    ValueError if the samples are not (N, F) with more than k rows, one F, and finite, or for k below 1.
    Source    Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative models".
    """
    k = positive_int("precision_recall", "k", k)
    real, fake = two_samples("precision_recall", real, fake, least=k + 1)
    covered_fakes, _ = within(fake, real, ball_squares(real, k))  # (PrecisionRecall.1)
    covered_real, _ = within(real, fake, ball_squares(fake, k))  # (PrecisionRecall.2)
    return float((covered_fakes > 0).mean()), float((covered_real > 0).mean())


def ball_squares(x: np.ndarray, k: int) -> np.ndarray:
    """The squared radius of every row's ball (N,): the squared distance to its k-th nearest other row."""
    return nearest(x, x, k, itself=True)[0][:, -1]
