"""When kernels are compiled: each on its first call, unless a program asks for it earlier."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..files.console import progress_bar
from .examples import examples
from .registry import KERNELS, get_backend


def prepare() -> bool:
    """Return whether the next kernel is the first on this machine; if so, a second process begins to compile kernels.

    Called before data are read, it saves some seconds of waiting.  With the NumPy twins there is nothing to do.
    """
    if get_backend() != "numba":
        return False
    from .compiled import ahead, crew

    return ahead.start() and not crew.running


def warmup(dtype: DTypeLike = np.float32, *, progress: bool = True) -> int:
    """Call every compiled kernel once, so that no later call waits for the compiler; return the number of calls.

    Machine code is kept between processes: the second time takes a fraction of a second.  With the NumPy twins there is
    nothing to do.
    """
    if get_backend() != "numba":
        return 0
    calls = list(examples(dtype))
    if progress:
        calls = progress_bar(calls, desc="compiling kernels", unit="kernel")
    for name, arguments, keywords in calls:
        KERNELS[name](*arguments, **keywords)
    return len(calls)
