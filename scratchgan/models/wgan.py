"""WGAN: D becomes a critic that estimates the earth mover's distance between data and fakes.

Method    W1(p, q) = max E_p[C] - E_q[C] over all C with Lipschitz constant 1 (Kantorovich and Rubinstein).  The
          critic climbs that difference, G lowers it by moving its fakes: losses.Wasserstein.  Unlike JS, W1 has a slope
          also where p and q do not overlap, so the critic may and should be trained well: n_critic = 5 turns to each
          turn of G.

          What keeps C Lipschitz?

wgan_clip   weights are clipped to [-0.01, 0.01] after every critic step (Arjovsky et al. 2017, algorithm 1): then C is
            K-Lipschitz for some unknown K, and E_p[C] - E_q[C] estimates K W1.  RMSProp: momentum made the critic's
            training unstable.  Nets: DCGAN's.
wgan_gp     the slope of C between data and fakes is pulled to 1: penalties.WganGp, weight 10 (Gulrajani et al. 2017,
            algorithm 1).  The critic has LayerNorm instead of BatchNorm, through which the slope at one sample does not
            exist (section 4).  Adam with beta1 = 0, beta2 = 0.9.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan

N_CRITIC = 5


def wgan_clip(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """WGAN with weight clipping; `options` as for `models.dcgan`, and go before.

    A step of training is a step of the critic; G moves in every fifth.
    """
    method = {
        "loss": "wasserstein",
        "clip": 0.01,
        "d_steps": N_CRITIC,
        "optimizer": "rmsprop",
        "beta2": 0.99,
        "lr_g": 5e-5,
        "lr_d": 5e-5,
    }
    return dcgan(image_size, channels, latent_dim, width, seed=seed, **{**method, **options})


def wgan_gp(
    image_size: int = 28, channels: int = 1, latent_dim: int = 64, width: int = 32, seed: int = 0, **options
) -> GAN:
    """WGAN with a gradient penalty; `options` as for `models.dcgan`, and go before.

    A step of training is a step of the critic; G moves in every fifth.
    """
    method = {
        "loss": "wasserstein",
        "penalty": "wgan-gp",
        "penalty_weight": 10.0,
        "d_norm": "layer",
        "d_steps": N_CRITIC,
        "beta1": 0.0,
        "beta2": 0.9,
        "lr_g": 1e-4,
        "lr_d": 1e-4,
    }
    return dcgan(image_size, channels, latent_dim, width, seed=seed, **{**method, **options})
