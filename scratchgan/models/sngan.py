"""SNGAN: D's weights divided by their spectral norm (Miyato et al. 2018), with the hinge loss.

Method    Each weight W of D is replaced by W / sigma(W), sigma by one round of power iteration a step (algorithm 1):
          layers.SpectralNorm.  LeakyReLU has slope at most 1, so that dense layers together have a Lipschitz constant
          of at most 1.  For convolutions sigma(W) is that of the weight as a matrix, the paper's choice; the map's own
          norm can be larger, up to ceil(k / s) times in each direction.
Loss      hinge, (the paper's equations 16 and 17): losses.Hinge.
Nets      DCGAN's; D has no other normalisation.  G keeps its BatchNorm.
Training  Adam with beta1 = 0, beta2 = 0.9 (one of the settings of the paper's table 1), two turns of D to each of G's.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def sngan(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """The paper's GAN in the size of this package's recipes; `options` as for `models.dcgan`, and go before."""
    return dcgan(
        image_size,
        channels,
        latent_dim,
        width,
        seed=seed,
        **{"loss": "hinge", "d_norm": "spectral", "d_steps": 2, "beta1": 0.0, "beta2": 0.9, **options},
    )
