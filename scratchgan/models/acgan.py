r"""ACGAN: D also classifies (Odena, Olah & Shlens 2017).

Method    G gets noise and a label.  D is not conditioned on the label; it has a second output, which predicts it.

    (Acgan.1)   L_S = E[log P(S = real | X_real)] + E[log P(S = fake | X_fake)]        the source: equation 2
    (Acgan.2)   L_C = E[log P(C = c | X_real)] + E[log P(C = c | X_fake)]              the class: equation 3

          D is trained to maximise L_S + L_C, G to maximise L_C - L_S.  In this package's signs: (Auxiliary.1-3) with
          K = 10 labels, no continuous codes, w_K = 1, and labels on real samples too.
Nets      DCGAN's, BatchNorm in both; `AuxiliaryEnding`.
Training  Adam with beta1 = 0.5, one turn each.
Trouble   G is rewarded for images that are easy to classify, not for the full variety of a class: it favours typical
          images.
"""

from __future__ import annotations

from functools import partial

from ..checks import positive_int
from .auxiliary import AuxiliaryGAN
from .dcgan import dcgan
from .endings import Ending, ending
from .member import Member


@ending("auxiliary")
class AuxiliaryEnding(Ending):
    """features -> Dense -> logit and a prediction of the label."""

    def __init__(self, *, classes: int, class_weight: float, **others):
        self.codes = positive_int("dcgan", "classes", classes, least=2)
        self.class_weight = class_weight

    def make(self):
        """G gets one-hot labels, and wrong predictions add to both players' losses."""
        return partial(AuxiliaryGAN, classes=self.codes, labelled=True, class_weight=self.class_weight)

    def last(self, features, blocks):
        """One Dense layer for both outputs."""
        return blocks.logits(features, 1 + self.codes)


METHOD = {
    "condition": "auxiliary",
    "class_weight": 1.0,
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

acgan = Member("acgan", dcgan, METHOD, __doc__)
