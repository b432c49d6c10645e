"""`scratchgan recipes NAME --why`: where the numbers of a recipe come from: its paper, the authors' code, and ours."""

from __future__ import annotations

import textwrap

from ..models import MODELS, base_of, constants
from . import recipe as recipes
from .keys import as_text
from .recipe import KEYS

WIDTH = 32  # of a column


def why(name: str) -> str:
    """The table of a recipe's constants: paper, authors' code, ours, reason.

    `ours` is what the recipe says, where it sets the key itself.  Raises ValueError for an unknown recipe.
    """
    recipe = recipes.load(name)
    rows = constants(recipe.model)
    if not rows:
        kin = sorted(
            m for m, builder in MODELS.items() if base_of(builder) is base_of(MODELS[recipe.model]) and constants(m)
        )
        more = f"; its relatives have one: {', '.join(kin)}" if kin else ""
        return f'{recipe.name}: there is no table of constants for model = "{recipe.model}" yet{more}'
    table = [("constant", "paper", "authors' code", "ours", "why it differs")]
    for row in rows:
        value = getattr(recipe, row.key) if row.key in KEYS else row.ours
        ours, reason = as_text(value) if row.key in KEYS and not isinstance(value, str) else str(value), row.why
        if row.key in KEYS and value != row.ours:
            reason = "set by this recipe" + (f"; {reason}" if reason else "")
        table.append((row.key, row.paper, row.code, ours, reason))
    widths = [min(WIDTH, max(len(row[i]) for row in table)) for i in range(4)]
    lines = [f'{recipe.name}: model = "{recipe.model}"', ""]
    for cells in table:
        wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, (*widths, 2 * WIDTH), strict=True)]
        for i in range(max(map(len, wrapped))):
            parts = [part[i] if i < len(part) else "" for part in wrapped]
            lines.append(
                "  ".join(f"{part:<{width}}" for part, width in zip(parts, (*widths, 0), strict=True)).rstrip()
            )
    return "\n".join(lines)
