"""WGAN: D becomes a critic that estimates the earth mover's distance between data and fakes (Arjovsky et al. 2017).

Method    W1(p, q) = max E_p[C] - E_q[C] over all C with Lipschitz constant 1 (Kantorovich and Rubinstein).  The
          critic maximises this difference, and G lowers it by moving its fakes: losses.Wasserstein.  Unlike JS, W1 has
          a useful gradient also where p and q do not overlap, so the critic may and should be trained well:
          n_critic = 5 turns per turn of G.

          What keeps C Lipschitz?  Its weights are clipped to [-0.01, 0.01] after every critic step (algorithm 1):
          then C is K-Lipschitz for some unknown K, and E_p[C] - E_q[C] estimates K W1.  models/wgan_gp.py has a
          gentler answer.
Nets      DCGAN's.
Training  RMSProp: momentum made the critic's training unstable.  The learning rate is ten times the paper's 5e-5, for
          runs of a few thousand steps.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "wasserstein",
    "clip": 0.01,
    "d_steps": 5,  # every training step updates the critic, every fifth also G
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "rmsprop",
    "lr_g": 5e-4,
    "lr_d": 5e-4,
    "beta2": 0.99,
    "ema_decay": 0.99,
}

wgan_clip = Member("wgan-clip", dcgan, METHOD, __doc__)
