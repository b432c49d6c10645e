"""The ledger's rows about the game, its losses, and the distances behind them."""

from __future__ import annotations

import math

import numpy as np

from ..core import Sequential
from ..layers import Dense, LeakyReLU, ReLU, Tanh, sigmoid
from ..losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Pointwise, Wasserstein
from ..metrics.earth_mover import earth_mover_1d
from ..optim import Adam
from .divergences import js, kl, kl_gaussians, tv_gaussians, w1, w1_gaussians
from .line import gaussian, integrate, normal_points, uniform
from .optimal import (
    expected_loss,
    gradient_ratio,
    hinge_optimum,
    least_squares_best,
    least_squares_optimum,
    optimal_discriminator,
    optimal_logits,
    value_of_game,
)
from .row import LedgerRow

GOODFELLOW, ARJOVSKY = "Goodfellow et al. 2014, section 4", "Arjovsky et al. 2017"
LOG4 = math.log(4)


def rows() -> list[LedgerRow]:
    """All of them."""
    return [*_equilibrium(), *_labels(), *_optimal(), *_trained(), *_generator(), *_distances()]


def _equilibrium() -> list[LedgerRow]:
    r = np.zeros((5, 1))
    topic = "where p = q"
    return [
        LedgerRow(topic, "minimax: V = -log 4", GOODFELLOW, -LOG4, -Minimax().discriminator(r, r)[0], 1e-14),
        LedgerRow(topic, "minimax: G's loss is -log 2", GOODFELLOW, -math.log(2), Minimax().generator(r)[0], 1e-14),
        LedgerRow(
            topic, "minimax: the best D is 1/2", GOODFELLOW, 0.5, _sigmoid(_best_logit(Minimax(), 1.0, 1.0)), 1e-12
        ),
        LedgerRow(
            topic,
            "minimax: real and fake derivative of D's loss cancel",
            "(Minimax.2)",
            0.0,
            float(sum(d.sum() for d in Minimax().discriminator(r, r)[1:])),
            1e-15,
        ),
        LedgerRow(
            topic,
            "least squares: D's loss at the best C = 1/2 is 1/4",
            "Mao et al. 2017",
            0.25,
            LeastSquares().discriminator(r + 0.5, r + 0.5)[0],
            1e-15,
        ),
        LedgerRow(
            topic,
            "hinge: D's loss is 2, for any C in [-1, 1]",
            "Lim & Ye 2017",
            2.0,
            Hinge().discriminator(r + 0.3, r + 0.3)[0],
            1e-14,
        ),
        LedgerRow(
            topic,
            "Wasserstein: D's loss is 0, for any critic",
            ARJOVSKY,
            0.0,
            Wasserstein().discriminator(r + 7, r + 7)[0],
            0.0,
        ),
    ]


def _labels() -> list[LedgerRow]:
    l, far = np.full((1, 1), -3.0), np.full((1, 1), -800.0)
    D = 1 / (1 + math.exp(3.0))
    ratio = NonSaturating().generator(l)[1] / Minimax().generator(l)[1]
    topic = "from cross-entropy, at D = 0.047"
    return [
        LedgerRow(
            topic, "(A) label 1 costs -log D", "(Loss.1)", -math.log(D), Minimax().discriminator(l, far)[0], 1e-13
        ),
        LedgerRow(
            topic,
            "(B) label 0 costs -log(1 - D)",
            "(Loss.1)",
            -math.log(1 - D),
            Minimax().discriminator(-far, l)[0],
            1e-13,
        ),
        LedgerRow(
            topic, "minimax: slope of G's loss is -D", "(OptimalD.9)", -D, float(Minimax().generator(l)[1][0, 0]), 1e-15
        ),
        LedgerRow(
            topic,
            "non-saturating: slope of G's loss is -(1 - D)",
            "(OptimalD.9)",
            D - 1,
            float(NonSaturating().generator(l)[1][0, 0]),
            1e-15,
        ),
        LedgerRow(
            topic,
            "non-saturating over minimax: (1 - D)/D",
            "(OptimalD.9)",
            float(gradient_ratio(-3.0)),
            float(ratio[0, 0]),
            1e-12,
        ),
    ]


def _optimal() -> list[LedgerRow]:
    p, q = gaussian(0, 1), gaussian(1.5, 1)
    at_p, at_q = 0.3, 0.1  # densities at some point
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
            _sigmoid(_best_logit(Minimax(), at_p, at_q)),
            1e-12,
        ),
        LedgerRow(
            topic,
            "minimax, labels smoothed by 0.1: D* = 0.9 p/(p + q)",
            "(Minimax.1)",
            0.9 * at_p / (at_p + at_q),
            _sigmoid(_best_logit(Minimax(0.1), at_p, at_q)),
            1e-12,
        ),
        LedgerRow(
            topic,
            "least squares: C* = p/(p + q)",
            "(OptimalD.2)",
            float(least_squares_optimum(log_p, log_q)[0]),
            _best_logit(LeastSquares(), at_p, at_q),
            1e-12,
        ),
        LedgerRow(
            topic,
            "hinge: C* = sign(p - q)",
            "(OptimalD.3)",
            float(hinge_optimum(log_p, log_q)[0]),
            _best_logit(Hinge(), at_p, at_q),
            1e-12,
        ),
        LedgerRow(
            topic,
            "hinge where fakes are denser",
            "(OptimalD.3)",
            float(hinge_optimum(log_q, log_p)[0]),
            _best_logit(Hinge(), at_q, at_p),
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
            "the same of 20,000 points each, through a Dense layer",
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
    topic = "a D that the package trained"
    return [
        LedgerRow(
            topic,
            "N(0, 1) against N(1, 0.5^2): mean |D - D*| is 0",
            "(Loss.3)",
            0.0,
            float(np.average(np.abs(learned - best), weights=share)),
            0.01,
        ),
        LedgerRow(topic, "its loss comes to log 4 - 2 JSD", "(OptimalD.4)", -value_of_game(p, q).value, loss, 0.01),
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
    """G(z) = theta + z, p = N(0, 1), theta = 1.5: log p - log q = theta^2/2 - theta x is a Dense layer, held fixed."""
    theta, h = 1.5, 1e-4
    p, q = gaussian(0, 1), gaussian(theta, 1)
    D = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    D.params["W"][...], D.params["b"][...] = -theta, theta**2 / 2
    fakes = theta + normal_points(20000)[:, None]

    def push(loss: Loss) -> float:
        """dL_G/dtheta: every fake moves by as much as theta does."""
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
            "non-saturating: its value log 2 + KL(q, p) - KL(q, m)",
            "(OptimalD.8)",
            math.log(2) + kl(q, p).value - kl_qm,
            NonSaturating().generator(D.forward(fakes, train=True)[0])[0],
            2e-4,
        ),
    ]


def _distances() -> list[LedgerRow]:
    points = normal_points(4000)
    apart = np.linspace(0, 1, 50)[:, None]
    judge = Dense(1, 1, rng=np.random.default_rng(0), dtype=np.float64)
    judge.params["W"][...], judge.params["b"][...] = -1000, 1500  # sure on both sides of 1.5
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
            "disjoint supports: JSD = log 2, from the loss of a D that is sure",
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
            "W1 of a density and itself, moved by 3",
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
            "Kantorovich: a clipped linear critic reaches W1 = 3 of the move",
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
            "Kantorovich: no other 1-Lipschitz critic gets further (C = sin x)",
            ARJOVSKY,
            w1_gaussians(0, 1, 0, 2),
            -Wasserstein().discriminator(np.sin(points[:, None]), np.sin(wide))[0],
            0.0,
            "<=",
        ),
    ]


def _best_logit(loss: Pointwise, p: float, q: float) -> float:
    """The d that minimises p a(d) + q b(d): where the package's derivative changes its sign, by bisection."""
    low, high = -50.0, 50.0
    for _ in range(100):
        d = np.array([0.5 * (low + high)])
        slope = p * loss.real_term(d)[1][0] + q * loss.fake_term(d)[1][0]
        low, high = (low, float(d[0])) if slope > 0 else (float(d[0]), high)
    return 0.5 * (low + high)


def _train(real: np.ndarray, fake: np.ndarray, *, steps: int):
    """D on fixed batches by the package's loss, layers and Adam: (x (n,) -> D(x) (n,), its last loss)."""
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


def _clipped_critic(real: np.ndarray, fake: np.ndarray) -> float:
    """-L_D of a linear critic after some steps of Adam with its weight cut to [-1, 1]."""
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


def _sigmoid(l: float) -> float:
    return float(sigmoid(np.array([l]))[0])
