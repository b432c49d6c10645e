"""A limit on the weights of nets that a file describes: they are counted before memory is taken for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..initializers import guard


@contextmanager
def at_most(entries: int, arrays: int) -> Iterator[None]:
    """Within the block, weights of more than so many entries or arrays in all are a ValueError, before they are made.

    For nets that a file describes: the file also holds the weights, so the net cannot be larger than they are.
    """
    left = [entries, arrays]

    def allow(shape: tuple[int, ...]) -> None:
        left[:] = left[0] - math.prod(shape), left[1] - 1
        if min(left) < 0:
            raise ValueError(f"the nets have more weights than the file holds: there is no room for {tuple(shape)}")

    token = guard.set(allow)
    try:
        yield
    finally:
        guard.reset(token)
