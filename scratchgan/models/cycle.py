r"""The game of CycleGAN: translation between two domains of images, learned from unpaired examples of both.

(Zhu, Park, Isola & Efros 2017.)  Two generators, two discriminators:

    G_AB: A -> B    G_BA: B -> A       translators, images (N, H, W, C) in [-1, 1] to images
    D_A, D_B                           does a patch look like one of A, of B?  (N, h, w, 1) logits, one per patch

D_B alone would accept any b for any a.  The cycle ties a translation to its source: translated back, it must give the
original image.

Symbols   a, b       batches of the two domains
          fb = G_AB(a)     fa = G_BA(b)      the translations ("fakes")
          ra = G_BA(fb)    rb = G_AB(fa)     the cycles: translated there and back
          ib = G_AB(b)     ia = G_BA(a)      images that are in the domain already, and should not change
          ha, hb           fakes of this and of earlier steps: models/history.py
          disc, gen        the losses of D and of G (scratchgan.losses; by default least squares), from D's logits

What the players minimise, with lambda = cycle_weight and mu = cycle_weight identity_weight:

    (Cyclegan.1)   L_D = disc(D_A(a), D_A(ha)) + disc(D_B(b), D_B(hb))
    (Cyclegan.2)   L_G = gen(D_B(fb)) + gen(D_A(fa)) + lambda [l1(ra, a) + l1(rb, b)] + mu [l1(ib, b) + l1(ia, a)]
    (Cyclegan.3)   l1(u, v) = 1/M sum |u - v|          over all M entries of the batch
    (Cyclegan.4)   dl1/du = sign(u - v) / M,   sign(0) = 0

At u = v the derivative of |u - v| jumps from -1 to 1; with the subgradient 0, exact pixels stay as they are.  The
gradient of l1 is as large for small errors as for large ones, so l1 does not favour blurred edges, as a square does.

**Backward through the graph.**  Each net is called several times before any backward pass, and each call has its own
cache.  G_AB is called three times:

    on a  gives fb    which feeds D_B and, through G_BA, ra:
          (Cyclegan.5)   dfb = D_B's dx for dgen/d logits  +  G_BA's dx for dra,   dra = lambda sign(ra - a) / M
    on fa gives rb    (Cyclegan.6)   drb = lambda sign(rb - b) / M; G_AB's dx for it is one part of dfa
    on b  gives ib    (Cyclegan.7)   dib = mu sign(ib - b) / M; no dx: b is data

and dtheta_AB is the sum of the three.  G_BA: the same with A and B exchanged.  D is frozen in the generators' turn: it
passes dx on, without gradients of its own weights.  InstanceNorm normalises each image by itself, so the translation of
an image does not depend on the rest of the batch, in training or afterwards.

One step is as in the authors' code: first both generators, then both discriminators on the fakes just made.  The
least-squares loss of this package has a factor 1/2 for G and for D, the authors' only for D: their lambda = 10 is
cycle_weight = 5 here.  Nothing in (2) uses labels: a G_AB that turned every 4 into a 9, with a G_BA that turned it
back, would have no higher loss.  The identity term and domains that look alike make that unlikely, not impossible.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from .. import losses
from ..checks import real
from ..core import Cache, Layer, ShapeError
from ..game import Counter, Game, evaluate_in_chunks, seed_streams
from ..kernels import on_one_blas_thread
from ..losses.content import l1
from ..optim import Adam, Ema, Schedule
from .cyclegan_nets import Both, check_nets
from .history import History

WAYS = {"b": "AB", "a": "BA"}


class CycleGAN(Game):
    """Two translators, two discriminators, and the game of (Cyclegan.1, 2).

    G_AB, G_BA     nets from data_shape to data_shape
    D_A, D_B       nets from data_shape to logits, of any shape
    loss           a Loss or its name; not a relativistic one
    lr, beta1, beta2, schedule    of Adam, the same for all four
    cycle_weight, identity_weight    lambda, and mu / lambda, in (Cyclegan.2); 0 is off
    ema_decay      > 0: `translate` uses an exponential moving average of the generators
    pool_size      fakes that each history holds; 0 is off
    seed           of the histories (and of dropout); the same seed gives the same bits

    `G` and `D` are the two players: `G["AB"]` is G_AB, and G's parameters are called "AB.0.W" and so on.
    Raises ValueError if the nets do not fit, or if an image's translation would depend on its batch-mates.
    """

    kind: ClassVar[Literal["translations"]] = "translations"

    def __init__(
        self,
        G_AB: Layer,
        G_BA: Layer,
        D_A: Layer,
        D_B: Layer,
        *,
        data_shape: tuple[int, ...],
        loss: losses.Loss | str = "least-squares",
        lr: float = 2e-4,
        beta1: float = 0.5,
        beta2: float = 0.999,
        schedule: Schedule | None = None,
        cycle_weight: float = 10.0,
        identity_weight: float = 0.5,
        pool_size: int = 50,
        ema_decay: float = 0.0,
        seed: int = 0,
    ):
        _, history_rng, layer_rng = seed_streams(seed)
        super().__init__(data_shape=data_shape, streams={"history": history_rng, "layers": layer_rng})
        self.G, self.D = Both(AB=G_AB, BA=G_BA), Both(A=D_A, B=D_B)
        self.G.set_path("G")
        self.D.set_path("D")
        check_nets(self.G, self.D, self.data_shape)
        self.loss = losses.get(loss)
        if self.loss.relativistic:
            raise ValueError(f"CycleGAN: expected a loss that is not relativistic, got {self.loss.name!r}")
        self.cycle_weight = real("CycleGAN", "cycle_weight", cycle_weight, 0, math.inf, open_high=True)
        self.identity_weight = real("CycleGAN", "identity_weight", identity_weight, 0, math.inf, open_high=True)
        self.g_optimizer = Adam(self.G, lr, beta1=beta1, beta2=beta2, schedule=schedule)
        self.d_optimizer = Adam(self.D, lr, beta1=beta1, beta2=beta2, schedule=schedule)
        self.ema = Ema(self.G, ema_decay) if ema_decay else None
        self.histories = {which: History(pool_size, self.data_shape, self.G.dtype) for which in "AB"}

    G_AB = property(lambda self: self.G["AB"], doc="The translator from A to B, as it is being trained.")
    G_BA = property(lambda self: self.G["BA"], doc="The translator from B to A, as it is being trained.")
    D_A = property(lambda self: self.D["A"], doc="The discriminator of domain A.")
    D_B = property(lambda self: self.D["B"], doc="The discriminator of domain B.")

    # -- the training procedure ---------------------------------------------------------------------------------------

    @on_one_blas_thread
    def train_step(self, pair: tuple[np.ndarray, np.ndarray], labels: None = None) -> dict[str, float]:
        """One update of both generators, then one of both discriminators, on (a, b), each (N, *data_shape).

        Returns d_loss and g_loss, the sums (Cyclegan.1) and (2); d_real and d_fake, the means of both D's outputs
        (probabilities if the loss gives them, otherwise logits); cycle and identity, the sums of the two l1 without
        their weights; and the parts d_loss_a, d_loss_b, adversarial_a, adversarial_b (of fakes in that domain),
        cycle_a, cycle_b, identity_a, identity_b (0 if it has no weight).
        Raises ValueError if the pair does not fit, or if labels are given, which are never used.
        """
        a, b = self._checked_pair(pair)
        if labels is not None:
            raise ValueError("CycleGAN: train_step takes no labels")
        report, fakes = self.g_gradients(a, b)
        self.g_optimizer.step()
        if self.ema is not None:
            self.ema.update()
        rng = self.streams["history"]
        ha, hb = (self.histories[which].swap(fake, rng=rng) for which, fake in zip("AB", fakes, strict=True))
        report = self.d_gradients(a, b, ha, hb) | report
        self.d_optimizer.step()
        self.steps += 1
        return report

    def g_gradients(self, a: np.ndarray, b: np.ndarray) -> tuple[dict[str, float], tuple[np.ndarray, np.ndarray]]:
        """(L_G with its parts, (fa, fb)); L_G's gradient is then in G.gradients().  D does not change."""
        self.G.zero_grads()
        fb, a_to_fb = self._forward(self.G_AB, a)
        fa, b_to_fa = self._forward(self.G_BA, b)
        dfb, toward_b, cycle_a = self.cycle_terms(a, fb, self.D_B, self.G_BA)
        dfa, toward_a, cycle_b = self.cycle_terms(b, fa, self.D_A, self.G_AB)
        self.G_AB.backward(dfb, a_to_fb, input_grad=False)
        self.G_BA.backward(dfa, b_to_fa, input_grad=False)
        identity_a, identity_b = self.identity_term(self.G_BA, a), self.identity_term(self.G_AB, b)
        cycle, identity = cycle_a + cycle_b, identity_a + identity_b
        total = toward_a + toward_b + self.cycle_weight * (cycle + self.identity_weight * identity)
        return {
            "g_loss": total,
            "cycle": cycle,
            "identity": identity,
            "adversarial_a": toward_a,
            "adversarial_b": toward_b,
            "cycle_a": cycle_a,
            "cycle_b": cycle_b,
            "identity_a": identity_a,
            "identity_b": identity_b,
        }, (fa, fb)

    def cycle_terms(self, x: np.ndarray, fake: np.ndarray, D: Layer, back: Layer) -> tuple[np.ndarray, float, float]:
        """(dL_G/dfake, the adversarial term, l1 of the cycle) of a fake made from x.  (Cyclegan.5, 6)"""
        logits, through_d = self._forward(D, fake)
        toward, d_logits = self.loss.generator(logits)
        d_fake = D.backward(d_logits, through_d, param_grads=False)
        again, through_back = self._forward(back, fake)
        error, d_again = l1(again, x)
        return d_fake + back.backward(self._scaled(self.cycle_weight, d_again), through_back), toward, error

    def identity_term(self, G: Layer, x: np.ndarray) -> float:
        """l1(G(x), x) for an x that is in G's target domain; adds its gradient.  (Cyclegan.7)"""
        weight = self.cycle_weight * self.identity_weight
        if weight == 0:
            return 0.0
        same, through = self._forward(G, x)
        error, d_same = l1(same, x)
        G.backward(self._scaled(weight, d_same), through, input_grad=False)
        return error

    def d_gradients(self, a: np.ndarray, b: np.ndarray, ha: np.ndarray, hb: np.ndarray) -> dict[str, float]:
        """L_D with its parts, for real a, b and fakes ha, hb; its gradient is then in D.gradients()."""
        self.D.zero_grads()
        parts = []
        for D, x, fake in ((self.D_A, a, ha), (self.D_B, b, hb)):
            real_logits, on_real = self._forward(D, x)
            fake_logits, on_fake = self._forward(D, fake)
            value, d_real, d_fake = self.loss.discriminator(real_logits, fake_logits)
            D.backward(d_real, on_real, input_grad=False)
            D.backward(d_fake, on_fake, input_grad=False)
            parts.append((value, self._mean_output(real_logits), self._mean_output(fake_logits)))
        (loss_a, real_a, fake_a), (loss_b, real_b, fake_b) = parts
        return {
            "d_loss": loss_a + loss_b,
            "d_real": (real_a + real_b) / 2,
            "d_fake": (fake_a + fake_b) / 2,
            "d_loss_a": loss_a,
            "d_loss_b": loss_b,
        }

    def _forward(self, net: Layer, x: np.ndarray) -> tuple[np.ndarray, Cache]:
        return net.forward(x, train=True, rng=self.layer_rng())

    def _mean_output(self, logits: np.ndarray) -> float:
        return float(self.loss.output(logits).mean())

    @staticmethod
    def _scaled(weight: float, gradient: np.ndarray) -> np.ndarray:
        return gradient * gradient.dtype.type(weight)

    # -- using it -----------------------------------------------------------------------------------------------------

    def translate(self, x: np.ndarray, to: str = "b") -> np.ndarray:
        """G_AB(x) for to="b", G_BA(x) for to="a", with the averaged weights if there are any; in evaluation mode.

        x is (N, *data_shape), and so is the result; the result for one image does not depend on the others.
        Raises ValueError if x does not fit, has values that are not finite, or for another `to`.
        """
        if to not in WAYS:
            raise ValueError(f'CycleGAN: to must be "a" or "b", got {to!r}')
        x = self._checked("x", x)
        both = self.G if self.ema is None else self.ema.net
        return evaluate_in_chunks(dict(both.children())[WAYS[to]], x)

    def cycle(self, x: np.ndarray, to: str = "b") -> tuple[np.ndarray, np.ndarray]:
        """(y, x'): x translated, and y translated back.  Arguments and errors as for `translate`."""
        y = self.translate(x, to)
        return y, self.translate(y, "a" if to == "b" else "b")

    # -- saving it ----------------------------------------------------------------------------------------------------

    def counters(self) -> dict[str, Counter]:
        """The steps, and how many fakes each history holds."""
        held = {f"history/{which}/count": Counter(h, "count", h.size) for which, h in self.histories.items()}
        return super().counters() | held

    def extra_arrays(self) -> dict[str, np.ndarray]:
        """The fakes in the histories."""
        return {f"history/{which}": history.held for which, history in self.histories.items()}

    # -- checks -------------------------------------------------------------------------------------------------------

    def _checked_pair(self, pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            got = f"one array {pair.shape}" if isinstance(pair, np.ndarray) else type(pair).__name__
            raise ValueError(f"CycleGAN: train_step takes a pair (a, b), a batch of each domain; got {got}")
        a, b = (self._checked(which, x) for which, x in zip("ab", pair, strict=True))
        if len(a) != len(b):
            raise ShapeError(f"CycleGAN: both batches of a pair need the same length, got {len(a)} and {len(b)}")
        return a, b

    def _checked(self, which: str, x: np.ndarray) -> np.ndarray:
        self.check_shape(x, f"CycleGAN: {which} must be images")
        if x.dtype != self.G.dtype:
            raise ValueError(f"CycleGAN: {which} must be {self.G.dtype}, got {x.dtype}")
        if not np.isfinite(x).all():
            raise ValueError(f"CycleGAN: {which} has values that are not finite; expected pixels in [-1, 1]")
        return x
