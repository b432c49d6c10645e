r"""Do outputs look real?  Distances of sets of features for the few held-out images that a paired task has.

The Frechet distance of F features needs many more images than features, and a paired task holds out a hundred or so.
So there are at most 32 features: along the first principal components of the training targets' features.  From all of
them the mean of the held-out truth is subtracted, and they are divided by one number, so that the mean variance of the
truth is 1: that is the unit of the distances.

The held-out images are divided at random into halves A and B without a common image, forty times:

    a method    distance of the truth of A and the outputs for B         the floor    of the truth of A and that of B

and each number is the mean over the forty.  So method and floor are measured on sets of the same size, and no output is
compared with its own truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ...data import resize_images
from ...data.dataset import to_channels
from ...metrics.classifier import LABEL as DIGITS_LABEL
from ...metrics.classifier import SIZE, load_classifier
from ...metrics.texture_net import LABEL as TEXTURE_LABEL
from ...metrics.texture_net import LEAST, load_texture_net

MOST_FEATURES, PER_FEATURE = 32, 2  # in each half there are at least two images per feature
PATCH = 16  # pixels
MOST_TRAIN = 2000  # training images that the components are computed from
SPLITS = 40

Net = Callable[[np.ndarray], np.ndarray]


def net_for(shape: tuple[int, ...], *, digits: bool) -> tuple[Net, str]:
    """(function of images to features (N, F), what they are) for images (H, W, C)."""
    if digits:
        return lambda x: load_classifier().features(resize_images(to_channels(x, 1), SIZE)), DIGITS_LABEL
    if min(shape[:2]) >= LEAST:
        return lambda x: load_texture_net().features(x), TEXTURE_LABEL
    return lambda x: x.reshape(len(x), -1), f"features are pixels: images are smaller than {LEAST} pixels"


def patches(images: np.ndarray, side: int = PATCH) -> np.ndarray:
    """Cut images (N, H, W, C) into patches (N, P, side, side, C), row by row, without overlap; the rest is left out."""
    N, H, W, C = images.shape
    rows, columns = H // side, W // side
    cut = images[:, : rows * side, : columns * side].reshape(N, rows, side, columns, side, C)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(N, rows * columns, side, side, C)


def halves(n: int, rng: np.random.Generator, splits: int = SPLITS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`splits` random pairs (A, B) of n // 2 indices each, without a common one."""
    for _ in range(splits):
        order = rng.permutation(n)
        yield order[: n // 2], order[n // 2 : 2 * (n // 2)]


def pieces_of(images: np.ndarray, cut: bool) -> int:
    """How many patches the images have together; or images, if they are not cut."""
    return len(images) * (images.shape[1] // PATCH * (images.shape[2] // PATCH) if cut else 1)


@dataclass(frozen=True)
class View:
    """Features of images in groups, (N, P, F): P patches of each image, or 1 if it is not cut.

    label     what the features are
    """

    net: Net
    mean: np.ndarray
    axes: np.ndarray
    cut: bool
    label: str

    @classmethod
    def of(cls, train_y: np.ndarray, y: np.ndarray, *, digits: bool, cut: bool, rng: np.random.Generator) -> View:
        """The view for the held-out images y, with the principal components of the training targets.

        cut     whether patches are compared instead of whole images, as is usual where local texture matters
        """
        some = train_y[np.sort(rng.permutation(len(train_y))[:MOST_TRAIN])]
        cut = cut and not digits and min(*train_y.shape[1:3], *y.shape[1:3]) >= 2 * PATCH
        pieces = patches(some) if cut else some[:, None]
        net, label = net_for(pieces.shape[2:], digits=digits)
        features = net(pieces.reshape(-1, *pieces.shape[2:])).astype(np.float64)
        _, size, directions = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
        kept = int((size > 1e-6 * size[0]).sum())
        count = max(1, min(MOST_FEATURES, kept, pieces_of(y, cut) // 2 // PER_FEATURE))
        axes = directions[:count].T
        where = f" of patches of {PATCH} x {PATCH} pixels" if cut else ""
        view = cls(net, np.zeros(len(axes)), axes, cut, f"{label}; {count} principal components{where}")
        truth = view(y).reshape(-1, count)
        scale = np.sqrt(truth.var(axis=0).mean()) or 1.0
        return replace(view, mean=truth.mean(axis=0) @ axes.T, axes=axes / scale)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, P, F) of images (N, H, W, C)."""
        pieces = patches(images) if self.cut else images[:, None]
        features = self.net(np.ascontiguousarray(pieces.reshape(-1, *pieces.shape[2:]), np.float32))
        return ((features - self.mean) @ self.axes).reshape(*pieces.shape[:2], -1)


def between_halves(distance: Callable, truth: np.ndarray, other: np.ndarray, seed: int) -> float:
    """Mean over the splits of distance(truth of A, other of B), for features (N, P, F); the seed chooses the halves.

    Halves are of images; of fewer than four images the patches are divided instead.
    """
    if len(truth) < 4:
        truth, other = (f.reshape(-1, 1, f.shape[-1]) for f in (truth, other))
    values = [
        distance(truth[A].reshape(-1, truth.shape[-1]), other[B].reshape(-1, other.shape[-1]))
        for A, B in halves(len(truth), np.random.default_rng([seed, 2000]))
    ]
    return float(np.mean(values))
