"""LSGAN: D as a regression to labels instead of a classifier (Mao et al. 2017).

Method    C(x) itself is compared with the labels 1 and 0, by the square of the difference, and G drives C of its fakes
          to the label 1: losses.LeastSquares.  A fake that D takes for real, but that is far from the decision
          boundary, still gets a gradient towards it; sigmoid cross-entropy is flat there.
Nets      DCGAN's, BatchNorm in both.
Training  Adam with beta1 = 0.5, one turn each.
Check     with labels b - c = 1 and b - a = 2, G's objective is half of Pearson's chi^2 divergence between p + q and 2 q
          (the paper's section 3.2); the labels 0 and 1 that are used here, and in its experiments, work as well.
"""

from __future__ import annotations

from .dcgan import dcgan
from .member import Member

METHOD = {
    "loss": "least-squares",
    "latent_dim": 64,
    "width": 32,
    "dense": 256,
    "optimizer": "adam",
    "lr_g": 1e-3,
    "lr_d": 1e-3,
    "beta1": 0.5,
    "ema_decay": 0.99,
}

lsgan = Member("lsgan", dcgan, METHOD, __doc__)
