"""The one door for names in pictures: names of runs, classes, data and files, which may be any text.

    words(name, width=2)         the name as matplotlib should get it, at most 2 inches wide
    heading(fig, title, hint)    the title of a figure, over a line that says what to look for

A dollar sign is a dollar sign, and begins no formula.  A character that the font lacks, a control character or half of
a surrogate pair (a file's name that is not UTF-8) becomes a box; marks that only change the direction of writing are
left out.  What does not fit loses its middle: names often differ only at their ends.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from .style import own_style

BOX, DOTS = "□", "…"
LONGEST = 4000  # characters that are looked at
HINTED = 0.95  # at small sizes letters are up to 5 % wider, since they are moved to whole pixels


def words(text: object, *, width: float | None = None, size: float = 10) -> str:
    """The text as one line for a picture: see above.

    width    inches that there are for it; None: as many as it takes
    size     of the font, in points
    """
    line = printable(text)
    if len(line) > LONGEST:
        line = line[: LONGEST // 2] + DOTS + line[-LONGEST // 2 :]
    line = "".join(c if _advance(c) is not None else BOX for c in line)
    if width is not None:
        line = _fitted(line, HINTED * width * 72 / size)
    line = line.replace("$", r"\$")
    return line if line and line[0] != "_" else f" {line}"  # matplotlib would leave these out of a legend


def heading(fig: Any, title: object, hint: str, *, size: float = 10) -> str:
    """A figure's title, if it has one, and below it the hint."""
    line = words(title, width=fig.get_figwidth() - 0.2, size=size)
    return f"{line}\n{hint}" if line.strip() else hint


def printable(text: object) -> str:
    """The text as one line: other characters than letters, digits, signs and blanks are left out, or become boxes."""
    line = "".join(" " if c.isspace() else c for c in str(text))
    return "".join(c if c.isprintable() else BOX for c in line if unicodedata.category(c) != "Cf").strip()


def _fitted(line: str, room: float) -> str:
    """The line, without its middle if it is longer than `room`, in units of the font's size."""
    widths = [_advance(c) or 0.0 for c in line]
    if sum(widths) <= room:
        return line
    head, tail, used = 0, len(line), _advance(DOTS) or 1.0
    while head < tail:
        from_head = head <= len(line) - tail
        used += widths[head] if from_head else widths[tail - 1]
        if used > room:
            break
        head, tail = (head + 1, tail) if from_head else (head, tail - 1)
    return line[:head] + DOTS + line[tail:]


@functools.lru_cache(maxsize=10_000)
def _advance(character: str) -> float | None:
    """How far the font goes on after a character, in units of its size; None if it has no such character."""
    with own_style():
        font = _font()
        if not font.get_char_index(ord(character)):
            return None
        return font.load_char(ord(character)).linearHoriAdvance / 65536 / 100


@functools.cache
def _font() -> Any:
    """The font of all pictures, which comes with matplotlib, at a size of 100 pixels."""
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    font = FT2Font(findfont("DejaVu Sans"))
    font.set_size(100, 72)
    return font
