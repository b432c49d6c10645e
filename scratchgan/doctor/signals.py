r"""What training records for the doctor: a few numbers per line of the log, computed from arrays that the step kept.

Nothing here draws from a random generator of the training or changes a running statistic: a run has the same bits
whether it logs every step or never.  D is run again only if examples are held out, and then in evaluation mode.

N real samples x, N fakes g, their logits r = C(x) and f = C(g): all are from D's turn in the step that is logged,
before D's update, and are D's actual inputs (with instance noise, if any).  L_D, L_G are the losses, w all weights of a
net.

    d_grad, g_grad          |grad L_D|, |grad L_G|: Euclidean norms over all weights of D, of G
    d_grads, g_grads        the same for each layer: {"0": norm, "2": norm, ...}, names as in `net.parameters()`
    d_update, g_update      |w after - w before| / |w before|: how far this step moved the weights, relative to their
                            norm
    real_logit, fake_logit  mean of r, mean of f;   real_logit_std, fake_logit_std   their standard deviations
    real_right, fake_right  share of x with r above, and of g with f below, the logit at which D is undecided; only for
                            losses that define one: see scratchgan.losses.base
    separation   (Signals.1)  P(r > f) + P(r = f) / 2 over all pairs: the area under D's ROC curve.  1: D ranks every
                              pair correctly, 1/2: D guesses, below 1/2: D ranks fakes above real samples.  Needs no
                              threshold, so it means the same for a probability and for a critic
    slope        (Signals.2)  sum_n |dL_G/df_n|: the total gradient of the loss with respect to the fakes' logits.
                              Minimax: mean D(g), which vanishes when D is sure; non-saturating: mean 1 - D(g).  Left
                              out if G minimises something else (feature matching)

and, from the first n = 64 samples of each kind, flattened, with Euclidean distances,

    diversity    (Signals.3)  mean |g_i - g_j| / mean |x_i - x_j| over i != j.  0: all fakes are equal; 1: as diverse
                              as real samples
    uncovered    (Signals.4)  (m(x -> g) - m(x -> x)) / (mean |x_i - x_j| - m(x -> x)), m(a -> b) the mean distance of
                              an a to its nearest b (not itself).  0: every x has a fake as near as its nearest real
                              sample; about 1: all fakes are in one place of the data
    stray        (Signals.5)  the same with m(g -> x) for m(x -> g): how far the fakes are from the data
    neighbour    (Signals.6)  share of the 2n samples whose nearest neighbour is of their own kind: the leave-one-out
                              accuracy of the 1-nearest-neighbour classifier, which does not depend on D.  1/2: the same
                              distribution; 1: separate.  (Lopez-Paz & Oquab 2017, classifier two-sample tests.)

    g_dead, d_dead          share of dead hidden units, through which no gradient passes for the whole batch: the
                            gradient of their b (or beta) is exactly 0.  A ReLU that is never active is dead.  Left out
                            if the last layer's gradient is 0 as well
    g_dead_worst, d_dead_worst   the same share in the worst layer

Only with data that are a fixed set of examples:

    copied       (Signals.7)  median |g - its nearest x| / median |x - its nearest other x|, over the training set (of
                              at most 500 examples).  1: as far as a new example would be; 0: fakes are copies
    memorised    (Signals.8)  (mean r - mean h) / (mean r - mean f), h the logits of held-out examples, all in
                              evaluation mode.  0: held-out examples get the same logits as training examples; 1: the
                              same as fakes (Karras et al. 2020, "Training GANs with limited data", r_v)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Layer
from ..game import Game
from ..gan import GAN
from ..kernels import on_one_blas_thread
from ..losses import Loss
from ..rules import FeatureMatching

SAMPLES = 64  # of each kind, for distances: a table of 128 x 128
MOST_COPIED = 500  # examples: larger sets are not memorised soon, and each comparison would take longer
FAKES_COMPARED = 32  # number of fakes that are compared with the training set


class Probe:
    """Measures the signals of one game: `before` and `after` are called around a training step.

    gan      the game; signals need its nets D and G, if it has them, and its last batch, if it keeps one
    data     the examples that it is trained on, (n, ...), or None for a density
    held     held-out examples (m, ...), or None
    """

    def __init__(self, gan: Game, *, data: np.ndarray | None = None, held: np.ndarray | None = None):
        self.gan = gan
        nets = dict(gan.nets())
        self.nets = [(name.lower(), nets[name]) for name in ("D", "G") if name in nets]
        self.copies = Copies(data) if data is not None and 2 < len(data) <= MOST_COPIED else None
        self.held = held[:SAMPLES] if held is not None and len(held) else None
        self.by_loss = not (isinstance(gan, GAN) and any(isinstance(rule, FeatureMatching) for rule in gan.rules))
        self.weights: dict[str, list[np.ndarray]] = {}

    def before(self) -> None:
        """Copy the weights, to measure how far the next step moves them."""
        self.weights = {name: [w.copy() for _, w in net.parameters()] for name, net in self.nets}

    @on_one_blas_thread
    def after(self) -> dict[str, Any]:
        """The signals of the last step; None for those that are not finite."""
        found: dict[str, Any] = {}
        for name, net in self.nets:
            found |= gradient_signals(name, net)
            if name in self.weights:
                found[f"{name}_update"] = _moved(self.weights[name], net)
        self.weights = {}
        if self.gan.last_batch is not None:
            real, fake, r, f = self.gan.last_batch
            found |= logit_signals(r, f, self.gan.loss)
            if not self.by_loss:
                del found["slope"]
            found |= distance_signals(real, fake)
            if self.copies is not None:
                found["copied"] = self.copies.measure(fake)
            if self.held is not None:
                found["memorised"] = self.memorised(self.held, real, fake)
        return {key: plain(value) for key, value in found.items()}

    def memorised(self, held: np.ndarray, real: np.ndarray, fake: np.ndarray) -> float:
        """(Signals.8)."""
        n = min(len(held), len(real))
        n -= n % self.gan.packing
        if not n:
            return math.nan
        r, h, f = (float(self.gan.D.forward(x[:n], train=False)[0].mean()) for x in (real, held, fake))
        return (r - h) / (r - f) if r > f else 0.0  # a D that does not even recognise fakes has memorised nothing


def gradient_signals(name: str, net: Layer) -> dict[str, Any]:
    """Norms of the gradients that `net` has now, and the shares of dead units."""
    squares: dict[str, float] = {}
    silent: dict[str, tuple[int, int]] = {}  # layer -> (silent units, units)
    for path, gradient in net.gradients():
        layer, _, what = path.rpartition(".")
        flat = gradient.ravel()
        squares[layer] = squares.get(layer, 0.0) + float(np.dot(flat, flat))
        if what in ("b", "beta") and gradient.ndim == 1:
            silent[layer] = len(flat) - int(np.count_nonzero(flat)), len(flat)
    last = next(reversed(squares), "")
    found: dict[str, Any] = {
        f"{name}_grad": math.sqrt(sum(squares.values())),
        f"{name}_grads": {layer: math.sqrt(square) for layer, square in squares.items()},
    }
    if last is None:  # a net without weights
        return found
    silent.pop(last, None)  # no activation follows the last layer
    if silent and squares[last] > 0:
        found[f"{name}_dead"] = sum(dead for dead, _ in silent.values()) / sum(units for _, units in silent.values())
        found[f"{name}_dead_worst"] = max(dead / units for dead, units in silent.values())
    return found


def logit_signals(r: np.ndarray, f: np.ndarray, loss: Loss) -> dict[str, Any]:
    """Means, standard deviations, accuracies, (Signals.1) and (Signals.2), for logits r of real samples, f of fakes."""
    found: dict[str, Any] = {"separation": separation(r, f), "slope": np.abs(loss.generator(f, r)[1]).sum()}
    for name, logits in (("real", r), ("fake", f)):
        mean = float(logits.mean())
        away = (logits - mean).ravel()
        found |= {f"{name}_logit": mean, f"{name}_logit_std": math.sqrt(float(np.dot(away, away)) / len(away))}
    if loss.undecided is not None:
        found |= {
            "real_right": np.count_nonzero(r > loss.undecided) / r.size,
            "fake_right": np.count_nonzero(f < loss.undecided) / f.size,
        }
    return found


def separation(r: np.ndarray, f: np.ndarray) -> float:
    """(Signals.1), in [0, 1]; nan if a logit is not finite."""
    r, f = np.sort(r, axis=None), np.sort(f, axis=None)
    if not math.isfinite(r[0] + r[-1] + f[0] + f[-1]):  # nan is sorted to the end
        return math.nan
    below = int(np.searchsorted(f, r, side="left").sum()) + int(np.searchsorted(f, r, side="right").sum())
    return below / (2 * len(f) * len(r))


def distance_signals(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    """(Signals.3-6) from the first SAMPLES real samples and fakes, (N, ...) each; {} if N < 3 or any is not finite."""
    n = min(len(real), len(fake), SAMPLES)
    if n < 3:
        return {}
    table = squared_distances(np.concatenate([real[:n].reshape(n, -1), fake[:n].reshape(n, -1)]))
    (x_x, x_g), (g_x, g_g) = (np.split(rows, 2, axis=1) for rows in np.split(table, 2))
    mean_xx, mean_gg = (np.sqrt(block).sum() / (n * (n - 1)) for block in (x_x, g_g))
    if not math.isfinite(mean_xx + mean_gg):
        return {}
    np.fill_diagonal(table, np.inf)  # a sample is not its own neighbour
    xx, xg, gx, gg = np.sqrt(np.stack([block.min(axis=1) for block in (x_x, x_g, g_x, g_g)]))
    scale = mean_xx - xx.mean()
    if not scale > 0:
        return {}  # all real samples are equal, or all have the same distance from each other
    return {
        "diversity": mean_gg / mean_xx,
        "uncovered": (xg.mean() - xx.mean()) / scale,
        "stray": (gx.mean() - xx.mean()) / scale,
        "neighbour": (np.count_nonzero(xx < xg) + np.count_nonzero(gg < gx)) / (2 * n),
    }


def squared_distances(a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """Table (N, M) of |a_i - b_j|^2 in float64, for a (N, F) and b (M, F); b = a by default."""
    centre = a.mean(axis=0, dtype=np.float64)  # subtracting it reduces the cancellation in |a|^2 - 2ab + |b|^2
    a = a - centre
    b = a if b is None else b - centre
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    if a is b:
        np.fill_diagonal(square, 0)
    return np.maximum(square, 0, out=square)


class Copies:
    """(Signals.7) for one training set, whose own nearest neighbours are computed only once."""

    def __init__(self, data: np.ndarray):
        self.data = data.reshape(len(data), -1)
        table = squared_distances(self.data)
        np.fill_diagonal(table, np.inf)
        self.own = float(np.median(np.sqrt(table.min(axis=1))))

    def measure(self, fake: np.ndarray) -> float:
        """(Signals.7) of fakes (N, ...); nan if at least half of the training set are duplicates."""
        nearest = squared_distances(fake[:FAKES_COMPARED].reshape(-1, self.data.shape[1]), self.data).min(axis=1)
        return float(np.median(np.sqrt(nearest))) / self.own if self.own > 0 else math.nan


def plain(value: Any) -> Any:
    """A number rounded to 6 significant digits, or None for nan and inf, for JSON; dicts entry by entry."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    value = float(value)
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _moved(before: list[np.ndarray], net: Layer) -> float:
    moved = size = 0.0
    for old, (_, new) in zip(before, net.parameters(), strict=True):
        step = (new - old).ravel()
        moved, size = moved + float(np.dot(step, step)), size + float(np.dot(old.ravel(), old.ravel()))
    return math.sqrt(moved / size) if size else math.nan
