"""The commands that give images to a trained net: `scratchgan translate`, `enhance` and `inpaint`.

What is done with a picture depends on the run:

    a CycleGAN               translated into the domain --to; converted to the format of the run's data first: cropped to
                             its centre square and resized
    pairs, fully convolutional    the whole picture, in tiles of the size that the net was trained on (runs/tiles.py)
    pairs, a U-Net           cropped and resized as above: it sees a whole picture of its own size, and no other
    holes, or any GAN's run  filled where a mask says so: runs/inpaint.py

--fit chooses between the first and the second way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .apply import Job
from .keys import GIVEN
from .recipe import Recipe
from .tiles import count, in_tiles

if TYPE_CHECKING:
    from ..models.cycle import CycleGAN


def domain_names(recipe: Recipe) -> dict[str, str]:
    """{"a": name, "b": name} of the domains: those of their data, with the folders above them if both are the same."""
    paths = {which: Path(data.removesuffix(GIVEN)) for which, data in (("a", recipe.data), ("b", recipe.data_b))}
    for n in range(1, max(len(path.parts) for path in paths.values()) + 1):
        names = {which: "-".join(p.strip("/\\:") for p in path.parts[-n:]) for which, path in paths.items()}
        if names["a"].lower() != names["b"].lower():
            return names
    return {which: f"{which}-{path.name}" for which, path in paths.items()}


def domain(recipe: Recipe, to: str) -> str:
    """The domain "a" or "b" that a user means by its letter, the name of its data, or an unambiguous prefix of that.

    Raises ValueError for anything else.
    """
    names = domain_names(recipe)
    if to in names:
        return to
    fits = [which for which, name in names.items() if to and name.lower() == to.lower()]
    fits = fits or [which for which, name in names.items() if to and name.lower().startswith(to.lower())]
    if len(fits) != 1:
        raise ValueError(f'--to "{to}": expected one of the two domains: a ({names["a"]}) or b ({names["b"]})')
    return fits[0]


def cyclegan_job(gan: CycleGAN, recipe: Recipe, to: str, fit: str = "resize") -> Job:
    """Translate to the domain that `to` means.  Raises ValueError if it means none."""
    way = domain(recipe, to)
    named = domain_names(recipe)[way]
    side, _, channels = gan.data_shape

    def whole(images: list[np.ndarray], wheres: list[str], tick: Callable[[int], object]) -> list[list[np.ndarray]]:
        return [[in_tiles(lambda x: gan.translate(x, way), image, side, side // 2, done=tick) for image in images]]

    def resized(images: list[np.ndarray], wheres: list[str], tick: Callable[[int], object]) -> list[list[np.ndarray]]:
        y, back = gan.cycle(np.stack(images), way)
        tick(len(images))
        return [list(y), list(back)]

    return Job(
        command="translate",
        added=f"to-{named}",
        together="translated.png",
        channels=channels,
        ground=ground(recipe),
        hint="The second row should look like the other domain"
        + ("" if fit == "tiles" else ", the third like the first"),
        make=whole if fit == "tiles" else resized,
        rows=[f"to {named}", *([] if fit == "tiles" else ["and back"])],
        **_fitted(fit, side, side),
    )


def paired_job(gan: Any, recipe: Recipe, command: str, fit: str = "") -> Job:
    """Translate or enhance with a net that was trained on pairs.

    fit     "tiles" or "resize"; "": tiles if the net is fully convolutional, otherwise resize

    Raises ValueError for a run that fills holes.
    """
    if recipe.degrade == "holes":
        raise ValueError(f"{recipe.name}: fills holes; try scratchgan inpaint")
    (h, w, channels), scale = gan.input_shape, gan.data_shape[0] // gan.input_shape[0]
    fit = fit or ("tiles" if recipe.net == "residual" else "resize")
    added = {"translate": "translated", "enhance": "enhanced"}[command]

    def whole(images: list[np.ndarray], wheres: list[str], tick: Callable[[int], object]) -> list[list[np.ndarray]]:
        return [[in_tiles(gan.apply, image, (h, w), min(h, w) // 2, scale, done=tick) for image in images]]

    def resized(images: list[np.ndarray], wheres: list[str], tick: Callable[[int], object]) -> list[list[np.ndarray]]:
        y = gan.apply(np.stack(images))
        tick(len(images))
        return [list(y)]

    return Job(
        command=command,
        added=added,
        together=f"{added}.png",
        channels=channels,
        rows=[added],
        scale=scale,
        ground=ground(recipe),
        hint="The first row is what the net was given, the second what it made of it",
        make=whole if fit == "tiles" else resized,
        **_fitted(fit, h, w),
    )


def ground(recipe: Recipe) -> str:
    """What transparent pixels are shown over: as in the run's data."""
    return "black" if recipe.ground == "auto" else recipe.ground


def _fitted(fit: str, h: int, w: int) -> dict[str, Any]:
    """The fields of a Job that say how pictures of another size than h x w are fitted to a net."""
    if fit == "resize":
        return {"side": h}
    return {"unit": "tile", "amount": lambda height, width: count((height, width), (h, w), min(h, w) // 2)}
