"""Context encoder: what was in the hole? (Pathak, Krahenbuhl, Donahue, Darrell & Efros 2016.)

Method    L_G = 0.999 L2 + 0.001 adversarial: (Paired.3) with l2, a = 0.999, b = 0.001.  x is the image with the hole
          filled by a constant, and a mask as its last channel.  Only the hole is G's; D sees only the hole.
          With L2 alone G gives the mean of all that could be there, which is blurred; D asks for one of them.
Nets      a U-Net, where the paper squeezes everything through one layer: what is known next to the hole is passed on.
Training  Adam; G's rate is ten times D's.
Why the mask channel    holes of the paper are in one place; where they are random, a net that is not told which pixels
          are missing must guess it from the colour of the filling.
"""

from __future__ import annotations

from .member import Constant, Member
from .paired import paired

METHOD = {
    "net": "unet",
    "width": 16,
    "noise": "none",
    "d_width": 32,
    "d_sees": "hole",
    "loss": "non-saturating",
    "content": "l2",
    "content_weight": 0.999,
    "adversarial_weight": 0.001,
    "feature_weight": 0.0,
    "pretrain": 0,
    "lr_g": 2e-3,
    "lr_d": 2e-4,
    "beta1": 0.5,
}
SIZE = "images of 28 or 32 pixels and two cores, where the paper has 128 pixels and a GPU"
CONSTANTS = (
    Constant("content", "l2", "l2", "l2"),
    Constant("content_weight", "0.999", "0.999", 0.999),
    Constant("adversarial_weight", "0.001", "0.001", 0.001),
    Constant("d_sees", "only the hole", "only the hole", "hole"),
    Constant("lr_g", "10 times D's", "10 times D's", 2e-3),
    Constant("lr_d", "not stated", "2e-4", 2e-4),
    Constant("beta1", "not stated", "0.5", 0.5),
    Constant("noise", "none", "none", "none"),
    Constant("width", "not stated", "64", 16, SIZE),
    Constant("d_width", "not stated", "64", 32, SIZE),
    Constant(
        "overlap",
        "7 pixels, weight 10",
        "the band's weight is 10",
        "none",
        "known pixels are kept as they are: no band",
    ),
    Constant("mask as a channel", "no", "no", "yes", "without it random holes fail"),
    Constant("filling of the hole", "mean colour", "mean colour", "the data's", "what the data set fills it with"),
)

context_encoder = Member("context-encoder", paired, METHOD, __doc__, CONSTANTS)
