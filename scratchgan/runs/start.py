"""Training on: a run with more steps (`scratchgan resume RUN --steps N`), and a new run from the weights of an earlier
one (`scratchgan train --from RUN`, the key start_from).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..files import checkpoint
from ..files.arrays import one_line
from ..game import Game
from .keys import as_text, parse
from .recipe import KEYS, Recipe, from_dict, options

PLANNED = ("lr_schedule", "instance_noise")  # keys whose effect depends on the number of steps
OF_TRAINING = ("seed", "loss", "label_smoothing")  # options of builders that do not shape the nets


def located(recipe: Recipe) -> Recipe:
    """The recipe with an absolute path in start_from.  Raises FileNotFoundError if there is no checkpoint."""
    if not recipe.start_from:
        return recipe
    path = Path(recipe.start_from).expanduser()
    path = path / "checkpoint.npz" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f'start_from = "{recipe.start_from}": expected the folder of a run, or its checkpoint.npz'
        )
    return replace(recipe, start_from=str(path.resolve()))


def take_weights(gan: Game, recipe: Recipe) -> str:
    """Give the GAN the weights and running statistics of the run that start_from names; "" if there is none.

    Optimisers, random streams and the count of steps are those of a new run.  If only one of the two runs has an
    average of G's weights, it starts from, or is replaced by, G's weights themselves.
    Returns what to say about it.  Raises ValueError, naming the keys that differ, if the nets do not fit.
    """
    if not recipe.start_from:
        return ""
    path = Path(recipe.start_from)
    saved, meta = checkpoint.load(path)
    own: dict[str, np.ndarray] = {}
    for which, net in gan.nets():
        own |= {f"{which}/{name}": array for name, array in net.parameters()}
        own |= {f"{which}/{name} (running)": array for name, array in net.buffers()}
    averaged = any(key.startswith("gan/ema/") for key in saved)
    source = {}
    for key in own:
        which, _, rest = key.partition("/")
        source[key] = saved.get(f"gan/{key if averaged or not which.startswith('ema') else f'G{which[3:]}/{rest}'}")
    nets = {which for which, _ in gan.nets()} | {"G", "D"}
    left = {key for key in saved if key.startswith(tuple(f"gan/{net}/" for net in nets if "ema" not in net))}
    wrong = [key for key, array in own.items() if (other := source[key]) is None or other.shape != array.shape]
    wrong += sorted(key for key in left if key.removeprefix("gan/") not in own)
    if wrong:
        raise ValueError(f"{path}: its nets do not fit this recipe: {_why(recipe, meta, wrong[0])}")
    for key, array in own.items():
        array[...] = source[key]
    return f"starts from the weights of {path.parent} after {checkpoint.fact(meta, 'step', int):,} steps"


def _why(recipe: Recipe, meta, array: str) -> str:
    """The keys in which two recipes differ and that shape the nets, or the first array that does not fit."""
    try:
        other = from_dict(parse(checkpoint.fact(meta, "recipe", str)))
    except ValueError as error:
        return one_line(str(error))
    names = ["model", *(key for key in options(recipe.model) if key not in OF_TRAINING and not key.startswith("lr"))]
    shape = tuple(map(int, checkpoint.fact(meta, "data_shape", tuple)))
    differ = [
        f"{key} = {as_text(getattr(recipe, key))}, there {as_text(getattr(other, key))}"
        for key in dict.fromkeys(name for name in names if name in KEYS)
        if getattr(recipe, key) != getattr(other, key)
    ]
    return f"{array} differs ({'; '.join([*differ, f'examples there have the shape {shape}'])})"


def longer(recipe: Recipe, steps: int, folder: Path, meta: Mapping[str, Any]) -> Recipe:
    """The recipe of the run in `folder` with another number of steps.

    Raises ValueError unless that is more than have been made.
    """
    changed = replace(recipe, steps=steps)
    done = checkpoint.fact(meta, "step", int) if "step" in meta else 0
    if steps < done or (steps == done and steps != recipe.steps):
        raise ValueError(f"steps = {steps}: {folder} has made {done:,} steps; expected more than that")
    return changed


def planned(recipe: Recipe) -> list[str]:
    """The settings of a recipe that are spread over all its steps, so that more steps change them."""
    return [
        f"{key} = {as_text(getattr(recipe, key))}"
        for key in PLANNED
        if getattr(recipe, key) not in ("constant", 0) and not (key == "instance_noise" and recipe.noise_steps)
    ]
