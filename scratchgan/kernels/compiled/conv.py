r"""Convolution and its two gradients as matrix products whose rows are found through tables of addresses.

The patch matrix of a whole batch is never written: it would be several times the size of the image, and writing it
would take longer than the arithmetic.  Images are channels last, so the C numbers of a pixel lie side by side, and the
tile can read them in place (`tile`; Dukhan 2019).  `conv_geometry` computes which pixels these are.

    conv2d             row m of A is an output pixel; its segments are the pixels under the k x k taps of the kernel, C
    (conv_gather)      numbers each.  A pixel outside of the image is the address of a row of zeros.

    input gradient     The pixels of dx with the same (h + p) mod s and (w + p) mod s lie under the same taps.  Each
    (conv_gather)      such phase is a small convolution of dy with these taps, and writes its own pixels of dx.

    weight gradient    needs A^T: what lies under the kernel is copied, for a hundred output pixels at a time.
    (conv_weight_grad)

If the kernel is twice as large as the stride, fewer multiplications are enough: `winograd` and `winograd_grad`.

With few channels a pixel is too short for this (a single number, in a grey image).  Then the image is padded first, and
each row of the kernel is one tap (`rows_phase`); the input gradient adds up patches instead (`conv_scatter`).
"""

from __future__ import annotations

from ..convolution import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_output_size, pad_images
from .conv_gather import gather
from .conv_geometry import forward_phase, input_grad_phases, rows_phase
from .conv_scatter import scatter
from .conv_weight_grad import weight_grad
from .gemm import DTYPES, fits_bias
from .pool import contiguous, empty
from .winograd import convolve, forward_plan, input_grad_plan, plan_if_it_pays
from .winograd_grad import weight_grad_at_points

SHORT = 16  # with fewer channels than this, each row of the kernel is one tap
GROUP = 400  # output pixels per task, approximately


def _usable(*arrays) -> bool:
    """Whether no array is empty, and all have the same compiled dtype."""
    return all(a.dtype == arrays[0].dtype and a.size for a in arrays) and arrays[0].dtype in DTYPES


def _images(N: int, pixels: int) -> int:
    """The number of images for each task: an even number of tasks, with about GROUP pixels each."""
    tasks = max(1, -(-N * pixels // GROUP))
    tasks += tasks % 2
    return max(1, -(-N // tasks))


@conv2d.engine("numba")
def _(x, W, *, stride, padding, bias=None, slope=1.0):
    phase = forward_phase(*x.shape[1:3], W.shape[:2], stride, padding)
    sizes = (conv_output_size(x.shape[1 + a], W.shape[a], stride[a], padding[a]) for a in (0, 1))
    y = empty((len(x), *sizes, W.shape[3]), x.dtype)
    if not _usable(x, W, y) or x.shape[3] != W.shape[2] or not fits_bias(bias, W.shape[3], x.dtype):
        return conv2d.twin(x, W, stride=stride, padding=padding, bias=bias, slope=slope)
    x, W, images = contiguous(x), contiguous(W), _images(len(x), len(phase.target))
    plan = plan_if_it_pays(forward_plan, x.shape, W, stride, padding)
    if plan:
        convolve(x, W, y, plan, stride, False, bias, slope)
    elif x.shape[3] < SHORT:
        kh, kw, C, Co = W.shape
        phase = rows_phase(*x.shape[1:3], (kh, kw), stride, padding)
        gather(pad_images(x, padding), W.reshape(kh, 1, kw * C, Co), y, [phase], False, bias, slope, images)
    else:
        gather(x, W, y, [phase], False, bias, slope, images)
    return y


@conv2d_input_grad.engine("numba")
def _(dy, W, *, x_shape, stride, padding, bias=None, slope=1.0):
    sizes = tuple(conv_output_size(x_shape[1 + a], W.shape[a], stride[a], padding[a]) for a in (0, 1))
    fits = dy.shape == (x_shape[0], *sizes, W.shape[3]) and x_shape[3] == W.shape[2]
    if not fits or not _usable(dy, W) or 0 in x_shape or not fits_bias(bias, x_shape[3], dy.dtype):
        return conv2d_input_grad.twin(dy, W, x_shape=x_shape, stride=stride, padding=padding, bias=bias, slope=slope)
    geometry = (*x_shape[1:3], W.shape[:2], stride, padding)
    dy, W, images = contiguous(dy), contiguous(W), _images(len(dy), dy.shape[1] * dy.shape[2])
    dx, plan = empty(x_shape, dy.dtype), plan_if_it_pays(input_grad_plan, x_shape, W, stride, padding)
    if plan:
        convolve(dy, W, dx, plan, stride, True, bias, slope)
    elif x_shape[3] < SHORT:
        scatter(dy, W, dx, rows_phase(*geometry), padding, bias, slope, images)
    else:
        gather(dy, W, dx, input_grad_phases(*geometry), True, bias, slope, images)
    return dx


@conv2d_weight_grad.engine("numba")
def _(x, dy, *, kernel_size, stride, padding):
    sizes = tuple(conv_output_size(x.shape[1 + a], kernel_size[a], stride[a], padding[a]) for a in (0, 1))
    if not _usable(x, dy) or dy.shape[:3] != (len(x), *sizes):
        return conv2d_weight_grad.twin(x, dy, kernel_size=kernel_size, stride=stride, padding=padding)
    dW = empty((*kernel_size, x.shape[3], dy.shape[3]), x.dtype)
    geometry = (*x.shape[1:3], kernel_size, stride, padding)
    plan = plan_if_it_pays(forward_plan, x.shape, dW, stride, padding)
    if plan:
        weight_grad_at_points(contiguous(x), contiguous(dy), dW, plan, stride)
    elif x.shape[3] < SHORT:
        weight_grad(pad_images(contiguous(x), padding), contiguous(dy), dW, rows_phase(*geometry))
    else:
        weight_grad(contiguous(x), contiguous(dy), dW, forward_phase(*geometry))
    return dW
