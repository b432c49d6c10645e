"""What every builder of the family shares: two nets, a loss and a few numbers become a GAN that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .. import losses, optim
from ..checks import one_of, positive_int
from ..core import Layer
from ..gan import GAN
from ..layers import MinibatchDiscrimination, MinibatchStd
from ..rules import ClipWeights, FeatureMatching, InstanceNoise, Rule, Unrolled, penalised

OPTIMIZERS = ("adam", "rmsprop", "sgd")
MINIBATCH = ("none", "std", "discrimination")
OBJECTIVES = ("loss", "feature-matching")


def game(
    G: Layer,
    D: Layer,
    *,
    latent_dim: int,
    data_shape: tuple[int, ...],
    loss="non-saturating",
    seed: int = 0,
    label_smoothing: float = 0.0,
    optimizer: str = "adam",
    lr_g: float = 2e-4,
    lr_d: float = 2e-4,
    beta1: float = 0.5,
    beta2: float = 0.999,
    momentum: float = 0.9,
    lr_schedule: str = "constant",
    total_steps: int | None = None,
    ema_decay: float = 0.0,
    d_steps: int = 1,
    penalty: str = "none",
    penalty_weight: float = 10.0,
    penalty_every: int = 1,
    clip: float = 0.0,
    instance_noise: float = 0.0,
    noise_steps: int = 0,
    g_objective: str = "loss",
    unroll: int = 0,
    rules: Sequence[Rule] = (),
    make: Callable[..., GAN] = GAN,
) -> GAN:
    """Put G and D into a GAN.

    loss, label_smoothing     see `scratchgan.losses`
    optimizer                 "adam" (beta1, beta2), "rmsprop" (beta2 is its decay) or "sgd" (momentum), one each
    lr_g, lr_d                learning rates of G and D
    lr_schedule               "constant", "linear" or "cosine" over total_steps
    ema_decay                 average of G's weights that samples are drawn from; 0 is off
    d_steps                   turns of D to each of G's
    penalty, penalty_weight, penalty_every    "none", "r1", "r2", "r1+r2", "wgan-gp" or "dragan": see rules/penalised.py
    clip                      bound of D's weights; 0 is off: see rules/clipping.py
    instance_noise, noise_steps               its sigma, 0 is off, falling to 0 in so many steps (0: total_steps)
    g_objective               "loss" or "feature-matching": see rules/feature_matching.py
    unroll                    steps of D that G looks ahead; 0 is off: see rules/unrolled.py
    rules                     further rules of your own
    make                      the class, for a game in which the players are told more: models/conditional.py
    """
    if not isinstance(loss, losses.Loss):
        loss = losses.get(loss, label_smoothing=label_smoothing)
    one_of("training", "optimizer", optimizer, OPTIMIZERS)
    schedule = optim.schedule(lr_schedule, total_steps)

    def optimizer_of(net: Layer, lr: float) -> optim.Optimizer:
        if optimizer == "adam":
            return optim.Adam(net, lr, beta1=beta1, beta2=beta2, schedule=schedule)
        if optimizer == "rmsprop":
            return optim.RMSProp(net, lr, decay=beta2, schedule=schedule)
        return optim.SGD(net, lr, momentum=momentum, schedule=schedule)

    one_of("training", "g_objective", g_objective, OBJECTIVES)
    played = penalised(penalty, penalty_weight, every=penalty_every)
    if clip:
        played.append(ClipWeights(clip))
    if instance_noise:
        if not (noise_steps or total_steps):
            raise ValueError("training: instance_noise needs noise_steps, the number of steps in which it fades")
        played.append(InstanceNoise(instance_noise, noise_steps or total_steps))
    if g_objective == "feature-matching":
        played.append(FeatureMatching())
    if positive_int("training", "unroll", unroll, least=0):
        played.append(Unrolled(unroll))
    return make(
        G,
        D,
        latent_dim=latent_dim,
        data_shape=data_shape,
        loss=loss,
        g_optimizer=optimizer_of(G, lr_g),
        d_optimizer=optimizer_of(D, lr_d),
        ema_decay=ema_decay,
        d_steps=d_steps,
        rules=[*played, *rules],
        seed=seed,
    )


def see_the_batch(minibatch: str, features: int, rng, dtype) -> tuple[list[Layer], int]:
    """The layers before D's last one that let it see the whole batch, and the number of features they leave.

    "none"; "std", one number a batch (Karras et al. 2018); "discrimination" (Salimans et al. 2016), 16 kernels of 8.
    """
    one_of("training", "minibatch", minibatch, MINIBATCH)
    if minibatch == "none":
        return [], features
    if minibatch == "std":
        return [MinibatchStd()], features + 1
    return [MinibatchDiscrimination(features, 16, 8, rng=rng, dtype=dtype)], features + 16
