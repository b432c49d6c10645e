"""Which recipe a command line asks for: `scratchgan train [RECIPE] [--from RUN] [--data ...] [--set ...]`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .recipe import DEFAULT, Recipe, base, load, override


def asked(name: str | None, settings: Sequence[str], start_from: str | None = None, **given: Any) -> Recipe:
    """The recipe `name` with other values; default: that of the run `start_from`, or the package's first.

    settings    "key=value" each; one of them may be the recipe's name, if none was given: --set takes all words behind it
    start_from  a run whose weights training starts from
    given       values of keys; None leaves a key as it is
    Raises ValueError as `recipe.load` and `recipe.override` do.
    """
    if name is None:
        for word in [setting for setting in settings if "=" not in setting][:1]:
            if _is_recipe(word):
                name, settings = word, [setting for setting in settings if setting != word]
    recipe = load(name or start_from or DEFAULT)
    values = {key: value for key, value in given.items() if value is not None}
    if start_from is not None:
        values["start_from"] = start_from
    result = override(replace(recipe, **values), settings)
    if "data_b" in values and base(result.model) not in ("cyclegan", "paired"):
        raise ValueError(
            f'--data-b has no effect with model = "{result.model}", only with "cyclegan" and models that learn from pairs'
        )
    return result


def about_pair(recipe: Recipe, data: str | None, data_b: str | None, settings: Sequence[str]) -> str:
    """What should be said if only one domain of a CycleGAN was given; "" if nothing."""
    chosen = {setting.partition("=")[0].strip() for setting in settings}
    a, b = data is not None or "data" in chosen, data_b is not None or "data_b" in chosen
    if base(recipe.model) != "cyclegan" or a == b:
        return ""
    other, key = (recipe.data_b, "data_b") if a else (recipe.data, "data")
    return f"the other domain is {other}, as in the recipe; --{key.replace('_', '-')} sets another"


def _is_recipe(word: str) -> bool:
    try:
        load(word)
    except (ValueError, OSError):
        return False
    return True
