"""The part of the table of cases that belongs to games with pairs: content losses, nets, games."""

from __future__ import annotations

from ..losses.content import Content
from .case import Case


def _content(name: str, **options: float):
    """A function rng -> the content loss, for a target about as far from the input as the input is from zero."""
    return lambda rng: Content(name, 1.5 * rng.standard_normal((2, 3, 2, 2)), **options)


CONTENTS = [
    Case("Content l1", _content("l1"), (2, 3, 2, 2)),
    Case("Content l2", _content("l2"), (2, 3, 2, 2)),
    Case("Content charbonnier", _content("charbonnier", eps=0.7), (2, 3, 2, 2)),
]
