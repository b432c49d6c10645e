"""Arrays that report what is computed from them, while a step is recorded (see `recording`).

Outside of a recording, and in other threads, a Traced array behaves like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import pool
from .pool import present_recording

#: functions whose result is a view of their first argument
VIEWS = {
    np.reshape,
    np.transpose,
    np.swapaxes,
    np.moveaxis,
    np.expand_dims,
    np.squeeze,
    np.broadcast_to,
    np.flip,
}
#: functions without side effects, of arrays, that return one new array
PURE = {
    np.where,
    np.concatenate,
    np.stack,
    np.zeros_like,
    np.ones_like,
    np.full_like,
    np.einsum,
    np.tensordot,
    np.dot,
    np.outer,
    np.pad,
}
#: functions that call methods and operators, which report themselves
BUILT = {np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.var, np.std, np.clip, np.any, np.all}
#: functions of shapes and dtypes alone
FACTS = {
    np.shape,
    np.ndim,
    np.size,
    np.result_type,
    np.may_share_memory,
    np.shares_memory,
    np.can_cast,
    np.iscomplexobj,
}


def plain(value: Any) -> Any:
    """`value`, or what is in it, with Traced arrays as ordinary views of the same memory."""
    if isinstance(value, Traced):
        return value.view(np.ndarray)
    if isinstance(value, (tuple, list)):
        return type(value)(plain(v) for v in value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


class Traced(np.ndarray):
    """An array of the step that is recorded."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **keywords):
        function, recorder = ufunc if method == "__call__" else getattr(ufunc, method), present_recording()
        into: tuple = () if out is None else out
        follows = method in ("__call__", "reduce") and ufunc.nout == 1 and plain(keywords.get("where", True)) is True
        if recorder is None or not follows:
            if recorder is not None:
                recorder.refuse(f"np.{ufunc.__name__}.{method}")
            given = {"out": plain(out)} if into else {}
            result = function(*plain(inputs), **given, **plain(keywords))
            return into[0] if len(into) == 1 else result
        if method == "reduce":
            keywords = {k: v for k, v in keywords.items() if k != "where"}
        return recorder.pure(ufunc.__name__, function, inputs, keywords, into[0] if into else None)

    def __array_function__(self, func, types, args, kwargs):
        recorder = present_recording()
        if func in BUILT:
            return super().__array_function__(func, types, args, kwargs)
        arguments, keywords = plain(args), plain(kwargs)
        if recorder is None or func in FACTS:
            return func(*arguments, **keywords)
        if func in VIEWS:
            return _same_memory(recorder, arguments[0], func(*arguments, **keywords), func.__name__)
        if func in PURE and kwargs.get("out") is None:
            return recorder.pure(func.__name__, func, args, kwargs)
        if func is np.copyto and not kwargs:
            recorder.copy(*args)
            return None
        recorder.refuse(f"np.{func.__name__}")
        return func(*arguments, **keywords)

    def __getitem__(self, index):
        result = super().__getitem__(index)
        recorder = present_recording()
        if recorder is not None and not (isinstance(result, Traced) and _is_view(plain(result), plain(self))):
            recorder.refuse("an entry, or a selection by an array")
        return result

    def __setitem__(self, index, value):
        recorder = present_recording()
        if recorder is None:
            self.view(np.ndarray)[index] = plain(value)
            return
        part = self.view(np.ndarray)[index]
        if isinstance(part, np.ndarray) and _is_view(part, self.view(np.ndarray)):
            recorder.copy(part, value)
        else:
            recorder.refuse("a change of single entries, or of a selection by an array")
            self.view(np.ndarray)[index] = plain(value)

    def fill(self, value):
        """As always."""
        self[...] = value

    def copy(self, order="C"):
        """As always."""
        return self.astype(self.dtype)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        """As always."""
        if present_recording() is None:
            return self.view(np.ndarray).astype(dtype, order, casting, subok, copy)
        if not copy and self.dtype == dtype:
            return self
        made = pool.empty(self.shape, dtype)
        present_recording().copy(made, self)
        return made

    def reshape(self, *shape, **keywords):
        """As always."""
        result = self.view(np.ndarray).reshape(*shape, **keywords)
        recorder = present_recording()
        return result if recorder is None else _same_memory(recorder, plain(self), result, "reshape of a strided array")

    def __float__(self):
        number, recorder = float(self.view(np.ndarray)), present_recording()
        return number if recorder is None else recorder.number(number, self)


def _is_view(part: np.ndarray, of: np.ndarray) -> bool:
    return part.size == 0 or np.may_share_memory(part, of)


def _same_memory(recorder, a: np.ndarray, result: np.ndarray, name: str):
    if not _is_view(result, a):
        recorder.refuse(name)
        return result
    return result.view(Traced)


def _refusing(name: str):
    method = getattr(np.ndarray, name)

    def refusing(self, *args, **keywords):
        recorder = present_recording()
        if recorder is not None:
            recorder.refuse(f"ndarray.{name.strip('_')}")
        return method(self.view(np.ndarray), *plain(args), **plain(keywords))

    refusing.__name__, refusing.__doc__ = name, "As always."
    return refusing


for _name in (
    "__bool__ __int__ __index__ __complex__ __contains__ item tolist tobytes dot sort partition argsort argmax argmin "
    "cumsum cumprod nonzero flatten ravel repeat resize searchsorted take choose compress trace put round"
).split():
    setattr(Traced, _name, _refusing(_name))
