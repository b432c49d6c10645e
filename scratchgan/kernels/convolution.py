r"""Convolution as one matrix product, with its two adjoints.

A convolution takes, for every output pixel (h, w), the k x k patch of the padded input that starts at (s h, s w), and
multiplies it, as one row of k k Ci numbers, with the weight as a (k k Ci, Co) matrix: that is (Conv2D.1).

y is linear in x and linear in W.  The two adjoints of the product give both gradients: (Conv2D.2), after which the
padding is cut off, and (Conv2D.3).  The equations are in layers/conv.py.

Images are channels last, so the C numbers of a pixel lie side by side and a patch is k runs of k C numbers.  The patch
matrix of a whole batch would not fit in the processor's cache; so it is built for a few images at a time.
"""

from __future__ import annotations

import numpy as np

from .products import leaky
from .registry import kernel

#: numbers in a patch buffer: 1 MiB of float32, half of a typical second-level cache
_BUFFER = 1 << 18

Pair = tuple[int, int]


def conv_output_size(size: int, kernel_size: int, stride: int, padding: int) -> int:
    """The number of positions of a kernel along one axis: floor((size + 2 p - k) / s) + 1."""
    return (size + 2 * padding - kernel_size) // stride + 1


def pad_images(x: np.ndarray, padding: Pair) -> np.ndarray:
    """Put `padding` rows and columns of zeros around every image (N, H, W, C)."""
    ph, pw = padding
    if ph == pw == 0:
        return x
    N, H, W, C = x.shape
    out = np.zeros_like(x, shape=(N, H + 2 * ph, W + 2 * pw, C))
    out[:, ph : ph + H, pw : pw + W] = x
    return out


def patch_rows(xpad: np.ndarray, kernel_size: Pair, stride: Pair) -> np.ndarray:
    """All patches of padded images (N, H, W, C) as the rows of a matrix (N Ho Wo, kh kw C)."""
    (kh, kw), (sh, sw) = kernel_size, stride
    windows = np.lib.stride_tricks.sliding_window_view(xpad, (kh, kw), axis=(1, 2))[:, ::sh, ::sw]
    N, Ho, Wo, C = windows.shape[:4]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(N * Ho * Wo, kh * kw * C)


def _groups(N: int, numbers_per_image: int) -> list[slice]:
    """Slices of the batch whose patches fit in the buffer; they depend only on shapes, as results then do."""
    step = max(1, _BUFFER // max(1, numbers_per_image))
    return [slice(n, min(n + step, N)) for n in range(0, N, step)]


@kernel
def conv2d(
    x: np.ndarray, W: np.ndarray, *, stride: Pair, padding: Pair, bias: np.ndarray | None = None, slope: float = 1.0
) -> np.ndarray:
    """(Conv2D.1): x (N, H, W, Ci), W (kh, kw, Ci, Co) -> y (N, Ho, Wo, Co); b is `bias` (Co,).  Then `leaky`.

    for each image n, for each output pixel (h, w)      (parallel: a thread owns its images)
        y[n, h, w, :] = (patch at (s h, s w) as a row) @ (W as a (k k Ci, Co) matrix)
    """
    kh, kw, Ci, Co = W.shape
    N, Ho, Wo = x.shape[0], *_output_sizes(x.shape, W.shape[:2], stride, padding)
    y = np.empty((N, Ho, Wo, Co), x.dtype)
    xpad, Wm = pad_images(x, padding), W.reshape(kh * kw * Ci, Co)
    for group in _groups(N, Ho * Wo * kh * kw * Ci):
        np.matmul(patch_rows(xpad[group], (kh, kw), stride), Wm, out=y[group].reshape(-1, Co))
    return leaky(y, bias, slope)


@kernel
def conv2d_input_grad(
    dy: np.ndarray,
    W: np.ndarray,
    *,
    x_shape: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    bias: np.ndarray | None = None,
    slope: float = 1.0,
) -> np.ndarray:
    """(Conv2D.2): dy (N, Ho, Wo, Co), W (kh, kw, Ci, Co) -> dx of x_shape = (N, H, W, Ci).

    It is also the forward pass of ConvTranspose2D: plus `bias` (Ci,), then `leaky` with `slope`.

        for each image n, for each output pixel (h, w)      (parallel: a thread owns its images)
            patch = dy[n, h, w, :] @ W^T
            add the patch to dxpad[n] at (s h, s w)
        cut the padding off
    """
    (kh, kw, Ci, Co), (sh, sw), (ph, pw) = W.shape, stride, padding
    N, H, Wd, _ = x_shape
    Ho, Wo = _output_sizes(x_shape, (kh, kw), stride, padding)
    _must_be("conv2d_input_grad: dy", dy.shape, (N, Ho, Wo, Co))
    _must_be("conv2d_input_grad: x_shape", tuple(x_shape), (N, H, Wd, Ci))
    dxpad = np.zeros((N, H + 2 * ph, Wd + 2 * pw, Ci), dy.dtype)
    Wm = W.reshape(kh * kw * Ci, Co).T
    for group in _groups(N, Ho * Wo * kh * kw * Ci):
        target = dxpad[group]
        patches = (dy[group].reshape(-1, Co) @ Wm).reshape(len(target), Ho, Wo, kh, kw, Ci)
        for i in range(kh):
            for j in range(kw):
                target[:, i : i + sh * Ho : sh, j : j + sw * Wo : sw] += patches[:, :, :, i, j]
    return leaky(np.ascontiguousarray(dxpad[:, ph : ph + H, pw : pw + Wd]), bias, slope)


@kernel
def conv2d_weight_grad(x: np.ndarray, dy: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """(Conv2D.3): x (N, H, W, Ci), dy (N, Ho, Wo, Co) -> dW (kh, kw, Ci, Co).

    dW = (all patches, as rows)^T @ (all output gradients, as rows)
    """
    (kh, kw), Ci, Co = kernel_size, x.shape[3], dy.shape[3]
    N, Ho, Wo = len(x), *_output_sizes(x.shape, kernel_size, stride, padding)
    _must_be("conv2d_weight_grad: dy", dy.shape, (N, Ho, Wo, Co))
    dW = np.zeros((kh * kw * Ci, Co), x.dtype)
    xpad = pad_images(x, padding)
    for group in _groups(N, Ho * Wo * kh * kw * Ci):
        dW += patch_rows(xpad[group], kernel_size, stride).T @ dy[group].reshape(-1, Co)
    return dW.reshape(kh, kw, Ci, Co)


def _output_sizes(x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Pair) -> Pair:
    Ho, Wo = (conv_output_size(x_shape[1 + a], kernel_size[a], stride[a], padding[a]) for a in (0, 1))
    return Ho, Wo


def _must_be(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(f"{name} must be {expected}, got {shape}")
