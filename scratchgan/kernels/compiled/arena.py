"""Memory for the arrays of a recorded step: the same addresses in every step, and no more than the step itself needs.

An array is made from a `Block`.  When the array and all its views are gone, the block is given back and used again, by
a later operation of the same step.  That is right for the recording as well: its operations run in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .pool import address

ALIGNMENT = 64
SLAB = 1 << 20  # bytes that the arena takes from NumPy at a time, at least


def base_array(a: np.ndarray) -> np.ndarray:
    """The array that owns the memory of `a`, or has got it from something that is not an array."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


class Block:
    """A piece of an arena's memory; the array made from it, and all views of that, keep it in use."""

    def __init__(self, arena: Arena, place: int, size: int):
        self.arena, self.place, self.size = arena, place, size
        self.maker: int | None = None  # the number of the operation whose result this is, if nothing else writes here
        self.__array_interface__ = {"data": (place, False), "shape": (size,), "typestr": "|u1", "version": 3}

    def __del__(self):
        self.arena.give_back(self.place, self.size)


class Arena:
    """Memory for arrays whose addresses stay as long as the arena; released pieces are used again until `close`."""

    def __init__(self):
        self.slabs: list[np.ndarray] = []
        self.free: list[tuple[int, int]] = []  # (place, bytes), in order of place; neighbours are joined
        self.open = True

    @property
    def bytes(self) -> int:
        """How much memory it holds."""
        return sum(slab.nbytes for slab in self.slabs)

    def take(self, size: int) -> Block:
        """A block of at least `size` bytes."""
        size = max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
        fits = [(length, place) for place, length in self.free if length >= size]
        if not fits:
            slab = np.empty(max(size, SLAB) + ALIGNMENT, np.uint8)
            self.slabs.append(slab)
            place = -(-address(slab) // ALIGNMENT) * ALIGNMENT
            self.give_back(place, max(size, SLAB))
            return self.take(size)
        length, place = min(fits)
        self.free.remove((place, length))
        if length > size:
            self.give_back(place + size, length - size)
        return Block(self, place, size)

    def give_back(self, place: int, size: int) -> None:
        """The memory may be used again."""
        if not self.open:
            return
        pieces = sorted([*self.free, (place, size)])
        self.free = pieces[:1]
        for place, size in pieces[1:]:
            before, length = self.free[-1]
            if before + length == place:
                self.free[-1] = (before, length + size)
            else:
                self.free.append((place, size))

    def lasting(self, value: Any) -> Any:
        """`value`, or what is in it, with arrays of this arena as views that do not keep their blocks in use."""
        if isinstance(value, (tuple, list)):
            return type(value)(self.lasting(v) for v in value)
        if isinstance(value, dict):
            return {key: self.lasting(v) for key, v in value.items()}
        if not isinstance(value, np.ndarray) or not isinstance(base_array(value).base, Block):
            return value
        place = address(value)
        for slab in self.slabs:
            offset = place - address(slab)
            if 0 <= offset < slab.nbytes:
                return np.ndarray(value.shape, value.dtype, slab, offset, value.strides)
        return value.view(np.ndarray)  # of another arena

    def close(self) -> None:
        """From now on the addresses belong to a listing."""
        self.open = False
