"""Everything that has a derivative, in one table, which `scratchgan gradcheck` and the tests check.

Add one line here for a new layer: all its passes are then checked, from the command line and in the test suite.
"""

from __future__ import annotations

import numpy as np

from .. import layers as L
from ..layers import Sequential
from ..losses import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    RelativisticAverage,
    RelativisticPairing,
    Wasserstein,
)
from ..losses.cross_entropy import CrossEntropy
from ..models import (
    acgan,
    cgan,
    dcgan,
    dragan,
    infogan,
    lsgan,
    mlp_gan,
    projection_gan,
    r1gan,
    r3gan,
    ragan,
    wgan_clip,
    wgan_gp,
)
from ..optim import SGD, Adam, RMSProp, cosine
from ..penalties import R1, R2, Dragan, PathLength, Penalised, WganGp
from . import nets
from .case import Case
from .cases_paired import CONTENTS, GAMES_WITH_PAIRS, NETS
from .cases_search import SEARCHES
from .held import LabelsHeld, TimesEmbedding

_IMAGES = (2, 5, 4, 2)

LAYERS = [
    Case("Dense", lambda rng: L.Dense(4, 3, rng=rng), (5, 4)),
    Case("Dense, no bias", lambda rng: L.Dense(4, 3, bias=False, rng=rng), (5, 4)),
    Case("Conv2D k3", nets.conv(kernel_size=3), _IMAGES),
    Case("Conv2D k4 s2 p1", nets.conv(kernel_size=4, stride=2, padding=1), _IMAGES),
    Case("Conv2D k1", nets.conv(kernel_size=1, bias=False), _IMAGES),
    Case("Conv2D k2 s3", nets.conv(kernel_size=2, stride=3), _IMAGES),
    Case("Conv2D k(3,2) s(1,2) p(2,0)", nets.conv(kernel_size=(3, 2), stride=(1, 2), padding=(2, 0)), _IMAGES),
    Case("ConvTranspose2D k4 s2 p1", nets.conv_t(kernel_size=4, stride=2, padding=1), (2, 3, 2, 2)),
    Case("ConvTranspose2D k3", nets.conv_t(kernel_size=3, bias=False), (2, 3, 2, 2)),
    Case(
        "ConvTranspose2D k3 s2 p1 o1", nets.conv_t(kernel_size=3, stride=2, padding=1, output_padding=1), (2, 3, 2, 2)
    ),
    Case("ConvTranspose2D k2 s3 o(2,1)", nets.conv_t(kernel_size=2, stride=3, output_padding=(2, 1)), (2, 2, 3, 2)),
    Case("BatchNorm, training", lambda rng: L.BatchNorm(3), (6, 3)),
    Case("BatchNorm, training, images", lambda rng: L.BatchNorm(2), (3, 2, 4, 2)),
    Case("BatchNorm, evaluation", lambda rng: L.BatchNorm(2), (3, 2, 2, 2), train=False),
    Case("LayerNorm", lambda rng: L.LayerNorm(5), (4, 5)),
    Case("LayerNorm, images", lambda rng: L.LayerNorm((2, 3, 2)), (3, 2, 3, 2)),
    Case("LayerNorm, tokens", lambda rng: L.LayerNorm((5,)), (2, 3, 5)),
    Case("LayerNorm, not affine", lambda rng: L.LayerNorm(5, affine=False), (4, 5)),
    Case("InstanceNorm", lambda rng: L.InstanceNorm(2), (3, 3, 2, 2)),
    Case("InstanceNorm, not affine", lambda rng: L.InstanceNorm(2, affine=False), (3, 3, 2, 2)),
    Case("GroupNorm", lambda rng: L.GroupNorm(2, 4), (3, 3, 2, 4)),
    Case("GroupNorm, vectors", lambda rng: L.GroupNorm(2, 8), (3, 8)),
    Case("GroupNorm, one, not affine", lambda rng: L.GroupNorm(1, 3, affine=False), (2, 2, 2, 3)),
    Case("PixelNorm", lambda rng: L.PixelNorm(), (5, 4)),
    Case("PixelNorm, images", lambda rng: L.PixelNorm(), (2, 2, 3, 4)),
    Case("SpectralNorm, Dense", nets.spectral(lambda rng: L.Dense(4, 3, rng=rng)), (5, 4), train=False),
    Case(
        "SpectralNorm, Conv2D k4 s2 p1",
        nets.spectral(nets.conv(kernel_size=4, stride=2, padding=1)),
        _IMAGES,
        train=False,
    ),
    Case("SpectralNorm, Conv2D k3", nets.spectral(nets.conv(kernel_size=3, bias=False)), _IMAGES, train=False),
    Case(
        "SpectralNorm, ConvTranspose2D",
        nets.spectral(nets.conv_t(kernel_size=4, stride=2, padding=1)),
        (2, 3, 2, 2),
        train=False,
    ),
    Case("ReLU", lambda rng: L.ReLU(), (4, 5)),
    Case("LeakyReLU", lambda rng: L.LeakyReLU(0.2), (4, 5)),
    Case("Tanh", lambda rng: L.Tanh(), (4, 5)),
    Case("Sigmoid", lambda rng: L.Sigmoid(), (4, 5)),
    Case("Softplus", lambda rng: L.Softplus(), (4, 5)),
    Case("ELU", lambda rng: L.ELU(1.0), (4, 5)),
    Case("ELU, alpha 0.7", lambda rng: L.ELU(0.7), (4, 5)),
    Case("Reshape", lambda rng: L.Reshape((2, 3, 2)), (3, 12)),
    Case("Flatten", lambda rng: L.Flatten(), _IMAGES),
    Case("Dropout, training", lambda rng: L.Dropout(0.4), (4, 6)),
    Case("Dropout, evaluation", lambda rng: L.Dropout(0.4), (4, 6), train=False),
    Case("AveragePool2D", lambda rng: L.AveragePool2D(2), _IMAGES),
    Case("UpsampleNearest2D", lambda rng: L.UpsampleNearest2D(3), (2, 2, 3, 2)),
    Case("SiLU", lambda rng: L.SiLU(), (4, 5)),
    Case("Softmax", lambda rng: L.Softmax(), (4, 5)),
    Case("Softmax, rows of images", lambda rng: L.Softmax(), (2, 3, 2, 3)),
    Case("MaxPool2D", lambda rng: L.MaxPool2D(2), _IMAGES),
    Case("MaxPool2D k3", lambda rng: L.MaxPool2D(3), (2, 7, 6, 2)),
    Case("Maxout", lambda rng: L.Maxout(2), (4, 6)),
    Case("Maxout k3, images", lambda rng: L.Maxout(3), (2, 2, 3, 6)),
    Case("UpsampleBilinear2D", lambda rng: L.UpsampleBilinear2D(2), (2, 3, 4, 2)),
    Case("UpsampleBilinear2D k3", lambda rng: L.UpsampleBilinear2D(3), (2, 1, 3, 2)),
    Case("Pack", lambda rng: L.Pack(2), (4, 3)),
    Case("Pack, 3 images", lambda rng: L.Pack(3), (6, 2, 1, 2)),
    Case("PixelShuffle", lambda rng: L.PixelShuffle(2), (2, 2, 3, 8)),
    Case("PixelShuffle k3", lambda rng: L.PixelShuffle(3), (2, 1, 2, 9)),
    Case("Embedding, times x", TimesEmbedding, (5, 4)),
    Case("LabelConcat", lambda rng: LabelsHeld(L.LabelConcat(3, 2, rng=rng)), (5, 4)),
    Case("Projection", lambda rng: LabelsHeld(L.Projection(4, 3, rng=rng)), (5, 4)),
    Case(
        "Sequential, labels",
        lambda rng: LabelsHeld(
            Sequential(
                [
                    L.Dense(3, 5, rng=rng),
                    L.Tanh(),
                    L.LabelConcat(3, 2, rng=rng),
                    L.Dense(7, 4, rng=rng),
                    L.LeakyReLU(0.2),
                    L.Projection(4, 3, rng=rng),
                ]
            )
        ),
        (5, 3),
    ),
    Case("MinibatchStd", lambda rng: L.MinibatchStd(), (5, 3)),
    Case("MinibatchStd, 2 groups, images", lambda rng: L.MinibatchStd(2), (6, 2, 3, 2)),
    Case("MinibatchDiscrimination", lambda rng: L.MinibatchDiscrimination(3, 2, 4, rng=rng), (5, 3)),
    Case("MinibatchDiscrimination, 1 dim", lambda rng: L.MinibatchDiscrimination(2, 3, 1, rng=rng), (4, 2)),
    Case("Concat", nets.concat, (4, 3)),
    Case("Concat, images", nets.concat_images, (2, 4, 6, 2)),
    Case("Residual, training", nets.residual, (2, 3, 4, 2)),
    Case("Residual, evaluation", nets.residual, (2, 3, 4, 2), train=False),
    Case("SelfAttention", lambda rng: L.SelfAttention(2, rng=rng), (2, 2, 3, 2)),
    Case("SelfAttention, 16 channels", lambda rng: L.SelfAttention(16, rng=rng), (2, 2, 2, 16)),
    Case("SelfAttention, 1 pixel", lambda rng: L.SelfAttention(3, rng=rng), (3, 1, 1, 3)),
    Case("Sequential, minibatch layers", nets.minibatch_net, (5, 3)),
    Case("Sequential, training", nets.small_net, (3, 5, 6, 1)),
    Case("Sequential, evaluation", nets.small_net, (3, 5, 6, 1), train=False),
]

LOSSES = [
    Case("Minimax", lambda rng: Minimax()),
    Case("Minimax, smoothed", lambda rng: Minimax(label_smoothing=0.1)),
    Case("NonSaturating", lambda rng: NonSaturating()),
    Case("NonSaturating, smoothed", lambda rng: NonSaturating(label_smoothing=0.1)),
    Case("LeastSquares", lambda rng: LeastSquares()),
    Case("Hinge", lambda rng: Hinge()),
    Case("Wasserstein", lambda rng: Wasserstein()),
    Case("RelativisticAverage", lambda rng: RelativisticAverage()),
    Case("RelativisticPairing", lambda rng: RelativisticPairing()),
]

CLASSIFIERS = [Case("CrossEntropy", lambda rng: CrossEntropy(np.array([2, 0, 2, 1])), (4, 3))]

PENALTIES = [
    Case("R1", lambda rng: R1(3.0)),
    Case("R2", lambda rng: R2(3.0)),
    Case("WganGp", lambda rng: WganGp(3.0)),
    Case("WganGp, one-sided", lambda rng: WganGp(3.0, one_sided=True)),
    Case("Dragan", lambda rng: Dragan(3.0)),
    Case("PathLength", lambda rng: PathLength(3.0, target=0.7)),
    Case(
        "R1 of a convolutional D",
        lambda rng: Penalised(nets.critic(rng, lambda: L.LeakyReLU(0.2)), R1(3.0)),
        (3, 6, 5, 1),
    ),
    Case("R1 of a smooth D", lambda rng: Penalised(nets.critic(rng, L.Tanh), R1(3.0)), (3, 6, 5, 1)),
    Case(
        "WganGp of a convolutional D",
        lambda rng: Penalised(nets.critic(rng, lambda: L.LeakyReLU(0.2)), WganGp(3.0)),
        (3, 6, 5, 1),
    ),
    Case("WganGp of a smooth D", lambda rng: Penalised(nets.critic(rng, L.Softplus), WganGp(3.0)), (3, 6, 5, 1)),
    Case("PathLength of G", lambda rng: Penalised(nets.decoder(rng), PathLength(3.0, target=0.7), noise=True), (4, 3)),
]

GAMES = [
    Case("MLP GAN, non-saturating", lambda rng: mlp_gan(2, 2, (5, 4)), (4, 2)),
    Case("MLP GAN, least squares", lambda rng: mlp_gan(2, 2, (5, 4), loss="least-squares"), (4, 2)),
    Case("MLP GAN, hinge", lambda rng: mlp_gan(2, 2, (5, 4), loss="hinge"), (4, 2)),
    Case("MLP GAN, wasserstein", lambda rng: mlp_gan(2, 2, (5, 4), loss="wasserstein"), (4, 2)),
    Case("MLP GAN, relativistic", lambda rng: mlp_gan(2, 2, (5, 4), loss="relativistic-average"), (4, 2)),
    Case("MLP GAN, pairing", lambda rng: mlp_gan(2, 2, (5, 4), loss="relativistic-pairing"), (4, 2)),
    Case(
        "MLP GAN, minimax, images",
        lambda rng: mlp_gan(data_shape=(3, 2, 1), latent_dim=2, hidden=(5,), loss="minimax"),
        (4, 3, 2, 1),
    ),
    Case("MLP GAN, R1 and R2", lambda rng: mlp_gan(2, 2, (5, 4), penalty="r1+r2"), (4, 2)),
    Case("MLP GAN, DRAGAN", lambda rng: mlp_gan(2, 2, (5, 4), penalty="dragan"), (4, 2)),
    Case("MLP GAN, WGAN-GP", lambda rng: mlp_gan(2, 2, (5, 4), loss="wasserstein", penalty="wgan-gp"), (4, 2)),
    Case("MLP GAN, packed", lambda rng: mlp_gan(2, 2, (5, 4), packing=2), (4, 2)),
    Case("MLP GAN, minibatch std", lambda rng: mlp_gan(2, 2, (5, 4), minibatch="std"), (4, 2)),
    Case("MLP GAN, feature matching", lambda rng: mlp_gan(2, 2, (5, 4), g_objective="feature-matching"), (4, 2)),
    Case("MLP GAN, instance noise", lambda rng: mlp_gan(2, 2, (5, 4), instance_noise=0.3, noise_steps=9), (4, 2)),
    Case("MLP GAN, unrolled 1", lambda rng: nets.moving_gan(rng, unroll=1), (4, 2)),
    Case("MLP GAN, unrolled 5", lambda rng: nets.moving_gan(rng, unroll=5), (4, 2)),
    Case(
        "MLP GAN, unrolled 3, SGD",
        lambda rng: mlp_gan(2, 2, (5, 4), unroll=3, optimizer="sgd", momentum=0.0, lr_d=0.1),
        (4, 2),
    ),
    Case(
        "MLP GAN, many cures",
        lambda rng: nets.moving_gan(
            rng,
            unroll=2,
            packing=2,
            penalty="r1",
            minibatch="std",
            g_objective="feature-matching",
            instance_noise=0.1,
            noise_steps=9,
        ),
        (4, 2),
    ),
    Case("DCGAN, R1, no norm", lambda rng: r1gan(image_size=8, width=2, latent_dim=3, dense=0), (4, 8, 8, 1)),
    Case("DCGAN, WGAN-GP, layer norm", lambda rng: wgan_gp(image_size=8, width=2, latent_dim=3, dense=0), (4, 8, 8, 1)),
    Case("LSGAN", nets.tiny(lsgan), (4, 4, 4, 1)),
    Case("RaGAN", nets.tiny(ragan), (4, 4, 4, 1)),
    Case("R3GAN", nets.tiny(r3gan), (4, 4, 4, 1)),
    Case("DRAGAN", nets.tiny(dragan), (4, 4, 4, 1)),
    Case("WGAN", nets.tiny(wgan_clip), (4, 4, 4, 1)),
    Case("Conditional, concat", nets.small(cgan, d_norm="none"), (4, 8, 8, 1)),
    Case("Conditional, concat, R1", nets.small(cgan, d_norm="layer", penalty="r1"), (4, 8, 8, 1)),
    Case("Conditional, projection", nets.small(projection_gan, d_norm="layer", penalty="none"), (4, 8, 8, 1)),
    Case(
        "Conditional, projection, WGAN-GP",
        nets.small(projection_gan, loss="wasserstein", penalty="wgan-gp"),
        (4, 8, 8, 1),
    ),
    Case("Auxiliary (ACGAN)", nets.small(acgan, d_norm="layer"), (4, 8, 8, 1)),
    Case("Auxiliary (InfoGAN)", nets.small(infogan, d_norm="layer"), (4, 8, 8, 1)),
    Case("CycleGAN", nets.small_cyclegan, (4, 6, 5, 1)),
    Case(
        "CycleGAN, no identity, hinge",
        lambda rng: nets.small_cyclegan(rng, identity_weight=0.0, loss="hinge"),
        (4, 6, 5, 1),
    ),
    Case("DCGAN, non-saturating", lambda rng: dcgan(image_size=16, width=2, latent_dim=3), (5, 16, 16, 1)),
    Case(
        "DCGAN, dense, minimax, smoothed",
        lambda rng: dcgan(image_size=8, width=2, latent_dim=3, dense=4, loss="minimax", label_smoothing=0.1),
        (12, 8, 8, 1),
    ),
    *GAMES_WITH_PAIRS,
]

OPTIMIZERS = [
    Case("SGD", lambda rng: SGD(L.Dense(3, 2, rng=rng), 0.1)),
    Case("SGD, momentum", lambda rng: SGD(L.Dense(3, 2, rng=rng), 0.1, momentum=0.9)),
    Case("SGD, Nesterov", lambda rng: SGD(L.Dense(3, 2, rng=rng), 0.1, momentum=0.9, nesterov=True)),
    Case("RMSProp", lambda rng: RMSProp(L.Dense(3, 2, rng=rng), 0.01, decay=0.9)),
    Case("Adam", lambda rng: Adam(L.Dense(3, 2, rng=rng), 0.01)),
    Case("Adam, beta1 0, cosine", lambda rng: Adam(L.Dense(3, 2, rng=rng), 0.01, beta1=0.0, schedule=cosine(10))),
]

CASES = [*LAYERS, *NETS, *LOSSES, *CLASSIFIERS, *CONTENTS, *PENALTIES, *OPTIMIZERS, *GAMES, *SEARCHES]
