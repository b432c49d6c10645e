"""The gradient check of CycleGAN: the total losses of both players, by all weights of the four nets."""

from __future__ import annotations

import copy

import numpy as np

from ..layers import fused
from ..models.cycle import CycleGAN
from .differences import away_from_kinks, gradient_row, random_copy
from .report import Row


def cyclegan_rows(
    gan: CycleGAN, a: np.ndarray, b: np.ndarray, rng: np.random.Generator, h: float = 1e-5, randomise: bool = True
) -> list[Row]:
    """(Cyclegan.1) by the weights of both D and (Cyclegan.2) by those of both G, against differences of the losses.

    a, b        a small batch of each domain, in the dtype of the computation; drawn again until no kink is near
    randomise   whether to replace all weights by random numbers

    The rows of L_G cover every call of every net: adversarial, cycle and identity terms together.  gan is not changed.
    """
    game, N = copy.copy(gan), len(a)

    def distance(nets, both):
        """The smallest distance to a kink in all uses of the nets, or to the corner of an l1 term."""
        game.G, game.D = nets
        x, near = dict(zip("ab", (both[:N], both[N:]), strict=True)), []

        def use(net, at):
            y, cache = net.forward(at, train=True)
            near.append(net.kink_distance(cache))
            return y

        fb, fa = use(game.G_AB, x["a"]), use(game.G_BA, x["b"])
        same = [(use(game.G_BA, fb), x["a"]), (use(game.G_AB, fa), x["b"])]
        if game.identity_weight:
            same += [(use(game.G_AB, x["b"]), x["b"]), (use(game.G_BA, x["a"]), x["a"])]
        for D, at in ((game.D_A, x["a"]), (game.D_A, fa), (game.D_B, x["b"]), (game.D_B, fb)):
            use(D, at)
        return min(*near, *(float(np.abs(u - v).min()) for u, v in same))

    with fused.off():
        (game.G, game.D), both = away_from_kinks(
            lambda: (random_copy(gan.G, rng, randomise, a.dtype), random_copy(gan.D, rng, randomise, a.dtype)),
            np.concatenate([a, b]),
            distance,
            rng,
            h,
        )
        a, b = both[:N], both[N:]
        _, (fa, fb) = game.g_gradients(a, b)
        values = {
            "G": lambda: game.g_gradients(a, b)[0]["g_loss"],
            "D": lambda: game.d_gradients(a, b, fa, fb)["d_loss"],
        }
        rows = []
        for player, net in (("G", game.G), ("D", game.D)):
            values[player]()
            gradients = [g.copy() for _, g in net.gradients()]
            rows += [
                gradient_row("backward", f"{player}'s loss: {player}_{path}", w, g, values[player], rng, h)
                for (path, w), g in zip(net.parameters(), gradients, strict=True)
            ]
    return rows
