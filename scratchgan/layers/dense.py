"""The fully connected layer: every output depends on every input."""

from __future__ import annotations

import numpy as np

from .. import initializers
from ..checks import positive_int, require_rng
from ..families import Bilinear
from ..kernels import matmul


class Dense(Bilinear):
    r"""Affine map.  Source: Goodfellow, Bengio & Courville 2016, section 6.5.

    Symbols   x (N, Di)   W (Di, Do)   b (Do,)   y (N, Do);   dv = dL/dv

    Forward   (Dense.1)   y  = x W + b
    Backward  (Dense.2)   dx = dy W^T              (N, Di)
              (Dense.3)   dW = x^T dy              (Di, Do)   summed over the batch
              (Dense.4)   db = sum_n dy_n          (Do,)
    Why       A small change (tx, tW, tb) changes the loss by sum dy * (tx W + x tW + tb): collect the factors of each.
    Tangent   the product rule on (2)-(4): see families.Bilinear.

    Arguments: Di and Do; `bias`; `init`, an initializer's name or function; `rng` draws W; b starts at 0.
    Errors    ValueError naming the layer and both shapes, if x is not (N, Di).
    """

    def __init__(self, Di: int, Do: int, *, rng: np.random.Generator, bias: bool = True, init="he", dtype=np.float32):
        super().__init__()
        self.Di, self.Do = positive_int("Dense", "Di", Di), positive_int("Dense", "Do", Do)
        require_rng("Dense", rng)
        self.add_param("W", initializers.get(init)((Di, Do), rng=rng, dtype=dtype))
        if bias:
            self.add_param("b", np.zeros(Do, dtype))

    def apply(self, x, W):
        """(Dense.1) without b."""
        return matmul(x, W)

    def affine(self, x, W, b):
        """(Dense.1)."""
        return matmul(x, W, bias=b)

    def adjoint(self, dy, W, x_shape):
        """(Dense.2)."""
        return matmul(dy, W, transpose_b=True)

    def weight_grad(self, x, dy):
        """(Dense.3)."""
        return matmul(x, dy, transpose_a=True)

    def output_shape(self, shape, batch="N"):
        """(Di,) -> (Do,)."""
        if shape is not None and (len(shape) != 1 or shape[0] not in (None, self.Di)):
            raise self.misfit(f"vectors (N, {self.Di})", shape, batch)
        return (self.Do,)

    def describe(self):
        return f"{self.Di}, {self.Do}" + ("" if "b" in self.params else ", bias=False")
