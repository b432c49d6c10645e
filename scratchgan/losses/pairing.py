"""The relativistic pairing loss: the logit of each real sample is compared with that of one fake."""

from __future__ import annotations

import math

import numpy as np

from ..layers.activations import sigmoid, softplus
from .base import Loss, Rest, bell, checked, mean, over_size


class RelativisticPairing(Loss):
    r"""Of this real sample and this fake, which is more real?  (Jolicoeur-Martineau 2019; Huang et al. 2024, R3GAN.)

    With N pairs of a real and a fake logit, r and f: the n-th of both batches, or, if one batch is larger, each of one
    with each of the other.  Both are means over independent draws of a real sample and a fake.

    D   (RelativisticPairing.1)   L_D = mean[softplus(-(r - f))]
        (RelativisticPairing.2)   dL_D/dr = -sigmoid(-(r - f)) / N = -dL_D/df     of one pair
    G   (RelativisticPairing.3)   L_G = mean[softplus(r - f)]
        (RelativisticPairing.4)   dL_G/df = -sigmoid(r - f) / N               of one pair

    sigmoid(r - f) is D's probability that of the two r is the real one, and (1) is its cross-entropy: softplus(-d) is
    -log sigmoid(d).  A constant added to C changes nothing.
    Optimal D         a pair (x, y) has the density p(x) q(y), and the same two samples the other way round p(y) q(x);
                      by (Loss.3) the best probability is p(x) q(y) / (p(x) q(y) + p(y) q(x)), which is
                      sigmoid(C*(x) - C*(y)) with C* = log p(x)/q(x), or that plus any constant
                      (so pictures draw no best C).  Then L_D = log 2 - JSD between the two densities of pairs
    At equilibrium    (p = q) C = const: L_D = L_G = log 2
    """

    name = "relativistic-pairing"
    relativistic = True
    unit = "nats"
    rest = Rest(math.log(2), math.log(2))

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """(RelativisticPairing.1, 2)."""
        d = _differences(real_logits, fake_logits)
        slope = over_size(sigmoid(-d))
        return float(mean(softplus(-d))), -_of_real(slope, real_logits), _of_fake(slope, fake_logits)

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """(RelativisticPairing.3, 4)."""
        d = _differences(real_logits, fake_logits)
        return float(mean(softplus(d))), _of_fake(over_size(-sigmoid(d)), fake_logits)

    def discriminator_tangent(
        self, real_logits: np.ndarray, fake_logits: np.ndarray, t_real: np.ndarray, t_fake: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The derivative of (2): each pair changes by sigmoid'(r - f) (tr - tf) / N, with opposite signs."""
        moved = over_size(bell(_differences(real_logits, fake_logits)) * _differences(t_real, t_fake))
        return _of_real(moved, real_logits), -_of_fake(moved, fake_logits)

    def generator_tangent(
        self,
        fake_logits: np.ndarray,
        t_fake: np.ndarray,
        real_logits: np.ndarray | None = None,
        t_real: np.ndarray | None = None,
    ) -> np.ndarray:
        """The derivative of (4): each pair changes by sigmoid'(r - f) (tf - tr) / N."""
        d = _differences(real_logits, fake_logits)
        t_real = np.zeros_like(real_logits) if t_real is None else t_real
        return _of_fake(over_size(-bell(d) * _differences(t_real, t_fake)), fake_logits)


def _differences(real_logits: np.ndarray | None, fake_logits: np.ndarray) -> np.ndarray:
    """r - f: of the pairs (n, n) if there are as many real logits as fake ones, otherwise (N, M), of all pairs."""
    r, f = checked("real_logits", real_logits), checked("fake_logits", fake_logits)
    return r - f if r.shape == f.shape else r.reshape(-1, 1) - f.reshape(1, -1)


def _of_real(pairs: np.ndarray, real_logits: np.ndarray) -> np.ndarray:
    """For each real logit, the sum over its pairs."""
    return pairs if pairs.shape == real_logits.shape else pairs.sum(axis=1).reshape(real_logits.shape)


def _of_fake(pairs: np.ndarray, fake_logits: np.ndarray) -> np.ndarray:
    """For each fake logit, the sum over its pairs."""
    return pairs if pairs.shape == fake_logits.shape else pairs.sum(axis=0).reshape(fake_logits.shape)
