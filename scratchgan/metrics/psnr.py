r"""Peak signal-to-noise ratio: how far are the pixels of an output from those of the true image?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .compared import hole, two_images, without_border
from .compared import luminance as brightness

RANGE = 2.0  # pixels lie in [-1, 1]


def psnr(
    a: ArrayLike, b: ArrayLike, *, border: int = 0, mask: ArrayLike | None = None, luminance: bool = True
) -> np.ndarray:
    r"""Peak signal-to-noise ratio (N,) in decibels of the images a_n and b_n, both (N, H, W, C) in [-1, 1].

    (Psnr.1)   MSE_n  = mean of (a_n - b_n)^2 over the pixels that count, and over the channels
    (Psnr.2)   PSNR_n = 10 log10(R^2 / MSE_n),     R = 2, the range of the pixels

    border      pixels at each side that do not count.  For super-resolution the field cuts as many as the factor,
                because there the net has seen less than elsewhere
    mask        True (or +1) for pixels that count, such as a hole: see `compared.hole`; None: all.  Pixels of the
                border do not count either way
    luminance   whether images with 3 channels are compared by their luminance (Compared.1), as is usual for
                super-resolution; False: by all channels, which tasks about colour need

    Range     -infinity < PSNR <= infinity; at least 0 in [-1, 1]; larger is better; symmetric.  Equal images have
              MSE 0 and get infinity, so a mean over images is infinite if one of them is reproduced exactly.
    Floor     infinity: the truth itself.
    Ceiling   what the task's simplest method gives, such as bicubic enlargement.  Uniform noise against an image of
              mid grey has MSE 1/3: 10.8 dB; two uniform noises have 2/3: 7.8 dB.
    Blind to  what an error looks like: it prefers the blurred mean of all answers to any sharp one, because the mean
              minimises the squared error.  With luminance=True, colours of equal luminance.
    Compare   published values on "Y" usually use MATLAB's Y, which has 219 levels of 255 for the same R = 255: they are
              20 log10(255 / 219) = 1.32 dB higher than these.  Values of other borders or channels differ, too.
    Errors    ValueError unless a and b are images of the same shape with finite pixels in [-1, 1], for a border that
              leaves nothing, and for a mask that is empty (after the border is cut) or of another shape.
    """
    a, b = two_images("psnr", a, b)
    counts = None if mask is None else hole("psnr", mask, a.shape)
    if luminance:
        a, b = brightness(a), brightness(b)
    square = without_border("psnr", (a - b) ** 2, border).mean(axis=3)
    if counts is None:
        mse = square.mean(axis=(1, 2))
    else:
        counts = without_border("psnr", counts, border)
        pixels = counts.sum(axis=(1, 2))
        if not pixels.all():
            raise ValueError(
                f"psnr: the mask is empty within a border of {border} pixels, first in image {pixels.argmin()}"
            )
        mse = np.where(counts, square, 0).sum(axis=(1, 2)) / pixels
    with np.errstate(divide="ignore"):
        return 10 * np.log10(RANGE**2 / mse)
