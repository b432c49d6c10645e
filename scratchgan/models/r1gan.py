"""A GAN with a zero-centred penalty at the data, R1 (Mescheder, Geiger & Nowozin 2018).

Method    The game of the first GAN, and gamma/2 E|dC(x)/dx|^2 at real samples in D's loss: penalties.R1.  Near the
          fixed point the vector field of the plain game has purely imaginary eigenvalues, and turns around it
          for ever; R1 gives them a negative real part (the paper's section 4): D must be flat on the data in the end,
          and only then has G no reason to move on.
Nets      DCGAN's, no normalisation in D: the slope at one sample does not exist through BatchNorm in training.
Training  Adam, one turn each, and an average of G's weights, which the paper takes too.
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
