r"""Birthday test: a generator that can make only a few different images soon repeats one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from ..checks import real as number
from .inputs import rows, two_samples
from .neighbours import closest_pairs, within


@dataclass(frozen=True)
class BirthdayReport:
    r"""What `birthday_test` found.  `str()` is a small table.

    support        estimated number of different images, (Birthday.2); inf if there are no repeats
    at_least       95 % lower bound of the support, (Birthday.3)
    half_batch     batch size at which a repeat has probability 1/2, (Birthday.4); inf if there are no repeats
    repeats        number of pairs at most `threshold` apart
    n_pairs        number of all pairs, N(N - 1)/2
    threshold      Euclidean distance up to which two images count as the same
    pairs          (count, 2) indices of the closest pairs, closest first: look at these images
    distances      (count,) their distances
    n_samples      N
    """

    support: float
    at_least: float
    half_batch: float
    repeats: int
    n_pairs: int
    threshold: float
    pairs: np.ndarray
    distances: np.ndarray
    n_samples: int

    def __str__(self):
        more = f"more than {self.at_least:,.0f}"
        return "\n".join(
            [
                f"repeats        {self.repeats:,} of {self.n_pairs:,} pairs at most {self.threshold:.4g} apart",
                f"support        {more if math.isinf(self.support) else f'about {self.support:,.0f}, {more}'} (95 %)",
                f"closest pair   {self.distances[0]:.4g} apart: samples {self.pairs[0, 0]} and {self.pairs[0, 1]}",
            ]
        )


def birthday_test(
    samples: ArrayLike, *, real: ArrayLike | None = None, threshold: float | None = None, closest: int = 20
) -> BirthdayReport:
    r"""Estimate how many different images the generator can make, from repeats among samples (N, F) or (N, H, W, C).

    Among 23 people two share a birthday with probability 1/2, because 23^2 is about 365 x 2 log 2.  Conversely, the
    number of days can be estimated from the number of shared birthdays.  With c repeats among all P = N(N - 1)/2 pairs:

    (Birthday.1)   E c / P    = sum_i p_i^2               the probability that two samples are the same image
    (Birthday.2)   support    = P / c                     1 / sum p_i^2: n if n images are equally likely, else fewer
    (Birthday.3)   at_least   = P / u                     u the largest mean compatible with the count c, at 95 %:
                   u = m (1 - 1/(9m) + 1.645/(3 sqrt m))^3, m = c + 1    (Wilson & Hilferty; c taken as Poisson)
    (Birthday.4)   half_batch = sqrt(2 log 2 support)     from P(no repeat in s) = exp(-s^2 / 2 support)

    Give exactly one of `threshold` and `real`, which determine when two images count as the same:
    threshold   a distance; 0 counts exact copies only
    real        real images: the threshold is the distance of their closest pair that are not copies of each other, so
                two fakes count as the same if they are as close as the closest real images.  It shrinks with the number
                of real images, so give as many as samples.
    closest     how many of the closest pairs to return: as in the paper, judge them by eye

    Range     support 1 to infinity; larger is better.
    Floor     real data have no repeats: support is inf, and only at_least, which grows like N^2/6, is informative.
              (With real=, the real images themselves have one repeat, the pair that sets the threshold.)
    Ceiling   a collapsed generator has support 1.  Noise has support inf too: this measures variety, not quality.
    Blind to  repeats with small changes: an image shifted by one pixel is far away in pixel space, so the support is
              overestimated; features are more tolerant.  Blur brings all images closer together and looks like repeats.
              Memorisation: a generator that copies 60,000 training images has support 60,000.  Repeats of the same
              image are not independent, so for a strongly collapsed generator the bound (Birthday.3) is a little too
              tight.  Rare images hardly count: if one image has half the mass, support is below 4, whatever the other
              half is.
    Errors    ValueError if samples are not at least 2 finite rows, unless exactly one of real and threshold is given,
              if all real images are equal, if threshold is negative, or if closest is below 1.
    Source    Arora & Zhang 2018, "Do GANs actually learn the distribution? An empirical study", who search batches of
              growing size for one repeat; (Birthday.2) uses all pairs of one batch.
    """
    closest = positive_int("birthday_test", "closest", closest)
    if (real is None) == (threshold is None):
        raise ValueError("birthday_test: give either real images or a threshold, to decide when images are the same")
    if real is not None:
        x, others = two_samples("birthday_test", samples, real, least=2, names=("samples", "real"))
        threshold = smallest_distance(others)
    else:
        x = rows("birthday_test", "samples", samples, least=2)
        threshold = number("birthday_test", "threshold", threshold, 0, math.inf, open_high=True)
    of_points, _ = within(x, x, np.full(len(x), threshold**2 * (1 + 1e-15)))  # allows for the rounded square root
    repeats, n_pairs = int(of_points.sum() - len(x)) // 2, len(x) * (len(x) - 1) // 2
    support = n_pairs / repeats if repeats else math.inf
    squares, pairs = closest_pairs(x, closest)
    return BirthdayReport(
        support=support,
        at_least=max(1.0, n_pairs / poisson_upper(repeats)),
        half_batch=math.sqrt(2 * math.log(2) * support),
        repeats=repeats,
        n_pairs=n_pairs,
        threshold=threshold,
        pairs=pairs,
        distances=np.sqrt(squares),
        n_samples=len(x),
    )


def poisson_upper(count: int) -> float:
    """The mean for which a Poisson count of at most `count` has probability 5 %, within 1 %."""
    m = count + 1
    return m * (1 - 1 / (9 * m) + 1.645 / (3 * math.sqrt(m))) ** 3


def smallest_distance(x: np.ndarray) -> float:
    """The smallest distance between two different rows of x (N, F); ValueError if all rows are equal."""
    different = np.unique(x, axis=0)
    if len(different) < 2:
        raise ValueError("birthday_test: all real images are equal, so they set no threshold; give one")
    return float(np.sqrt(closest_pairs(different, 1)[0][0]))
