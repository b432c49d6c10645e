"""The threads that run tasks: a crew of our own, which takes tasks from a shared counter.

A parallel region has n tasks.  The thread that starts it and the workers that are awake take one task after another;
who takes which does not matter (see `pool`).  The region ends when n tasks are *finished*, not when all threads have
arrived: a worker that the system does not let run, because another program keeps the core busy, is waited for only if
it has a task in hand.  With equal shares for all threads and a barrier, which is what OpenMP does, two threads next to
one busy program were five times slower than one.

A worker without tasks looks at the counter for a moment longer, since the next region often begins soon, and then
sleeps until it is woken.

**The counter.**  The shared state is a few int64, each on a cache line of its own.  NEXT holds the number of the region
in its upper 32 bits and its next task in the lower 32 bits; a task is taken by a compare-and-swap on the whole of it:

    start     NEXT <- (region, CLOSED);  write FUNCTION, TABLE, TASKS;  FINISHED <- 0;  NEXT <- (region, 0)
    a thread  v <- NEXT;  read FUNCTION, TABLE, TASKS;  if task(v) < TASKS and NEXT is still v:  NEXT <- v + 1, the task
              is its own, it runs it;  FINISHED <- FINISHED + 1

What was read belongs to the region of v: while NEXT stays at a v with tasks left, that region cannot end, and no other
can begin.  If two Python threads start regions at once, they do not wait for each other: the second runs its tasks
alone.

**On a busy machine** a worker may lose its core in the middle of a task, for some milliseconds, while the starter waits
for it.  After such a delay the starter runs its regions alone, for 16 times as long as it had to wait; and for twice as
long as the last time if that was not long ago.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import sys
import threading
import time

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiling import inner, jit

LINE = 8  # int64 in a cache line
(
    NEXT,
    FUNCTION,
    TABLE,
    TASKS,
    FINISHED,
    BUSY,
    ASLEEP,
    WORKERS,
    ALONE_UNTIL,
    ALONE_FOR,
    SYSTEM,
    MUTEX,
    CONDITION,
    SIZE,
) = (LINE * i for i in (*range(10), 10, 12, 14, 16))
LOCK, UNLOCK, WAIT, WAKE, YIELD, CLOCK, CLOCK_A, CLOCK_B, TICKS, TIME = (SYSTEM + i for i in range(10))
ROW = 5  # integers that describe one kernel to `parallel_for`
CLOSED = (1 << 32) - 1
SPINS = 8_000  # looks at the counter before a worker sleeps: some hundred microseconds
PATIENCE = 200  # looks at FINISHED before the starter offers its core to other threads at each look
LATE = 100_000  # ns: a region is delayed if the starter waits longer than this, and longer than its own tasks took
COSTS = 16  # after a delay the starter runs alone for at least this many times its length
SOON = 16  # and for twice as long as the last time, if less than 16 times as long has gone well since then
LONGEST = 4_000_000_000  # ns: and for no longer than this

running = False  # whether there is a crew; `start` makes it
_wanted = numba.config.NUMBA_NUM_THREADS
_workers: list[threading.Thread] = []
_growing = threading.Lock()


def _immortal(n: int) -> int:
    """The address, on a cache line of its own, of n int64 that are never freed: workers read them to the very end."""
    allocate = ctypes.pythonapi.PyMem_RawCalloc
    allocate.restype, allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
    return -(-allocate(n + LINE, 8) // (8 * LINE)) * 8 * LINE


STATE = _immortal(SIZE)
_state = np.frombuffer((ctypes.c_int64 * SIZE).from_address(STATE), np.int64)


def _pointer(builder, state, entry):
    at = builder.add(state, builder.mul(entry, ir.Constant(ir.IntType(64), 8)))
    return builder.inttoptr(at, ir.IntType(64).as_pointer())


@intrinsic
def call(typingctx, address, i, table):
    """Call the compiled function at `address` with (i, table)."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64), ir.IntType(64)])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _call_c(typingctx, address, a, b, c, d):
    """Call a function of the C library with integers or pointers; one that takes fewer ignores the others."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [ir.IntType(64)] * 4)
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def _load(typingctx, state, entry):
    """Read an entry of the shared state; all threads agree on the order of reads and writes."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_pointer(builder, *arguments), "seq_cst", 8)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _store(typingctx, state, entry, value):
    """Write an entry of the shared state."""

    def generate(context, builder, signature, arguments):
        builder.store_atomic(arguments[2], _pointer(builder, *arguments[:2]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _add(typingctx, state, entry, value):
    """Add to an entry of the shared state in a single step; return what it was."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", _pointer(builder, *arguments[:2]), arguments[2], "seq_cst")

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def _swap(typingctx, state, entry, expected, value):
    """Write `value` into an entry if it is `expected`, in a single step; return 1 if it was, otherwise 0."""

    def generate(context, builder, signature, arguments):
        found = builder.cmpxchg(_pointer(builder, *arguments[:2]), arguments[2], arguments[3], "seq_cst", "seq_cst")
        return builder.zext(builder.extract_value(found, 1), ir.IntType(64))

    return types.int64(*[types.int64] * 4), generate


@intrinsic
def _pause(typingctx):
    """Tell the processor that this is a loop that waits."""

    def generate(context, builder, signature, arguments):
        if platform.machine().lower() in ("x86_64", "amd64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@inner
def _take(state):
    """Take a task and run it; return False if there is none to take."""
    v = _load(state, NEXT)
    function, table, n = _load(state, FUNCTION), _load(state, TABLE), _load(state, TASKS)
    i = v & CLOSED
    if i >= n:
        return False
    if _swap(state, NEXT, v, v + 1):
        call(function, i, table)
        _add(state, FINISHED, 1)
    return True


@inner
def _now(state):
    """The time in nanoseconds, from an arbitrary beginning."""
    _call_c(_load(state, CLOCK), _load(state, CLOCK_A), _load(state, CLOCK_B), 0, 0)
    return _load(state, TIME) * _load(state, TICKS) + _load(state, TIME + 1)


@inner
def _region(state, function, n, table):
    """Run tasks 0 ... n - 1; -n instead of n: on this thread, for tasks too small to be shared."""
    began = 0
    shared = n > 1 and _load(state, WORKERS) > 0 and _swap(state, BUSY, 0, 1)
    if shared:
        began = _now(state)
        if began < _load(state, ALONE_UNTIL):
            _store(state, BUSY, 0)
            shared = False
    if not shared:
        for i in range(abs(n)):
            call(function, i, table)
        return
    region = ((_load(state, NEXT) >> 32) + 1) & 0x7FFFFFFF
    _store(state, NEXT, (region << 32) | CLOSED)
    _store(state, FUNCTION, function)
    _store(state, TABLE, table)
    _store(state, TASKS, n)
    _store(state, FINISHED, 0)
    _store(state, NEXT, region << 32)
    if _load(state, ASLEEP) > 0:
        _call_c(_load(state, LOCK), state + 8 * MUTEX, 0, 0, 0)
        _call_c(_load(state, WAKE), state + 8 * CONDITION, 0, 0, 0)
        _call_c(_load(state, UNLOCK), state + 8 * MUTEX, 0, 0, 0)
    while _take(state):
        pass
    own, looks = began, 0
    while _load(state, FINISHED) < n:
        if looks == PATIENCE:
            own = _now(state)
        if looks < PATIENCE:
            _pause()
        else:
            _call_c(_load(state, YIELD), 0, 0, 0, 0)
        looks += 1
    if looks > PATIENCE:
        now = _now(state)
        if now - own > max(LATE, own - began):
            alone, before = COSTS * (now - own), _load(state, ALONE_FOR)
            if now - _load(state, ALONE_UNTIL) < SOON * before:
                alone = max(alone, 2 * before)
            alone = min(alone, LONGEST)
            _store(state, ALONE_FOR, alone)
            _store(state, ALONE_UNTIL, now + alone)
    _store(state, BUSY, 0)


@jit
def parallel_for(state, rows, n_rows):
    """Run what the rows at an address say, one after another.

    A row is five integers (first, n_first, function, n, table): run n_first tasks of the function at the address
    `first`, unless that is 0, and then n tasks of `function`.
    """
    for k in range(2 * n_rows):
        row = rows + 8 * ROW * (k // 2)
        if k % 2 == 1:
            _region(state, _load(row, 2), _load(row, 3), _load(row, 4))
        elif _load(row, 0) != 0:
            _region(state, _load(row, 0), _load(row, 1), _load(row, 4))


@jit
def _work(state, number):
    """What worker `number` = 1, 2, ... does until the process ends: take tasks, look for more, sleep."""
    spins = 0
    while True:
        if number <= _load(state, WORKERS) and _take(state):
            spins = 0
            continue
        spins += 1
        _pause()
        if spins > SPINS:
            spins = 0
            _call_c(_load(state, LOCK), state + 8 * MUTEX, 0, 0, 0)
            _add(state, ASLEEP, 1)
            v = _load(state, NEXT)
            if not (number <= _load(state, WORKERS) and (v & CLOSED) < _load(state, TASKS)):
                _call_c(_load(state, WAIT), state + 8 * CONDITION, state + 8 * MUTEX, CLOSED, 0)
            _add(state, ASLEEP, -1)
            _call_c(_load(state, UNLOCK), state + 8 * MUTEX, 0, 0, 0)


def _of_the_system() -> tuple[list[int], list]:
    """The entries LOCK ... TICKS for this system, and the functions that make a mutex and a condition.

    On Windows, zeros are a mutex and a condition; WAIT takes the longest time to wait as a third argument, and CLOCK
    writes ticks of 100 ns, on all present processors.  Elsewhere CLOCK writes seconds and nanoseconds.
    """
    where = STATE + 8 * TIME
    if sys.platform == "win32":
        library = ctypes.WinDLL("kernel32")
        names = [
            "AcquireSRWLockExclusive",
            "ReleaseSRWLockExclusive",
            "SleepConditionVariableSRW",
            "WakeAllConditionVariable",
            "SwitchToThread",
            "QueryPerformanceCounter",
        ]
        arguments, makers = [where, 0, 100], []
    else:
        library = ctypes.CDLL(None)
        names = [
            "pthread_mutex_lock",
            "pthread_mutex_unlock",
            "pthread_cond_wait",
            "pthread_cond_broadcast",
            "sched_yield",
            "clock_gettime",
        ]
        arguments = [time.CLOCK_MONOTONIC, where, 1_000_000_000]
        makers = [library.pthread_mutex_init, library.pthread_cond_init]
    return [ctypes.cast(library[name], ctypes.c_void_p).value or 0 for name in names] + arguments, makers


def start() -> None:
    """Make the shared state and the workers; afterwards kernels may run."""
    global running
    _state[:] = 0
    _state[NEXT] = CLOSED
    _state[LOCK : TICKS + 1], makers = _of_the_system()
    for make, entry in zip(makers, (MUTEX, CONDITION), strict=False):
        make(ctypes.c_void_p(STATE + 8 * entry), None)
    _work.compile((types.int64, types.int64))  # here, and not in a worker: a process may end while workers begin
    running = True
    set_threads(_wanted)


def set_threads(n: int) -> None:
    """Use n threads: the one that starts a region, and n - 1 workers."""
    global _wanted
    with _growing:
        while len(_workers) < n - 1:
            worker = threading.Thread(target=_work, args=(STATE, len(_workers) + 1), daemon=True, name="scratchgan")
            worker.start()
            _workers.append(worker)
        _state[WORKERS], _wanted = n - 1, n


def threads() -> int:
    """How many threads kernels use."""
    return _wanted


def _after_fork() -> None:
    """In a child process made by fork only the thread that called it exists: the next kernel makes a crew again."""
    global running, _growing
    running, _growing = False, threading.Lock()
    _workers.clear()


def _rest() -> None:
    """At the end of the process: let workers sleep, so that none runs while Python takes itself apart."""
    _state[WORKERS] = 0


atexit.register(_rest)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
