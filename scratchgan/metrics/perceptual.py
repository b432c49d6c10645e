r"""Perceptual distance: how different are two images in the eyes of a net, instead of pixel by pixel?"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..core import Layer
from ..layers import Sequential
from .compared import two_images
from .inputs import finite

Features = Callable[[np.ndarray], np.ndarray | Sequence[np.ndarray]]
_SMALL = 1e-10  # a feature vector shorter than this has no direction
_PAIRS = 64  # image pairs at a time


def perceptual_distance(a: ArrayLike, b: ArrayLike, features: Features | Layer) -> np.ndarray:
    r"""Distance (N,) of the features of the images a_n and b_n, both (N, H, W, C) in [-1, 1].

    (Perceptual.1)   u = f / |f|                 f (F,) the features at one position; u = 0 if |f| < 1e-10
    (Perceptual.2)   d_n = sum over the maps of  mean over the positions of |u_a - u_b|^2

    features   what gives the features: a net such as `texture_net()`, run in evaluation mode, or a function of float32
               images (N, H, W, C).  The result is one map (N, h, w, F), features (N, F), or a sequence of these

    Range     0 to 4 for each map, 2 if no feature is negative; smaller is better; symmetric; 0 for equal images.
    Floor     0: the truth itself.
    Ceiling   that of noise; it depends on the net.
    Blind to  what the features do not show, and the length of feature vectors.  Every net has its own scale: values of
              `texture_net` are **not comparable with LPIPS**, whose nets were trained on a million photographs and whose
              weights were fitted to the judgements of people.  Ours was fitted to nobody's.
    Errors    ValueError unless a and b are images of the same shape with finite pixels in [-1, 1], and if the features
              are not finite arrays (N, ..., F).
    Source    the form follows Zhang, Isola, Efros, Shechtman & Wang 2018, "The unreasonable effectiveness of deep
              features as a perceptual metric", without their learned weights.
    """
    who = "perceptual_distance"
    a, b = two_images(who, a, b)
    out = np.empty(len(a))
    for start in range(0, len(a), _PAIRS):
        part = slice(start, start + _PAIRS)
        maps = [_maps(who, features, x[part].astype(np.float32)) for x in (a, b)]
        out[part] = sum(_distance(f_a, f_b) for f_a, f_b in zip(*maps, strict=True))
    return out


def digit_net() -> Sequential:
    """A new copy of the digit classifier up to its second pooling, (N, H, W, 1) -> (N, H // 4, W // 4, 32), a `Layer`.

    What `texture_net` is for photographs, this is for digits of 28 x 28 pixels.  It has BatchNorm: run it with
    train=False, so that an image's features do not depend on the others.  Not comparable with LPIPS either.
    """
    from .classifier import load_classifier

    layers = [layer for _, layer in load_classifier().body.children()]
    pools = [i for i, layer in enumerate(layers) if type(layer).__name__ == "MaxPool2D"]
    return Sequential([copy.deepcopy(layer) for layer in layers[: pools[1] + 1]])


def _maps(who, features, x):
    """The features of x as a list of arrays (N, positions, F) in float64."""
    result = features.forward(x, train=False)[0] if isinstance(features, Layer) else features(x)
    maps = list(result) if isinstance(result, (list, tuple)) else [result]
    for i, f in enumerate(maps):
        if np.ndim(f) < 2 or len(f) != len(x) or np.size(f) == 0:
            raise ValueError(f"{who} expects features ({len(x)}, ..., F), got shape {np.shape(f)}")
        f = finite(who, "features", f)
        maps[i] = f.reshape(len(f), -1, f.shape[-1])
    return maps


def _distance(f_a, f_b):
    """(Perceptual.2) for one map."""
    return ((_directions(f_a) - _directions(f_b)) ** 2).sum(axis=2).mean(axis=1)


def _directions(f):
    """(Perceptual.1) for features (N, positions, F)."""
    length = np.sqrt((f * f).sum(axis=2, keepdims=True))
    return np.where(length >= _SMALL, f / np.maximum(length, _SMALL), 0.0)
