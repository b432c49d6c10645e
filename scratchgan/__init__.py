"""Generative adversarial networks from scratch: every derivative by hand, in NumPy.

This file only defines the public names.  Each is imported on first use, which keeps `import scratchgan` fast.

To read the package, begin with these files, in this order: `gan` (the game), `losses.minimax` (what both players
minimise), `layers.dense` (the simplest layer), `families` (where every derivative of a layer is written once), `core`
(the contract of the four passes), `penalties` (a derivative of a derivative), then one of `models`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .core import Cache, Layer
    from .gan import GAN
    from .kernels import get_backend, get_num_threads, set_backend, set_num_threads, warmup
    from .layers import Sequential

__version__ = "0.1.0"
#: URL of the source repository; empty until it is published.  RELEASING.md lists what else to fill in
REPOSITORY = ""
__all__ = [
    "GAN",
    "Cache",
    "Layer",
    "Sequential",
    "__version__",
    "get_backend",
    "get_num_threads",
    "set_backend",
    "set_num_threads",
    "warmup",
]

_HOME = {
    "Cache": "core",
    "Layer": "core",
    "Sequential": "layers",
    "GAN": "replay",  # gan.GAN, once replay.py may record its steps
    "get_backend": "kernels",
    "get_num_threads": "kernels",
    "set_backend": "kernels",
    "set_num_threads": "kernels",
    "warmup": "kernels",
}
_MODULES = (
    "core",
    "data",
    "doctor",
    "dynamics",
    "families",
    "files",
    "game",
    "gan",
    "gradcheck",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "models",
    "optim",
    "penalties",
    "plots",
    "replay",
    "rules",
    "runs",
    "theory",
)


def __getattr__(name: str):
    """Import a public name, or a module of the package, when it is first used (PEP 562)."""
    if name in _HOME:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    elif name in _MODULES:
        value = import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
