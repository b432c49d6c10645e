r"""Improved precision and recall: two numbers for two failures, bad images and missing images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import two_samples
from .neighbours import nearest, within


def precision_recall(real: ArrayLike, fake: ArrayLike, *, k: int = 3) -> tuple[float, float]:
    r"""(precision, recall): the share of the fakes that look real, and the share of the real data that the fakes cover.

    Symbols   real (N, F), fake (M, F); B_X(x) the closed ball around a point x of the sample X whose radius is the
              distance to its k-th nearest neighbour in X, x itself not counted

    (PrecisionRecall.1)   precision = share of fakes y that lie in B_real(x) for at least one real x
    (PrecisionRecall.2)   recall    = share of real x that lie in B_fake(y) for at least one fake y

    The union of the balls is an estimate of the support of the distribution.  Swapping real and fake swaps precision
    and recall.

    Range     0 to 1, larger is better; both are 1 if real equals fake.
    Floor     (what perfect samples score) not 1, and lower in more dimensions, because many points lie in no ball of
              another sample.  Pixels of 8x8 digits, k = 3, 898 real against 898 real: 0.91 and 0.89.
    Ceiling   (what noise scores) 898 uniform noise images: 0 and below 0.01.
    Blind to  precision alone is high for a collapsed generator: real images of the digit 1 alone have precision 0.94
              (and recall 0).  Recall alone is high for widely scattered fakes, because a far-away fake has a huge ball,
              and a few of those contain all the real data: Gaussian noise with the mean and standard deviation of each
              pixel has recall 0.68 (and precision 0.002).  An outlier in the real data does the same to precision: see
              density_coverage.  Both depend on N, M and k.  Memorised samples score like perfect ones.
    Errors    ValueError if the samples are not finite (N, F) and (M, F) with more than k rows each, or for k below 1.
    Source    Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing generative models".
    """
    k = positive_int("precision_recall", "k", k)
    real, fake = two_samples("precision_recall", real, fake, least=k + 1)
    covered_fakes, _ = within(fake, real, ball_squares(real, k))  # (PrecisionRecall.1)
    covered_real, _ = within(real, fake, ball_squares(fake, k))  # (PrecisionRecall.2)
    return float((covered_fakes > 0).mean()), float((covered_real > 0).mean())


def ball_squares(x: np.ndarray, k: int) -> np.ndarray:
    """The squared radius (N,) of the ball of each row of x: the squared distance to its k-th nearest other row."""
    return nearest(x, x, k, itself=True)[0][:, -1]
