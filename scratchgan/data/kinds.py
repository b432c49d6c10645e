"""The three kinds of data for a run, and the attributes that they have in common.

    kind             "examples": a Dataset, a fixed set of arrays;  "density": a Density, from which every batch is
                     drawn afresh;  "pair": a Pair, the two domains of a CycleGAN
    name             the name the user gave it
    example_shape    the shape of one example, (H, W, C) or (D,)
    n_classes        the number of classes; 0 without labels
    classes          the names of the classes, or () if they are only numbers

To tell the three apart, test `data.kind` and not `hasattr`: type checkers can follow that.
"""

from typing import TypeAlias

from .dataset import Dataset
from .densities import Density
from .pairs import Pair

Data: TypeAlias = Dataset | Density | Pair
