r"""A buffer of fakes: D is also trained on fakes of earlier steps (Shrivastava et al. 2017, section 2.3).

A D that is only trained on G's newest fakes forgets the old ones, and G may return to them.  The buffer holds `size`
fakes; CycleGAN has one of 50 for each domain (Zhu et al. 2017, section 4).
"""

from __future__ import annotations

import numpy as np

from ..checks import positive_int, require_rng


class History:
    r"""A buffer of recent and older fakes.

    Each fake of a batch, in turn:
        (History.1)   as long as fewer than `size` are held: store it and return it
        (History.2)   then, with probability 1/2: return it without storing it;
                      else: return one of the `size` held, drawn uniformly, and store the new one in its place

    So a fake is held for 2 size new fakes on average, and half of each batch is new, half old.  (This is the code of
    CycleGAN's authors; Shrivastava et al. replace half of each batch at once.)

    size    how many are held; 0 is off: every fake is returned
    shape   of one fake;   dtype of all
    """

    def __init__(self, size: int, shape: tuple[int, ...], dtype=np.float32):
        self.size, self.count = positive_int("History", "size", size, least=0), 0
        self.held = np.zeros((self.size, *shape), dtype)

    def swap(self, fakes: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Return as many fakes as are given, (N, *shape), by (History.1, 2); a copy unless size is 0.

        Raises ValueError for a wrong shape or dtype.
        """
        require_rng("History", rng)
        if fakes.shape[1:] != self.held.shape[1:] or fakes.dtype != self.held.dtype:
            raise ValueError(
                f"History: expected fakes (N, {', '.join(map(str, self.held.shape[1:]))}) "
                f"{self.held.dtype}, got {fakes.shape} {fakes.dtype}"
            )
        if self.size == 0:
            return fakes
        swapped = fakes.copy()
        for i, fake in enumerate(fakes):
            if self.count < self.size:
                self.held[self.count] = fake
                self.count += 1
            elif rng.random() < 0.5:
                k = int(rng.integers(self.size))
                swapped[i], self.held[k] = self.held[k], fake
        return swapped

    def __len__(self) -> int:
        return self.count
