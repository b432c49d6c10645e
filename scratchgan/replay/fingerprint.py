"""Which games are recorded, and all that a recorded step depends on besides the values in arrays."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core import Layer
from ..gan import GAN
from ..kernels import get_backend
from ..kernels.registry import KERNELS
from ..layers import fused

VARIABLE = "SCRATCHGAN_REPLAY"
_METHODS = "train_step turns d_step g_step d_gradients g_gradients objective logits transformed noise layer_rng".split()
_NUMBERS = {int, float, bool, str}  # compared by their values; any other attribute by its identity
#: this package, and what it imports; functions made by dataclasses and namedtuples are in files called <...>
_KNOWN = (str(Path(__file__).parents[1]), *sysconfig.get_paths().values(), "<string>", "<frozen", "<attrs")


def why_not(gan: GAN) -> str:
    """Why the steps of this game cannot be run from a listing, as far as the game itself shows; "" if they may be."""
    if os.environ.get(VARIABLE, "") == "0":
        return f"{VARIABLE} is 0"
    if get_backend() != "numba":
        return "the kernels are not compiled"
    if type(gan) is not GAN:
        return f"{type(gan).__name__} is a game of its own"
    if gan.rules:
        return "the game has rules: " + ", ".join(type(rule).__name__ for rule in gan.rules)
    if gan.d_steps > 1:
        return "only some of the steps have a turn of G: d_steps > 1"
    if gan.conditions:
        return "D gets labels"
    if any(name in vars(gan) for name in _METHODS):
        return "a method of this game was replaced"
    if getattr(fused._here, "off", False):
        return "every layer is computed separately"
    return ""


def foreign(gan: GAN) -> str:
    """Which code of the game is not this package's; "" if all is.

    Such code may do what no array reports, such as to print or to count, and it is called in every step.
    """
    kinds = tuple(dict.fromkeys(map(type, (*layers_of(gan), gan.loss, gan.g_optimizer, gan.d_optimizer))))
    for names in _namespaces(kinds):
        for name, value in names.items():
            file = _file_of(value)
            if file and not file.startswith(_KNOWN):
                return f"{name} is not code of this package ({file})"
    return ""


def _file_of(value: Any) -> str:
    """The file with the code of a function, a method or a property; "" for anything else."""
    value = getattr(value, "fget", None) or getattr(value, "__func__", value)
    code = getattr(value, "__code__", None)
    return getattr(code, "co_filename", "")


def fingerprint(gan: GAN, real: np.ndarray) -> tuple[tuple, list]:
    """All that a listing depends on besides the values in arrays; and the objects whose ids it contains."""
    layers = layers_of(gan)
    parts: list[Any] = [real.shape, real.dtype]
    kept: list[Any] = [gan.loss, gan.g_optimizer, gan.d_optimizer, gan.ema]
    for owner in (*layers, gan.loss):
        values = vars(owner)
        parts.append(len(values))
        for name, value in values.items():
            if name != "_accepted":  # the last shape that a layer has checked; `real` decides the others
                (parts if type(value) in _NUMBERS else kept).append(value)
    for layer in layers:
        kept += [layer, *layer.params.values(), *layer.grads.values(), *layer.state.values()]
    for names in _namespaces(tuple(dict.fromkeys(map(type, (*layers, gan.loss))))):
        kept += names.values()
    kept += [kernel.engines.get("numba", kernel.twin) for kernel in KERNELS.values()]
    return (*parts, *map(id, kept)), kept


@lru_cache(maxsize=64)
def _namespaces(kinds: tuple[type, ...]) -> list[Mapping[str, Any]]:
    """The attributes of these classes and their base classes, and of the files that define them: all their code."""
    classes = dict.fromkeys(base for kind in (GAN, *kinds) for base in kind.__mro__ if base is not object)
    files = dict.fromkeys(sys.modules[base.__module__] for base in classes if base.__module__ in sys.modules)
    return [vars(owner) for owner in (*classes, *files)]


def layers_of(gan: GAN) -> list[Layer]:
    """All layers of both nets."""
    return [*gan.G.layers_below(), *gan.D.layers_below()]
