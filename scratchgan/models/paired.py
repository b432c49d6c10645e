"""Images into images, with pairs to learn from: nets, game and training options (Isola et al. 2017).

Method    An image x and the right answer y: G is compared with y, and D judges what G makes.  The game and its
          derivatives are in models/paired_game.py, the nets in models/paired_nets.py.
Members   pix2pix (line to colour), srgan (small to large), context_encoder (holes), enhancer (noise, blur, grey): each
          has the weights of its paper.
"""

from __future__ import annotations

import numpy as np

from .. import optim
from ..checks import positive_int
from ..core import Layer
from ..game import seed_streams
from ..losses import Loss
from .paired_game import PairedGAN
from .paired_nets import discriminator, doublings, generator, random_features
from .paired_views import VIEWS


def paired(
    image_size: int = 32,
    channels: int = 3,
    *,
    input_channels: int | None = None,
    scale: int = 1,
    net: str = "unet",
    width: int = 16,
    blocks: int = 4,
    noise: str = "none",
    d_width: int = 32,
    d_sees: str = "pair",
    composite: bool | None = None,
    loss: Loss | str = "non-saturating",
    content: str = "l1",
    content_weight: float = 100.0,
    adversarial_weight: float = 1.0,
    feature_weight: float = 0.0,
    perceptual_weight: float = 0.0,
    features: Layer | None = None,
    pretrain: int = 0,
    lr_g: float = 2e-4,
    lr_d: float = 2e-4,
    beta1: float = 0.5,
    beta2: float = 0.999,
    lr_schedule: str = "constant",
    total_steps: int | None = None,
    ema_decay: float = 0.0,
    seed: int = 0,
    dtype=np.float32,
) -> PairedGAN:
    """Build a game that turns images x into images y (N, image_size, image_size, channels).

    input_channels   of x; None: as many as y, and the mask of a hole.  0 is the same as None
    scale            1, 2 or 4: x has image_size / scale pixels per side
    net              "unet" or "residual": see models/paired_nets.py
    width            channels of G's hidden layers, at full resolution in the U-Net
    blocks           residual blocks of net = "residual"
    noise            "none", "dropout" (pix2pix's), or "channel" (a channel of x that is drawn anew in every step)
    d_width          channels of D at half resolution
    d_sees           "pair", "output" or "hole": see models/paired_views.py
    composite        whether G only fills holes, and everything else stays as in x; None: if d_sees is "hole"
    features         the net of the perceptual term; None: fixed random weights
    lr_schedule, total_steps    "constant", "linear" (falls to 0 over the second half) or "cosine"
    the others       see `PairedGAN`

    Raises ValueError for a size that does not fit the scale, or that the U-Net cannot halve.
    """
    who = "paired"
    size, channels = positive_int(who, "image_size", image_size, least=4), positive_int(who, "channels", channels)
    doublings(scale)
    if size % scale:
        raise ValueError(f"paired: image_size must be a multiple of the scale {scale}, got {size}")
    composite = d_sees == "hole" if composite is None else composite
    Cx = positive_int(who, "input_channels", input_channels or 0, least=0) or channels + composite
    width, d_width = positive_int(who, "width", width), positive_int(who, "d_width", d_width)
    blocks = positive_int(who, "blocks", blocks, least=0)
    rng, *_ = seed_streams(seed)
    small = size // scale
    G = generator(
        net,
        (small, small, Cx + (noise == "channel")),
        channels,
        width,
        blocks,
        rng=rng,
        dtype=dtype,
        scale=scale,
        dropout=noise == "dropout",
    )
    Cs = VIEWS[d_sees][2](Cx, channels) if d_sees in VIEWS else Cx  # PairedGAN names a d_sees that does not exist
    D = discriminator((size, size, Cs), d_width, rng, dtype)
    if features is None and perceptual_weight:
        features = random_features(channels, dtype)
    return PairedGAN(
        G,
        D,
        input_shape=(small, small, Cx),
        data_shape=(size, size, channels),
        loss=loss,
        content=content,
        content_weight=content_weight,
        adversarial_weight=adversarial_weight,
        feature_weight=feature_weight,
        perceptual_weight=perceptual_weight,
        features=features,
        d_sees=d_sees,
        composite=composite,
        noise=noise,
        pretrain=pretrain,
        lr_g=lr_g,
        lr_d=lr_d,
        beta1=beta1,
        beta2=beta2,
        schedule=optim.schedule(lr_schedule, total_steps),
        ema_decay=ema_decay,
        seed=seed,
    )
