r"""Activations: phi, phi' and phi'' of each.  The four passes are those of families.Elementwise.

(Act.1)   y = phi(x)          (Act.2)   dx = phi'(x) dy          (Act.3)   tdx = phi''(x) tx dy + phi'(x) tdy
"""

from __future__ import annotations

import numpy as np

from ..checks import real
from ..families import Elementwise
from ..kernels import leaky_relu


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), without overflow: only e^-|x| is computed."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x: np.ndarray) -> np.ndarray:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


class ReLU(Elementwise):
    r"""phi(x) = max(x, 0).  (Nair & Hinton 2010.)

    (ReLU.1)   phi' = 1 for x > 0, else 0;   phi'' = 0.   At the kink x = 0: phi' = 0.
    """

    kinks = (0.0,)
    piecewise_linear = True
    slope = 0.0

    def phi(self, x):
        """max(x, 0)."""
        return leaky_relu(x, slope=0.0)

    def dphi(self, x, y):
        """(ReLU.1)."""
        return (x > 0).astype(x.dtype)

    def d2phi(self, x, y):
        """(ReLU.1)."""
        return np.zeros_like(x)


class LeakyReLU(Elementwise):
    r"""phi(x) = x for x > 0, slope x otherwise.  (Maas et al. 2013; 0.2 in D as in Radford et al. 2016.)

    (LeakyReLU.1)   phi' = 1 for x > 0, else slope;   phi'' = 0.   At the kink x = 0: phi' = slope.

    Arguments: slope in [0, 1].
    """

    kinks = (0.0,)
    piecewise_linear = True

    def __init__(self, slope: float = 0.2):
        super().__init__()
        self.slope = real("LeakyReLU", "slope", slope, 0, 1)

    def phi(self, x):
        """max(x, slope x), which is the same for a slope of at most 1."""
        return leaky_relu(x, slope=self.slope)

    def dphi(self, x, y):
        """(LeakyReLU.1)."""
        return np.where(x > 0, x.dtype.type(1), x.dtype.type(self.slope))

    def d2phi(self, x, y):
        """(LeakyReLU.1)."""
        return np.zeros_like(x)

    def describe(self):
        """Slope."""
        return f"{self.slope:g}"


class Tanh(Elementwise):
    r"""phi(x) = tanh x: the last layer of a generator whose images have pixels in [-1, 1].

    (Tanh.1)   phi' = 1 - y^2;   phi'' = -2 y (1 - y^2).
    """

    def phi(self, x):
        """tanh x."""
        return np.tanh(x)

    def dphi(self, x, y):
        """(Tanh.1)."""
        return 1 - y * y

    def d2phi(self, x, y):
        """(Tanh.1)."""
        return -2 * y * (1 - y * y)


class Sigmoid(Elementwise):
    r"""phi(x) = 1 / (1 + e^-x).  Not for the last layer of a discriminator: the losses take logits.

    (Sigmoid.1)   phi' = y (1 - y);   phi'' = y (1 - y) (1 - 2 y).
    """

    def phi(self, x):
        """1 / (1 + e^-x)."""
        return sigmoid(x)

    def dphi(self, x, y):
        """(Sigmoid.1)."""
        return y * (1 - y)

    def d2phi(self, x, y):
        """(Sigmoid.1)."""
        return y * (1 - y) * (1 - 2 * y)


class Softplus(Elementwise):
    r"""phi(x) = log(1 + e^x), the smooth ReLU.

    (Softplus.1)   phi' = sigmoid(x) = s;   phi'' = s (1 - s).
    """

    def phi(self, x):
        """log(1 + e^x)."""
        return softplus(x)

    def dphi(self, x, y):
        """(Softplus.1)."""
        return sigmoid(x)

    def d2phi(self, x, y):
        """(Softplus.1)."""
        s = sigmoid(x)
        return s * (1 - s)


class ELU(Elementwise):
    r"""phi(x) = x for x > 0, alpha (e^x - 1) otherwise.  (Clevert et al. 2016.)

    (ELU.1)   phi' = 1 for x > 0, else alpha e^x = y + alpha;   phi'' = 0 for x > 0, else alpha e^x.
              At x = 0: phi' = alpha and phi'' = alpha, the limits from the left.  phi'' jumps there, and phi' unless
              alpha = 1.

    Arguments: alpha in (0, 100].
    """

    kinks = (0.0,)

    def __init__(self, alpha: float = 1.0):
        super().__init__()
        self.alpha = real("ELU", "alpha", alpha, 0, 100, open_low=True)

    def phi(self, x):
        """(ELU.1)."""
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0))).astype(x.dtype)

    def dphi(self, x, y):
        """(ELU.1)."""
        return np.where(x > 0, x.dtype.type(1), y + x.dtype.type(self.alpha))

    def d2phi(self, x, y):
        """(ELU.1)."""
        return np.where(x > 0, x.dtype.type(0), y + x.dtype.type(self.alpha))

    def describe(self):
        """Alpha."""
        return f"{self.alpha:g}"


class SiLU(Elementwise):
    r"""phi(x) = x s, s = sigmoid(x): "swish" with beta = 1.  (Elfwing et al. 2018; Ramachandran et al. 2017.)

    (SiLU.1)   phi' = s + x s (1 - s) = s + y (1 - s)
    (SiLU.2)   phi'' = 2 s' + x s'' = s (1 - s) (2 + x (1 - 2 s)),   since s' = s (1 - s) and s'' = s' (1 - 2 s)
    """

    def phi(self, x):
        """x s."""
        return x * sigmoid(x)

    def dphi(self, x, y):
        """(SiLU.1)."""
        s = sigmoid(x)
        return s + y * (1 - s)

    def d2phi(self, x, y):
        """(SiLU.2)."""
        s = sigmoid(x)
        return s * (1 - s) * (2 + x * (1 - 2 * s))
