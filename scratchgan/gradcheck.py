r"""Is this derivative right?  Central differences against every pass, for a layer, a net, a loss or a whole GAN.

    report = check(net, x);   print(report);   report.ok

For a scalar F = <c, y> with a fixed random c, each pass has something that only `forward`, or the pass before it, is
needed for:

    backward            dx and dtheta    against  (F(x + h e_i) - F(x - h e_i)) / 2h,  entry by entry
    tangent             ty               against  (y(x + h tx, theta + h ttheta) - y(x - h tx, ...)) / 2h
    tangent_backward    tdx and tdtheta  against  the same difference of backward's dx and dtheta, dy moving along tdy
    adjoint             <dy, ty> = <dx, tx> + <dtheta, ttheta>, to rounding

Arrays of up to `FULL` entries are checked entry by entry, larger ones in random directions of length 1.

**The error of a derivative**, a by hand and n by differences:

    (Check.1)   max|a - n| / max( max|a|, max|n|, 1e-3 x the largest gradient in the thing checked )

The last term keeps an array that is zero in truth from being judged by its rounding noise.

**Why float64, and why h = 1e-5?**  A central difference is wrong by h^2 F'''/6 (the curve bends) and by about
eps |F| / h (F is rounded).  In float64, eps = 1.1e-16, both are near 1e-11 at h = 1e-5; in float32, eps = 6e-8, no h
makes the sum smaller than about 1e-5.  So everything is converted to float64 first, on a copy: yours is not touched.

All parameters and running statistics are replaced by random ones first (gamma = 1 and beta = 0 would hide mistakes),
and inputs are drawn again until no kink (the corner of a ReLU) is within reach of h: a difference across it is no
derivative.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .core import Layer
from .gan import GAN
from .kernels import on_one_blas_thread
from .losses import Loss

#: arrays of up to so many entries are checked entry by entry, larger ones in DIRECTIONS random directions
FULL, DIRECTIONS = 200, 12
#: a kink must be farther than so many steps h from every pre-activation
REACH = 50


@dataclass
class Row:
    """One derivative: which pass, which array, and how far hand and differences are apart."""

    step: str
    array: str
    shape: tuple[int, ...]
    by_hand: np.ndarray = field(repr=False)
    by_differences: np.ndarray = field(repr=False)
    error: float = np.inf

    @property
    def where(self) -> tuple[int, ...]:
        """Index of the largest deviation (of the direction, if the array was checked in random directions)."""
        deviation = np.abs(self.by_hand - self.by_differences)
        return tuple(int(i) for i in np.unravel_index(int(np.nanargmax(deviation)), deviation.shape))

    @property
    def how(self) -> str:
        """Whether every entry was compared, or random directions."""
        return "all entries" if self.by_hand.shape == self.shape else f"{self.by_hand.size} directions"


@dataclass
class Report:
    """The rows, and whether every one is within the tolerance.  `print` it."""

    name: str
    rows: list[Row]
    tolerance: float

    def __post_init__(self):
        largest = max((float(np.max(np.abs(r.by_differences), initial=0)) for r in self.rows if r.step == "backward"),
                      default=0.0)
        for row in self.rows:
            row.error = relative_error(row.by_hand, row.by_differences, floor=1e-3 * largest)

    @property
    def max_error(self) -> float:
        """The largest error of all rows."""
        return max((row.error for row in self.rows), default=np.inf)

    @property
    def ok(self) -> bool:
        """True if something was checked and every error is within the tolerance.  (A NaN is not.)"""
        return bool(self.rows) and all(row.error <= self.tolerance for row in self.rows)

    def by_step(self) -> dict[str, float]:
        """The largest error of each pass."""
        return {step: max(r.error for r in self.rows if r.step == step) for step in dict.fromkeys(
            r.step for r in self.rows)}

    def __str__(self) -> str:
        lines = [f"{self.name}: {'ok' if self.ok else 'WRONG'}, largest error {self.max_error:.1e} "
                 f"(tolerance {self.tolerance:.0e})",
                 f"  {'pass':<22}{'array':<18}{'shape':<18}{'error':>9}  {'where':<14}{'compared':<14}"]
        for row in self.rows:
            mark = "" if row.error <= self.tolerance else "  <-- WRONG"
            lines.append(f"  {row.step:<22}{row.array:<18}{_show(row.shape):<18}{row.error:>9.1e}  "
                         f"{_show(row.where):<14}{row.how:<14}{mark}".rstrip())
        return "\n".join(lines)


def relative_error(by_hand: np.ndarray, by_differences: np.ndarray, *, floor: float) -> float:
    """(Check.1) with `floor` as its last term; 0 if both are zero, inf if either is not finite."""
    if not (np.isfinite(by_hand).all() and np.isfinite(by_differences).all()):
        return np.inf
    deviation = float(np.max(np.abs(by_hand - by_differences), initial=0))
    scale = max(float(np.max(np.abs(by_hand), initial=0)), float(np.max(np.abs(by_differences), initial=0)), floor)
    return 0.0 if deviation == 0 else deviation / scale


@on_one_blas_thread
def check(thing: Layer | Loss | GAN, x: np.ndarray | None = None, *, train: bool = True, seed: int = 0,
          h: float = 1e-5, tolerance: float = 1e-7, randomise: bool = True, name: str | None = None) -> Report:
    """Check every derivative of a layer, a net, a loss or a GAN.  It is copied first, not changed.

    x            a small batch of inputs (a GAN: of real samples); a loss needs none.  Any float dtype, made float64.
    train        the mode of a layer or net
    h            half of the distance between the two points of a difference
    tolerance    on (Check.1)
    randomise    replace parameters and running statistics by random ones

    Raises TypeError for something that has no derivatives to check, ValueError for an x that is missing, not finite or
    does not vary, and RuntimeError if no input away from kinks is found.
    """
    rng = np.random.default_rng(seed)
    if isinstance(thing, Loss):
        return Report(name or type(thing).__name__, _loss_rows(thing, rng, h), tolerance)
    if not isinstance(thing, (Layer, GAN)):
        raise TypeError(f"check takes a layer, a net, a loss or a GAN, got {type(thing).__name__}")
    x = _checked_input(x)
    if isinstance(thing, GAN):
        return Report(name or "GAN", _game_rows(thing, x, rng, h, randomise), tolerance)
    net, x = _prepare(thing, x, rng, randomise, h, lambda net, x: _probe(net, x, train))
    return Report(name or thing.label, _layer_rows(_Frozen(net, train), x, rng, h), tolerance)


class _Frozen:
    """A net as a pure function: running statistics are put back after each call, and each draws the same numbers."""

    def __init__(self, net: Layer, train: bool):
        self.net, self.train = net, train
        self.buffers = [(a, a.copy()) for _, a in net.buffers()]

    def forward(self, x):
        y, cache = self.net.forward(x, train=self.train, rng=np.random.default_rng(7))
        for live, kept in self.buffers:
            live[...] = kept
        return y, cache

    def backward(self, x, dy):
        """[dx, dtheta...] at x, for the net's present parameters."""
        _, cache = self.forward(x)
        self.net.zero_grads()
        dx = self.net.backward(dy, cache)
        return [dx, *(g.copy() for _, g in self.net.gradients())]


def _layer_rows(f: _Frozen, x: np.ndarray, rng: np.random.Generator, h: float) -> list[Row]:
    y, _ = f.forward(x)
    if y.size == 0:
        raise ValueError("check: the output is empty, there is nothing to differentiate")
    c = rng.standard_normal(y.shape)
    params = f.net.parameters()
    names = ["x"] + [path for path, _ in params]
    arrays = [x] + [w for _, w in params]

    gradients = f.backward(x, c)
    rows = [_gradient_row("backward", n, a, g, lambda: float(np.sum(c * f.forward(x)[0])), rng, h)
            for n, a, g in zip(names, arrays, gradients, strict=True)]

    # One direction in everything; then in x alone with tdy = None, which is what a gradient penalty asks; then in the
    # parameters alone, which is a Hessian-vector product.
    some = [rng.standard_normal(a.shape) for a in arrays]
    zero = [np.zeros_like(a) for a in arrays]
    cases = [("", some, rng.standard_normal(y.shape)), (" (x only)", [some[0], *zero[1:]], None)]
    if params:
        cases.append((" (parameters only)", [zero[0], *some[1:]], None))
    for label, direction, tdy in cases:
        rows += _tangent_rows(f, names, arrays, direction, c, tdy, gradients, h, label)
    return rows


def _tangent_rows(f, names, arrays, direction, dy, tdy, gradients, h, label) -> list[Row]:
    """Rows of tangent, tangent_backward and the adjoint identity along one direction."""
    x, params = arrays[0], arrays[1:]
    tx = direction[0] if label != " (parameters only)" else None
    tparams = dict(zip(names[1:], direction[1:], strict=True)) if label != " (x only)" else None

    y, cache = f.forward(x)
    f.net.backward(dy, cache, param_grads=False)
    ty = f.net.tangent(tx, cache, tparams)
    f.net.zero_grads()
    tdx = f.net.tangent_backward(tdy, cache)
    by_hand = [_dense(tdx, x.shape), *(g.copy() for _, g in f.net.gradients())]
    ty = _dense(ty, y.shape)

    def moved(side: int):
        """Value and gradients a little along the direction."""
        with _Shifted(params, direction[1:], side * h):
            at = x + side * h * direction[0]
            move = dy if tdy is None else dy + side * h * tdy
            return [f.forward(at)[0], *f.backward(at, move)]

    differences = [(p - m) / (2 * h) for p, m in zip(moved(+1), moved(-1), strict=True)]
    rows = [Row("tangent" + label, "y", y.shape, ty, differences[0])]
    rows += [Row("tangent_backward" + label, n, a.shape, hand, d)
             for n, a, hand, d in zip(names, arrays, by_hand, differences[1:], strict=True)]
    left = np.array([np.sum(dy * ty)])
    right = np.array([sum(float(np.sum(g * t)) for g, t in zip(gradients, direction, strict=True))])
    return [*rows, Row("adjoint" + label, "<dy, ty>", (1,), left, right)]


def _loss_rows(loss: Loss, rng: np.random.Generator, h: float) -> list[Row]:
    """Value against derivative, for D's loss and G's."""
    real, fake = 2 * rng.standard_normal((5, 1)), 2 * rng.standard_normal((4, 1))
    _, d_real, d_fake = loss.discriminator(real, fake)
    _, g_fake = loss.generator(fake, real)
    return [
        _gradient_row("backward", "D: real logits", real, d_real, lambda: loss.discriminator(real, fake)[0], rng, h),
        _gradient_row("backward", "D: fake logits", fake, d_fake, lambda: loss.discriminator(real, fake)[0], rng, h),
        _gradient_row("backward", "G: fake logits", fake, g_fake, lambda: loss.generator(fake, real)[0], rng, h),
    ]


def _game_rows(gan: GAN, real: np.ndarray, rng: np.random.Generator, h: float, randomise: bool) -> list[Row]:
    """D's loss by D's weights, G's loss through D by G's weights, and all passes of both nets."""
    game = copy.copy(gan)
    Z = rng.standard_normal((len(real), gan.latent_dim))

    def probe(G, real):
        """How near the kinks are, in all three uses of the nets."""
        fake, through_g = G.forward(Z, train=True, rng=np.random.default_rng(7))
        return min(G.kink_distance(through_g), _probe(game.D, fake, True), _probe(game.D, real, True))

    for _ in range(200):
        game.D = _double(gan.D, rng, randomise)
        game.G, real = _prepare(gan.G, real, rng, randomise, h, probe, tries=1)
        if game.G is not None:
            break
    else:
        raise RuntimeError(_NO_INPUT)
    frozen = [_Frozen(game.G, True), _Frozen(game.D, True)]

    def run(step: Callable[[], dict[str, float]], key: str) -> float:
        """A value of the game, with everything that it moves put back."""
        game._layer_rng = np.random.default_rng(7)
        value = step()[key]
        for net in frozen:
            for live, kept in net.buffers:
                live[...] = kept
        return value

    def loss_rows(player: str, net: Layer, value: Callable[[], float]) -> list[Row]:
        value()
        gradients = [g.copy() for _, g in net.gradients()]
        return [_gradient_row("backward", f"{player}'s loss: {player}.{path}", w, g, value, rng, h)
                for (path, w), g in zip(net.parameters(), gradients, strict=True)]

    rows = loss_rows("D", game.D, lambda: run(lambda: game.d_gradients(real, Z), "d_loss"))
    rows += loss_rows("G", game.G, lambda: run(lambda: game.g_gradients(Z), "g_loss"))
    for player, net, at in (("G", frozen[0], Z), ("D", frozen[1], real)):
        for row in _layer_rows(net, at, rng, h):
            row.array = f"{player}.{row.array}"
            rows.append(row)
    return rows


def _gradient_row(step, name, array, gradient, value: Callable[[], float], rng, h) -> Row:
    """Central differences of value() in each entry of `array`, or in random directions if it is large."""
    if array.size <= FULL:
        directions = np.eye(array.size).reshape(array.size, *array.shape)
        by_hand, shape = gradient, array.shape
    else:
        directions = rng.standard_normal((DIRECTIONS, *array.shape))
        directions /= np.sqrt((directions**2).sum(axis=tuple(range(1, directions.ndim)), keepdims=True))
        by_hand, shape = np.tensordot(directions, gradient, axes=array.ndim), (DIRECTIONS,)
    numbers = np.empty(len(directions))
    for i, v in enumerate(directions):
        values = []
        for side in (+1, -1):
            with _Shifted([array], [v], side * h):
                values.append(value())
        numbers[i] = (values[0] - values[1]) / (2 * h)
    return Row(step, name, array.shape, by_hand, numbers.reshape(shape))


class _Shifted:
    """While it is open, each array is moved by `step` times its direction; then it gets its own bits back."""

    def __init__(self, arrays, directions, step):
        self.arrays, self.directions, self.step = arrays, directions, step

    def __enter__(self):
        self.kept = [a.copy() for a in self.arrays]
        for a, v in zip(self.arrays, self.directions, strict=True):
            a += self.step * v

    def __exit__(self, *exc):
        for a, kept in zip(self.arrays, self.kept, strict=True):
            a[...] = kept


_NO_INPUT = ("check: found no input whose pre-activations are all away from the kinks; use fewer samples or a smaller "
             "net (a net with thousands of ReLUs always has one near its corner)")


def _prepare(net: Layer, x: np.ndarray, rng, randomise: bool, h: float, probe, tries: int = 200):
    """A float64 copy of net and an x for which no kink is near; (None, x) if only one try was asked for and failed."""
    spread, start = x.std(), x
    for _ in range(tries):
        twin = _double(net, rng, randomise)
        if probe(twin, x) > REACH * h:
            return twin, x
        x = start + 0.2 * spread * rng.standard_normal(x.shape)
    if tries == 1:
        return None, x
    raise RuntimeError(_NO_INPUT)


def _probe(net: Layer, x: np.ndarray, train: bool) -> float:
    kept = [(a, a.copy()) for _, a in net.buffers()]
    _, cache = net.forward(x, train=train, rng=np.random.default_rng(7))
    for live, old in kept:
        live[...] = old
    return net.kink_distance(cache)


def _double(net: Layer, rng: np.random.Generator, randomise: bool) -> Layer:
    """A float64 copy with random parameters that keep signals near 1, and running statistics in [0.5, 1.5]."""
    twin = net.astype(np.float64)
    if randomise:
        for _, w in twin.parameters():
            if w.ndim > 1:
                w[...] = rng.standard_normal(w.shape) / np.sqrt(max(1, w.size // w.shape[-1]))
            else:
                w[...] = rng.uniform(0.5, 1.5, w.shape) * rng.choice([-1, 1], w.shape)
        for _, a in twin.buffers():
            a[...] = rng.uniform(0.5, 1.5, a.shape)
    return twin


def _checked_input(x) -> np.ndarray:
    if x is None:
        raise ValueError("check needs a batch of inputs: check(net, x)")
    x = np.array(x, np.float64)
    if not np.isfinite(x).all():
        raise ValueError("check: the input is not finite; a difference would be NaN")
    if x.size < 2 or x.std() == 0:
        raise ValueError(f"check: the input does not vary (shape {x.shape}); a gradient could be wrong unnoticed")
    return x


def _dense(a: np.ndarray | None, shape) -> np.ndarray:
    return np.zeros(shape) if a is None else np.asarray(a)


def _show(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
