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

Most losses are sums of means, L_D = mean a(r) + mean b(f) and L_G = mean c(f) with r = D'(X), f = D'(G(Z)); such a loss
is three scalar functions, each with its first two derivatives (`Pointwise`).  The second is for those who differentiate
the game itself: `scratchgan.dynamics`.
"""

from __future__ import annotations

import numpy as np

from ..checks import one_of, real
from ..layers.activations import sigmoid, softplus


class Loss:
    """What both players minimise.  `discriminator` and `generator` return the value and its derivatives.

    The two `..._tangent` methods differentiate those derivatives once more: how they move when the logits move.
    """

    name = ""
    #: `generator` also needs the logits of real samples
    relativistic = False

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray):
        """Return (L_D, dL_D/d real_logits, dL_D/d fake_logits)."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator")

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None):
        """Return (L_G, dL_G/d fake_logits).  Only relativistic losses look at real_logits."""
        raise NotImplementedError(f"{type(self).__name__} must define generator")

    def discriminator_tangent(self, real_logits, fake_logits, t_real, t_fake):
        """Return the tangents of `discriminator`'s two derivatives, for logits that move along t_real and t_fake."""
        raise NotImplementedError(f"{type(self).__name__} must define discriminator_tangent")

    def generator_tangent(self, fake_logits, t_fake, real_logits=None, t_real=None):
        """Return the tangent of `generator`'s derivative, for logits that move along t_fake (and t_real)."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_tangent")


class Pointwise(Loss):
    """L_D = mean a(r) + mean b(f) and L_G = mean c(f).

    A subclass gives `real_term` (a), `fake_term` (b) and `generator_term` (c): each takes logits and returns the
    function, its first and its second derivative, entry by entry.
    """

    def real_term(self, r: np.ndarray):
        """(a, a', a'') at r."""
        raise NotImplementedError(f"{type(self).__name__} must define real_term")

    def fake_term(self, f: np.ndarray):
        """(b, b', b'') at f."""
        raise NotImplementedError(f"{type(self).__name__} must define fake_term")

    def generator_term(self, f: np.ndarray):
        """(c, c', c'') at f."""
        raise NotImplementedError(f"{type(self).__name__} must define generator_term")

    def discriminator(self, real_logits, fake_logits):
        """mean a(r) + mean b(f), a'(r)/N, b'(f)/N."""
        r, f = _logits("real_logits", real_logits), _logits("fake_logits", fake_logits)
        (a, da, _), (b, db, _) = self.real_term(r), self.fake_term(f)
        return _mean(a) + _mean(b), _over_size(da), _over_size(db)

    def generator(self, fake_logits, real_logits=None):
        """mean c(f), c'(f)/N."""
        c, dc, _ = self.generator_term(_logits("fake_logits", fake_logits))
        return _mean(c), _over_size(dc)

    def discriminator_tangent(self, real_logits, fake_logits, t_real, t_fake):
        """a''(r) tr / N, b''(f) tf / N."""
        return _over_size(self.real_term(real_logits)[2] * t_real), _over_size(self.fake_term(fake_logits)[2] * t_fake)

    def generator_tangent(self, fake_logits, t_fake, real_logits=None, t_real=None):
        """c''(f) tf / N."""
        return _over_size(self.generator_term(fake_logits)[2] * t_fake)


class Minimax(Pointwise):
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

    def real_term(self, r):
        """softplus(r) - t r, written t softplus(-r) + (1 - t) softplus(r): no difference of large numbers."""
        t = r.dtype.type(1 - self.label_smoothing)
        return t * softplus(-r) + (1 - t) * softplus(r), (1 - t) - sigmoid(-r), _bell(r)

    def fake_term(self, f):
        """softplus(f)."""
        return softplus(f), sigmoid(f), _bell(f)

    def generator_term(self, f):
        """-softplus(f)."""
        return -softplus(f), -sigmoid(f), -_bell(f)


class NonSaturating(Minimax):
    r"""D as in Minimax; G *maximises* log D(G(z)): its fakes get the label 1.  (Goodfellow et al. 2014, section 3.)

    G   (NonSaturating.1)   L_G = -mean[log D(G(Z))] = mean[softplus(-f)]     = BCE (Loss.1) with label 1
        (NonSaturating.2)   dL_G/df = -sigmoid(-f) / N = -(1 - D) / N

    Against (Minimax.4) the gradient is (1 - D)/D times as large: the same direction in each f, the same fixed point,
    but strong where D is sure of a fake and weak where G already deceives it.
    Optimal D         as in Minimax
    At equilibrium    D = 1/2, L_D = log 4, L_G = log 2
    """

    name = "non-saturating"

    def generator_term(self, f):
        """softplus(-f)."""
        return softplus(-f), -sigmoid(-f), _bell(f)


class LeastSquares(Pointwise):
    r"""Regression to labels instead of classification (Mao et al. 2017, equation 9: labels 0 and 1, target 1).

    D   (LeastSquares.1)   L_D = 1/2 mean[(r - 1)^2] + 1/2 mean[f^2]
        (LeastSquares.2)   dL_D/dr = (r - 1) / N,    dL_D/df = f / N
    G   (LeastSquares.3)   L_G = 1/2 mean[(f - 1)^2]
        (LeastSquares.4)   dL_G/df = (f - 1) / N

    The output itself is compared with the labels: no sigmoid anywhere, and a gradient that grows with the distance.
    Optimal D         D'* = p / (p + q)      (the minimum of p (d - 1)^2 + q d^2)
    At equilibrium    D' = 1/2, L_D = 1/4, L_G = 1/8
    """

    name = "least-squares"

    def real_term(self, r):
        """(r - 1)^2 / 2."""
        return (r - 1) ** 2 / 2, r - 1, np.ones_like(r)

    def fake_term(self, f):
        """f^2 / 2."""
        return f**2 / 2, f, np.ones_like(f)

    def generator_term(self, f):
        """(f - 1)^2 / 2."""
        return self.real_term(f)


class Hinge(Pointwise):
    r"""Margins: D stops where a real logit exceeds 1 and a fake one -1 (Lim & Ye 2017; Miyato et al. 2018).

    D   (Hinge.1)   L_D = mean[max(0, 1 - r)] + mean[max(0, 1 + f)]
        (Hinge.2)   dL_D/dr = -1/N where r < 1, else 0;    dL_D/df = 1/N where f > -1, else 0
    G   (Hinge.3)   L_G = -mean[f]
        (Hinge.4)   dL_G/df = -1/N

    At the kinks r = 1 and f = -1 the derivative is taken as 0.
    Optimal D         D'* = sign(p - q): 1 where real samples are denser, -1 where fakes are
    At equilibrium    (p = q) any D' in [-1, 1] is optimal, L_D = 2 and L_G = -mean D'
    """

    name = "hinge"

    def real_term(self, r):
        """max(0, 1 - r)."""
        return np.maximum(1 - r, 0), -(r < 1).astype(r.dtype), np.zeros_like(r)

    def fake_term(self, f):
        """max(0, 1 + f)."""
        return np.maximum(1 + f, 0), (f > -1).astype(f.dtype), np.zeros_like(f)

    def generator_term(self, f):
        """-f."""
        return -f, -np.ones_like(f), np.zeros_like(f)


class Wasserstein(Pointwise):
    r"""A critic's estimate of the earth mover's distance (Arjovsky et al. 2017, equations 2 and 3).

    D   (Wasserstein.1)   L_D = mean[f] - mean[r]
        (Wasserstein.2)   dL_D/dr = -1/N,    dL_D/df = 1/N
    G   (Wasserstein.3)   L_G = -mean[f]
        (Wasserstein.4)   dL_G/df = -1/N

    W1(p, q) = max over 1-Lipschitz D' of E_p[D'] - E_q[D'], so -L_D of a good critic estimates the distance.  It only
    means something if something keeps D' Lipschitz: weight clipping, a gradient penalty, spectral normalisation.
    Optimal D         a Kantorovich potential: |grad D'*| = 1 almost everywhere on the lines along which mass is
                      moved; without a constraint there is none, L_D falls without bound
    At equilibrium    (p = q) L_D = 0 for every D', and D' = const is a fixed point with L_G = -const
    Why is the loss negative?  Because D minimises: L_D = -W1 when all is well.
    """

    name = "wasserstein"

    def real_term(self, r):
        """-r."""
        return -r, -np.ones_like(r), np.zeros_like(r)

    def fake_term(self, f):
        """f."""
        return f, np.ones_like(f), np.zeros_like(f)

    def generator_term(self, f):
        """-f."""
        return -f, -np.ones_like(f), np.zeros_like(f)


class RelativisticAverage(Loss):
    r"""Is this sample more real than the other kind on average?  (Jolicoeur-Martineau 2019.)

    With rt = r - mean(f) and ft = f - mean(r); N real and M fake logits:

    D   (RelativisticAverage.1)   L_D = mean[softplus(-rt)] + mean[softplus(ft)]
        (RelativisticAverage.2)   dL_D/dr = -(sigmoid(-rt) + mean[sigmoid(ft)]) / N
        (RelativisticAverage.3)   dL_D/df =  (sigmoid(ft) + mean[sigmoid(-rt)]) / M
    G   (RelativisticAverage.4)   L_G = mean[softplus(-ft)] + mean[softplus(rt)]
        (RelativisticAverage.5)   dL_G/df = -(sigmoid(-ft) + mean[sigmoid(rt)]) / M

    The second term of each derivative comes through the mean: every fake logit stands in every rt.
    Optimal D         no closed form; at the optimum, with S_p = E_p[sigmoid(-rt)] and S_q = E_q[sigmoid(ft)],
                      p (sigmoid(-rt) + S_q) = q (sigmoid(ft) + S_p) at every point
    At equilibrium    (p = q) D' = const solves that: rt = ft = 0, L_D = L_G = 2 log 2
    """

    name = "relativistic-average"
    relativistic = True

    def discriminator(self, real_logits, fake_logits):
        """(RelativisticAverage.1, 2, 3)."""
        rt, ft = self._relative(real_logits, fake_logits)
        value = _mean(softplus(-rt)) + _mean(softplus(ft))
        return (value, _over_size(-sigmoid(-rt) - sigmoid(ft).mean()), _over_size(sigmoid(ft) + sigmoid(-rt).mean()))

    def generator(self, fake_logits, real_logits=None):
        """(RelativisticAverage.4, 5)."""
        rt, ft = self._relative(real_logits, fake_logits)
        return _mean(softplus(-ft)) + _mean(softplus(rt)), _over_size(-sigmoid(-ft) - sigmoid(rt).mean())

    def discriminator_tangent(self, real_logits, fake_logits, t_real, t_fake):
        """The product rule on (2) and (3), with trt = tr - mean(tf) and tft = tf - mean(tr)."""
        rt, ft = self._relative(real_logits, fake_logits)
        on_real, on_fake = _bell(rt) * (t_real - t_fake.mean()), _bell(ft) * (t_fake - t_real.mean())
        return _over_size(on_real - on_fake.mean()), _over_size(on_fake - on_real.mean())

    def generator_tangent(self, fake_logits, t_fake, real_logits=None, t_real=None):
        """The product rule on (5)."""
        rt, ft = self._relative(real_logits, fake_logits)
        t_real = np.zeros_like(rt) if t_real is None else t_real
        on_real, on_fake = _bell(rt) * (t_real - t_fake.mean()), _bell(ft) * (t_fake - t_real.mean())
        return _over_size(on_fake - on_real.mean())

    def _relative(self, real_logits, fake_logits):
        r, f = _logits("real_logits", real_logits), _logits("fake_logits", fake_logits)
        return r - f.mean(), f - r.mean()


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss for loss in (Minimax, NonSaturating, LeastSquares, Hinge, Wasserstein, RelativisticAverage)
}


def get(which: str | Loss, **options) -> Loss:
    """The loss of that name (a key of LOSSES) with its options, or `which` itself if it is a Loss.

    Raises ValueError for an unknown name, or for label smoothing with a loss that has no such thing.
    """
    if isinstance(which, Loss):
        return which
    one_of("losses", "loss", which, LOSSES)
    if not issubclass(LOSSES[which], Minimax):
        if options.pop("label_smoothing", 0):
            raise ValueError(
                f"losses: {which!r} has no labels to smooth; label_smoothing is for minimax and non-saturating"
            )
    return LOSSES[which](**options)


def _logits(name: str, value: np.ndarray) -> np.ndarray:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ValueError(f"{name} must be a float array of logits, got {got}")
    if value.size == 0:
        raise ValueError(f"{name} is empty, shape {value.shape}: a mean over no samples has no value")
    return value


def _over_size(a: np.ndarray) -> np.ndarray:
    """a / N: the derivative of a mean."""
    return a / a.dtype.type(a.size)


def _bell(x: np.ndarray) -> np.ndarray:
    """sigmoid'(x) = sigmoid(x) sigmoid(-x), which is also softplus''(x)."""
    return sigmoid(x) * sigmoid(-x)


def _mean(values: np.ndarray) -> float:
    """The mean, summed in float64: a value that is printed should not carry the batch's rounding."""
    return float(values.mean(dtype=np.float64))
