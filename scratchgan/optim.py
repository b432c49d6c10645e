r"""Optimisers: how gradients update the weights.  Each update rule acts on one array; it is in `kernels.updates`.

An optimiser belongs to one net and updates its parameters in place when `step` is called, never inside `backward`.

    optimiser = Adam(net, lr=2e-4)
    net.zero_grads(); ...backward...; optimiser.step()
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from .checks import one_of, positive_int, real
from .core import Layer
from .kernels import adam_update, adam_updates, ema_update, rmsprop_update, sgd_update

Schedule = Callable[[int], float]


class Optimizer:
    """Base class: a learning rate, its schedule, and, for each name in `slots`, one state array per parameter.

    net        the net (or layer) whose parameters are updated
    lr         learning rate, > 0
    schedule   step (0, 1, ...) -> factor on lr; None: constant
    """

    slots: tuple[str, ...] = ()
    #: the slots that hold means of squares, which are never negative
    squares: tuple[str, ...] = ()

    def __init__(self, net: Layer, lr: float, *, schedule: Schedule | None = None):
        self.net, self.schedule, self.steps = net, schedule, 0
        self.lr = real(type(self).__name__, "lr", lr, 0, math.inf, open_low=True, open_high=True)
        self.slot = {name: [np.zeros_like(w) for _, w in net.parameters()] for name in self.slots}

    def current_lr(self) -> float:
        """The learning rate of the next step."""
        return self.lr * (1.0 if self.schedule is None else self.schedule(self.steps))

    def step(self) -> None:
        """Update every parameter once, by its gradient."""
        lr = self.current_lr()
        self.steps += 1
        self.update_all(self.net.parameters_and_gradients(), lr)

    def update_all(self, pairs: list[tuple[np.ndarray, np.ndarray]], lr: float) -> None:
        """Call `update` for every (parameter, gradient)."""
        for i, (w, g) in enumerate(pairs):
            self.update(w, g, lr, *(self.slot[name][i] for name in self.slots))

    def update(self, w: np.ndarray, g: np.ndarray, lr: float, *slots: np.ndarray) -> None:
        """Update one parameter in place."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def displacement(self, gradients: Sequence[np.ndarray], rates: Sequence[float]) -> np.ndarray:
        """Total change of a parameter by gradients g_1 ... g_T at learning rates lr_1 ... lr_T, with a state of zeros.

        This is what `update` adds up to, with its recursions written as sums, v_t = sum_i decay^(t-i) (...)_i.  It
        shares no code with `update`; the gradient checker compares the two.
        """
        steps = [lr * self.direction(gradients[:t]) for t, lr in enumerate(rates, 1)]
        return -sum(steps[1:], steps[0])

    def direction(self, gradients: Sequence[np.ndarray]) -> np.ndarray:
        """The last step's -dw / lr, computed from all gradients so far."""
        raise NotImplementedError(f"{type(self).__name__} must define direction to be checked")

    def state(self) -> dict[str, np.ndarray]:
        """{name: array} with everything needed to resume: "steps", and arrays such as "m/0.W"."""
        paths = [path for path, _ in self.net.parameters()]
        arrays = {f"{name}/{path}": a for name in self.slots for path, a in zip(paths, self.slot[name], strict=True)}
        return {"steps": np.array(self.steps, np.int64), **arrays}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state` returned.  Raises ValueError as `check_state` does, before anything changes."""
        self.check_state(state)
        own = self.state()
        for name, array in own.items():
            if name != "steps":
                array[...] = state[name]
        self.steps = int(state["steps"])

    def check_state(self, state: dict[str, np.ndarray]) -> None:
        """Raise ValueError for wrong names, shapes or dtypes, a negative step count, or a negative mean square."""
        check_same_arrays(type(self).__name__, self.state(), state)
        if state["steps"] < 0:
            raise ValueError(f"{type(self).__name__}: steps is {state['steps']}, expected at least 0")
        for name in self.squares:
            for path, _ in self.net.parameters():
                if (square := state[f"{name}/{path}"]).size and square.min() < 0:
                    raise ValueError(f"{type(self).__name__}: '{name}/{path}' is a mean of squares, and negative")


class SGD(Optimizer):
    r"""Gradient descent with momentum (Sutskever et al. 2013, in the form where lr multiplies v).

    (SGD.1)   v <- momentum v + g
    (SGD.2)   w <- w - lr v
    (SGD.3)   w <- w - lr (g + momentum v)     instead of (2), with nesterov=True

    Arguments: momentum in [0, 1).
    """

    slots = ("v",)

    def __init__(
        self,
        net: Layer,
        lr: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        schedule: Schedule | None = None,
    ):
        super().__init__(net, lr, schedule=schedule)
        self.momentum = real("SGD", "momentum", momentum, 0, 1, open_high=True)
        self.nesterov = bool(nesterov)

    def update(self, w, g, lr, v):  # type: ignore[override]  # each rule has slots of its own
        """(SGD.1-3)."""
        sgd_update(w, g, v, lr=lr, momentum=self.momentum, nesterov=self.nesterov)

    def direction(self, gradients):
        """v_t = sum_i momentum^(t-i) g_i, or g_t + momentum v_t."""
        v = discounted(gradients, self.momentum)
        return gradients[-1] + self.momentum * v if self.nesterov else v


class RMSProp(Optimizer):
    r"""Divide the gradient by its running root mean square (Tieleman & Hinton 2012, lecture 6e).

    (RMSProp.1)   v <- decay v + (1 - decay) g^2
    (RMSProp.2)   w <- w - lr g / (sqrt(v) + eps)

    Arguments: decay in [0, 1), eps > 0.
    """

    slots = squares = ("v",)

    def __init__(
        self, net: Layer, lr: float = 5e-5, *, decay: float = 0.99, eps: float = 1e-8, schedule: Schedule | None = None
    ):
        super().__init__(net, lr, schedule=schedule)
        self.decay = real("RMSProp", "decay", decay, 0, 1, open_high=True)
        self.eps = real("RMSProp", "eps", eps, 0, 1, open_low=True)

    def update(self, w, g, lr, v):  # type: ignore[override]  # each rule has slots of its own
        """(RMSProp.1, 2)."""
        rmsprop_update(w, g, v, lr=lr, decay=self.decay, eps=self.eps)

    def direction(self, gradients):
        """g_t / (sqrt(v_t) + eps) with v_t = (1 - decay) sum_i decay^(t-i) g_i^2."""
        v = (1 - self.decay) * discounted([g**2 for g in gradients], self.decay)
        return gradients[-1] / (np.sqrt(v) + self.eps)


class Adam(Optimizer):
    r"""Momentum and running root mean square, each corrected for its start at zero (Kingma & Ba 2015, algorithm 1).

    (Adam.1)   m <- beta1 m + (1 - beta1) g
    (Adam.2)   v <- beta2 v + (1 - beta2) g^2
    (Adam.3)   mhat = m / (1 - beta1^t),   vhat = v / (1 - beta2^t)        t = 1, 2, ... counts the steps
    (Adam.4)   w <- w - lr mhat / (sqrt(vhat) + eps)

    beta1 = 0.5 instead of 0.9 is DCGAN's choice (Radford et al. 2016, section 4): more momentum makes a game oscillate.
    Arguments: beta1, beta2 in [0, 1), eps > 0.
    """

    slots, squares = ("m", "v"), ("v",)

    def __init__(
        self,
        net: Layer,
        lr: float = 2e-4,
        *,
        beta1: float = 0.5,
        beta2: float = 0.999,
        eps: float = 1e-8,
        schedule: Schedule | None = None,
    ):
        super().__init__(net, lr, schedule=schedule)
        self.beta1 = real("Adam", "beta1", beta1, 0, 1, open_high=True)
        self.beta2 = real("Adam", "beta2", beta2, 0, 1, open_high=True)
        self.eps = real("Adam", "eps", eps, 0, 1, open_low=True)

    def update(self, w, g, lr, m, v):  # type: ignore[override]  # each rule has slots of its own
        """(Adam.1-4)."""
        adam_update(w, g, m, v, lr=lr, beta1=self.beta1, beta2=self.beta2, eps=self.eps, step=self.steps)

    def update_all(self, pairs, lr):
        """Update all arrays in one kernel call, unless a subclass overrides `update`."""
        if type(self).update is not Adam.update:
            super().update_all(pairs, lr)
            return
        adam_updates(
            [w for w, _ in pairs],
            [g for _, g in pairs],
            self.slot["m"],
            self.slot["v"],
            lr=lr,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            step=self.steps,
        )

    def direction(self, gradients):
        """mhat / (sqrt(vhat) + eps): both are weighted means, with weights beta^(t-i) divided by their sum."""
        total = lambda beta: sum(beta**i for i in range(len(gradients)))
        mhat = discounted(gradients, self.beta1) / total(self.beta1)
        vhat = discounted([g**2 for g in gradients], self.beta2) / total(self.beta2)
        return mhat / (np.sqrt(vhat) + self.eps)


def discounted(terms: Sequence[np.ndarray], decay: float) -> np.ndarray:
    """sum_i decay^(t-i) a_i over the terms a_1 ... a_t."""
    return sum(decay**age * a for age, a in enumerate(reversed(terms)))


class Ema:
    r"""Exponential moving average of a net's parameters and running statistics: a smoother generator to sample from.

    (EMA.1)   mean <- d mean + (1 - d) w,     d = min(decay, t / (t + 9)) at the update t = 1, 2, ...

    The warm-up of d lets the average forget the random initial weights.  (Yazici et al. 2019; d(t) as in TensorFlow.)
    `net` is the averaged copy; no optimiser updates it.   Arguments: decay in [0, 1).
    """

    def __init__(self, source: Layer, decay: float):
        self.decay = real("Ema", "decay", decay, 0, 1, open_high=True)
        self.source, self.steps = source, 0
        self.net = source.astype(source.dtype)

    def update(self) -> None:
        """Move the average towards the source once.  (EMA.1)"""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 9))
        for mean, w in zip(_arrays(self.net), _arrays(self.source), strict=True):
            ema_update(mean, w, decay=decay)


def _arrays(net: Layer) -> list[np.ndarray]:
    return [a for _, a in net.parameters() + net.buffers()]


def constant() -> Schedule:
    """A constant learning rate."""
    return lambda step: 1.0


def linear(total_steps: int, *, start: float = 0.5, final: float = 0.0) -> Schedule:
    """1 for the fraction `start` of the steps, then linearly down to `final` (Zhu et al. 2017, section 7.1)."""
    positive_int("linear", "total_steps", total_steps)

    def factor(step: int) -> float:
        done = (step / total_steps - start) / (1 - start)
        return 1 + (final - 1) * min(max(done, 0.0), 1.0)

    return factor


def cosine(total_steps: int, *, final: float = 0.0) -> Schedule:
    """Half a cosine from 1 down to `final` (Loshchilov & Hutter 2017, equation 5)."""
    positive_int("cosine", "total_steps", total_steps)
    return lambda step: final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(step / total_steps, 1.0)))


SCHEDULES = ("constant", "linear", "cosine")


def schedule(name: str, total_steps: int | None = None) -> Schedule:
    """The schedule called `name`.  Raises ValueError for an unknown name, or if it needs total_steps and has none."""
    one_of("optim", "schedule", name, SCHEDULES)
    if name == "constant":
        return constant()
    if total_steps is None:
        raise ValueError(f"the schedule {name!r} needs total_steps, got None")
    return {"linear": linear, "cosine": cosine}[name](total_steps)


def check_same_arrays(who: str, own: dict[str, np.ndarray], given: dict[str, np.ndarray]) -> None:
    """Raise ValueError unless `given` has exactly the names, shapes and dtypes of `own`."""
    for problem, names in (("lacks", own.keys() - given.keys()), ("has unknown entries", given.keys() - own.keys())):
        if names:
            raise ValueError(f"{who}: the state {problem} {', '.join(sorted(names)[:5])}")
    for name, array in own.items():
        if (given[name].shape, given[name].dtype) != (array.shape, array.dtype):
            raise ValueError(
                f"{who}: {name!r} must be {array.dtype} {array.shape}, got {given[name].dtype} {given[name].shape}"
            )
