"""Changes to the game, each in a file: penalties on D, clipping, instance noise, feature matching, unrolled steps.

    GAN(G, D, ..., rules=[GradientPenalty(R1(10.0), "real"), InstanceNoise(0.5, 3000)])

They can be combined.  What is part of the nets (packing, minibatch layers, spectral normalisation) is a layer, what is
part of the loss (label smoothing) an option of the loss, and what is part of the optimisers (two learning rates, an
average of G's weights) one of those.  The public names, nothing else.
"""

from .clipping import ClipWeights
from .feature_matching import FeatureMatching
from .instance_noise import InstanceNoise
from .penalised import PENALTIES, GradientPenalty, penalised
from .rule import Rule
from .unrolled import Unrolled

__all__ = [
    "PENALTIES",
    "ClipWeights",
    "FeatureMatching",
    "GradientPenalty",
    "InstanceNoise",
    "Rule",
    "Unrolled",
    "penalised",
]
