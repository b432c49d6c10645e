r"""Data augmentation: each image is rotated, scaled, sheared and shifted a little; a digit remains the same digit.

    (Augment.1)   output pixel u (row, column; from the centre)  takes the input at   A u + s
                  A = 1/c R(a) K(k),   R(a) = [[cos a, -sin a], [sin a, cos a]],   K(k) = [[1, 0], [k, 1]]

with the angle a, the scale c (above 1 enlarges), the shear k and the shift s drawn anew for each image.  Between its
pixels the input is interpolated bilinearly: with the four pixels around a point, and the point's distances (f, g) from
the upper left one,

    (Augment.2)   x(f, g) = (1-f)(1-g) x00 + (1-f) g x01 + f (1-g) x10 + f g x11,     background outside the image

The map goes backwards, from output to input, so that every output pixel gets a value.
"""

from __future__ import annotations

import numpy as np

from ..checks import real, require_rng


def random_warp(
    images: np.ndarray,
    *,
    rng: np.random.Generator,
    degrees: float = 12.0,
    scale: float = 0.12,
    slant: float = 0.15,
    shift: float = 2.0,
    background: float = -1.0,
) -> np.ndarray:
    """Return images (N, H, W, C), each transformed by its own random (Augment.1), as float32.

    degrees, scale, slant, shift    upper bounds of |a| in degrees, |c - 1|, |k|, and |s| in pixels along each axis;
                                    all are drawn from uniform distributions
    background                      pixel value outside the image

    An rng in the same state gives the same images.
    Raises ValueError for another shape or a limit below 0 (scale must also be below 1); TypeError if rng is not a
    Generator.
    """
    require_rng("random_warp", rng)
    limits = [
        np.deg2rad(real("random_warp", "degrees", degrees, 0, 180)),
        real("random_warp", "scale", scale, 0, 1, open_high=True),
        real("random_warp", "slant", slant, 0, 10),
    ]
    shift = real("random_warp", "shift", shift, 0, 1e6)
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"random_warp expects images (N, H, W, C), got {images.shape}")
    N = len(images)
    a, c, k = rng.uniform(-1, 1, (3, N)) * np.reshape(limits, (3, 1))
    s = shift * rng.uniform(-1, 1, (N, 2))
    c = 1 + c
    A = np.empty((N, 2, 2))
    A[:, 0, 0], A[:, 0, 1] = np.cos(a) - k * np.sin(a), -np.sin(a)
    A[:, 1, 0], A[:, 1, 1] = np.sin(a) + k * np.cos(a), np.cos(a)
    return warp(images, A / c[:, None, None], s, background=background)


def warp(images: np.ndarray, A: np.ndarray, s: np.ndarray, *, background: float = -1.0) -> np.ndarray:
    """Transform images (N, H, W, C) by (Augment.1, 2) with A (N, 2, 2) and s (N, 2) in pixels; float32."""
    N, H, W, C = images.shape
    centre = np.array([(H - 1) / 2, (W - 1) / 2])
    u = np.stack(np.meshgrid(np.arange(H), np.arange(W), indexing="ij"), axis=-1).reshape(-1, 2) - centre
    at = u @ A.transpose(0, 2, 1) + (s + centre)[:, None]  # (N, H W, 2) points in the input
    framed = np.full((N, H + 2, W + 2, C), background, np.float32)  # one pixel of background
    framed[:, 1:-1, 1:-1] = images
    row, column = np.clip(at[..., 0] + 1, 0, H + 1), np.clip(at[..., 1] + 1, 0, W + 1)
    i, j = np.minimum(row.astype(np.intp), H), np.minimum(column.astype(np.intp), W)
    f, g = (row - i).astype(np.float32)[..., None], (column - j).astype(np.float32)[..., None]
    flat = framed.reshape(N * (H + 2) * (W + 2), C)
    at = (np.arange(N)[:, None] * (H + 2) + i) * (W + 2) + j  # index of x00
    x00, x01, x10, x11 = flat[at], flat[at + 1], flat[at + W + 2], flat[at + W + 3]
    return ((1 - f) * ((1 - g) * x00 + g * x01) + f * ((1 - g) * x10 + g * x11)).reshape(N, H, W, C)
