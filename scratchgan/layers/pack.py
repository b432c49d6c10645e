"""Packing: D classifies m samples together, and so can tell whether they differ."""

from __future__ import annotations

from ..checks import positive_int
from ..families import LinearMap


class Pack(LinearMap):
    r"""Stack m neighbouring samples of the batch along the channel axis.  (PacGAN, Lin et al. 2018.)

    Symbols   x (N, ..., C)   y (N / m, ..., m C)
    (Pack.1)   y[n, ..., C j + c] = x[m n + j, ..., c];   dx: the same, read from right to left.

    As D's first layer, it makes D give one logit to m independent samples, all real or all fake: D can then detect a G
    whose samples resemble each other too much.  Nothing else changes; only D's input has more channels.

    Errors    ValueError if N is not a multiple of m.
    """

    def __init__(self, m: int = 2):
        super().__init__()
        self.m = positive_int("Pack", "m", m)

    def apply(self, x, cache):
        """(Pack.1)."""
        N, *middle, C = x.shape
        if N % self.m:
            raise ValueError(
                f"{self.label} packs {self.m} samples into one: expected a batch size that is a multiple of "
                f"{self.m}, got {N}"
            )
        y = x.reshape(N // self.m, self.m, *middle, C)
        axes = (0, *range(2, y.ndim - 1), 1, y.ndim - 1)
        return y.transpose(axes).reshape(N // self.m, *middle, self.m * C)

    def adjoint(self, dy, cache):
        """(Pack.1), read from right to left."""
        N, *middle, C = cache.x.shape
        dx = dy.reshape(N // self.m, *middle, self.m, C)
        axes = (0, dx.ndim - 2, *range(1, dx.ndim - 2), dx.ndim - 1)
        return dx.transpose(axes).reshape(cache.x.shape)

    def output_shape(self, shape, batch="N"):
        """(..., C) -> (..., m C)."""
        if shape is None:
            return None
        if not shape:
            raise self.misfit("samples (N, ..., C)", shape, batch)
        return (*shape[:-1], shape[-1] and shape[-1] * self.m)

    def describe(self):
        return str(self.m)
