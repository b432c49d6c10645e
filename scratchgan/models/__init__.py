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
from .context_encoder import context_encoder
from .cyclegan import cyclegan
from .dcgan import dcgan
from .dragan import dragan
from .enhancer import enhancer
from .infogan import infogan
from .lsgan import lsgan
from .member import Constant, base_of, check_options, method_of, options_of
from .mlp import mlp_gan
from .paired import paired
from .pix2pix import pix2pix
from .projection_gan import projection_gan
from .r1gan import r1gan
from .r3gan import r3gan
from .ragan import ragan
from .sngan import sngan
from .srgan import srgan
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
    "paired": paired,
    "pix2pix": pix2pix,
    "srgan": srgan,
    "context-encoder": context_encoder,
    "enhancer": enhancer,
}

__all__ = [
    "MODELS",
    "Constant",
    "acgan",
    "base_of",
    "build",
    "cgan",
    "constants",
    "context_encoder",
    "cyclegan",
    "dcgan",
    "dragan",
    "enhancer",
    "infogan",
    "lsgan",
    "method_of",
    "mlp_gan",
    "options_of",
    "paired",
    "pix2pix",
    "projection_gan",
    "r1gan",
    "r3gan",
    "ragan",
    "sngan",
    "srgan",
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


def constants(name: str) -> tuple[Constant, ...]:
    """Where the numbers of the model called `name` come from: paper, authors' code, ours, why; () if nothing is noted.

    Raises ValueError for an unknown name.
    """
    one_of("models", "model", name, MODELS)
    return getattr(MODELS[name], "constants", ())
