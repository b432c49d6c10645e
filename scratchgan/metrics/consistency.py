r"""Consistency: does an enlarged image, made small again, give the image that it was made from?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from ..data.degrade import bicubic_matrix, separable
from .inputs import images
from .psnr import psnr


def consistency(
    output: ArrayLike, x: ArrayLike, factor: int, *, down: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    r"""PSNR (N,) in decibels of the outputs (N, H, W, C), made small, against the inputs x (N, H/factor, W/factor, C).

    (Consistency.1)   consistency_n = PSNR(down(output_n), x_n)          over all channels, no border: see (Psnr.2)

    down      what made x from the true image; None: bicubic reduction by the factor, with a wider kernel against
              aliasing, clipped to [-1, 1]: the degradation "bicubic" (Degrade.1)

    An output may invent details, but none that contradict the input.  This needs no true image.

    Range     at least 0; larger is better; infinity if the input is reproduced exactly.
    Floor     infinity: the truth itself, if x was made from it by `down`, and not rounded to 8 bits (then about 59 dB).
    Ceiling   that of noise, 10 dB or so.  Photographs enlarged four times, bicubic: 34 to 38 dB.
    Blind to  everything that `down` removes: realism, sharpness and details.
    Errors    ValueError unless output and x are images with finite pixels in [-1, 1] whose sides have the ratio
              `factor`, an integer of at least 1.
    """
    who, factor = "consistency", positive_int("consistency", "factor", factor)
    output, x = images(who, "output", output), images(who, "x", x)
    N, h, w, C = x.shape
    if output.shape != (N, h * factor, w * factor, C):
        raise ValueError(
            f"{who} expects outputs {(N, h * factor, w * factor, C)} for inputs {x.shape} and factor {factor}, "
            f"got {output.shape}"
        )
    if down is None:
        small = np.clip(separable(output, bicubic_matrix(h * factor, h), bicubic_matrix(w * factor, w)), -1, 1)
    else:
        small = down(output)
    return psnr(small, x, luminance=False)
