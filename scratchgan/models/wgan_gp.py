"""WGAN-GP: a critic whose gradient norm is pulled to 1 (Gulrajani et al. 2017, algorithm 1).

Method    The critic and the loss of models/wgan_clip.py.  What keeps it Lipschitz is a penalty on the gradient
          norm of C at points between data and fakes, weight 10: penalties.WganGp.
Nets      DCGAN's.  The critic has LayerNorm instead of BatchNorm, with which there is no per-sample gradient
          (section 4).
Training  Adam with beta1 = 0, beta2 = 0.9, five turns of the critic per turn of G.  The learning rate is five
          times the paper's 1e-4, for runs of a few thousand steps.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "wasserstein",
    "penalty": "wgan-gp",
    "penalty_weight": 10.0,
    "d_norm": "layer",  # with BatchNorm there is no per-sample gradient to penalise
    "d_steps": 5,  # every training step updates the critic, every fifth also G
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 5e-4,
    "lr_d": 5e-4,
    "beta1": 0.0,
    "beta2": 0.9,
    "ema_decay": 0.99,
}

wgan_gp = Member("wgan-gp", dcgan, METHOD, __doc__)
