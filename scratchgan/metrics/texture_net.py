r"""A small net of features for colour images: it learned to tell five photographs apart, and which way up they were.

Metrics and perceptual terms compare images by features.  The usual ones come from nets that were trained on a million
photographs; this one is built from the layers of this package and trained on crops of the five training photographs of
"textures", each turned by 0, 90, 180 or 270 degrees: which of the 20 is it?  To answer, it has to see texture, and the
direction of light and of edges.  Every number computed with it is therefore labelled

    features of scratchgan's own texture net: not comparable with LPIPS or FID of others

    image (H, W, 3), any H and W of at least 16
      Conv k3 p1 -> LeakyReLU, 16 channels -> AveragePool                      (H/2, W/2, 16)
      Conv k3 p1 -> LeakyReLU, 32 channels -> AveragePool                      (H/4, W/4, 32)
      Conv k3 p1 -> LeakyReLU, 64 channels                                     (H/4, W/4, 64)  the maps
      mean over the positions                                                  (64,)           the features
      Dense                                                                    (20,)           the logits

There is no BatchNorm, so the maps of an image depend on nothing else, and no max pooling, so their derivatives have no
jumps but those of LeakyReLU.  The weights are shipped in half precision (float16).

    python -m benchmarks.texture_net

trains it anew (benchmarks/texture_net.py says how) and counts its errors.  What it can do, and what it cannot: it knows
every one of 4,000 new crops of the training photographs by its photograph (100 %), which is easy, but the turn of only
41 % of them, and of the photographs held out no more than chance (26 % of four).  What it has learned is texture, which
is what it is for.  Frechet distance of crops of held-out photographs, in units where the features' mean variance is 1:
other crops 0.4 (the floor), noise of 0.1 added 6, a blur of 0.5 pixels 8, of 1 pixel 54, uniform noise 1,800.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files import checkpoint
from ..kernels import on_one_blas_thread
from ..layers import AveragePool2D, Conv2D, Dense, LeakyReLU, Sequential
from ..optim import check_same_arrays
from .inputs import images as checked

WEIGHTS = Path(__file__).parent / "files" / "texture-net.npz"
LABEL = "features of scratchgan's own texture net: not comparable with LPIPS or FID of others"
KIND = "texture-net"
WIDTHS, SLOPE = (16, 32, 64), 0.2
FEATURES, TURNS, PHOTOGRAPHS = WIDTHS[-1], 4, 5
LEAST = 16  # pixels of a side
LARGEST_FILE = 1 << 20  # bytes, unpacked
_PIXELS, _MOST = 1 << 16, 64  # of the images in a forward pass


@dataclass(frozen=True)
class TextureFacts:
    """Where the weights come from, and how often the net is right.

    command, seed, steps    what made them
    right, crops            of `crops` new crops of the training photographs, how many of the 20 answers are right
    turned_right            of as many crops of the photographs held out, how often the turn (one of 4) is right
    scratchgan              version that made them
    """

    command: str
    seed: int
    steps: int
    right: int
    turned_right: int
    crops: int
    scratchgan: str


class TextureNet:
    """The net of this module.

    body     images (N, H, W, 3) -> maps (N, H // 4, W // 4, 64)
    head     features (N, 64) -> logits (N, 20); class 4 p + t is photograph p turned t times by 90 degrees
    facts    the origin of the weights; None directly after `build`
    """

    def __init__(self, body: Sequential, head: Dense, facts: TextureFacts | None = None):
        self.body, self.head, self.facts = body, head, facts

    @on_one_blas_thread
    def maps(self, images: np.ndarray) -> np.ndarray:
        """Maps (N, H // 4, W // 4, 64) float32 of images (N, H, W, 1 or 3) in [-1, 1]; grey counts as a colour.

        Raises ValueError for another number of channels, sides below 16 pixels, and pixels not in [-1, 1].
        """
        images = _colour(images)
        # as many at a time for every N, because rounding depends on the size of the batch
        chunk = min(_MOST, max(1, _PIXELS // (images.shape[1] * images.shape[2])))
        parts = []
        for start in range(0, len(images), chunk):
            part = images[start : start + chunk]
            filling = np.zeros((chunk - len(part), *part.shape[1:]), np.float32)
            parts.append(self.body.forward(np.concatenate([part, filling]), train=False)[0][: len(part)])
        return np.concatenate(parts)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Features (N, 64) float32: the mean of `maps` over the positions.  Raises the same errors."""
        return self.maps(images).mean(axis=(1, 2))

    @on_one_blas_thread
    def logits(self, images: np.ndarray) -> np.ndarray:
        """Logits (N, 20), before the softmax.  Raises the same errors as `maps`."""
        return self.head.forward(self.features(images), train=False)[0]

    def arrays(self) -> dict[str, np.ndarray]:
        """All weights by name; the arrays themselves, not copies."""
        return {
            f"{part}/{path}": a
            for part, net in (("body", self.body), ("head", self.head))
            for path, a in net.parameters()
        }

    def __repr__(self) -> str:
        return f"TextureNet({self.facts})"


def build(*, rng: np.random.Generator) -> TextureNet:
    """The net with random weights (He et al. 2015)."""
    layers: list = []
    for i, width in enumerate(WIDTHS):
        layers += [AveragePool2D(2)] if i else []
        layers += [Conv2D(WIDTHS[i - 1] if i else 3, width, kernel_size=3, padding=1, rng=rng), LeakyReLU(SLOPE)]
    return TextureNet(Sequential(layers), Dense(FEATURES, TURNS * PHOTOGRAPHS, init="glorot", rng=rng))


def texture_net() -> Sequential:
    r"""A new copy of the shipped net up to its maps, (N, H, W, 3) -> (N, H // 4, W // 4, 64), a `Layer`.

    For a perceptual term: run it with train=False, and `backward(..., param_grads=False)` gives the gradient with
    respect to the image alone.  Its weights are to stay as they are: give them to no optimiser.
    """
    return _read(WEIGHTS).body


@functools.cache
def load_texture_net(path: str | Path = WEIGHTS) -> TextureNet:
    """The net with the weights in `path`, by default the shipped ones; cached, so a file is read only once.

    Raises FileNotFoundError if there is no such file, and ValueError naming the file if it is too large, damaged, not a
    file of this net, or if its arrays do not match.
    """
    return _read(Path(path))


def save(path: str | Path, net: TextureNet) -> None:
    """Write weights, rounded to float16, and facts in the format of `scratchgan.files.checkpoint`, atomically."""
    if net.facts is None:
        raise ValueError("texture net: save needs the facts of the weights (command, seed, accuracy), got None")
    half = {name: array.astype(np.float16) for name, array in net.arrays().items()}
    checkpoint.save(path, half, {"kind": KIND, **vars(net.facts)})


def _read(path: Path) -> TextureNet:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected the weights of the texture net")
    arrays, meta = checkpoint.load(path, most=LARGEST_FILE)
    if meta.get("kind") != KIND:
        raise ValueError(f"{path}: expected weights of the texture net, got {meta.get('kind', 'a run')!r}")
    net = build(rng=np.random.default_rng(0))
    try:
        given = {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in arrays.items()}
        check_same_arrays("texture net", net.arrays(), given)
        for name, array in net.arrays().items():
            if not np.isfinite(given[name]).all():
                raise ValueError(f"texture net: {name!r} has values that are not finite")
            array[...] = given[name]
        facts: dict[str, Any] = {key: value for key, value in meta.items() if key != "kind"}
        net.facts = TextureFacts(**facts)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return net


def _colour(images) -> np.ndarray:
    """Checked images as (N, H, W, 3) float32."""
    images = checked("texture net", "images", images)
    if images.shape[-1] not in (1, 3) or min(images.shape[1:3]) < LEAST:
        raise ValueError(
            f"texture net expects images (N, H, W, 1 or 3) of at least {LEAST} pixels a side, got {images.shape}"
        )
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], 3)), np.float32)
