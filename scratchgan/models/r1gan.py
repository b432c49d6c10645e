"""A GAN with a zero-centred penalty at the data, R1 (Mescheder, Geiger & Nowozin 2018).

Method    The game of the first GAN, and gamma/2 E|dC(x)/dx|^2 at real samples in D's loss: penalties.R1.  Near the
          fixed point the vector field of the plain game has purely imaginary eigenvalues, and turns around it
          for ever; R1 gives them a negative real part (the paper's section 4): D must be flat on the data in the end,
          and only then has G no reason to move on.
Nets      DCGAN's, no normalisation in D: the slope at one sample does not exist through BatchNorm in training.
Training  Adam, one turn each, and an average of G's weights, which the paper takes too.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def r1gan(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """The paper's GAN in the size of this package's recipes; `options` as for `models.dcgan`, and go before."""
    method = {"loss": "non-saturating", "penalty": "r1", "penalty_weight": 10.0, "d_norm": "none", "ema_decay": 0.99}
    return dcgan(image_size, channels, latent_dim, width, seed=seed, **{**method, **options})
