"""The small nets and GANs in the table of cases."""

from __future__ import annotations

import numpy as np

from .. import layers as L
from ..layers import Sequential
from ..models import mlp_gan
from ..models.cycle import CycleGAN


def conv(**geometry):
    """A function rng -> Conv2D from 2 to 3 channels."""
    return lambda rng: L.Conv2D(2, 3, rng=rng, **geometry)


def conv_t(**geometry):
    """A function rng -> ConvTranspose2D from 2 to 3 channels."""
    return lambda rng: L.ConvTranspose2D(2, 3, rng=rng, **geometry)


def spectral(build):
    """A function rng -> SpectralNorm of the layer, to be checked in evaluation mode, where u and v are constants.

    Training mode is checked in tests/layers/test_spectral.py.
    """
    return lambda rng: L.SpectralNorm(build(rng), rng=rng)


def small_net(rng):
    """A net with most kinds of layers."""
    return Sequential(
        [
            L.Conv2D(1, 2, kernel_size=3, stride=2, padding=1, rng=rng),
            L.LeakyReLU(0.2),
            L.Conv2D(2, 3, kernel_size=3, padding=1, bias=False, rng=rng),
            L.BatchNorm(3),
            L.Tanh(),
            L.Flatten(),
            L.Dense(27, 4, rng=rng),
            L.Softplus(),
            L.Dense(4, 1, rng=rng),
        ],
        input_shape=(5, 6, 1),
    )


def conditioned(gan):
    """Give a conditional GAN a batch of four labels, as in the middle of a training step."""
    gan.condition_on(np.array([1, 0, 2, 1]))
    return gan


def small(member, **options):
    """A function rng -> conditional GAN on images, as small as possible."""
    return lambda rng: conditioned(member(image_size=8, width=2, latent_dim=3, dense=4, classes=3, **options))


def tiny(member):
    """A function rng -> GAN on images with a single convolution in each net."""
    return lambda rng: member(image_size=4, width=1, latent_dim=2, dense=0)


def small_cyclegan(rng, **options):
    """A CycleGAN of four small nets that all differ, so that a gradient from the wrong net is noticed."""
    conv = lambda Ci, Co, **size: L.Conv2D(Ci, Co, **{"kernel_size": 3, "padding": 1, **size}, rng=rng)
    G_AB = Sequential([conv(1, 2), L.InstanceNorm(2), L.LeakyReLU(0.2), conv(2, 1), L.Tanh()])
    G_BA = Sequential([L.Residual(Sequential([conv(1, 1), L.InstanceNorm(1), L.LeakyReLU(0.2)])), conv(1, 1), L.Tanh()])
    D_A = Sequential([conv(1, 2, stride=2), L.LeakyReLU(0.2), conv(2, 1)])
    D_B = Sequential([conv(1, 1), L.InstanceNorm(1), L.LeakyReLU(0.2), conv(1, 1, stride=2)])
    return CycleGAN(G_AB, G_BA, D_A, D_B, data_shape=(6, 5, 1), **options)


def residual(rng):
    """x + f(x), where f is BatchNorm, SiLU and a convolution."""
    return L.Residual(Sequential([L.BatchNorm(2), L.SiLU(), L.Conv2D(2, 2, kernel_size=3, padding=1, rng=rng)]))


def concat(rng):
    """x concatenated with the outputs of two branches of dense layers."""
    return L.Concat([Sequential([]), L.Dense(3, 2, rng=rng), Sequential([L.Dense(3, 4, rng=rng), L.LeakyReLU(0.2)])])


def concat_images(rng):
    """Two concatenated branches, each of which halves the image size."""
    return L.Concat([L.Conv2D(2, 1, kernel_size=2, stride=2, rng=rng), Sequential([L.Tanh(), L.AveragePool2D(2)])])


def minibatch_net(rng):
    """A net with both mini-batch layers."""
    return Sequential(
        [
            L.Dense(3, 4, rng=rng),
            L.Tanh(),
            L.MinibatchStd(),
            L.MinibatchDiscrimination(5, 2, 2, rng=rng),
            L.Dense(7, 1, rng=rng),
        ]
    )


def critic(rng, activation):
    """A small convolutional critic without normalisation."""
    return Sequential(
        [
            L.Conv2D(1, 3, kernel_size=4, stride=2, padding=1, rng=rng),
            activation(),
            L.Conv2D(3, 4, kernel_size=3, rng=rng, padding=1),
            activation(),
            L.Flatten(),
            L.Dense(24, 1, rng=rng),
        ],
        input_shape=(6, 5, 1),
    )


def decoder(rng):
    """A small generator of images."""
    return Sequential(
        [
            L.Dense(3, 16, rng=rng),
            L.Reshape((2, 2, 4)),
            L.Softplus(),
            L.ConvTranspose2D(4, 2, kernel_size=4, stride=2, padding=1, rng=rng),
            L.Tanh(),
        ],
        input_shape=(3,),
    )


def moving_gan(rng, **options):
    """A GAN with random Adam moments for D: from zero moments, Adam's first step is lr sign(g), with derivative 0."""
    gan = mlp_gan(2, 2, (5, 4), lr_d=0.02, **options)
    for m, v in zip(gan.d_optimizer.slot["m"], gan.d_optimizer.slot["v"], strict=True):
        m[...], v[...] = 0.1 * rng.standard_normal(m.shape), 0.01 + 0.02 * rng.random(v.shape)
    gan.d_optimizer.steps = 5
    return gan
