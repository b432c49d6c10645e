"""Dropout: a random diagonal matrix in training, the identity in evaluation."""

from __future__ import annotations

from ..checks import real, require_rng
from ..families import LinearMap


class Dropout(LinearMap):
    r"""Set each entry to zero with probability rate, and scale the others up.  (Srivastava et al. 2014, section 10.)

    (Dropout.1)   training: y = m x,  m = 0 with probability rate, else 1 / (1 - rate), so that E[y] = x;   dx = m dy
    (Dropout.2)   evaluation: y = x;   dx = dy

    The mask m is drawn in `forward` from its `rng` and lives in the cache: all four passes use the same one.

    Arguments: rate in [0, 1).   Errors: TypeError if `forward` got no rng in training.
    """

    def __init__(self, rate: float = 0.5):
        super().__init__()
        self.rate = real("Dropout", "rate", rate, 0, 1, open_high=True)

    def prepare(self, cache, rng):
        """Draw the mask."""
        cache.mask = None
        if cache.train and self.rate > 0:
            require_rng(f"{self.label} in training", rng)
            kept = rng.random(cache.x.shape) >= self.rate
            cache.mask = kept.astype(cache.x.dtype) / cache.x.dtype.type(1 - self.rate)

    def apply(self, x, cache):
        """(Dropout.1, 2)."""
        return x if cache.mask is None else cache.mask * x

    def adjoint(self, dy, cache):
        """(Dropout.1, 2): a diagonal matrix is its own adjoint."""
        return self.apply(dy, cache)

    def output_shape(self, shape, batch="N"):
        """The shape of the input."""
        return shape

    def describe(self):
        return f"{self.rate:g}"
