"""The ledger's rows about the distances that the losses estimate: W1 distinguishes what JSD does not."""

from __future__ import annotations

import math

import numpy as np

from ..layers import Dense, ReLU, Sequential
from ..losses import Minimax, Wasserstein
from ..metrics.earth_mover import earth_mover_1d
from ..optim import Adam
from .divergences import js, kl, kl_gaussians, w1, w1_gaussians
from .line import gaussian, normal_points, uniform
from .row import LedgerRow

ARJOVSKY = "Arjovsky et al. 2017"
LOG4 = math.log(4)


def rows() -> list[LedgerRow]:
    """All rows about distances."""
    points = normal_points(4000)
    apart = np.linspace(0, 1, 50)[:, None]
    judge = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    judge.params["W"][...], judge.params["b"][...] = -1000, 1500  # saturated on both sides of 1.5
    sure = lambda x: judge.forward(x, train=False)[0]
    wide = 2 * points[:, None]
    fold = Sequential(
        [
            Dense(1, 2, bias=False, rng=np.random.default_rng(0), dtype=np.float64),
            ReLU(),
            Dense(2, 1, bias=False, rng=np.random.default_rng(0), dtype=np.float64),
        ]
    )
    fold[0].params["W"][...], fold[2].params["W"][...] = [[1, -1]], [[-1], [-1]]  # C(x) = -|x|
    critic = lambda x: fold.forward(x, train=False)[0]
    topic = "distances"
    return [
        LedgerRow(
            topic,
            "disjoint supports: JSD = log 2, from the loss of a saturated D",
            "(Divergence.2)",
            math.log(2),
            (LOG4 - Minimax().discriminator(sure(apart), sure(apart + 2))[0]) / 2,
            1e-12,
        ),
        LedgerRow(
            topic,
            "disjoint supports: JSD = log 2, integrated",
            "(Divergence.2)",
            math.log(2),
            js(uniform(0, 1), uniform(2, 3)).value,
            1e-12,
        ),
        LedgerRow(
            topic,
            "KL of N(0, 1) from N(1, 2^2), integrated",
            "(Divergence.5)",
            kl_gaussians(0, 1, 1, 2),
            kl(gaussian(0, 1), gaussian(1, 2)).value,
            1e-12,
        ),
        LedgerRow(
            topic,
            "W1 of a density and the same density shifted by 3",
            "(Divergence.7)",
            3.0,
            earth_mover_1d(points, points + 3),
            1e-10,
        ),
        LedgerRow(
            topic,
            "W1 of N(0, 1) and N(1, 3^2), integrated",
            "(Divergence.7)",
            w1_gaussians(0, 1, 1, 3),
            w1(gaussian(0, 1), gaussian(1, 3)).value,
            1e-8,
        ),
        LedgerRow(
            topic,
            "Kantorovich: a clipped linear critic reaches W1 = 3 of the shift",
            ARJOVSKY,
            3.0,
            _clipped_critic(points[:, None], points[:, None] + 3),
            1e-10,
        ),
        LedgerRow(
            topic,
            "Kantorovich: C = -|x| reaches W1 of N(0, 1) and N(0, 2^2)",
            ARJOVSKY,
            w1_gaussians(0, 1, 0, 2),
            -Wasserstein().discriminator(critic(points[:, None]), critic(wide))[0],
            1e-3,
        ),
        LedgerRow(
            topic,
            "Kantorovich: no other 1-Lipschitz critic exceeds W1 (C = sin x)",
            ARJOVSKY,
            w1_gaussians(0, 1, 0, 2),
            -Wasserstein().discriminator(np.sin(points[:, None]), np.sin(wide))[0],
            0.0,
            "<=",
        ),
    ]


def _clipped_critic(real: np.ndarray, fake: np.ndarray) -> float:
    """-L_D of a linear critic after 60 steps of Adam, with its weight clipped to [-1, 1]."""
    D = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    optimiser, loss = Adam(D, 0.1), Wasserstein()
    for _ in range(60):
        D.zero_grads()
        (r, on_real), (f, on_fake) = D.forward(real, train=True), D.forward(fake, train=True)
        value, d_real, d_fake = loss.discriminator(r, f)
        D.backward(d_real, on_real, input_grad=False)
        D.backward(d_fake, on_fake, input_grad=False)
        optimiser.step()
        np.clip(D.params["W"], -1, 1, out=D.params["W"])
    return -value
