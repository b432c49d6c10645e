"""The ledger's rows about the best discriminator: the value of the game, a trained D, and what G descends."""

from __future__ import annotations

import math

import numpy as np

from ..layers import Dense, LeakyReLU, Sequential, Tanh, sigmoid
from ..losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating
from ..optim import Adam
from .divergences import js, kl, tv_gaussians
from .line import gaussian, integrate, normal_points
from .optimal import (
    expected_loss,
    hinge_optimum,
    least_squares_best,
    least_squares_optimum,
    optimal_discriminator,
    optimal_logits,
    value_of_game,
)
from .row import LedgerRow
from .rows_loss import best_logit, sigmoid_of

GOODFELLOW = "Goodfellow et al. 2014, section 4"


def rows() -> list[LedgerRow]:
    """All rows about the best discriminator."""
    return [*_optimal(), *_trained(), *_generator()]


def _optimal() -> list[LedgerRow]:
    p, q = gaussian(0, 1), gaussian(1.5, 1)
    at_p, at_q = 0.3, 0.1  # densities at an arbitrary point
    log_p, log_q = np.log([at_p]), np.log([at_q])
    logits = lambda x: optimal_logits(p.log_density(x), q.log_density(x))
    least = lambda x: least_squares_optimum(p.log_density(x), q.log_density(x))
    hinge = lambda x: hinge_optimum(p.log_density(x), q.log_density(x))
    points = normal_points(20000)[:, None]
    linear = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)  # log p - log q = 1.5^2/2 - 1.5 x
    linear.params["W"][...], linear.params["b"][...] = -1.5, 1.125
    net = lambda x: linear.forward(x, train=False)[0]
    batch = Minimax().discriminator(net(points), net(points + 1.5))[0]
    topic = "the best D, and V(D*, G)"
    return [
        LedgerRow(
            topic,
            "minimax: D* = p/(p + q), loss minimised at a point",
            "(Loss.3)",
            float(optimal_discriminator(log_p, log_q)[0]),
            sigmoid_of(best_logit(Minimax(), at_p, at_q)),
            1e-12,
        ),
        LedgerRow(
            topic,
            "minimax, labels smoothed by 0.1: D* = 0.9 p/(p + q)",
            "(Minimax.1)",
            0.9 * at_p / (at_p + at_q),
            sigmoid_of(best_logit(Minimax(0.1), at_p, at_q)),
            1e-12,
        ),
        LedgerRow(
            topic,
            "least squares: C* = p/(p + q)",
            "(OptimalD.2)",
            float(least_squares_optimum(log_p, log_q)[0]),
            best_logit(LeastSquares(), at_p, at_q),
            1e-12,
        ),
        LedgerRow(
            topic,
            "hinge: C* = sign(p - q)",
            "(OptimalD.3)",
            float(hinge_optimum(log_p, log_q)[0]),
            best_logit(Hinge(), at_p, at_q),
            1e-12,
        ),
        LedgerRow(
            topic,
            "hinge where fakes are denser",
            "(OptimalD.3)",
            float(hinge_optimum(log_q, log_p)[0]),
            best_logit(Hinge(), at_q, at_p),
            1e-12,
        ),
        LedgerRow(
            topic,
            "V(D*, G) = 2 JSD - log 4, N(0, 1) and N(1.5, 1): the loss under D*",
            "(OptimalD.4)",
            value_of_game(p, q).value,
            -expected_loss(Minimax(), p, q, logits).value,
            1e-12,
        ),
        LedgerRow(
            topic,
            "the same for 20,000 points each, with a Dense layer",
            "(OptimalD.4)",
            value_of_game(p, q).value,
            -batch,
            1e-4,
        ),
        LedgerRow(
            topic,
            "least squares: 1/2 int pq/(p + q)",
            "(OptimalD.5)",
            least_squares_best(p, q).value,
            expected_loss(LeastSquares(), p, q, least).value,
            1e-12,
        ),
        LedgerRow(
            topic,
            "hinge: 2 (1 - TV), TV = erf(1.5/(2 sqrt 2))",
            "(OptimalD.6)",
            2 * (1 - tv_gaussians(1.5)),
            expected_loss(Hinge(), p, q, hinge, breaks=[0.75]).value,
            1e-12,
        ),
    ]


def _trained() -> list[LedgerRow]:
    p, q = gaussian(0, 1), gaussian(1, 0.5)
    points = normal_points(400)[:, None]
    real, fake = points, 1 + 0.5 * points
    D, loss = _train(real, fake, steps=700)
    x = np.linspace(-2.5, 2.5, 201)
    learned, best = D(x), optimal_discriminator(p.log_density(x), q.log_density(x))
    share = p.density(x) + q.density(x)
    same, _ = _train(real, real.copy(), steps=150)
    topic = "a trained D"
    return [
        LedgerRow(
            topic,
            "N(0, 1) against N(1, 0.5^2): mean |D - D*| is 0",
            "(Loss.3)",
            0.0,
            float(np.average(np.abs(learned - best), weights=share)),
            0.01,
        ),
        LedgerRow(topic, "its loss is log 4 - 2 JSD", "(OptimalD.4)", -value_of_game(p, q).value, loss, 0.01),
        LedgerRow(
            topic,
            "real samples as fakes: largest |D - 1/2| is 0",
            GOODFELLOW,
            0.0,
            float(np.abs(same(x) - 0.5).max()),
            0.01,
        ),
    ]


def _generator() -> list[LedgerRow]:
    """G(z) = theta + z, p = N(0, 1), theta = 1.5: the logit of D* is theta^2/2 - theta x, a fixed Dense layer."""
    theta, h = 1.5, 1e-4
    p, q = gaussian(0, 1), gaussian(theta, 1)
    D = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    D.params["W"][...], D.params["b"][...] = -theta, theta**2 / 2
    fakes = theta + normal_points(20000)[:, None]

    def push(loss: Loss) -> float:
        """dL_G/dtheta: the sum over the fakes, because dG(z)/dtheta = 1."""
        logits, cache = D.forward(fakes, train=True)
        return float(D.backward(loss.generator(logits)[1], cache, param_grads=False).sum())

    moved = [gaussian(theta + sign * h, 1) for sign in (1, -1)]
    d_js = (js(p, moved[0]).value - js(p, moved[1]).value) / (2 * h)
    d_kl = (kl(moved[0], p).value - kl(moved[1], p).value) / (2 * h)
    middle = lambda x: np.logaddexp(p.log_density(x), q.log_density(x)) - math.log(2)
    kl_qm = integrate(lambda x: q.density(x) * (q.log_density(x) - middle(x)), q.interval).value
    topic = "what G descends under D*"
    return [
        LedgerRow(topic, "minimax: G's gradient is grad 2 JSD", "(OptimalD.7)", 2 * d_js, push(Minimax()), 1e-4),
        LedgerRow(
            topic,
            "non-saturating: grad [KL(q, p) - 2 JSD]",
            "(OptimalD.8)",
            d_kl - 2 * d_js,
            push(NonSaturating()),
            2e-4,
        ),
        LedgerRow(
            topic,
            "non-saturating: its value is log 2 + KL(q, p) - KL(q, m)",
            "(OptimalD.8)",
            math.log(2) + kl(q, p).value - kl_qm,
            NonSaturating().generator(D.forward(fakes, train=True)[0])[0],
            2e-4,
        ),
    ]


def _train(real: np.ndarray, fake: np.ndarray, *, steps: int):
    """Train D on fixed batches with the package's loss, layers and Adam: (x (n,) -> D(x) (n,), the last loss)."""
    rng = np.random.default_rng(0)
    D = Sequential(
        [
            Dense(1, 16, rng=rng, dtype=np.float64),
            Tanh(),
            Dense(16, 16, rng=rng, dtype=np.float64),
            LeakyReLU(0.2),
            Dense(16, 1, init="glorot", rng=rng, dtype=np.float64),
        ]
    )
    optimiser, loss = Adam(D, 1e-2, beta1=0.9), Minimax()
    for _ in range(steps):
        D.zero_grads()
        (r, on_real), (f, on_fake) = D.forward(real, train=True), D.forward(fake, train=True)
        value, d_real, d_fake = loss.discriminator(r, f)
        D.backward(d_real, on_real, input_grad=False)
        D.backward(d_fake, on_fake, input_grad=False)
        optimiser.step()
    return lambda x: sigmoid(D.forward(x[:, None], train=False)[0])[:, 0], value
