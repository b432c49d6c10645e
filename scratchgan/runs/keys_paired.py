"""The keys of recipes that turn images into images, learned from pairs; `Recipe` in runs/recipe.py has all others.

Where the pairs come from:

    data, data_b                  two data sets or folders: what the net is given, and what it should make of it
    data, side_by_side = "left"   one folder of pictures with both halves side by side, the given one on the left
    data, degrade = "noise" ...   one data set: the net is given its images spoilt, and should restore them
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..losses.content import CONTENT
from ..models.paired_game import NOISES
from ..models.paired_nets import NETS
from ..models.paired_views import VIEWS
from .keys import as_text, key

if TYPE_CHECKING:
    from .recipe import Recipe

DEGRADE = ("none", "bicubic", "blur", "noise", "grey", "holes")
HOLES = ("square", "half", "strokes")
SIDES = ("none", "left", "right")
PAIRED = ("paired",)


@dataclass(frozen=True, kw_only=True)
class PairedKeys:
    """The part of `Recipe` that belongs to models with the base `paired`."""

    side_by_side: str = key(
        "pairs: each image of `data` is a pair side by side; the half that the net is given",
        "none",
        choices=SIDES,
        when=("model", PAIRED),
    )
    degrade: str = key(
        "pairs: how images are spoilt for the net to restore: smaller (bicubic), blur, noise, grey, holes; none = the "
        "pairs are in the data",
        "none",
        choices=DEGRADE,
        when=("model", PAIRED),
    )
    degrade_by: float = key(
        "how much: how many times smaller (2 or 4), sigma of the blur in pixels, sigma of the noise in units of [-1, 1], "
        "side of a square hole as a share of the image; 0 = the usual",
        0.0,
        low=0,
        when=("degrade", ("bicubic", "blur", "noise", "holes")),
    )
    hole: str = key(
        "shape of the holes: a square, half of the image, or strokes",
        "square",
        choices=HOLES,
        when=("degrade", ("holes",)),
    )
    flip: bool = key("pairs: whether pairs are mirrored at random, left to right", False, when=("model", PAIRED))

    net: str = key("pairs: G's net, a U-Net with skips, or residual blocks at one size", choices=NETS)
    noise: str = key("pairs: G's noise: none, dropout as in pix2pix, or a channel of random numbers", choices=NOISES)
    d_sees: str = key("pairs: what D judges: the pair, the output alone, or the hole alone", choices=tuple(VIEWS))
    content: str = key("pairs: how output and truth are compared pixel by pixel", choices=tuple(CONTENT))
    content_weight: float = key("pairs: weight of the content term in G's loss", low=0)
    adversarial_weight: float = key("pairs: weight of D's opinion in G's loss; 0 = there is no game", low=0)
    feature_weight: float = key("pairs: weight of feature matching in D, layer by layer; 0 = off", low=0)
    perceptual_weight: float = key("pairs: weight of the distance in a fixed net's features; 0 = off", low=0)
    pretrain: int = key("pairs: the first steps, in which G learns from the content term alone", low=0)


#: keys of a game; without D there is none
OF_THE_GAME = ("d_sees", "d_width", "lr_d", "loss", "feature_weight", "pretrain")


def check_data(recipe: "Recipe", base: str) -> None:
    """Raise ValueError if a recipe says how to make pairs, but its model takes none; or packs them."""
    if base == "paired":
        if recipe.packing > 1:
            raise ValueError(f'packing = {recipe.packing} has no effect with model = "{recipe.model}": leave it out')
        return
    for name, usual in (("degrade", "none"), ("side_by_side", "none"), ("flip", False)):
        if (value := getattr(recipe, name)) != usual:
            raise ValueError(f'{name} = {as_text(value)} has no effect with model = "{recipe.model}": leave it out')


def check_used(recipe: "Recipe", name: str) -> None:
    """Raise ValueError if a key changes nothing in a recipe for pairs, although models for pairs have it."""
    if name in OF_THE_GAME and not recipe.adversarial_weight:
        raise ValueError(f"{name} has no effect with adversarial_weight = 0: there is no game, and D is not trained")
    if name == "blocks" and recipe.net != "residual":
        raise ValueError(f'blocks has no effect with net = "{recipe.net}", only with "residual"')
