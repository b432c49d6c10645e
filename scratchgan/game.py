"""What all games have in common: nets and their optimisers, random streams, and a state that can be saved.

A game is a set of nets that `train_step` trains against each other: `scratchgan.GAN` makes samples from noise, the
CycleGAN of models/cycle.py and the PairedGAN of models/paired_game.py turn images into images.  Read gan.py first; this
file is the bookkeeping around it.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from .checks import positive_int
from .core import Layer, ShapeError
from .kernels import on_one_blas_thread
from .losses import Loss
from .optim import Ema, Optimizer, check_same_arrays

#: samples per pass in evaluation; the last pass is padded to this number, so that a sample's bits do not depend on N
CHUNK = 64
#: largest size of a random generator's state as JSON, in bytes; PCG64, the only kind used here, takes about 150
MAX_RNG_STATE = 1000


class LastBatch(NamedTuple):
    """The inputs of D in its last turn, real samples and fakes (N, ...), and its logits (N, 1) for both."""

    real: np.ndarray
    fake: np.ndarray
    real_logits: np.ndarray
    fake_logits: np.ndarray


class Counter(NamedTuple):
    """An integer in a game's state: the attribute named `attribute` of `owner`, from 0 to `most`."""

    owner: object
    attribute: str
    most: float = math.inf


class Game:
    """Base class of games.  A subclass defines `train_step`, and adds whatever else belongs to its state.

    data_shape    shape of one example, without the batch axis
    streams       {name: random generator}; `layer_rng` returns the one called "layers"
    steps         training steps so far
    ema           moving average of G's weights, or None
    conditions    further inputs of D's forward in this step: none, or labels
    last_batch    the batch of D's last turn, or None; scratchgan.doctor reads it when a step is logged

    The usual game has the players `G` and `D` with `g_optimizer` and `d_optimizer`.  A game with other nets overrides
    `nets` and `optimizers`; a game with more state overrides `counters` and `extra_arrays`.
    """

    #: what the trained game makes: "samples" from noise, "translations" of images, or images from images ("paired")
    kind: ClassVar[Literal["samples", "translations", "paired"]]
    #: whether `train_step` and `sample` take labels in 0..classes-1
    conditional: ClassVar[bool] = False
    classes: int = 0

    G: Layer
    D: Layer
    g_optimizer: Optimizer
    d_optimizer: Optimizer
    loss: Loss

    def __init__(self, *, data_shape: Sequence[int], streams: Mapping[str, np.random.Generator]):
        self.data_shape = tuple(positive_int(type(self).__name__, "data_shape", n) for n in data_shape)
        self.streams, self.steps = dict(streams), 0
        self.ema: Ema | None = None
        self.conditions: dict[str, Any] = {}
        self.last_batch: LastBatch | None = None

    def train_step(self, batch: Any, labels: np.ndarray | None = None) -> dict[str, float]:
        """Train for one step, with the players' turns.  Return the losses and other numbers for the log."""
        raise NotImplementedError(f"{type(self).__name__} must define train_step")

    def layer_rng(self) -> np.random.Generator:
        """The random stream for layers that draw random numbers (Dropout)."""
        return self.streams["layers"]

    @property
    def packing(self) -> int:
        """How many samples D classifies together."""
        return 1

    # -- what the state consists of -----------------------------------------------------------------------------------

    def nets(self) -> list[tuple[str, Layer]]:
        """All nets of the game, with their names: G, D, and the average of G if there is one."""
        return [("G", self.G), ("D", self.D)] + ([] if self.ema is None else [("ema", self.ema.net)])

    def optimizers(self) -> list[tuple[str, Optimizer]]:
        """All optimisers of the game, with their names."""
        return [("g_optimizer", self.g_optimizer), ("d_optimizer", self.d_optimizer)]

    def counters(self) -> dict[str, Counter]:
        """The integers in the state: {key: Counter}."""
        counters = {"steps": Counter(self, "steps")}
        return counters if self.ema is None else counters | {"ema_steps": Counter(self.ema, "steps")}

    def extra_arrays(self) -> dict[str, np.ndarray]:
        """{key: array} of the live arrays in the state that belong to neither a net nor an optimiser."""
        return {}

    # -- saving it ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """{name: array} of all that resuming needs: weights, running statistics, optimisers, average, random state.

        Arrays of nets and optimisers are the live ones, not copies.
        """
        arrays = self._live_arrays()
        for key, counter in self.counters().items():
            arrays[key] = np.array(getattr(counter.owner, counter.attribute), np.int64)
        for which, optimizer in self.optimizers():
            arrays.update({f"{which}/{name}": a for name, a in optimizer.state().items()})
        return arrays | {f"rng/{name}": rng_state(rng) for name, rng in self.streams.items()}

    def load_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned.

        Raises ValueError, before anything changes, for different names, shapes or dtypes, a counter out of range, a
        negative variance, or an invalid random state.
        """
        who, own, random = type(self).__name__, self.state(), {f"rng/{name}": name for name in self.streams}
        check_same_arrays(
            who,
            {key: a for key, a in own.items() if key not in random},
            {key: a for key, a in arrays.items() if key not in random},
        )
        for key in random:
            if key not in arrays:
                raise ValueError(f"{who}: the state lacks {key}")
        for key, counter in self.counters().items():
            if not 0 <= arrays[key] <= counter.most:
                expected = "at least 0" if counter.most == math.inf else f"0 to {counter.most}"
                raise ValueError(f"{who}: {key} is {arrays[key]}, expected {expected}")
        for key in own:
            if key.endswith("var (running)") and arrays[key].min() < 0:
                raise ValueError(f"{who}: the running variance {key!r} is negative")
        streams = {name: generator_from(arrays[key]) for key, name in random.items()}
        moments = {which: {n: arrays[f"{which}/{n}"] for n in opt.state()} for which, opt in self.optimizers()}
        for which, optimizer in self.optimizers():
            optimizer.check_state(moments[which])
        # Everything is valid: only from here on does anything change.
        for key, array in self._live_arrays().items():
            array[...] = arrays[key]
        for which, optimizer in self.optimizers():
            optimizer.load_state(moments[which])
        for key, counter in self.counters().items():
            setattr(counter.owner, counter.attribute, int(arrays[key]))
        self.streams = streams

    def _live_arrays(self) -> dict[str, np.ndarray]:
        """Weights and running statistics of all nets, and the extra arrays: what `load_state` writes into."""
        arrays = {}
        for which, net in self.nets():
            arrays.update({f"{which}/{path}": a for path, a in net.parameters()})
            arrays.update({f"{which}/{path} (running)": a for path, a in net.buffers()})
        return arrays | self.extra_arrays()

    def check_shape(self, x: np.ndarray, expects: str) -> None:
        """Raise ShapeError unless x is an array (N, *data_shape), N >= 1; `expects` begins the message."""
        if not isinstance(x, np.ndarray) or x.shape[1:] != self.data_shape or len(x) == 0:
            got = x.shape if isinstance(x, np.ndarray) else type(x).__name__
            raise ShapeError(f"{expects} (N, {', '.join(map(str, self.data_shape))}), got {got}")

    def __deepcopy__(self, memo: dict[int, Any]) -> Game:
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied

    def __copy__(self) -> Game:
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled: copy.deepcopy copies it, and state() gives arrays that can be "
            "saved and that load_state() takes"
        )

    def __repr__(self) -> str:
        nets = ",\n ".join(f"{name}={net!r}" for name, net in self.nets() if name != "ema")
        return f"{type(self).__name__}(loss={self.loss.name!r}, steps={self.steps},\n {nets})"


# -- random streams ---------------------------------------------------------------------------------------------------


def seed_streams(seed: int) -> list[np.random.Generator]:
    """Three independent random streams from one seed: for initial weights, for noise, and for layers (dropout)."""
    return np.random.default_rng(positive_int("GAN", "seed", seed, least=0)).spawn(3)


def rng_state(rng: np.random.Generator) -> np.ndarray:
    """The state of a random generator as JSON text in a uint8 array, which can be saved without pickle."""
    return np.frombuffer(json.dumps(rng.bit_generator.state).encode(), np.uint8)


def generator_from(state: np.ndarray) -> np.random.Generator:
    """The random generator with the given `rng_state`.  Raises ValueError if `state` is not valid."""
    rng, state = np.random.default_rng(0), np.asarray(state)
    if state.dtype != np.uint8 or state.ndim != 1 or state.size > MAX_RNG_STATE:
        raise ValueError(
            f"not the state of a random generator: expected text of at most {MAX_RNG_STATE} bytes, got "
            f"{state.dtype} {state.shape}"
        )
    try:
        rng.bit_generator.state = json.loads(state.tobytes().decode())
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not the state of a random generator: {error}") from None
    return rng


# -- evaluation -------------------------------------------------------------------------------------------------------


@on_one_blas_thread
def evaluate_in_chunks(net: Layer, x: np.ndarray, packed: int = 1, **conditions: np.ndarray) -> np.ndarray:
    """net(x) in evaluation mode, CHUNK samples per pass; or CHUNK packs of `packed` samples, with one output each."""
    parts, chunk = [], CHUNK * packed
    for i in range(0, len(x), chunk):
        whole = [filled(array[i : i + chunk], chunk) for array in (x, *conditions.values())]
        given: dict[str, Any] = dict(zip(conditions, whole[1:], strict=True))
        y, _ = net.forward(whole[0], train=False, **given)
        parts.append(y[: len(x[i : i + chunk]) // packed])
    return np.concatenate(parts)


def filled(part: np.ndarray, n: int) -> np.ndarray:
    """`part`, padded with zeros to n entries."""
    return np.concatenate([part, np.zeros((n - len(part), *part.shape[1:]), part.dtype)])
