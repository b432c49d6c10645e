r"""Content losses: how far an image is from the one that it should be, pixel by pixel.

Where the right answer is known (a pair, a sharp original, what was under the hole), G can be compared with it.  With
d = u - v, u what G made, v the target, M entries in the batch:

    name          value                                                 gradient                second derivative
    l1            (Content.1)  L = mean |d|                             sign(d) / M             0
    l2            (Content.2)  L = mean d^2                             2 d / M                 2 / M
    charbonnier   (Content.3)  L = mean (sqrt(d^2 + eps^2) - eps)       d / (s M)               eps^2 / (s^3 M)

with s = sqrt(d^2 + eps^2).  All three are sums of a function of one entry, rho(d) / M, so that

    (Content.4)   dL/du = rho'(d) / M,          t(dL/du) = rho''(d) tu / M

    rho = |d|     rho' = sign(d), which jumps from -1 to 1 at d = 0; with sign(0) = 0, exact pixels stay as they are
    rho = d^2     rho' = 2 d
    rho = s       ds/dd = 2 d / (2 s) = d / s;   d(d / s)/dd = (s - d^2 / s) / s^2 = (s^2 - d^2) / s^3 = eps^2 / s^3

**What they ask for.**  If several v are possible for one input, the u of least expected loss is their mean for l2 and
their median for l1, in each pixel: neither needs to be a possible image, which is why both blur.  l1's gradient is as
large for a small error as for a large one, so it finishes what l2 leaves a little wrong.  Charbonnier's is l1's for
|d| >> eps and linear in d below: it has no corner.  Taking eps away makes L = 0 at u = v, and leaves the gradient as it
is.

Source: Isola et al. 2017, section 3.1, for l1; Pathak et al. 2016, equation 1, for l2; Charbonnier et al. 1994, and Lai
et al. 2017, equation 2, with eps = 1e-3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..checks import one_of
from ..core import Cache, Layer, Shape, ShapeError, TParams

#: of Charbonnier's loss, in units of [-1, 1]
EPS = 1e-3


def l1(u: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray]:
    """(mean |u - v|, its gradient by u) for arrays of one shape.  (Content.1)"""
    difference = u - v
    return float(np.abs(difference).mean(dtype=np.float64)), np.sign(difference) / difference.dtype.type(u.size)


def l2(u: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray]:
    """(mean (u - v)^2, its gradient by u) for arrays of one shape.  (Content.2)"""
    difference = u - v
    value = float(np.square(difference).mean(dtype=np.float64))
    return value, difference * difference.dtype.type(2 / u.size)


def charbonnier(u: np.ndarray, v: np.ndarray, eps: float = EPS) -> tuple[float, np.ndarray]:
    """(mean (sqrt((u - v)^2 + eps^2) - eps), its gradient by u) for arrays of one shape.  (Content.3)"""
    difference = u - v
    s = np.sqrt(difference * difference + difference.dtype.type(eps**2))
    return float(s.mean(dtype=np.float64)) - eps, difference / (s * s.dtype.type(u.size))


#: name -> (u, v) -> (value, gradient by u)
CONTENT: dict[str, Callable[..., tuple[float, np.ndarray]]] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
}
#: name -> rho''(d), entry by entry
CURVATURE: dict[str, Callable[..., np.ndarray]] = {
    "l1": np.zeros_like,
    "l2": lambda d: np.full_like(d, 2),
    "charbonnier": lambda d, eps=EPS: eps**2 / np.sqrt(d * d + eps**2) ** 3,
}


def get(name: str) -> Callable[..., tuple[float, np.ndarray]]:
    """The content loss called `name`.  Raises ValueError for an unknown name."""
    one_of("losses", "content", name, CONTENT)
    return CONTENT[name]


class Content(Layer):
    """The content loss `name` for a fixed target v (N, ...) as a layer u -> L (1, 1), which `gradcheck` can check.

    options    of the loss: eps of "charbonnier"
    """

    couples_samples = True

    def __init__(self, name: str, target: np.ndarray, **options: float):
        super().__init__()
        self.name, self.target, self.options = name, target, options
        self.loss = get(name)

    def forward(
        self, x: np.ndarray, *, train: bool, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, Cache]:
        """(Content.1-3)."""
        self.check_input(x)
        if x.shape != self.target.shape:
            raise ShapeError(f"{self.label} compares with a target of shape {self.target.shape}, got {x.shape}")
        cache = Cache(self, x, train)
        value, cache.slope = self.loss(x, self.target.astype(x.dtype), **self.options)
        cache.y_shape, cache.couples = (1, 1), True
        return np.full((1, 1), value, x.dtype), cache

    def backward(
        self, dy: np.ndarray, cache: Cache, *, param_grads: bool = True, input_grad: bool = True
    ) -> np.ndarray | None:
        """(Content.4), times dy."""
        cache.begin_backward(self, dy)
        return dy.reshape(()) * cache.slope if input_grad else None

    def tangent(self, tx: np.ndarray | None, cache: Cache, tparams: TParams = None) -> np.ndarray | None:
        """ty = <dL/du, tu>."""
        cache.begin_tangent(self, tx, tparams)
        return None if tx is None else np.full((1, 1), (cache.slope * tx).sum(), tx.dtype)

    def tangent_backward(self, tdy: np.ndarray | None, cache: Cache, *, input_grad: bool = True) -> np.ndarray | None:
        """The product rule: t(dL/du) of (Content.4) times dy, and dL/du times tdy."""
        cache.begin_tangent_backward(self, tdy)
        if not input_grad:
            return None
        x, dy = cache.x, cache.dy
        assert dy is not None  # from backward
        tdx = np.zeros_like(x) if tdy is None else tdy.reshape(()) * cache.slope
        if cache.tx is None:
            return tdx
        curvature = CURVATURE[self.name](x - self.target.astype(x.dtype), **self.options)
        return tdx + dy.reshape(()) * curvature * cache.tx / x.dtype.type(x.size)

    def output_shape(self, shape: Shape, batch: object = "N") -> Shape:
        """-> (1,)."""
        return (1,)

    def kink_distance(self, cache: Cache) -> float:
        """For l1 the smallest |u - v|."""
        return float(np.abs(cache.x - self.target).min()) if self.name == "l1" else np.inf

    def describe(self) -> str:
        """The name of the loss."""
        return repr(self.name)
