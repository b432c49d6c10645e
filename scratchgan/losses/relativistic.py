"""The relativistic average loss: each logit is compared with the mean logit of the other kind, real or fake."""

from __future__ import annotations

import math

import numpy as np

from ..layers.activations import sigmoid, softplus
from .base import Loss, Rest, bell, checked, mean, over_size


class RelativisticAverage(Loss):
    r"""Is this sample more real than the other kind on average?  (Jolicoeur-Martineau 2019.)

    With rt = r - mean(f) and ft = f - mean(r); N real and M fake logits:

    D   (RelativisticAverage.1)   L_D = mean[softplus(-rt)] + mean[softplus(ft)]
        (RelativisticAverage.2)   dL_D/dr = -(sigmoid(-rt) + mean[sigmoid(ft)]) / N
        (RelativisticAverage.3)   dL_D/df =  (sigmoid(ft) + mean[sigmoid(-rt)]) / M
    G   (RelativisticAverage.4)   L_G = mean[softplus(-ft)] + mean[softplus(rt)]
        (RelativisticAverage.5)   dL_G/df = -(sigmoid(-ft) + mean[sigmoid(rt)]) / M

    The second term of each derivative comes through the mean: every rt contains every fake logit.
    Optimal D         no closed form; at the optimum, with S_p = E_p[sigmoid(-rt)] and S_q = E_q[sigmoid(ft)],
                      p (sigmoid(-rt) + S_q) = q (sigmoid(ft) + S_p) at every point
    At equilibrium    (p = q) C = const solves that: rt = ft = 0, L_D = L_G = 2 log 2
    """

    name = "relativistic-average"
    relativistic = True
    unit = "nats"
    rest = Rest(2 * math.log(2), 2 * math.log(2))

    def discriminator(self, real_logits: np.ndarray, fake_logits: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """(RelativisticAverage.1, 2, 3)."""
        rt, ft = self._relative(real_logits, fake_logits)
        value = float(mean(softplus(-rt)) + mean(softplus(ft)))
        return (value, over_size(-sigmoid(-rt) - sigmoid(ft).mean()), over_size(sigmoid(ft) + sigmoid(-rt).mean()))

    def generator(self, fake_logits: np.ndarray, real_logits: np.ndarray | None = None) -> tuple[float, np.ndarray]:
        """(RelativisticAverage.4, 5)."""
        rt, ft = self._relative(real_logits, fake_logits)
        return float(mean(softplus(-ft)) + mean(softplus(rt))), over_size(-sigmoid(-ft) - sigmoid(rt).mean())

    def discriminator_tangent(
        self, real_logits: np.ndarray, fake_logits: np.ndarray, t_real: np.ndarray, t_fake: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The product rule on (2) and (3), with trt = tr - mean(tf) and tft = tf - mean(tr)."""
        rt, ft = self._relative(real_logits, fake_logits)
        on_real, on_fake = bell(rt) * (t_real - t_fake.mean()), bell(ft) * (t_fake - t_real.mean())
        return over_size(on_real - on_fake.mean()), over_size(on_fake - on_real.mean())

    def generator_tangent(
        self,
        fake_logits: np.ndarray,
        t_fake: np.ndarray,
        real_logits: np.ndarray | None = None,
        t_real: np.ndarray | None = None,
    ) -> np.ndarray:
        """The product rule on (5)."""
        rt, ft = self._relative(real_logits, fake_logits)
        t_real = np.zeros_like(rt) if t_real is None else t_real
        on_real, on_fake = bell(rt) * (t_real - t_fake.mean()), bell(ft) * (t_fake - t_real.mean())
        return over_size(on_fake - on_real.mean())

    def _relative(self, real_logits: np.ndarray | None, fake_logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r, f = checked("real_logits", real_logits), checked("fake_logits", fake_logits)
        return r - f.mean(), f - r.mean()
