"""DRAGAN: D is kept from being steep around the data (Kodali et al. 2017).

Method    The game of the first GAN, and a penalty on D: slope 1 at points around real samples, x + 0.5 std(X) d with
          d ~ U(0, 1) an entry, weight 10: penalties.Dragan.  The authors see mode collapse come with sharp slopes of D
          around some real samples, which drag many z to the same place; a D that is gentle there lets them go.
Nets      DCGAN's, no normalisation in D: the slope at one sample does not exist through BatchNorm in training.
Training  Adam, one turn each: unlike a WGAN it needs no well-trained critic.  (The authors take beta1 = 0.5; in the
          short runs of this package beta1 = 0, beta2 = 0.9, as WGAN-GP has them, loses fewer modes.)
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def dragan(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """The paper's GAN in the size of this package's recipes; `options` as for `models.dcgan`, and go before."""
    method = {
        "loss": "non-saturating",
        "penalty": "dragan",
        "penalty_weight": 10.0,
        "d_norm": "none",
        "beta1": 0.0,
        "beta2": 0.9,
    }
    return dcgan(image_size, channels, latent_dim, width, seed=seed, **{**method, **options})
