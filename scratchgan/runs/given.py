"""Data that are given in Python: arrays, arrays with labels, data sets; and what a recipe says about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..data import Data, Dataset, Density
from ..data.degrade import Degradation
from ..data.own import fit, from_python
from ..data.paired import Paired, pair_up
from ..data.pairs import Pair
from .keys import GIVEN
from .paired_data import spoilt
from .recipe import Recipe, base

Given: TypeAlias = Data | np.ndarray | tuple


def named_data(recipe: Recipe, data: Given) -> tuple[Recipe, Data]:
    """As `build.given_data`, with the labels that the data themselves have, and `classes` left as it is."""
    data = resized(recipe, as_data(recipe, data))
    if data.kind == "paired":
        return (_named_pairs(recipe, data) if base(recipe.model) == "paired" else recipe), data
    if data.kind == "pair":
        return replace(recipe, data=_origin(recipe, data.a), data_b=_origin(recipe, data.b)), data
    return replace(recipe, data=_origin(recipe, data)), data


def as_data(recipe: Recipe, data: Given) -> Data:
    """Data that were given in Python, as a data set, a density or a pair; see `build.given_data`."""
    if isinstance(data, tuple) and len(data) != 2:
        raise ValueError(f"data: expected an array, or (examples, labels), got a tuple of {len(data)}")
    if isinstance(data, tuple) and base(recipe.model) == "cyclegan":
        a, b = (
            one if isinstance(one, Dataset) else replace(from_python(one), name=which)
            for which, one in zip("ab", data, strict=True)
        )
        return Pair(a, b, name=f"{a.name} and {b.name}")
    if isinstance(data, tuple) and base(recipe.model) == "paired" and recipe.degrade == "none":
        x, y = (
            one if isinstance(one, Dataset) else replace(from_python(one), name=which)
            for which, one in zip("xy", data, strict=True)
        )
        return pair_up(x, y)
    known = data if isinstance(data, Data) else from_python(data)
    if known.kind == "examples" and base(recipe.model) == "paired":
        if recipe.degrade == "none":
            raise ValueError(
                f'model "{recipe.model}" learns from pairs: give (x, y), what the net is given and what it should make of '
                "it, or set degrade"
            )
        return spoilt(recipe, fit(known, recipe.image_size or None, recipe.channels or None))
    return known


def _named_pairs(recipe: Recipe, data: Paired) -> Recipe:
    """The recipe for pairs given in Python: where they come from, and how they were spoilt."""
    recipe = replace(recipe, side_by_side="none", data_b="")
    if data.x is not None:
        return replace(recipe, data=_origin(recipe, data.x), data_b=_origin(recipe, data.y), degrade="none")
    assert data.degrade is not None
    amount: dict[str, Any] = {"degrade": data.degrade.kind, "degrade_by": data.degrade.by, "hole": data.degrade.hole}
    if recipe.degrade != "none" and Degradation(recipe.degrade, recipe.degrade_by, recipe.hole) == data.degrade:
        amount = {}
    return replace(recipe, data=_origin(recipe, data.y), **amount)


def _origin(recipe: Recipe, data: Dataset | Density) -> str:
    """What a recipe says of data given in Python: the name of a known data set, if it repeats them, or GIVEN."""
    return data.name if _repeats(recipe, data) else f"{data.name}{GIVEN}"


def _repeats(recipe: Recipe, data: Dataset | Density) -> bool:
    """Whether loading by name gives the same data; of downloads only the numbers are compared."""
    from ..data import TOY, load
    from ..data.download import DOWNLOADS
    from ..data.embedded import EMBEDDED

    if data.kind == "density":
        if data.name not in TOY or (toy := TOY[data.name]()).extent != data.extent:
            return False
        mine, theirs = (density.sample(64, rng=np.random.default_rng(0)) for density in (data, toy))
        return np.array_equal(mine, theirs)
    if data.name in DOWNLOADS:
        side, channels = recipe.image_size or 28, recipe.channels or 1
        return data.example_shape == (side, side, channels) and (len(data), data.n_classes) == (60_000, 10)
    if data.name not in EMBEDDED:
        return False
    known = load(data.name, image_size=recipe.image_size or None, channels=recipe.channels or None)
    assert known.kind == "examples"  # the embedded sets are images
    if data.labels is None or known.labels is None:
        same = data.labels is known.labels
    else:
        same = np.array_equal(known.labels, data.labels)
    return same and np.array_equal(known.x, data.x)


def resized(recipe: Recipe, data: Data) -> Data:
    """Images with the recipe's image_size and channels; the same object if nothing changes.

    Raises ValueError for points if the recipe has sizes.
    """
    if data.kind == "pair":
        a, b = resized(recipe, data.a), resized(recipe, data.b)
        assert a.kind == b.kind == "examples"
        return data if (a, b) == (data.a, data.b) else Pair(a, b, name=data.name)
    if data.kind == "paired":
        return _resized_pairs(recipe, data)
    if data.kind == "density" or len(data.example_shape) == 1:
        if base(recipe.model) == "mlp":
            no_sizes(recipe, data.name)
        return data
    return fit(data, recipe.image_size or None, recipe.channels or None)


def _resized_pairs(recipe: Recipe, data: Paired) -> Paired:
    """Pairs with the recipe's image_size and channels; only those of one size can be resized."""
    if data.x is None:
        y = fit(data.y, recipe.image_size or None, recipe.channels or None)
        return data if y is data.y else replace(data, y=y)
    H, _, C = data.example_shape
    if recipe.image_size in (0, H) and recipe.channels in (0, C):
        return data
    if data.input_shape[0] != H:
        raise ValueError(f"{data.name}: pairs of two sizes cannot be resized; expected image_size = 0 and channels = 0")
    x, y = (fit(one, recipe.image_size or None, recipe.channels or None) for one in (data.x, data.y))
    return replace(data, x=x, y=y)


def no_sizes(recipe: Recipe, name: str) -> None:
    """Raise ValueError if a recipe for points sets image_size or channels."""
    if found := [f"{key} = {getattr(recipe, key)}" for key in ("image_size", "channels") if getattr(recipe, key)]:
        keys = " and ".join(key.split()[0] + "=0" for key in found)
        raise ValueError(f'{", ".join(found)}: "{name}" holds points, which have no size; expected {keys}')
