"""What a key of a recipe is, and how its value is read from text and checked.  The keys are in runs/recipe.py."""

import difflib
import math
import operator
import os
import re
import tomllib
from collections.abc import Iterable
from dataclasses import Field, field
from pathlib import Path
from typing import Any

from ..files.arrays import decoded

MAX_BYTES = 1 << 16  # limit for the text of a recipe; the longest one in the package has about 1,500 bytes
GIVEN = " (given to train by its caller)"  # the end of `data` for data given in Python, to which no path leads
PATHS = ("data", "data_b", "start_from")  # keys whose value may be a path
MAX_DOTS = 200  # per line: a key of 30,000 parts, a.a.a..., keeps tomllib busy for half a minute
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET"})()  # the value of a key that has not been set

_LIMITS = {
    "low": (operator.ge, "at least"),
    "above": (operator.gt, "more than"),
    "high": (operator.le, "at most"),
    "below": (operator.lt, "less than"),
}


def key(help: str, default: Any = UNSET, **limits: Any) -> Any:
    """Make the dataclass field of a key.

    default   for a key of the run itself; without one, the key is an option of the models' builders, with their default
    limits    low, high, above, below; choices; pattern (a regular expression) and expected (the same in words);
              when = (another key, the values of that key for which this one has an effect)
    """
    return field(default=UNSET, metadata={"help": help, "default": default, **limits})


def parse(text: str | bytes) -> dict[str, Any]:
    """Read the TOML text of a recipe; its keys are not checked.  Raises ValueError if it is not TOML, or too long."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES:,} bytes, the limit for a recipe")
    text = decoded(text) if isinstance(text, bytes) else text
    if any(line.count(".") > MAX_DOTS for line in text.splitlines()):
        raise ValueError(f"a line has more than {MAX_DOTS} dots; a recipe is one flat table")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply; a recipe is one flat table") from None


def parse_value(text: str, kind: type) -> Any:
    """Read a value as TOML; what is not TOML is returned as text.  The value is not checked."""
    if kind is str and not text.startswith(('"', "'")):
        return text
    try:
        table = parse(f"value = {text}")
        return table["value"] if len(table) == 1 else text  # a line break in the value could add a second key
    except ValueError:  # TOMLDecodeError, too deep or too long
        pass
    try:
        return float(text) if kind is float else text  # .5 is not valid TOML, but people write it
    except ValueError:
        return text


def as_text(value: Any) -> str:
    """A value in TOML notation."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(as_text, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint for an error message: '; did you mean "adam"?' for "adm", or all known words if none is similar."""
    known = list(known)
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; known are: {', '.join(known)}"


def checked(key: Field, value: Any) -> Any:
    """Return the value, converted to its key's type.  Raises ValueError, with what was expected, if it is not valid."""
    limits, kind = key.metadata, key.type
    fault = f"{key.name} = {as_text(value)}: expected "
    if kind is str:
        if not isinstance(value, str):
            raise ValueError(fault + "a text")
        if not value.isascii() and value.encode(errors="replace").decode() != value:
            raise ValueError(fault + "a text of Unicode; if this is the name of a file or folder, rename it")
    elif kind is bool:
        if not isinstance(value, bool):
            raise ValueError(fault + "true or false")
    elif kind is int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(fault + "an integer")
    elif kind is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(fault + "a finite number")
        value = float(value)
    else:
        whole = isinstance(value, (list, tuple)) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        if not whole or not value:
            raise ValueError(fault + "a list of integers, such as [128, 128]")
        value = tuple(value)

    if "choices" in limits and value not in limits["choices"]:
        hint = nearest(value, limits["choices"]) if isinstance(value, str) else ""
        known = " or ".join(map(as_text, limits["choices"]))
        raise ValueError(fault + known + (hint if "did you mean" in hint else ""))
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        raise ValueError(fault + limits["expected"])
    for number in value if isinstance(value, tuple) else (value,):
        for limit, (holds, words) in _LIMITS.items():
            if limit in limits and not holds(number, limits[limit]):
                raise ValueError(f"{fault}{words} {limits[limit]}")
    return value


def name_from(text: str) -> str:
    """A name for runs that is as similar to the text as possible: "my ring 1" for "my ring (1)"."""
    name = " ".join(re.sub(r"[^\w.+-]+", " ", text).split()).lstrip(" .+-")
    return name.encode()[:200].decode(errors="ignore").rstrip(" .") or "custom"  # a folder's name has at most 255 bytes


def absolute(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The keys of a recipe in `folder`, with its relative paths made absolute.

    What is neither there nor looks like a path is left alone, such as a misspelt name of a data set.
    """
    from ..data import names

    found = dict(table)
    for name in PATHS:
        place = table.get(name)
        if not isinstance(place, str) or not place or place in names() or place.startswith("~") or GIVEN in place:
            continue
        path = folder.absolute() / place
        if path.exists() or Path(place).exists() or "/" in place or os.sep in place:
            found[name] = str(path)
    return found
