"""One pool of threads for everything, and the same bits whatever their number.

A kernel is cut into *tasks*.  How many there are, and what each does, follows from the shapes alone; each writes what
no other task writes; sums over tasks are taken afterwards, in order.  So it cannot matter which thread runs which task.

A task is a compiled function of two numbers: which task it is, and the address of a table with the addresses and sizes
of the arrays.  `parallel_for` is the only function in the package that Numba runs in parallel.  (A second pool beside
it, such as BLAS's, would spin on the same cores: a step then took four times as long.)

    @task
    def _double(i, p):                      # p is the table's address, integer(p, 0) its first entry
        ...

    run(parallel_for, _double.address, n_tasks, address of the table)
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import threading

import numba
import numpy as np
from llvmlite import ir
from numba import carray, prange, types
from numba.extending import intrinsic

from ...checks import positive_int
from .compiling import by_address, inner, jit

_lock: contextlib.AbstractContextManager = contextlib.nullcontext()
_started = False


@intrinsic
def _call(typingctx, address, i, table):
    """Call the compiled function at `address` with (i, table)."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64), ir.IntType(64)])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _as_pointer(typingctx, address, like):
    """A pointer to numbers of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(types.int64, like), generate


@inner
def array(address, n, like):
    """The n numbers at an address, of the type of `like`, as an array."""
    return carray(_as_pointer(address, like), n)


@inner
def address_of(a):
    """Where an array's first number stands."""
    return np.int64(a.ctypes.data)


def empty(shape, dtype) -> np.ndarray:
    """np.empty, beginning at a multiple of 64 bytes.

    A vector of 64 bytes that begins elsewhere lies across two lines of the cache, and every load is two.
    """
    n, size = math.prod(shape), np.dtype(dtype).itemsize
    memory = np.empty(n * size + 64, np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + n * size].view(dtype).reshape(shape)


def address(a: np.ndarray) -> int:
    """Where an array's first number stands."""
    return a.__array_interface__["data"][0]


def table(*entries) -> np.ndarray:
    """Integers, and addresses of arrays, as a table for tasks."""
    return np.array([address(e) if isinstance(e, np.ndarray) else e for e in entries], np.int64)


@inner
def aligned(a):
    """The first multiple of 64 within an array of int64, as an address; leaves up to 7 of its numbers unused."""
    return (np.int64(a.ctypes.data) + 63) // 64 * 64


@inner
def share(address, n, i, tasks, like):
    """The i-th of `tasks` equal parts of the n numbers at an address.

    An array of its own, to be indexed from 0: an index that might be negative, for all the compiler knows, keeps it
    from vectorising.
    """
    lo, hi = part(n, i, tasks)
    return array(address + lo * size_of(like), hi - lo, like)


@inner
def part(n, i, tasks):
    """(first, last + 1) of the i-th of `tasks` equal parts of range(n)."""
    return n * i // tasks, n * (i + 1) // tasks


@intrinsic
def get(typingctx, address, like):
    """The number at an address, of the type of `like`."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.return_type)
        return builder.load(builder.inttoptr(arguments[0], kind.as_pointer()), align=kind_size(signature.return_type))

    return like(types.int64, like), generate


@intrinsic
def put(typingctx, address, number):
    """Write a number to an address."""

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


@jit(parallel=True)
def parallel_for(address, n, table):
    """Run tasks 0 ... n - 1 of the function at `address`; each gets the same table."""
    if n == 1:
        _call(address, 0, table)
    else:
        for i in prange(n):
            _call(address, i, table)


@inner
def keep(*arrays):
    """Say that the arrays are still needed.

    Numba frees an array after the last line that names it; that an address taken from it is still in use, it cannot
    know.  So every function that takes addresses ends with keep(...) of the arrays behind them.
    """


def task(function):
    """Decorator: a function (i, table address), see above."""
    return by_address("void(int64, int64)")(function)


@task
def _nothing(i, p):
    pass


def run(launcher, *arguments):
    """Call a compiled launcher; one at a time where Numba's threading layer cannot bear two (workqueue aborts)."""
    if not _started:
        _start()
    with _lock:
        return launcher(*arguments)


def _start() -> None:
    global _started, _lock
    parallel_for(_nothing.address, 2, 0)  # loads the threading layer, so that we know which it is
    if numba.threading_layer() == "workqueue":
        _lock = threading.RLock()
    _keep_memory()
    _started = True


def _keep_memory() -> None:
    """Let the C library keep the memory of freed arrays for the next ones.

    As it is, glibc gives arrays of a few MB back to the system, which hands them out again page by page, each zeroed
    first: in a training step, 8,000 pages and a fifth of the time.  Where there is no `mallopt`, nothing is done.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, mebibytes in ((-3, 64), (-1, 256)):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
        mallopt(option, mebibytes << 20)


def set_num_threads(n: int) -> None:
    """Let kernels use n threads from now on.  The results are the same bits for every n.

    Raises ValueError if n is not between 1 and the number of cores that the process was started with.
    """
    n = positive_int("set_num_threads", "n", n)
    if n > numba.config.NUMBA_NUM_THREADS:
        raise ValueError(
            f"set_num_threads: this process has {numba.config.NUMBA_NUM_THREADS} threads at most, got {n} "
            "(the environment variable NUMBA_NUM_THREADS, before the start, allows more)"
        )
    numba.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads kernels use."""
    return numba.get_num_threads()
