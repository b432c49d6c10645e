"""The compiled engines of the kernels, written with Numba.  They share one thread pool and one register tile.

`tile` does the arithmetic of all products and convolutions, `pool` runs tasks on threads, `tables` names the
arguments of tasks, and `compiling` holds the compiler's flags and the cache of machine code.  Importing this package
registers an engine for each kernel; an engine is compiled when it is first called.  No layer imports this package.
"""

from . import batched, batchnorm, bilinear, conv, elementwise, gemm, group_means, resampling, spectral, updates

__all__ = [
    "batched",
    "batchnorm",
    "bilinear",
    "conv",
    "elementwise",
    "gemm",
    "group_means",
    "resampling",
    "spectral",
    "updates",
]
