r"""Unrolled GAN: G minimises its loss against the D that D *will be* k steps from now.  (Metz et al. 2017, section 2.)

    (Unrolled.1)   theta_0 = theta_D,   theta_{i+1} = theta_i + step(g_i),   g_i = grad_theta L_D(theta_i, fake)
    (Unrolled.2)   G minimises L_G(fake, theta_k),   fake = G(z)

theta_k depends on the fakes, through each g_i.  The whole derivative is taken, backwards through the k steps.  With
a bar for the derivative of L_G, tb = theta-bar, and gb what reaches g_i through the optimiser's step:

    (Unrolled.3)   tb_k = dL_G/dtheta_k,   fb = dL_G/dfake                          at the unrolled D
    (Unrolled.4)   tb_i = tb_{i+1} + H_i gb_i,      H_i = d g_i / d theta_i         for i = k-1 ... 0
    (Unrolled.5)   fb  += M_i^T gb_i,               M_i = d g_i / d fake

H_i is symmetric, and M_i^T gb = d/dfake <g_i, gb> = d/de dL_D/dfake (theta_i + e gb): both come out of one tangent of
D's backward pass along gb, a Hessian-vector product.  Nothing is approximated, no Hessian is formed.

The step is D's own optimiser's, from its present moments.  SGD (no momentum):  step = -lr g,  so  gb = -lr tb.  Adam,
with c1 = 1 - beta1^t, c2 = 1 - beta2^t, s = sqrt(v'/c2), d = s + eps, after m' = beta1 m + (1 - beta1) g and
v' = beta2 v + (1 - beta2) g^2,   step = -lr (m'/c1) / d:

    (Unrolled.6)   mb' += -lr tb / (c1 d),      vb' += lr tb (m'/c1) / (2 s c2 d^2)
    (Unrolled.7)   gb = (1 - beta1) mb' + 2 (1 - beta2) g vb',     mb = beta1 mb',     vb = beta2 vb'

(where s = 0 the gradient was always 0 there, and vb' takes nothing).

What G's turn leaves of all that is only its gradient: D's weights, gradients, running statistics and moments are as
before, and D's own step is then an ordinary one.  All k steps see the same two batches.  If D's loss has a penalty, the
unrolled steps leave it out: through it, (Unrolled.4) would need third derivatives.
"""

from __future__ import annotations

import copy

import numpy as np

from ..checks import positive_int
from ..optim import SGD, Adam
from .rule import Rule


class Unrolled(Rule):
    """(Unrolled.1-7) with k >= 1 steps.  D's optimiser must be Adam, or SGD without momentum.

    Errors    ValueError for another optimiser, and for relativistic losses, where G's loss moves real logits too.
    """

    def __init__(self, k: int = 5):
        self.k = positive_int("Unrolled", "k", k)

    def check(self, gan):
        """See the class."""
        optimizer = gan.d_optimizer
        if not isinstance(optimizer, (Adam, SGD)) or getattr(optimizer, "momentum", 0.0) != 0:
            raise ValueError(
                "unrolled steps are differentiated for Adam, and for SGD without momentum; D's optimiser "
                f"is {type(optimizer).__name__}"
                + (f" with momentum {optimizer.momentum:g}" if isinstance(optimizer, SGD) else "")
            )
        if gan.loss.relativistic:
            raise ValueError(f"unrolled steps need a loss in which G moves fake logits only, not {gan.loss.name!r}")

    def generator(self, gan, fake, real, objective, d_grads=False):
        """(Unrolled.1-5)."""
        if real is None:
            raise ValueError("unrolled steps of D see real samples: G's turn needs a batch of those")
        kept = [(a, a.copy()) for _, a in [*gan.D.parameters(), *gan.D.gradients(), *gan.D.buffers()]]
        seen_real, seen_fake = gan.shown(real), gan.shown(fake)
        steps = _steps(gan.d_optimizer, [w for _, w in gan.D.parameters()])
        path = []
        for _ in range(self.k):  # (Unrolled.1)
            state, weights = copy.deepcopy(gan.layer_rng()), [w.copy() for _, w in gan.D.parameters()]
            g = d_field(gan, seen_real, seen_fake, gan.layer_rng())
            path.append((state, weights, steps.forward(g)))
            for (_, w), step in zip(gan.D.parameters(), path[-1][2].step, strict=True):
                w += step
        value, fb = objective(fake, real, d_grads=True)  # (Unrolled.3)
        tb = [g.copy() for _, g in gan.D.gradients()]
        for state, weights, taken in reversed(path):
            for (_, w), before in zip(gan.D.parameters(), weights, strict=True):
                w[...] = before
            gb = steps.backward(tb, taken)
            Hg, Mg = along(gan, seen_real, seen_fake, gb, state)
            tb = [a + b for a, b in zip(tb, Hg, strict=True)]  # (Unrolled.4)
            fb = fb + Mg  # (Unrolled.5)
        for a, before in kept:
            a[...] = before
        if d_grads:
            for (_, g), b in zip(gan.D.gradients(), tb, strict=True):
                g[...] = b
        return value, fb

    def describe(self):
        """The number of steps."""
        return f"{self.k}"


def d_field(gan, real, fake, rng) -> list[np.ndarray]:
    """grad_theta L_D on these two batches."""
    D = gan.D
    D.zero_grads()
    r, on_real = D.forward(real, train=True, rng=rng, **gan.given)
    f, on_fake = D.forward(fake, train=True, rng=rng, **gan.given)
    _, d_real, d_fake = gan.loss.discriminator(r, f)
    D.backward(d_real, on_real, input_grad=False)
    D.backward(d_fake, on_fake, input_grad=False)
    return [g.copy() for _, g in D.gradients()]


def along(gan, real, fake, direction: list[np.ndarray], rng) -> tuple[list[np.ndarray], np.ndarray]:
    """(H direction, M^T direction): how grad_theta L_D and dL_D/dfake move when D's weights move along `direction`."""
    D = gan.D
    tparams = {path: d for (path, _), d in zip(D.parameters(), direction, strict=True)}
    r, on_real = D.forward(real, train=True, rng=rng, **gan.given)
    f, on_fake = D.forward(fake, train=True, rng=rng, **gan.given)
    tr, tf = D.tangent(None, on_real, tparams), D.tangent(None, on_fake, tparams)
    _, d_real, d_fake = gan.loss.discriminator(r, f)
    D.backward(d_real, on_real, param_grads=False, input_grad=False)
    D.backward(d_fake, on_fake, param_grads=False, input_grad=False)
    td_real, td_fake = gan.loss.discriminator_tangent(r, f, tr, tf)
    D.zero_grads()
    D.tangent_backward(td_real, on_real, input_grad=False)
    moved = D.tangent_backward(td_fake, on_fake)
    return [g.copy() for _, g in D.gradients()], np.zeros_like(fake) if moved is None else moved


class _Taken:
    """One step of the optimiser and what its derivative needs."""

    def __init__(self, **values):
        self.__dict__.update(values)


class _SgdSteps:
    def __init__(self, optimizer):
        self.optimizer, self.t = optimizer, optimizer.steps

    def lr(self) -> float:
        schedule = self.optimizer.schedule
        lr = self.optimizer.lr * (1.0 if schedule is None else schedule(self.t))
        self.t += 1
        return lr

    def forward(self, g):
        lr = self.lr()
        return _Taken(step=[-lr * a for a in g], lr=lr)

    def backward(self, tb, taken):
        return [-taken.lr * b for b in tb]


class _AdamSteps(_SgdSteps):
    def __init__(self, optimizer, weights):
        super().__init__(optimizer)
        self.m, self.v = (
            [a.astype(w.dtype) for a, w in zip(optimizer.slot[slot], weights, strict=True)] for slot in ("m", "v")
        )
        self.mb = self.vb = [0.0] * len(weights)

    def forward(self, g):
        o, lr = self.optimizer, self.lr()
        c1, c2 = 1 - o.beta1**self.t, 1 - o.beta2**self.t  # lr() has counted this step
        self.m = [o.beta1 * m + (1 - o.beta1) * a for m, a in zip(self.m, g, strict=True)]
        self.v = [o.beta2 * v + (1 - o.beta2) * a * a for v, a in zip(self.v, g, strict=True)]
        s = [np.sqrt(v / c2) for v in self.v]
        step = [-lr * (m / c1) / (a + o.eps) for m, a in zip(self.m, s, strict=True)]
        return _Taken(step=step, lr=lr, g=g, m=self.m, s=s, c1=c1, c2=c2)

    def backward(self, tb, taken):
        """(Unrolled.6, 7)."""
        o, gb, mb, vb = self.optimizer, [], [], []
        for i, b in enumerate(tb):
            s, d = taken.s[i], taken.s[i] + o.eps
            m_bar = self.mb[i] - taken.lr * b / (taken.c1 * d)
            over = np.divide(
                taken.lr * b * (taken.m[i] / taken.c1), 2 * taken.c2 * s * d * d, out=np.zeros_like(b), where=s > 0
            )
            v_bar = self.vb[i] + over
            gb.append((1 - o.beta1) * m_bar + 2 * (1 - o.beta2) * taken.g[i] * v_bar)
            mb.append(o.beta1 * m_bar)
            vb.append(o.beta2 * v_bar)
        self.mb, self.vb = mb, vb
        return gb


def _steps(optimizer, weights):
    return _AdamSteps(optimizer, weights) if isinstance(optimizer, Adam) else _SgdSteps(optimizer)
