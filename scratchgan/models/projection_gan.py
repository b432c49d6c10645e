r"""Projection discriminator: D's features are projected onto the label's vector (Miyato & Koyama 2018).

Method    The game of the conditional GAN, (Conditional.1).  D's logit is psi(f) + <v_l, f> (the paper's equation 4)
          with the features f of the image and a vector v_l for each label: the features of an image of label l have to
          align with v_l.  layers.Projection, `ProjectionEnding`.
Nets      DCGAN's, no normalisation in D: the penalty must go through it.
Training  Adam with beta1 = 0, beta2 = 0.9, one turn each, and DRAGAN's penalty (Kodali et al. 2017).  The paper
          constrains D by spectral normalisation.  With neither, and with the BatchNorm and the learning rates of
          models/cgan.py, D's loss fell to 0.2 after 500 steps and 0.01 after 1,000, and G made no digits (seed 0).
"""

from __future__ import annotations

from functools import partial

from ..checks import positive_int
from ..layers import Projection
from .conditional import ConditionalGAN
from .dcgan import dcgan
from .endings import Ending, ending
from .member import Member


@ending("projection")
class ProjectionEnding(Ending):
    """features -> Projection on the label's vector -> logit."""

    def __init__(self, *, classes: int, **others):
        self.codes = positive_int("dcgan", "classes", classes, least=2)

    def make(self):
        """G gets one-hot labels."""
        return partial(ConditionalGAN, classes=self.codes)

    def last(self, features, blocks):
        """The projection."""
        return Projection(features, self.codes, rng=blocks.rng, dtype=blocks.dtype)


METHOD = {
    "condition": "projection",
    "loss": "non-saturating",
    "penalty": "dragan",
    "penalty_weight": 10.0,
    "d_norm": "none",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 5e-4,
    "lr_d": 5e-4,
    "beta1": 0.0,
    "beta2": 0.9,
    "ema_decay": 0.99,
}

projection_gan = Member("projection", dcgan, METHOD, __doc__)
