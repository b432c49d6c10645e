"""Two fully connected nets, in the manner of the first GAN (Goodfellow et al. 2014, section 5).

Method    The game of the first GAN, with its non-saturating loss.

    G:  z (N, Z)  -> Dense -> ReLU      -> ... -> Dense [-> Tanh, for images] -> sample
    D:  sample    -> Dense -> LeakyReLU -> ... -> Dense -> logit (N, 1)

On points in the plane the whole game can be plotted; on images it shows what is missing without convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..checks import positive_int
from ..core import Layer
from ..gan import GAN, seed_streams
from ..layers import Dense, Flatten, LeakyReLU, Pack, ReLU, Reshape, Sequential, Tanh
from .training import game, see_the_batch


def mlp_gan(
    data_dim: int | None = None,
    latent_dim: int = 2,
    hidden: Sequence[int] = (128, 128),
    loss="non-saturating",
    seed: int = 0,
    *,
    data_shape: tuple[int, ...] | None = None,
    slope: float = 0.2,
    packing: int = 1,
    minibatch: str = "none",
    dtype=np.float32,
    **training,
) -> GAN:
    """Build a GAN of fully connected nets.

    data_dim      for points (N, data_dim), by default 2; or
    data_shape    the shape of one sample, such as (28, 28, 1) for images, whose generator ends in tanh
    hidden        widths of the hidden layers, the same for G and D
    slope         of D's LeakyReLU
    packing       samples that D classifies together, 1 for the plain GAN: see layers/pack.py
    minibatch     layers that let D compare the samples of a batch: see `training.see_the_batch`
    training      see `scratchgan.models.training.game`

    Raises ValueError for sizes that are not positive integers, or if data_dim and data_shape disagree.
    """
    if data_shape is None:
        data_shape = (2 if data_dim is None else positive_int("mlp_gan", "data_dim", data_dim),)
    elif data_dim is not None and (data_dim,) != tuple(data_shape):
        raise ValueError(f"mlp_gan: data_dim {data_dim} and data_shape {tuple(data_shape)} disagree; give one")
    data_shape = tuple(positive_int("mlp_gan", "data_shape", n) for n in data_shape)
    hidden = [positive_int("mlp_gan", "hidden", n) for n in hidden]
    entries, images = math.prod(data_shape), len(data_shape) > 1
    rng, *_ = seed_streams(seed)

    g_layers = _stack([latent_dim, *hidden], ReLU, "he", rng, dtype)
    g_layers.append(Dense(([latent_dim, *hidden])[-1], entries, init="glorot", rng=rng, dtype=dtype))
    if images:
        g_layers += [Tanh(), Reshape(data_shape)]
    packing = positive_int("mlp_gan", "packing", packing)
    d_layers: list[Layer] = [Pack(packing)] if packing > 1 else []
    d_layers += [Flatten()] if images else []
    d_layers += _stack([packing * entries, *hidden], lambda: LeakyReLU(slope), "he", rng, dtype)
    seeing, features = see_the_batch(minibatch, ([packing * entries, *hidden])[-1], rng, dtype)
    d_layers += [*seeing, Dense(features, 1, init="glorot", rng=rng, dtype=dtype)]

    G = Sequential(g_layers, input_shape=(latent_dim,))
    D = Sequential(d_layers, input_shape=data_shape)
    return game(G, D, latent_dim=latent_dim, data_shape=data_shape, loss=loss, seed=seed, **training)


def _stack(widths, activation, init, rng, dtype) -> list[Layer]:
    """Dense and activation, from each width to the next."""
    layers: list[Layer] = []
    for Di, Do in pairwise(widths):
        layers += [Dense(Di, Do, init=init, rng=rng, dtype=dtype), activation()]
    return layers
