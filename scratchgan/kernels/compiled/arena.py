"""Memory for the arrays of a recorded step: the same addresses in every step, and no more than the step itself needs.

An array is made from a `Block`.  When the array and all its views are gone, the block is given back and used again, by
a later operation of the same step.  That is right for the recording as well: its operations run in the same order.
"""

from __future__ import annotations

import contextlib
import gc
import math
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import pool
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
        self.arena, self.place, self.size, self.term = arena, place, size, arena.term
        self.maker: int | None = None  # the number of the operation whose result this is, if nothing else writes here
        self.__array_interface__ = {"data": (place, False), "shape": (size,), "typestr": "|u1", "version": 3}

    def __del__(self):
        if self.term == self.arena.term:
            self.arena.give_back(self.place, self.size)


class Arena:
    """Memory for arrays whose addresses stay as long as the arena; released pieces are used again until `close`."""

    def __init__(self):
        self.slabs: list[np.ndarray] = []
        self.free: list[tuple[int, int]] = []  # (place, bytes), in order of place; neighbours are joined
        self.term = 0  # blocks of an earlier term are not given back

    @property
    def bytes(self) -> int:
        """How much memory it holds."""
        return sum(slab.nbytes for slab in self.slabs)

    @property
    def in_use(self) -> int:
        """How many bytes of it belong to blocks."""
        return sum(self._usable(slab)[1] for slab in self.slabs) - sum(size for _, size in self.free)

    def take(self, size: int) -> Block:
        """A block of at least `size` bytes."""
        size = max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
        fits = [(length, place) for place, length in self.free if length >= size]
        if not fits:
            self.slabs.append(np.empty(max(size, SLAB) + ALIGNMENT, np.uint8))
            self.give_back(*self._usable(self.slabs[-1]))
            return self.take(size)
        length, place = min(fits)
        self.free.remove((place, length))
        if length > size:
            self.give_back(place + size, length - size)
        return Block(self, place, size)

    def empty(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        """An array of these shape and dtype; its numbers may be anything."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        return np.asarray(self.take(size))[:size].view(dtype).reshape(shape)

    def give_back(self, place: int, size: int) -> None:
        """The memory may be used again."""
        pieces = sorted([*self.free, (place, size)])
        self.free = pieces[:1]
        for place, size in pieces[1:]:
            before, length = self.free[-1]
            if before + length == place:
                self.free[-1] = (before, length + size)
            else:
                self.free.append((place, size))

    @staticmethod
    def _usable(slab: np.ndarray) -> tuple[int, int]:
        """(place, bytes) of a slab from its first aligned address on."""
        return -(-address(slab) // ALIGNMENT) * ALIGNMENT, slab.nbytes - ALIGNMENT

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Within it, `pool.empty` takes its memory from here, whatever a listing has there: it computes that anew.

        Raises ArrayKeptError at the end if an array is still in use: a listing would change it.
        """
        self.close()
        for slab in self.slabs:
            self.give_back(*self._usable(slab))
        pool.recorder = Lender(self)
        try:
            yield
        finally:
            pool.recorder = None
            if self.in_use:
                gc.collect()
            kept = self.in_use
            self.close()
        if kept:
            raise ArrayKeptError("an array of the step is still in use after it")

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
        self.term, self.free = self.term + 1, []


class ArrayKeptError(RuntimeError):
    """Something outside of the step keeps one of its arrays."""


class Lender:
    """What `pool` asks for memory while an arena is lent; nothing is recorded."""

    def __init__(self, arena: Arena):
        self.arena, self.thread = arena, threading.get_ident()

    @property
    def active(self) -> bool:
        """Whether the present thread is the one that the memory is lent to."""
        return self.thread == threading.get_ident()

    def empty(self, shape, dtype) -> np.ndarray:
        """An array in the arena."""
        return self.arena.empty(shape, dtype)

    def keep(self, entries) -> None:
        """Nothing."""

    def kernel(self, *call) -> None:
        """Nothing."""

    def copy(self, to: np.ndarray, value: np.ndarray) -> None:
        """to[...] = value."""
        to[...] = value
