"""Generative adversarial networks from scratch: every derivative by hand, in NumPy.

The public names, nothing else.  Start reading at `scratchgan.gan` (the game), then `scratchgan.core` (the four
passes), `scratchgan.families` (where every derivative of a layer is written once) and `scratchgan.losses`.
"""

from .core import Cache, Layer, Sequential
from .gan import GAN
from .kernels import get_backend, set_backend

__version__ = "0.1.0"
__all__ = ["GAN", "Cache", "Layer", "Sequential", "__version__", "get_backend", "set_backend"]
