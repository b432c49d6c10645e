"""DCGAN: convolutions in place of dense layers (Radford, Metz & Chintala 2016, section 3 and figure 1).

Method    The game of the first GAN, and guidelines for the nets: strided convolutions, no pooling; BatchNorm in both
          nets, except at G's output and D's input; ReLU in G, tanh at its end; LeakyReLU in D; weights from
          N(0, 0.02^2).
Training  Adam with beta1 = 0.5: 0.9 averages over too many past states of the opponent.  One turn each.

Sizes: the image is halved until at most 7 pixels per side remain, and each halving but the first doubles the number of
channels: 28 -> 14 -> 7 with width, 2 width channels; 32 -> 16 -> 8 -> 4 with width, 2 width, 4 width; 64
pixels likewise in four steps.

    D:  image -> [Conv k4 s2 p1 -> (BatchNorm) -> LeakyReLU] x halvings -> Dense -> logit
    G:  z -> Dense -> BatchNorm -> ReLU -> [ConvT k4 s2 p1 -> BatchNorm -> ReLU] x (halvings - 1) -> ConvT -> tanh

With two halvings, as for digits, convolutions cover strokes but not whole digits, and only a linear layer of D covers
the whole image.  `dense` > 0 adds one hidden layer of that many units before D's logit and after G's noise, as in
InfoGAN's nets for MNIST (Chen et al. 2016, appendix C.1).

`condition` selects what the players are conditioned on, and with it the last layers of D: models/endings.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..checks import one_of, positive_int
from ..core import Layer
from ..gan import GAN, seed_streams
from ..initializers import normal
from ..layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    LayerNorm,
    LeakyReLU,
    Pack,
    ReLU,
    Reshape,
    Sequential,
    SpectralNorm,
    Tanh,
)
from .endings import CONDITIONS, Ending
from .training import game, see_the_batch

LARGEST_BASE = 7
NORMS = ("batch", "layer", "none", "spectral")
INIT = normal(0.02)


def dcgan(
    image_size: int = 28,
    channels: int = 1,
    latent_dim: int = 100,
    width: int = 64,
    loss="non-saturating",
    seed: int = 0,
    *,
    dense: int = 0,
    slope: float = 0.2,
    d_norm: str = "batch",
    packing: int = 1,
    minibatch: str = "none",
    condition: str = "none",
    classes: int = 10,
    continuous: int = 2,
    class_weight: float = 1.0,
    continuous_weight: float = 0.1,
    dtype=np.float32,
    **training,
) -> GAN:
    """Build a DCGAN for images (N, image_size, image_size, channels).

    width       channels of D's first and G's last hidden layer
    dense       units of the hidden dense layer of each net; 0: no such layer
    slope       of D's LeakyReLU
    d_norm      normalisation in D: "batch"; "layer" or "none", for use with a gradient penalty; or "spectral", of all
                its weights, without normalised activations
    packing     images that D classifies together, 1 for the plain GAN: see layers/pack.py
    minibatch   layers that let D compare the samples of a batch: see `training.see_the_batch`
    condition   what the players are conditioned on, see models/endings.py: `classes` labels or categories, with "codes"
                also `continuous` numbers; class_weight and continuous_weight as in (Auxiliary.1)
    training    see `scratchgan.models.training.game`

    Raises ValueError for an image_size that cannot be halved down to 2..7 pixels.
    """
    channels, width = positive_int("dcgan", "channels", channels), positive_int("dcgan", "width", width)
    base, halvings = halve(image_size)
    widths = [width * 2**i for i in range(halvings)]  # of D, from the image inwards
    rng, *_ = seed_streams(seed)

    one_of("dcgan", "condition", condition, CONDITIONS)
    ending = CONDITIONS[condition](
        classes=classes, continuous=continuous, class_weight=class_weight, continuous_weight=continuous_weight
    )
    if condition != "none" and (packing != 1 or d_norm == "spectral"):
        raise ValueError(f'dcgan: condition "{condition}" needs packing = 1 and a d_norm other than "spectral"')

    dense = positive_int("dcgan", "dense", dense, least=0)
    G = generator(base, widths[::-1], channels, latent_dim + ending.codes, dense, rng, dtype)
    D = discriminator(base, widths, channels, dense, slope, rng, dtype, d_norm, packing, minibatch, ending)
    return game(
        G,
        D,
        make=ending.make(),
        latent_dim=latent_dim,
        data_shape=(image_size, image_size, channels),
        loss=loss,
        seed=seed,
        **training,
    )


def generator(base: int, widths: list[int], channels: int, latent_dim: int, dense: int, rng, dtype) -> Sequential:
    """Noise -> base x base pixels of widths[0] channels -> twice the size, half the channels, ... -> image."""
    layers: list[Layer] = []
    if dense:
        layers += [_dense(latent_dim, dense, rng, dtype), _batchnorm(dense, rng, dtype), ReLU()]
    layers += [
        _dense(dense or latent_dim, base * base * widths[0], rng, dtype),
        Reshape((base, base, widths[0])),
        _batchnorm(widths[0], rng, dtype),
        ReLU(),
    ]
    for Ci, Co in pairwise(widths):
        layers += [_up(Ci, Co, False, rng, dtype), _batchnorm(Co, rng, dtype), ReLU()]
    layers += [_up(widths[-1], channels, True, rng, dtype), Tanh()]
    return Sequential(layers, input_shape=(latent_dim,))


def discriminator(
    base: int,
    widths: list[int],
    channels: int,
    dense: int,
    slope: float,
    rng,
    dtype,
    norm: str = "batch",
    packing: int = 1,
    minibatch: str = "none",
    ending: Ending | None = None,
) -> Sequential:
    """Image -> half the size, twice the channels, ... -> base x base pixels of widths[-1] channels -> the ending."""
    packing, size = positive_int("dcgan", "packing", packing), base * 2 ** len(widths)
    blocks, ending = Blocks(norm, slope, rng, dtype), ending or Ending()

    layers: list[Layer] = [Pack(packing)] if packing > 1 else []
    layers += blocks.first(packing * channels, widths[0])
    for i, (Ci, Co) in enumerate(pairwise(widths)):
        layers += blocks.down(Ci, Co, size >> (i + 2))
    layers.append(Flatten())
    features = base * base * widths[-1]
    if dense:
        layers += blocks.dense(features, dense)
    joined, features = ending.join(dense or features, blocks)
    seeing, features = see_the_batch(minibatch, features, rng, dtype)
    layers += [*joined, *seeing, ending.last(features, blocks)]
    return Sequential(layers, input_shape=(size, size, channels))


class Blocks:
    """The blocks of D: a layer, the normalisation `norm`, LeakyReLU.  `rng` draws the weights in that order."""

    def __init__(self, norm: str, slope: float, rng: np.random.Generator, dtype):
        one_of("dcgan", "d_norm", norm, NORMS)
        self.norm, self.slope, self.rng, self.dtype = norm, slope, rng, dtype
        rescaled = norm in ("batch", "spectral")
        self.init = INIT if rescaled else "he"  # without rescaling, 0.02 would make D nearly constant
        self.last_init = INIT if rescaled else "glorot"
        self.bias = norm != "batch"

    def first(self, Ci: int, Co: int) -> list[Layer]:
        """From the image to half its size, without normalised activations."""
        return [self._spectral(_down(Ci, Co, True, self.rng, self.dtype, self.init)), LeakyReLU(self.slope)]

    def down(self, Ci: int, Co: int, side: int) -> list[Layer]:
        """Half the size: side x side pixels of Co channels."""
        return self._normed(_down(Ci, Co, self.bias, self.rng, self.dtype, self.init), (side, side, Co))

    def dense(self, Di: int, Do: int) -> list[Layer]:
        """A hidden dense layer."""
        return self._normed(_dense(Di, Do, self.rng, self.dtype, self.bias, self.init), (Do,))

    def logits(self, Di: int, outputs: int = 1) -> Layer:
        """The last layer."""
        return self._spectral(Dense(Di, outputs, init=self.last_init, rng=self.rng, dtype=self.dtype))

    def _normed(self, layer: Dense | Conv2D, shape: tuple[int, ...]) -> list[Layer]:
        if self.norm == "batch":
            return [layer, _batchnorm(shape[-1], self.rng, self.dtype), LeakyReLU(self.slope)]
        if self.norm == "layer":
            return [layer, LayerNorm(shape, dtype=self.dtype), LeakyReLU(self.slope)]
        return [self._spectral(layer), LeakyReLU(self.slope)]

    def _spectral(self, layer: Dense | Conv2D) -> Layer:
        return SpectralNorm(layer, rng=self.rng) if self.norm == "spectral" else layer


def halve(image_size: int) -> tuple[int, int]:
    """(base, halvings): image_size = base 2^halvings with base at most 7.  Raises ValueError if this is impossible."""
    base, halvings = positive_int("dcgan", "image_size", image_size, least=4), 0
    while base % 2 == 0 and (base > LARGEST_BASE or halvings == 0):
        base, halvings = base // 2, halvings + 1
    if base > LARGEST_BASE or halvings == 0:
        fits = sorted(b * 2**h for b in range(4, LARGEST_BASE + 1) for h in range(1, 6))
        near = sorted(fits, key=lambda n: abs(n - image_size))[:2]
        raise ValueError(
            f"dcgan: image_size {image_size} cannot be halved down to {LARGEST_BASE} pixels or fewer; "
            f"the nearest sizes that can: {', '.join(map(str, sorted(near)))}"
        )
    return base, halvings


def _dense(Di: int, Do: int, rng, dtype, bias: bool = False, init=INIT) -> Dense:
    """By default without b, for use before a BatchNorm, whose beta does the same."""
    return Dense(Di, Do, bias=bias, init=init, rng=rng, dtype=dtype)


def _down(Ci: int, Co: int, bias: bool, rng, dtype, init=INIT) -> Conv2D:
    """Half the size."""
    return Conv2D(Ci, Co, kernel_size=4, stride=2, padding=1, bias=bias, init=init, rng=rng, dtype=dtype)


def _up(Ci: int, Co: int, bias: bool, rng, dtype) -> ConvTranspose2D:
    """Twice the size."""
    return ConvTranspose2D(
        Ci, Co, kernel_size=4, stride=2, padding=1, bias=bias, init=normal(0.02), rng=rng, dtype=dtype
    )


def _batchnorm(C: int, rng, dtype) -> BatchNorm:
    """gamma from N(1, 0.02^2), as in the authors' code."""
    layer = BatchNorm(C, dtype=dtype)
    layer.params["gamma"][...] = normal(0.02, mean=1.0)((C,), rng=rng, dtype=dtype)
    return layer
