"""The family: a file for each GAN, and a builder for each.

build("dcgan", image_size=28, channels=1)     the same as     dcgan(image_size=28, channels=1)
"""

from ..checks import one_of
from ..gan import GAN
from .acgan import acgan
from .cgan import cgan, projection_gan
from .cyclegan import cyclegan
from .dcgan import dcgan
from .dragan import dragan
from .infogan import infogan
from .lsgan import lsgan
from .mlp import mlp_gan
from .r1gan import r1gan
from .ragan import ragan
from .sngan import sngan
from .wgan import wgan_clip, wgan_gp

MODELS = {
    "dcgan": dcgan,
    "mlp": mlp_gan,
    "lsgan": lsgan,
    "sngan": sngan,
    "wgan-clip": wgan_clip,
    "wgan-gp": wgan_gp,
    "dragan": dragan,
    "ragan": ragan,
    "r1gan": r1gan,
    "cgan": cgan,
    "projection": projection_gan,
    "acgan": acgan,
    "infogan": infogan,
    "cyclegan": cyclegan,
}

__all__ = [
    "MODELS",
    "acgan",
    "build",
    "cgan",
    "cyclegan",
    "dcgan",
    "dragan",
    "infogan",
    "lsgan",
    "mlp_gan",
    "projection_gan",
    "r1gan",
    "ragan",
    "sngan",
    "wgan_clip",
    "wgan_gp",
]


def build(name: str, **options) -> GAN:
    """The GAN of that name (a key of MODELS) with its builder's options.  Raises ValueError for an unknown name."""
    one_of("models", "model", name, MODELS)
    return MODELS[name](**options)
