"""The gradient check of a game with pairs: the total losses of both players, by all weights of G and of D."""

from __future__ import annotations

import copy

import numpy as np

from ..layers import fused
from ..models.paired_game import PairedGAN
from ..models.paired_views import hidden, hole
from .differences import away_from_kinks, gradient_row, random_copy, same_rng
from .report import Row


def paired_rows(
    gan: PairedGAN, y: np.ndarray, rng: np.random.Generator, h: float = 1e-5, randomise: bool = True
) -> list[Row]:
    """(Paired.2) by D's weights and (Paired.3) by G's, against differences of the losses, with all terms at work.

    y           a small batch of targets, in the dtype of the computation; drawn again until no kink is near.  Inputs are
                drawn here, with a square hole in each if the game fills holes
    randomise   whether to replace all weights by random numbers

    Noise and dropout are the same in every evaluation.  gan is not changed.
    """
    game = copy.copy(gan)
    game.steps = max(game.steps, game.pretrain)
    game.features = None if gan.features is None else gan.features.astype(y.dtype)
    x = inputs(gan, len(y), rng).astype(y.dtype)

    def make():
        """`make`, with the same random numbers every time."""
        game.streams = {name: same_rng() for name in game.streams}
        return game.make(x)

    def distance(nets, y):
        """The smallest distance to a kink in all uses of the nets, or to the corner of an l1 term."""
        game.G, game.D = nets
        u, through_g = make()
        (_, on_real), (_, on_fake) = game.judge(x, y), game.judge(x, u)
        near = [game.G.kink_distance(through_g), *(game.D.kink_distance(cache) for cache in (on_real, on_fake))]
        if game.features is not None:
            near.append(game.features.kink_distance(game.features.forward(u, train=False)[1]))
        pairs = [(u, y)]
        if game.feature_weight:
            pairs += list(zip(hidden(on_fake).values(), hidden(on_real).values(), strict=True))
        for a, b in pairs:
            apart = np.abs(a - b)
            near.append(float(apart[apart > 0].min(initial=np.inf)))  # equal: known pixels, which stay equal
        return min(near)

    def l_g():
        """L_G, with its gradient in G.gradients()."""
        u, through_g = make()
        return game.g_gradients(x, y, u, through_g)["g_loss"]

    with fused.off():
        (game.G, game.D), y = away_from_kinks(
            lambda: (random_copy(gan.G, rng, randomise, y.dtype), random_copy(gan.D, rng, randomise, y.dtype)),
            y,
            lambda nets, y: distance(nets, _known(game, x, y)),
            rng,
            h,
        )
        y = _known(game, x, y)
        u, _ = make()
        rows = []
        for player, net, value in (("G", game.G, l_g), ("D", game.D, lambda: game.d_gradients(x, y, u)["d_loss"])):
            if player == "D" and not game.adversarial_weight:
                continue
            value()
            gradients = [g.copy() for _, g in net.gradients()]
            rows += [
                gradient_row("backward", f"{player}'s loss: {player}.{path}", w, g, value, rng, h)
                for (path, w), g in zip(net.parameters(), gradients, strict=True)
            ]
    return rows


def inputs(gan: PairedGAN, n: int, rng: np.random.Generator) -> np.ndarray:
    """n random inputs (n, *input_shape); with `composite`, with a mask that has a hole of half the side."""
    x = rng.standard_normal((n, *gan.input_shape))
    if gan.composite:
        side = gan.input_shape[0] // 2
        x[..., -1] = -1
        for image in x:
            i, j = rng.integers(0, gan.input_shape[0] - side + 1, 2)
            image[i : i + side, j : j + side, -1] = 1
    return x


def _known(game: PairedGAN, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y, with x's pixels where they are known."""
    return np.where(hole(x), y, x[..., : y.shape[-1]]) if game.composite else y
