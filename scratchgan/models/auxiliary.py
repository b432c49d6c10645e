r"""The common part of ACGAN and InfoGAN: D also predicts the code of an image, and G is rewarded if D predicts it well.

D returns [logit, answers]: in addition to "real or fake?" it predicts the code c that the image was made from.  With q
the answers,

    (Auxiliary.1)   L_Q = w_K CE(q_K, category) + w_c 1/(2N) sum_n |q_c[n] - c[n]|^2

CE is softmax cross-entropy over K categories (CrossEntropy.1); the second term, over continuous codes c, is the
negative log-likelihood of a Gaussian with mean q_c and variance 1, up to a constant.  Both players add L_Q to their
losses:

    (Auxiliary.2)   J_D = L_D + L_Q(on fakes) [ + L_Q(on real samples), if these have labels ]
    (Auxiliary.3)   J_G = L_G + L_Q(on fakes)

L_Q is not adversarial, since both players minimise it: D learns to read the codes, and G learns to make images in which
they can be read.  models/acgan.py and models/infogan.py say what the codes are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import positive_int
from ..checks import real as number
from ..core import Layer
from ..game import LastBatch, evaluate_in_chunks
from ..losses.cross_entropy import cross_entropy, softmax
from .conditional import ConditionalGAN


class AuxiliaryGAN(ConditionalGAN):
    """(Auxiliary.1-3).

    classes             K, the number of categories: labels of real samples if `labelled`, otherwise random codes
    continuous          number of continuous codes, uniform in -1..1
    labelled            real samples have labels, and D is also trained to predict these
    class_weight        w_K >= 0
    continuous_weight   w_c >= 0

    G maps (N, latent_dim + classes + continuous) to samples; D maps these to (N, 1 + classes + continuous).
    """

    d_takes_labels = False

    def __init__(
        self,
        G: Layer,
        D: Layer,
        *,
        classes: int,
        continuous: int = 0,
        labelled: bool = True,
        class_weight: float = 1.0,
        continuous_weight: float = 0.1,
        **options: Any,
    ):
        self.continuous, self.labelled = positive_int("AuxiliaryGAN", "continuous", continuous, least=0), labelled
        self.class_weight = number("AuxiliaryGAN", "class_weight", class_weight, 0, np.inf, open_high=True)
        self.continuous_weight = number(
            "AuxiliaryGAN", "continuous_weight", continuous_weight, 0, np.inf, open_high=True
        )
        self.answer_size = classes + continuous
        if rules := options.get("rules"):  # before a rule says what it needs itself
            raise ValueError(
                f"AuxiliaryGAN: expected no rules, as they would treat answers as logits; got {list(rules)}"
            )
        super().__init__(G, D, classes=classes, **options)
        if self.loss.relativistic:
            raise ValueError(f"AuxiliaryGAN: expected a loss in which G's part uses fakes only, got {self.loss.name!r}")

    def train_step(self, real: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
        """As `ConditionalGAN.train_step`; without `labelled`, `labels` is ignored and the codes are drawn."""
        if self.labelled:
            return super().train_step(real, labels)
        self._check_real(real)
        self.condition_on(self.streams["noise"].integers(0, self.classes, len(real)))
        return self.turns(real)

    def d_gradients(self, real: np.ndarray, Z: np.ndarray) -> dict[str, float]:
        """(Auxiliary.2)."""
        fake, _ = self.G.forward(Z, train=True, rng=self.layer_rng())
        self.D.zero_grads()
        on_real_out, on_real = self.logits(real)
        on_fake_out, on_fake = self.logits(fake)
        r, f = on_real_out[:, :1], on_fake_out[:, :1]
        value, d_real, d_fake = self.loss.discriminator(r, f)
        codes, d_codes = self.code_loss(on_fake_out[:, 1:], Z)
        report = {
            "d_loss": value + codes,
            "d_real": float(self.loss.output(r).mean()),
            "d_fake": float(self.loss.output(f).mean()),
            "codes_fake": codes,
        }
        d_codes_real = np.zeros_like(d_codes)
        if self.labelled:
            report["codes_real"], d_codes_real = self.code_loss(on_real_out[:, 1:], Z)
            report["d_loss"] += report["codes_real"]
        self.D.backward(np.concatenate([d_real, d_codes_real], axis=1), on_real, input_grad=False)
        self.D.backward(np.concatenate([d_fake, d_codes], axis=1), on_fake, input_grad=False)
        self.last_batch = LastBatch(real, fake, r, f)
        if self.d_steps > 1:
            report["g_loss"] = self.loss.generator(f)[0] + codes
        return report

    def g_gradients(self, Z: np.ndarray, real: np.ndarray | None = None) -> dict[str, float]:
        """(Auxiliary.3)."""
        self.G.zero_grads()
        fake, through_g = self.G.forward(Z, train=True, rng=self.layer_rng())
        out, through_d = self.logits(fake)
        value, d_fake = self.loss.generator(out[:, :1])
        codes, d_codes = self.code_loss(out[:, 1:], Z)
        dx = self.D.backward(np.concatenate([d_fake, d_codes], axis=1), through_d, param_grads=False)
        self.G.backward(dx, through_g, input_grad=False)
        return {"g_loss": value + codes}

    def code_loss(self, answers: np.ndarray, Z: np.ndarray) -> tuple[float, np.ndarray]:
        """(Auxiliary.1): (L_Q, dL_Q/danswers) for answers (N, classes + continuous) on fakes made from Z.

        The categories are those of the current step, so this also applies to real samples with the same labels.
        """
        K, N = self.classes, len(answers)
        value, d_class = cross_entropy(np.ascontiguousarray(answers[:, :K]), self._labels)
        value, d_answers = self.class_weight * value, np.empty_like(answers)
        d_answers[:, :K] = d_class.dtype.type(self.class_weight) * d_class
        if self.continuous:
            apart = answers[:, K:] - Z[:, self.latent_dim + K :]
            value += self.continuous_weight * 0.5 * float(np.sum(apart.astype(np.float64) ** 2)) / N
            d_answers[:, K:] = apart.dtype.type(self.continuous_weight / N) * apart
        return value, d_answers

    def read(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """D's predictions in evaluation mode: p(category) (N, classes), and continuous codes (N, continuous)."""
        self._check_real(x)
        answers = evaluate_in_chunks(self.D, x)[:, 1:]
        return softmax(answers[:, : self.classes]), answers[:, self.classes :]
