"""What every builder of the family shares: two nets, a loss and a few numbers become a GAN that can be trained."""

from __future__ import annotations

from .. import losses, optim
from ..checks import one_of
from ..core import Layer
from ..gan import GAN

OPTIMIZERS = ("adam", "rmsprop", "sgd")


def game(G: Layer, D: Layer, *, latent_dim: int, data_shape: tuple[int, ...], loss="non-saturating", seed: int = 0,
         label_smoothing: float = 0.0, optimizer: str = "adam", lr_g: float = 2e-4, lr_d: float = 2e-4,
         beta1: float = 0.5, beta2: float = 0.999, momentum: float = 0.9, lr_schedule: str = "constant",
         total_steps: int | None = None, ema_decay: float = 0.0) -> GAN:
    """Put G and D into a GAN.

    loss, label_smoothing     see `scratchgan.losses`
    optimizer                 "adam" (beta1, beta2), "rmsprop" (beta2 is its decay) or "sgd" (momentum), one each
    lr_g, lr_d                learning rates of G and D
    lr_schedule               "constant", "linear" or "cosine" over total_steps
    ema_decay                 average of G's weights that samples are drawn from; 0 is off
    """
    if not isinstance(loss, losses.Loss):
        loss = losses.get(loss, label_smoothing=label_smoothing)
    one_of("training", "optimizer", optimizer, OPTIMIZERS)
    schedule = optim.schedule(lr_schedule, total_steps)

    def make(net: Layer, lr: float) -> optim.Optimizer:
        if optimizer == "adam":
            return optim.Adam(net, lr, beta1=beta1, beta2=beta2, schedule=schedule)
        if optimizer == "rmsprop":
            return optim.RMSProp(net, lr, decay=beta2, schedule=schedule)
        return optim.SGD(net, lr, momentum=momentum, schedule=schedule)

    return GAN(G, D, latent_dim=latent_dim, data_shape=data_shape, loss=loss, g_optimizer=make(G, lr_g),
               d_optimizer=make(D, lr_d), ema_decay=ema_decay, seed=seed)
