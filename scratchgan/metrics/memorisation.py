r"""Memorisation: are the samples nearer to the training images than to images that were never trained on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..checks import real as number
from .inputs import two_samples
from .neighbours import nearest


@dataclass(frozen=True)
class MemorisationReport:
    r"""What `memorisation_ratio` found.  `str()` is a small table.

    ratio           (Memorisation.1): 1 if nothing is memorised, 0 if most samples are copies
    nearer_train    (Memorisation.2): share of samples nearer to a training than to a held-out image; 1/2 at best
    copies          (Memorisation.3): share of samples nearer to the training set than real images ever are
    copies_floor    what unseen real images would score there: the quantile that was asked for
    copy_distance   the distance below which a sample counts as a copy
    distances       (N,) from each sample to its nearest training image, of all
    nearest         (N,) which one that is: draw them side by side
    n_compared      rows of the training and of the held-out set that (Memorisation.1, 2) compare
    """

    ratio: float
    nearer_train: float
    copies: float
    copies_floor: float
    copy_distance: float
    distances: np.ndarray
    nearest: np.ndarray
    n_compared: int

    def __str__(self):
        return "\n".join(
            [
                f"distance ratio {self.ratio:.3f} train / held-out (nothing memorised: 1)",
                f"nearer train   {self.nearer_train:.1%} of {len(self.distances)} samples (nothing memorised: 50 %)",
                f"copies         {self.copies:.1%} within {self.copy_distance:.4g} of a training image "
                f"(unseen real images: {self.copies_floor:.1%})",
            ]
        )


def memorisation_ratio(
    train: ArrayLike, held_out: ArrayLike, samples: ArrayLike, *, copy_quantile: float = 0.01
) -> MemorisationReport:
    r"""Distances from the samples to their nearest training and nearest held-out images; rows (N, F) or images.

    A nearest training image that looks different proves little: how near is near?  Held-out images of the same kind,
    which the generator cannot know, are the measure.  With d_T(x), d_H(x) the Euclidean distances from x to the nearest
    of n training and of n held-out images, n the size of the smaller set (of the larger, n rows spread evenly are
    compared: with more rows the nearest is nearer):

    (Memorisation.1)   ratio        = median d_T(x) / median d_H(x)          over the samples x;  0/0 = 1
    (Memorisation.2)   nearer_train = share of samples with d_T(x) < d_H(x), ties counted one half
    (Memorisation.3)   copies       = share of samples with D(x) < t,        D the distance to *all* training images,
                       t the copy_quantile of D over the held-out images: so near come 1 % of unseen real images

    Floor     ratio 1, nearer_train 1/2, copies copy_quantile (0.01), for fresh samples of the true distribution.  A
              third of the 8x8 digits each for training, held out and as samples, mean and standard deviation of 40
              splits: 1.00 +- 0.02, 0.50 +- 0.02, 0.012 +- 0.007.
    Ceiling   training images as samples: ratio 0, nearer_train 1, copies 1, if both sets are of one size.  If not, only
              as many copies as the n rows still hold find their original, and ratio tells less: make them equal.  Noise
              is as innocent as the truth (1.00, 0.50, copies 0): it is far from everything.
    Blind to  quality, entirely.  A ratio of medians hardly sees that a tenth of the samples are copies (0.96); `copies`
              does (0.11).  That in turn is raised by collapse onto a class with little variety (real images of the
              digit 1 only: 0.08); then see whether the ratio falls too.  In pixels, a copy shifted by one pixel is far;
              with features it is not.  Training images that have twins in the held-out set hide their copies.
    Errors    ValueError if the three are not rows of one shape, empty or not finite, or if copy_quantile is not in (0,
              1).
    Source    ours, after Meehan, Chaudhuri & Dasgupta 2020, "A non-parametric test to detect data-copying in generative
              models", who compare the distances of samples and of held-out data to the training set.
    """
    q = number("memorisation_ratio", "copy_quantile", copy_quantile, 0, 1, open_low=True, open_high=True)
    who, names = "memorisation_ratio", ("train", "held_out", "samples")
    T, H = two_samples(who, train, held_out, names=names[:2])
    T, x = two_samples(who, train, samples, names=names[::2])
    n = min(len(T), len(H))
    to_all, which = (part[:, 0] for part in nearest(x, T))
    to_train = to_all if len(T) == n else nearest(x, _spread(T, n))[0][:, 0]
    to_held_out = nearest(x, _spread(H, n))[0][:, 0]
    near, far = np.sqrt(np.median(to_train)), np.sqrt(np.median(to_held_out))
    limit = np.quantile(np.sqrt(nearest(H, T)[0][:, 0]), q)
    distances = np.sqrt(to_all)
    return MemorisationReport(
        ratio=float(near / far) if far > 0 else (1.0 if near == 0 else float("inf")),
        nearer_train=float((to_train < to_held_out).mean() + 0.5 * (to_train == to_held_out).mean()),
        copies=float((distances < limit).mean()),
        copies_floor=q,
        copy_distance=float(limit),
        distances=distances,
        nearest=which,
        n_compared=n,
    )


def _spread(x, n):
    """Rows of x, n of them, spread evenly, so that data sorted by class lose none."""
    return x if len(x) == n else x[np.linspace(0, len(x) - 1, n).round().astype(int)]
