r"""Initial weights: small enough that no unit saturates, random so that units differ.

An initializer is a function `init(shape, *, rng, dtype) -> array`.  Layers accept its name or the function itself.
`fans(shape)` counts how many inputs feed one output (fan_in) and how many outputs one input feeds (fan_out): for a
Dense weight (Di, Do) it is (Di, Do); for a convolution (k, k, Ci, Co) it is (k k Ci, k k Co).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextvars import ContextVar

import numpy as np

Initializer = Callable[..., np.ndarray]
#: called with the shape of each weight before it is drawn, and may raise an error; None: every shape is allowed
guard: ContextVar[Callable[[tuple[int, ...]], None] | None] = ContextVar("guard", default=None)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight (Di, Do) or (k, k, Ci, Co).  Raises ValueError for fewer than two axes."""
    if len(shape) < 2:
        raise ValueError(f"a weight needs at least two axes to have fan_in and fan_out, got the shape {tuple(shape)}")
    field = int(np.prod(shape[:-2]))
    return field * shape[-2], field * shape[-1]


def normal(std: float = 0.02, mean: float = 0.0) -> Initializer:
    """Entries from N(mean, std^2).  DCGAN uses std = 0.02 (Radford et al. 2016, section 4)."""
    if not std >= 0:
        raise ValueError(f"normal: std must be at least 0, got {std}")

    def init(shape, *, rng, dtype=np.float32):
        return (mean + std * rng.standard_normal(shape)).astype(dtype)

    return init


def he(slope: float = 0.0) -> Initializer:
    """N(0, 2 / ((1 + slope^2) fan_in)): keeps the variance through (Leaky)ReLU (He et al. 2015, equations 10, 15)."""

    def init(shape, *, rng, dtype=np.float32):
        return normal((2 / ((1 + slope**2) * fans(shape)[0])) ** 0.5)(shape, rng=rng, dtype=dtype)

    return init


def glorot() -> Initializer:
    """Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, equation 16): for tanh and linear outputs."""

    def init(shape, *, rng, dtype=np.float32):
        limit = (6 / sum(fans(shape))) ** 0.5
        return rng.uniform(-limit, limit, shape).astype(dtype)

    return init


def orthogonal(gain: float = 1.0) -> Initializer:
    """W as a (fan_in, Do) matrix with orthonormal rows or columns, times gain (Saxe et al. 2014).

    Q from the QR decomposition of a Gaussian matrix, its columns multiplied by the signs of R's diagonal, which makes Q
    uniformly distributed.
    """

    def init(shape, *, rng, dtype=np.float32):
        rows, columns = fans(shape)[0], shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        q = q if rows >= columns else q.T
        return (gain * q).reshape(shape).astype(dtype)

    return init


NAMES: dict[str, Callable[[], Initializer]] = {
    "normal": normal,
    "he": he,
    "glorot": glorot,
    "orthogonal": orthogonal,
}


def get(which: str | Initializer) -> Initializer:
    """The initializer called `which` ("normal", "he", "glorot", "orthogonal"), or `which` itself if it is a function.

    Raises ValueError for an unknown name.
    """
    if callable(which):
        return _guarded(which)
    if which not in NAMES:
        near = difflib.get_close_matches(str(which), NAMES, 1)
        raise ValueError(
            f"unknown initializer {which!r}"
            + (f", did you mean {near[0]!r}?" if near else ".")
            + f" Known: {', '.join(NAMES)}"
        )
    return _guarded(NAMES[which]())


def _guarded(init: Initializer) -> Initializer:
    """`init`, with a call of `guard` before weights are drawn."""
    allow = guard.get()
    if allow is None:
        return init

    def checked(shape, **options):
        allow(shape)
        return init(shape, **options)

    return checked
