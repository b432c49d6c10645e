"""The optimisers' updates: all arrays of a net in one call, each number read and written once."""

from __future__ import annotations

import math

import numpy as np

from ..updates import adam_update, adam_updates, ema_update, rmsprop_update, sgd_update
from .gemm import DTYPES
from .pool import array, get, inner, integer, parallel_for, run, share, task

TASKS = 8
SMALL = 1024
PIECE = 1 << 14  # numbers of a net's arrays that a task moves
RMSPROP, SGD, NESTEROV, EMA = range(4)


@inner
def _update(i, p, one):
    """A share of the numbers of one array.  Constants a ... of each rule stand behind the addresses."""
    rule, n, tasks = integer(p, 0), integer(p, 1), integer(p, 2)
    w, g = share(integer(p, 3), n, i, tasks, one), share(integer(p, 4), n, i, tasks, one)
    v = share(integer(p, 5), n, i, tasks, one)
    a, lr, eps = get(p + 48, one), get(p + 56, one), get(p + 64, one)
    if rule == RMSPROP:
        for k in range(w.size):
            v[k] = a * v[k] + (one - a) * g[k] * g[k]  # (RMSProp.1)
            w[k] -= lr * g[k] / (math.sqrt(v[k]) + eps)  # (RMSProp.2)
    elif rule == EMA:
        for k in range(w.size):
            w[k] = a * w[k] + (one - a) * g[k]  # (EMA.1)
    else:
        for k in range(w.size):
            v[k] = a * v[k] + g[k]  # (SGD.1)
            w[k] -= lr * (g[k] + a * v[k] if rule == NESTEROV else v[k])  # (SGD.2, 3)


@inner
def _adam_piece(i, p, one):
    """Piece i of a net's arrays: four addresses and a count stand in its row of the table, after the constants."""
    row = p + 8 * (5 + 5 * i)
    n = integer(row, 0)
    w, g = array(integer(row, 1), n, one), array(integer(row, 2), n, one)
    m, v = array(integer(row, 3), n, one), array(integer(row, 4), n, one)
    # a, b = beta1, beta2;  c = lr / (1 - beta1^t);  d = 1 / sqrt(1 - beta2^t);  e = eps
    a, b, c, d, e = get(p, one), get(p + 8, one), get(p + 16, one), get(p + 24, one), get(p + 32, one)
    for k in range(n):
        m[k] = a * m[k] + (one - a) * g[k]  # (Adam.1)
        v[k] = b * v[k] + (one - b) * g[k] * g[k]  # (Adam.2)
        w[k] -= c * m[k] / (d * math.sqrt(v[k]) + e)  # (Adam.3, 4)


@task
def _adam_piece32(i, p):
    _adam_piece(i, p, np.float32(1))


@task
def _adam_piece64(i, p):
    _adam_piece(i, p, np.float64(1))


@task
def _update32(i, p):
    _update(i, p, np.float32(1))


@task
def _update64(i, p):
    _update(i, p, np.float64(1))


def _alike(w, *others) -> bool:
    """Whether all are contiguous arrays of one shape, in a dtype that is compiled for."""
    return w.dtype in DTYPES and all(
        a.shape == w.shape and a.dtype == w.dtype and a.flags.c_contiguous for a in (w, *others)
    )


def _run(rule, w, g, v, *constants) -> bool:
    """Do it, or return False where NumPy should."""
    if w.size < SMALL or not _alike(w, g, v):
        return False
    tasks = 1 if w.size < 1 << 14 else TASKS
    p = np.zeros(9, np.int64)
    p[:6] = [rule, w.size, tasks, *(x.__array_interface__["data"][0] for x in (w, g, v))]
    for k, value in enumerate(constants):
        p[6 + k : 7 + k].view(w.dtype)[0] = value
    run(parallel_for, (_update32 if w.itemsize == 4 else _update64).address, tasks, p.__array_interface__["data"][0])
    return True


@adam_update.engine("numba")
def _(w, g, m, v, *, lr, beta1, beta2, eps, step):
    adam_updates.engines["numba"]([w], [g], [m], [v], lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)


@adam_updates.engine("numba")
def _(ws, gs, ms, vs, *, lr, beta1, beta2, eps, step):
    dtype = ws[0].dtype if ws else None
    arrays = [*zip(ws, gs, ms, vs, strict=True)]
    if not arrays or not all(row[0].dtype == dtype and _alike(*row) for row in arrays):
        adam_updates.twin(ws, gs, ms, vs, lr=lr, beta1=beta1, beta2=beta2, eps=eps, step=step)
        return
    rows = []
    for row in arrays:
        n, addresses = row[0].size, [a.__array_interface__["data"][0] for a in row]
        for first in range(0, n, PIECE):
            rows += [min(PIECE, n - first), *(address + first * dtype.itemsize for address in addresses)]
    p = np.zeros(5 + len(rows), np.int64)
    p[5:] = rows
    for k, value in enumerate((beta1, beta2, lr / (1 - beta1**step), 1 / (1 - beta2**step) ** 0.5, eps)):
        p[k : k + 1].view(dtype)[0] = value
    kind = _adam_piece32 if dtype.itemsize == 4 else _adam_piece64
    run(parallel_for, kind.address, len(rows) // 5, p.__array_interface__["data"][0])


@rmsprop_update.engine("numba")
def _(w, g, v, *, lr, decay, eps):
    if not _run(RMSPROP, w, g, v, decay, lr, eps):
        rmsprop_update.twin(w, g, v, lr=lr, decay=decay, eps=eps)


@sgd_update.engine("numba")
def _(w, g, v, *, lr, momentum, nesterov):
    if not _run(NESTEROV if nesterov else SGD, w, g, v, momentum, lr):
        sgd_update.twin(w, g, v, lr=lr, momentum=momentum, nesterov=nesterov)


@ema_update.engine("numba")
def _(mean, w, *, decay):
    if not _run(EMA, mean, w, w, decay):
        ema_update.twin(mean, w, decay=decay)
