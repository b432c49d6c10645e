r"""Nets that turn an image into an image: a U-Net, a residual net, and a discriminator of patches.

**U-Net** (Ronneberger et al. 2015; Isola et al. 2017, section 3.2.1).  An encoder halves the image several times, a
decoder doubles it again, and at every size a skip connection hands the encoder's features to the decoder:

    x -> Conv k3 -> e_0 -+-> down -> e_1 -+-> down -> e_2 --- ... ---+
                         |                |                          |         down: Conv k4 s2, InstanceNorm, LeakyReLU
         y <- Conv k3 <- [e_0, up] <----- [e_1, up] <- ... <- up <---+         up: ConvT k4 s2, InstanceNorm, ReLU

    (UNet.1)   block_i(e) = up_i( [d, block_{i+1}(d)] ),  d = down_i(e);       the innermost block is up_i(d)

so block_i is a chain, of which one link is a `Concat` of "pass on" and the next smaller block.  Backward, by (Concat.2):

    (UNet.2)   dd = (the part of up_i's dx that belongs to d) + (block_{i+1}'s dx for the other part)

Without the skips everything would have to pass through the few pixels in the middle, and lines would come out blurred.

**Residual net** (Ledig et al. 2017, figure 4, without BatchNorm as in Lim et al. 2017).  All work is done at the small
size; every `PixelShuffle` doubles it at the end.  A skip hands the enlarged input to the last convolution, which starts
as "leave it as it is": the net has to learn only what is missing.

**Patch discriminator** (Isola et al. 2017, section 3.2.2).  Every logit sees one patch, and judges it.

No layer mixes the images of a batch, and none has a weight for a position, so the same net fits other image sizes too:
the U-Net those that can be halved as often as its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ..checks import one_of, positive_int
from ..core import Layer
from ..initializers import Initializer, get, normal
from ..layers import (
    Concat,
    Conv2D,
    ConvTranspose2D,
    Dropout,
    InstanceNorm,
    LeakyReLU,
    PixelShuffle,
    ReLU,
    Residual,
    Sequential,
    Tanh,
    UpsampleBilinear2D,
)

NETS = ("unet", "residual")
SCALES = (1, 2, 4)
#: the U-Net halves until at most SMALL pixels per side are left, and needs to come down to LARGEST at least
SMALL, LARGEST = 7, 12
#: channels grow with each halving, up to this multiple of the width
MOST_WIDTHS = 4
SLOPE = 0.2
RATE = 0.5  # of the dropout that is pix2pix's noise
INIT = normal(0.02)  # of weights before an InstanceNorm, which rescales what they make


def halvings(who: str, *sides: int) -> int:
    """How often the U-Net halves an image with these sides.  Raises ValueError if it cannot halve it far enough."""
    count, left = 0, [positive_int(who, "image size", side, least=4) for side in sides]
    while all(side % 2 == 0 for side in left) and (max(left) > SMALL or count == 0):
        left, count = [side // 2 for side in left], count + 1
    if max(left) > LARGEST or count == 0:
        fits = [b * 2**k for k in range(1, 9) for b in range(2, LARGEST + 1)]
        below, above = [n for n in fits if n < max(sides)], [n for n in fits if n > max(sides)]
        near = [max(below), *([min(above)] if above else [])]
        size = " x ".join(map(str, sides))
        raise ValueError(
            f"{who}: a U-Net halves its images down to {LARGEST} pixels or fewer, and {size} cannot be halved so often; "
            f"the nearest sizes that can: {', '.join(map(str, near))}"
        )
    return count


def unet(
    shape: tuple[int, int, int],
    channels: int,
    width: int,
    rng: np.random.Generator,
    dtype: DTypeLike = np.float32,
    *,
    scale: int = 1,
    dropout: bool = False,
) -> Sequential:
    """A U-Net from images `shape` = (h, w, Cx) to (scale h, scale w, `channels`) in [-1, 1].

    width     channels at full resolution; 2 width, 4 width, 4 width ... below
    scale     1, 2 or 4: x is enlarged first
    dropout   pix2pix's noise: in training, all ups but the largest drop half of their features

    Raises ValueError if the size cannot be halved down to 12 pixels or fewer.
    """
    h, w, Cx = shape
    depth = halvings("unet", scale * h, scale * w)
    widths = [width * min(2**i, MOST_WIDTHS) for i in range(depth + 1)]

    def block(i: int) -> Sequential:
        """(UNet.1)."""
        outer, inner = widths[i], widths[i + 1]
        down = Conv2D(outer, inner, kernel_size=4, stride=2, padding=1, bias=False, init=INIT, rng=rng, dtype=dtype)
        layers: list[Layer] = [down, InstanceNorm(inner, dtype=dtype), LeakyReLU(SLOPE)]
        if i + 1 < depth:
            layers.append(Concat([Sequential([]), block(i + 1)]))
            inner *= 2
        up = ConvTranspose2D(
            inner, outer, kernel_size=4, stride=2, padding=1, bias=False, init=INIT, rng=rng, dtype=dtype
        )
        layers += [up, InstanceNorm(outer, dtype=dtype), ReLU()]
        if dropout and (i > 0 or depth == 1):
            layers.append(Dropout(RATE))
        return Sequential(layers)

    layers: list[Layer] = [] if scale == 1 else [UpsampleBilinear2D(scale)]
    layers += [Conv2D(Cx, width, kernel_size=3, padding=1, rng=rng, dtype=dtype), LeakyReLU(SLOPE)]
    layers += [Concat([Sequential([]), block(0)])]
    layers += [Conv2D(2 * width, channels, kernel_size=3, padding=1, init=INIT, rng=rng, dtype=dtype), Tanh()]
    return Sequential(layers, input_shape=shape)


def residual_net(
    shape: tuple[int, int, int],
    channels: int,
    width: int,
    blocks: int,
    rng: np.random.Generator,
    dtype: DTypeLike = np.float32,
    *,
    scale: int = 1,
    dropout: bool = False,
) -> Sequential:
    """A residual net from images `shape` = (h, w, Cx) to (scale h, scale w, `channels`), which starts as enlarging.

    width     channels of all hidden layers
    blocks    residual blocks at the size of the input: Conv k3 -> ReLU -> Conv k3
    scale     1, 2 or 4; each doubling is Conv k3 to 4 width -> PixelShuffle -> ReLU
    dropout   noise in training, in every block

    The output is not bounded.  Its first weights copy the first `channels` channels of the enlarged input, or the mean
    of all if it has fewer; what the blocks add starts at a tenth of its usual size.
    """
    Cx = shape[-1]

    def conv(Ci: int, Co: int, init: Initializer | str = "he") -> Conv2D:
        return Conv2D(Ci, Co, kernel_size=3, padding=1, init=init, rng=rng, dtype=dtype)

    trunk: list[Layer] = [conv(Cx, width), ReLU()]
    for _ in range(blocks):
        noise = [Dropout(RATE)] if dropout else []
        trunk.append(Residual(Sequential([conv(width, width), ReLU(), *noise, conv(width, width, scaled("he", 0.1))])))
    for _ in range(doublings(scale)):
        trunk += [conv(width, 4 * width), PixelShuffle(2), ReLU()]
    skip = Sequential([] if scale == 1 else [UpsampleBilinear2D(scale)])
    last = conv(Cx + width, channels, scaled("glorot", 0.1))
    copy_channels(last.params["W"], Cx, channels)
    return Sequential([Concat([skip, Sequential(trunk)]), last], input_shape=shape)


def doublings(scale: int) -> int:
    """log2 of the scale.  Raises ValueError unless it is 1, 2 or 4."""
    if scale not in SCALES or isinstance(scale, bool):
        raise ValueError(f"residual_net: scale must be 1, 2 or 4, got {scale!r}")
    return SCALES.index(scale)


def scaled(init: str, factor: float) -> Initializer:
    """The initializer called `init`, times a factor."""
    return lambda shape, *, rng, dtype=np.float32: get(init)(shape, rng=rng, dtype=dtype) * np.dtype(dtype).type(factor)


def copy_channels(W: np.ndarray, Cx: int, channels: int) -> None:
    """Make a 3 x 3 weight copy its first Cx inputs: channel by channel, or their mean if there are too few."""
    W[:, :, :Cx] = 0
    for c in range(channels):
        if Cx >= channels:
            W[1, 1, c, c] = 1
        else:
            W[1, 1, :Cx, c] = 1 / Cx


def generator(net: str, shape: tuple[int, int, int], channels: int, width: int, blocks: int, **options) -> Sequential:
    """The net called `net`, "unet" (which has no `blocks`) or "residual"; `options` as above."""
    one_of("paired", "net", net, NETS)
    if net == "unet":
        return unet(shape, channels, width, **options)
    return residual_net(shape, channels, width, blocks, **options)


def discriminator(
    shape: Sequence[int], width: int, rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> Sequential:
    """Images `shape` -> logits (h, w, 1): two halvings (a logit sees 18 x 18 pixels), three from 48 pixels a side on.

    width     channels after the first halving, doubled by each of the others.  The first has no InstanceNorm.
    """

    def conv(Ci: int, Co: int, k: int, stride: int, bias: bool = True) -> Conv2D:
        return Conv2D(Ci, Co, kernel_size=k, stride=stride, padding=1, bias=bias, init=INIT, rng=rng, dtype=dtype)

    layers: list[Layer] = [conv(shape[-1], width, 4, 2), LeakyReLU(SLOPE)]
    for _ in range(2 if min(shape[:2]) >= 48 else 1):
        layers += [conv(width, 2 * width, 4, 2, bias=False), InstanceNorm(2 * width, dtype=dtype), LeakyReLU(SLOPE)]
        width *= 2
    return Sequential([*layers, conv(width, 1, 3, 1)], input_shape=tuple(shape))


def random_features(channels: int, dtype: DTypeLike = np.float32) -> Sequential:
    """Features for the perceptual term where there is no trained net: three layers of fixed random weights.

    They answer to edges and colours at two sizes, without knowing what is in an image.  The weights are always the same.
    """
    rng = np.random.default_rng(0)

    def conv(Ci: int, Co: int, k: int, stride: int) -> list[Layer]:
        return [Conv2D(Ci, Co, kernel_size=k, stride=stride, padding=1, rng=rng, dtype=dtype), LeakyReLU(SLOPE)]

    return Sequential([*conv(channels, 16, 3, 1), *conv(16, 32, 4, 2), *conv(32, 32, 4, 2)])
