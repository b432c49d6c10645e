r"""Seam ratio: can one see where the hole was?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .compared import hole
from .inputs import images


def seam_ratio(image: ArrayLike, mask: ArrayLike) -> np.ndarray:
    r"""Steps across the border of the hole relative to the steps beside it, (N,), of images (N, H, W, C) in [-1, 1].

    A step is |I_p - I_q|, mean over the channels, of two pixels p and q next to each other in a row or column.  Where p
    is in the hole and q is not, p' is the pixel behind p, and q' the one behind q, on the same line: p' p | q q'.

    (Seam.1)   across = mean |I_p - I_q|  over all such p, q
    (Seam.2)   beside = mean of |I_p' - I_p| with p' in the hole, and of |I_q - I_q'| with q' not in it
    (Seam.3)   ratio  = across / beside;     0/0 = 1 (all is flat, there is no seam),  otherwise x/0 = infinity

    mask      True (or +1) in the hole: see `compared.hole`

    Range     0 to infinity.  Best is the value of the true images with the same mask, 1 on average if the hole lies
              anywhere; larger: a visible seam; smaller: the image is smoother at the border than beside it.
    Floor     the ratio of the truth.  Only steps beside the border are compared, so that a hole over the drawing and
              a margin without any do not matter.
    Ceiling   infinity: a flat hole in flat surroundings of another colour.
    Blind to  what is in the hole, two pixels from its border; a seam as strong as the edges of the image itself.
    Errors    ValueError unless image is (N, H, W, C) with finite pixels in [-1, 1], for a mask of another shape, and
              for one without a border: empty or full.
    Source    this package.
    """
    x = images("seam_ratio", "image", image)
    inside = hole("seam_ratio", mask, x.shape)
    across, beside = np.zeros((2, len(x))), np.zeros((2, len(x)))  # rows: sum of the steps, and how many they are
    for axis in (1, 2):
        lines, holes = np.moveaxis(x, axis, 1), np.moveaxis(inside, axis, 1)  # now all steps go along axis 1
        step = np.abs(np.diff(lines, axis=1)).mean(axis=3)  # between i and i + 1
        crosses = holes[:, 1:] != holes[:, :-1]
        _add(across, step, crosses)
        next_to = np.zeros_like(crosses)
        next_to[:, 1:] |= crosses[:, :-1]
        next_to[:, :-1] |= crosses[:, 1:]
        _add(beside, step, next_to & ~crosses)
    if not across[1].all():
        raise ValueError(f"seam_ratio: the hole has no border, it is the whole of image {across[1].argmin()}")
    mean = across[0] / across[1]
    other = beside[0] / np.maximum(beside[1], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((mean == 0) & (other == 0), 1.0, mean / other)


def _add(total, step, where):
    """Add the sum of the chosen steps of each image, and their number, to `total` (2, N)."""
    total += np.where(where, step, 0).sum(axis=(1, 2)), where.sum(axis=(1, 2))
