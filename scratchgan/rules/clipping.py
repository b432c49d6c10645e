r"""Weight clipping: the first way to keep a critic Lipschitz, and the crudest.  (Arjovsky et al. 2017, algorithm 1.)

    (Clip.1)   w <- clip(w, -c, c)     for every weight of D, after each of its steps

Weights in a box form a compact set, so C is K-Lipschitz for some K.  This K is not known: it depends on c and on the
architecture, and grows or shrinks exponentially with the depth.  Clipped critics tend to very simple functions, with
weights that accumulate at -c and c (Gulrajani et al. 2017, section 3, figure 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks import real
from .rule import Rule

if TYPE_CHECKING:
    from ..gan import GAN


class ClipWeights(Rule):
    """(Clip.1), with c > 0 (the paper's 0.01).  All parameters of D are clipped, as in the paper."""

    def __init__(self, c: float = 0.01):
        self.c = real("ClipWeights", "c", c, 0, np.inf, open_low=True, open_high=True)

    def after_d(self, gan: GAN) -> None:
        """(Clip.1)."""
        for _, w in gan.D.parameters():
            np.clip(w, -self.c, self.c, out=w)

    def describe(self) -> str:
        """The bound c."""
        return f"{self.c:g}"
