"""A recipe's pairs of images: where they come from, the shape of what the net is given, and their picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Data, Dataset
from ..data.degrade import Degradation
from ..data.paired import Paired, degraded, pair_up
from ..data.paired_own import pairs_from_folders, pairs_side_by_side
from ..models import MODELS, method_of
from ..plots.rows import MOST_COLUMNS, save_rows
from .keys import as_text
from .recipe import Recipe


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
    size: dict[str, Any] = {
        "image_size": recipe.image_size or None,
        "channels": recipe.channels or None,
        "ground": recipe.ground,
    }
    place, other = Path(recipe.data).expanduser(), Path(recipe.data_b).expanduser()
    if recipe.side_by_side != "none":
        if not _is_place(recipe.data):
            raise ValueError(f'side_by_side: expected a folder of pictures, got data = "{recipe.data}"')
        pairs = pairs_side_by_side(place, given=recipe.side_by_side, **size)
        return _grounded(_absolute(recipe, "data"), pairs), pairs
    if recipe.degrade != "none":
        recipe, y = read(recipe)
        return recipe, spoilt(recipe, _images("data", recipe.data, y))
    if _is_place(recipe.data) and _is_place(recipe.data_b) and place.is_dir() and other.is_dir():
        scale = int(method_of(MODELS[recipe.model]).get("scale", 1)) if recipe.image_size else 1
        pairs = pairs_from_folders(place, other, scale=scale, **size)
        return _grounded(_absolute(_absolute(recipe, "data"), "data_b"), pairs), pairs
    recipe, x = read(recipe)
    second, y = read(replace(recipe, data=recipe.data_b))
    recipe = replace(recipe, data_b=second.data)
    return recipe, pair_up(_images("data", recipe.data, x), _images("data_b", recipe.data_b, y))


def spoilt(recipe: Recipe, y: Dataset) -> Paired:
    """Images with what the recipe's degradation makes of them.  Raises ValueError for an amount that makes no sense."""
    return degraded(y, Degradation(recipe.degrade, recipe.degrade_by, recipe.hole))


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
        path,
        [(name, list(images)) for name, images in rows],
        title=title,
        hint="The second row should look like the third",
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


def _grounded(recipe: Recipe, pairs: Paired) -> Recipe:
    """The recipe with the ground over which transparent pixels are shown, if it was chosen while reading."""
    found = next((part.ground for part in (pairs.x, pairs.y) if part is not None and part.ground), "")
    return replace(recipe, ground=found) if recipe.ground == "auto" and found not in ("", "black") else recipe


def _absolute(recipe: Recipe, key: str) -> Recipe:
    place: dict[str, Any] = {key: str(Path(getattr(recipe, key)).expanduser().resolve())}
    return replace(recipe, **place)
