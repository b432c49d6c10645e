r"""Two images of the same thing: what all metrics of pairs (output, truth) share.

Metrics of sets, such as the Frechet distance, ask whether outputs look real; these ask whether each output is the image
that it should be.  They give one number per image, because a mean hides on which images a method fails.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..checks import positive_int
from .inputs import images

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def two_images(who: str, a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return a and b, images (N, H, W, C) in [-1, 1] of the same shape, as float64; ValueError for others."""
    if np.shape(a) != np.shape(b):
        raise ValueError(f"{who} expects a and b of the same shape, got {np.shape(a)} and {np.shape(b)}")
    return images(who, "a", a), images(who, "b", b)


def luminance(x: np.ndarray) -> np.ndarray:
    r"""Luminance (N, H, W, 1) of images (N, H, W, 3) in [-1, 1]; images with another number of channels are unchanged.

    (Compared.1)   Y = 0.299 R + 0.587 G + 0.114 B          ITU-R BT.601, full range: white is 1 and black is -1
    """
    if x.shape[-1] != 3:
        return x
    r, g, b = LUMA
    return (r * x[..., 0] + g * x[..., 1] + b * x[..., 2])[..., None]


def without_border(who: str, x: np.ndarray, border: int) -> np.ndarray:
    """Cut `border` pixels off each side of images (N, H, W, C) or masks (N, H, W).

    ValueError if border is not an integer of at least 0, or nothing would be left.
    """
    border = positive_int(who, "border", border, least=0)
    height, width = x.shape[1:3]
    if 2 * border >= min(height, width):
        raise ValueError(f"{who}: a border of {border} pixels leaves nothing of images of {height} x {width} pixels")
    return x[:, border : height - border, border : width - border]


def hole(who: str, mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask for images of `shape` (N, H, W, C) as booleans (N, H, W), True in the hole.

    mask    (N, H, W), (N, H, W, 1) or, the same for all images, (H, W): booleans, or numbers -1 (known) and +1 (hole)

    ValueError for other shapes and values, such as 0 and 1, which may mean either, and for an image without a hole.
    """
    mask = np.asarray(mask)
    if mask.dtype.kind in "iuf":
        if not np.isin(mask, (-1, 1)).all():
            raise ValueError(f"{who} expects a mask of booleans, or of numbers -1 (known) and +1 (hole), got others")
        mask = mask > 0
    if mask.dtype.kind != "b":
        raise ValueError(f"{who} expects a mask of booleans, or of numbers -1 (known) and +1 (hole), got {mask.dtype}")
    given, (N, H, W) = mask.shape, shape[:3]
    if given not in ((H, W), (N, H, W), (N, H, W, 1)):
        raise ValueError(f"{who} expects a mask of shape ({N}, {H}, {W}) or ({H}, {W}), got {given}")
    mask = np.broadcast_to(mask[..., 0] if mask.ndim == 4 else mask, (N, H, W))
    without = np.flatnonzero(~mask.any(axis=(1, 2)))
    if len(without):
        raise ValueError(
            f"{who}: the mask is empty, nothing is marked as hole, in {len(without)} of {N} images, first {without[0]}"
        )
    return mask
