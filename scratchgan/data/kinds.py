"""The four kinds of data for a run, and the attributes that they have in common.

    kind             "examples": a Dataset, a fixed set of arrays;  "density": a Density, from which every batch is
                     drawn afresh;  "pair": a Pair, the two domains of a CycleGAN;  "paired": a Paired, images that
                     belong together, one of which is to be made from the other
    name             the name the user gave it
    example_shape    the shape of one example, (H, W, C) or (D,); of a Paired, of what is to be made
    n_classes        the number of classes; 0 without labels
    classes          the names of the classes, or () if they are only numbers

To tell them apart, test `data.kind` and not `hasattr`: type checkers can follow that.
"""

from typing import TypeAlias

from .dataset import Dataset
from .densities import Density
from .paired import Paired
from .pairs import Pair

Data: TypeAlias = Dataset | Density | Pair | Paired
