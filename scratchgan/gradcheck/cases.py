"""Everything that has a derivative, in one table: `scratchgan gradcheck` and the tests run over it.

A new layer adds one line here, and is then checked in all its passes, from the command line and in the test suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..checks import one_of
from ..core import Sequential
from ..layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LabelConcat,
    LayerNorm,
    LeakyReLU,
    Maxout,
    MaxPool2D,
    MinibatchDiscrimination,
    MinibatchStd,
    Pack,
    PixelNorm,
    PixelShuffle,
    Projection,
    ReLU,
    Reshape,
    Residual,
    SelfAttention,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SpectralNorm,
    Tanh,
    UpsampleBilinear2D,
    UpsampleNearest2D,
)
from ..losses import Hinge, LeastSquares, Minimax, NonSaturating, RelativisticAverage, Wasserstein
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
    ragan,
    wgan_clip,
    wgan_gp,
)
from ..models.cyclegan import CycleGAN
from ..optim import SGD, Adam, RMSProp, cosine
from ..penalties import R1, R2, Dragan, PathLength, Penalised, WganGp
from . import Report, check
from .held import LabelsHeld, TimesEmbedding


@dataclass(frozen=True)
class Case:
    """A thing to check: `build(rng)` makes it, `x_shape` is its input's shape, batch included (None: it needs none)."""

    name: str
    build: Callable[[np.random.Generator], object] = field(repr=False)
    x_shape: tuple[int, ...] | None = None
    train: bool = True

    def input(self, rng: np.random.Generator, dtype=np.float64) -> np.ndarray:
        """A random batch for it."""
        return rng.standard_normal(self.x_shape).astype(dtype)

    def check(self, **options) -> Report:
        """Run the gradient check."""
        rng = np.random.default_rng(1)
        x = None if self.x_shape is None else self.input(rng)
        return check(self.build(rng), x, train=self.train, name=self.name, **options)

    def __str__(self) -> str:
        return self.name


def _conv(**geometry):
    return lambda rng: Conv2D(2, 3, rng=rng, **geometry)


def _conv_t(**geometry):
    return lambda rng: ConvTranspose2D(2, 3, rng=rng, **geometry)


def _spectral(build):
    """Checked in evaluation, where u and v are constants in truth; training, in tests/layers/test_spectral.py."""
    return lambda rng: SpectralNorm(build(rng), rng=rng)


def _small_net(rng):
    return Sequential(
        [
            Conv2D(1, 2, kernel_size=3, stride=2, padding=1, rng=rng),
            LeakyReLU(0.2),
            Conv2D(2, 3, kernel_size=3, padding=1, bias=False, rng=rng),
            BatchNorm(3),
            Tanh(),
            Flatten(),
            Dense(27, 4, rng=rng),
            Softplus(),
            Dense(4, 1, rng=rng),
        ],
        input_shape=(5, 6, 1),
    )


def _conditioned(gan):
    """A conditional GAN in the middle of a step, with four labels."""
    gan.tell(np.array([1, 0, 2, 1]))
    return gan


def _small(member, **options):
    """A conditional GAN of images, as small as it gets."""
    return lambda rng: _conditioned(member(image_size=8, width=2, latent_dim=3, dense=4, classes=3, **options))


def _tiny(member):
    """A GAN of images with a single convolution in each net."""
    return lambda rng: member(image_size=4, width=1, latent_dim=2, dense=0)


def _cyclegan(rng, **options):
    """Four small nets, no two alike: a gradient that came from the wrong one would show."""
    conv = lambda Ci, Co, **size: Conv2D(Ci, Co, **{"kernel_size": 3, "padding": 1, **size}, rng=rng)
    G_AB = Sequential([conv(1, 2), InstanceNorm(2), LeakyReLU(0.2), conv(2, 1), Tanh()])
    G_BA = Sequential([Residual(Sequential([conv(1, 1), InstanceNorm(1), LeakyReLU(0.2)])), conv(1, 1), Tanh()])
    D_A = Sequential([conv(1, 2, stride=2), LeakyReLU(0.2), conv(2, 1)])
    D_B = Sequential([conv(1, 1), InstanceNorm(1), LeakyReLU(0.2), conv(1, 1, stride=2)])
    return CycleGAN(G_AB, G_BA, D_A, D_B, data_shape=(6, 5, 1), **options)


def _residual(rng):
    return Residual(Sequential([BatchNorm(2), SiLU(), Conv2D(2, 2, kernel_size=3, padding=1, rng=rng)]))


def _concat(rng):
    return Concat([Sequential([]), Dense(3, 2, rng=rng), Sequential([Dense(3, 4, rng=rng), LeakyReLU(0.2)])])


def _concat_images(rng):
    return Concat([Conv2D(2, 1, kernel_size=2, stride=2, rng=rng), Sequential([Tanh(), AveragePool2D(2)])])


def _minibatch_net(rng):
    return Sequential(
        [Dense(3, 4, rng=rng), Tanh(), MinibatchStd(), MinibatchDiscrimination(5, 2, 2, rng=rng), Dense(7, 1, rng=rng)]
    )


def _critic(rng, activation):
    return Sequential(
        [
            Conv2D(1, 3, kernel_size=4, stride=2, padding=1, rng=rng),
            activation(),
            Conv2D(3, 4, kernel_size=3, rng=rng, padding=1),
            activation(),
            Flatten(),
            Dense(24, 1, rng=rng),
        ],
        input_shape=(6, 5, 1),
    )


def _decoder(rng):
    return Sequential(
        [
            Dense(3, 16, rng=rng),
            Reshape((2, 2, 4)),
            Softplus(),
            ConvTranspose2D(4, 2, kernel_size=4, stride=2, padding=1, rng=rng),
            Tanh(),
        ],
        input_shape=(3,),
    )


def _ahead(rng, **options):
    """A GAN whose D has been moving: from rest, Adam's first step is lr sign(g), and its derivative 0."""
    gan = mlp_gan(2, 2, (5, 4), lr_d=0.02, **options)
    for m, v in zip(gan.d_optimizer.slot["m"], gan.d_optimizer.slot["v"], strict=True):
        m[...], v[...] = 0.1 * rng.standard_normal(m.shape), 0.01 + 0.02 * rng.random(v.shape)
    gan.d_optimizer.steps = 5
    return gan


_IMAGES = (2, 5, 4, 2)

LAYERS = [
    Case("Dense", lambda rng: Dense(4, 3, rng=rng), (5, 4)),
    Case("Dense, no bias", lambda rng: Dense(4, 3, bias=False, rng=rng), (5, 4)),
    Case("Conv2D k3", _conv(kernel_size=3), _IMAGES),
    Case("Conv2D k4 s2 p1", _conv(kernel_size=4, stride=2, padding=1), _IMAGES),
    Case("Conv2D k1", _conv(kernel_size=1, bias=False), _IMAGES),
    Case("Conv2D k2 s3", _conv(kernel_size=2, stride=3), _IMAGES),
    Case("Conv2D k(3,2) s(1,2) p(2,0)", _conv(kernel_size=(3, 2), stride=(1, 2), padding=(2, 0)), _IMAGES),
    Case("ConvTranspose2D k4 s2 p1", _conv_t(kernel_size=4, stride=2, padding=1), (2, 3, 2, 2)),
    Case("ConvTranspose2D k3", _conv_t(kernel_size=3, bias=False), (2, 3, 2, 2)),
    Case("ConvTranspose2D k3 s2 p1 o1", _conv_t(kernel_size=3, stride=2, padding=1, output_padding=1), (2, 3, 2, 2)),
    Case("ConvTranspose2D k2 s3 o(2,1)", _conv_t(kernel_size=2, stride=3, output_padding=(2, 1)), (2, 2, 3, 2)),
    Case("BatchNorm, training", lambda rng: BatchNorm(3), (6, 3)),
    Case("BatchNorm, training, images", lambda rng: BatchNorm(2), (3, 2, 4, 2)),
    Case("BatchNorm, evaluation", lambda rng: BatchNorm(2), (3, 2, 2, 2), train=False),
    Case("LayerNorm", lambda rng: LayerNorm(5), (4, 5)),
    Case("LayerNorm, images", lambda rng: LayerNorm((2, 3, 2)), (3, 2, 3, 2)),
    Case("LayerNorm, tokens", lambda rng: LayerNorm((5,)), (2, 3, 5)),
    Case("LayerNorm, not affine", lambda rng: LayerNorm(5, affine=False), (4, 5)),
    Case("InstanceNorm", lambda rng: InstanceNorm(2), (3, 3, 2, 2)),
    Case("InstanceNorm, not affine", lambda rng: InstanceNorm(2, affine=False), (3, 3, 2, 2)),
    Case("GroupNorm", lambda rng: GroupNorm(2, 4), (3, 3, 2, 4)),
    Case("GroupNorm, vectors", lambda rng: GroupNorm(2, 8), (3, 8)),
    Case("GroupNorm, one, not affine", lambda rng: GroupNorm(1, 3, affine=False), (2, 2, 2, 3)),
    Case("PixelNorm", lambda rng: PixelNorm(), (5, 4)),
    Case("PixelNorm, images", lambda rng: PixelNorm(), (2, 2, 3, 4)),
    Case("SpectralNorm, Dense", _spectral(lambda rng: Dense(4, 3, rng=rng)), (5, 4), train=False),
    Case("SpectralNorm, Conv2D k4 s2 p1", _spectral(_conv(kernel_size=4, stride=2, padding=1)), _IMAGES, train=False),
    Case("SpectralNorm, Conv2D k3", _spectral(_conv(kernel_size=3, bias=False)), _IMAGES, train=False),
    Case(
        "SpectralNorm, ConvTranspose2D",
        _spectral(_conv_t(kernel_size=4, stride=2, padding=1)),
        (2, 3, 2, 2),
        train=False,
    ),
    Case("ReLU", lambda rng: ReLU(), (4, 5)),
    Case("LeakyReLU", lambda rng: LeakyReLU(0.2), (4, 5)),
    Case("Tanh", lambda rng: Tanh(), (4, 5)),
    Case("Sigmoid", lambda rng: Sigmoid(), (4, 5)),
    Case("Softplus", lambda rng: Softplus(), (4, 5)),
    Case("ELU", lambda rng: ELU(1.0), (4, 5)),
    Case("ELU, alpha 0.7", lambda rng: ELU(0.7), (4, 5)),
    Case("Reshape", lambda rng: Reshape((2, 3, 2)), (3, 12)),
    Case("Flatten", lambda rng: Flatten(), _IMAGES),
    Case("Dropout, training", lambda rng: Dropout(0.4), (4, 6)),
    Case("Dropout, evaluation", lambda rng: Dropout(0.4), (4, 6), train=False),
    Case("AveragePool2D", lambda rng: AveragePool2D(2), _IMAGES),
    Case("UpsampleNearest2D", lambda rng: UpsampleNearest2D(3), (2, 2, 3, 2)),
    Case("SiLU", lambda rng: SiLU(), (4, 5)),
    Case("Softmax", lambda rng: Softmax(), (4, 5)),
    Case("Softmax, rows of images", lambda rng: Softmax(), (2, 3, 2, 3)),
    Case("MaxPool2D", lambda rng: MaxPool2D(2), _IMAGES),
    Case("MaxPool2D k3", lambda rng: MaxPool2D(3), (2, 7, 6, 2)),
    Case("Maxout", lambda rng: Maxout(2), (4, 6)),
    Case("Maxout k3, images", lambda rng: Maxout(3), (2, 2, 3, 6)),
    Case("UpsampleBilinear2D", lambda rng: UpsampleBilinear2D(2), (2, 3, 4, 2)),
    Case("UpsampleBilinear2D k3", lambda rng: UpsampleBilinear2D(3), (2, 1, 3, 2)),
    Case("Pack", lambda rng: Pack(2), (4, 3)),
    Case("Pack, 3 images", lambda rng: Pack(3), (6, 2, 1, 2)),
    Case("PixelShuffle", lambda rng: PixelShuffle(2), (2, 2, 3, 8)),
    Case("PixelShuffle k3", lambda rng: PixelShuffle(3), (2, 1, 2, 9)),
    Case("Embedding, times x", TimesEmbedding, (5, 4)),
    Case("LabelConcat", lambda rng: LabelsHeld(LabelConcat(3, 2, rng=rng)), (5, 4)),
    Case("Projection", lambda rng: LabelsHeld(Projection(4, 3, rng=rng)), (5, 4)),
    Case(
        "Sequential, labels",
        lambda rng: LabelsHeld(
            Sequential(
                [
                    Dense(3, 5, rng=rng),
                    Tanh(),
                    LabelConcat(3, 2, rng=rng),
                    Dense(7, 4, rng=rng),
                    LeakyReLU(0.2),
                    Projection(4, 3, rng=rng),
                ]
            )
        ),
        (5, 3),
    ),
    Case("MinibatchStd", lambda rng: MinibatchStd(), (5, 3)),
    Case("MinibatchStd, 2 groups, images", lambda rng: MinibatchStd(2), (6, 2, 3, 2)),
    Case("MinibatchDiscrimination", lambda rng: MinibatchDiscrimination(3, 2, 4, rng=rng), (5, 3)),
    Case("MinibatchDiscrimination, 1 dim", lambda rng: MinibatchDiscrimination(2, 3, 1, rng=rng), (4, 2)),
    Case("Concat", _concat, (4, 3)),
    Case("Concat, images", _concat_images, (2, 4, 6, 2)),
    Case("Residual, training", _residual, (2, 3, 4, 2)),
    Case("Residual, evaluation", _residual, (2, 3, 4, 2), train=False),
    Case("SelfAttention", lambda rng: SelfAttention(2, rng=rng), (2, 2, 3, 2)),
    Case("SelfAttention, 16 channels", lambda rng: SelfAttention(16, rng=rng), (2, 2, 2, 16)),
    Case("SelfAttention, 1 pixel", lambda rng: SelfAttention(3, rng=rng), (3, 1, 1, 3)),
    Case("Sequential, minibatch layers", _minibatch_net, (5, 3)),
    Case("Sequential, training", _small_net, (3, 5, 6, 1)),
    Case("Sequential, evaluation", _small_net, (3, 5, 6, 1), train=False),
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
]

CLASSIFIERS = [
    Case("CrossEntropy", lambda rng: CrossEntropy(np.array([2, 0, 2, 1])), (4, 3)),
]

PENALTIES = [
    Case("R1", lambda rng: R1(3.0)),
    Case("R2", lambda rng: R2(3.0)),
    Case("WganGp", lambda rng: WganGp(3.0)),
    Case("WganGp, one-sided", lambda rng: WganGp(3.0, one_sided=True)),
    Case("Dragan", lambda rng: Dragan(3.0)),
    Case("PathLength", lambda rng: PathLength(3.0, target=0.7)),
    Case("R1 of a convolutional D", lambda rng: Penalised(_critic(rng, lambda: LeakyReLU(0.2)), R1(3.0)), (3, 6, 5, 1)),
    Case("R1 of a smooth D", lambda rng: Penalised(_critic(rng, Tanh), R1(3.0)), (3, 6, 5, 1)),
    Case(
        "WganGp of a convolutional D",
        lambda rng: Penalised(_critic(rng, lambda: LeakyReLU(0.2)), WganGp(3.0)),
        (3, 6, 5, 1),
    ),
    Case("WganGp of a smooth D", lambda rng: Penalised(_critic(rng, Softplus), WganGp(3.0)), (3, 6, 5, 1)),
    Case("PathLength of G", lambda rng: Penalised(_decoder(rng), PathLength(3.0, target=0.7), noise=True), (4, 3)),
]

GAMES = [
    Case("MLP GAN, non-saturating", lambda rng: mlp_gan(2, 2, (5, 4)), (4, 2)),
    Case("MLP GAN, least squares", lambda rng: mlp_gan(2, 2, (5, 4), loss="least-squares"), (4, 2)),
    Case("MLP GAN, hinge", lambda rng: mlp_gan(2, 2, (5, 4), loss="hinge"), (4, 2)),
    Case("MLP GAN, wasserstein", lambda rng: mlp_gan(2, 2, (5, 4), loss="wasserstein"), (4, 2)),
    Case("MLP GAN, relativistic", lambda rng: mlp_gan(2, 2, (5, 4), loss="relativistic-average"), (4, 2)),
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
    Case("MLP GAN, unrolled 1", lambda rng: _ahead(rng, unroll=1), (4, 2)),
    Case("MLP GAN, unrolled 5", lambda rng: _ahead(rng, unroll=5), (4, 2)),
    Case(
        "MLP GAN, unrolled 3, SGD",
        lambda rng: mlp_gan(2, 2, (5, 4), unroll=3, optimizer="sgd", momentum=0.0, lr_d=0.1),
        (4, 2),
    ),
    Case(
        "MLP GAN, many cures",
        lambda rng: _ahead(
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
    Case("LSGAN", _tiny(lsgan), (4, 4, 4, 1)),
    Case("RaGAN", _tiny(ragan), (4, 4, 4, 1)),
    Case("DRAGAN", _tiny(dragan), (4, 4, 4, 1)),
    Case("WGAN", _tiny(wgan_clip), (4, 4, 4, 1)),
    Case("Conditional, concat", _small(cgan, d_norm="none"), (4, 8, 8, 1)),
    Case("Conditional, concat, R1", _small(cgan, d_norm="layer", penalty="r1"), (4, 8, 8, 1)),
    Case("Conditional, projection", _small(projection_gan, d_norm="layer", penalty="none"), (4, 8, 8, 1)),
    Case(
        "Conditional, projection, WGAN-GP",
        _small(projection_gan, loss="wasserstein", penalty="wgan-gp"),
        (4, 8, 8, 1),
    ),
    Case("Auxiliary (ACGAN)", _small(acgan, d_norm="layer"), (4, 8, 8, 1)),
    Case("Auxiliary (InfoGAN)", _small(infogan, d_norm="layer"), (4, 8, 8, 1)),
    Case("CycleGAN", _cyclegan, (4, 6, 5, 1)),
    Case("CycleGAN, no identity, hinge", lambda rng: _cyclegan(rng, identity_weight=0.0, loss="hinge"), (4, 6, 5, 1)),
    Case("DCGAN, non-saturating", lambda rng: dcgan(image_size=16, width=2, latent_dim=3), (5, 16, 16, 1)),
    Case(
        "DCGAN, dense, minimax, smoothed",
        lambda rng: dcgan(image_size=8, width=2, latent_dim=3, dense=4, loss="minimax", label_smoothing=0.1),
        (12, 8, 8, 1),
    ),
]

OPTIMIZERS = [
    Case("SGD", lambda rng: SGD(Dense(3, 2, rng=rng), 0.1)),
    Case("SGD, momentum", lambda rng: SGD(Dense(3, 2, rng=rng), 0.1, momentum=0.9)),
    Case("SGD, Nesterov", lambda rng: SGD(Dense(3, 2, rng=rng), 0.1, momentum=0.9, nesterov=True)),
    Case("RMSProp", lambda rng: RMSProp(Dense(3, 2, rng=rng), 0.01, decay=0.9)),
    Case("Adam", lambda rng: Adam(Dense(3, 2, rng=rng), 0.01)),
    Case("Adam, beta1 0, cosine", lambda rng: Adam(Dense(3, 2, rng=rng), 0.01, beta1=0.0, schedule=cosine(10))),
]

CASES = [*LAYERS, *LOSSES, *CLASSIFIERS, *PENALTIES, *OPTIMIZERS, *GAMES]

_PASSES = ("backward", "tangent", "tangent_backward", "adjoint", "step", "field's")


def select(names: Sequence[str] = ()) -> list[Case]:
    """The cases whose name begins with one of `names` ("Conv2D"), all for none.  ValueError for a name without any."""
    chosen = []
    for name in names:
        fits = [case for case in CASES if case.name.lower().startswith(name.lower())]
        if not fits:
            known = dict.fromkeys(case.name.split(",")[0].split(" ")[0] for case in CASES)
            one_of("gradcheck", "name", name, list(known))
        chosen += [case for case in fits if case not in chosen]
    return chosen if names else CASES


def run(names: Sequence[str] = (), *, print=print) -> bool:
    """Check all cases and print a line each; or those called `names`, and print every derivative.  True if all hold."""
    cases, reports = select(names), []
    if not names:
        print(f"{'largest float64 error of':<32}" + "".join(f"{step:>17}" for step in _PASSES))
    for case in cases:
        reports.append(report := case.check())
        if names or not report.ok:
            print(str(report))
        else:
            print(f"{case.name:<32}" + "".join(f"{_worst(report, step):>17}" for step in _PASSES))
    wrong = [report.name for report in reports if not report.ok]
    rows = sum(len(report.rows) for report in reports)
    print(
        f"\n{len(reports)} things, {rows} derivatives, largest error {max(r.max_error for r in reports):.1e}: "
        + (f"WRONG: {', '.join(wrong)}" if wrong else "all right")
    )
    return not wrong


def _worst(report: Report, step: str) -> str:
    errors = [row.error for row in report.rows if row.step.split(" ")[0] == step]
    return f"{max(errors):.1e}" if errors else "-"
