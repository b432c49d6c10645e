r"""Unrolled GAN: G minimises its loss against D as it *will be* after k more steps.  (Metz et al. 2017, section 2.)

    (Unrolled.1)   theta_0 = theta_D,   theta_{i+1} = theta_i + step(g_i),   g_i = grad_theta L_D(theta_i, fake)
    (Unrolled.2)   G minimises L_G(fake, theta_k),   fake = G(z)

theta_k depends on the fakes, through each g_i.  The whole derivative is computed, backwards through the k steps.  The
bar of x is the derivative of L_G with respect to x, bar(x) = dL_G/dx:

    (Unrolled.3)   bar(theta_k) = dL_G/dtheta_k,   bar(fake) = dL_G/dfake           at the unrolled D
    (Unrolled.4)   bar(theta_i) = bar(theta_{i+1}) + H_i bar(g_i),      H_i = d g_i / d theta_i,    for i = k-1 ... 0
    (Unrolled.5)   bar(fake)   += M_i^T bar(g_i),                       M_i = d g_i / d fake

where bar(g_i) comes from back-propagation through the optimiser's step.  H_i is symmetric, and M_i^T u
= d/dfake <g_i, u> = d/de dL_D/dfake (theta_i + e u): both come from one tangent of D's backward pass along
u = bar(g_i), a Hessian-vector product.  Nothing is approximated, and no Hessian is formed.

The step is that of D's own optimiser, started from its current moments.  SGD (no momentum):  step_i = -lr g_i,  so
bar(g_i) = -lr bar(theta_{i+1}).  Adam, with t the number of its step, c1 = 1 - beta1^t and c2 = 1 - beta2^t:

    m_{i+1} = beta1 m_i + (1 - beta1) g_i,      v_{i+1} = beta2 v_i + (1 - beta2) g_i^2,
    s = sqrt(v_{i+1} / c2),      d = s + eps,      step_i = -lr (m_{i+1} / c1) / d

    (Unrolled.6)   bar(m_{i+1}) += -lr bar(theta_{i+1}) / (c1 d)
                   bar(v_{i+1}) +=  lr bar(theta_{i+1}) (m_{i+1} / c1) / (2 s c2 d^2)
    (Unrolled.7)   bar(g_i) = (1 - beta1) bar(m_{i+1}) + 2 (1 - beta2) g_i bar(v_{i+1})
                   bar(m_i) = beta1 bar(m_{i+1}),     bar(v_i) = beta2 bar(v_{i+1})

(where s = 0 the gradient has always been 0, and nothing is added to bar(v_{i+1})).

G's turn then restores D's weights, gradients, running statistics and moments, and D's own step is an ordinary one.  All
k steps use the same two batches.  Penalties in D's loss are left out of the unrolled steps: with them, (Unrolled.4)
would need third derivatives.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import positive_int
from ..optim import SGD, Adam, Optimizer
from .rule import Objective, Rule

if TYPE_CHECKING:
    from ..gan import GAN


class Unrolled(Rule):
    """(Unrolled.1-7) with k >= 1 steps.  D's optimiser must be Adam, or SGD without momentum.

    Errors    ValueError for another optimiser, and for relativistic losses, where G's loss depends on real logits too.
    """

    def __init__(self, k: int = 5):
        self.k = positive_int("Unrolled", "k", k)

    def check(self, gan: GAN) -> None:
        """Raise ValueError for the cases listed above."""
        optimizer = gan.d_optimizer
        if not isinstance(optimizer, (Adam, SGD)) or (isinstance(optimizer, SGD) and optimizer.momentum):
            raise ValueError(
                "unrolled steps: D's optimiser must be Adam, or SGD without momentum, "
                f"got {type(optimizer).__name__}"
                + (f" with momentum {optimizer.momentum:g}" if isinstance(optimizer, SGD) else "")
            )
        if gan.loss.relativistic:
            raise ValueError(f"unrolled steps: G's loss must depend on fake logits only, got {gan.loss.name!r}")

    def generator(
        self, gan: GAN, fake: np.ndarray, real: np.ndarray | None, objective: Objective, d_grads: bool = False
    ) -> tuple[float, np.ndarray]:
        """(Unrolled.1-5)."""
        if real is None:
            raise ValueError("unrolled steps: G's turn needs a batch of real samples, got None")
        kept = [(a, a.copy()) for _, a in [*gan.D.parameters(), *gan.D.gradients(), *gan.D.buffers()]]
        real_in, fake_in = gan.transformed(real), gan.transformed(fake)
        steps = _steps(gan.d_optimizer, [w for _, w in gan.D.parameters()])
        path = []
        for _ in range(self.k):  # (Unrolled.1)
            state, weights = copy.deepcopy(gan.layer_rng()), [w.copy() for _, w in gan.D.parameters()]
            g = d_field(gan, real_in, fake_in, gan.layer_rng())
            path.append((state, weights, steps.forward(g)))
            for (_, w), step in zip(gan.D.parameters(), path[-1][2].step, strict=True):
                w += step
        value, fake_bar = objective(fake, real, d_grads=True)  # (Unrolled.3)
        theta_bar = [g.copy() for _, g in gan.D.gradients()]
        for state, weights, taken in reversed(path):
            for (_, w), before in zip(gan.D.parameters(), weights, strict=True):
                w[...] = before
            g_bar = steps.backward(theta_bar, taken)
            Hg, Mg = along(gan, real_in, fake_in, g_bar, state)
            theta_bar = [a + b for a, b in zip(theta_bar, Hg, strict=True)]  # (Unrolled.4)
            fake_bar = fake_bar + Mg  # (Unrolled.5)
        for a, old in kept:
            a[...] = old
        if d_grads:
            for (_, gradient), b in zip(gan.D.gradients(), theta_bar, strict=True):
                gradient[...] = b
        return value, fake_bar

    def describe(self) -> str:
        """The number of steps."""
        return f"{self.k}"


def d_field(gan: GAN, real: np.ndarray, fake: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """grad_theta L_D on these two batches."""
    D = gan.D
    D.zero_grads()
    r, on_real = D.forward(real, train=True, rng=rng, **gan.conditions)
    f, on_fake = D.forward(fake, train=True, rng=rng, **gan.conditions)
    _, d_real, d_fake = gan.loss.discriminator(r, f)
    D.backward(d_real, on_real, input_grad=False)
    D.backward(d_fake, on_fake, input_grad=False)
    return [g.copy() for _, g in D.gradients()]


def along(
    gan: GAN, real: np.ndarray, fake: np.ndarray, direction: list[np.ndarray], rng: np.random.Generator
) -> tuple[list[np.ndarray], np.ndarray]:
    """(H direction, M^T direction): how grad_theta L_D and dL_D/dfake move when D's weights move along `direction`."""
    D = gan.D
    tparams = {path: d for (path, _), d in zip(D.parameters(), direction, strict=True)}
    r, on_real = D.forward(real, train=True, rng=rng, **gan.conditions)
    f, on_fake = D.forward(fake, train=True, rng=rng, **gan.conditions)
    tr, tf = D.tangent(None, on_real, tparams), D.tangent(None, on_fake, tparams)
    assert tr is not None  # all weights move
    assert tf is not None
    _, d_real, d_fake = gan.loss.discriminator(r, f)
    D.backward(d_real, on_real, param_grads=False, input_grad=False)
    D.backward(d_fake, on_fake, param_grads=False, input_grad=False)
    td_real, td_fake = gan.loss.discriminator_tangent(r, f, tr, tf)
    D.zero_grads()
    D.tangent_backward(td_real, on_real, input_grad=False)
    moved = D.tangent_backward(td_fake, on_fake)
    return [g.copy() for _, g in D.gradients()], np.zeros_like(fake) if moved is None else moved


class _SgdSteps:
    """Steps of SGD and their derivative: `forward` returns one step, and what `backward` needs."""

    def __init__(self, optimizer: Optimizer):
        self.optimizer, self.t = optimizer, optimizer.steps

    def lr(self) -> float:
        schedule = self.optimizer.schedule
        lr = self.optimizer.lr * (1.0 if schedule is None else schedule(self.t))
        self.t += 1
        return lr

    def forward(self, g: list[np.ndarray]) -> SimpleNamespace:
        lr = self.lr()
        return SimpleNamespace(step=[-lr * a for a in g], lr=lr)

    def backward(self, theta_bar: list[np.ndarray], taken: SimpleNamespace) -> list[np.ndarray]:
        return [-taken.lr * b for b in theta_bar]


class _AdamSteps(_SgdSteps):
    """The same for Adam, (Unrolled.6, 7)."""

    def __init__(self, optimizer: Adam, weights: list[np.ndarray]):
        super().__init__(optimizer)
        self.adam = optimizer
        self.m, self.v = (
            [a.astype(w.dtype) for a, w in zip(optimizer.slot[slot], weights, strict=True)] for slot in ("m", "v")
        )
        self.m_bar: list[Any] = [0.0] * len(weights)
        self.v_bar: list[Any] = [0.0] * len(weights)

    def forward(self, g: list[np.ndarray]) -> SimpleNamespace:
        o, lr = self.adam, self.lr()
        c1, c2 = 1 - o.beta1**self.t, 1 - o.beta2**self.t  # lr() has counted this step
        self.m = [o.beta1 * m + (1 - o.beta1) * a for m, a in zip(self.m, g, strict=True)]
        self.v = [o.beta2 * v + (1 - o.beta2) * a * a for v, a in zip(self.v, g, strict=True)]
        s = [np.sqrt(v / c2) for v in self.v]
        step = [-lr * (m / c1) / (a + o.eps) for m, a in zip(self.m, s, strict=True)]
        return SimpleNamespace(step=step, lr=lr, g=g, m=self.m, s=s, c1=c1, c2=c2)

    def backward(self, theta_bar: list[np.ndarray], taken: SimpleNamespace) -> list[np.ndarray]:
        """(Unrolled.6, 7)."""
        o = self.adam
        g_bar: list[np.ndarray] = []
        m_before: list[Any] = []
        v_before: list[Any] = []
        for i, b in enumerate(theta_bar):
            s, d = taken.s[i], taken.s[i] + o.eps
            m_bar = self.m_bar[i] - taken.lr * b / (taken.c1 * d)
            over = np.divide(
                taken.lr * b * (taken.m[i] / taken.c1), 2 * taken.c2 * s * d * d, out=np.zeros_like(b), where=s > 0
            )
            v_bar = self.v_bar[i] + over
            g_bar.append((1 - o.beta1) * m_bar + 2 * (1 - o.beta2) * taken.g[i] * v_bar)
            m_before.append(o.beta1 * m_bar)
            v_before.append(o.beta2 * v_bar)
        self.m_bar, self.v_bar = m_before, v_before
        return g_bar


def _steps(optimizer: Optimizer, weights: list[np.ndarray]) -> _SgdSteps:
    return _AdamSteps(optimizer, weights) if isinstance(optimizer, Adam) else _SgdSteps(optimizer)
