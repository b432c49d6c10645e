"""Compile all kernels now, instead of each kernel on its first call."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .examples import examples
from .registry import KERNELS, get_backend


def warmup(dtype: DTypeLike = np.float32, *, progress: bool = True) -> int:
    """Call every compiled kernel once, so that no later call waits for the compiler; return the number of calls.

    Machine code is kept between processes: the second time takes a fraction of a second.  With the NumPy twins there is
    nothing to do.
    """
    if get_backend() != "numba":
        return 0
    calls = list(examples(dtype))
    if progress:
        from tqdm import tqdm

        calls = tqdm(calls, desc="compiling kernels", unit="kernel")
    for name, arguments, keywords in calls:
        KERNELS[name](*arguments, **keywords)
    return len(calls)
