r"""G's gradient vanishes when D becomes too good: the experiment of Arjovsky & Bottou 2017, figure 2.

    1. train a GAN for a while
    2. freeze its generator and start with a new discriminator
    3. train only D, and measure from time to time the norm of the gradient that G would get

Where D is sure of a fake, its logit l is far below 0.  The derivatives for one fake are

    (Vanishing.1)   minimax          |d log(1 - D)/dl| = D = sigmoid(l) ~ e^l       -> 0
    (Vanishing.2)   non-saturating   |d(-log D)/dl| = 1 - D                         -> 1

and the chain rule multiplies both by the same derivative of l by G's weights.  Data and fakes lie on low-dimensional
sets that hardly intersect, so D can become arbitrarily sure (theorems 2.1 and 2.2 of the paper), and the minimax
gradient falls by orders of magnitude as D improves.

All computations use float64 logits: e^-700 can still be represented, whereas a probability computed as 1 - D would
already be 0 once D rounds to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..checks import positive_int
from ..files.console import progress_bar
from ..gan import GAN
from ..layers.activations import sigmoid
from ..losses import Minimax, NonSaturating
from ..models import mlp_gan
from .one_thread import on_one_thread

#: default numbers of steps of the new D after which to measure
STEPS = (0, 1, 3, 10, 30, 100, 300, 1000, 2000, 4000)


@dataclass(frozen=True)
class Vanishing:
    """What `experiment` measured; arrays (K,), one entry per measurement.

    steps            number of steps of the new D
    minimax          |grad L_G| over all weights of G, for L_G = mean log(1 - D(G(z)))
    non_saturating   the same for L_G = -mean log D(G(z))
    d_real, d_fake   means of D(x) over real samples and of D(G(z)) over fakes
    """

    steps: np.ndarray
    minimax: np.ndarray
    non_saturating: np.ndarray
    d_real: np.ndarray
    d_fake: np.ndarray

    @property
    def orders(self) -> tuple[float, float]:
        """log10 of (largest norm / last norm) for (minimax, non-saturating)."""
        minimax, other = (float(np.log10(norms.max() / norms[-1])) for norms in (self.minimax, self.non_saturating))
        return minimax, other

    def __str__(self) -> str:
        head = f"{'D steps':>8} {'minimax':>12} {'non-saturating':>15} {'D(x)':>8} {'D(G(z))':>10}"
        rows = zip(self.steps, self.minimax, self.non_saturating, self.d_real, self.d_fake, strict=True)
        return "\n".join([head, *(f"{n:>8,} {a:>12.3e} {b:>15.3e} {r:>8.4f} {f:>10.2e}" for n, a, b, r, f in rows)])


@on_one_thread
def experiment(
    data: np.ndarray | None = None,
    *,
    before: int = 100,
    steps: Sequence[int] = STEPS,
    batch: int = 64,
    hidden: Sequence[int] = (64, 64),
    latent_dim: int = 16,
    lr: float = 2e-3,
    seed: int = 0,
    progress: bool = False,
) -> Vanishing:
    """Run the experiment; it takes less than a minute on one core with the default sizes.

    data       real samples (n, D), any float type; None: the embedded 8 x 8 digits, flattened
    before     steps of ordinary training (step 1); 28 are one epoch of the digits
    steps      numbers of steps of the new D after which to measure, increasing
    batch      samples per step; the gradient is always measured on the same 256 noise vectors
    hidden, latent_dim, lr    of both MLP GANs; lr is the learning rate of both players (Adam, beta1 = 0.5)
    progress   whether to show a progress bar

    Raises ValueError for data of another shape or not finite, and for steps that are negative or do not increase.
    """
    steps = [positive_int("vanishing", "steps", n, least=0) for n in steps]
    if not steps or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(f"vanishing: steps must be at least one number, in increasing order, got {steps}")
    before, batch = positive_int("vanishing", "before", before, least=0), positive_int("vanishing", "batch", batch)
    data = _digits() if data is None else np.asarray(data, np.float64)
    if data.ndim != 2 or not data.size or not np.isfinite(data).all():
        raise ValueError(f"vanishing: data must be finite samples (n, D), got shape {data.shape}")

    def build(seed):
        return mlp_gan(data.shape[1], latent_dim, hidden, seed=seed, lr_g=lr, lr_d=lr, dtype=np.float64)

    rng = np.random.default_rng(seed)
    draw = lambda: data[rng.integers(len(data), size=batch)]
    bar = _bar(before + steps[-1], progress)
    trained = build(seed)
    for _ in range(before):
        trained.train_step(draw())
        bar.update()
    fresh = build(seed + 1)
    gan = GAN(
        trained.G,
        fresh.D,
        latent_dim=latent_dim,
        data_shape=(data.shape[1],),
        loss="non-saturating",
        g_optimizer=trained.g_optimizer,
        d_optimizer=fresh.d_optimizer,
        seed=seed + 2,
    )
    Z = rng.standard_normal((256, latent_dim))
    some = data[rng.integers(len(data), size=256)]
    rows, done = [], 0
    for count in steps:
        for _ in range(count - done):
            gan.d_step(draw())  # G is frozen
            bar.update()
        done = count
        rows.append(
            (
                count,
                gradient_norm(gan, Minimax(), Z),
                gradient_norm(gan, NonSaturating(), Z),
                _mean_probability(gan, some),
                _mean_probability(gan, gan.G.forward(Z, train=True)[0]),
            )
        )
    bar.close()
    return Vanishing(*(np.array(column) for column in zip(*rows, strict=True)))


def gradient_norm(gan: GAN, loss, Z: np.ndarray) -> float:
    """|grad L_G| by all of G's weights on the noise Z (N, latent_dim), for any loss, not only the GAN's own.

    Overwrites the gradients stored in G.
    """
    own, gan.loss = gan.loss, loss
    try:
        gan.g_gradients(Z)
    finally:
        gan.loss = own
    return float(np.sqrt(sum(np.vdot(g, g) for _, g in gan.G.gradients())))


def _mean_probability(gan: GAN, x: np.ndarray) -> float:
    return float(sigmoid(gan.D.forward(x, train=True)[0]).mean())


def _digits() -> np.ndarray:
    from ..data.embedded import load_embedded

    x = load_embedded("uci-digits-8x8").x
    return x.reshape(len(x), -1).astype(np.float64)


def _bar(total: int, show: bool):
    return progress_bar(total=total, desc="vanishing gradients", unit="step", disable=not show)
