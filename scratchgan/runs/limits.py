"""A limit on the weights of nets that a file describes: they are counted before memory is allocated for them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..initializers import guard


@contextmanager
def at_most(entries: int, arrays: int) -> Iterator[None]:
    """Within the block, making weights with more than `entries` entries or `arrays` arrays in total is a ValueError.

    It is raised before memory is allocated.  A file that describes nets also contains their weights, so the nets
    cannot be larger than what the file contains.
    """
    left = [entries, arrays]

    def allow(shape: tuple[int, ...]) -> None:
        left[:] = left[0] - math.prod(shape), left[1] - 1
        if min(left) < 0:
            raise ValueError(f"the nets have more weights than the file contains: no room for shape {tuple(shape)}")

    token = guard.set(allow)
    try:
        yield
    finally:
        guard.reset(token)
