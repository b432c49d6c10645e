"""The optimisers' update rules: each number is read and written once; Adam updates all arrays of a net in one call."""

from __future__ import annotations

import math
import operator
import threading
import weakref

import numpy as np

from ..updates import adam_update, adam_updates, ema_update, rmsprop_update, sgd_update
from .gemm import DTYPES
from .pool import address, array, float_task, run, share
from .tables import read, real, slots

TASKS = 8
SMALL = 1024  # arrays with fewer numbers are left to NumPy
PIECE = 1 << 14  # numbers that one task of Adam updates
MOST_TABLES = 16  # of Adam's, that are kept
RMSPROP, SGD, NESTEROV, EMA = range(4)  # the rules

UPDATE = slots("rule n tasks w g v decay lr eps")
# Adam's table begins with constants: rate = lr / (1 - beta1^t), scale = 1 / sqrt(1 - beta2^t).  Then follows one row
# per piece of an array: how many numbers it has, and the address of the first number in w, g, m and v.
ADAM = slots("beta1 beta2 rate scale eps")
ADAM_ROW = slots("n w g m v")


@float_task
def _update(i, p, one):
    """A share of the numbers of one array.  `decay` is the momentum of SGD; g is the weight whose mean w EMA keeps."""
    args = read(p, UPDATE)
    rule, n, tasks = args.rule, args.n, args.tasks
    w, g, v = share(args.w, n, i, tasks, one), share(args.g, n, i, tasks, one), share(args.v, n, i, tasks, one)
    decay, lr, eps = real(p, UPDATE.decay, one), real(p, UPDATE.lr, one), real(p, UPDATE.eps, one)
    if rule == RMSPROP:
        for k in range(w.size):
            v[k] = decay * v[k] + (one - decay) * g[k] * g[k]  # (RMSProp.1)
            w[k] -= lr * g[k] / (math.sqrt(v[k]) + eps)  # (RMSProp.2)
    elif rule == EMA:
        for k in range(w.size):
            w[k] = decay * w[k] + (one - decay) * g[k]  # (EMA.1)
    else:
        for k in range(w.size):
            v[k] = decay * v[k] + g[k]  # (SGD.1)
            w[k] -= lr * (g[k] + decay * v[k] if rule == NESTEROV else v[k])  # (SGD.2, 3)


@float_task
def _adam_piece(i, p, one):
    """Piece i of the arrays of a net."""
    args = read(p + 8 * (len(ADAM) + i * len(ADAM_ROW)), ADAM_ROW)
    n = args.n
    w, g, m, v = array(args.w, n, one), array(args.g, n, one), array(args.m, n, one), array(args.v, n, one)
    beta1, beta2 = real(p, ADAM.beta1, one), real(p, ADAM.beta2, one)
    rate, scale, eps = real(p, ADAM.rate, one), real(p, ADAM.scale, one), real(p, ADAM.eps, one)
    for k in range(n):
        m[k] = beta1 * m[k] + (one - beta1) * g[k]  # (Adam.1)
        v[k] = beta2 * v[k] + (one - beta2) * g[k] * g[k]  # (Adam.2)
        w[k] -= rate * m[k] / (scale * math.sqrt(v[k]) + eps)  # (Adam.3, 4)


def _alike(w, *others) -> bool:
    """Whether all are contiguous arrays of one shape, in a compiled dtype."""
    return w.dtype in DTYPES and all(
        a.shape == w.shape and a.dtype == w.dtype and a.flags.c_contiguous for a in (w, *others)
    )


def _run(rule, w, g, v, *, decay, lr=0.0, eps=0.0) -> bool:
    """Run the update and return True, or return False if NumPy should do it."""
    if w.size < SMALL or not _alike(w, g, v):
        return False
    tasks, number = 1 if w.size < 1 << 14 else TASKS, w.dtype.type
    p = UPDATE.table(
        rule=rule, n=w.size, tasks=tasks, w=w, g=g, v=v, decay=number(decay), lr=number(lr), eps=number(eps)
    )
    run(_update[w.itemsize], tasks, p)
    return True


@adam_update.engine("numba")
def _(w, g, m, v, *, lr, beta1, beta2, eps, step):
    adam_updates.engines["numba"]([w], [g], [m], [v], lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)


@adam_updates.engine("numba")
def _(ws, gs, ms, vs, *, lr, beta1, beta2, eps, step):
    prepared = _prepared(ws, gs, ms, vs)
    if prepared is None:
        adam_updates.twin(ws, gs, ms, vs, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)
        return
    rate, scale = lr / (1 - beta1**step), 1 / (1 - beta2**step) ** 0.5
    prepared.constants[:] = ADAM.row(beta1=beta1, beta2=beta2, rate=rate, scale=scale, eps=eps)
    run(_adam_piece[prepared.constants.itemsize], prepared.pieces, prepared.table)


class Prepared:
    """The table of a net's arrays, which is the same in every step except for the constants at its beginning."""

    def __init__(self, ws, gs, ms, vs):
        size, rows = ws[0].itemsize, []
        for w, g, m, v in zip(ws, gs, ms, vs, strict=True):
            n, places = w.size, [address(a) for a in (w, g, m, v)]
            for first in range(0, n, PIECE):
                row = zip(("w", "g", "m", "v"), (place + first * size for place in places), strict=True)
                rows += ADAM_ROW.row(n=min(PIECE, n - first), **dict(row))
        self.table = np.empty(len(ADAM) + len(rows), np.int64)
        self.table[len(ADAM) :] = rows
        self.constants = self.table[: len(ADAM)].view(ws[0].dtype)[:: 8 // size]  # the first bytes of each entry
        self.pieces = len(rows) // len(ADAM_ROW)
        self.arrays = [weakref.ref(a) for a in (*ws, *gs, *ms, *vs)]

    def fits(self, arrays) -> bool:
        """Whether the table is that of these arrays, and not of others that had the same ids before them."""
        return all(map(operator.is_, [ref() for ref in self.arrays], arrays))


_lock = threading.Lock()
_tables: dict[tuple[int, ...], Prepared] = {}


def _prepared(ws, gs, ms, vs) -> Prepared | None:
    """The table for these arrays, made anew or used again; None if NumPy should update them."""
    arrays = [*ws, *gs, *ms, *vs]
    key = tuple(map(id, arrays))
    found = _tables.get(key)
    if found is None or not found.fits(arrays):
        dtype = ws[0].dtype if ws else None
        if dtype is None or not all(row[0].dtype == dtype and _alike(*row) for row in zip(ws, gs, ms, vs, strict=True)):
            return None
        found = Prepared(ws, gs, ms, vs)
        with _lock:
            while len(_tables) >= MOST_TABLES:
                del _tables[next(iter(_tables))]
            _tables[key] = found
    return found


@rmsprop_update.engine("numba")
def _(w, g, v, *, lr, decay, eps):
    if not _run(RMSPROP, w, g, v, decay=decay, lr=lr, eps=eps):
        rmsprop_update.twin(w, g, v, lr=lr, decay=decay, eps=eps)


@sgd_update.engine("numba")
def _(w, g, v, *, lr, momentum, nesterov):
    if not _run(NESTEROV if nesterov else SGD, w, g, v, decay=momentum, lr=lr):
        sgd_update.twin(w, g, v, lr=lr, momentum=momentum, nesterov=nesterov)


@ema_update.engine("numba")
def _(mean, w, *, decay):
    if not _run(EMA, mean, w, w, decay=decay):
        ema_update.twin(mean, w, decay=decay)
