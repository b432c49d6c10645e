"""Which changes a recipe accepts, so that nothing is proposed that training would refuse.

    accept = accepting(recipe, shape=(28, 28, 1), examples=5000)
    accept(changes("penalty=r1"))                 None: D of this recipe has a BatchNorm
    accept(changes("penalty=r1 d_norm=layer"))    "penalty=r1 d_norm=layer"

A change is tried on a twin of the recipe with very small nets, which has the same layers and rules and is therefore
refused for the same reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import Data
from ..doctor.advice import Accepts, Change
from ..files import checkpoint
from .build import build_gan
from .keys import as_text
from .recipe import KEYS, Recipe, options, override

#: the values that mean that a key's part of the game is switched off
OFF = {"penalty": "none", "minibatch": "none", "packing": 1, "lr_schedule": "constant"}


def accepting(
    recipe: Recipe, shape: Sequence[int], examples: int | None, given: Sequence[int] | None = None
) -> Accepts:
    """The function that says which changes `recipe` accepts, for examples of `shape`.

    examples   how many there are, with those that are held out; None if every batch is drawn anew, or if the number is
               not known: then nothing is proposed that depends on it
    given      of a net for pairs: the shape of what it is given
    """
    known: dict[tuple[Change, ...], str | None] = {}

    def accept(changes: Sequence[Change]) -> str | None:
        key = tuple(changes)
        if key not in known:
            known[key] = _settings(recipe, tuple(shape), examples, given, key)
        return known[key]

    return accept


def of_data(recipe: Recipe, data: Data) -> Accepts:
    """The same for a recipe and the data that it is trained on, without those that are held out."""
    if data.kind == "paired":
        return accepting(recipe, data.example_shape, len(data.y) + recipe.held_out, data.input_shape)
    return accepting(recipe, data.example_shape, len(data.x) + recipe.held_out if data.kind == "examples" else None)


def of_run(folder: Path, recipe: Recipe) -> Accepts:
    """The same for a run's folder: its checkpoint says what its data were."""
    shape: Sequence[int] = (recipe.image_size or 28, recipe.image_size or 28, recipe.channels or 1)
    examples, given = None, None
    try:
        arrays, meta = checkpoint.load(folder / "checkpoint.npz")
        shape = checkpoint.fact(meta, "data_shape", tuple)
        given = checkpoint.fact(meta, "input_shape", tuple) if "input_shape" in meta else None
        if "stream/order" in arrays:
            examples = len(arrays["stream/order"]) + recipe.held_out
    except (OSError, ValueError, TypeError):
        from ..data import TOY

        shape = TOY[recipe.data]().example_shape if recipe.data in TOY else shape
    return accepting(recipe, shape, examples, given)


def _settings(
    recipe: Recipe,
    shape: tuple[int, ...],
    examples: int | None,
    given: Sequence[int] | None,
    changes: tuple[Change, ...],
) -> str | None:
    """The changes as text if the recipe accepts them and each of them changes something, otherwise None."""
    settings = []
    for change in changes:
        now = getattr(recipe, change.key)
        value = _value(change, now)
        if value is None or value == now:
            return None
        settings.append(
            f"{change.key}={as_text(value) if KEYS[change.key].type is not str else value}".replace(" ", "")
        )
    try:
        changed = override(recipe, settings)
        if any(getattr(changed, change.key) == getattr(recipe, change.key) for change in changes):
            return None
        if changed.held_out and (examples is None or examples - changed.held_out < changed.batch_size):
            return None
        if changed.packing > 1 and changed.batch_size < 2 * changed.packing:
            return None  # with one pack in a batch, BatchNorm has no variance
        build_gan(_small(changed), shape, given)
    except (ValueError, TypeError):  # the recipe refuses it
        return None
    return " ".join(settings)


def _value(change: Change, now: Any) -> Any:
    """The new value of a key whose present value is `now`; None if the change does not apply."""
    if change.how in ("/", "*"):
        factor = float(change.value) if change.how == "*" else 1 / float(change.value)
        if isinstance(now, tuple):
            return tuple(max(1, int(n * factor)) for n in now)
        return max(1, int(now * factor)) if isinstance(now, int) else float(f"{now * factor:.3g}")
    if change.how == "?=" and now != OFF.get(change.key, 0):
        return None
    value = type(now)(change.value)
    return None if change.how == "<" and not value < now else value


def _small(recipe: Recipe) -> Recipe:
    """The recipe with very small nets."""
    taken = options(recipe.model)
    sizes = {key: min(getattr(recipe, key), 2) for key in ("width", "d_width", "dense", "latent_dim") if key in taken}
    classes = recipe.classes or 2 * (recipe.condition != "none")  # 0: as in the data, which play no part here
    return replace(recipe, **sizes, hidden=tuple(min(n, 2) for n in recipe.hidden), classes=classes)
