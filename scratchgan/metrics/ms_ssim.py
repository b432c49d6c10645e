r"""Multi-scale structural similarity (MS-SSIM) of image pairs, and the diversity of a set of images based on it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int, require_rng
from .inputs import column
from .inputs import images as checked

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, finest scale first
WINDOW, SIGMA = 11, 1.5  # pixels
C1, C2 = 0.01**2, 0.03**2  # for pixels in [0, 1]
_PAIRS = 256  # image pairs at a time


def ms_ssim(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    r"""Multi-scale structural similarity (N,) of the images a_n and b_n, both (N, H, W, C) in [-1, 1].

    Pixels are first mapped to [0, 1], because SSIM is defined for intensities, where 0 is black.  Means, variances and
    the covariance are computed per channel with an 11 x 11 Gaussian window of sigma 1.5, at every position where the
    window lies inside the image:

    (Ssim.1)   l  = (2 m_a m_b + C1) / (m_a^2 + m_b^2 + C1),        C1 = 0.01^2      luminance
    (Ssim.2)   cs = (2 s_ab + C2) / (s_a^2 + s_b^2 + C2),           C2 = 0.03^2      contrast and structure
    (Ssim.3)   MS-SSIM = mean(l cs)_S^{w_S}  prod_{j < S} mean(cs)_j^{w_j}

    Scale j + 1 is scale j averaged over 2 x 2 pixels (an odd last row or column is dropped).  The mean is over
    positions and channels; a negative mean counts as 0.  With S = 1 this is plain SSIM; `ssim` has it for
    every size of image.

    Scales    the five scales and weights w of Wang et al. need 176 pixels.  Smaller images use only the scales whose
              side is at least 11, with the weights normalised to sum to 1: two scales for 28 pixels, three for 64.
              Below 11 pixels there is one scale, with the largest odd window that fits and a sigma reduced in
              proportion.  See `scales`.  Values for different image sizes are not comparable.

    Range     0 to 1; 1 for equal images; symmetric.
    Errors    ValueError unless a and b are images of the same shape with pixels in [-1, 1].
    Source    Wang, Simoncelli & Bovik 2003, "Multiscale structural similarity for image quality assessment".
    """
    if np.shape(a) != np.shape(b):
        raise ValueError(f"ms_ssim expects a and b of the same shape, got {np.shape(a)} and {np.shape(b)}")
    a, b = checked("ms_ssim", "a", a), checked("ms_ssim", "b", b)
    weights, size, sigma = scales(a.shape[1], a.shape[2])
    window = gaussian_window(size, sigma)
    out = np.empty(len(a))
    for start in range(0, len(a), _PAIRS):
        part = slice(start, start + _PAIRS)
        out[part] = _similarity((a[part] + 1) / 2, (b[part] + 1) / 2, weights, window)
    return out


def diversity(
    images: ArrayLike, *, rng: np.random.Generator, pairs: int = 500, labels: ArrayLike | None = None
) -> float:
    r"""Mean MS-SSIM of random pairs of different images in a set (N, H, W, C) in [-1, 1].

    (Ssim.4)   mean of ms_ssim(x_i, x_j) over `pairs` random pairs i != j;   with labels (N,) only within a class

    Range     0 to 1.  *Smaller* means more diverse; 1 means that all images are equal.
    Floor     the score of the real images: 0.19 on 8x8 digits, 0.49 for pairs within a class, with a standard deviation
              of 0.006 between draws of 500 pairs.
    Ceiling   1 for total collapse.
    Blind to  quality: uniform noise has 0.10 and looks more diverse than the digits, so a value *below* that of the
              real images is not better.  It is only meaningful when compared with the real images.  Collapse to a few
              images goes unnoticed as long as most pairs differ: of ten repeated images, 90 % of the pairs are
              different.  Memorised samples score like real ones.  Any set that has all classes has a low value over all
              classes, so Odena et al. compare within a class.
    Errors    ValueError unless there are at least 2 images (N, H, W, C) in [-1, 1] (with labels: 2 of the same class),
              for pairs below 1, and for labels that are not (N,).  TypeError if rng is not a Generator.
    Source    Odena, Olah & Shlens 2017 (AC-GAN).
    """
    x, pairs = np.asarray(images), positive_int("diversity", "pairs", pairs)
    require_rng("diversity", rng)
    if x.ndim != 4 or len(x) < 2:
        raise ValueError(f"diversity expects at least 2 images (N, H, W, C), got shape {x.shape}")
    if labels is None:
        i = rng.integers(len(x), size=pairs)
        j = (i + rng.integers(1, len(x), size=pairs)) % len(x)  # uniform over all other images
        return float(ms_ssim(x[i], x[j]).mean())
    labels = column("diversity", "labels", labels)
    if len(labels) != len(x):
        raise ValueError(f"diversity expects labels ({len(x)},), got {len(labels)}")
    order = np.argsort(labels, kind="stable")
    _, first, count = np.unique(labels[order], return_index=True, return_counts=True)
    first, count = np.repeat(first, count), np.repeat(count, count)  # of the class at each position in `order`
    able = np.flatnonzero(count > 1)
    if not len(able):
        raise ValueError("diversity expects a class with at least 2 images, got 1 image per class")
    place = able[rng.integers(len(able), size=pairs)]
    other = first[place] + (place - first[place] + rng.integers(1, count[place])) % count[place]
    return float(ms_ssim(x[order[place]], x[order[other]]).mean())


def scales(height: int, width: int) -> tuple[np.ndarray, int, float]:
    """(weights of the scales, finest first; window size; sigma) that `ms_ssim` uses for this image size."""
    side = min(height, width)
    count = max(1, min(len(WEIGHTS), int(math.log2(side / WINDOW)) + 1)) if side >= WINDOW else 1
    size = min(WINDOW, side - 1 + side % 2)
    weights = np.array(WEIGHTS[:count])
    return weights / weights.sum(), size, SIGMA * size / WINDOW


def gaussian_window(size: int, sigma: float) -> np.ndarray:
    """A Gaussian (size,) around the middle, with sum 1; the two-dimensional window is its outer product with itself."""
    g = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * sigma**2))
    return g / g.sum()


def window_scores(a: np.ndarray, b: np.ndarray, window: np.ndarray, *, light: bool) -> np.ndarray:
    """cs (Ssim.2), or with `light` l cs (Ssim.1, 2), of a and b (N, H, W, C) in [0, 1], wherever the window fits."""
    m_a, m_b = _blur(a, window), _blur(b, window)
    # E[x^2] - E[x]^2 is accurate enough here: pixels lie in [0, 1], and C2 is 9e-4
    s_a, s_b, s_ab = _blur(a * a, window) - m_a**2, _blur(b * b, window) - m_b**2, _blur(a * b, window) - m_a * m_b
    value = (2 * s_ab + C2) / (s_a + s_b + C2)  # (Ssim.2)
    if light:
        value = value * (2 * m_a * m_b + C1) / (m_a**2 + m_b**2 + C1)  # (Ssim.1)
    return value


def _similarity(a, b, weights, window):
    """(Ssim.3) for a, b in [0, 1]."""
    result = np.ones(len(a))
    for scale, weight in enumerate(weights):
        value = window_scores(a, b, window, light=scale == len(weights) - 1)
        result *= np.maximum(value.mean(axis=(1, 2, 3)), 0) ** weight
        a, b = _halve(a), _halve(b)
    return result


def _blur(x, window):
    """Weighted mean of x (N, H, W, C) under the window wherever it fits: along the columns, then along the rows."""
    for axis in (1, 2):
        length = x.shape[axis] - len(window) + 1
        x = sum(w * x[(slice(None),) * axis + (slice(t, t + length),)] for t, w in enumerate(window))
    return x


def _halve(x):
    """Mean over 2 x 2 pixels."""
    x = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
