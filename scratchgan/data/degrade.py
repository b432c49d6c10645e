r"""What is given to a net that repairs images, made from the images themselves: x = degrade(y).

No pairs have to be collected: y is a good image, x is what is left of it, and the net learns the way back.

    bicubic   (Degrade.1)   x = A y B^T,   row i of A:  A_ij = k((j + 1/2)/f - (i + 1/2)) / sum_j' of the same
    blur      (Degrade.2)   x = S y S^T,   row i of S:  S_ij = sum of g(m) over all m with fold(i + m) = j
    noise     (Degrade.3)   x = clip(y + sigma eps, -1, 1),   eps ~ N(0, 1) for each value
    grey      (Degrade.4)   x = 0.299 R + 0.587 G + 0.114 B
    holes     (Degrade.5)   x = [(1 - m) y + m c, 2m - 1],   m = 1 in the hole, 0 outside

with, in one channel, k the cubic kernel of Keys (a = -1/2), stretched by the factor f so that what the small image
cannot show is averaged away (no aliasing); g(m) proportional to exp(-m^2 / (2 sigma^2)), |m| <= 4 sigma, with sum 1;
fold the reflection at the border, d c b a | a b c d | d c b a; and c the mean colour of the image's known pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..checks import one_of, real, require_rng
from .dataset import to_channels
from .holes import HOLES, draw_holes, with_holes
from .limits import DataError

#: {kind: (default of `by`, the least, the largest)}
KINDS: dict[str, tuple[float, float, float]] = {
    "bicubic": (4, 2, 4),
    "blur": (1.0, 0.1, 16),
    "noise": (0.2, 0.001, 2),
    "grey": (0, 0, 0),
    "holes": (0.5, 0.01, 0.95),
}


@dataclass(frozen=True)
class Degradation:
    """One way to damage images: Degradation("blur", 1.5)(y, rng) -> x.

    kind   "bicubic"   smaller by the factor `by`, 2 or 4, without aliasing; x is (N, H/by, W/by, C)
           "blur"      Gaussian, `by` is its standard deviation in pixels
           "noise"     Gaussian, `by` is its standard deviation; pixels lie in [-1, 1], so 0.2 is 25 of 255.  The result
                       is clipped, as the pixels of any image file are: at black and white the noise has no mean of 0
           "grey"      x has one channel; `by` is not used
           "holes"     x is (N, H, W, C + 1): the image whose hole has the mean colour of its known pixels, and a last
                       channel that is -1 where the image is known and +1 in the hole; see `holes.draw_holes`
    by     see above; 0 is the default of the kind: 4, 1.0, 0.2, -, 0.5
    hole   "square" (side: `by` of the shorter side), "half" (the lower half), "strokes" (an area of by^2)

    ValueError for an unknown kind or hole, or for a `by` outside what the kind allows.
    Source of the kernel: R. Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29 (1981).
    """

    kind: str
    by: float = 0.0
    hole: str = "square"

    def __post_init__(self) -> None:
        one_of("degrade", "kind", self.kind, KINDS)
        one_of("degrade", "hole", self.hole, HOLES)
        default, low, high = KINDS[self.kind]
        by = real("degrade", f"by ({self.kind})", self.by, min(low, 0), high)
        if self.kind == "bicubic" and by not in (0, 2, 4):
            raise ValueError(f"degrade: by (bicubic) must be 2 or 4, got {self.by!r}")
        object.__setattr__(self, "by", real("degrade", f"by ({self.kind})", by or default, low, high))

    @property
    def scale(self) -> int:
        """By what factor y is larger than x: 1, 2 or 4."""
        return int(self.by) if self.kind == "bicubic" else 1

    @property
    def draws(self) -> bool:
        """Whether x depends on rng, so that the same y gives another x each time."""
        return self.kind == "noise" or (self.kind == "holes" and self.hole != "half")

    def input_shape(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(h, w, C') of x for images y of `shape` (H, W, C).  DataError if such images cannot be degraded."""
        if len(shape) != 3:
            raise DataError(f"degrade ({self.kind}): expected images (H, W, C), got examples of shape {shape}")
        height, width, channels = shape
        if height % self.scale or width % self.scale:
            raise DataError(
                f"degrade (bicubic): sides must be multiples of {self.scale}, got {height} x {width}; choose another "
                f"image_size, such as {max(1, round(height / self.scale)) * self.scale}"
            )
        if self.kind == "grey" and channels != 3:
            raise DataError(f"degrade (grey): expected images with 3 channels, got {channels}: use channels=3")
        if self.kind == "holes" and min(height, width) < 2:
            raise DataError(f"degrade (holes): expected sides of at least 2, got {height} x {width}")
        channels = {"grey": 1, "holes": channels + 1}.get(self.kind, channels)
        return height // self.scale, width // self.scale, channels

    def __call__(self, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x of images y (N, H, W, C) in [-1, 1]: (N, *input_shape) float32 in [-1, 1].

        Everything random is drawn from rng; bicubic, blur, grey and the lower half draw nothing.
        TypeError if rng is no Generator, DataError as `input_shape`.
        """
        require_rng("degrade", rng)
        y = np.asarray(y, dtype=np.float32)
        self.input_shape(y.shape[1:])
        if self.kind == "bicubic":
            return np.clip(separable(y, *(bicubic_matrix(n, n // self.scale) for n in y.shape[1:3])), -1, 1)
        if self.kind == "blur":
            return np.clip(separable(y, *(blur_matrix(n, self.by) for n in y.shape[1:3])), -1, 1)
        if self.kind == "noise":
            return np.clip(y + np.float32(self.by) * rng.standard_normal(y.shape, dtype=np.float32), -1, 1)
        if self.kind == "grey":
            return to_channels(y, 1)
        n, height, width, _ = y.shape
        return with_holes(y, draw_holes(n, height, width, rng, hole=self.hole, by=self.by))


def separable(y: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """rows y columns^T for every channel of images y (N, H, W, C): (N, h, w, C) with rows (h, H), columns (w, W)."""
    y = np.asarray(y, dtype=np.float32)
    n, height, width, channels = y.shape
    y = (rows @ y.reshape(n, height, width * channels)).reshape(n, len(rows), width, channels)
    return columns @ y


@lru_cache(maxsize=16)
def bicubic_matrix(size: int, small: int) -> np.ndarray:
    """A of (Degrade.1), (small, size) float32: weights by which `size` pixels become `small` ones; each row's sum is 1.

    Pixel i of the small image has its centre at i + 1/2; on its scale, pixel j of the large one is at
    (j + 1/2) small / size.  The kernel k(t) is (3/2) |t|^3 - (5/2) t^2 + 1 for |t| <= 1, and
    -(1/2) |t|^3 + (5/2) t^2 - 4 |t| + 2 for 1 < |t| < 2.  At the border it is cut off, and the rest scaled to 1.
    """
    t = np.abs((np.arange(size) + 0.5) * small / size - (np.arange(small)[:, None] + 0.5))
    inner, outer = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    weights = np.where(t <= 1, inner, np.where(t < 2, outer, 0.0))
    return _fixed(weights / weights.sum(axis=1, keepdims=True))


@lru_cache(maxsize=16)
def blur_matrix(size: int, sigma: float) -> np.ndarray:
    """S of (Degrade.2), (size, size) float32: a Gaussian around each pixel, reflected at the border; rows' sums are 1."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    places = (np.arange(size)[:, None] + offsets) % (2 * size)  # the image and its reflection, in turn
    places = np.where(places < size, places, 2 * size - 1 - places)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], places), weights)
    return _fixed(matrix)


def _fixed(matrix):
    """As float32 that nobody can change, because it is kept for the next call."""
    matrix = matrix.astype(np.float32)
    matrix.flags.writeable = False
    return matrix
