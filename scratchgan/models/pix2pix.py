"""pix2pix: one image into another, learned from pairs (Isola, Zhu, Zhou & Efros 2017).

Method    L_G = cGAN + 100 L1: (Paired.3) with l1, a = 100, b = 1.  D is conditional: it sees x and an answer, so an
          answer must go with its x.  Dropout in the decoder is the only noise.
Nets      a U-Net with skips; a discriminator of patches, "PatchGAN".  InstanceNorm: what the authors call BatchNorm with
          one image in the batch.
Training  Adam with rate 2e-4 and beta1 = 0.5, one turn each.  The paper halves D's loss, "which slows down the rate at
          which D learns relative to G": Adam divides by the gradient's size, so with Adam it changes nothing (up to
          eps), and is left out here.
Use       dropout is off, unless `apply` gets a seed; the authors leave it on.  With L1 at weight 100 the net learns to
          ignore the noise: the answers hardly differ.
"""

from __future__ import annotations

from .member import Constant, Member
from .paired import paired

METHOD = {
    "net": "unet",
    "width": 16,
    "noise": "dropout",
    "d_width": 32,
    "d_sees": "pair",
    "loss": "non-saturating",
    "content": "l1",
    "content_weight": 100.0,
    "adversarial_weight": 1.0,
    "feature_weight": 0.0,
    "pretrain": 0,
    "lr_g": 2e-4,
    "lr_d": 2e-4,
    "beta1": 0.5,
}
SIZE = "images of 32 pixels and two cores, where the paper has 256 pixels and a GPU"
CONSTANTS = (
    Constant("content", "l1", "l1", "l1"),
    Constant("content_weight", "100", "100", 100.0),
    Constant("adversarial_weight", "1", "1", 1.0),
    Constant("loss", "log D for G (non-saturating)", "the same", "non-saturating"),
    Constant("d_sees", "the pair (x, y)", "the pair (x, y)", "pair"),
    Constant("noise", "dropout 0.5 in three decoder layers, also in use", "the same, unless --eval", "dropout"),
    Constant("width", "64", "64", 16, SIZE),
    Constant("d_width", "64", "64", 32, SIZE),
    Constant("lr_g", "2e-4", "2e-4", 2e-4),
    Constant("lr_d", "2e-4", "2e-4", 2e-4),
    Constant("beta1", "0.5", "0.5", 0.5),
    Constant("beta2", "0.999", "0.999", 0.999),
    Constant(
        "lr_schedule",
        "not stated",
        "linear to 0 over the second half of the epochs",
        "constant",
        "one choice less; lr_schedule = linear is the code's",
    ),
    Constant("D's loss", "times 1/2", "times 1/2", "times 1", "Adam's step does not depend on the scale of the loss"),
    Constant(
        "patch of a logit", "70 x 70 of 256", "70 x 70 of 256", "18 x 18 of 32", "the same share of a smaller image"
    ),
    Constant("halvings in G", "8, down to 1 x 1", "8", "3, down to 4 x 4", SIZE),
    Constant("batch", "1 to 10", "1", "the run's", "InstanceNorm makes it the same for every image"),
)

pix2pix = Member("pix2pix", paired, METHOD, __doc__, CONSTANTS)
