"""The family: one file and one builder for each GAN.

build("lsgan", image_size=28, channels=1)     the same as     lsgan(image_size=28, channels=1)

The keys of MODELS are the names that `build` accepts.
"""

from collections.abc import Callable
from typing import Any

from ..checks import one_of
from ..replay import GAN
from .acgan import acgan
from .cgan import cgan
from .cyclegan import cyclegan
from .dcgan import dcgan
from .dragan import dragan
from .infogan import infogan
from .lsgan import lsgan
from .member import base_of, check_options, method_of, options_of
from .mlp import mlp_gan
from .projection_gan import projection_gan
from .r1gan import r1gan
from .r3gan import r3gan
from .ragan import ragan
from .sngan import sngan
from .wgan_clip import wgan_clip
from .wgan_gp import wgan_gp

MODELS: dict[str, Callable[..., Any]] = {
    "dcgan": dcgan,
    "mlp": mlp_gan,
    "lsgan": lsgan,
    "sngan": sngan,
    "wgan-clip": wgan_clip,
    "wgan-gp": wgan_gp,
    "dragan": dragan,
    "ragan": ragan,
    "r1gan": r1gan,
    "r3gan": r3gan,
    "cgan": cgan,
    "projection": projection_gan,
    "acgan": acgan,
    "infogan": infogan,
    "cyclegan": cyclegan,
}

__all__ = [
    "MODELS",
    "acgan",
    "base_of",
    "build",
    "cgan",
    "cyclegan",
    "dcgan",
    "dragan",
    "infogan",
    "lsgan",
    "method_of",
    "mlp_gan",
    "options_of",
    "projection_gan",
    "r1gan",
    "r3gan",
    "ragan",
    "sngan",
    "wgan_clip",
    "wgan_gp",
]


def build(name: str, **options) -> GAN:
    """Build the GAN called `name` (a key of MODELS) with the options of its builder.

    Raises ValueError for an unknown name or option.
    """
    one_of("models", "model", name, MODELS)
    check_options(name, MODELS[name], options)
    return MODELS[name](**options)
