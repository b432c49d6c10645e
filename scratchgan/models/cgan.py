r"""Conditional GANs: ask for a seven, and get one.  What the label does in D is the whole difference between them.

cgan             the label's vector beside the features, then a joint hidden layer (Mirza & Osindero 2014, section 4.1:
                 there 240 maxout units for the image, 50 for the label, 240 for both)
projection_gan   the label as a direction among the features (Miyato & Koyama 2018, equation 4)

The game is (Conditional.1): see models/conditional.py.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def cgan(
    image_size: int = 28,
    channels: int = 1,
    latent_dim: int = 64,
    width: int = 32,
    seed: int = 0,
    *,
    classes: int = 10,
    **options,
) -> GAN:
    """The label by concatenation; `options` as for `models.dcgan`, and go before."""
    return dcgan(
        image_size,
        channels,
        latent_dim,
        width,
        seed=seed,
        **{"condition": "concat", "classes": classes, "dense": 256, **options},
    )


def projection_gan(
    image_size: int = 28,
    channels: int = 1,
    latent_dim: int = 64,
    width: int = 32,
    seed: int = 0,
    *,
    classes: int = 10,
    **options,
) -> GAN:
    """The label by projection; `options` as for `models.dcgan`, and go before."""
    return dcgan(
        image_size,
        channels,
        latent_dim,
        width,
        seed=seed,
        **{"condition": "projection", "classes": classes, "dense": 256, **options},
    )
