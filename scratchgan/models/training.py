"""What all builders share: `game` makes a GAN from two nets, a loss and the options of its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from .. import losses, optim
from ..checks import one_of, positive_int
from ..core import Layer
from ..gan import GAN
from ..layers import MinibatchDiscrimination, MinibatchStd
from ..rules import ClipWeights, FeatureMatching, InstanceNoise, Rule, Unrolled, penalised

OPTIMIZERS: dict[str, Callable[..., Callable[..., optim.Optimizer]]] = {
    "adam": lambda beta1, beta2, momentum: partial(optim.Adam, beta1=beta1, beta2=beta2),
    "rmsprop": lambda beta1, beta2, momentum: partial(optim.RMSProp, decay=beta2),
    "sgd": lambda beta1, beta2, momentum: partial(optim.SGD, momentum=momentum),
}
OBJECTIVES: dict[str, tuple[Callable[[], Rule], ...]] = {
    "loss": (),
    "feature-matching": (FeatureMatching,),
}  # the rules that replace G's loss


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
    """Build a GAN from G and D.

    loss, label_smoothing         see `scratchgan.losses`
    optimizer                     "adam" (with beta1, beta2), "rmsprop" (beta2 is its decay) or "sgd" (momentum)
    lr_g, lr_d                    learning rates of G and D
    lr_schedule                   how they change over total_steps: see `optim.schedule`
    ema_decay                     average of G's weights that samples are drawn from; 0 is off
    d_steps                       turns of D per turn of G
    penalty, penalty_weight, penalty_every    on D's gradient: see rules/penalised.py
    clip                          bound of D's weights; 0 is off: see rules/clipping.py
    instance_noise, noise_steps   its sigma (0 is off), which falls to 0 in noise_steps steps (0: total_steps)
    g_objective                   "loss" or "feature-matching": see rules/feature_matching.py
    unroll                        steps of D that G looks ahead; 0 is off: see rules/unrolled.py
    rules                         further rules of your own
    make                          the class of the GAN, such as models/conditional.py's ConditionalGAN
    """
    if not isinstance(loss, losses.Loss):
        loss = losses.get(loss, label_smoothing=label_smoothing)
    one_of("training", "optimizer", optimizer, OPTIMIZERS)
    one_of("training", "g_objective", g_objective, OBJECTIVES)
    schedule = optim.schedule(lr_schedule, total_steps)
    optimizer_of = partial(OPTIMIZERS[optimizer](beta1, beta2, momentum), schedule=schedule)

    played: list[Rule] = [*penalised(penalty, penalty_weight, every=penalty_every)]
    if clip:
        played.append(ClipWeights(clip))
    if instance_noise:
        fade = noise_steps or total_steps
        if not fade:
            raise ValueError("training: instance_noise needs noise_steps, the number of steps in which it fades")
        played.append(InstanceNoise(instance_noise, fade))
    played += [rule() for rule in OBJECTIVES[g_objective]]
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
    """(layers, before D's last one, that let D compare the samples of a batch; the number of features after them).

    minibatch is a key of MINIBATCH: "none"; "std", one number per batch (Karras et al. 2018); "discrimination",
    16 kernels of 8 dimensions (Salimans et al. 2016).
    """
    one_of("training", "minibatch", minibatch, MINIBATCH)
    return MINIBATCH[minibatch](features, rng, dtype)


MINIBATCH: dict[str, Callable[..., tuple[list[Layer], int]]] = {
    "none": lambda features, rng, dtype: ([], features),
    "std": lambda features, rng, dtype: ([MinibatchStd()], features + 1),
    "discrimination": lambda features, rng, dtype: (
        [MinibatchDiscrimination(features, 16, 8, rng=rng, dtype=dtype)],
        features + 16,
    ),
}
