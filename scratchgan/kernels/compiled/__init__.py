"""The compiled engines of the kernels: Numba, one thread pool, one register tile.  Nobody who reads layers meets them.

`tile` is the heart, `pool` the threads, `compiling` the flags and the place of the machine code.  Importing this
package registers an engine for each kernel; what it needs is compiled when it is first called.
"""

from . import batched, batchnorm, conv, elementwise, gemm, group_means, resampling, spectral, updates

__all__ = ["batched", "batchnorm", "conv", "elementwise", "gemm", "group_means", "resampling", "spectral", "updates"]
