"""Products of two activations, entry by entry and as matrices.  They are parts of layers that are graphs."""

from __future__ import annotations

from ..core import ShapeError
from ..families import Product
from ..kernels import batch_matmul


class Multiply(Product):
    r"""Entry by entry: a gate, a modulation, a projection.

    Symbols   a and y of any shape;   b of a shape that NumPy broadcasts to that of a: a style (N, 1, 1, C)
              for images (N, H, W, C), a gate (1,) for anything

    Forward   (Multiply.1)   y = a b
    Backward  (Multiply.2)   da = dy b
              (Multiply.3)   db = dy a, summed over all entries that an entry of b was broadcast to
    Tangent   the product rule: see families.Product.
    """

    def apply(self, a, b):
        """(Multiply.1)."""
        return a * b

    def adjoint_a(self, dy, b, a_shape):
        """(Multiply.2)."""
        return dy * b

    def adjoint_b(self, a, dy, b_shape):
        """(Multiply.3)."""
        db = dy * a
        extra = db.ndim - len(b_shape)
        repeated = [i for i in range(db.ndim) if i < extra or (b_shape[i - extra] == 1 and db.shape[i] != 1)]
        return db.sum(axis=tuple(repeated)).reshape(b_shape) if repeated else db

    def output_shape(self, shape, batch="N"):
        """(shape of a, shape of b), both with the batch axis -> shape of a."""
        a, b = shape
        if len(b) > len(a) or any(m not in (1, n) for n, m in zip(reversed(a), reversed(b), strict=False)):
            raise ShapeError(f"{self.label} expects b of a shape that broadcasts to a's, got a {a} and b {b}")
        return a


class MatMul(Product):
    r"""A matrix product for every sample: the scores and the weighted means of attention.

    Symbols   a (N, I, K)   b (N, K, J), or (N, J, K) with `transpose_b`   y (N, I, J);   below, one sample

    Forward   (MatMul.1)   y = a b          or   y = a b^T
    Backward  (MatMul.2)   da = dy b^T      or   da = dy b
              (MatMul.3)   db = a^T dy      or   db = dy^T a
    Tangent   the product rule: see families.Product.
    """

    def __init__(self, *, transpose_b: bool = False):
        super().__init__()
        self.transpose_b = bool(transpose_b)

    def apply(self, a, b):
        """(MatMul.1)."""
        return batch_matmul(a, b, transpose_b=self.transpose_b)

    def adjoint_a(self, dy, b, a_shape):
        """(MatMul.2)."""
        return batch_matmul(dy, b, transpose_b=not self.transpose_b)

    def adjoint_b(self, a, dy, b_shape):
        """(MatMul.3)."""
        return batch_matmul(dy, a, transpose_a=True) if self.transpose_b else batch_matmul(a, dy, transpose_a=True)

    def output_shape(self, shape, batch="N"):
        """(shape of a, shape of b), both with the batch axis -> (N, I, J)."""
        a, b = shape
        names = "(N, J, K)" if self.transpose_b else "(N, K, J)"
        if len(a) == len(b) == 3:
            J, K = b[1:] if self.transpose_b else b[:0:-1]
            if a[0] == b[0] and a[2] == K:
                return (*a[:2], J)
        raise ShapeError(f"{self.label} expects a (N, I, K) and b {names}, got a {a} and b {b}")

    def describe(self):
        return "transpose_b=True" if self.transpose_b else ""
