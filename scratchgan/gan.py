r"""The game: how a discriminator D and a generator G are trained against each other, line by line.

    X      real samples, a batch of the data                 x = one of them
    Z      noise, Z ~ N(0, I), drawn anew each time          z = one of them
    G(z)   a fake: the generator turns noise into a sample
    D(x)   the probability that D gives to "x is real" = sigmoid(C(x)), C(x) the logit that the net D puts out

One step of training (Goodfellow et al. 2014, algorithm 1, with k = 1):

    D's turn    1. draw noise Z and feed it to G: fakes G(Z)
                2. show D the real samples X, label 1, and, as a batch of their own, the fakes, label 0
                3. send D's loss back through D, for both batches; update D's weights
    G's turn    4. draw noise again: new fakes, that D has not just been trained on
                5. show them to D, whose weights are frozen, and claim that they are real: label 1
                6. send G's loss back through D, down to D's input, and on through G; update G's weights

Label 1 in step 5 is the non-saturating loss; the minimax loss keeps label 0 and climbs: see `scratchgan.losses`.
"Frozen" means that no gradient of D's weights is taken and none of them moves; D still works in training mode, so that
its BatchNorm normalises this batch by its own statistics and back-propagates exactly that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from . import losses
from .checks import positive_int
from .core import Layer, Sequential, ShapeError
from .kernels import on_one_blas_thread
from .layers.activations import sigmoid
from .layers.pack import Pack
from .optim import Ema, Optimizer, check_same_arrays

if TYPE_CHECKING:
    from .rules import Rule

#: the most that one call of `sample` may make
MAX_SAMPLE_BYTES = 4 << 30
#: samples a pass in evaluation: always so many (the last pass is filled up), so that n never changes a sample's bits
_CHUNK = 64
#: bytes of a generator's state as JSON; PCG64, which all of ours are, takes about 150
_MAX_RNG_STATE = 1000


class GAN:
    """A generator and a discriminator, their loss, their optimisers, and the noise that feeds them.

    G, D           nets: G maps (N, latent_dim) to (N, *data_shape), D maps that to logits (N, 1)
    loss           a Loss or its name
    g_optimizer, d_optimizer    each belongs to its net
    ema_decay      > 0: `sample` uses an exponential moving average of G's weights
    d_steps        > 1: G has its turn only in every so many-th step, so that D has that many turns to each of G's
    rules          changes of the game: penalties, clipping, instance noise ... (see `scratchgan.rules`)
    seed           of the noise; the same seed gives the same bits

    A member of the family that is told more than noise and samples (labels, codes) is a subclass: models/conditional.py
    and models/auxiliary.py.
    """

    #: `train_step` and `sample` take labels
    conditional = False
    #: numbers that G gets beside the noise, and that D puts out beside its logit
    code_size, answer_size = 0, 0

    def __init__(
        self,
        G: Layer,
        D: Layer,
        *,
        latent_dim: int,
        data_shape: tuple[int, ...],
        loss="non-saturating",
        g_optimizer: Optimizer,
        d_optimizer: Optimizer,
        ema_decay: float = 0.0,
        d_steps: int = 1,
        rules: Sequence[Rule] = (),
        seed: int = 0,
    ):
        self.G, self.D = G, D
        self.latent_dim = positive_int("GAN", "latent_dim", latent_dim)
        self.data_shape = tuple(positive_int("GAN", "data_shape", n) for n in data_shape)
        self.loss = losses.get(loss)
        for name, optimizer, net in (("g_optimizer", g_optimizer, G), ("d_optimizer", d_optimizer, D)):
            if optimizer.net is not net:
                raise ValueError(f"GAN: {name} was made for another net; it would move the wrong player's weights")
        self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer
        self.d_steps, self.rules = positive_int("GAN", "d_steps", d_steps), list(rules)
        G.set_path("G")
        D.set_path("D")
        _check_fit(G, D, self.latent_dim + self.code_size, self.data_shape, 1 + self.answer_size)
        self.given: dict[str, np.ndarray] = {}  # what D is told beside the samples of this step
        self.ema = Ema(G, ema_decay) if ema_decay else None
        _, self._noise_rng, self._layer_rng = seed_streams(seed)
        self.steps, self.seen = 0, None
        for rule in self.rules:
            rule.check(self)

    # -- the training procedure ---------------------------------------------------------------------------------------

    @on_one_blas_thread
    def train_step(self, real: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
        """One alternating update, D's turn and then G's, on a batch of real samples (N, *data_shape).

        Returns d_loss, g_loss, and the batch means d_real of D(x) and d_fake of D(G(z)), as D saw them in its turn (of
        C(x) and C(G(z)) under a loss that gives no probability);
        penalties are part of d_loss, and stand beside it under names of their own.  With d_steps > 1, G waits for its
        turn, and between its turns g_loss is its loss on the fakes that D has just seen.
        Raises ValueError if `real` does not fit, or labels are given: this GAN is not conditional.
        """
        self._check_real(real)
        if labels is not None:
            raise ValueError("this GAN is not conditional: train_step takes no labels")
        return self._turns(real)

    def _turns(self, real: np.ndarray) -> dict[str, float]:
        """D's turn and, if it is time, G's."""
        report = self.d_step(real)
        if (self.steps + 1) % self.d_steps == 0:
            report.update(self.g_step(len(real), real))
        self.steps += 1
        return report

    def d_step(self, real: np.ndarray) -> dict[str, float]:
        """D's turn, steps 1-3."""
        Z = self.noise(len(real))
        report = self.d_gradients(real, Z)
        self.d_optimizer.step()
        for rule in self.rules:
            rule.after_d(self)
        return report

    def g_step(self, N: int, real: np.ndarray | None = None) -> dict[str, float]:
        """G's turn, steps 4-6, with N fakes.  Relativistic losses and some rules look at `real`."""
        Z = self.noise(N)
        report = self.g_gradients(Z, real)
        self.g_optimizer.step()
        if self.ema is not None:
            self.ema.update()
        return report

    def d_gradients(self, real: np.ndarray, Z: np.ndarray) -> dict[str, float]:
        """D's loss on `real` and on G(Z); its gradient is in D.gradients() afterwards.  G is only fed forward."""
        fake, _ = self.G.forward(Z, train=True, rng=self._layer_rng)
        real, fake = self.shown(real), self.shown(fake)
        self.D.zero_grads()
        real_logits, on_real = self.judged(real)
        fake_logits, on_fake = self.judged(fake)
        value, d_real, d_fake = self.loss.discriminator(real_logits, fake_logits)
        self.D.backward(d_real, on_real, input_grad=False)
        self.D.backward(d_fake, on_fake, input_grad=False)  # adds to the gradient of the line above
        self.seen = real, fake, real_logits, fake_logits  # scratchgan.doctor looks at them where a step is logged
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
        """G's loss on G(Z), through D; its gradient is in G.gradients() afterwards.  D stays as it is."""
        self.G.zero_grads()
        fake, through_g = self.G.forward(Z, train=True, rng=self._layer_rng)
        objective = self.objective
        for rule in self.rules:
            objective = partial(rule.generator, self, objective=objective)
        value, d_fake = objective(fake, real)  # dL_G/dfake: where D would see more truth
        self.G.backward(d_fake, through_g, input_grad=False)
        return {"g_loss": value}

    def objective(self, fake: np.ndarray, real: np.ndarray | None = None, d_grads: bool = False):
        """(L_G, dL_G/dfake) of the loss, through D.  With d_grads, dL_G/dtheta_D is in D.gradients() afterwards."""
        real_logits = None
        if self.loss.relativistic:
            if real is None:
                raise ValueError(f"G's turn under the loss {self.loss.name!r} also needs a batch of real samples")
            real_logits, _ = self.judged(self.shown(real))
        logits, through_d = self.judged(self.shown(fake))
        value, d_logits = self.loss.generator(logits, real_logits)
        if d_grads:
            self.D.zero_grads()
        return value, self.D.backward(d_logits, through_d, param_grads=d_grads)

    def judged(self, x: np.ndarray):
        """(C(x), the cache) in training, told what is given."""
        return self.D.forward(x, train=True, rng=self._layer_rng, **self.given)

    def shown(self, x: np.ndarray) -> np.ndarray:
        """What D gets to see of x: x itself, unless a rule (instance noise) says otherwise."""
        for rule in self.rules:
            x = rule.shown(self, x)
        return x

    @property
    def packing(self) -> int:
        """How many samples D judges together: 1, unless its first layer is a Pack."""
        first = self.D.layers[0] if isinstance(self.D, Sequential) and self.D.layers else None
        return first.m if isinstance(first, Pack) else 1

    def layer_rng(self) -> np.random.Generator:
        """The stream that layers which draw (Dropout) are given."""
        return self._layer_rng

    # -- using it -----------------------------------------------------------------------------------------------------

    def noise(self, N: int) -> np.ndarray:
        """Draw Z ~ N(0, I), (N, latent_dim), from this GAN's own stream."""
        return self._noise_rng.standard_normal((N, self.latent_dim)).astype(self.G.dtype)

    def sample(self, n: int, *, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
        """Make n samples (n, *data_shape), float32, images in [-1, 1]; in evaluation mode.

        The same seed gives the same noise at any time, and does not disturb training.
        Raises ValueError for n < 1, for more than 4 GiB of samples, or if labels are given.
        """
        if labels is not None:
            raise ValueError("this GAN is not conditional: sample takes no labels")
        return self.generate(self._seeded_noise(n, seed)[0])

    def _seeded_noise(self, n: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
        """(Z (n, latent_dim), the generator that it came from); ValueError if n samples are none or too many."""
        n = positive_int("sample", "n", n)
        if 4 * n * math.prod(self.data_shape) > MAX_SAMPLE_BYTES:
            raise ValueError(
                f"sample: {n} samples of shape {self.data_shape} need more than "
                f"{MAX_SAMPLE_BYTES >> 30} GiB; ask for fewer at a time"
            )
        rng = np.random.default_rng(seed)
        return rng.standard_normal((n, self.latent_dim)).astype(self.G.dtype), rng

    def generate(self, Z: np.ndarray) -> np.ndarray:
        """G(Z) for given noise (N, latent_dim), with the averaged weights if there are any; in evaluation mode."""
        net = self.G if self.ema is None else self.ema.net
        return _evaluate(net, Z).astype(np.float32, copy=False)

    def probability(self, x: np.ndarray) -> np.ndarray:
        """D(x), the probability (N,) that D gives to "real", in evaluation mode.  x is (N, *data_shape)."""
        self._check_real(x)
        m = self.packing
        logits = _evaluate(self.D, np.repeat(x, m, axis=0) if m > 1 else x, m)  # a D of packs sees m times the same
        return sigmoid(logits).reshape(len(logits), -1).mean(axis=1)

    # -- saving it ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """Everything a resumed training needs, by name: weights, running statistics, optimisers, average, random state.

        The arrays are the live ones, not copies.
        """
        arrays = {"steps": np.array(self.steps, np.int64)}
        arrays.update({f"{which}/{path}": a for which, net in self.nets() for path, a in _arrays(net)})
        for which, optimizer in self._optimizers():
            arrays.update({f"{which}/{name}": a for name, a in optimizer.state().items()})
        if self.ema is not None:
            arrays["ema_steps"] = np.array(self.ema.steps, np.int64)
        arrays["rng/noise"], arrays["rng/layers"] = rng_state(self._noise_rng), rng_state(self._layer_rng)
        return arrays

    def load_state(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over what `state` gave.

        Raises ValueError, before it changes any, if names, shapes or dtypes differ, or for a negative count or
        variance.
        """
        own = self.state()
        random = {name: a for name, a in own.items() if name.startswith("rng/")}
        check_same_arrays(
            "GAN",
            {k: a for k, a in own.items() if k not in random},
            {k: a for k, a in arrays.items() if k not in random},
        )
        for name in random:
            if name not in arrays:
                raise ValueError(f"GAN: the state lacks {name}")
        for name in ("steps", "ema_steps"):
            if name in own and arrays[name] < 0:
                raise ValueError(f"GAN: {name} is {arrays[name]}, expected at least 0")
        for name in own:
            if name.endswith("var (running)") and arrays[name].min() < 0:
                raise ValueError(f"GAN: the running variance {name!r} is negative")
        generators = [generator_from(arrays["rng/noise"]), generator_from(arrays["rng/layers"])]
        for which, optimizer in self._optimizers():  # before the first weight is changed
            optimizer.check_state({name: arrays[f"{which}/{name}"] for name in optimizer.state()})
        for which, net in self.nets():
            for path, array in _arrays(net):
                array[...] = arrays[f"{which}/{path}"]
        for which, optimizer in self._optimizers():
            optimizer.load_state({name: arrays[f"{which}/{name}"] for name in optimizer.state()})
        if self.ema is not None:
            self.ema.steps = int(arrays["ema_steps"])
        self._noise_rng, self._layer_rng = generators
        self.steps = int(arrays["steps"])

    def nets(self) -> list[tuple[str, Layer]]:
        """All nets of the game, with their names: G, D, and the average of G if there is one."""
        return [("G", self.G), ("D", self.D)] + ([] if self.ema is None else [("ema", self.ema.net)])

    def _optimizers(self):
        return [("g_optimizer", self.g_optimizer), ("d_optimizer", self.d_optimizer)]

    def _check_real(self, x) -> None:
        if not isinstance(x, np.ndarray) or x.shape[1:] != self.data_shape or len(x) == 0:
            got = x.shape if isinstance(x, np.ndarray) else type(x).__name__
            raise ShapeError(f"the GAN expects samples (N, {', '.join(map(str, self.data_shape))}), got {got}")

    def __repr__(self) -> str:
        return f"GAN(loss={self.loss.name!r}, steps={self.steps},\n G={self.G!r},\n D={self.D!r})"


def seed_streams(seed: int) -> list[np.random.Generator]:
    """Three independent random streams of one seed: initial weights, noise, and what layers draw (dropout)."""
    return np.random.default_rng(positive_int("GAN", "seed", seed, least=0)).spawn(3)


def rng_state(rng: np.random.Generator) -> np.ndarray:
    """The state of a generator as JSON text in a uint8 array, for a file without pickle."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), np.uint8)


def generator_from(state: np.ndarray) -> np.random.Generator:
    """The generator whose `rng_state` this is.  Raises ValueError if it is none."""
    rng, state = np.random.default_rng(0), np.asarray(state)
    if state.dtype != np.uint8 or state.ndim != 1 or state.size > _MAX_RNG_STATE:
        raise ValueError(
            f"not the state of a random generator: expected text of at most {_MAX_RNG_STATE} bytes, got "
            f"{state.dtype} {state.shape}"
        )
    try:
        rng.bit_generator.state = json.loads(state.tobytes().decode())
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not the state of a random generator: {error}") from None
    return rng


@on_one_blas_thread
def _evaluate(net: Layer, x: np.ndarray, packed: int = 1, **given: np.ndarray) -> np.ndarray:
    """net(x) in evaluation mode, _CHUNK samples a pass; or _CHUNK packs of samples, each of which gives one output."""
    parts, chunk = [], _CHUNK * packed
    for i in range(0, len(x), chunk):
        whole = [_filled(array[i : i + chunk], chunk) for array in (x, *given.values())]
        y, _ = net.forward(whole[0], train=False, **dict(zip(given, whole[1:], strict=True)))
        parts.append(y[: len(x[i : i + chunk]) // packed])
    return np.concatenate(parts)


def _filled(part: np.ndarray, n: int) -> np.ndarray:
    """`part` with zeros after it, n entries in all."""
    return np.concatenate([part, np.zeros((n - len(part), *part.shape[1:]), part.dtype)])


def _arrays(net: Layer) -> list[tuple[str, np.ndarray]]:
    return net.parameters() + [(f"{path} (running)", a) for path, a in net.buffers()]


def _check_fit(G: Layer, D: Layer, input_dim: int, data_shape: tuple[int, ...], outputs: int) -> None:
    """G must make data_shape out of noise (and codes), and D one logit (and answers) out of data_shape."""
    made, judged = G.output_shape((input_dim,)), D.output_shape(data_shape)
    if made != data_shape:
        raise ShapeError(f"GAN: G makes samples of shape {made}, the data has {data_shape}")
    if judged is not None and judged[-1:] != (outputs,):
        more = f" and {outputs - 1} answers" if outputs > 1 else ""
        raise ShapeError(f"GAN: D must end in one logit{more}, its output has the shape {judged}")
