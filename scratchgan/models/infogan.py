r"""InfoGAN: a conditional GAN that finds its own categories, without labels (Chen et al. 2016).

Method    G gets noise z and a code c, drawn at random: a category of ten and two numbers in -1..1.  Their meaning
          is not given.  But the mutual information I(c; G(z, c)) is to be large: it should be possible to tell the code
          from the image.  For any model Q(c|x) of the code,

    (Infogan.1)   I(c; G(z, c)) >= E_c E_x[log Q(c|x)] + H(c) = L_I(G, Q),   x = G(z, c)         (equation 5)
    (Infogan.2)   min_{G,Q} max_D  V(D, G) - lambda L_I(G, Q)                                    (equation 6)

          Proof of the first: I = H(c) - H(c|x) = H(c) + E_x[ E_{c|x} log P(c|x) ], and E_{c|x} log P - E_{c|x} log Q
          is a Kullback-Leibler divergence, so at least 0.  H(c) is constant.  What is left is a cross-entropy:
          (Auxiliary.1) with lambda = w_K = 1 for the category, as in the paper, and less for the numbers, as it
          advises: w_c = 0.1.
Nets      DCGAN's, BatchNorm in both.  Q shares all of D but its last layers (appendix C.1: one hidden layer of 128):
          `CodesEnding`.
Training  Adam with beta1 = 0.5, one turn each, D slower than G.  Appendix C uses 1e-3 for G, 2e-4 for D and a z of 62
          numbers, on 60,000 digits.
Result    The category mostly comes to be the digit, though D and G get no labels; which category becomes which digit is
          arbitrary.  On 5,000 digits 74 to 88 % agree, depending on the seed; the other digits share a category, or are
          split over two.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..checks import positive_int
from ..layers import Concat, Sequential
from .auxiliary import AuxiliaryGAN
from .dcgan import dcgan
from .endings import Ending, ending
from .member import Member

ANSWER_SIZE = 128  # units of Q's own hidden layer


@ending("codes")
class CodesEnding(Ending):
    """features -> Dense -> logit;  features -> Dense 128 -> (BatchNorm) -> LeakyReLU -> Dense -> predictions."""

    def __init__(self, *, classes: int, continuous: int, class_weight: float, continuous_weight: float):
        self.classes = positive_int("dcgan", "classes", classes, least=2)
        self.continuous = positive_int("dcgan", "continuous", continuous, least=0)
        self.codes = self.classes + self.continuous
        self.weights: dict[str, Any] = {"class_weight": class_weight, "continuous_weight": continuous_weight}

    def make(self):
        """G gets random codes, and wrong predictions add to both players' losses."""
        return partial(AuxiliaryGAN, classes=self.classes, continuous=self.continuous, labelled=False, **self.weights)

    def last(self, features, blocks):
        """D's logit and Q's predictions, concatenated."""
        logit = blocks.logits(features)
        hidden = blocks.dense(features, ANSWER_SIZE)
        return Concat([logit, Sequential([*hidden, blocks.logits(ANSWER_SIZE, self.codes)])])


METHOD = {
    "condition": "codes",
    "classes": 10,
    "continuous": 2,
    "class_weight": 1.0,
    "continuous_weight": 0.1,
    "loss": "non-saturating",
    "latent_dim": 8,  # little noise, so that the differences between digits come from the codes
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 5e-4,
    "beta1": 0.5,
    "ema_decay": 0.99,
}

infogan = Member("infogan", dcgan, METHOD, __doc__)
