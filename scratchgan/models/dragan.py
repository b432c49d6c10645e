"""DRAGAN: D is kept from being steep around the data (Kodali et al. 2017).

Method    The game of the first GAN, and a penalty on D: slope 1 at points around real samples, x + 0.5 std(X) d with
          d ~ U(0, 1) an entry, weight 10: penalties.Dragan.  The authors see mode collapse come with sharp slopes of D
          around some real samples, which drag many z to the same place; a D that is gentle there lets them go.
Nets      DCGAN's, no normalisation in D: the slope at one sample does not exist through BatchNorm in training.
Training  Adam, one turn each: unlike a WGAN it needs no well-trained critic.  (The authors take beta1 = 0.5; in the
          short runs of this package beta1 = 0, beta2 = 0.9, as WGAN-GP has them, loses fewer modes.)
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
    "beta1": 0.0,  # with 0.5 and twice these rates most digits are ones
    "beta2": 0.9,
    "ema_decay": 0.99,
}

dragan = Member("dragan", dcgan, METHOD, __doc__)
