"""`scratchgan inpaint`: fill holes in pictures, with a net that was trained to do it, or with any GAN's latent space.

A net that fills holes gets a square window around the hole: of its own size if the hole is small, otherwise as much
larger as it takes for the hole to have the share that holes had in training; the window is then shrunk for the net, and
what it paints is enlarged.  Only the pixels of the hole are replaced: all others stay as they were, bit for bit.

A GAN of whole images gets the whole picture: cropped to its centre square and resized to the GAN's size, which is also
the size of the result (models/completion.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import positive_int
from ..data.dataset import centre_box, resize_images
from ..models.completion import complete
from . import build
from .apply import Job
from .facts import read_facts
from .mask import Mask
from .recipe import Recipe
from .run_data import read_meta
from .sampling import class_number
from .tiles import reflected
from .translate import ground

if TYPE_CHECKING:
    from ..gan import GAN

Images = list[np.ndarray]
Tick = Callable[[int], object]


def filling_job(gan: Any, recipe: Recipe, mask: Mask) -> Job:
    """Fill the holes that `mask` says with a net that was trained to do it.  Raises ValueError for another net."""
    if recipe.degrade != "holes":
        raise ValueError(
            f"{recipe.name}: was not trained to fill holes; try scratchgan translate or scratchgan enhance"
        )
    share = recipe.degrade_by if recipe.hole == "square" and recipe.degrade_by else 0.5

    def make(images: Images, wheres: list[str], tick: Tick) -> list[Images]:
        filled, pierced = [], []
        for x, where in zip(images, wheres, strict=True):
            hole = mask(x.shape[0], x.shape[1], where)
            filled.append(fill(gan.apply, x, hole, gan.data_shape[0], share))
            pierced.append(blanked(x, hole))
            tick(1)
        return [filled, pierced]

    return _job(gan.data_shape[2], make, recipe, mask)


def search_job(
    run: str | Path,
    gan: GAN,
    recipe: Recipe,
    mask: Mask,
    *,
    label: str | None = None,
    seed: int = 1,
    steps: int = 300,
    starts: int = 8,
    weight: float = 0.1,
) -> Job:
    """Fill the holes that `mask` says by a search in the latent space of a GAN: see `completion.complete`.

    label    a class by its name or number, for a conditional GAN

    Raises ValueError for a GAN of points, for a label that is missing, unknown or has no effect, and for other numbers
    out of range.
    """
    if len(gan.data_shape) != 3:
        raise ValueError(f"{run}: makes points; expected a GAN that makes images")
    number = None
    if gan.conditional:
        facts = read_facts(read_meta(run))
        names = build.class_names(recipe, facts.classes if facts is not None else ())
        if label is None:
            raise ValueError(
                f"{run}: is a conditional GAN; say which class to search for (--label, 0 to {gan.classes - 1})"
            )
        number, _ = class_number(label, gan.classes, names)
    elif label is not None:
        raise ValueError(f"argument --label: {run} is not a conditional GAN, so its samples have no labels")
    for name, value, least in (("seed", seed, 0), ("steps", steps, 1), ("starts", starts, 1)):
        positive_int("inpaint", name, value, least=least)
    if not (math.isfinite(weight) and weight >= 0):
        raise ValueError(f"argument --weight: expected a number of at least 0, got {weight}")
    side = gan.data_shape[0]

    def squared(height: int, width: int, where: str) -> np.ndarray:
        hole = shrunk(square(mask(height, width, where)), side)
        if not hole.any() or hole.all():
            what = "misses" if not hole.any() else "covers"
            raise ValueError(f"{where}: the hole {what} the centre square, which is all that {run} can fill")
        return hole

    def make(images: Images, wheres: list[str], tick: Tick) -> list[Images]:
        filled, pierced, made = [], [], []
        for x, where in zip(images, wheres, strict=True):
            whole = mask(x.shape[0], x.shape[1], where)
            hole = squared(x.shape[0], x.shape[1], where)
            known = resize_images(blanked(x, whole)[None], side)[0]
            found = complete(
                gan, known, hole, label=number, weight=weight, steps=steps, starts=starts, seed=seed, done=tick
            )
            filled.append(found.image)
            pierced.append(blanked(known, hole))
            made.append(found.made)
        return [filled, pierced, made]

    return _job(gan.data_shape[2], make, recipe, squared, steps=steps)


def _job(channels: int, make: Any, recipe: Recipe, check: Any, steps: int = 0) -> Job:
    return Job(
        command="inpaint",
        added="filled",
        together="filled.png",
        channels=channels,
        make=make,
        rows=["filled", "with the hole", *(["found by the search"] if steps else [])],
        ground=ground(recipe),
        hint="Only the hole is replaced; its border should not be seen in the second row",
        check=check,
        amount=lambda height, width: max(1, steps),
        unit="step" if steps else "image",
    )


# -- a net that fills holes -------------------------------------------------------------------------------------------


def fill(
    apply: Callable[[np.ndarray], np.ndarray], x: np.ndarray, hole: np.ndarray, side: int, share: float
) -> np.ndarray:
    """The image x (H, W, C) with its hole (H, W) filled by a net for images of `side` pixels, in the window around it.

    apply    maps (1, side, side, C + 1) to (1, side, side, C): images with blank holes, and the mask, -1 and 1
    share    of the window's side that the hole should have at most
    """
    rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    length = max(side, min(math.ceil(longest / share), max(hole.shape)))
    H, W = hole.shape
    blank = blanked(x, hole)
    both = reflected(np.dstack([blank, hole]), max(0, length - H), max(0, length - W))
    top, left = (
        int(np.clip((at[0] + at[-1] + 1 - length) // 2, 0, size - length))
        for at, size in zip((rows, columns), both.shape, strict=False)
    )
    window = both[top : top + length, left : left + length]
    missing = shrunk(window[..., -1] > 0, side)
    image = blanked(resize_images(window[None, ..., :-1], side)[0], missing)
    mask = np.where(missing, 1, -1).astype(np.float32)[..., None]
    made = resize_images(apply(np.concatenate([image, mask], axis=-1)[None]), length)[0]
    result, inside = x.copy(), hole[top : top + length, left : left + length]
    part = result[top : top + length, left : left + length]
    part[inside] = made[: inside.shape[0], : inside.shape[1]][inside]
    return result


def blanked(x: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The image (H, W, C) with the mean colour of its known pixels in the hole (H, W); x itself if all is a hole."""
    if hole.all():
        return x
    return np.where(hole[..., None], x[~hole].mean(axis=0, dtype=np.float64).astype(x.dtype), x)


def square(hole: np.ndarray) -> np.ndarray:
    """The centre square of a mask (H, W), as of the picture that it belongs to."""
    left, top, right, bottom = centre_box(hole.shape[1], hole.shape[0])
    return hole[top:bottom, left:right]


def shrunk(hole: np.ndarray, side: int) -> np.ndarray:
    """A square mask with `side` pixels a side: a pixel is missing if any part of it is."""
    from PIL import Image

    if hole.shape == (side, side):
        return hole
    share = Image.fromarray(hole.astype(np.float32)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(share) > 1e-4
