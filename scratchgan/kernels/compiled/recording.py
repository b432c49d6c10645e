r"""Record the kernels and NumPy operations of a training step, to run them again without the Python code around them.

Between two kernels of a small net, Python looks up layers, checks shapes, makes caches and fills tables, every step the
same.  `Recording` is a context manager: inside it the step runs as always, and everything that it computes is written
down as well, at addresses that stay.  `Recording.finish` returns a `Listing`, whose `run` computes the same again.

How an operation is noticed:

    a kernel           `pool.run` is the only way to run one; its task and its table are kept
    an array           `pool.empty` takes memory from the recording's own `Arena`.  Memory that the step has released
                       is used again, in the listing just as in the step: the order of operations is the same
    NumPy              arrays are of the class `Traced`, whose operators, ufuncs and methods report what they do.  An
                       operation is noticed if one of its inputs is a Traced array: one that `pool.empty` has made, a
                       view that the caller has made of an array of the nets, or a result computed from these
    anything else      what a Traced array cannot follow (a branch on a number, an index by an array) refuses the
                       recording: `refused` says why.  What it cannot notice is left to the caller, who must compare
                       the listing with the step itself (`scratchgan.replay` does)

`x += y` and `x.fill(0)` become tasks, too, and neighbouring kernels are one call of compiled code.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from array import array as table_of
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NamedTuple

import numpy as np

from . import crew, pool
from .arena import Arena, Block, base_array
from .compiling import by_address
from .gemm import DTYPES
from .pool import address, float_task, share
from .tables import read, slots
from .traced import Traced, plain

TASKS = 8  # for one operation on a large array
LARGE = 1 << 14  # numbers

ADD = slots("to a n tasks")
FILL = slots("to n tasks")


@float_task
def _add(i, p, one):
    """to += a."""
    args = read(p, ADD)
    to, a = share(args.to, args.n, i, args.tasks, one), share(args.a, args.n, i, args.tasks, one)
    for k in range(to.size):
        to[k] += a[k]


@float_task
def _fill(i, p, one):
    """to = 0."""
    args = read(p, FILL)
    to = share(args.to, args.n, i, args.tasks, one)
    for k in range(to.size):
        to[k] = 0


class Operation(NamedTuple):
    """One entry of a listing.

    name     the task's or NumPy's name         layer    whose pass computed it: Dense "D.2" backward
    shape    of the result, if it is an array   tasks    how many; 0 for what runs in Python
    row      five integers for `crew.parallel_for`, or None
    call     a function without arguments, for what runs in Python, or None
    """

    name: str
    layer: str
    shape: tuple[int, ...] | None
    tasks: int
    row: tuple[int, ...] | None
    call: Callable[[], object] | None


class Listing:
    """What a recording has written down.  `run` computes it all again, in order, at the same addresses."""

    def __init__(self, operations: Sequence[Operation], kept: Sequence[object], arena: Arena):
        self.operations, self.kept, self.arena = list(operations), kept, arena
        #: consecutive kernels as one table of rows, and functions of Python
        self.segments: list[tuple[table_of | None, int, Callable[[], object] | None]] = []
        rows: list[int] = []
        for operation in self.operations:
            if operation.row is not None:
                rows += operation.row
            else:
                self._add_rows(rows)
                rows = []
                self.segments.append((None, 0, operation.call))
        self._add_rows(rows)

    def _add_rows(self, rows: list[int]) -> None:
        if rows:
            self.segments.append((table_of("q", rows), len(rows) // crew.ROW, None))

    def run(self) -> None:
        """Compute everything again."""
        for rows, n, call in self.segments:
            if rows is not None:
                crew.parallel_for(crew.STATE, address(rows), n)
            elif call is not None:
                call()

    def timed(self) -> list[float]:
        """Compute everything again, one operation after another; return how many seconds each took."""
        seconds = []
        for operation in self.operations:
            row = None if operation.row is None else table_of("q", operation.row)
            start = time.perf_counter()
            if row is not None:
                crew.parallel_for(crew.STATE, address(row), 1)
            else:
                operation.call()  # type: ignore[misc]  # it has one if it has no row
            seconds.append(time.perf_counter() - start)
        return seconds


class Recording:
    """Context manager: what this Python thread computes inside it is written down (see the top of the file).

    refused    why the step cannot be run from a listing; "" as long as nothing is against it
    """

    def __init__(self) -> None:
        self.arena = Arena()
        self.operations: list[Operation] = []
        self.kept: list[object] = []
        self.numbers: dict[int, np.ndarray] = {}  # id of a float -> the array that it was read from
        self.reads: dict[int, set[int]] = {}  # operation that only makes an array -> those whose results it reads
        self.needed: set[int] = set()  # such operations whose result something else reads
        self.refused = ""
        self.thread = 0
        self.paused = False

    def __enter__(self) -> Recording:
        if pool.recorder is not None:
            raise RuntimeError("a training step is being recorded already")
        self.thread, self.usual, pool.recorder = threading.get_ident(), np.geterr(), self
        return self

    def __exit__(self, *exc) -> None:
        pool.recorder = None

    @property
    def active(self) -> bool:
        """Whether to write down what the present thread does."""
        return not self.paused and self.thread == threading.get_ident()

    def finish(self, results: Sequence[np.ndarray] = ()) -> Listing:
        """The listing, without operations whose result nobody reads.

        Besides `results`, arrays of the step that are still in use keep their addresses, but maybe not their meaning.
        """
        self._need(results)
        self.arena.close()
        live, look_at = set(), list(self.needed)
        while look_at:
            k = look_at.pop()
            if k not in live:
                live.add(k)
                look_at += self.reads.get(k, ())
        operations = [o for k, o in enumerate(self.operations) if k in live or k not in self.reads]
        return Listing(operations, self.kept, self.arena)

    def refuse(self, reason: str) -> None:
        """The step cannot be run from a listing; only the first reason is kept."""
        self.refused = self.refused or f"{reason}{_where()}"

    # -- what is written down -----------------------------------------------------------------------------------------

    def empty(self, shape, dtype) -> np.ndarray:
        """An array in the arena."""
        return self.arena.empty(shape, dtype).view(Traced)

    def keep(self, entries) -> None:
        """Keep the arrays in a table, except for those in the arena: it keeps their memory."""
        self._need(entries)
        self.kept += [e for e in entries if isinstance(e, np.ndarray) and not isinstance(base_array(e).base, Block)]

    def kernel(self, task: by_address, n: int, table, first: by_address | None, n_first: int) -> None:
        """A call of `pool.run`."""
        self.kept.append(table)
        row = (0 if first is None else first.address, n_first, task.address, n, address(table))
        names = [
            name.removesuffix("_float32").lstrip("_") for name in (first and first.__name__, task.__name__) if name
        ]
        self.operations.append(Operation(" ".join(names), _layer(), None, n, row, None))

    def call(self, name: str, function: Callable[[], object], shape: tuple[int, ...] | None = None) -> None:
        """A function of Python, to be called as it is."""
        self.operations.append(Operation(name, _layer(), shape, 0, None, function))

    def outside(self, name: str, now: Callable[[], np.ndarray | None], later: Callable[[], np.ndarray | None]):
        """Call `now` without recording it, and let the listing call `later`; the result, if any, goes into one array."""
        self.paused = True
        try:
            result = now()
        finally:
            self.paused = False
        if result is None:
            self.call(name, later)
            return None
        slot = self.empty(result.shape, result.dtype)
        to = self.arena.lasting(slot)
        to[...] = result
        self.call(name, lambda: np.copyto(to, later()), slot.shape)  # type: ignore[arg-type]  # now it is an array
        return slot

    def pure(self, name: str, function: Callable, arguments, keywords, out: np.ndarray | None = None):
        """A function without side effects, of arrays: its result goes into one array, `out` if that is given."""
        makers = _makers((*arguments, *keywords.values()))
        arguments, keywords = (self.arena.lasting(plain(given)) for given in (arguments, keywords))
        errors = np.geterr()
        if out is not None:
            self.needed |= makers
            self._need((out,))
            to = self.arena.lasting(plain(out))
            function(*arguments, out=to, **keywords)
            if not self._as_task(name, arguments, to, keywords):
                self._write_down(name, functools.partial(function, *arguments, out=to, **keywords), to.shape, errors)
            return out
        result = function(*arguments, **keywords)
        slot = self.empty(np.shape(result), result.dtype)
        to = self.arena.lasting(slot)
        to[...] = result
        if isinstance(function, np.ufunc) or isinstance(getattr(function, "__self__", None), np.ufunc):
            call = functools.partial(function, *arguments, out=to, **keywords)
        else:
            call = functools.partial(_into, to, function, arguments, keywords)
        base_array(slot).base.maker = number = len(self.operations)  # type: ignore[union-attr]  # it is a Block
        self.reads[number] = makers
        self._write_down(name, call, to.shape, errors)
        return slot

    def copy(self, to: np.ndarray, value) -> None:
        """to[...] = value, with any conversion."""
        self._need((to, value))
        to, value = (self.arena.lasting(plain(given)) for given in (to, value))
        np.copyto(to, value, casting="unsafe")
        zero = isinstance(value, (int, float)) and value == 0
        if not (zero and self._task(_fill, "fill", to, FILL)):
            self._write_down("copy", functools.partial(np.copyto, to, value, casting="unsafe"), to.shape, np.geterr())

    def number(self, value: float, source: np.ndarray) -> float:
        """A float that was read from an array."""
        self._need((source,))
        self.kept.append(value)  # its id must not be used again
        self.numbers[id(value)] = plain(source)
        return value

    def source(self, number: object) -> np.ndarray | None:
        """The array that a float was read from; None if it was computed otherwise."""
        return self.numbers.get(id(number))

    def _need(self, entries) -> None:
        self.needed |= _makers(entries)

    def _as_task(self, name: str, arguments, out: np.ndarray, keywords) -> bool:
        """Whether this is `out += a`, and has become a task."""
        if name != "add" or keywords or not _same(arguments[0], out):
            return False
        a = arguments[1]
        alike = isinstance(a, np.ndarray) and a.shape == out.shape and a.dtype == out.dtype and a.flags.c_contiguous
        return alike and self._task(_add, "add", out, ADD, a=a)

    def _task(self, tasks, name: str, to: np.ndarray, names, **more) -> bool:
        if to.dtype not in DTYPES or not to.flags.c_contiguous or to.size == 0:
            return False
        n = TASKS if to.size >= LARGE else 1
        self.keep((to, *more.values()))
        table, task = names.table(to=to, n=to.size, tasks=n, **more), tasks[to.itemsize]
        self.kept.append(table)
        row = (0, 0, task.address, n, address(table))
        self.operations.append(Operation(name, _layer(), to.shape, n, row, None))
        return True

    def _write_down(self, name: str, call: Callable[[], object], shape, errors) -> None:
        if errors != self.usual:
            call = functools.partial(_with_errors, errors, call)
        self.call(name, call, shape)


def _makers(entries) -> set[int]:
    """The operations that made these arrays, also those within tuples and lists."""
    found: set[int] = set()
    for entry in entries:
        if isinstance(entry, (tuple, list)):
            found |= _makers(entry)
        elif isinstance(entry, np.ndarray):
            block = base_array(entry).base
            if isinstance(block, Block) and block.maker is not None:
                found.add(block.maker)
    return found


def _same(a: object, b: np.ndarray) -> bool:
    """Whether two arrays are the same memory, seen in the same way."""
    return isinstance(a, np.ndarray) and a.__array_interface__ == b.__array_interface__


def _into(to: np.ndarray, function: Callable, arguments, keywords) -> None:
    np.copyto(to, function(*arguments, **keywords))


def _with_errors(errors: dict, call: Callable[[], object]) -> None:
    with np.errstate(**errors):
        call()


def _frames():
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _layer() -> str:
    """The layer whose pass is running, with the pass: "Dense "D.2" backward"; or the game's method."""
    for frame in _frames():
        owner = frame.f_locals.get("self")
        kind = frame.f_code.co_name
        label = getattr(getattr(owner, "layer", owner), "label", None) or getattr(
            getattr(owner, "last", None), "label", None
        )
        if label and kind in ("forward", "backward"):
            return f"{label} {kind}"
        if kind in ("discriminator", "generator", "d_gradients", "g_gradients", "d_step", "g_step"):
            return kind
    return ""


def _where() -> str:
    """The file of the package, and the line, where something was refused."""
    inside = ("recording.py", "traced.py")
    for frame in _frames():
        name = frame.f_code.co_filename
        if "scratchgan" in name and not name.endswith(inside):
            return f" ({name[name.rindex('scratchgan') :]}, line {frame.f_lineno})"
    return ""
