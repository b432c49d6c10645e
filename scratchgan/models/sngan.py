"""SNGAN: D's weights divided by their spectral norm (Miyato et al. 2018), with the hinge loss.

Method    Each weight W of D is replaced by W / sigma(W), with sigma from one power iteration per step (algorithm 1):
          layers.SpectralNorm.  LeakyReLU has slope at most 1, so that dense layers together have a Lipschitz constant
          of at most 1.  For convolutions sigma(W) is that of the weight as a matrix, as in the paper; the map's own
          norm can be larger, up to ceil(k / s) times in each direction.
Loss      hinge (the paper's equations 16 and 17): losses.Hinge.
Nets      DCGAN's; D has no other normalisation.  G keeps its BatchNorm.
Training  Adam with beta1 = 0, beta2 = 0.9 (one of the settings of the paper's table 1), two turns of D per turn of G.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "hinge",
    "d_norm": "spectral",
    "latent_dim": 64,
    "width": 32,
    "dense": 0,  # one more normalised dense layer makes D so flat that G collapses to a single digit
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 2e-3,  # the constrained D needs a higher learning rate
    "d_steps": 2,  # and more turns
    "beta1": 0.0,
    "beta2": 0.9,
    "ema_decay": 0.99,
}

sngan = Member("sngan", dcgan, METHOD, __doc__)
