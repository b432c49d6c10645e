r"""Overlap of colour histograms: does an output use the colours of the true image, as much of each?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from .compared import two_images

MOST_BINS = 64


def histogram_overlap(a: ArrayLike, b: ArrayLike, bins: int = 8) -> np.ndarray:
    r"""Overlap (N,) of the colour histograms of the images a_n and b_n, both (N, H, W, C) in [-1, 1].

    The cube of colours is divided into bins^C cells, `bins` equal intervals per channel; h[k] is the share of an
    image's pixels with a colour in cell k.

    (HistogramOverlap.1)   i(v) = min(floor((v + 1) / 2 * bins), bins - 1)         the interval of the value v
    (HistogramOverlap.2)   overlap_n = sum_k min(h_a[k], h_b[k])

    Range     0 (no colour in common) to 1 (equal histograms); larger is better; symmetric.
    Floor     1: the truth itself.
    Ceiling   0; uniform noise against emoji on white: 0.04.  Images with a common background have
              at least that in common: see what the rivals get.
    Blind to  where the colours are: pixels in another order change nothing.  Differences within a cell; and colours
              on both sides of a cell's edge count as different, however near they are.
    Errors    ValueError unless a and b are images of the same shape with finite pixels in [-1, 1], and for bins that is
              not an integer from 1 to 64.
    Source    Swain & Ballard 1991, "Color indexing".
    """
    bins = positive_int("histogram_overlap", "bins", bins)
    if bins > MOST_BINS:
        raise ValueError(f"histogram_overlap: bins must be at most {MOST_BINS}, got {bins}")
    a, b = two_images("histogram_overlap", a, b)
    N, C = len(a), a.shape[-1]
    if C > 3:
        raise ValueError(f"histogram_overlap expects images with at most 3 channels, got {C}")
    overlap = np.empty(N)
    for n in range(N):
        counts = [np.bincount(_cells(x[n], bins), minlength=bins**C) for x in (a, b)]
        overlap[n] = np.minimum(*counts).sum() / counts[0].sum()
    return overlap


def _cells(image, bins):
    """The number of each pixel's cell, (H W,)."""
    i = np.minimum(((image + 1) / 2 * bins).astype(np.int64), bins - 1)  # (HistogramOverlap.1)
    i = np.maximum(i, 0)  # pixels may be below -1 by the rounding that `inputs.images` tolerates
    cell = np.zeros(i.shape[:2], np.int64)
    for channel in range(i.shape[-1]):
        cell = cell * bins + i[..., channel]
    return cell.ravel()
