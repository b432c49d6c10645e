"""R3GAN: the relativistic pairing loss with R1 and R2 (Huang, Gokaslan, Kuleshov & Tompkin 2024).

Method    D says of a real sample and a fake which is the real one: losses.RelativisticPairing.  So no sample can be
          called fake once and for all, D's surface has no plateau on which G loses a mode (Sun et al. 2020), and each
          mode that G misses still counts.  The loss alone need not converge; with gamma/2 E|dC(x)/dx|^2 at the real
          samples *and* at the fakes, R1 and R2, it does near the fixed point (the paper's section 2).  R1 alone does
          not see how steep D is at fakes where no data are.
Nets      DCGAN's, as for the other members of the family, no normalisation in D.  The paper has ResNets without any
          normalisation.
Training  Adam without momentum (beta1 = 0), one turn each, and an average of G's weights, as in the paper.  gamma = 1: of
          10, 1 and 0.1, the one with the smallest Frechet distance on digits after 500 steps (one seed).
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "relativistic-pairing",
    "penalty": "r1+r2",
    "penalty_weight": 1.0,
    "d_norm": "none",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "beta1": 0.0,
    "ema_decay": 0.99,
}

r3gan = Member("r3gan", dcgan, METHOD, __doc__)
