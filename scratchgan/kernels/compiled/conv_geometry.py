"""Which pixels of an image lie under the taps of a convolution's kernel.

A *tap* is one position (i, j) of the kernel.  A `Phase`, computed once per shape, contains everything that depends on
the geometry: for each pixel that is written and each tap, which pixel is read, or that it lies in the padding.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..convolution import conv_output_size

OUTSIDE = -1  # instead of the number of a pixel, where there is only padding


@dataclass
class Phase:
    """The pixels that lie under the same taps: where they are written, and what they are computed from."""

    taps: np.ndarray  # (S,) numbers of the taps, i * kw + j
    source: np.ndarray  # (S, M) number of the pixel that is read, counted from the image's first, or OUTSIDE
    target: np.ndarray  # (M,) number of the pixel that is written


@functools.lru_cache(maxsize=256)
def forward_phase(H: int, W: int, kernel_size, stride, padding) -> Phase:
    """The only phase of conv2d: every output pixel is computed with all taps.  (Conv2D.1)"""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    a = sh * np.arange(Ho)[None, :] + np.arange(kh)[:, None] - ph  # (kh, Ho) row of the image
    b = sw * np.arange(Wo)[None, :] + np.arange(kw)[:, None] - pw
    return Phase(np.arange(kh * kw), _pixels(a, b, H, W), np.arange(Ho * Wo))


@functools.lru_cache(maxsize=256)
def input_grad_phases(H: int, W: int, kernel_size, stride, padding) -> list[Phase]:
    """dx[h] lies under tap i of dy[o] where h + p = s o + i: the taps with i = h + p mod s.  (Conv2D.2)"""
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    phases = []
    for rh in range(sh):
        for rw in range(sw):
            h, w = np.arange((rh - ph) % sh, H, sh), np.arange((rw - pw) % sw, W, sw)
            i, j = np.arange(rh, kh, sh), np.arange(rw, kw, sw)
            if len(h) and len(w):
                source = _pixels((h[None, :] + ph - i[:, None]) // sh, (w[None, :] + pw - j[:, None]) // sw, Ho, Wo)
                phases.append(Phase((i[:, None] * kw + j).ravel(), source, (h[:, None] * W + w).ravel()))
    return phases


@functools.lru_cache(maxsize=256)
def rows_phase(H: int, W: int, kernel_size, stride, padding) -> Phase:
    """The phase of conv2d on an image that is already padded, with each row of the kernel as one tap.

    In a padded image kw neighbouring pixels of a row are kw C neighbouring numbers.  So a kernel of kh x kw taps with C
    channels is also one of kh taps with kw C channels.
    """
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    Hp, Wp = H + 2 * ph, W + 2 * pw
    Ho, Wo = conv_output_size(H, kh, sh, ph), conv_output_size(W, kw, sw, pw)
    a = sh * np.arange(Ho)[None, :] + np.arange(kh)[:, None]
    return Phase(np.arange(kh), _pixels(a, sw * np.arange(Wo)[None, :], Hp, Wp), np.arange(Ho * Wo))


def _pixels(a: np.ndarray, b: np.ndarray, H: int, W: int) -> np.ndarray:
    """Rows a (I, Ho) and columns b (J, Wo) of an H x W image -> numbers of the pixels (I J, Ho Wo), or OUTSIDE."""
    a, b = a[:, None, :, None], b[None, :, None, :]
    inside = (a >= 0) & (a < H) & (b >= 0) & (b < W)
    pixels = np.where(inside, a * W + b, OUTSIDE)
    I, J, Ho, Wo = pixels.shape
    return np.ascontiguousarray(pixels.reshape(I * J, Ho * Wo), np.int64)
