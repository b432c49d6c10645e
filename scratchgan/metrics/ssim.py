r"""Structural similarity (SSIM): do two images have the same light, contrast and structure in every small window?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .compared import luminance as brightness
from .compared import two_images, without_border
from .ms_ssim import gaussian_window, scales, window_scores

_PAIRS = 64  # image pairs at a time


def ssim(a: ArrayLike, b: ArrayLike, *, border: int = 0, luminance: bool = True) -> np.ndarray:
    r"""Structural similarity (N,) of the images a_n and b_n, both (N, H, W, C) in [-1, 1].

    With l and cs of (Ssim.1, 2), for pixels mapped to [0, 1] and a Gaussian window of 11 x 11 pixels and sigma 1.5:

    (Ssim.5)   SSIM_n = mean of l cs over the windows that lie inside the image, and over the channels

    border      pixels cut off each side first; for super-resolution as many as the factor
    luminance   whether images with 3 channels are compared by their luminance (Compared.1)

    Range     -1 to 1; 1 for equal images only; symmetric.  Below 11 pixels a side the window shrinks: see
              `ms_ssim.scales`; such values are not comparable with others.
    Floor     1: the truth itself.
    Ceiling   about 0: noise, whose structure has nothing to do with the truth; -1 only for inverted structure.
    Blind to  shifts of light in bright images, since only the ratio of the means counts, and to what the details mean: a
              slight blur costs more than a wrong detail of little contrast.  With luminance=True, hue.
    Errors    ValueError unless a and b are images of the same shape with finite pixels in [-1, 1], and for a border
              that leaves nothing.
    Source    Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility to structural
              similarity".
    """
    a, b = two_images("ssim", a, b)
    if luminance:
        a, b = brightness(a), brightness(b)
    a, b = without_border("ssim", a, border), without_border("ssim", b, border)
    _, size, sigma = scales(a.shape[1], a.shape[2])
    window, out = gaussian_window(size, sigma), np.empty(len(a))
    for start in range(0, len(a), _PAIRS):
        part = slice(start, start + _PAIRS)
        scores = window_scores((a[part] + 1) / 2, (b[part] + 1) / 2, window, light=True)
        out[part] = scores.mean(axis=(1, 2, 3))
    return out
