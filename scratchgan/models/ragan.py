"""RaGAN: D says whether a sample is more real than the others are on average (Jolicoeur-Martineau 2019).

Method    In place of C(x), the difference C(x) - mean C(fakes) goes into the cross-entropy, and C(fake) - mean
          C(real) for the fakes: losses.RelativisticAverage.  A better fake makes real samples *less* real, as it
          should when half of what D sees is known to be fake, and G's gradient also flows while real logits are high.
Nets      DCGAN's, BatchNorm in both.  D sees real and fake samples as separate batches.
Training  Adam with beta1 = 0.5, one turn each.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def ragan(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """The paper's GAN in the size of this package's recipes; `options` as for `models.dcgan`, and go before."""
    return dcgan(image_size, channels, latent_dim, width, seed=seed, **{"loss": "relativistic-average", **options})
