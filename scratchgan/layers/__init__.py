"""The layers: one idea per file, each with its equations, its shapes and its source in the docstring.

These inherit their four passes from `scratchgan.families`: `dense` and `conv` are bilinear; `activations` act entry by
entry; `shape`, `pack`, `pooling`, `maxout` and `dropout` are linear; `products` multiply two activations.

These are derived by hand: `norm`, `per_sample_norm`, `minibatch`, and the softmax in `attention`.

These are built from other layers: `sequential` is a chain of them; `spectral` wraps a bilinear layer and changes its
weight, as `reparametrised` derives for all such wrappers; `combine` and self-attention are graphs of layers.
`embedding` and `conditional` take labels.
"""

from . import fused as _fused  # noqa: F401 - joins neighbours for compiled kernels
from .activations import ELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh, sigmoid, softplus
from .attention import SelfAttention, Softmax
from .combine import Concat, Residual
from .conditional import LabelConcat, Projection
from .conv import Conv2D, ConvTranspose2D
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .maxout import Maxout
from .minibatch import MinibatchDiscrimination, MinibatchStd
from .norm import BatchNorm
from .pack import Pack
from .per_sample_norm import GroupNorm, InstanceNorm, LayerNorm, PixelNorm
from .pooling import AveragePool2D, MaxPool2D, UpsampleBilinear2D, UpsampleNearest2D
from .products import MatMul, Multiply
from .sequential import Sequential
from .shape import Flatten, PixelShuffle, Reshape
from .spectral import SpectralNorm

__all__ = [
    "ELU",
    "AveragePool2D",
    "BatchNorm",
    "Concat",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "InstanceNorm",
    "LabelConcat",
    "LayerNorm",
    "LeakyReLU",
    "MatMul",
    "MaxPool2D",
    "Maxout",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "Multiply",
    "Pack",
    "PixelNorm",
    "PixelShuffle",
    "Projection",
    "ReLU",
    "Reshape",
    "Residual",
    "SelfAttention",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SpectralNorm",
    "Tanh",
    "UpsampleBilinear2D",
    "UpsampleNearest2D",
    "sigmoid",
    "softplus",
]
