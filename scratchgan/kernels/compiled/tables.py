"""Names for the entries of the table through which a task gets its arguments (see `pool`).

The names are declared once, and used both to fill the table and to read it:

    SCALE = slots("x y n slope")

    @float_task
    def _scale(i, p, one):                                     # p is the address of the table
        args, slope = read(p, SCALE), real(p, SCALE.slope, one)
        ...                                                    # args.x, args.y and args.n are integers

    p = SCALE.table(x=x, y=y, n=x.size, slope=np.float32(0.2))

`SCALE.slope` is 3, the position of that entry, and a constant to the compiler.  A table is an array of int64 (of
Python's `array`, which is made faster than NumPy's): it holds integers, addresses of arrays, and the bits of
floating-point numbers of NumPy's types.
"""

from __future__ import annotations

import struct
from array import array
from collections import namedtuple
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import pool
from .pool import PLACE, address, kind_size, read_pointer

I64 = ir.IntType(64)
_PACK = {np.float32: struct.Struct("f4x").pack, np.float64: struct.Struct("d").pack}  # to 8 bytes
_UNPACK = struct.Struct("q").unpack


def slots(names: str):
    """Names, separated by blanks -> a named tuple of their positions 0, 1, 2, ..., with two functions to fill a table.

    row(name=entry, ...)       the entries as a tuple, in the order of the names
    table(name=entry, ...)     the same as an array of int64, ready for a task

    Both take exactly these names, as keywords; a missing or unknown one is a TypeError.  (They are made from source
    text, as in `namedtuple`: a function with **keywords would build a dictionary at each call.)
    """
    base = namedtuple("Slots", names.split())  # type: ignore[misc]  # the names are an argument
    given, entries = ", ".join(base._fields), ", ".join(base._fields) + ","
    functions: dict[str, Any] = {"as_array": _as_array}
    exec(f"def row(*, {given}): return ({entries})", functions)
    exec(f"def table(*, {given}): return as_array(({entries}))", functions)
    methods = {name: staticmethod(functions[name]) for name in ("row", "table")}
    return type("Slots", (base,), {"__slots__": (), **methods})(*range(len(base._fields)))


def _as_array(entries: tuple) -> array:
    if pool.recorder is not None and (recording := pool.present_recording()) is not None:
        recording.keep(entries)
    ndarray, integer = np.ndarray, int  # local names are found faster
    if not PLACE:
        return array("q", [e if type(e) is integer else _integer(e) for e in entries])
    return array(
        "q",
        [
            e if type(e) is integer else read_pointer(id(e) + PLACE).value if type(e) is ndarray else _integer(e)
            for e in entries
        ],
    )


def _integer(entry) -> int:
    """The bits of a floating-point number, the address of an array (of a subclass), or any other integer as it is."""
    pack = _PACK.get(type(entry))
    if pack is not None:
        return _UNPACK(pack(entry))[0]
    return address(entry) if isinstance(entry, np.ndarray) else entry


@intrinsic
def read(typingctx, table, slots):
    """All entries of the table at an address, as integers with the names of `slots`."""

    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], I64.as_pointer())
        entries = [builder.load(builder.gep(pointer, [ir.Constant(I64, k)])) for k in range(len(slots))]
        return context.make_tuple(builder, signature.return_type, entries)

    return slots(types.int64, slots), generate


@intrinsic
def real(typingctx, table, slot, like):
    """Entry `slot` of the table at an address, as a floating-point number of the type of `like`."""

    def generate(context, builder, signature, arguments):
        place = builder.add(arguments[0], builder.mul(arguments[1], ir.Constant(I64, 8)))
        kind = context.get_value_type(signature.return_type)
        return builder.load(builder.inttoptr(place, kind.as_pointer()), align=kind_size(signature.return_type))

    return like(types.int64, types.int64, like), generate
