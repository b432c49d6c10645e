"""DRAGAN: a gradient penalty on D at points around the data (Kodali et al. 2017).

Method    The game of the first GAN, and a penalty that pulls the norm of D's gradient to 1 at points around real
          samples, x + 0.5 std(X) d with d ~ U(0, 1) per entry, weight 10: penalties.Dragan.  The authors observe that
          mode collapse comes with sharp gradients of D around some real samples, which drag many z to the same output;
          the penalty avoids these.
Nets      DCGAN's, no normalisation in D: with BatchNorm in training, there is no per-sample gradient.
Training  Adam, one turn each: unlike a WGAN it needs no well-trained critic.  (The authors use beta1 = 0.5; in the
          short runs of this package, beta1 = 0 and beta2 = 0.9, as in WGAN-GP, lose fewer modes.)
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
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
    "beta1": 0.0,  # with 0.5 and twice these learning rates, most fakes are ones
    "beta2": 0.9,
    "ema_decay": 0.99,
}

dragan = Member("dragan", dcgan, METHOD, __doc__)
