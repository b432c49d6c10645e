"""Holes in images, for inpainting: where they are, and what a net is given of an image that has one.

A mask is (N, H, W) bool, True in the hole.
"""

from __future__ import annotations

import numpy as np

from ..checks import one_of, positive_int, real, require_rng

HOLES = ("square", "half", "strokes")
MOST_STROKES = 80  # of one hole


def draw_holes(
    n: int, height: int, width: int, rng: np.random.Generator, *, hole: str = "square", by: float = 0.5
) -> np.ndarray:
    """Masks of n images, (n, height, width) bool.

    hole  "square"   a square at a place that is drawn for each image: all places at which it lies inside are equally
                     likely.  Its side is `by` of the image's shorter side, rounded, at least 1
          "half"     the lower half: the last height // 2 rows.  Nothing is drawn
          "strokes"  one line of a thick brush that wanders: strokes are added until at least by^2 of the image, the
                     area of the square, is covered (or after 80 strokes).  Each begins where the last one ended, turns
                     by up to a right angle, has a length of 1/8 to 3/8 of the shorter side and a radius of 1/16 to 1/8
                     of it; an end outside the image is moved to its border
    ValueError for another kind of hole, a `by` outside (0, 1), or a size below 1; TypeError if rng is no Generator.
    """
    one_of("draw_holes", "hole", hole, HOLES)
    by = real("draw_holes", "by", by, 0, 1, open_low=True, open_high=True)
    for name, value in (("n", n), ("height", height), ("width", width)):
        positive_int("draw_holes", name, value)
    require_rng("draw_holes", rng)
    short = min(height, width)
    if hole == "half":
        mask = np.zeros((n, height, width), bool)
        mask[:, height - height // 2 :] = True
        return mask
    if hole == "square":
        side = max(1, round(by * short))
        top, left = rng.integers(height - side + 1, size=n), rng.integers(width - side + 1, size=n)
        rows, columns = _from(top, side, height), _from(left, side, width)
        return rows[:, :, None] & columns[:, None, :]
    return _strokes(n, height, width, rng, by * by)


def _from(start, side, size):
    """(n, size) bool: whether an index is in start .. start + side - 1."""
    index = np.arange(size) - start[:, None]
    return (index >= 0) & (index < side)


def _strokes(n, height, width, rng, area):
    short, size = min(height, width), np.array([height, width], dtype=np.float32)
    mask = np.zeros((n, height, width), bool)
    start = (rng.random((n, 2)) * size).astype(np.float32)
    angle = rng.uniform(-np.pi, np.pi, n)
    for _ in range(MOST_STROKES):
        wanted = np.flatnonzero(mask.mean(axis=(1, 2)) < area)
        if not len(wanted):
            break
        angle = angle + rng.uniform(-np.pi / 2, np.pi / 2, n)
        length = rng.uniform(short / 8, 3 * short / 8, n)
        radius = np.maximum(rng.uniform(short / 16, short / 8, n), 0.75)  # at least one pixel is covered
        end = start + length[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        end = np.clip(end, 0, size).astype(np.float32)
        distance = _distance_squared(height, width, start[wanted], end[wanted])
        mask[wanted] |= distance <= radius[wanted, None, None] ** 2
        start = end
    return mask


def _distance_squared(height, width, start, end):
    """(n, H, W): from the centre p of each pixel to the nearest point a + s (b - a), 0 <= s <= 1, of n strokes a b.

    With u = b - a and v = p - a it is |v|^2 - 2 s u.v + s^2 |u|^2, and s = u.v / |u|^2 between 0 and 1.
    """
    u = (end - start)[:, :, None, None]
    down = (np.arange(height, dtype=np.float32) + 0.5)[:, None] - start[:, 0, None, None]  # (n, H, 1)
    right = (np.arange(width, dtype=np.float32) + 0.5)[None, :] - start[:, 1, None, None]  # (n, 1, W)
    dot = u[:, 0] * down + u[:, 1] * right
    square = np.maximum(u[:, 0] ** 2 + u[:, 1] ** 2, 1e-12)  # of a stroke that ends where it begins
    s = np.clip(dot / square, 0, 1)
    return down**2 + right**2 - s * (2 * dot - s * square)


def with_holes(y: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What a net is given (Degrade.5): images y (N, H, W, C) and masks (N, H, W) become (N, H, W, C + 1) float32.

    The hole has the mean colour of the image's known pixels (0, mid-grey, if none is known), so nothing of what was in
    the hole is given away.  The last channel is the mask: -1 where the image is known, +1 in the hole.
    ValueError if the shapes do not fit or mask is not of booleans.
    """
    y, mask = np.asarray(y, dtype=np.float32), np.asarray(mask)
    if y.ndim != 4 or mask.shape != y.shape[:3] or mask.dtype != bool:
        raise ValueError(
            f"with_holes expects images (N, H, W, C) and booleans (N, H, W), got {y.shape} and {mask.dtype} "
            f"{mask.shape}"
        )
    known = (~mask).reshape(len(y), 1, -1).astype(np.float32)
    mean = known @ y.reshape(len(y), -1, y.shape[3]) / np.maximum(known.sum(axis=2, keepdims=True), 1)  # (N, 1, C)
    out = np.empty((*mask.shape, y.shape[3] + 1), np.float32)
    out[..., :-1] = np.where(mask[..., None], mean[:, None], y)
    out[..., -1] = np.where(mask, 1, -1)
    return out
