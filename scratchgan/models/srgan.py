"""SRGAN: a small image enlarged four times, with the detail that it must have had (Ledig et al. 2017).

Method    (Paired.3): a content term, plus an adversarial one with a weight of 1e-3, after a phase with content alone, in
          which G becomes the net that the paper calls SRResNet.  The paper compares features of VGG-19, which was trained
          on a million photographs; here the features are D's own (feature matching), and the pixels stay in the loss.
Nets      residual blocks at the small size, two PixelShuffle; no BatchNorm, as in its successors (Lim et al. 2017; Wang
          et al. 2018).  A skip hands the enlarged image to the last convolution.
Training  Adam; `pretrain` steps of content, then both.
Check     the content net has the smaller error, the adversarial one the sharper image: no net can be best at both (Blau &
          Michaeli 2018).
"""

from __future__ import annotations

from .member import Constant, Member
from .paired import paired

METHOD = {
    "scale": 4,
    "net": "residual",
    "width": 24,
    "blocks": 4,
    "noise": "none",
    "d_width": 16,
    "d_sees": "pair",
    "loss": "non-saturating",
    "content": "l1",
    "content_weight": 1.0,
    "adversarial_weight": 1e-3,
    "feature_weight": 0.02,
    "pretrain": 2000,
    "lr_g": 5e-4,
    "lr_d": 2e-4,
    "beta1": 0.9,
}
SIZE = "crops of 48 pixels and two cores, where the paper has 96 pixels and a GPU"
NONE = "none published"
CONSTANTS = (
    Constant("scale", "4", NONE, 4),
    Constant("content", "l2 of VGG-19's features", NONE, "l1", "no VGG here; l1 of pixels, as in ESRGAN and EDSR"),
    Constant("content_weight", "1 (features times 0.006)", NONE, 1.0),
    Constant("adversarial_weight", "1e-3", NONE, 1e-3),
    Constant("feature_weight", "none", NONE, 0.02, "D's features in place of VGG's"),
    Constant("loss", "-log D for G (non-saturating)", NONE, "non-saturating"),
    Constant("d_sees", "the large image", NONE, "pair", "a small D is better at it if it also sees what was given"),
    Constant("pretrain", "1e6 steps of l2", NONE, 2000, SIZE),
    Constant("blocks", "16", NONE, 4, SIZE),
    Constant("width", "64", NONE, 24, SIZE),
    Constant("d_width", "64", NONE, 16, SIZE),
    Constant("lr_g", "1e-4, then 1e-5", NONE, 5e-4, "far fewer steps"),
    Constant("lr_d", "1e-4, then 1e-5", NONE, 2e-4, "far fewer steps"),
    Constant("beta1", "0.9", NONE, 0.9),
    Constant(
        "BatchNorm in G", "yes", NONE, "no", "its statistics differ between training and use, and it was dropped later"
    ),
    Constant("batch", "16", NONE, "the run's", "each run says its own"),
)

srgan = Member("srgan", paired, METHOD, __doc__, CONSTANTS)
