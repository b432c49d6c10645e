"""The ledger's rows about layers, penalties, optimisers and metrics."""

from __future__ import annotations

import math

import numpy as np

from ..core import Layer
from ..data import toy
from ..initializers import glorot, he
from ..layers import BatchNorm, Conv2D, ConvTranspose2D, Dense, Sequential, SpectralNorm, Tanh
from ..metrics.frechet import frechet_distance
from ..metrics.modes import mode_report
from ..optim import SGD, Adam
from ..penalties import R1, WganGp, penalty_backward
from .row import LedgerRow


def rows() -> list[LedgerRow]:
    """All rows about layers, penalties, optimisers and metrics."""
    return [*_lipschitz(), *_penalties(), *_layers(), *_weights(), *_metrics()]


def operator_norm(
    layer: Layer, shape: tuple[int, ...], *, rounds: int = 5000, gain: float = 1e-6, seed: int = 0
) -> float:
    r"""The largest |A x| / |x| of a linear layer y = A x + b on one sample of `shape`, by power iteration on A^T A.

    The layer's own passes compute A (tangent) and A^T (backward).  The estimate rises to the norm from below, and stops
    when ten rounds improve it by less than the relative amount `gain`, or after `rounds` rounds.

    Dense: the norm is sigma(W), and because |W|_F >= sigma(W), weights in [-c, c] bound it by

        (Lipschitz.1)   c sqrt(Di Do)

    Conv2D, k x k with stride s: each patch is multiplied by Wm, the weight with output channels as columns, and a pixel
    lies in at most ceil(k/s)^2 patches, so sum |patch|^2 <= ceil(k/s)^2 |x|^2 and

        (Lipschitz.2)   norm <= ceil(k/s) sigma(Wm)
    """
    x = np.random.default_rng(seed).standard_normal((1, *shape)).astype(layer.dtype)
    _, cache = layer.forward(x, train=False)
    norms = [0.0]
    for _ in range(rounds):
        x = x / np.sqrt(np.vdot(x, x))
        y = layer.tangent(x, cache)
        assert y is not None
        norms.append(float(np.sqrt(np.vdot(y, y))))
        if len(norms) > 10 and norms[-1] - norms[-11] < gain * norms[-1]:
            break
        x = layer.backward(y, cache, param_grads=False)
    return norms[-1]


def _lipschitz() -> list[LedgerRow]:
    rng = np.random.default_rng(0)
    dense = Dense(6, 4, rng=rng, dtype=np.float64)
    dense.params["W"][...] = np.clip(dense.params["W"], -0.1, 0.1)
    full = Dense(6, 4, rng=rng, dtype=np.float64)
    full.params["W"][...] = np.clip(full.params["W"] * 0 + 5.0, -0.1, 0.1)
    normed = SpectralNorm(Dense(6, 4, rng=rng, dtype=np.float64), iterations=50, rng=rng)
    normed.forward(np.zeros((1, 6)), train=True)  # 50 more rounds of power iteration
    topic = "Lipschitz constants"
    found = [
        LedgerRow(
            topic,
            "Dense 6 -> 4, weights clipped to 0.1: at most 0.1 sqrt(24)",
            "(Lipschitz.1)",
            0.1 * math.sqrt(24),
            operator_norm(dense, (6,)),
            0.0,
            "<=",
        ),
        LedgerRow(
            topic,
            "the same, all weights at the limit: equality",
            "(Lipschitz.1)",
            0.1 * math.sqrt(24),
            operator_norm(full, (6,)),
            1e-12,
        ),
        LedgerRow(
            topic,
            "SpectralNorm of Dense 6 -> 4: 1",
            "Miyato et al. 2018",
            1.0,
            operator_norm(normed, (6,), gain=1e-12),
            1e-8,
        ),
    ]
    for k, s, p in ((3, 1, 1), (4, 2, 1), (5, 1, 2)):
        conv = Conv2D(2, 3, kernel_size=k, stride=s, padding=p, rng=rng, dtype=np.float64)
        sigma = float(np.linalg.norm(conv.params["W"].reshape(-1, 3), 2))
        found.append(
            LedgerRow(
                topic,
                f"Conv2D {k} x {k}, stride {s}: at most ceil(k/s) sigma(W) = {math.ceil(k / s)} x {sigma:.3f}",
                "(Lipschitz.2)",
                math.ceil(k / s) * sigma,
                operator_norm(conv, (8, 8, 2)),
                0.0,
                "<=",
            )
        )
    return found


def _penalties() -> list[LedgerRow]:
    rng = np.random.default_rng(1)
    linear = Dense(2, 1, rng=rng, dtype=np.float64)
    x = rng.standard_normal((5, 2))
    linear.params["W"][...] = [[0.6], [0.8]]
    one = penalty_backward(linear, x, WganGp(10.0))[0]
    linear.params["W"][...] = [[1.8], [2.4]]
    three, r1 = penalty_backward(linear, x, WganGp(10.0))[0], penalty_backward(linear, x, R1(10.0))[0]

    net = Sequential([Dense(2, 5, rng=rng, dtype=np.float64), Tanh(), Dense(5, 1, rng=rng, dtype=np.float64)])
    net.zero_grads()
    penalty_backward(net, x, R1(3.0))
    by_hand = _gradient(net)
    y, cache = net.forward(x, train=True)
    u = R1(3.0)(net.backward(np.ones_like(y), cache, param_grads=False))[1]
    h, ends = 1e-5, []
    for sign in (1, -1):
        net.zero_grads()
        y, cache = net.forward(x + sign * h * u, train=True)
        net.backward(np.ones_like(y), cache)
        ends.append(_gradient(net))
    difference = (ends[0] - ends[1]) / (2 * h)
    topic = "gradient penalties"
    return [
        LedgerRow(topic, "WGAN-GP of a critic of slope 1 is 0", "(WganGp.1)", 0.0, one, 1e-15),
        LedgerRow(topic, "WGAN-GP of a critic of slope 3: 10 (3 - 1)^2", "(WganGp.1)", 40.0, three, 1e-12),
        LedgerRow(topic, "R1 of a critic of slope 3: 10/2 3^2", "(R1.1)", 45.0, r1, 1e-12),
        LedgerRow(
            topic,
            "R1's weight gradient is that of F, differentiated along u in x: largest difference",
            "(Families.1)",
            0.0,
            float(np.abs(by_hand - difference).max()),
            1e-8,
        ),
    ]


def _layers() -> list[LedgerRow]:
    rng = np.random.default_rng(2)
    topic = "layers and steps"
    found = []
    for make, name in ((Conv2D, "Conv2D"), (ConvTranspose2D, "ConvTranspose2D")):
        layer = make(2, 3, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
        x = rng.standard_normal((2, 6, 6, 2))
        y, cache = layer.forward(x, train=False)
        dy = rng.standard_normal(y.shape)
        found.append(
            LedgerRow(
                topic,
                f"{name}: <A x, y> = <x, A^T y>",
                "adjoint",
                float(np.vdot(y, dy)),
                float(np.vdot(x, layer.backward(dy, cache, param_grads=False))),
                1e-11,
            )
        )
    there = Conv2D(3, 2, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
    back = ConvTranspose2D(2, 3, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
    back.params["W"][...] = there.params["W"]
    x, y = rng.standard_normal((2, 6, 6, 3)), rng.standard_normal((2, 3, 3, 2))
    found.append(
        LedgerRow(
            topic,
            "ConvTranspose2D is the adjoint of the Conv2D with its weight",
            "(Conv2D.2)",
            float(np.vdot(there.forward(x, train=False)[0], y)),
            float(np.vdot(x, back.forward(y, train=False)[0])),
            1e-11,
        )
    )

    norm = BatchNorm(1, dtype=np.float64)
    norm.params["gamma"][...], norm.params["beta"][...] = 2.0, 0.5
    x = 3 + 0.1 * rng.standard_normal((64, 1))
    y, variance = norm.forward(x, train=True)[0], float(x.var())
    found += [
        LedgerRow(topic, "BatchNorm: the output's mean is beta", "(Norm.2)", 0.5, float(y.mean()), 1e-12),
        LedgerRow(
            topic,
            "BatchNorm: its variance is gamma^2 v/(v + eps), v = 0.01",
            "(Norm.1)",
            4 * variance / (variance + 1e-5),
            float(y.var()),
            1e-10,
        ),
    ]
    for optimiser, name, distance, steps in (
        (Adam, "Adam's first step is lr, whatever the gradient", 0.01, 1),
        (SGD, "SGD, momentum 0.9: steps approach lr/(1 - 0.9)", 0.1, 200),
    ):
        moved = Dense(1, 1, bias=False, rng=rng, dtype=np.float64)
        moving = Adam(moved, 0.01) if optimiser is Adam else SGD(moved, 0.01, momentum=0.9)
        for _ in range(steps):
            before = moved.params["W"].copy()
            moved.grads["W"][...] = 1.0 if optimiser is SGD else 123.0
            moving.step()
        found.append(
            LedgerRow(
                topic,
                name + (" g" if optimiser is SGD else ""),
                "(Adam.4)" if optimiser is Adam else "(SGD.2)",
                distance,
                float((before - moved.params["W"])[0, 0]),
                1e-9,
            )
        )
    return found


def _weights() -> list[LedgerRow]:
    """Sample variances of n weights: the tolerance is five standard errors, each var sqrt((E x^4 / var^2 - 1) / n)."""
    rng = np.random.default_rng(3)
    n, topic = 400 * 500, "initial weights"
    dense = Dense(400, 500, init=he(), rng=rng, dtype=np.float64).params["W"]
    conv = Conv2D(50, 1000, kernel_size=2, init=he(), rng=rng, dtype=np.float64).params["W"]
    flat = Dense(400, 500, init=glorot(), rng=rng, dtype=np.float64).params["W"]
    return [
        LedgerRow(
            topic,
            "He, Dense 400 -> 500: variance 2/400",
            "He et al. 2015",
            2 / 400,
            float(dense.var()),
            5 * 2 / 400 * math.sqrt(2 / n),
        ),
        LedgerRow(
            topic,
            "He, Conv2D 2 x 2 x 50 -> 1000: variance 2/200",
            "He et al. 2015",
            2 / 200,
            float(conv.var()),
            5 * 2 / 200 * math.sqrt(2 / n),
        ),
        LedgerRow(
            topic,
            "Glorot, Dense 400 -> 500: variance 2/900",
            "Glorot & Bengio 2010",
            2 / 900,
            float(flat.var()),
            5 * 2 / 900 * math.sqrt(0.8 / n),
        ),  # uniform: E x^4 / var^2 - 1 = 0.8
    ]


def _metrics() -> list[LedgerRow]:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((200, 3))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T  # mean 0 and covariance I, up to rounding
    a, b, shift = np.array([1.0, 2.0, 0.5]), np.array([2.0, 1.0, 0.5]), np.array([1.0, 0.0, -2.0])
    perfect = -math.expm1(-4.5)
    samples = toy.ring().sample(20000, rng=rng)
    topic = "metrics"
    return [
        LedgerRow(
            topic,
            "Frechet distance of Gaussians: |shift|^2 + sum (a - b)^2",
            "(Frechet.1)",
            float(shift @ shift + ((a - b) ** 2).sum()),
            frechet_distance(x * a, x * b + shift),
            1e-9,
        ),
        LedgerRow(
            topic,
            "perfect samples of the ring within 3 sigma: 1 - exp(-9/2)",
            "(Modes.1)",
            perfect,
            mode_report(samples, toy.ring()).high_quality,
            5 * math.sqrt(perfect * (1 - perfect) / 20000),
        ),
    ]


def _gradient(net: Layer) -> np.ndarray:
    return np.concatenate([g.ravel() for _, g in net.gradients()])
