"""The last layers of D, in which conditional GANs differ, and the plain ending with one logit.

D of models/dcgan.py is convolutions, and then

    features -> ending.join -> [layers that see the whole batch] -> ending.last -> logit (and predictions)

Each kind of conditional GAN defines an ending in its own file, and registers it in CONDITIONS under its name for the
option `condition`:

    none         ... -> Dense -> logit                                                          below
    concat       ... -> [features, label's vector of 50] -> Dense -> (BatchNorm) -> LeakyReLU   models/cgan.py
                     -> Dense -> logit
    projection   ... -> Projection on the label's vector -> logit                               models/projection_gan.py
    auxiliary    ... -> Dense -> logit and a prediction of the label                            models/acgan.py
    codes        ... -> Dense -> logit;  -> Dense 128 -> (BatchNorm) -> LeakyReLU -> Dense      models/infogan.py
                     -> predictions of the codes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core import Layer
from ..gan import GAN

if TYPE_CHECKING:
    from .dcgan import Blocks

CONDITIONS: dict[str, type[Ending]] = {}


def ending(name: str) -> Callable[[type[Ending]], type[Ending]]:
    """Decorator: register an ending in CONDITIONS under `name`."""

    def enter(cls: type[Ending]) -> type[Ending]:
        CONDITIONS[name] = cls
        return cls

    return enter


@ending("none")
class Ending:
    """The ending of an unconditional D: one logit.

    A subclass takes what it needs of dcgan's options classes, continuous, class_weight and continuous_weight.
    """

    #: how many numbers G gets in addition to its noise
    codes = 0

    def __init__(self, **options):
        pass

    def make(self) -> Callable[..., GAN]:
        """What builds the GAN from G and D: a class, or a function with its signature."""
        return GAN

    def join(self, features: int, blocks: Blocks) -> tuple[list[Layer], int]:
        """(layers that add a condition to D's features (N, features), the number of features after them)."""
        return [], features

    def last(self, features: int, blocks: Blocks) -> Layer:
        """D's last layer, from (N, features)."""
        return blocks.logits(features)
