"""RaGAN: D says whether a sample is more real than the others are on average (Jolicoeur-Martineau 2019).

Method    The cross-entropy is applied to C(real) - mean C(fakes) for real samples and to C(fake) - mean C(real) for
          fakes, not to C itself: losses.RelativisticAverage.  A better fake makes real samples *less* real, as it
          should when half of D's inputs are known to be fake, and G also gets a gradient from the real samples while
          their logits are high.
Nets      DCGAN's, BatchNorm in both.  D gets real and fake samples as separate batches.
Training  Adam with beta1 = 0.5, one turn each.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "relativistic-average",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "beta1": 0.5,
    "ema_decay": 0.99,
}

ragan = Member("ragan", dcgan, METHOD, __doc__)
