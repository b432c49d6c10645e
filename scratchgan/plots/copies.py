"""Does G copy?  Samples next to the training images that are nearest to them.

If a sample is a training image plus noise, G has only memorised it.  Which distance counts as near depends on the data,
so the figure states a scale: the distance from a real image to the nearest *other* real image.  Samples at about that
distance are as new as real ones; samples much nearer are copies.  Pixel distances miss copies that are shifted or
mirrored, so a figure without copies proves nothing.
"""

import numpy as np

from ..checks import positive_int
from .base import FAKE, REAL, figure
from .grids import image_grid
from .style import drawing
from .text import heading

AT_ONCE = 2**22  # numbers of training images that are compared at once: 32 MB in float64
COMPARED = 200  # real images whose nearest other real image gives the scale


def nearest_images(samples: np.ndarray, training: np.ndarray, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k training images nearest to each sample, nearest first.

    samples (N, H, W, C) and training (M, H, W, C).  Returns (indices (N, k), Euclidean distances (N, k) float64, which
    are exactly 0 for a copy).  Ties go to the lower index.

    Raises ValueError for shapes that do not match, values that are not finite, or k above the number of training
    images.
    """
    from ..metrics.neighbours import nearest

    samples, training = np.asarray(samples), np.asarray(training)
    for images in (samples, training):
        image_grid(images[:1])  # checks the shape
        if not (np.isfinite(images.min()) and np.isfinite(images.max())):  # both are NaN if there is one
            raise ValueError("nearest_images: expected finite pixels, got nan or inf")
    if samples.shape[1:] != training.shape[1:]:
        raise ValueError(
            f"nearest_images: expected samples and training images of the same shape, got {samples.shape[1:]} "
            f"and {training.shape[1:]}"
        )
    if positive_int("nearest_images", "k", k) > len(training):
        raise ValueError(f"nearest_images: k must be at most {len(training)}, the number of training images, got {k}")
    a, flat = samples.reshape(len(samples), -1).astype(np.float64), training.reshape(len(training), -1)
    squares, indices = np.empty((len(a), 0)), np.empty((len(a), 0), np.int64)
    rows = max(1, AT_ONCE // flat.shape[1])
    for start in range(0, len(flat), rows):  # in parts: the distances are exact, so that the result is the same
        part = flat[start : start + rows].astype(np.float64)
        near, where = nearest(a, part, min(k, len(part)))
        squares, indices = np.hstack([squares, near]), np.hstack([indices, where + start])
        order = np.argsort(squares, axis=1, kind="stable")[:, :k]  # stable: ties go to the lower index
        squares, indices = np.take_along_axis(squares, order, 1), np.take_along_axis(indices, order, 1)
    return indices, np.sqrt(squares)


@drawing
def neighbours(samples: np.ndarray, training: np.ndarray, *, k: int = 6, title: str = "", seed: int = 0):
    """Draw each sample on the left and its k nearest training images, with their distances, on the right.

    samples (N, H, W, C) and training (M, H, W, C), in [-1, 1], C = 1 or 3.  The scale is the distance from a real image
    to the nearest other one: the median over up to 200 of them, chosen by `seed`.  Images at less than half of that, an
    arbitrary limit, are marked "copy?".  Returns a Figure.

    Raises ValueError as `nearest_images` does, and for fewer than 2 training images.
    """
    samples, training = np.asarray(samples), np.asarray(training)
    indices, distances = nearest_images(samples, training, k)
    if len(training) < 2:
        raise ValueError(f"neighbours need at least 2 training images, got {len(training)}")
    some = np.random.default_rng(seed).permutation(len(training))[:COMPARED]
    scale = float(np.median(nearest_images(training[some], training, 2)[1][:, 1]))  # column 0 is the image itself

    N, H, W, _ = samples.shape
    cell, text, apart, margin, top, head = 0.8 * W / max(H, W), 0.2, 0.25, 0.12, 0.62, 0.22
    tall = 0.8 * H / max(H, W)
    width = max(2 * margin + (k + 1) * (cell + 0.06) + apart, 7.0)
    left = (width - (k + 1) * (cell + 0.06) - apart) / 2
    height = top + head + N * (tall + text) + margin
    fig = figure(width, height)
    for n in range(N):
        for j in range(k + 1):
            image = samples[n] if j == 0 else training[indices[n, j - 1]]
            x = left + j * (cell + 0.06) + (apart if j else 0)
            y = height - top - head - n * (tall + text) - tall
            axes = fig.add_axes((x / width, y / height, cell / width, tall / height))
            axes.imshow(np.broadcast_to(image_grid(image[None], gap=0), (H, W, 3)), interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(color=FAKE if j == 0 else REAL, linewidth=1.5)
            if j:
                copy = distances[n, j - 1] < scale / 2
                words = f"{distances[n, j - 1]:.2f}" + (" copy?" if copy else "")
                fig.text(
                    (x + cell / 2) / width,
                    (y - 0.02) / height,
                    words,
                    fontsize=7,
                    ha="center",
                    va="top",
                    weight="bold" if copy else "normal",
                )
    for x, words, colour in (
        (left, "generated", FAKE),
        (left + cell + 0.06 + apart, f"nearest of {len(training):,} training images", REAL),
    ):
        fig.text(x / width, 1 - (top + 0.02) / height, words, fontsize=9, color=colour, va="top")
    copies = int((distances[:, 0] < scale / 2).sum())
    hint = (
        f"A real image is {scale:.2f} from the nearest other one. {copies or 'None'} of {N} samples "
        f"{'is' if copies == 1 else 'are'} nearer than half of that" + (": copies?" if copies else "")
    )
    fig.suptitle(heading(fig, title, hint), fontsize=9, y=1 - 0.1 / height, va="top")
    return fig
