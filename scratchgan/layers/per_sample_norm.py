"""Normalisations of each sample by itself: the same in training and evaluation, independent of the rest of the batch.

A gradient penalty can therefore go through them, but not through BatchNorm.  Their four passes are (Norm.1-6) of
`scratchgan.layers.norm`; this file only defines m(v).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ..checks import positive_int
from ..kernels import group_mean, group_mean_dot
from .norm import Normalisation


class LayerNorm(Normalisation):
    r"""Normalise each sample over all its entries.  (Ba, Kiros & Hinton 2016, equation 3.)

    Symbols   x, y (N, ..., *shape)   gamma, beta (*shape), one for each entry;   |S| entries in `shape`

    Forward   (LayerNorm.1)  m(v)[n] = 1/|S| sum_{s in shape} v[n, s];     y by (Norm.1, 2)
    Backward  (Norm.5), with dgamma and dbeta summed over n

    It replaces BatchNorm in WGAN-GP's critic (Gulrajani et al. 2017, section 4).  Axes between N and `shape`
    are normalised separately: LayerNorm(C) on tokens (N, T, C) treats each token by itself.

    Arguments: shape, the last axes of x, or a single integer; `affine`, whether there are gamma and beta; eps > 0.
    Errors    ValueError if x does not end in `shape`, or if `shape` has a single entry, which equals its own mean.
    """

    def __init__(
        self, shape: int | Sequence[int], *, affine: bool = True, eps: float = 1e-5, dtype: DTypeLike = np.float32
    ):
        sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        self.shape = tuple(positive_int("LayerNorm", "shape", n) for n in sizes)
        if math.prod(self.shape) < 2:
            raise ValueError(
                f"LayerNorm: shape must hold at least 2 entries, got {sizes}: one entry minus its own mean is zero"
            )
        super().__init__(self.shape if affine else None, eps=eps, dtype=dtype)

    def mean(self, v):
        """(LayerNorm.1)."""
        return _mean_over_last(v, len(self.shape))

    def mean_dot(self, a, b):
        """m(a b), by the kernel that multiplies and sums in one pass."""
        return _mean_dot_over_last(a, b, len(self.shape))

    def output_shape(self, shape, batch="N"):
        """The shape of the input, which must end in the layer's shape."""
        if shape is None:
            return None
        end = shape[-len(self.shape) :]
        if len(end) != len(self.shape) or any(a not in (None, b) for a, b in zip(end, self.shape, strict=True)):
            raise self.misfit(f"(N, ..., {', '.join(map(str, self.shape))})", shape, batch)
        return shape

    def describe(self):
        return f"{self.shape}" + ("" if self.params else ", affine=False")


class GroupNorm(Normalisation):
    r"""Normalise each sample over all positions of a group of channels.  (Wu & He 2018, section 3.1, equation 7.)

    Symbols   x, y (N, H, W, C)   gamma, beta (C,), one for each channel;   C/groups neighbouring channels per group

    Forward   (GroupNorm.1)  m(v)[n, g] = mean of v[n, h, w, c] over all h, w and all c with floor(c groups / C) = g;
                             y by (Norm.1, 2)
    Backward  (Norm.5), with dgamma and dbeta summed over n, h, w

    With groups = 1 it is LayerNorm with only one gamma per channel; with groups = C it is InstanceNorm.

    Arguments: groups, a divisor of C; `affine`, whether there are gamma and beta; eps > 0.
    Errors    ValueError if groups does not divide C, if the last axis of x is not C, or if a group has only one entry,
              which equals its own mean.
    """

    def __init__(self, groups: int, C: int, *, affine: bool = True, eps: float = 1e-5, dtype: DTypeLike = np.float32):
        who = type(self).__name__
        self.groups, self.C = positive_int(who, "groups", groups), positive_int(who, "C", C)
        if self.C % self.groups:
            raise ValueError(f"{who}: groups must divide the {self.C} channels, got {groups}")
        super().__init__((self.C,) if affine else None, eps=eps, dtype=dtype)

    def mean(self, v):
        """(GroupNorm.1), first over the positions of each channel, then over the channels of each group."""
        return self._to_channels(group_mean(self._positions(v), groups=self.groups), v)

    def mean_dot(self, a, b):
        """m(a b), by the kernel that multiplies and sums in one pass."""
        return self._to_channels(group_mean_dot(self._positions(a), self._positions(b), groups=self.groups), a)

    def _positions(self, v):
        """(N, ..., C) -> (N, P, C)."""
        return v.reshape(len(v), math.prod(v.shape[1:-1]), self.C)

    def _to_channels(self, means, v):
        """(N, groups) -> (N, 1, ..., 1, C): every channel gets its group's mean."""
        return means.repeat(self.C // self.groups, axis=1).reshape(len(v), *(1,) * (v.ndim - 2), self.C)

    def output_shape(self, shape, batch="N"):
        """The shape of the input; its last entry must be C, and a group must have more than one entry."""
        if shape is None:
            return None
        if not shape or shape[-1] not in (None, self.C):
            raise self.misfit(f"(N, ..., {self.C})", shape, batch)
        if None not in shape and math.prod(shape) // self.groups < 2:
            raise self.misfit(
                f"(N, ..., {self.C}) with at least 2 entries in each group ({self.groups} groups)", shape, batch
            )
        return shape

    def describe(self):
        return f"{self.groups}, {self.C}" + ("" if self.params else ", affine=False")


class InstanceNorm(GroupNorm):
    r"""Normalise each channel of each sample over its positions.  (Ulyanov, Vedaldi & Lempitsky 2016, section 2.)

    Symbols   x, y (N, H, W, C)   gamma, beta (C,)

    Forward   (InstanceNorm.1)  m(v)[n, c] = 1/(H W) sum_{h,w} v[n, h, w, c]:  GroupNorm with a group for each channel

    It removes the contrast, and so the style, of an image: CycleGAN's generators use it (Zhu et al. 2017, section 4).

    Arguments: C; `affine`, whether there are gamma and beta; eps > 0.
    Errors    ValueError if the last axis of x is not C, or if there is only one pixel.
    """

    def __init__(self, C: int, *, affine: bool = True, eps: float = 1e-5, dtype: DTypeLike = np.float32):
        C = positive_int("InstanceNorm", "C", C)
        super().__init__(C, C, affine=affine, eps=eps, dtype=dtype)

    def describe(self):
        return f"{self.C}" + ("" if self.params else ", affine=False")


class PixelNorm(Normalisation):
    r"""Scale the channels of each pixel to a mean square of 1.  (Karras et al. 2018, section 4.2.)

    Symbols   x, y (N, C) or (N, H, W, C)

    Forward   (PixelNorm.1)  y = x / sqrt(m(x^2) + eps),  m(v)[n, h, w] = 1/C sum_c v[n, h, w, c]:  not centred
    Backward  (PixelNorm.2)  dx = r (dy - y m(y dy)),  r = 1 / sqrt(m(x^2) + eps):  (Norm.5) without gamma and m(v)
    Why       y has a fixed length, so dx has no part along it (up to eps): activations in G cannot grow without bound.

    ProGAN has it after each convolution of G, StyleGAN on the latent vector.

    Arguments: eps > 0.  No parameters; any number of channels fits.
    Errors    ValueError if x is (N,).
    """

    centred = False

    def __init__(self, eps: float = 1e-8):
        super().__init__(None, eps=eps)

    def mean(self, v):
        """Over the channels."""
        return _mean_over_last(v, 1)

    def mean_dot(self, a, b):
        """m(a b), by the kernel that multiplies and sums in one pass."""
        return _mean_dot_over_last(a, b, 1)

    def output_shape(self, shape, batch="N"):
        """The shape of the input."""
        if shape == ():
            raise self.misfit("(N, ..., C)", shape, batch)
        return shape


def _mean_over_last(v: np.ndarray, axes: int) -> np.ndarray:
    """m(v) over the last axes, which stay as axes of one entry."""
    return group_mean(_rows(v, axes)).reshape(v.shape[:-axes] + (1,) * axes)


def _mean_dot_over_last(a: np.ndarray, b: np.ndarray, axes: int) -> np.ndarray:
    """m(a b) over the last axes."""
    return group_mean_dot(_rows(a, axes), _rows(b, axes)).reshape(a.shape[:-axes] + (1,) * axes)


def _rows(v: np.ndarray, axes: int) -> np.ndarray:
    """(N, ..., *the last axes) -> (rows, entries of a row, 1): for the kernels, one channel with many positions."""
    return v.reshape(math.prod(v.shape[:-axes]), math.prod(v.shape[-axes:]), 1)
