r"""A net on an image of any size: in overlapping tiles, whose outputs are blended.

    y = in_tiles(net, x, tile=32, overlap=16, scale=1)

**Why not side by side?**  Near its border a net sees zeros where the picture goes on, so tiles that only touch would
show their borders as seams.  Two neighbours therefore share `overlap` pixels, and each output is trusted the less the
nearer it is to the border of its tile.

**The window.**  Let o = overlap.  Along each side that has a neighbour, the weight of an output is

    (Tiles.1)   w(i) = 0                        for i < m          m = floor(3 o / 8)     context only
                w(i) = (i - m + 1/2) / (o - 2m)  for m <= i < o - m                        the two tiles fade into each other
                w(i) = 1                        for i >= o - m

where i = 0, 1, 2, ... counts input pixels from that side.  On sides without a neighbour, those of the picture itself, w
is 1.  A pixel's weight is the product of its weights along both axes, and the outputs are averaged with these weights:

    (Tiles.2)   y(p) = sum_k w_k(p) y_k(p) / sum_k w_k(p)          over the tiles k that contain p

In the fade two neighbours' weights add up to 1: (i - m + 1/2) + (o - 1 - i - m + 1/2) = o - 2m.

**When is this exact?**  If an output depends on inputs at most m pixels away, then every output with a weight is what
the net makes of the whole picture: (Tiles.2) is an average of equal numbers.  For a convolution with an odd kernel that
means kernel <= 2m + 1, about three quarters of the overlap.  A net that normalises by statistics of its input
(InstanceNorm), or that sees further, gives another picture in each tile, and the fade hides the difference.

The last tile of a row ends where the picture ends, so that all tiles have one size; it then shares more pixels with its
neighbour.  A picture that is smaller than a tile is continued by reflection, and the result is cut to its size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

AT_ONCE = 64  # tiles per call of the net


def in_tiles(
    apply: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    tile: tuple[int, int] | int,
    overlap: int,
    scale: int = 1,
    *,
    done: Callable[[int], object] = lambda n: None,
) -> np.ndarray:
    """y (scale H, scale W, C') for an image x (H, W, C), made in tiles (Tiles.1, 2).

    apply     maps (n, th, tw, C) to (n, scale th, scale tw, C'), each image by itself
    tile      (th, tw), or one number for both: the size of a tile in pixels of x
    overlap   pixels of x that neighbours share; from 0 to half of the smaller side of a tile
    scale     how many times larger the result is than x
    done      called with the number of tiles that are ready, after each call of `apply`

    Raises ValueError if sizes do not fit, or if `apply` returns another shape.
    """
    th, tw = (tile, tile) if isinstance(tile, int) else tile
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"in_tiles expects one image (H, W, C), got shape {x.shape}")
    if min(th, tw) < 1 or scale < 1 or not 0 <= overlap <= min(th, tw) // 2:
        raise ValueError(
            f"in_tiles: expected an overlap of 0 to half a tile and a scale of at least 1, got tiles of {th} x {tw}, "
            f"overlap {overlap}, scale {scale}"
        )
    H, W, _ = x.shape
    x = reflected(x, max(0, th - H), max(0, tw - W))
    tops, lefts = starts(x.shape[0], th, overlap), starts(x.shape[1], tw, overlap)
    down, across = windows(tops, th, overlap, scale), windows(lefts, tw, overlap, scale)
    places = [(i, j) for i in range(len(tops)) for j in range(len(lefts))]
    total = weights = np.zeros(0)
    for begin in range(0, len(places), AT_ONCE):
        part = places[begin : begin + AT_ONCE]
        made = apply(np.stack([x[tops[i] : tops[i] + th, lefts[j] : lefts[j] + tw] for i, j in part]))
        if made.ndim != 4 or made.shape[:3] != (len(part), scale * th, scale * tw):
            raise ValueError(
                f"in_tiles: expected {len(part)} tiles of {scale * th} x {scale * tw} pixels, got {made.shape}"
            )
        if not begin:
            total = np.zeros((scale * x.shape[0], scale * x.shape[1], made.shape[3]))
            weights = np.zeros((*total.shape[:2], 1))
        for (i, j), y in zip(part, made, strict=True):
            w = np.outer(down[i], across[j])[..., None]
            at = np.s_[scale * tops[i] : scale * (tops[i] + th), scale * lefts[j] : scale * (lefts[j] + tw)]
            total[at] += w * y
            weights[at] += w
        done(len(part))
    return (total / weights)[: scale * H, : scale * W].astype(made.dtype)


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where the tiles along one axis begin: `overlap` pixels before the end of the one before; the last ends at the end."""
    step = tile - overlap
    return [*range(0, length - tile, step), length - tile]


def windows(begins: list[int], tile: int, overlap: int, scale: int) -> list[np.ndarray]:
    """The weights (Tiles.1) of the outputs of each tile along one axis, (scale tile,) each."""
    m = 3 * overlap // 8
    ramp = (np.arange(overlap - 2 * m) + 0.5) / max(1, overlap - 2 * m)
    rise = np.concatenate([np.zeros(m), ramp, np.ones(tile - overlap + m)])
    result = []
    for k in range(len(begins)):
        window = np.ones(tile)
        if k > 0:
            window = window * rise
        if k < len(begins) - 1:
            window = window * rise[::-1]
        result.append(np.repeat(window, scale))
    return result


def reflected(x: np.ndarray, below: int, right: int) -> np.ndarray:
    """The image (H, W, C) with more rows and columns, which continue it as in a mirror; one pixel is repeated."""
    for axis, more in ((0, below), (1, right)):
        if more:
            pad = [(0, 0)] * 3
            pad[axis] = (0, more)
            x = np.pad(x, pad, mode="reflect" if x.shape[axis] > 1 else "edge")
    return x


def count(shape: tuple[int, ...], tile: tuple[int, int], overlap: int) -> int:
    """How many tiles `in_tiles` makes of an image (H, W, C)."""
    (H, W, *_), (th, tw) = shape, tile
    return len(starts(max(H, th), th, overlap)) * len(starts(max(W, tw), tw, overlap))
