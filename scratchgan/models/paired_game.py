r"""The game with pairs: G turns an image x into an image y, and for every x of the training set the right y is known.

(Isola, Zhu, Zhou & Efros 2017; with other terms Ledig et al. 2017 and Pathak et al. 2016.)

Symbols   x       what G is given, (N, h, w, Cx): a line drawing, a small or spoilt image, an image with a hole
          y       what it should make of it, (N, H, W, C)
          g       what the net makes, of x alone, or of x and a noise channel z (N, h, w, 1)
          u       the output: g; with `composite`, g in the hole of x (m = 1), and x itself elsewhere (m = 0)
          s(x, v) what D is shown for an image v: the pair, the image, or the hole (models/paired_views.py)
          C(s)    D's logits, one per patch, and h_k(s) the outputs of D's activations, k = 1..K
          phi     a frozen net, whose features are compared in the perceptual term
          disc, gen        the losses of D and of G (scratchgan.losses), from logits of real and of made pairs
          content          l1, l2 or charbonnier (losses/content.py);  l1 and l2 below are the means of that file

What the players minimise, with the weights a (content), b (adversarial), c (feature matching), d (perceptual):

    (Paired.1)   u = m g + (1 - m) x[first C channels]     with `composite`: known pixels are x's, to the bit
    (Paired.2)   L_D = disc( C(s(x, y)), C(s(x, u)) )
    (Paired.3)   L_G = a content(u, y) + b gen( C(s(x, u)) )
                       + c sum_k l1( h_k(s(x, u)), h_k(s(x, y)) ) + d l2( phi(u), phi(y) )

content(u, y) compares pixel by pixel.  Where x leaves several y possible, its best answer is in between, and blurred;
D refuses what is in between.  D alone would let u be any image that goes with x.  With `composite`, content is the mean
over the hole: u = y elsewhere, and a mean over everything would weigh a small hole less.

**Backward, G's turn.**  D and phi are frozen: they pass gradients on, and collect none for their weights.

    (Paired.4)   q_K' = b dgen/dC at D's logits, and back through D's layers; at each activation, by (Shown.7), add
                 c sign(h_k(s(x, u)) - h_k(s(x, y))) / M_k,   M_k the number of entries of h_k.   At D's input: ds
    (Paired.5)   du = a dcontent/du + (dv of ds by Shown.4-6) + d J_phi(u)^T 2 (phi(u) - phi(y)) / M_phi
    (Paired.6)   dg = du;   with `composite`, dg = m du: nothing is learned from pixels that are not G's

and then back through G.  h_k(s(x, y)) and phi(y) are constants, for y is data.  In a relativistic loss gen also needs
C(s(x, y)), which is a constant for the same reason.

**D's turn.**  u is a constant; gradients of both batches add up, as in gan.py.

One step   1. u is made from x                         3. G's turn: L_G of the same u, with D as it is now
           2. D's turn, on (x, y) and (x, u)

u is made once, as in the authors' code; the plain GAN draws new noise for G's turn, here there is little or none.  In
the first `pretrain` steps G minimises a content(u, y) alone, and D takes no turn.  With b = 0 it never takes one, and c
counts as 0 too: the features of a D that is not trained mean nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from .. import losses
from ..checks import one_of, positive_int, real
from ..core import Cache, Layer
from ..game import Game, LastBatch, evaluate_in_chunks, seed_streams
from ..kernels import on_one_blas_thread
from ..losses import content as contents
from ..optim import Adam, Ema, Schedule
from .paired_checks import checked_pair, checked_x, fit
from .paired_views import VIEWS, back_through, hidden, hole

NOISES = ("none", "dropout", "channel")
Array = np.ndarray


class PairedGAN(Game):
    """A translator G, a discriminator D and the game of (Paired.2, 3).

    G              net from (h, w, Cx), with one channel more if noise = "channel", to data_shape
    D              a Sequential from what it is shown to logits, of any shape
    input_shape    (h, w, Cx) of x;   data_shape   (H, W, C) of y: h and w times 1, 2, 4 ...
    loss           a Loss or its name
    content        "l1", "l2" or "charbonnier"
    content_weight, adversarial_weight, feature_weight, perceptual_weight    a, b, c, d in (Paired.3); 0 is off.  Without
                   an adversarial term D is not trained, and there is no feature matching either
    features       phi; needed if perceptual_weight > 0.  It is not part of the state
    d_sees         "pair", "output" or "hole"
    composite      whether x's last channel is a mask (above 0: hole), and only the hole is G's  (Paired.1)
    noise          "none"; "dropout": G has Dropout layers; "channel": x gets a last channel z ~ N(0, 1) for every pixel
    pretrain       the first steps, in which G learns from content alone
    lr_g, lr_d, beta1, beta2, schedule    of Adam; D's schedule begins with its first turn, where G's then is
    ema_decay      > 0: `apply` uses an exponential moving average of G
    seed           of noise and dropout; the same seed gives the same bits

    Raises ValueError if nets and shapes do not fit, or if an image's result would depend on its batch-mates.
    """

    kind: ClassVar[Literal["paired"]] = "paired"

    def __init__(
        self,
        G: Layer,
        D: Layer,
        *,
        input_shape: Sequence[int],
        data_shape: Sequence[int],
        loss: losses.Loss | str = "non-saturating",
        content: str = "l1",
        content_weight: float = 100.0,
        adversarial_weight: float = 1.0,
        feature_weight: float = 0.0,
        perceptual_weight: float = 0.0,
        features: Layer | None = None,
        d_sees: str = "pair",
        composite: bool = False,
        noise: str = "none",
        pretrain: int = 0,
        lr_g: float = 2e-4,
        lr_d: float = 2e-4,
        beta1: float = 0.5,
        beta2: float = 0.999,
        schedule: Schedule | None = None,
        ema_decay: float = 0.0,
        seed: int = 0,
    ):
        _, noise_rng, layer_rng = seed_streams(seed)
        super().__init__(data_shape=data_shape, streams={"noise": noise_rng, "layers": layer_rng})
        self.G, self.D, self.features = G, D, features
        self.input_shape = tuple(positive_int("PairedGAN", "input_shape", n) for n in input_shape)
        self.loss, self.content = losses.get(loss), contents.get(content)
        one_of("PairedGAN", "noise", noise, NOISES)
        one_of("PairedGAN", "d_sees", d_sees, VIEWS)
        self.noise, self.d_sees, self.composite = noise, d_sees, bool(composite)
        self.pretrain = positive_int("PairedGAN", "pretrain", pretrain, least=0)
        weight = lambda name, value: real("PairedGAN", name, value, 0, math.inf, open_high=True)
        self.content_weight = weight("content_weight", content_weight)
        self.adversarial_weight = weight("adversarial_weight", adversarial_weight)
        self.feature_weight = weight("feature_weight", feature_weight)
        self.perceptual_weight = weight("perceptual_weight", perceptual_weight)
        G.set_path("G")
        D.set_path("D")
        fit(self)
        start = self.pretrain
        later = None if schedule is None else lambda step: schedule(step + start)
        self.g_optimizer = Adam(G, lr_g, beta1=beta1, beta2=beta2, schedule=schedule)
        self.d_optimizer = Adam(D, lr_d, beta1=beta1, beta2=beta2, schedule=later)
        self.ema = Ema(G, ema_decay) if ema_decay else None

    @property
    def playing(self) -> bool:
        """Whether D takes part in this step: there is an adversarial term, and pretraining is over."""
        return self.adversarial_weight > 0 and self.steps >= self.pretrain

    # -- the training procedure ---------------------------------------------------------------------------------------

    @on_one_blas_thread
    def train_step(self, pair: tuple[Array, Array], labels: None = None) -> dict[str, float]:
        """D's turn and G's on a batch of pairs (x, y): (N, *input_shape) and (N, *data_shape), in [-1, 1].

        Returns d_loss and g_loss, (Paired.2) and (3); d_real and d_fake, the means of D's outputs for (x, y) and (x, u)
        (probabilities if the loss gives them, otherwise logits); and content, adversarial, features, perceptual, the
        terms of (3) without their weights.  What has no weight in this step is 0.
        Raises ValueError if the pair does not fit, or if labels are given.
        """
        x, y = checked_pair(self, pair)
        if labels is not None:
            raise ValueError("PairedGAN: train_step takes no labels")
        u, through_g = self.make(x)  # 1
        report = {"d_loss": 0.0, "d_real": 0.0, "d_fake": 0.0}
        self.last_batch = None
        if self.playing:
            report = self.d_gradients(x, y, u)  # 2
            self.d_optimizer.step()
        report |= self.g_gradients(x, y, u, through_g)  # 3
        self.g_optimizer.step()
        if self.ema is not None:
            self.ema.update()
        self.steps += 1
        return report

    def make(self, x: Array) -> tuple[Array, Cache]:
        """(u, the cache of G) for x, in training mode, with new noise."""
        z = self.streams["noise"].standard_normal((*x.shape[:3], 1)) if self.noise == "channel" else None
        g, cache = self.G.forward(self._with_noise(x, z), train=True, rng=self.layer_rng())
        return self._composed(x, g), cache

    def d_gradients(self, x: Array, y: Array, u: Array) -> dict[str, float]:
        """L_D and the means of D's outputs; L_D's gradient is then in D.gradients().  (Paired.2)"""
        self.D.zero_grads()
        real_logits, on_real = self.judge(x, y)
        fake_logits, on_fake = self.judge(x, u)
        value, d_real, d_fake = self.loss.discriminator(real_logits, fake_logits)
        self.D.backward(d_real, on_real, input_grad=False)
        self.D.backward(d_fake, on_fake, input_grad=False)
        self.last_batch = LastBatch(y, u, real_logits, fake_logits)
        return {
            "d_loss": value,
            "d_real": float(self.loss.output(real_logits).mean()),
            "d_fake": float(self.loss.output(fake_logits).mean()),
        }

    def judge(self, x: Array, v: Array) -> tuple[Array, Cache]:
        """(C(s(x, v)), the cache of D), in training mode."""
        show, _, _ = VIEWS[self.d_sees]
        return self.D.forward(show(x, v), train=True, rng=self.layer_rng())

    def g_gradients(self, x: Array, y: Array, u: Array, through_g: Cache) -> dict[str, float]:
        """L_G and its terms, for u as `make` made it; L_G's gradient is then in G.gradients().  (Paired.3-6)"""
        self.G.zero_grads()
        report = {"g_loss": 0.0, "content": 0.0, "adversarial": 0.0, "features": 0.0, "perceptual": 0.0}
        du = np.zeros_like(u)
        if self.content_weight:
            report["content"], slope = self.content_term(x, y, u)
            du += self._scaled(self.content_weight, slope)
        if self.playing:
            report["adversarial"], report["features"], dv = self.terms_of_d(x, y, u)
            du += dv
        if self.perceptual_weight and self.steps >= self.pretrain:
            report["perceptual"], slope = self.perceptual_term(y, u)
            du += self._scaled(self.perceptual_weight, slope)
        if self.composite:
            du = np.where(hole(x), du, 0)  # (Paired.6)
        self.G.backward(du, through_g, input_grad=False)
        report["g_loss"] = (
            self.content_weight * report["content"]
            + self.adversarial_weight * report["adversarial"]
            + self.feature_weight * report["features"]
            + self.perceptual_weight * report["perceptual"]
        )
        return report

    def content_term(self, x: Array, y: Array, u: Array) -> tuple[float, Array]:
        """(content(u, y), its gradient by u); with `composite`, the mean over the holes of the batch."""
        value, slope = self.content(u, y)
        if self.composite:
            share = max(float(hole(x).mean()), 1 / u.size)  # a batch without a hole has the content 0
            value, slope = value / share, self._scaled(1 / share, slope)
        return value, slope

    def terms_of_d(self, x: Array, y: Array, u: Array) -> tuple[float, float, Array]:
        """(adversarial term, feature matching, the gradient by u of both with their weights).  (Paired.4)"""
        _, back, _ = VIEWS[self.d_sees]
        real_logits, on_real = self.judge(x, y) if self.loss.relativistic or self.feature_weight else (None, None)
        logits, on_fake = self.judge(x, u)
        adversarial, d_logits = self.loss.generator(logits, real_logits)
        matched, added = 0.0, {}
        if self.feature_weight:
            assert on_real is not None
            of_real = hidden(on_real)
            for k, feature in hidden(on_fake).items():
                value, slope = contents.l1(feature, of_real[k])
                matched, added[k] = matched + value, self._scaled(self.feature_weight, slope)
        ds = back_through(on_fake, self._scaled(self.adversarial_weight, d_logits), added)
        return adversarial, matched, back(ds, x)

    def perceptual_term(self, y: Array, u: Array) -> tuple[float, Array]:
        """(l2(phi(u), phi(y)), its gradient by u), phi in evaluation mode.  (Paired.5)"""
        assert self.features is not None  # ensured by `fit`
        target, _ = self.features.forward(y, train=False)
        made, through = self.features.forward(u, train=False)
        value, slope = contents.l2(made, target)
        return value, self.features.backward(slope, through, param_grads=False)

    # -- using it -----------------------------------------------------------------------------------------------------

    @on_one_blas_thread
    def apply(self, x: Array, *, seed: int | None = None) -> Array:
        """u for images x (N, h, w, Cx), float32 in [-1, 1], with the averaged weights if there are any.

        In evaluation mode: dropout is off, and every image gets the same noise channel, that of seed 0.  With a `seed`,
        noise = "dropout" drops features as in training, and the noise channel is that of this seed: other seeds, other
        answers.  An image's result does not depend on the others.  h and w may differ from input_shape where G's layers
        allow it; such images are processed one at a time.
        Raises ShapeError if G cannot take x, ValueError for values that are not finite.
        """
        x = checked_x(self, x, any_size=True)
        net = self.G if self.ema is None else self.ema.net
        drawn = 0 if seed is None else positive_int("apply", "seed", seed, least=0)
        rng = lambda: np.random.default_rng(drawn)
        z = rng().standard_normal((1, *x.shape[1:3], 1)) if self.noise == "channel" else None
        given = self._with_noise(x, z)
        dropping = self.noise == "dropout" and seed is not None
        if dropping or x.shape[1:] != self.input_shape:
            g = np.concatenate([net.forward(given[i : i + 1], train=dropping, rng=rng())[0] for i in range(len(x))])
        else:
            g = evaluate_in_chunks(net, given)
        return self._composed(x, np.clip(g, -1, 1)).astype(np.float32, copy=False)

    def _with_noise(self, x: Array, z: Array | None) -> Array:
        """x, with the noise channel z (N or 1, h, w, 1) if there is one."""
        if z is None:
            return x
        z = np.broadcast_to(z.astype(x.dtype), (*x.shape[:3], 1))
        return np.concatenate([x, z], axis=-1)

    def _composed(self, x: Array, g: Array) -> Array:
        """u, (Paired.1)."""
        return np.where(hole(x), g, x[..., : g.shape[-1]]) if self.composite else g

    @staticmethod
    def _scaled(weight: float, gradient: Array) -> Array:
        return gradient * gradient.dtype.type(weight)

    def __repr__(self) -> str:
        names = ("content_weight", "adversarial_weight", "feature_weight", "perceptual_weight")
        weights = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"{super().__repr__()[:-1]},\n content={self.content.__name__!r}, {weights}, d_sees={self.d_sees!r})"
