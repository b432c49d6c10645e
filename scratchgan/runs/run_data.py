"""The data of a run: read for training, and found again later, wherever they are, by their checksum.

`for_training` is for a run that begins; `of_run` is for every command that reads the data of an existing run.  Both
return a `RunData`.  The data are read once and hashed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Data
from ..data.paired import Paired
from ..files import checkpoint
from ..files.arrays import one_line
from . import build
from .facts import Facts, difference, facts_of, read_facts, same_data, with_classes_of
from .given import Given, as_data, named_data, resized
from .held_out import split
from .keys import GIVEN
from .recipe import Recipe, base

Where = str | Path  # of data: a name or a path


@dataclass(frozen=True)
class RunData:
    """What a run's data are.

    recipe     with an absolute path, and `classes` filled in
    data       all of them, with the labels that the GAN is given
    facts      about them
    changed    how they differ from what the run was trained on, in one line; "" if they do not
    remarks    what should be known before training, one line each
    """

    recipe: Recipe
    data: Data
    facts: Facts
    changed: str = ""
    remarks: tuple[str, ...] = ()

    def split(self) -> tuple[Data, np.ndarray | Paired | None]:
        """(the examples that the run is trained on, those that are held out, or None): see `held_out.split`."""
        return split(self.recipe, self.data)


def for_training(recipe: Recipe, data: Given | Where | None = None) -> RunData:
    """The data of a new run: those of the recipe, or those given in Python, also as a name or a path.

    Raises ValueError for data that cannot be read or do not fit the recipe.
    """
    if isinstance(data, (str, Path)):
        recipe, data = replace(recipe, data=str(data)), None
    named, raw = build.read_data(recipe) if data is None else named_data(recipe, data)
    if (raw.kind == "pair") != (base(recipe.model) == "cyclegan"):
        raise ValueError(
            f'model "{recipe.model}" cannot be trained on "{raw.name}": only a CycleGAN takes a pair of data'
        )
    if (raw.kind == "paired") != (base(recipe.model) == "paired"):
        raise ValueError(
            f'model "{recipe.model}" cannot be trained on "{raw.name}": nets for pairs of images, and no others, take pairs'
        )
    full, own = build.with_classes(named, raw)
    facts = with_classes_of(facts_of(raw, held_out=recipe.held_out, given=data is not None), own)
    return RunData(full, own, facts, remarks=_remarks(full, raw, own, facts))


def of_run(
    run: Where,
    recipe: Recipe,
    *,
    data: Given | Where | None = None,
    data_b: Where | None = None,
    meta: Mapping[str, Any] | None = None,
    strict: bool = False,
) -> RunData:
    """The data that a run was trained on.

    recipe     of the run
    data       where they are now, a name or a path, or the data themselves; default: where the recipe says
    data_b     where the second domain of a CycleGAN is now
    meta       the facts in the run's checkpoint, if they have been read
    strict     refuse data that have changed; data that are named by `data` are always refused if they differ

    Raises ValueError, in one line that says what to do, if they cannot be read or are refused.
    """
    if data_b is not None and not recipe.data_b:
        raise ValueError(f'{run}: model = "{recipe.model}" has no second domain; leave data_b (--data-b) out')
    meta = read_meta(run) if meta is None else meta
    saved = read_facts(meta)
    asked, raw = _read(run, recipe, data, data_b, saved)
    facts = facts_of(raw)
    if not same_data(meta, facts, raw) and data is not None and not isinstance(data, (str, Path)):
        given = as_data(recipe, data)  # older versions took images that were given as they were
        raw, facts = (given, now) if same_data(meta, now := facts_of(given), given) else (raw, facts)
    if not same_data(meta, facts, raw) and saved is None and raw.classes:
        older = _in_text_order(raw)  # the order of classes in older versions
        raw, facts = (older, now) if same_data(meta, now := facts_of(older), older) else (raw, facts)
    changed = ""
    if not same_data(meta, facts, raw):
        changed = difference(saved, facts)
        place = f"{asked.data} and {asked.data_b}" if asked.data_b else asked.data
        if data is not None or data_b is not None:
            place = place if isinstance(data, (str, Path)) or data is None else "the array or data set given"
            raise ValueError(f"{run}: {place} is not what the run was trained on: {changed}")
        if strict:
            raise ValueError(
                f"{run}: the data {place} have changed since the run began: {changed}; so the run cannot be resumed: "
                "say where its own data are (--data), or start a new run with another --out"
            )
        changed = f"the data {place} have changed since the run began: {changed}"
    try:
        full, own = build.with_classes(asked, raw)
    except ValueError as error:
        raise ValueError(f"{run}: {changed or error}") from None
    facts = saved or with_classes_of(replace(facts, held_out=recipe.held_out), own)
    return RunData(full, own, facts, changed)


def held_out_pairs(data: Paired, held: np.ndarray | Paired | None) -> Paired:
    """The pairs on which a net is looked at and measured: those held out, else the test part, else all."""
    if held is not None:
        assert not isinstance(held, np.ndarray)
        return held
    return data.test() if data.test is not None and data.test_size else data


def test_pairs(own: RunData) -> Paired:
    """`held_out_pairs` of the data of a run."""
    data, held = own.split()
    assert data.kind == "paired"
    return held_out_pairs(data, held)


def read_meta(run: Where) -> Mapping[str, Any]:
    """The facts in the checkpoint of a run, given as its folder or the checkpoint; {} if there is none."""
    path = Path(run) / "checkpoint.npz" if Path(run).is_dir() else Path(run)
    return checkpoint.load(path, arrays=False).meta if path.is_file() else {}


def _read(
    run: Where, recipe: Recipe, data: Given | Where | None, data_b: Where | None, saved: Facts | None
) -> tuple[Recipe, Data]:
    """The data as they are now, and the recipe with their place."""
    if data is not None and not isinstance(data, (str, Path)):
        return recipe, resized(recipe, as_data(recipe, data))
    asked = replace(
        recipe,
        data=recipe.data if data is None else str(data),
        data_b=recipe.data_b if data_b is None else str(data_b),
    )
    try:
        return build.read_data(asked, strict=False)
    except ValueError as error:
        if data is not None or data_b is not None:
            raise
        what = f" ({saved.size})" if saved is not None else ""
        if any(place.endswith(GIVEN) for place in (recipe.data, recipe.data_b)):
            reason = f'"{recipe.data.removesuffix(GIVEN)}"{what} was given in Python'
        elif missing := [place for place in _places(recipe) if not Path(place).exists()]:
            reason = f"{missing[0]}{what} is not there any more"
        else:
            reason = one_line(str(error), 2000)
        options = "--data and --data-b" if recipe.data_b else "--data"
        raise ValueError(
            f"{run}: its data cannot be loaded ({reason}); say where they are now ({options}), or pass them in Python: "
            "evaluate(run, data=...), and likewise resume"
        ) from None


def _places(recipe: Recipe) -> list[str]:
    """The paths in a recipe; names of data sets are none."""
    from ..data import names

    places = [recipe.data, recipe.data_b]
    return [place for place in places if place and place not in names()]


def _in_text_order(data: Data) -> Data:
    """Data of class folders as they were read before numbers in names counted as numbers: 1, 10, 2."""
    if data.kind != "examples" or data.labels is None or list(data.classes) == sorted(data.classes):
        return data
    old = sorted(range(len(data.classes)), key=lambda k: data.classes[k])
    order = np.concatenate([np.flatnonzero(data.labels == k) for k in old])
    labels = np.argsort(old)[data.labels[order]]
    return replace(data, x=data.x[order], labels=labels, classes=tuple(data.classes[k] for k in old))


def _remarks(recipe: Recipe, raw: Data, own: Data, facts: Facts) -> tuple[str, ...]:
    """What should be said about the classes before training."""
    if raw.kind != "examples" or raw.labels is None or recipe.condition == "none":
        return ()
    if recipe.condition == "codes":
        return (
            f"the {raw.n_classes} classes of {raw.name} are not used: the GAN finds {recipe.classes} categories itself",
        )
    if own is not raw:
        return (
            f"{own.n_classes} of the labels 0 to {raw.n_classes - 1} occur ({_few(own.classes)}): these are the "
            "classes, and the labels their names",
        )
    counts = [*facts.counts, *[0] * (recipe.classes - len(facts.counts))]
    if empty := [k for k, count in enumerate(counts) if not count]:
        return (f"no example has the label {_few(list(map(str, empty)))}: G learns nothing for it",)
    return ()


def _few(names) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]}, ... {names[-1]}"
