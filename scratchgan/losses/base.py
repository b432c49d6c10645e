r"""What D and G minimise: value and derivative with respect to the logits.

C(x), the logit, is the output of the discriminator before any sigmoid; D(x) = sigmoid(C(x)) is the probability,
according to D, that x is real.  Losses take logits, never probabilities: log(sigmoid(l)) computed in two steps is -inf
for l = -800, while -softplus(-l) is -800.

**From binary cross-entropy to the game.**  A classifier that gives the probability D to "real", for a sample with label
t, has the loss

    (Loss.1)   BCE(t, D) = -( t log D + (1 - t) log(1 - D) )

(A) Real samples X have the label 1, so the first term of (1) remains:          -log D(X)
(B) Fakes G(Z), Z noise, have the label 0, so the second term remains:          -log(1 - D(G(Z)))

D minimises the sum of the means of (A) and (B); with the sign changed, it maximises

    (Loss.2)   V(D, G) = E_X[log D(X)] + E_Z[log(1 - D(G(Z)))]

(Goodfellow et al. 2014, equation 1), and G, which appears in (B) only, minimises V.  Note the signs: D *minimises*
-V, which is cross-entropy; "minimise log D" would reward a discriminator for being wrong.

For fixed G, the integrand p log D + q log(1 - D) (p the density of the data, q of the fakes) is largest at

    (Loss.3)   D*(x) = p(x) / (p(x) + q(x)),       and then V(D*, G) = 2 JSD(p, q) - log 4

(the paper's proposition 1 and theorem 1), so at p = q: D* = 1/2, V = -log 4, and D's loss is log 4 = 1.386...

**On logits.**  With l = C(x): log D = -softplus(-l), log(1 - D) = -softplus(l), and d softplus(l)/dl = sigmoid(l).

Every loss averages over all logits of its batch: its derivatives contain the factor 1/N, and layers only sum.

Most losses are sums of means, L_D = mean a(r) + mean b(f) and L_G = mean c(f) with r = C(X), f = C(G(Z)); such a loss
is three scalar functions, each with its first two derivatives (`Pointwise`).  The second is needed to differentiate
the game itself: `scratchgan.dynamics`.

**Facts.**  Each loss states what plots, logs and the doctor need to know about it:

    gives_probability    whether sigmoid(C(x)) is a probability.  If not, C(x) is a score and D is called a critic
    output(l)            D's output in plots and logs: D(x) = sigmoid(l) if that is a probability, otherwise C(x) = l
    symbol, output_name  short and long name of this output in a plot: "D(x)" or "C(x)", and a few words
    undecided            the logit at which D is undecided; None if logits are only compared with each other
    optimal_logit(log_p, log_q)    the best C at points where the densities are p and q; None without a closed form
    optimal_formula      the formula of `output` at that best C; "" without one
    rest                 L_D, L_G and `output` at the equilibrium p = q; None for each that p = q does not determine
    needs_constraint     whether L_D is unbounded below unless something limits how steep C is
    smooths_labels       whether the loss takes label_smoothing
    unit                 of the loss, for the axis of a plot

A loss that does not state a fact has the default of `Loss`, "unknown", and plots and the doctor leave out what depends
on it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..layers.activations import sigmoid

#: a function of the logits with its first and its second derivative, entry by entry
Terms = tuple[np.ndarray, np.ndarray, np.ndarray]


class Rest(NamedTuple):
    """Values at the equilibrium p = q: D's loss, G's loss, and D's output; None for what p = q does not determine."""

    d_loss: float | None = None
    g_loss: float | None = None
    output: float | None = None


class Loss:
    """What both players minimise.  `discriminator` and `generator` return the value and its derivatives.

    The two `..._tangent` methods differentiate those derivatives once more, along a direction of the logits.
    The other members are the facts listed in the docstring of this file.
    """

    name: str = ""
    #: `generator` also needs the logits of real samples
    relativistic: bool = False
    gives_probability: bool = False
    undecided: float | None = None
    needs_constraint: bool = False
    smooths_labels: bool = False
    unit: str = ""

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return (L_D, dL_D/d real_logits, dL_D/d fake_logits)."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator")

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """Return (L_G, dL_G/d fake_logits).  Only relativistic losses use real_logits."""
        raise NotImplementedError(f"{type(self).__name__} must define generator")

    def discriminator_tangent(
        self, real_logits: np.ndarray, fake_logits: np.ndarray, t_real: np.ndarray, t_fake: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the tangents of `discriminator`'s two derivatives, for logits that move along t_real and t_fake."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator_tangent")

    def generator_tangent(
        self,
        fake_logits: np.ndarray,
        t_fake: np.ndarray,
        real_logits: np.ndarray | None = None,
        t_real: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the tangent of `generator`'s derivative, for logits that move along t_fake (and t_real)."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_tangent")

    # -- facts --------------------------------------------------------------------------------------------------------

    def output(self, logits: np.ndarray) -> np.ndarray:
        """D(x) = sigmoid(C(x)) for logits C(x) of any shape if that is a probability, otherwise C(x) itself."""
        return sigmoid(logits) if self.gives_probability else logits

    @property
    def symbol(self) -> str:
        """Short name of the output."""
        return "D(x)" if self.gives_probability else "C(x)"

    @property
    def output_name(self) -> str:
        """Name of the output on the axis of a plot."""
        return "D(x), probability of real" if self.gives_probability else "critic C(x)"

    @property
    def undecided_output(self) -> float | None:
        """The output where D is undecided."""
        return None if self.undecided is None else float(self.output(np.array([self.undecided]))[0])

    @property
    def rest(self) -> Rest:
        """The values at the equilibrium p = q."""
        return Rest()

    def optimal_logit(self, log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray | None:
        """The C that minimises L_D at points with the log densities log_p and log_q, of their shape.

        -inf is the logarithm of the density 0; where both are 0 there is no best C, and the entry is nan.
        """
        return None

    @property
    def optimal_formula(self) -> str:
        """The formula of the output at the optimum."""
        return ""


class Pointwise(Loss):
    """L_D = mean a(r) + mean b(f) and L_G = mean c(f).

    A subclass defines `real_term` (a), `fake_term` (b) and `generator_term` (c): each takes logits and returns the
    function, its first and its second derivative, entry by entry.
    """

    def real_term(self, r: np.ndarray) -> Terms:
        """(a, a', a'') at r."""
        raise NotImplementedError(f"{type(self).__name__} must define real_term")

    def fake_term(self, f: np.ndarray) -> Terms:
        """(b, b', b'') at f."""
        raise NotImplementedError(f"{type(self).__name__} must define fake_term")

    def generator_term(self, f: np.ndarray) -> Terms:
        """(c, c', c'') at f."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_term")

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """mean a(r) + mean b(f), a'(r)/N, b'(f)/N."""
        r, f = checked("real_logits", real_logits), checked("fake_logits", fake_logits)
        (a, da, _), (b, db, _) = self.real_term(r), self.fake_term(f)
        return float(mean(a) + mean(b)), over_size(da), over_size(db)

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """mean c(f), c'(f)/N."""
        c, dc, _ = self.generator_term(checked("fake_logits", fake_logits))
        return float(mean(c)), over_size(dc)

    def discriminator_tangent(
        self, real_logits: np.ndarray, fake_logits: np.ndarray, t_real: np.ndarray, t_fake: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """a''(r) tr / N, b''(f) tf / N."""
        return over_size(self.real_term(real_logits)[2] * t_real), over_size(self.fake_term(fake_logits)[2] * t_fake)

    def generator_tangent(
        self,
        fake_logits: np.ndarray,
        t_fake: np.ndarray,
        real_logits: np.ndarray | None = None,
        t_real: np.ndarray | None = None,
    ) -> np.ndarray:
        """c''(f) tf / N."""
        return over_size(self.generator_term(fake_logits)[2] * t_fake)


def checked(name: str, value: object) -> np.ndarray:
    """Return `value`, or raise ValueError if it is not an array of logits with at least one entry."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must be a float array of logits, got {got}")
    if value.size == 0:
        raise ValueError(f"{name} is empty, shape {value.shape}: a mean over no samples has no value")
    return value


def over_size(a: np.ndarray) -> np.ndarray:
    """a / N: the derivative of a mean."""
    return a / a.dtype.type(a.size)


def mean(values: np.ndarray) -> np.float64:
    """The mean, summed in float64, so that rounding errors do not grow with the batch."""
    return values.mean(dtype=np.float64)


def bell(x: np.ndarray) -> np.ndarray:
    """sigmoid'(x) = sigmoid(x) sigmoid(-x), which is also softplus''(x)."""
    return sigmoid(x) * sigmoid(-x)


def log_ratio(log_p: np.ndarray, log_q: np.ndarray) -> np.ndarray:
    """log p - log q: inf where q = 0, -inf where p = 0, nan where both are 0."""
    with np.errstate(invalid="ignore"):  # -inf - -inf
        return np.subtract(log_p, log_q)
