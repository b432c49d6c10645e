"""The derivatives to check, as rows: of a layer or net, a loss, a penalty, an optimiser and a whole GAN."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from ..core import Layer
from ..dynamics import jacobian_vector, vector_field
from ..gan import GAN
from ..losses import Loss
from ..optim import Optimizer
from ..penalties import Penalised, Penalty
from .differences import (
    ALONG,
    Frozen,
    away_from_kinks,
    central,
    dense,
    gradient_row,
    kink_distance,
    random_copy,
    same_rng,
)
from .promises import Trouble
from .report import Row


def layer_rows(
    f: Frozen, x: np.ndarray, rng: np.random.Generator, h: float, trouble: Trouble | None = None
) -> list[Row]:
    """All derivatives of a layer or net at x: `backward`, `tangent`, `tangent_backward` and the adjoint identity.

    trouble   notes the passes that are not written yet or raise an error, whose rows are left out; None: they raise it
    """
    y, _ = f.forward(x)
    if y.size == 0:
        raise ValueError(f"check: the output is empty, {y.shape}, so there is nothing to differentiate")
    draw = lambda shape: np.asarray(rng.standard_normal(shape), x.dtype)
    c = draw(y.shape)
    params = f.net.parameters()
    names = ["x"] + [path for path, _ in params]
    arrays = [x] + [w for _, w in params]
    attempt = (lambda name, call: call()) if trouble is None else trouble.attempt

    rows = []
    gradients = attempt("backward", lambda: f.backward(x, c))
    if gradients is not None:
        rows += [
            gradient_row("backward", n, a, g, lambda: float(np.sum(c * f.forward(x)[0])), rng, h)
            for n, a, g in zip(names, arrays, gradients, strict=True)
            if trouble is None or trouble.fits("backward", f"the gradient of {n}", g, a.shape)
        ]

        if any(np.shape(g) != a.shape for g, a in zip(gradients, arrays, strict=True)):
            gradients = None  # the later passes build on it

    # A direction in all arrays; then in x alone with tdy = None, as in a gradient penalty; then in the parameters
    # alone, as in a Hessian-vector product.
    some = [ALONG * draw(a.shape) for a in arrays]
    zero = [np.zeros_like(a) for a in arrays]
    cases = [("", some, ALONG * draw(y.shape)), (" (x only)", [some[0], *zero[1:]], None)]
    if params:
        cases.append((" (parameters only)", [zero[0], *some[1:]], None))
    for label, direction, tdy in cases:
        rows += _tangent_rows(f, names, arrays, direction, c, tdy, gradients, h, label, attempt)
    return rows


def _tangent_rows(f, names, arrays, direction, dy, tdy, gradients, h, label, attempt) -> list[Row]:
    """The rows of `tangent`, `tangent_backward` and the adjoint identity along one direction."""
    x = arrays[0]
    tx = direction[0] if label != " (parameters only)" else None
    tparams = dict(zip(names[1:], direction[1:], strict=True)) if label != " (x only)" else None

    y, cache = f.forward(x)
    if gradients is not None:
        f.net.backward(dy, cache)
    ty = attempt("tangent", lambda: _fitting(f.net.tangent(tx, cache, tparams), y.shape))
    f.net.zero_grads()
    both = gradients is not None and ty is not None
    tdx = attempt("tangent_backward", lambda: _fitting(f.net.tangent_backward(tdy, cache), x.shape)) if both else None
    by_hand = [] if tdx is None else [tdx, *(g.copy() for _, g in f.net.gradients())]

    moving = dy.copy()  # dy moves along tdy together with x and theta
    differences = central(
        [*arrays, moving],
        [*direction, dense(tdy, y.shape)],
        lambda: [f.forward(x)[0], *(f.backward(x, moving) if by_hand else ())],
        h,
    )
    rows = [] if ty is None else [Row("tangent" + label, "y", y.shape, ty, differences[0])]
    rows += [
        Row("tangent_backward" + label, n, a.shape, hand, d)
        for n, a, hand, d in zip(names, arrays, by_hand, differences[1:], strict=bool(by_hand))
    ]
    if not both:
        return rows
    left = np.array([np.sum(dy * ty)])
    right = np.array([sum(float(np.sum(g * t)) for g, t in zip(gradients, direction, strict=True))])
    return [*rows, Row("adjoint" + label, "<dy, ty>", (1,), left, right)]


def _fitting(a: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """The result of a pass, zeros for None.  Raises ValueError for another shape."""
    if np.shape(a := dense(a, shape)) != shape:
        raise ValueError(f"expected a result of shape {shape}, got {np.shape(a)}")
    return a


def loss_rows(loss: Loss, rng: np.random.Generator, h: float) -> list[Row]:
    """The derivatives and their tangents, for D's loss and G's loss."""
    real, fake = 2 * rng.standard_normal((5, 1)), 2 * rng.standard_normal((4, 1))
    tr, tf = rng.standard_normal((5, 1)), rng.standard_normal((4, 1))
    _, d_real, d_fake = loss.discriminator(real, fake)
    _, g_fake = loss.generator(fake, real)
    d_value, g_value = lambda: loss.discriminator(real, fake)[0], lambda: loss.generator(fake, real)[0]
    by_hand = [*loss.discriminator_tangent(real, fake, tr, tf), loss.generator_tangent(fake, tf, real, tr)]
    moved = central(
        [real, fake], [tr, tf], lambda: [*loss.discriminator(real, fake)[1:], loss.generator(fake, real)[1]], h
    )
    arrays = ("D: real logits", "D: fake logits", "G: fake logits")
    return [
        gradient_row("backward", arrays[0], real, d_real, d_value, rng, h),
        gradient_row("backward", arrays[1], fake, d_fake, d_value, rng, h),
        gradient_row("backward", arrays[2], fake, g_fake, g_value, rng, h),
        *(Row("tangent", n, a.shape, a, d) for n, a, d in zip(arrays, by_hand, moved, strict=True)),
    ]


def penalty_rows(penalty: Penalty, rng: np.random.Generator, h: float) -> list[Row]:
    """The penalty's gradient u = dP/dg against differences of P, for slopes |g| below and above 1."""
    g = rng.standard_normal((6, 3)) * np.array([[0.2], [0.3], [0.4], [1.0], [2.0], [3.0]])
    run = lambda: copy.deepcopy(penalty)(g)  # a copy, because PathLength updates its target
    return [gradient_row("backward", "g", g, run()[1], lambda: run()[0], rng, h)]


def optimizer_rows(optimizer: Optimizer, rng: np.random.Generator, dtype: DTypeLike, steps: int = 4) -> list[Row]:
    """Each parameter's displacement over a few steps from zero state, against the closed form of the recursion."""
    twin = copy.copy(optimizer)
    twin.net = random_copy(optimizer.net, rng, True, dtype)
    twin.steps, twin.slot = 0, {name: [np.zeros_like(w) for _, w in twin.net.parameters()] for name in twin.slots}
    start = [w.copy() for _, w in twin.net.parameters()]
    history, rates = [], []
    for _ in range(steps):
        for _, g in twin.net.gradients():
            g[...] = rng.standard_normal(g.shape)
        history.append([g.copy() for _, g in twin.net.gradients()])
        rates.append(twin.current_lr())
        twin.step()
    return [
        Row("step", path, w.shape, w - w0, twin.displacement(gradients, rates))
        for (path, w), w0, gradients in zip(twin.net.parameters(), start, zip(*history, strict=True), strict=True)
    ]


def penalised_rows(case: Penalised, x: np.ndarray, rng: np.random.Generator, h: float, randomise: bool) -> list[Row]:
    """dP/dx and dP/dtheta against differences of P itself, which needs only forward and backward."""
    net, x = away_from_kinks(
        lambda: random_copy(case.net, rng, randomise, x.dtype),
        x,
        lambda net, x: kink_distance(net, x, case.train),
        rng,
        h,
    )
    f = Frozen(net, case.train)
    dy = rng.standard_normal(f.forward(x)[0].shape) if case.noise else None

    def run() -> tuple[float, np.ndarray]:
        net.zero_grads()
        value, dx = Penalised(net, copy.deepcopy(case.penalty), train=case.train).backward(x, dy=dy, rng=same_rng())
        f.restore()
        assert dx is not None
        return value, dx

    _, dx = run()
    gradients = [dx, *(g.copy() for _, g in net.gradients())]
    names = ["x"] + [path for path, _ in net.parameters()]
    return [
        gradient_row("backward", f"penalty: {n}", a, g, lambda: run()[0], rng, h)
        for n, a, g in zip(names, [x, *(w for _, w in net.parameters())], gradients, strict=True)
    ]


def game_rows(gan: GAN, real: np.ndarray, rng: np.random.Generator, h: float, randomise: bool) -> list[Row]:
    """D's loss by D's weights, G's loss (through D) by G's weights, the field's Jacobian, and all passes of both nets.

    The Jacobian is checked only for GANs without rules and without an auxiliary output of D.
    """
    game = copy.copy(gan)
    Z = rng.standard_normal((len(real), gan.latent_dim + gan.code_size)).astype(real.dtype)

    def distance(nets, real):
        """The smallest distance to a kink in all uses of the nets."""
        G, D = nets
        fake, through_g = Frozen(G, True).forward(Z)
        return min(G.kink_distance(through_g), *(kink_distance(D, x, True, game.conditions) for x in (fake, real)))

    (game.G, game.D), real = away_from_kinks(
        lambda: (random_copy(gan.G, rng, randomise, real.dtype), random_copy(gan.D, rng, randomise, real.dtype)),
        real,
        distance,
        rng,
        h,
    )
    frozen = [Frozen(game.G, True), Frozen(game.D, True, game.conditions)]

    def run(step: Callable):
        """Run one step with fixed random numbers, and restore the running statistics."""
        game.streams = {**game.streams, "layers": same_rng()}
        result = step()
        for net in frozen:
            net.restore()
        return result

    def loss_by_weights(player: str, net: Layer, value: Callable[[], float]) -> list[Row]:
        value()
        gradients = [g.copy() for _, g in net.gradients()]
        return [
            gradient_row("backward", f"{player}'s loss: {player}.{path}", w, g, value, rng, h)
            for (path, w), g in zip(net.parameters(), gradients, strict=True)
        ]

    rows = loss_by_weights("D", game.D, lambda: run(lambda: game.d_gradients(real, Z)["d_loss"]))
    rows += loss_by_weights("G", game.G, lambda: run(lambda: game.g_gradients(Z, real)["g_loss"]))

    if not game.rules and not game.answer_size:  # jacobian_vector supports only these
        rows += _field_rows(game, real, Z, rng, h, run)
    for player, net, at in (("G", frozen[0], Z), ("D", frozen[1], real)):
        for row in layer_rows(net, at, rng, h):
            row.array = f"{player}.{row.array}"
            rows.append(row)
    return rows


def _field_rows(game: GAN, real, Z, rng, h, run) -> list[Row]:
    """The Jacobian of the vector field of both players, times one random direction in all weights."""
    tD, tG = (
        {path: (ALONG * rng.standard_normal(w.shape)).astype(w.dtype) for path, w in net.parameters()}
        for net in (game.D, game.G)
    )
    by_hand = run(lambda: jacobian_vector(game, real, Z, tD, tG))
    weights = [w for net in (game.D, game.G) for _, w in net.parameters()]
    moved = central(
        weights,
        [*tD.values(), *tG.values()],
        lambda: [g for part in run(lambda: vector_field(game, real, Z)) for g in part.values()],
        h,
    )
    fields = [(f"{player}.{path}", g) for player, part in zip("DG", by_hand, strict=True) for path, g in part.items()]
    return [Row("field's Jacobian", n, g.shape, g, d) for (n, g), d in zip(fields, moved, strict=True)]
