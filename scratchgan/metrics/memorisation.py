r"""Memorisation: are the samples nearer to the training images than to real images that were held out?"""

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
    nearer_train    (Memorisation.2): share of samples nearer to a training image than to a held-out one; 1/2 is ideal
    copies          (Memorisation.3): share of samples unusually close to the training set
    copies_floor    the value of `copies` for held-out real images: the given copy_quantile
    copy_distance   the distance below which a sample counts as a copy
    distances       (N,) from each sample to the nearest of all training images
    nearest         (N,) index of that training image, to draw the two side by side
    n_compared      number of rows of each set that (Memorisation.1, 2) compare
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
    r"""Compare the samples' distances to training images with those to held-out images; rows (N, F) or images.

    That the nearest training image looks different proves little: how near is near?  Held-out images of the same kind,
    which the generator cannot know, set the scale.  d_T(x) and d_H(x) are the Euclidean distances from x to the nearest
    of n training and of n held-out images, where n is the size of the smaller set.  (From the larger set, n evenly
    spaced rows are used, because the nearest of more rows is nearer.)

    (Memorisation.1)   ratio        = median d_T(x) / median d_H(x)          over the samples x;  0/0 = 1
    (Memorisation.2)   nearer_train = share of samples with d_T(x) < d_H(x), ties count one half
    (Memorisation.3)   copies       = share of samples with D(x) < t,        D the distance to *all* training images,
                       t the copy_quantile of D over the held-out images: 1 % of real held-out images are as near

    Floor     ratio 1, nearer_train 1/2, copies copy_quantile (0.01), for fresh samples of the true distribution.
              Measured with a third of the 8x8 digits for training, a third held out and a third as samples; mean and
              standard deviation of 40 splits: 1.00 +- 0.02, 0.50 +- 0.02, 0.012 +- 0.007.
    Ceiling   training images as samples: ratio 0, nearer_train 1, copies 1, if both sets have the same size.  If the
              training set is larger, only copies of its n rows find their original, so the ratio is less sensitive;
              use sets of equal size.  Noise scores like true samples (1.00, 0.50, copies 0), as it is far from all
              images.
    Blind to  quality, entirely.  If a tenth of the samples are copies, the ratio of medians hardly changes (0.96), but
              `copies` does (0.11).  Collapse to a class with little variety raises `copies` as well (real images of the
              digit 1 alone: 0.08); check then whether the ratio falls too.  A copy shifted by one pixel is far away in
              pixel space, but not in features.  Duplicates of training images in the held-out set hide copies.
    Errors    ValueError if the rows of the three have different shapes, are empty or not finite, or if copy_quantile is
              not in (0, 1).
    Source    this package, after Meehan, Chaudhuri & Dasgupta 2020, "A non-parametric test to detect data-copying in
              generative models", who compare the distances to the training set of samples and of held-out data.
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
    """n evenly spaced rows of x, so that all classes remain if the data are sorted by class."""
    return x if len(x) == n else x[np.linspace(0, len(x) - 1, n).round().astype(int)]
