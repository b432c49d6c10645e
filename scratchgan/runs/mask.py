"""Which part of a picture is missing: `scratchgan inpaint --mask FILE|BOX`.

A mask is a picture of the same size, white (128 to 255) where the hole is and black (0 to 127) where pixels are known;
or a box, "left,top,width,height", each in pixels or, with %, in per cent of the picture's width or height.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..data.folder import refusal
from ..data.limits import DataError
from ..data.listing import one_file
from ..data.picture import KINDS, BadPicture, read_pixels

WHITE = 128  # of 255: a mask's pixel is part of the hole from here on
COLOUR = 8  # of 255: how far a grey pixel's channels may differ, as those of a JPEG do
FORMS = 'a mask\'s file, or a box "left,top,width,height" in pixels or per cent, such as 25%,25%,50%,50%'
_NUMBER = r"\s*([0-9]{1,7}(?:\.[0-9]{1,6})?)(%?)\s*"
_BOX = re.compile(",".join([_NUMBER] * 4))

#: (height, width, what the picture is called) -> (height, width) bool, True in the hole
Mask: TypeAlias = Callable[[int, int, str], np.ndarray]


def read_mask(text: str) -> Mask:
    """The function that gives the hole in a picture of a certain size, from what follows --mask.

    Raises ValueError (one line) here, for what is neither a file nor a box, or a file that is no grey picture; and when
    it is called, for a mask of another size, a box that leaves the picture, and a hole of nothing or of everything.
    """
    if found := _BOX.fullmatch(text):
        return _box(text, found.groups())
    path = Path(text)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise ValueError(f'--mask "{text}": {what}; expected {FORMS}')
    return _picture(text, path)


def _box(text: str, parts: tuple[str, ...]) -> Mask:
    def mask(height: int, width: int, where: str) -> np.ndarray:
        sides = (width, height, width, height)
        left, top, across, down = (
            float(number) * side / 100 if percent else float(number)
            for number, percent, side in zip(parts[::2], parts[1::2], sides, strict=True)
        )
        x0, y0, x1, y1 = (math.floor(v + 0.5) for v in (left, top, left + across, top + down))
        if not (x0 < x1 <= width and y0 < y1 <= height):
            raise ValueError(
                f'--mask "{text}": in {where} ({width} x {height} pixels) this is columns {x0} to {x1} and rows {y0} to '
                f"{y1}; expected a box inside the picture"
            )
        hole = np.zeros((height, width), bool)
        hole[y0:y1, x0:x1] = True
        return _checked(hole, text, where)

    return mask


def _picture(text: str, path: Path) -> Mask:
    item = one_file(path)
    try:
        pixels = read_pixels(item.read(), item.where, image_size=None, channels=3).pixels.astype(np.int16)
    except BadPicture as error:
        raise ValueError(f'--mask "{text}": {error}; expected a picture ({KINDS}), or {FORMS}') from None
    except DataError as error:
        raise refusal("mask", [(item, error)], 1) from None
    if (pixels.max(axis=2) - pixels.min(axis=2)).max() > COLOUR:
        raise ValueError(f'--mask "{text}": has colours; expected black where pixels are known, and white in the hole')
    hole = pixels.mean(axis=2) >= WHITE

    def mask(height: int, width: int, where: str) -> np.ndarray:
        if hole.shape != (height, width):
            raise ValueError(
                f'--mask "{text}": has {hole.shape[1]} x {hole.shape[0]} pixels, {where} has {width} x {height}; '
                "expected a mask of the picture's size"
            )
        return _checked(hole, text, where)

    return mask


def _checked(hole: np.ndarray, text: str, where: str) -> np.ndarray:
    if not hole.any() or hole.all():
        what = "nothing is missing" if not hole.any() else "everything is missing"
        raise ValueError(f'--mask "{text}": {what} in {where}; expected a hole with known pixels around it')
    return hole
