"""The family: a file for each GAN, and a builder for each.

    build("dcgan", image_size=28, channels=1)     the same as     dcgan(image_size=28, channels=1)
"""

from ..checks import one_of
from ..gan import GAN
from .dcgan import dcgan
from .mlp import mlp_gan

MODELS = {"dcgan": dcgan, "mlp": mlp_gan}

__all__ = ["MODELS", "build", "dcgan", "mlp_gan"]


def build(name: str, **options) -> GAN:
    """The GAN of that name ("dcgan", "mlp") with its builder's options.  Raises ValueError for an unknown name."""
    one_of("models", "model", name, MODELS)
    return MODELS[name](**options)
