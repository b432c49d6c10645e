"""The compiled engines of the kernels, written with Numba.  They share the same threads and one register tile.

`tile` does the arithmetic of all products and convolutions, `pool` cuts work into tasks, `crew` has the threads that run
them, `tables` names the arguments of tasks, `compiling` holds the compiler's flags and the cache of machine code, and
`ahead` lets a second process compile.  Importing this package registers an engine for each kernel; an engine is compiled
when it is first called.  No layer imports this package.
"""

from . import (
    batched,
    batchnorm,
    bilinear,
    conv,
    elementwise,
    gemm,
    group_means,
    recording,
    resampling,
    spectral,
    updates,
)

__all__ = [
    "batched",
    "batchnorm",
    "bilinear",
    "conv",
    "elementwise",
    "gemm",
    "group_means",
    "recording",
    "resampling",
    "spectral",
    "updates",
]
