"""The part of the table of cases that belongs to games with pairs: content losses, nets, games."""

from __future__ import annotations

from ..losses.content import Content
from ..models import paired
from ..models.paired_nets import discriminator, residual_net, unet
from .case import Case


def _content(name: str, **options: float):
    """A function rng -> the content loss, for a target about as far from the input as the input is from zero."""
    return lambda rng: Content(name, 1.5 * rng.standard_normal((2, 3, 2, 2)), **options)


CONTENTS = [
    Case("Content l1", _content("l1"), (2, 3, 2, 2)),
    Case("Content l2", _content("l2"), (2, 3, 2, 2)),
    Case("Content charbonnier", _content("charbonnier", eps=0.7), (2, 3, 2, 2)),
]

NETS = [
    Case("U-Net", lambda rng: unet((16, 8, 1), 2, 1, rng), (1, 16, 8, 1)),
    Case("U-Net x2, dropout", lambda rng: unet((4, 8, 1), 1, 1, rng, scale=2, dropout=True), (1, 4, 8, 1)),
    Case("Residual net", lambda rng: residual_net((3, 4, 1), 3, 2, 2, rng), (2, 3, 4, 1)),
    Case(
        "Residual net x4, dropout",
        lambda rng: residual_net((2, 1, 2), 1, 2, 1, rng, scale=4, dropout=True),
        (2, 2, 1, 2),
    ),
    Case("Patch discriminator", lambda rng: discriminator((8, 12, 3), 1, rng), (2, 8, 12, 3)),
]


def _game(**options):
    """A function rng -> a small game with pairs."""
    return lambda rng: paired(**{"image_size": 8, "channels": 1, "width": 1, "d_width": 1, "blocks": 1, **options})


GAMES_WITH_PAIRS = [
    Case(
        "Paired, all terms, dropout",
        _game(input_channels=2, noise="dropout", content_weight=2.0, feature_weight=0.7, perceptual_weight=0.3),
        (2, 8, 8, 1),
    ),
    Case(
        "Paired, residual x2, relativistic",
        _game(net="residual", scale=2, loss="relativistic-average", content="l2", feature_weight=0.5, pretrain=3),
        (2, 8, 8, 1),
    ),
    Case(
        "Paired, hole",
        _game(d_sees="hole", content="l2", content_weight=3.0, loss="least-squares", feature_weight=0.4),
        (2, 8, 8, 1),
    ),
    Case(
        "Paired, hole, l1, the pair judged",
        _game(d_sees="pair", composite=True, noise="channel", content_weight=3.0, adversarial_weight=0.5),
        (2, 8, 8, 1),
    ),
    Case(
        "Paired, output, hinge",
        _game(d_sees="output", net="residual", noise="channel", loss="hinge", content_weight=0.0, channels=2),
        (2, 8, 8, 2),
    ),
    Case("Paired, content alone", _game(net="residual", adversarial_weight=0.0, feature_weight=0.5), (2, 8, 8, 1)),
]
