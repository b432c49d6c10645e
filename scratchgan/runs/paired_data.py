"""A recipe's pairs of images: where they come from, the shape of what the net is given, and their picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Data, Dataset
from ..data.limits import DataError
from ..data.paired import Degradation, Paired, PairedStream, pairs_from_folders, pairs_side_by_side
from ..models import MODELS, method_of
from ..plots.rows import MOST_COLUMNS, save_rows
from .keys import as_text
from .recipe import Recipe

__all__ = ["Paired", "PairedStream", "degradation", "draw_pairs", "of_input", "read_pairs", "visible"]


def read_pairs(recipe: Recipe, read: Callable[[Recipe], tuple[Recipe, Data]]) -> tuple[Recipe, Paired]:
    """The pairs that a recipe means, and the recipe with absolute paths.

    read     reads recipe.data as one data set, and returns the recipe with its absolute path

    Raises ValueError (one line) if the recipe names no pairs or several kinds of them, and for data that are no images,
    or no pairs.
    """
    ways = [key for key in ("data_b", "side_by_side", "degrade") if getattr(recipe, key) not in ("", "none")]
    if not ways:
        raise ValueError(
            f'model "{recipe.model}" learns from pairs: set data_b (what it should make of data), side_by_side = "left" '
            'or "right" (both in one picture), or degrade (data are spoilt)'
        )
    if len(ways) > 1:
        said = " and ".join(f"{key} = {as_text(getattr(recipe, key))}" for key in ways)
        raise ValueError(f"{said}: these are {len(ways)} ways to make pairs; expected one of them")
    size = {"image_size": recipe.image_size or None, "channels": recipe.channels or None, "ground": recipe.ground}
    place = Path(recipe.data).expanduser()
    try:
        if recipe.side_by_side != "none":
            if not _is_place(recipe.data):
                raise ValueError(f'side_by_side: expected a folder of pictures, got data = "{recipe.data}"')
            return _absolute(recipe, "data"), pairs_side_by_side(place, given=recipe.side_by_side, **size)
        if recipe.degrade != "none":
            recipe, y = read(recipe)
            return recipe, degraded(recipe, _images("data", recipe.data, y))
        other = Path(recipe.data_b).expanduser()
        if place.is_dir() and other.is_dir() and _is_place(recipe.data) and _is_place(recipe.data_b):
            recipe = _absolute(_absolute(recipe, "data"), "data_b")
            return recipe, pairs_from_folders(place, other, **size)
        recipe, x = read(recipe)
        second, y = read(replace(recipe, data=recipe.data_b))
        recipe = replace(recipe, data_b=second.data)
        return recipe, matched(_images("data", recipe.data, x), _images("data_b", recipe.data_b, y))
    except DataError as error:
        raise ValueError(str(error)) from None


def degradation(recipe: Recipe) -> Degradation:
    """How the recipe spoils images.  Raises ValueError for an amount that makes no sense."""
    return Degradation(recipe.degrade, recipe.degrade_by, recipe.hole)


def degraded(recipe: Recipe, y: Dataset) -> Paired:
    """Images with what the recipe's degradation makes of them; their test part, if there is one, likewise."""
    spoil, test = degradation(recipe), y.test
    later = None if test is None else (lambda: Paired(y=test(), degrade=spoil, name=y.name))
    return Paired(y=y, degrade=spoil, name=y.name, source=y.source, notes=y.notes, test_size=y.test_size, test=later)


def matched(x: Dataset, y: Dataset) -> Paired:
    """Two data sets of equally many images, matched by their order; their test parts likewise, if both have one."""
    if len(x) != len(y):
        raise ValueError(
            f"{x.name} has {len(x):,} images and {y.name} {len(y):,}: pairs are matched by their order; expected equally "
            "many"
        )
    name, later, n = f"{x.name} and {y.name}", None, 0
    of_x, of_y = x.test, y.test
    if of_x is not None and of_y is not None and x.test_size == y.test_size:
        n, later = y.test_size, lambda: matched(of_x(), of_y())
    notes, source = tuple(dict.fromkeys((*x.notes, *y.notes))), "; ".join(dict.fromkeys((x.source, y.source)))
    return Paired(y=y, x=x, name=name, source=source, notes=notes, test_size=n, test=later)


def of_input(recipe: Recipe, shape: Sequence[int], given: Sequence[int] | None) -> dict[str, Any]:
    """The options of the builder that depend on what the net is given: its channels and the scale, and if it is holes.

    shape, given     of y and of x; given = None: what the recipe's keys imply

    Raises ValueError if x does not fit y, or if D should see holes where there are none.
    """
    holes = recipe.degrade == "holes"
    if recipe.d_sees == "hole" and not holes and given is not None:
        raise ValueError('d_sees = "hole" needs images with holes: set degrade = "holes"')
    H, _, C = shape
    if given is None:
        scale = int(method_of(MODELS[recipe.model]).get("scale", 1))
        if recipe.degrade != "none":
            scale = int(recipe.degrade_by or 4) if recipe.degrade == "bicubic" else 1
        channels = 1 if recipe.degrade == "grey" else C + (holes or recipe.d_sees == "hole")
    else:
        h, w, channels = given
        if H % h or H // h not in (1, 2, 4) or w != h:
            raise ValueError(
                f'the net for "{recipe.data}" would be given images of {h} x {w} and make some of {H} x {H}: expected '
                "squares, equally large or 2 or 4 times smaller"
            )
        scale = H // h
    return {"input_channels": channels, "scale": scale, "composite": holes or recipe.d_sees == "hole"}


def draw_pairs(path: Path, gan: Any, data: Paired, *, n: int, seed: int, title: str) -> None:
    """Write a picture of n / 3 pairs: what the net is given, what it makes of that, and the truth."""
    rng = np.random.default_rng(seed)
    index = rng.permutation(len(data.y))[: max(1, min(n // 3, MOST_COLUMNS))]
    x = data.inputs(rng, index)
    rows = [("given", visible(x)), ("output", gan.apply(x)), ("truth", data.y.x[index])]
    save_rows(
        path, [(name, list(images)) for name, images in rows], title=title, hint="The second row should be the third"
    )


def visible(x: np.ndarray) -> np.ndarray:
    """What a net is given, as pictures with 1 or 3 channels: without the mask of the holes, which is a further one."""
    return x if x.shape[-1] in (1, 3) else x[..., :-1]


def _images(key: str, place: str, data: Data) -> Dataset:
    if data.kind != "examples" or len(data.example_shape) != 3:
        raise ValueError(f'{key} = "{place}": nets for pairs turn images into images, but these are points')
    return data


def _is_place(place: str) -> bool:
    from ..data import names

    return place not in names() and Path(place).expanduser().exists()


def _absolute(recipe: Recipe, key: str) -> Recipe:
    return replace(recipe, **{key: str(Path(getattr(recipe, key)).expanduser().resolve())})
