r"""Weight clipping: the first way to keep a critic Lipschitz, and the crudest.  (Arjovsky et al. 2017, algorithm 1.)

    (Clip.1)   w <- clip(w, -c, c)     for every weight of D, after each of its steps

Weights in a box make a compact family of functions, so C is K-Lipschitz for some K.  Nobody says which: K depends on c
and the architecture, grows or shrinks exponentially with the depth, and clipped critics tend to the simplest functions,
with weights piled up at the walls of the box (Gulrajani et al. 2017, section 3, figure 1).
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
