"""What the doctor proposes: changes of a recipe, each of them checked before it is printed.

A change is written as text:

    key=value      set the key
    key?=value     set it if it is off now: a game that has a penalty is not given another one
    key<value      lower it to this value if it is higher now
    key/n, key*n   divide or multiply what it is now

What a key is now, and whether a recipe accepts a change, is decided elsewhere (`scratchgan.runs.advice`), by a function
that is passed to `Advice.within`.  Without a recipe the advice is given unchecked, in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_CHANGE = re.compile(r"(\w+)(\?=|=|<|/|\*)(\S+)")
_WORDS = {"/": "a lower {0}", "*": "a higher {0}"}


class Change(NamedTuple):
    """One change of a key: `how` is "=", "?=", "<", "/" or "*"."""

    key: str
    how: str
    value: str

    def words(self) -> str:
        """The change without a recipe."""
        return _WORDS.get(self.how, "--set {0}={1}").format(self.key, self.value)


#: returns the changes as settings for the command line, such as "penalty=r1 d_norm=layer"; None if the recipe refuses
#: them, or if one of them changes nothing
Accepts = Callable[[Sequence[Change]], str | None]


@dataclass(frozen=True)
class Advice:
    """One thing to try; `str()` gives it as a line of text.

    why    what it does, or the whole advice if no setting does it
    ways   alternatives, each as text: one or more changes that are made together, separated by blanks.  After " | "
           stands what is proposed if the recipe refuses the first
    """

    why: str
    ways: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [" and ".join(change.words() for change in changes(way.split(" | ")[0])) for way in self.ways]
        return f"{' or '.join(words)}: {self.why}" if words else self.why

    def within(self, accepts: Accepts | None) -> Advice | None:
        """The same advice with only what `accepts` accepts, in numbers; None if nothing is left of it."""
        if accepts is None or not self.ways:
            return self
        settings = []
        for way in self.ways:
            for candidate in way.split(" | "):
                if (text := accepts(changes(candidate))) is not None:
                    settings.append(f"--set {text}")
                    break
        return Advice(f"{' or '.join(settings)}: {self.why}") if settings else None


def advice(why: str, *ways: str) -> Advice:
    """An Advice."""
    return Advice(why, ways)


def changes(text: str) -> list[Change]:
    """The changes that `text` describes.  Raises ValueError if it describes none."""
    found = [_CHANGE.fullmatch(word) for word in text.split()]
    if not found or None in found:
        raise ValueError(f"expected changes of a recipe, such as lr_g/2; got {text!r}")
    return [Change(*match.groups()) for match in found if match is not None]
