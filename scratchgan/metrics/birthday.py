r"""Birthday test: a generator that can make only a few different images repeats itself soon."""

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

    support        estimate of the number of different images, (Birthday.2); inf if no pair repeats
    at_least       95 % lower bound of the support, (Birthday.3)
    half_batch     a batch of this size holds a repeated image with probability 1/2, (Birthday.4); inf if none repeats
    repeats        pairs at most `threshold` apart
    n_pairs        pairs in all, N(N - 1)/2
    threshold      Euclidean distance up to which two images count as the same
    pairs          (count, 2) the closest pairs, closest first: look at them
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
    r"""How many different images can the generator make?  Counted from repeats among samples (N, F) or (N, H, W, C).

    In a room of 23 people two share a birthday with probability 1/2, as 23^2 is about 365 x 2 log 2.  Turned round, the
    repeats in a batch tell the number of days.  With c the pairs that repeat, among all P = N(N - 1)/2:

    (Birthday.1)   E c / P    = sum_i p_i^2               the probability that two samples are the same image
    (Birthday.2)   support    = P / c                     1 / sum p_i^2: n if n images are equally likely, else fewer
    (Birthday.3)   at_least   = P / u                     u the largest mean of c that c itself still allows, at 95 %:
                   u = m (1 - 1/(9m) + 1.645/(3 sqrt m))^3, m = c + 1    (Wilson & Hilferty; c taken as Poisson)
    (Birthday.4)   half_batch = sqrt(2 log 2 support)     from P(no repeat in s) = exp(-s^2 / 2 support)

    One of the two says when two images are the same:
    threshold   a distance; 0 counts exact copies only
    real        real images: the distance of their closest pair that is not a copy.  Two fakes that are closer than any
                two real images count as one.  The more real images, the smaller it is, so give as many as samples.
    closest     how many of the closest pairs to return: the paper lets a human judge them, and so should you

    Range     support 1 to infinity; larger is better.
    Floor     real data do not repeat: support inf, and only at_least, which grows like N^2/6, is said.  (With real= the
              real images themselves have the one pair that set the threshold.)
    Ceiling   a collapsed generator has support 1.  Noise has support inf as well: variety, not quality.
    Blind to  repeats in other clothes: a shift by a pixel is far in pixels, so the support is over-estimated; features
              forgive more.  Blur brings all images nearer and looks like repeats.  Blind to memorisation: a generator
              that copies 60,000 training images has support 60,000.  Pairs of one image repeat together, so for a
              strongly collapsed generator (Birthday.3) is a bit too sure.  Rare images hardly count: half the mass on
              one image gives support below 4, whatever the other half is.
    Errors    ValueError if samples are not rows with N at least 2 and finite; unless exactly one of real and threshold
              is given; if all real images are equal; for a negative threshold or closest below 1.
    Source    Arora & Zhang 2018, "Do GANs actually learn the distribution? An empirical study", who search batches of
              growing size for one repeat; (Birthday.2) uses all pairs of one batch.
    """
    closest = positive_int("birthday_test", "closest", closest)
    if (real is None) == (threshold is None):
        raise ValueError("birthday_test: give either real images or a threshold, to say when images are the same")
    if real is not None:
        x, others = two_samples("birthday_test", samples, real, least=2, names=("samples", "real"))
        threshold = smallest_distance(others)
    else:
        x = rows("birthday_test", "samples", samples, least=2)
        threshold = number("birthday_test", "threshold", threshold, 0, math.inf, open_high=True)
    of_points, _ = within(x, x, np.full(len(x), threshold**2 * (1 + 1e-15)))  # the root was rounded
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
    """The largest mean for which a Poisson count as low as this one still has probability 5 %; within 1 %."""
    m = count + 1
    return m * (1 - 1 / (9 * m) + 1.645 / (3 * math.sqrt(m))) ** 3


def smallest_distance(x: np.ndarray) -> float:
    """The distance of the closest two rows of x (N, F) that are not equal; ValueError if all are."""
    different = np.unique(x, axis=0)
    if len(different) < 2:
        raise ValueError("birthday_test: all real images are equal, so they set no threshold; give one")
    return float(np.sqrt(closest_pairs(different, 1)[0][0]))
