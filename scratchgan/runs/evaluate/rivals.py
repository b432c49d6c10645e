"""Trivial rivals of paired runs: methods without a net, which a net must beat to be worth its training.

Each takes inputs x and gives outputs of the same form as the run's: (N, H, W, C) float32 in [-1, 1].
"""

from __future__ import annotations

import numpy as np

from ...data.limits import check_fits
from ...metrics.neighbours import nearest

_ROWS = 256  # inputs compared with all training images at a time


def mean_image(train_y: np.ndarray, n: int) -> np.ndarray:
    """The mean of all training targets, n times: the best constant answer in squared error."""
    return np.repeat(train_y.mean(axis=0, dtype=np.float64)[None].astype(np.float32), n, axis=0)


def nearest_target(x: np.ndarray, train_x: np.ndarray, train_y: np.ndarray) -> np.ndarray:
    """The target of the training input that is nearest to each x in pixels."""
    rows, known = (a.reshape(len(a), -1).astype(np.float64) for a in (x, train_x))
    return train_y[nearest(rows, known)[1][:, 0]].astype(np.float32)


def of_another(outputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The run's outputs for other inputs: as real as the run's, but no answer to what was asked."""
    order = rng.permutation(len(outputs))
    shuffled = np.empty_like(outputs)
    shuffled[order] = outputs[np.roll(order, 1)]
    return shuffled


def enlarged(x: np.ndarray, factor: int, *, smooth: bool = True) -> np.ndarray:
    """x enlarged by `factor`: bicubic, clipped to [-1, 1], or each pixel as a block of itself."""
    if not smooth:
        return x.repeat(factor, axis=1).repeat(factor, axis=2).astype(np.float32)
    from PIL import Image

    N, h, w, C = x.shape
    check_fits((N, h * factor, w * factor, C), "enlarged images")
    out = np.empty((N, h * factor, w * factor, C), np.float32)
    for n in range(N):
        for c in range(C):  # Pillow resizes floats one channel at a time
            plane = Image.fromarray(np.ascontiguousarray(x[n, :, :, c], np.float32))
            out[n, :, :, c] = np.asarray(plane.resize((w * factor, h * factor), Image.Resampling.BICUBIC))
    return np.clip(out, -1, 1, out=out)


def smoothed(x: np.ndarray) -> np.ndarray:
    """The mean over 3 x 3 pixels; at the edge, the image goes on with its last pixel."""
    framed = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.float64)
    height, width = x.shape[1:3]
    shifted = [framed[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.mean(shifted, axis=0).astype(np.float32)


def filled(x: np.ndarray, filling: np.ndarray) -> np.ndarray:
    """The known pixels of x (N, H, W, C + 1), whose last channel is the mask, and `filling` (N, H, W, C) in the hole."""
    return np.where(x[..., -1:] > 0, filling, x[..., :-1]).astype(np.float32)


def nearest_known(x: np.ndarray, train_y: np.ndarray) -> np.ndarray:
    """The training image nearest to each x (N, H, W, C + 1) in the known pixels, pasted into the hole."""
    N, C = len(x), train_y.shape[-1]
    known = np.repeat(x[..., -1:] < 0, C, axis=3).reshape(N, -1).astype(np.float64)
    values = x[..., :-1].reshape(N, -1) * known
    train = train_y.reshape(len(train_y), -1).astype(np.float64)
    best = np.empty(N, np.int64)
    for start in range(0, N, _ROWS):
        part = slice(start, start + _ROWS)
        # sum over the known pixels of (t - v)^2, without v^2, which is the same for all training images
        best[part] = (known[part] @ (train**2).T - 2 * values[part] @ train.T).argmin(axis=1)
    return filled(x, train_y[best])
