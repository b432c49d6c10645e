"""The three kinds of data that a run may have, and what can be asked of each of them.

    kind             "examples": a Dataset, a fixed set of arrays;  "density": a Density, every batch of which is drawn
                     afresh;  "pair": a Pair, the two domains of a CycleGAN
    name             what the user calls it
    example_shape    the shape of one example, (H, W, C) or (D,)
    n_classes        how many classes the labels tell apart; 0 without labels
    classes          names of the classes, or () where they are just numbers

Ask `data.kind`, never whether some attribute is there: a type checker then knows which of the three it has, too.
"""

from typing import TypeAlias

from .dataset import Dataset
from .densities import Density
from .pairs import Pair

Data: TypeAlias = Dataset | Density | Pair
