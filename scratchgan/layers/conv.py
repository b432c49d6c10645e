"""Convolution, for discriminators of images, and its adjoint, transposed convolution, for generators of images."""

from __future__ import annotations

import numpy as np

from .. import initializers
from ..checks import pair, positive_int, require_rng
from ..families import Bilinear
from ..kernels import conv2d, conv2d_input_grad, conv2d_weight_grad, conv_output_size


class Conv2D(Bilinear):
    r"""Two-dimensional convolution (strictly a cross-correlation, as is usual in the field).

    Source: Goodfellow, Bengio & Courville 2016, equation 9.6; Dumoulin & Visin 2016 for the sizes.

    Symbols   x (N, H, W, Ci)   W (k, k, Ci, Co)   b (Co,)   y (N, Ho, Wo, Co);   s stride, p padding
              xpad is x with p rows and columns of zeros on each side
              Ho = floor((H + 2p - k) / s) + 1, and Wo likewise

    Forward   (Conv2D.1)  y[n,h,w,o] = b[o] + sum_{i,j,c} xpad[n, s h + i, s w + j, c] W[i,j,c,o]
    Backward  (Conv2D.2)  dxpad[n, s h + i, s w + j, c] += sum_o dy[n,h,w,o] W[i,j,c,o]     over all h, w, i, j
              (Conv2D.3)  dW[i,j,c,o] = sum_{n,h,w} xpad[n, s h + i, s w + j, c] dy[n,h,w,o]
              (Conv2D.4)  db[o] = sum_{n,h,w} dy[n,h,w,o]
    Why       Each product x W in (1) adds dy W to the gradient of its x and dy x to that of its W, in the same loop.
    Tangent   the product rule on (2)-(4): see families.Bilinear.

    Arguments: Ci, Co; `kernel_size`, `stride`, `padding`, each an integer or a pair (height, width).
    Errors    ValueError if x is not (N, H, W, Ci), or smaller than the kernel.
    """

    def __init__(
        self,
        Ci: int,
        Co: int,
        *,
        kernel_size,
        stride=1,
        padding=0,
        bias: bool = True,
        rng: np.random.Generator,
        init="he",
        dtype=np.float32,
    ):
        super().__init__()
        self.Ci, self.Co = positive_int("Conv2D", "Ci", Ci), positive_int("Conv2D", "Co", Co)
        self.kernel_size = pair("Conv2D", "kernel_size", kernel_size)
        self.stride = pair("Conv2D", "stride", stride)
        self.padding = pair("Conv2D", "padding", padding, least=0)
        require_rng("Conv2D", rng)
        self.add_param("W", initializers.get(init)((*self.kernel_size, Ci, Co), rng=rng, dtype=dtype))
        if bias:
            self.add_param("b", np.zeros(Co, dtype))

    def apply(self, x, W):
        """(Conv2D.1) without b."""
        return conv2d(x, W, stride=self.stride, padding=self.padding)

    def affine(self, x, W, b):
        """(Conv2D.1)."""
        return conv2d(x, W, stride=self.stride, padding=self.padding, bias=b)

    def adjoint(self, dy, W, x_shape):
        """(Conv2D.2)."""
        return conv2d_input_grad(dy, W, x_shape=x_shape, stride=self.stride, padding=self.padding)

    def weight_grad(self, x, dy):
        """(Conv2D.3)."""
        return conv2d_weight_grad(x, dy, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding)

    def output_shape(self, shape, batch="N"):
        """(H, W, Ci) -> (Ho, Wo, Co)."""
        expected = f"images (N, H, W, {self.Ci})"
        if shape is None:
            return (None, None, self.Co)
        if len(shape) != 3 or shape[2] not in (None, self.Ci):
            raise self.misfit(expected, shape, batch)
        sizes: list[int | None] = []
        for n, k, s, p in zip(shape, self.kernel_size, self.stride, self.padding, strict=False):
            size = None if n is None else conv_output_size(n, k, s, p)
            sizes.append(size)
            if size is not None and size < 1:
                raise self.misfit(
                    f"{expected} of at least {k - 2 * p} pixels per side (kernel {k}, padding {p})", shape, batch
                )
        return (*sizes, self.Co)

    def describe(self):
        """Sizes."""
        return _describe(self)


class ConvTranspose2D(Bilinear):
    r"""Transposed ("inverted", "fractionally strided") convolution: the adjoint of the Conv2D from y's shape to x's.

    Source: Dumoulin & Visin 2016, chapter 4; Radford et al. 2016 for its use in a generator.

    Symbols   x (N, H, W, Ci)   W (k, k, Co, Ci)   b (Co,)   y (N, Ho, Wo, Co);   W is the weight of a Conv2D that
              maps Co channels to Ci;   o output padding, 0 <= o < s
              Ho = (H - 1) s - 2p + k + o, and Wo likewise.  The Conv2D maps both Ho and Ho - o to H; o selects one.

    Forward   (ConvT.1)   y = b + Conv2D's dx, with x in place of its dy                      (Conv2D.2)
    Backward  (ConvT.2)   dx = Conv2D's y, with dy in place of its x                          (Conv2D.1)
              (ConvT.3)   dW = Conv2D's dW, with dy in place of its x and x in place of its dy     (Conv2D.3)
              (ConvT.4)   db[o] = sum_{n,h,w} dy[n,h,w,o]
    Why       y = A' x for a linear A, so <y, dy> = <A' x, dy> = <x, A dy>: dx = A dy.
    Tangent   the product rule on (2)-(4): see families.Bilinear.

    Arguments: Ci, Co; `kernel_size`, `stride`, `padding`, `output_padding`, each an integer or a pair (height, width).
    Errors    ValueError if x is not (N, H, W, Ci), or if y would be empty.
    """

    def __init__(
        self,
        Ci: int,
        Co: int,
        *,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        bias: bool = True,
        rng: np.random.Generator,
        init="he",
        dtype=np.float32,
    ):
        super().__init__()
        who = "ConvTranspose2D"
        self.Ci, self.Co = positive_int(who, "Ci", Ci), positive_int(who, "Co", Co)
        self.kernel_size = pair(who, "kernel_size", kernel_size)
        self.stride = pair(who, "stride", stride)
        self.padding = pair(who, "padding", padding, least=0)
        self.output_padding = pair(who, "output_padding", output_padding, least=0)
        if any(o >= s for o, s in zip(self.output_padding, self.stride, strict=True)):
            raise ValueError(f"{who}: output_padding must be smaller than stride {self.stride}, got {output_padding!r}")
        require_rng(who, rng)
        # The fans are those of a layer from Ci to Co; with stride > 1, fewer inputs reach an output than fan_in counts.
        W = initializers.get(init)((*self.kernel_size, Ci, Co), rng=rng, dtype=dtype)
        self.add_param("W", np.ascontiguousarray(W.swapaxes(2, 3)))
        if bias:
            self.add_param("b", np.zeros(Co, dtype))

    def apply(self, x, W):
        """(ConvT.1) without b."""
        return self.affine(x, W, None)

    def affine(self, x, W, b):
        """(ConvT.1)."""
        return conv2d_input_grad(
            x,
            W,
            x_shape=(len(x), *self.output_shape(x.shape[1:])),
            stride=self.stride,
            padding=self.padding,
            bias=b,
        )

    def adjoint(self, dy, W, x_shape):
        """(ConvT.2)."""
        return conv2d(dy, W, stride=self.stride, padding=self.padding)

    def weight_grad(self, x, dy):
        """(ConvT.3)."""
        return conv2d_weight_grad(dy, x, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding)

    def output_shape(self, shape, batch="N"):
        """(H, W, Ci) -> (Ho, Wo, Co)."""
        expected = f"images (N, H, W, {self.Ci})"
        if shape is None:
            return (None, None, self.Co)
        if len(shape) != 3 or shape[2] not in (None, self.Ci):
            raise self.misfit(expected, shape, batch)
        geometry = zip(shape, self.kernel_size, self.stride, self.padding, self.output_padding, strict=False)
        sizes = [None if n is None else (n - 1) * s - 2 * p + k + o for n, k, s, p, o in geometry]
        if any(n is not None and n < 1 for n in sizes) or 0 in shape[:2]:
            raise self.misfit(f"{expected} large enough for an output of at least one pixel", shape, batch)
        return (*sizes, self.Co)

    def describe(self):
        """Sizes."""
        output = f", output_padding={self.output_padding}" if any(self.output_padding) else ""
        return _describe(self) + output


def _describe(layer) -> str:
    bias = "" if "b" in layer.params else ", bias=False"
    return (
        f"{layer.Ci}, {layer.Co}, kernel_size={layer.kernel_size}, stride={layer.stride}, padding={layer.padding}{bias}"
    )
