"""CycleGAN's nets, for digits: image-to-image generators and patch discriminators (Zhu et al. 2017, section 7.2).

Each net normalises every image by itself (InstanceNorm), and draws its initial weights from N(0, 0.02^2).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ..core import Layer, ShapeError
from ..initializers import normal
from ..layers import Conv2D, InstanceNorm, LeakyReLU, ReLU, Residual, Sequential, Tanh, UpsampleNearest2D

INIT = normal(0.02)


def generator(
    shape: tuple[int, ...], width: int, blocks: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Conv k5 -> half the size -> residual blocks -> full size -> Conv k3 -> tanh, InstanceNorm and ReLU between.

    For photographs, Zhu et al. 2017, section 7.2, halve the size twice, and use 6 or 9 blocks and 7 x 7 kernels at both
    ends; digits of 28 pixels need less.
    """
    channels = shape[-1]

    def conv(Ci: int, Co: int, k: int, stride: int = 1) -> list[Layer]:
        layer = Conv2D(
            Ci, Co, kernel_size=k, stride=stride, padding=k // 2, bias=False, init=INIT, rng=rng, dtype=dtype
        )  # without b, which InstanceNorm would subtract again
        return [layer, InstanceNorm(Co, dtype=dtype)]

    inner = 2 * width
    layers = [*conv(channels, width, 5), ReLU(), *conv(width, inner, 3, 2), ReLU()]
    layers += [Residual(Sequential([*conv(inner, inner, 3), ReLU(), *conv(inner, inner, 3)])) for _ in range(blocks)]
    layers += [UpsampleNearest2D(2), *conv(inner, width, 3), ReLU()]
    layers += [Conv2D(width, channels, kernel_size=3, padding=1, init=INIT, rng=rng, dtype=dtype), Tanh()]
    return Sequential(layers, input_shape=shape)


def discriminator(
    shape: tuple[int, ...], width: int, slope: float, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """PatchGAN: Conv k4 s2 -> Conv k4 s2, InstanceNorm -> Conv k3: a logit for each patch of 18 x 18 pixels."""

    def conv(Ci: int, Co: int, k: int, stride: int, bias: bool = True) -> Conv2D:
        return Conv2D(Ci, Co, kernel_size=k, stride=stride, padding=1, bias=bias, init=INIT, rng=rng, dtype=dtype)

    return Sequential(
        [
            conv(shape[-1], width, 4, 2),
            LeakyReLU(slope),
            conv(width, 2 * width, 4, 2, bias=False),
            InstanceNorm(2 * width, dtype=dtype),
            LeakyReLU(slope),
            conv(2 * width, 1, 3, 1),
        ],
        input_shape=shape,
    )


class Both(Layer):
    """Two nets of one player, held together for one optimiser and one moving average.  It has no passes of its own."""

    def __init__(self, **nets: Layer):
        super().__init__()
        self.nets = nets

    def children(self) -> list[tuple[str, Layer]]:
        """The nets, by name."""
        return list(self.nets.items())

    def __getitem__(self, name: str) -> Layer:
        return self.nets[name]

    def describe(self) -> str:
        """The nets."""
        return "".join(f"\n {name}: {net!r}," for name, net in self.nets.items())


def check_nets(G: Both, D: Both, data_shape: tuple[int, ...]) -> None:
    """Check that the generators keep data_shape, no net mixes the images of a batch, and all have the same dtype.

    Raises ShapeError or ValueError, naming the net.
    """
    for player in (G, D):
        for name, net in player.children():
            made = net.output_shape(data_shape)
            if player is G and made != data_shape:
                raise ShapeError(f"CycleGAN: G_{name} makes images of shape {made}, the data has {data_shape}")
            if any(layer.couples_samples for layer in net.layers_below()):
                raise ValueError(
                    f"CycleGAN: {net.label} has a layer that mixes the images of a batch (BatchNorm); use InstanceNorm"
                )
    if len({net.dtype for player in (G, D) for _, net in player.children()}) > 1:
        raise ValueError("CycleGAN: all four nets must have the same dtype")
