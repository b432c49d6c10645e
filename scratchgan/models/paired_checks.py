"""What a game with pairs is checked for: do its nets fit, and do the images that it is given?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core import Layer, ShapeError, show_shape
from ..layers import Sequential
from .paired_views import VIEWS

if TYPE_CHECKING:
    from .paired_game import PairedGAN


def fit(game: PairedGAN) -> None:
    """Check that shapes and nets of a game fit.  Raises ShapeError or ValueError, which says what does not."""
    (h, w, Cx), (H, W, C) = (_sizes(name, getattr(game, name)) for name in ("input_shape", "data_shape"))
    if H % h or W % w or H // h != W // w:
        raise ShapeError(f"PairedGAN: y must be x's size or a multiple of it, got {H} x {W} and {h} x {w}")
    if game.composite or game.d_sees == "hole":
        if (h, w, Cx) != (H, W, C + 1):
            raise ShapeError(
                f"PairedGAN: with a hole, x has y's channels and a mask: expected ({H}, {W}, {C + 1}), got ({h}, {w}, {Cx})"
            )
        if not game.composite:
            raise ValueError('PairedGAN: d_sees = "hole" needs composite = True')
    given = (h, w, Cx + (game.noise == "channel"))
    if (made := game.G.output_shape(given)) != game.data_shape:
        raise ShapeError(f"PairedGAN: G makes images of shape {made}, the data have {game.data_shape}")
    if any(layer.couples_samples for layer in game.G.layers_below()):
        raise ValueError("PairedGAN: G has a layer that mixes the images of a batch (BatchNorm); use InstanceNorm")
    if not isinstance(game.D, Sequential):
        raise ValueError(f"PairedGAN: D must be a Sequential, got {type(game.D).__name__}")
    game.D.output_shape((H, W, VIEWS[game.d_sees][2](Cx, C)))
    nets: list[tuple[str, Layer]] = [("D", game.D)]
    if game.perceptual_weight:
        if game.features is None:
            raise ValueError("PairedGAN: perceptual_weight needs `features`, a net whose features are compared")
        game.features.output_shape(game.data_shape)
        nets.append(("features", game.features))
    for name, net in nets:
        if net.dtype != game.G.dtype:
            raise ValueError(f"PairedGAN: all nets must have the same dtype: G has {game.G.dtype}, {name} {net.dtype}")


def _sizes(name: str, shape: tuple[int, ...]) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ShapeError(f"PairedGAN: {name} must be (height, width, channels), got {shape}")
    return shape[0], shape[1], shape[2]


def checked_pair(game: PairedGAN, pair: object) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of a training step; ShapeError or ValueError if they do not fit."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        got = f"one array {pair.shape}" if isinstance(pair, np.ndarray) else type(pair).__name__
        raise ValueError(f"PairedGAN: train_step takes a pair (x, y) of batches; got {got}")
    x, y = checked_x(game, pair[0]), pair[1]
    game.check_shape(y, "PairedGAN: y must be images")
    _check_values(game, "y", y)
    if len(x) != len(y):
        raise ShapeError(f"PairedGAN: x and y need the same length, got {len(x)} and {len(y)}")
    return x, y


def checked_x(game: PairedGAN, x: object, *, any_size: bool = False) -> np.ndarray:
    """x (N, *input_shape), or with `any_size` of any size that G can take; ShapeError or ValueError if it does not fit."""
    h, w, Cx = game.input_shape
    sizes = (h, w) if not any_size else ("h", "w")
    fits = isinstance(x, np.ndarray) and x.ndim == 4 and x.shape[-1] == Cx and 0 not in x.shape
    if not isinstance(x, np.ndarray) or not fits or (not any_size and x.shape[1:3] != (h, w)):
        got = x.shape if isinstance(x, np.ndarray) else type(x).__name__
        raise ShapeError(f"PairedGAN: x must be images (N, {sizes[0]}, {sizes[1]}, {Cx}), got {got}")
    if x.shape[1:3] != (h, w):
        try:
            made = game.G.output_shape((*x.shape[1:3], Cx + (game.noise == "channel")))
        except ShapeError as error:
            size = show_shape(x.shape[1:3], len(x))
            raise ShapeError(
                f"PairedGAN: G cannot take images of this size, {size}; it was made for {h} x {w} ({error})"
            ) from None
        if made is None or None in made:
            raise ShapeError(f"PairedGAN: G was made for images of {h} x {w}, got {x.shape}")
    _check_values(game, "x", x)
    return x


def _check_values(game: PairedGAN, name: str, a: np.ndarray) -> None:
    if a.dtype != game.G.dtype:
        raise ValueError(f"PairedGAN: {name} must be {game.G.dtype}, got {a.dtype}")
    if not np.isfinite(a).all():
        raise ValueError(f"PairedGAN: {name} has values that are not finite; expected pixels in [-1, 1]")
