r"""Feature matching: G matches the mean of D's features instead of fooling D.  (Salimans et al. 2016, section 3.1.)

    f(x)  (F,)  the features: the input of D's last Dense layer

    (FeatureMatching.1)   L_G = | m_f - m_r |^2,      m_r = mean_n f(x_n),  m_f = mean_n f(G(z_n))
    (FeatureMatching.2)   dL_G/df(G(z_n)) = 2 (m_f - m_r) / N      the same for every fake of the batch

D is trained as before.  Every fake gets the same gradient, which corrects the mean of the whole batch, so the fakes are
not driven to the one point that D rates highest.  But any batch with the right mean minimises (1), whatever its spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..core import Cache, Layer
from ..layers import Dense, Sequential
from ..layers.reparametrised import Reparametrised
from .rule import Objective, Rule

if TYPE_CHECKING:
    from ..gan import GAN


class FeatureMatching(Rule):
    """(FeatureMatching.1, 2).  D must be a Sequential that ends in a Dense layer (spectrally normalised or not)."""

    def generator(
        self, gan: GAN, fake: np.ndarray, real: np.ndarray | None, objective: Objective, d_grads: bool = False
    ) -> tuple[float, np.ndarray]:
        """(FeatureMatching.1, 2), then back through D's body.  The last Dense layer is not used."""
        if real is None:
            raise ValueError("feature matching: G's turn needs a batch of real samples, got None")
        assert isinstance(gan.D, Sequential)  # ensured by `check`
        layers = gan.D.layers[:-1]
        of_real = _forward(gan, layers, gan.transformed(real))
        of_fake = _forward(gan, layers, gan.transformed(fake))
        f_real, f_fake = of_real[0], of_fake[0]
        apart = f_fake.mean(axis=0, dtype=np.float64) - f_real.mean(axis=0, dtype=np.float64)
        d_fake = np.broadcast_to((2 / len(f_fake) * apart).astype(f_fake.dtype), f_fake.shape).copy()
        if d_grads:  # dL_G/dtheta_D also comes through the real features
            gan.D.zero_grads()
            d_real = np.broadcast_to((-2 / len(f_real) * apart).astype(f_real.dtype), f_real.shape).copy()
            _backward(layers, d_real, of_real[1], True)
        return float(apart @ apart), _backward(layers, d_fake, of_fake[1], d_grads)

    def check(self, gan: GAN) -> None:
        """Raise ValueError unless D ends in a Dense layer."""
        last = gan.D.layers[-1] if isinstance(gan.D, Sequential) and gan.D.layers else None
        if not isinstance(last.layer if isinstance(last, Reparametrised) else last, Dense):
            raise ValueError(
                f"feature matching takes the input of D's last Dense layer: D must end in one, got {last!r}"
            )


def _forward(gan: GAN, layers: Sequence[Layer], x: np.ndarray) -> tuple[np.ndarray, list[Cache]]:
    caches = []
    for layer in layers:
        conditions = gan.conditions if layer.takes_labels else {}
        x, cache = layer.forward(x, train=True, rng=gan.layer_rng(), **conditions)
        caches.append(cache)
    return x, caches


def _backward(layers: Sequence[Layer], dy: np.ndarray, caches: list[Cache], param_grads: bool) -> np.ndarray:
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dy = layer.backward(dy, cache, param_grads=param_grads)
    return dy
