r"""The game: how a discriminator D and a generator G are trained against each other, line by line.

    X      real samples, a batch of the data                         x = one of them
    Z      noise: latent vectors Z ~ N(0, I), drawn anew each time   z = one of them
    G(z)   a fake: a sample that the generator makes from noise
    C(x)   the logit: the output of the net D
    D(x)   sigmoid(C(x)): the probability, according to D, that x is real

One step of training (Goodfellow et al. 2014, algorithm 1, with k = 1):

    D's turn    1. draw noise Z and feed it to G, which makes fakes G(Z)
                2. feed D the real samples X, with label 1, and, as a separate batch, the fakes, with label 0
                3. back-propagate D's loss through D, for both batches; update D's weights
    G's turn    4. draw new noise and make new fakes, which D has not just been trained on
                5. feed them to D, whose weights are frozen, with label 1, as if they were real
                6. back-propagate G's loss through D, to D's input, and on through G; update G's weights

Comments in the code below repeat these numbers.  Label 1 in step 5 gives the non-saturating loss; the minimax loss
keeps label 0 and maximises instead: see `scratchgan.losses`.  "Frozen" means that the gradients of D's weights are not
computed and the weights do not change.  D still runs in training mode: its BatchNorm normalises with the statistics of
this batch, and gradients are propagated through these statistics.  Everything around the procedure, such as saving the
state, is in game.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from . import losses
from .checks import positive_int
from .core import Cache, Layer, ShapeError
from .game import Game, LastBatch, evaluate_in_chunks, seed_streams
from .kernels import on_one_blas_thread
from .layers import Sequential
from .layers.activations import sigmoid
from .layers.pack import Pack
from .optim import Ema, Optimizer

if TYPE_CHECKING:
    from .rules import Rule

#: largest size, in bytes, of the samples that one call of `sample` may return
MAX_SAMPLE_BYTES = 4 << 30


class GAN(Game):
    """A generator and a discriminator, with their loss, their optimisers and the source of noise.

    G, D           nets: G maps (N, latent_dim) to (N, *data_shape), D maps that to logits (N, 1)
    loss           a Loss or its name
    g_optimizer, d_optimizer    made for G and for D
    ema_decay      > 0: `sample` uses an exponential moving average of G's weights
    d_steps        D's turns per turn of G: every step updates D, and every d_steps-th step also updates G
    rules          changes to the game: penalties, clipping, instance noise ... (see `scratchgan.rules`)
    seed           of the noise (and of dropout); the same seed gives the same bits

    GANs that are conditioned on labels or codes are subclasses: models/conditional.py and models/auxiliary.py.
    """

    kind: ClassVar[Literal["samples"]] = "samples"
    #: how many numbers G takes in addition to the noise, and D returns in addition to its logit
    code_size, answer_size = 0, 0

    def __init__(
        self,
        G: Layer,
        D: Layer,
        *,
        latent_dim: int,
        data_shape: tuple[int, ...],
        loss: losses.Loss | str = "non-saturating",
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        ema_decay: float = 0.0,
        d_steps: int = 1,
        rules: Sequence[Rule] = (),
        seed: int = 0,
    ):
        _, noise_rng, layer_rng = seed_streams(seed)
        super().__init__(data_shape=data_shape, streams={"noise": noise_rng, "layers": layer_rng})
        self.G, self.D = G, D
        self.latent_dim = positive_int("GAN", "latent_dim", latent_dim)
        self.loss = losses.get(loss)
        for name, optimizer, net in (("g_optimizer", g_optimizer, G), ("d_optimizer", d_optimizer, D)):
            if optimizer.net is not net:
                raise ValueError(f"GAN: {name} was made for another net; it would move the wrong player's weights")
        self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer
        self.d_steps, self.rules = positive_int("GAN", "d_steps", d_steps), list(rules)
        G.set_path("G")
        D.set_path("D")
        _check_fit(G, D, self.latent_dim + self.code_size, self.data_shape, 1 + self.answer_size)
        self.ema = Ema(G, ema_decay) if ema_decay else None
        for rule in self.rules:
            rule.check(self)

    # -- the training procedure ---------------------------------------------------------------------------------------

    @on_one_blas_thread
    def train_step(self, real: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
        """One alternating update, D's turn and then G's, on a batch of real samples (N, *data_shape).

        Returns d_loss and g_loss, and d_real and d_fake: the batch means of D(x) and D(G(z)) in D's turn (of C(x) and
        C(G(z)) if the loss gives no probability).  Penalties are included in d_loss, and also listed under their own
        names.  With d_steps > 1, in steps without a turn of G, g_loss is G's loss on the fakes of D's turn.
        Raises ValueError if `real` has a wrong shape, or if labels are given: this GAN is not conditional.
        """
        self._check_real(real)
        if labels is not None:
            raise ValueError("this GAN is not conditional: train_step takes no labels")
        return self.take_turns(real)

    def take_turns(self, real: np.ndarray) -> dict[str, float]:
        """`turns`; with compiled kernels, a recording of it that gives the same bits (see `scratchgan.replay`)."""
        return self.turns(real)

    def turns(self, real: np.ndarray) -> dict[str, float]:
        """D's turn and, in every d_steps-th step, G's."""
        report = self.d_step(real)
        if (self.steps + 1) % self.d_steps == 0:
            report.update(self.g_step(len(real), real))
        self.steps += 1
        return report

    def d_step(self, real: np.ndarray) -> dict[str, float]:
        """D's turn, steps 1-3."""
        Z = self.noise(len(real))  # 1: noise
        report = self.d_gradients(real, Z)  # 1-3
        self.d_optimizer.step()  # 3: D's weights move
        for rule in self.rules:
            rule.after_d(self)
        return report

    def g_step(self, N: int, real: np.ndarray | None = None) -> dict[str, float]:
        """G's turn, steps 4-6, with N fakes.  Only relativistic losses and some rules use `real`."""
        Z = self.noise(N)  # 4: noise again
        report = self.g_gradients(Z, real)  # 4-6
        self.g_optimizer.step()  # 6: G's weights move
        if self.ema is not None:
            self.ema.update()
        return report

    def d_gradients(self, real: np.ndarray, Z: np.ndarray) -> dict[str, float]:
        """Compute D's loss on `real` and on G(Z); its gradient is then in D.gradients().  G only runs forward."""
        fake, _ = self.G.forward(Z, train=True, rng=self.layer_rng())  # 1: fakes
        real, fake = self.transformed(real), self.transformed(fake)
        self.D.zero_grads()
        real_logits, on_real = self.logits(real)  # 2: C(X)
        fake_logits, on_fake = self.logits(fake)  # 2: C(G(Z)), a separate batch
        value, d_real, d_fake = self.loss.discriminator(real_logits, fake_logits)  # 2: labels 1 and 0
        self.D.backward(d_real, on_real, input_grad=False)  # 3
        self.D.backward(d_fake, on_fake, input_grad=False)  # 3: adds to the gradient of the line above
        self.last_batch = LastBatch(real, fake, real_logits, fake_logits)
        report = {
            "d_loss": value,
            "d_real": float(self.loss.output(real_logits).mean()),
            "d_fake": float(self.loss.output(fake_logits).mean()),
        }
        if self.d_steps > 1:
            report["g_loss"] = self.loss.generator(fake_logits, real_logits)[0]
        for rule in self.rules:
            added = rule.d_gradients(self, real, fake)
            report["d_loss"] += sum(added.values())
            report.update(added)
        return report

    def g_gradients(self, Z: np.ndarray, real: np.ndarray | None = None) -> dict[str, float]:
        """Compute G's loss on G(Z), through D; its gradient is then in G.gradients().  D's weights do not change."""
        self.G.zero_grads()
        fake, through_g = self.G.forward(Z, train=True, rng=self.layer_rng())  # 4: new fakes
        objective = self.objective
        for rule in self.rules:
            objective = partial(rule.generator, self, objective=objective)
        value, d_fake = objective(fake, real)  # 5, and 6 to D's input: dL_G/dfake
        self.G.backward(d_fake, through_g, input_grad=False)  # 6: on through G
        return {"g_loss": value}

    def objective(
        self, fake: np.ndarray, real: np.ndarray | None = None, d_grads: bool = False
    ) -> tuple[float, np.ndarray]:
        """(L_G, dL_G/dfake) of the loss, through D.  With d_grads, dL_G/dtheta_D is then in D.gradients()."""
        real_logits = None
        if self.loss.relativistic:
            if real is None:
                raise ValueError(f"G's turn with the loss {self.loss.name!r} also needs a batch of real samples")
            real_logits, _ = self.logits(self.transformed(real))
        logits, through_d = self.logits(self.transformed(fake))  # 5: C(G(Z)), D frozen
        value, d_logits = self.loss.generator(logits, real_logits)  # 5: label 1
        if d_grads:
            self.D.zero_grads()
        return value, self.D.backward(d_logits, through_d, param_grads=d_grads)  # 6: to D's input

    def logits(self, x: np.ndarray) -> tuple[np.ndarray, Cache]:
        """(C(x), cache) in training mode, with the conditions (labels) of this step, if there are any."""
        return self.D.forward(x, train=True, rng=self.layer_rng(), **self.conditions)

    def transformed(self, x: np.ndarray) -> np.ndarray:
        """D's input for the samples x: x itself, unless a rule (instance noise) changes it."""
        for rule in self.rules:
            x = rule.transformed(self, x)
        return x

    @property
    def packing(self) -> int:
        """How many samples D classifies together: 1, unless its first layer is a Pack."""
        first = self.D.layers[0] if isinstance(self.D, Sequential) and self.D.layers else None
        return first.m if isinstance(first, Pack) else 1

    # -- using it -----------------------------------------------------------------------------------------------------

    def noise(self, N: int) -> np.ndarray:
        """Draw Z ~ N(0, I), (N, latent_dim), from this GAN's stream of noise."""
        return self.streams["noise"].standard_normal((N, self.latent_dim)).astype(self.G.dtype)

    def sample(self, n: int, *, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
        """Make n samples (n, *data_shape), float32, in evaluation mode.  Images have values in [-1, 1].

        The same seed always gives the same noise; the random streams of training are not used.
        Raises ValueError for n < 1, for more than 4 GiB of samples, or if labels are given.
        """
        if labels is not None:
            raise ValueError("this GAN is not conditional: sample takes no labels")
        return self.generate(self._seeded_noise(n, seed)[0])

    def _seeded_noise(self, n: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
        """(Z (n, latent_dim), the random generator that drew it); ValueError for n < 1 or too many samples."""
        n = positive_int("sample", "n", n)
        if 4 * n * math.prod(self.data_shape) > MAX_SAMPLE_BYTES:
            raise ValueError(
                f"sample: {n} samples of shape {self.data_shape} need more than "
                f"{MAX_SAMPLE_BYTES >> 30} GiB; ask for fewer at a time"
            )
        rng = np.random.default_rng(seed)
        return rng.standard_normal((n, self.latent_dim)).astype(self.G.dtype), rng

    def generate(self, Z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """G(Z) for given noise (N, latent_dim), in evaluation mode, with the averaged weights if there are any."""
        if labels is not None:
            raise ValueError("this GAN is not conditional: generate takes no labels")
        net = self.G if self.ema is None else self.ema.net
        return evaluate_in_chunks(net, Z).astype(np.float32, copy=False)

    def probability(self, x: np.ndarray) -> np.ndarray:
        """D(x) (N,), the probability, according to D, that x (N, *data_shape) is real; in evaluation mode."""
        self._check_real(x)
        m = self.packing
        logits = evaluate_in_chunks(self.D, np.repeat(x, m, axis=0) if m > 1 else x, m)  # a pack of m copies
        return sigmoid(logits).reshape(len(logits), -1).mean(axis=1)

    def _check_real(self, x: np.ndarray) -> None:
        self.check_shape(x, "the GAN expects samples")


def _check_fit(G: Layer, D: Layer, input_dim: int, data_shape: tuple[int, ...], outputs: int) -> None:
    """Raise ShapeError unless G maps noise (and codes) to data_shape, and D data_shape to one logit (and answers)."""
    sample, output = G.output_shape((input_dim,)), D.output_shape(data_shape)
    if sample != data_shape:
        raise ShapeError(f"GAN: G makes samples of shape {sample}, the data has {data_shape}")
    if output is not None and output[-1:] != (outputs,):
        more = f" and {outputs - 1} answers" if outputs > 1 else ""
        raise ShapeError(f"GAN: D must end in one logit{more}, its output has the shape {output}")
