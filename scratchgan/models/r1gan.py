"""A GAN with a zero-centred penalty at the data, R1 (Mescheder, Geiger & Nowozin 2018).

Method    The game of the first GAN, and gamma/2 E|dC(x)/dx|^2 at real samples in D's loss: penalties.R1.  Near the
          fixed point, the Jacobian of the plain game's vector field has purely imaginary eigenvalues, and the players
          circle around it for ever; R1 gives the eigenvalues a negative real part (the paper's section 4).  At the end
          D must be flat on the data, and only then does G have no reason to move on.
Nets      DCGAN's, no normalisation in D: with BatchNorm in training, there is no per-sample gradient.
Training  Adam, one turn each, and an average of G's weights, as in the paper.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "non-saturating",
    "penalty": "r1",
    "penalty_weight": 10.0,
    "d_norm": "none",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "beta1": 0.5,
    "ema_decay": 0.99,
}

r1gan = Member("r1gan", dcgan, METHOD, __doc__)
