"""Enhancer: a spoilt image repaired, by content alone: noise, blur, lost colours (as Lim et al. 2017 enlarge images).

Method    L_G = content(u, y): (Paired.3) with b = 0, so D takes no turn.  What is asked is the best guess of every pixel,
          not a possible image; with adversarial_weight > 0 it is (Paired.3) again.
Nets      residual blocks without BatchNorm, at the size of the image; the image itself is handed to the last convolution,
          and the net has to learn only the correction.
Training  Adam with beta1 = 0.9: there is no game, and no reason for less.
"""

from __future__ import annotations

from .member import Constant, Member
from .paired import paired

METHOD = {
    "net": "residual",
    "width": 16,
    "blocks": 4,
    "noise": "none",
    "d_width": 16,
    "d_sees": "pair",
    "loss": "non-saturating",
    "content": "l1",
    "content_weight": 1.0,
    "adversarial_weight": 0.0,
    "feature_weight": 0.0,
    "pretrain": 0,
    "lr_g": 1e-3,
    "beta1": 0.9,
}
SIZE = "images of 48 pixels and two cores, where the paper has 192 pixels and a GPU"
CONSTANTS = (
    Constant("content", "l1", "l1", "l1"),
    Constant("content_weight", "1", "1", 1.0),
    Constant("adversarial_weight", "none", "none", 0.0),
    Constant("blocks", "32", "16", 4, SIZE),
    Constant("width", "256", "64", 16, SIZE),
    Constant("d_width", "none", "none", 16, "D is at work only if it is given a weight"),
    Constant("lr_g", "1e-4", "1e-4", 1e-3, "a smaller net and far fewer steps"),
    Constant("beta1", "0.9", "0.9", 0.9),
    Constant("beta2", "0.999", "0.999", 0.999),
    Constant(
        "residual scaling", "0.1 throughout", "1 for the small net", "0.1 at the start", "it is in the first weights"
    ),
    Constant("batch", "16", "16", "the run's", "each run says its own"),
)

enhancer = Member("enhancer", paired, METHOD, __doc__, CONSTANTS)
