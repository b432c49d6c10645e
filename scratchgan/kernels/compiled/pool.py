"""Tasks: how kernels are cut into pieces, with bit-identical results for any number of threads.

A kernel is cut into *tasks*.  The shapes alone decide how many tasks there are and what each one does.  No two tasks
write to the same place, and sums over tasks are taken afterwards, in a fixed order.  So it does not matter which thread
runs which task.

A task is a compiled function of two numbers: its index, and the address of a table that holds the addresses and sizes
of the arrays (`tables` gives names to the entries).  All kernels use threads through `run`, and there is one crew of
them (`crew`).  (The threads of a second pool in the same process, such as BLAS's, would spin on the same cores: that
made a training step take four times as long.)

    @float_task
    def _double(i, p, one):                 # p is the address of the table
        ...                                 # `one` is the number 1 in the dtype of the arrays: float32 or float64

    run(_double[x.itemsize], number of tasks, table)
"""

from __future__ import annotations

import array as _array
import ast
import ctypes
import inspect
import math
import sys
import textwrap
import threading
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from ...checks import positive_int
from . import ahead, crew
from .compiling import by_address

_starting = threading.Lock()
#: the `recording.Recording` that is being made, or None
recorder: Any = None


def make_array_of(context, builder, address, n, like):
    """The n numbers of the Numba type `like` at an address, as an array, while code is generated."""
    kind = types.Array(like, 1, "C")
    made, size = arrayobj.make_array(kind)(context, builder), ir.Constant(ir.IntType(64), kind_size(like))
    data = builder.inttoptr(address, context.get_data_type(like).as_pointer())
    arrayobj.populate_array(made, data=data, shape=[n], strides=[size], itemsize=size, meminfo=None)
    return made._getvalue()


@intrinsic
def array(typingctx, address, n, like):
    """The n numbers of the type of `like` at an address, as an array."""

    def generate(context, builder, signature, arguments):
        return make_array_of(context, builder, arguments[0], arguments[1], signature.args[2])

    return types.Array(like, 1, "C")(types.int64, types.int64, like), generate


def present_recording() -> Any:
    """The recording that the present thread makes, or None."""
    recording = recorder  # read once: another thread may end its recording at any time
    return recording if recording is not None and recording.active else None


def empty(shape, dtype) -> np.ndarray:
    """np.empty, but the address is a multiple of 64 bytes.

    A 64-byte vector at any other address lies across two cache lines, and needs two loads.
    """
    recording = present_recording()
    if recording is not None:
        return recording.empty(shape, dtype)
    memory = np.empty(math.prod(shape) * np.dtype(dtype).itemsize + 64, np.uint8)
    return np.ndarray(shape, dtype, memory, -address(memory) % 64)


def contiguous(a: np.ndarray) -> np.ndarray:
    """`a` itself if its numbers lie one after another, otherwise a copy of which that is true."""
    if a.flags.c_contiguous:
        return a
    recording = present_recording()
    if recording is not None:
        made = empty(a.shape, a.dtype)
        recording.copy(made, a)
        return made
    return np.ascontiguousarray(a)


def address(a: np.ndarray | _array.array) -> int:
    """The address of an array's first number."""
    if type(a) is _array.array:
        return a.buffer_info()[0]
    return read_pointer(id(a) + PLACE).value if PLACE else a.__array_interface__["data"][0]  # type: ignore[union-attr]


def _place_of_pointer() -> int:
    """How many bytes after the beginning of an array object NumPy keeps its pointer to the numbers; 0: unknown.

    To ask the array takes longer than a small kernel.  NumPy's C interface fixes this place: it follows the header that
    all Python objects have.  (In a Python with another header, such as PyPy, it is somewhere else.)
    """
    a, place = np.empty(1), object.__basicsize__
    if sys.implementation.name == "cpython" and read_pointer(id(a) + place).value == a.ctypes.data:
        return place
    return 0


read_pointer = ctypes.c_int64.from_address
PLACE = _place_of_pointer()


@intrinsic
def scratch(typingctx, n):
    """The address, a multiple of 64, of n bytes of memory for a task's own use, until `release`.

    (np.empty would do.  But every array that a task makes adds code that counts references and raises errors, and
    compiling this code took longer than compiling the loops.)
    """

    def generate(context, builder, signature, arguments):
        i64 = ir.IntType(64)
        start = context.nrt.allocate(builder, builder.add(arguments[0], ir.Constant(i64, 128)))
        start = builder.ptrtoint(start, i64)
        place = builder.and_(builder.add(start, ir.Constant(i64, 127)), ir.Constant(i64, -64))
        before = builder.inttoptr(builder.sub(place, ir.Constant(i64, 8)), i64.as_pointer())
        builder.store(start, before)  # `release` needs it
        return place

    return types.int64(types.int64), generate


@intrinsic
def release(typingctx, place):
    """Give back the memory at an address that `scratch` returned."""

    def generate(context, builder, signature, arguments):
        i64 = ir.IntType(64)
        before = builder.inttoptr(builder.sub(arguments[0], ir.Constant(i64, 8)), i64.as_pointer())
        start = builder.inttoptr(builder.load(before), ir.IntType(8).as_pointer())
        context.nrt.free(builder, start)
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def fill_zeros(typingctx, to, n, like):
    """Write n zeros of the type of `like` to an address."""

    def generate(context, builder, signature, arguments):
        i1, i8, i64 = (ir.IntType(bits) for bits in (1, 8, 64))
        kind = ir.FunctionType(ir.VoidType(), [i8.as_pointer(), i8, i64, i1])
        memset = cgutils.get_or_insert_function(builder.module, kind, "llvm.memset.p0.i64")
        n = builder.mul(arguments[1], ir.Constant(i64, kind_size(signature.args[2])))
        to = builder.inttoptr(arguments[0], i8.as_pointer())
        builder.call(memset, [to, ir.Constant(i8, 0), n, ir.Constant(i1, 0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, like), generate


def _limits(builder, n, i, tasks):
    """n i // tasks and n (i + 1) // tasks, while code is generated."""
    after = builder.add(i, ir.Constant(ir.IntType(64), 1))
    return tuple(builder.sdiv(builder.mul(n, k), tasks) for k in (i, after))


@intrinsic
def share(typingctx, address, n, i, tasks, like):
    """The i-th of `tasks` equal parts of the n numbers at an address, as an array.

    The array begins at the part, so that loops over it start at 0: with an offset, the compiler cannot know that the
    index is never negative, and does not vectorise.
    """

    def generate(context, builder, signature, arguments):
        address, *place, _ = arguments
        lo, hi = _limits(builder, *place)
        size = ir.Constant(ir.IntType(64), kind_size(signature.args[4]))
        start = builder.add(address, builder.mul(lo, size))
        return make_array_of(context, builder, start, builder.sub(hi, lo), signature.args[4])

    return types.Array(like, 1, "C")(*[types.int64] * 4, like), generate


@intrinsic
def part(typingctx, n, i, tasks):
    """(first, last + 1) of the i-th of `tasks` equal parts of range(n)."""

    def generate(context, builder, signature, arguments):
        return context.make_tuple(builder, signature.return_type, _limits(builder, *arguments))

    return types.UniTuple(types.int64, 2)(*[types.int64] * 3), generate


@intrinsic
def get(typingctx, address, like):
    """Read a number of the type of `like` at an address."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.return_type)
        return builder.load(builder.inttoptr(arguments[0], kind.as_pointer()), align=kind_size(signature.return_type))

    return like(types.int64, like), generate


@intrinsic
def put(typingctx, address, number):
    """Write a number at an address."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.args[1])
        builder.store(
            arguments[1], builder.inttoptr(arguments[0], kind.as_pointer()), align=kind_size(signature.args[1])
        )
        return context.get_dummy_value()

    return types.void(types.int64, number), generate


@intrinsic
def integer(typingctx, table, index):
    """Entry `index` of a table of int64 at an address."""

    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load(builder.gep(pointer, [arguments[1]]))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def size_of(typingctx, number):
    """Bytes of a number of this type."""

    def generate(context, builder, signature, arguments):
        return ir.Constant(ir.IntType(64), kind_size(signature.args[0]))

    return types.int64(number), generate


def kind_size(kind) -> int:
    """Bytes of a number of a Numba type."""
    return kind.bitwidth // 8


def task(function):
    """Decorator: a function (i, address of the table), see above."""
    return by_address("void(int64, int64)")(function)


def float_task(body):
    """Decorator: a function (i, address of the table, one) as two tasks, {4: for float32, 8: for float64}.

    `one` is the number 1 in the dtype that the task is for: its type says what the arrays hold.
    """
    with_one, made = _with_one(body), {}
    for size, one in ((4, np.float32(1)), (8, np.float64(1))):
        function = with_one(one)
        function.__name__ = function.__qualname__ = f"{body.__name__}_{one.dtype}"  # the cache tells them apart by this
        made[size] = task(function)
    return made


def _with_one(body):
    """A function of `one` that returns the function (i, p) with the source of `body`, in which `one` is a constant.

    Its file and line are those of `body`, since Numba finds machine code on disk by file, name and line.  (A function
    that calls `body` would be shorter to write, but `body` would be compiled twice, by itself and within its caller.)
    """
    lines, first = inspect.getsourcelines(body)
    function = ast.parse(textwrap.dedent("".join(lines))).body[0]
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list = []
    function.args.args.pop()
    ast.increment_lineno(function, first - 1)
    outer = ast.parse(f"def outer(one):\n    return {function.name}")
    outer.body[0].body.insert(0, function)  # type: ignore[attr-defined]
    made: dict = {}
    exec(compile(outer, body.__code__.co_filename, "exec"), body.__globals__, made)
    return made["outer"]


def run(
    task: by_address, n: int, table: np.ndarray | _array.array, first: by_address | None = None, n_first: int = 0
) -> None:
    """Run tasks 0 ... n - 1 on all threads, and before them n_first tasks of `first`, if there is such a task.

    Each gets the address of the table.  Returns when all are finished.  -n instead of n means that the n tasks are too
    small to be shared: the calling thread runs them.
    """
    if not crew.running:
        _start()
    recording = present_recording()
    if recording is not None:
        recording.kernel(task, n, table, first, n_first)
    row = _array.array("q", (0 if first is None else first.address, n_first, task.address, n, address(table)))
    crew.parallel_for(crew.STATE, row.buffer_info()[0], 1)


def _start() -> None:
    with _starting:
        if not crew.running:
            ahead.start()
            _keep_memory()
            crew.start()


def _keep_memory() -> None:
    """Let the C library reuse the memory of freed arrays.

    By default glibc returns arrays of a few MB to the operating system, which hands memory out again page by page and
    zeroes each page first: 8,000 pages and a fifth of the time in a training step.  32 MiB is the largest threshold
    that glibc documents; older versions refuse more.  If it is refused, or without `mallopt`, nothing is changed: to
    set one of the two options alone would switch off glibc's own adjustment.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    if mallopt(-3, 32 << 20):  # M_MMAP_THRESHOLD
        mallopt(-1, 256 << 20)  # M_TRIM_THRESHOLD


def set_num_threads(n: int) -> None:
    """Let kernels use n threads from now on.  The results have the same bits for every n.

    Raises ValueError if n is not between 1 and the number of cores that the process was started with.
    """
    n = positive_int("set_num_threads", "n", n)
    if n > numba.config.NUMBA_NUM_THREADS:
        raise ValueError(
            f"set_num_threads: this process has {numba.config.NUMBA_NUM_THREADS} threads at most, got {n} "
            "(the environment variable NUMBA_NUM_THREADS, before the start, allows more)"
        )
    _start()
    crew.set_threads(n)


def get_num_threads() -> int:
    """How many threads kernels use."""
    return crew.threads()
