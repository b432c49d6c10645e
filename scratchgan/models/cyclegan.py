"""CycleGAN for square images, such as digits (Zhu, Park, Isola & Efros 2017): nets, game and training options.

Method    Two generators, two discriminators and a cycle: an image translated there and back must be the same again.
          The game and its derivatives are in models/cycle.py, the nets in models/cyclegan_nets.py.
"""

from __future__ import annotations

import numpy as np

from .. import optim
from ..checks import positive_int
from ..game import seed_streams
from ..losses import Loss
from .cycle import CycleGAN
from .cyclegan_nets import discriminator, generator


def cyclegan(
    image_size: int = 28,
    channels: int = 1,
    width: int = 16,
    blocks: int = 2,
    seed: int = 0,
    *,
    d_width: int = 32,
    slope: float = 0.2,
    loss: Loss | str = "least-squares",
    cycle_weight: float = 10.0,
    identity_weight: float = 0.5,
    pool_size: int = 50,
    lr: float = 2e-4,
    beta1: float = 0.5,
    beta2: float = 0.999,
    lr_schedule: str = "constant",
    total_steps: int | None = None,
    ema_decay: float = 0.0,
    dtype=np.float32,
) -> CycleGAN:
    """Build a CycleGAN for images (N, image_size, image_size, channels) of both domains.

    width       channels of the generators at full resolution, twice as many at half of it
    blocks      residual blocks at half resolution
    d_width     channels of the discriminators at half resolution
    slope       of the discriminators' LeakyReLU
    lr_schedule, total_steps    "constant", "linear" (falls to 0 over the second half) or "cosine"
    the others  see `CycleGAN`

    Raises ValueError for an image_size that is not a multiple of 4, or is less than 8.
    """
    if positive_int("cyclegan", "image_size", image_size, least=8) % 4:
        raise ValueError(f"cyclegan: image_size must be a multiple of 4, got {image_size}")
    shape = (image_size, image_size, positive_int("cyclegan", "channels", channels))
    width, d_width = positive_int("cyclegan", "width", width), positive_int("cyclegan", "d_width", d_width)
    blocks = positive_int("cyclegan", "blocks", blocks, least=0)
    rng, *_ = seed_streams(seed)
    nets = [generator(shape, width, blocks, rng, dtype) for _ in "AB"]
    nets += [discriminator(shape, d_width, slope, rng, dtype) for _ in "AB"]
    return CycleGAN(
        *nets,
        data_shape=shape,
        loss=loss,
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        schedule=optim.schedule(lr_schedule, total_steps),
        cycle_weight=cycle_weight,
        identity_weight=identity_weight,
        pool_size=pool_size,
        ema_decay=ema_decay,
        seed=seed,
    )
