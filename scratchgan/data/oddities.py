"""Data that can be used but look wrong: nearly black, all alike, masks of 0 and 1, 12 bits in 16.

Such data train without an error, and the result is worthless; so each gets one line that says what was seen and what to
do.  The limits are generous: digits on black, stars on a night sky and drawings on white are not reported.
"""

from __future__ import annotations

import numpy as np

LOOKED_AT = 1000  # images, evenly spread over the data
DARK = 48  # of 255: nothing in such an image is brighter
FLAT = 8  # of 255: the contrast of an image that is one plain colour


def oddities(x: np.ndarray, where: object, *, top: int | None = None, given: bool = False) -> list[str]:
    """What looks wrong in images x (N, H, W, C) in [-1, 1], one line each; [] for points.

    top    the largest value, if all images were stored in 16 bits
    given  they were given in Python as they are, so that their range may be a mistake
    """
    if x.ndim != 4 or not len(x):
        return []
    some = x[np.linspace(0, len(x) - 1, min(len(x), LOOKED_AT)).round().astype(int)].reshape(-1, x[0].size)
    least, most = ((some.min(axis=1) + 1) * 127.5, (some.max(axis=1) + 1) * 127.5)
    if len(x) > 1 and _all_equal(x):
        return [f"{where}: all {len(x):,} images are equal: there is nothing to learn but one picture"]
    brightest = float(np.median(most))
    if top is not None and 0 < top < 2**15:
        bits = max(top.bit_length(), 1)
        return [
            f"{where}: the largest value of all images, stored in 16 bits, is {top:,}: they look nearly black; if they "
            f"have {bits} bits, multiply them by {2 ** (16 - bits):,} and save them again"
        ]
    if most.max() < 1.5:  # 0 and 1 of 255
        return [
            f"{where}: all pixels are 0 or 1 of 255, which is black: for a mask of 0 and 1, multiply it by 255 and save "
            "it again"
        ]
    if brightest < DARK:
        return [
            f"{where}: the images look nearly black: in half of them no pixel is brighter than {brightest:.0f} of 255; "
            "if white is a smaller number in them, scale them to 0..255"
        ]
    if (darkest := float(np.median(least))) > 255 - DARK:
        return [f"{where}: the images look nearly white: in half of them no pixel is darker than {darkest:.0f} of 255"]
    if (plain := int((most - least < FLAT).sum())) * 2 > len(some):
        return [f"{where}: {plain:,} of {len(some):,} images are one plain colour each"]
    if given and float(least.min()) >= 127:
        return [
            f"{where}: no pixel is darker than mid-grey: pixels must lie in [-1, 1]; if these are in [0, 1], use 2 * x - 1"
        ]
    return []


def _all_equal(x: np.ndarray) -> bool:
    return all(np.array_equal(image, x[0]) for image in x[1:])
