"""Changes to the game, one per file: penalties on D, clipping, instance noise, feature matching, unrolled steps.

    GAN(G, D, ..., rules=[GradientPenalty(R1(10.0), "real"), InstanceNoise(0.5, 3000)])

Rules can be combined.  Changes to the nets (packing, minibatch layers, spectral normalisation) are layers, changes to
the loss (label smoothing) are options of the loss, and changes to the optimisers (two learning rates, an average of G's
weights) belong to the optimisers.
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
