"""The largest of several linear pieces: an activation that learns its own shape."""

from __future__ import annotations

import numpy as np

from ..checks import positive_int
from ..families import LinearMap
from .pooling import smallest_gap


class Maxout(LinearMap):
    r"""The largest of every k = `pieces` neighbouring channels.  (Goodfellow et al. 2013, section 3.)

    Symbols   x (N, ..., k C)   y (N, ..., C)   a[..., c] the index of the largest of channel c's k pieces

    Forward   (Maxout.1)   y[..., c] = max_{j < k} x[..., k c + j] = x[..., k c + a]
    Backward  (Maxout.2)   dx[..., k c + a] = dy[..., c],   0 for the other pieces
    Why       A small change of x does not change the indices a: with a in the cache, (1) is a selection, a linear map.
    At a tie  the first of the equal pieces is a, and gets the whole gradient.

    The affine maps of the paper's units are the layer before: Dense(Di, k Do) and Maxout(k) form Do units of k pieces.
    The first GAN's discriminator was made of these (Goodfellow et al. 2014, section 5).

    Errors    ValueError if the last axis of x is not a multiple of k.
    """

    def __init__(self, pieces: int = 2):
        super().__init__()
        self.pieces = positive_int("Maxout", "pieces", pieces)

    def prepare(self, cache, rng):
        """Find the largest pieces."""
        cache.at = self._split(cache.x).argmax(axis=-1)[..., None]

    def apply(self, x, cache):
        """(Maxout.1)."""
        return np.take_along_axis(self._split(x), cache.at, axis=-1)[..., 0]

    def adjoint(self, dy, cache):
        """(Maxout.2)."""
        dx = np.zeros((*dy.shape, self.pieces), dy.dtype)
        np.put_along_axis(dx, cache.at, dy[..., None], axis=-1)
        return dx.reshape(cache.x.shape)

    def output_shape(self, shape, batch="N"):
        """(..., k C) -> (..., C)."""
        if shape is None:
            return None
        if not shape or (shape[-1] is not None and shape[-1] % self.pieces):
            raise self.misfit(f"(N, ..., a multiple of {self.pieces})", shape, batch)
        return (*shape[:-1], None if shape[-1] is None else shape[-1] // self.pieces)

    def kink_distance(self, cache):
        """The smallest gap between a largest and a second largest piece."""
        return smallest_gap(self._split(cache.x))

    def describe(self):
        return str(self.pieces)

    def _split(self, x):
        """(..., k C) -> (..., C, k)."""
        return x.reshape(*x.shape[:-1], x.shape[-1] // self.pieces, self.pieces)
