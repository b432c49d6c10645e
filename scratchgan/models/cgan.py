r"""Conditional GAN: G makes samples of a given label, such as images of sevens (Mirza & Osindero 2014).

Method    Both players are conditioned on the label: the game (Conditional.1) of models/conditional.py.  G gets it
          one-hot, in addition to the noise.  In D the label's vector is appended to the features of the image, before a
          joint hidden layer (section 4.1: there 240 maxout units for the image, 50 for the label, 240 for both):
          `ConcatEnding`.
Nets      DCGAN's, BatchNorm in both.
Training  Adam with beta1 = 0.5, one turn each.
"""

from __future__ import annotations

from functools import partial

from ..checks import positive_int
from ..layers import LabelConcat
from .conditional import ConditionalGAN
from .dcgan import dcgan
from .endings import Ending, ending
from .member import Member

LABEL_SIZE = 50  # length of the label's vector


@ending("concat")
class ConcatEnding(Ending):
    """features -> [features, label's vector] -> Dense -> (BatchNorm) -> LeakyReLU -> Dense -> logit."""

    def __init__(self, *, classes: int, **others):
        self.codes = positive_int("dcgan", "classes", classes, least=2)

    def make(self):
        """G gets one-hot labels."""
        return partial(ConditionalGAN, classes=self.codes)

    def join(self, features, blocks):
        """Append the label's vector to the features, and add a hidden layer for both."""
        label = LabelConcat(self.codes, LABEL_SIZE, rng=blocks.rng, dtype=blocks.dtype)
        return [label, *blocks.dense(features + LABEL_SIZE, features)], features


METHOD = {
    "condition": "concat",
    "loss": "non-saturating",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "beta1": 0.5,
    "ema_decay": 0.99,
}

cgan = Member("cgan", dcgan, METHOD, __doc__)
