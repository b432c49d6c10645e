r"""Conditional GANs: both players are given a label, so G can be asked for, say, a seven.  (Mirza & Osindero 2014.)

    (Conditional.1)   min_G max_D  E_{x,l}[log D(x|l)] + E_{z,l}[log(1 - D(G(z|l)|l))]         (the paper's equation 2)

G      takes [z, one-hot(l)]: the one-hot entries select rows of its first W, which act as the labels' vectors
D      concat      the label's vector is appended to the features, before a joint hidden layer: layers.LabelConcat
       projection  inner product of features and label's vector: layers.Projection (Miyato & Koyama 2018, equation 4)

For each label this is a separate game, with optimum D*(x|l) = p(x|l) / (p(x|l) + q(x|l)); all of them share weights.
Real samples come with their labels, and the fakes of a step are made for the same labels.  The labels of the fakes
are therefore distributed as in the data, and a penalty at a point between a real sample and a fake concerns two samples
of the same label.

With concatenation, D must learn to use the label, and does so only where the data make it worthwhile.  Projection has
it built in that the features of an image must align with the label's vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import positive_int
from ..core import Layer, ShapeError
from ..game import evaluate_in_chunks
from ..gan import GAN
from ..layers.activations import sigmoid

#: one for each sample, or one for all; None, where allowed: 0, 1, 2, ... in turn
Labels = np.ndarray | int | None


class ConditionalGAN(GAN):
    """A GAN with labels 0..classes-1.  Other arguments as for `scratchgan.GAN`.

    G    maps (N, latent_dim + classes) to samples: noise and one-hot labels
    D    takes `labels` in its forward (it has a LabelConcat or a Projection), unless `d_takes_labels` is False
    """

    conditional = True
    #: whether D is conditioned on the labels as well
    d_takes_labels = True
    #: how many numbers in -1..1 G gets in addition to noise and label: models/auxiliary.py
    continuous = 0

    def __init__(self, G: Layer, D: Layer, *, classes: int, **options: Any):
        self.classes = positive_int("ConditionalGAN", "classes", classes, least=2)
        self.code_size = self.classes + self.continuous
        self._labels = np.zeros(0, np.int64)  # of the current step
        if self.d_takes_labels and not D.takes_labels:
            raise ValueError("ConditionalGAN: D must take labels: put a LabelConcat or a Projection into it")
        super().__init__(G, D, **options)
        if self.packing > 1:
            raise ValueError("ConditionalGAN: D classifies each sample with its own label; packing must be 1")

    def train_step(self, real: np.ndarray, labels: np.ndarray | None = None) -> dict[str, float]:
        """One alternating update on a batch of real samples (N, *data_shape) and their labels (N,) in 0..classes-1.

        Returns what `GAN.train_step` does.  Raises ValueError for samples or labels that do not fit, or no labels.
        """
        self._check_real(real)
        self.condition_on(self.checked_labels(labels, len(real)))
        return self.turns(real)

    def condition_on(self, labels: np.ndarray) -> None:
        """Use these labels (N,) for both players from now on."""
        self._labels = labels
        self.conditions = {"labels": labels} if self.d_takes_labels else {}

    def noise(self, N: int) -> np.ndarray:
        """[z, one-hot labels of the current step, codes in -1..1 if there are any], (N, latent_dim + code_size)."""
        Z = super().noise(N)
        return self.with_codes(Z, self._labels, self.streams["noise"].uniform(-1, 1, (N, self.continuous)))

    def with_codes(self, Z: np.ndarray, labels: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """G's input of noise (N, latent_dim), labels (N,) and codes (N, continuous)."""
        return np.concatenate([Z, one_hot(labels, self.classes, Z.dtype), codes.astype(Z.dtype)], axis=1)

    def sample(self, n: int, *, seed: int, labels: Labels = None) -> np.ndarray:
        """Make n samples (n, *data_shape), float32, with the given labels: (n,), or one for all; None: each in turn.

        The same seed gives the same noise (and codes), whatever the labels.
        Raises ValueError as `GAN.sample`, and for labels of a wrong number or value.
        """
        Z, rng = self._seeded_noise(n, seed)
        return self.generate(Z, labels, rng.uniform(-1, 1, (len(Z), self.continuous)))

    def generate(self, Z: np.ndarray, labels: Labels = None, codes: np.ndarray | None = None) -> np.ndarray:
        """G(z|l) for given noise (N, latent_dim), in evaluation mode.

        labels as for `sample`; codes (N, continuous) in -1..1, or None for zeros.
        """
        if codes is None:
            codes = np.zeros((len(Z), self.continuous))
        elif np.shape(codes) != (len(Z), self.continuous):
            raise ShapeError(f"the GAN expects codes ({len(Z)}, {self.continuous}), got {np.shape(codes)}")
        if labels is None:
            labels = np.arange(len(Z)) % self.classes
        elif np.ndim(labels) == 0:
            labels = np.full(len(Z), labels)
        return super().generate(self.with_codes(Z, self.checked_labels(labels, len(Z)), codes))

    def probability(self, x: np.ndarray, labels: Labels = None) -> np.ndarray:
        """D(x|l) (N,), the probability, according to D, that x is real, in evaluation mode.

        labels (N,), or one for all.
        """
        self._check_real(x)
        conditions = {}
        if self.d_takes_labels:
            labels = np.full(len(x), labels) if labels is not None and np.ndim(labels) == 0 else labels
            conditions = {"labels": self.checked_labels(labels, len(x))}
        return sigmoid(evaluate_in_chunks(self.D, x, **conditions)[:, 0])

    def checked_labels(self, labels: Labels, N: int) -> np.ndarray:
        """Labels as (N,) int64.  Raises ValueError (ShapeError for a wrong length) unless all are in 0..classes-1."""
        if labels is None:
            raise ValueError(f"this GAN is conditional: it needs labels ({N},) in 0..{self.classes - 1}")
        labels = np.asarray(labels)
        if labels.shape != (N,):
            raise ShapeError(f"the GAN expects labels ({N},), one for each sample, got {labels.shape}")
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= self.classes:
            got = f"{labels.min()} to {labels.max()}" if labels.dtype.kind in "iu" else f"{labels.dtype}"
            raise ValueError(f"the GAN expects whole numbers in 0..{self.classes - 1} as labels, got {got}")
        return labels.astype(np.int64)


def one_hot(labels: np.ndarray, K: int, dtype=np.float32) -> np.ndarray:
    """(N, K): row n is 1 at labels[n] and 0 elsewhere."""
    y = np.zeros((len(labels), K), dtype)
    y[np.arange(len(labels)), labels] = 1
    return y
