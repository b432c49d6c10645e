r"""What D and G minimise: value and derivative with respect to the logits.

D'(x), the logit, is the last number of the discriminator before any squashing; D(x) = sigmoid(D'(x)) is the probability
that D gives to "x is real".  Losses take logits, never probabilities: log(sigmoid(l)) computed in two steps is -inf for
l = -800, while -softplus(-l) is -800.

**From binary cross-entropy to the game.**  A classifier that says "real" with probability D and meets the label t costs

    (Loss.1)   BCE(t, D) = -( t log D + (1 - t) log(1 - D) )

(A) Real samples X carry the label 1, of (1) the first term is left:     -log D(X)
(B) Fakes G(Z), Z noise, carry the label 0, the second is left:          -log(1 - D(G(Z)))

Averaged over both kinds, D minimises the sum of (A) and (B); with the sign turned it maximises

    (Loss.2)   V(D, G) = E_X[log D(X)] + E_Z[log(1 - D(G(Z)))]

(Goodfellow et al. 2014, equation 1), and G, which appears in (B) only, minimises V.  Note the signs: D *minimises*
-V, which is cross-entropy; "minimise log D" would reward a discriminator for being wrong.

For fixed G, the integrand p log D + q log(1 - D) (p the density of the data, q of the fakes) is largest at

    (Loss.3)   D*(x) = p(x) / (p(x) + q(x)),       and then V(D*, G) = 2 JSD(p, q) - log 4

(the paper's proposition 1 and theorem 1), so at p = q: D* = 1/2, V = -log 4, and D's loss is log 4 = 1.386...

**On logits.**  With l = D'(x): log D = -softplus(-l), log(1 - D) = -softplus(l), and d softplus(l)/dl = sigmoid(l).

Every loss averages over all logits of its batch, so that derivatives carry the 1/N and layers only sum.
"""

from __future__ import annotations

import numpy as np

from .checks import one_of, real
from .layers.activations import sigmoid, softplus


class Loss:
    """What both players minimise.  `discriminator` and `generator` return the value and its derivatives."""

    name = ""

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray):
        """Return (L_D, dL_D/d real_logits, dL_D/d fake_logits)."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator")

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None):
        """Return (L_G, dL_G/d fake_logits).  Only relativistic losses look at real_logits."""
        raise NotImplementedError(f"{type(self).__name__} must define generator")


class Minimax(Loss):
    r"""The game of Goodfellow et al. 2014, equation 1, as it stands: G *minimises* log(1 - D(G(z))).  "Saturating".

    Symbols   r = D'(X) real logits, f = D'(G(Z)) fake logits, each (N, 1) or any shape; t the label of real samples

    D   (Minimax.1)   L_D = mean[softplus(r) - t r] + mean[softplus(f)]     = BCE (Loss.1) with labels t and 0
        (Minimax.2)   dL_D/dr = (sigmoid(r) - t) / N,    dL_D/df = sigmoid(f) / N
    G   (Minimax.3)   L_G = mean[log(1 - D(G(Z)))] = -mean[softplus(f)]
        (Minimax.4)   dL_G/df = -sigmoid(f) / N

    t = 1 gives mean[softplus(-r)] + mean[softplus(f)] = -V.  One-sided label smoothing (Salimans et al. 2016, section
    3.4) takes t = 1 - label_smoothing: then D gains nothing by logits beyond log(t / (1 - t)).
    Optimal D         D* = t p / (p + q)
    At equilibrium    (p = q, t = 1) D = 1/2, L_D = log 4, L_G = -log 2
    Trouble           where D is sure of a fake, D = sigmoid(f) -> 0, and with it the gradient (4): G learns nothing
                      exactly when it is worst.

    Arguments: label_smoothing in [0, 1), 0 is off.   Errors: ValueError for empty or non-array logits.
    """

    name = "minimax"

    def __init__(self, label_smoothing: float = 0.0):
        self.label_smoothing = real(type(self).__name__, "label_smoothing", label_smoothing, 0, 1, open_high=True)

    def discriminator(self, real_logits, fake_logits):
        """(Minimax.1, 2)."""
        r, f = _logits("real_logits", real_logits), _logits("fake_logits", fake_logits)
        t = r.dtype.type(1 - self.label_smoothing)
        # softplus(r) - t r written as t softplus(-r) + (1 - t) softplus(r): no difference of large numbers
        on_real = t * softplus(-r) + (1 - t) * softplus(r)
        value = _mean(on_real) + _mean(softplus(f))
        return value, ((1 - t) - sigmoid(-r)) / r.dtype.type(r.size), sigmoid(f) / f.dtype.type(f.size)

    def generator(self, fake_logits, real_logits=None):
        """(Minimax.3, 4)."""
        f = _logits("fake_logits", fake_logits)
        return -_mean(softplus(f)), -sigmoid(f) / f.dtype.type(f.size)


class NonSaturating(Minimax):
    r"""D as in Minimax; G *maximises* log D(G(z)): its fakes get the label 1.  (Goodfellow et al. 2014, section 3.)

    G   (NonSaturating.1)   L_G = -mean[log D(G(Z))] = mean[softplus(-f)]     = BCE (Loss.1) with label 1
        (NonSaturating.2)   dL_G/df = -sigmoid(-f) / N = -(1 - D) / N

    Against (Minimax.4) the gradient is (1 - D)/D times as large: the same direction in each f, the same fixed point,
    but strong where D is sure of a fake and weak where G already deceives it.
    At equilibrium    D = 1/2, L_D = log 4, L_G = log 2
    """

    name = "non-saturating"

    def generator(self, fake_logits, real_logits=None):
        """(NonSaturating.1, 2)."""
        f = _logits("fake_logits", fake_logits)
        return _mean(softplus(-f)), -sigmoid(-f) / f.dtype.type(f.size)


LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in (Minimax, NonSaturating)}


def get(which: str | Loss, **options) -> Loss:
    """The loss of that name ("minimax", "non-saturating") with its options, or `which` itself if it is a Loss.

    Raises ValueError for an unknown name.
    """
    if isinstance(which, Loss):
        return which
    one_of("losses", "loss", which, LOSSES)
    return LOSSES[which](**options)


def _logits(name: str, value: np.ndarray) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must be a float array of logits, got {got}")
    if value.size == 0:
        raise ValueError(f"{name} is empty, shape {value.shape}: a mean over no samples has no value")
    return value


def _mean(values: np.ndarray) -> float:
    """The mean, summed in float64: a value that is printed should not carry the batch's rounding."""
    return float(values.mean(dtype=np.float64))
