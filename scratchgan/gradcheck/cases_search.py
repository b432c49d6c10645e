"""The part of the table of cases that belongs to searches of a latent space."""

from __future__ import annotations

import numpy as np

from ..models import dcgan, infogan, mlp_gan, projection_gan
from ..models.completion import Completion
from .case import Case


def completion(build, *, label=None, **options):
    """A function rng -> the search for an image with a hole of two rows, in a GAN that `build` makes."""

    def make(rng):
        gan = build(**options)
        H, W, C = gan.data_shape
        hole = np.zeros((H, W), bool)
        hole[1:3] = True
        return Completion(gan, rng.uniform(-1, 1, (H, W, C)), hole, weight=0.7, label=label)

    return make


_MLP = {"data_shape": (4, 4, 1), "latent_dim": 3, "hidden": (6, 5)}
_IMAGES = {"image_size": 8, "width": 2, "latent_dim": 3, "dense": 4}

SEARCHES = [
    Case("Completion", completion(mlp_gan, **_MLP), (2, 3)),
    Case("Completion, packed", completion(mlp_gan, packing=2, **_MLP), (2, 3)),
    Case("Completion, DCGAN", completion(dcgan, **_IMAGES), (2, 3)),
    Case("Completion, projection", completion(projection_gan, label=2, classes=3, **_IMAGES), (2, 3)),
    Case("Completion, codes", completion(infogan, label=1, classes=3, **_IMAGES), (2, 3)),
]
