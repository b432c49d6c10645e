"""One thread pool for all kernels, and bit-identical results for any number of threads.

A kernel is cut into *tasks*.  The shapes alone decide how many tasks there are and what each one does.  No two tasks
write to the same place, and sums over tasks are taken afterwards, in a fixed order.  So it does not matter which thread
runs which task.

A task is a compiled function of two numbers: its index, and the address of a table that holds the addresses and sizes
of the arrays (`tables` gives names to the entries).  `parallel_for` is the only function in the package that Numba runs
in parallel.  (The threads of a second pool in the same process, such as BLAS's, would spin on the same cores: that made
a training step take four times as long.)

    @float_task
    def _double(i, p, one):                 # p is the address of the table
        ...                                 # `one` is the number 1 in the dtype of the arrays: float32 or float64

    run(parallel_for, _double[x.itemsize].address, number of tasks, address(table))
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
    """Address -> pointer to numbers of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like)(types.int64, like), generate


@inner
def array(address, n, like):
    """The n numbers of the type of `like` at an address, as an array."""
    return carray(_as_pointer(address, like), n)


@inner
def address_of(a):
    """The address of an array's first number."""
    return np.int64(a.ctypes.data)


def empty(shape, dtype) -> np.ndarray:
    """np.empty, but the address is a multiple of 64 bytes.

    A 64-byte vector at any other address lies across two cache lines, and needs two loads.
    """
    n, size = math.prod(shape), np.dtype(dtype).itemsize
    memory = np.empty(n * size + 64, np.uint8)
    start = -memory.__array_interface__["data"][0] % 64
    return memory[start : start + n * size].view(dtype).reshape(shape)


def address(a: np.ndarray) -> int:
    """The address of an array's first number."""
    return a.__array_interface__["data"][0]


@inner
def aligned(a):
    """The first address within an array of int64 that is a multiple of 64; up to 7 of its numbers stay unused."""
    return (np.int64(a.ctypes.data) + 63) // 64 * 64


@inner
def share(address, n, i, tasks, like):
    """The i-th of `tasks` equal parts of the n numbers at an address, as an array.

    The array begins at the part, so that loops over it start at 0: with an offset, the compiler cannot know that the
    index is never negative, and does not vectorise.
    """
    lo, hi = part(n, i, tasks)
    return array(address + lo * size_of(like), hi - lo, like)


@inner
def part(n, i, tasks):
    """(first, last + 1) of the i-th of `tasks` equal parts of range(n)."""
    return n * i // tasks, n * (i + 1) // tasks


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
    """Does nothing, but keeps the arrays alive until here.

    Numba frees an array after the last line that names it.  It cannot know that an address taken from the array is
    still in use.  So every function that takes addresses of its own arrays ends with keep(...) of these arrays.
    """


def task(function):
    """Decorator: a function (i, address of the table), see above."""
    return by_address("void(int64, int64)")(function)


def float_task(body):
    """Decorator: a function (i, address of the table, one) as two tasks, {4: for float32, 8: for float64}.

    `one` is the number 1 in the dtype that the task is for: its type says what the arrays hold.
    """
    compiled = inner(body)
    return {size: task(_bound(body, compiled, one)) for size, one in ((4, np.float32(1)), (8, np.float64(1)))}


def _bound(body, compiled, one):
    """The function (i, p) that calls body(i, p, one).

    Numba finds machine code on disk by a function's file, name and line.  So the new function gets the file and line of
    `body`, and a name with the dtype in it.  (A closure over `compiled` would never be found again: the values that a
    closure holds are part of Numba's key, and a compiled function is given a new random number in each process.)
    """
    name, code = f"{body.__name__}_{one.dtype}", body.__code__
    source = "\n" * (code.co_firstlineno - 1) + f"def {name}(i, p): body(i, p, one)"
    namespace = {"__name__": body.__module__, "body": compiled, "one": one}
    exec(compile(source, code.co_filename, "exec"), namespace)
    return namespace[name]


@task
def _nothing(i, p):
    pass


def run(launcher, *arguments):
    """Call a compiled launcher; one at a time if Numba's threading layer is workqueue, which aborts on a second call."""
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
    """Let the C library reuse the memory of freed arrays.

    By default glibc returns arrays of a few MB to the operating system, which hands memory out again page by page and
    zeroes each page first: 8,000 pages and a fifth of the time in a training step.  Without `mallopt`, do nothing.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, mebibytes in ((-3, 64), (-1, 256)):  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
        mallopt(option, mebibytes << 20)


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
    numba.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads kernels use."""
    return numba.get_num_threads()
