"""The layers: one idea a file, each with its equations, its shapes and its source in the docstring.

`dense` and `conv` are bilinear, `activations` work entry by entry, `shape` and `pooling` are linear maps, `norm` is
derived by hand.  The first three kinds inherit their four passes from `scratchgan.families`.
"""

from .activations import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh, sigmoid, softplus
from .conv import Conv2D, ConvTranspose2D
from .dense import Dense
from .dropout import Dropout
from .norm import BatchNorm
from .pooling import AveragePool2D, UpsampleNearest2D
from .shape import Flatten, Reshape

__all__ = [
    "ELU", "AveragePool2D", "BatchNorm", "Conv2D", "ConvTranspose2D", "Dense", "Dropout", "Flatten", "LeakyReLU",
    "ReLU", "Reshape", "Sigmoid", "Softplus", "Tanh", "UpsampleNearest2D", "sigmoid", "softplus",
]
