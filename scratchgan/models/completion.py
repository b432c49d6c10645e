r"""Fill a hole in an image with a GAN that was trained on whole ones: search its latent space, train nothing.

(Yeh, Chen, Yian Lim, Schwing, Hasegawa-Johnson & Do 2017, "Semantic image inpainting with deep generative models".)

Find a z whose image agrees with what is known, and put what G paints there into the hole.

Symbols   x (H, W, C)   the image         k (H, W, C)   1 where it is known, 0 in the hole;   M = sum k
          z             the latent vector that is searched; the nets' weights never change
          C(y)          the logit of D for an image y; with packing, of copies of y

    (Completion.1)   L(z) = 1/M sum k |G(z) - x|  +  lambda softplus(-C(G(z)))

The first term is zero if G(z) equals x wherever x is known.  Many z come close, and some of them paint nonsense into the
hole, far from where z ~ N(0, I) usually lies.  The second term, -log D(G(z)), is the non-saturating loss of a single
fake: it keeps G(z) where D takes it for real.  It is used whatever loss the GAN was trained with, because it falls with
C everywhere and stays finite.  The known pixels are then pasted:

    (Completion.2)   y = k x + (1 - k) G(z)

so that they are x's own, bit for bit, and only the hole is G's.

**The gradient.**  Backward through D and G as in G's turn of training, but one step further, to z:

    (Completion.3)   dL/dG = k sign(G(z) - x) / M  +  lambda J_D^T (-sigmoid(-C)),     J_D = dC/dG
    (Completion.4)   dL/dz = J_G^T dL/dG

with sign(0) = 0.  Both nets run in evaluation mode: their BatchNorms use the running statistics, so an image's gradient
does not depend on the others of the batch.  (It does if D has a minibatch layer; the rows of dL/dz are then those of the
sum of all L.)  A label, where the GAN takes one, is given to both nets and stays; only z moves.

**The search.**  Adam on z, 300 steps.  L has many local minima, so the search runs from several starts z ~ N(0, I) side
by side, and the one with the smallest first term is taken: the second says nothing about this image.

Differences from the paper: it weights known pixels by how many missing ones are near, blends by Poisson's equation
instead of pasting, and draws z from a uniform distribution, to which it clips z after each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..checks import positive_int, real
from ..core import Layer, ShapeError
from ..gan import GAN
from ..kernels import on_one_blas_thread
from ..layers.activations import sigmoid, softplus
from ..optim import Adam

RATE = 0.05  # of Adam on z, whose entries are about 1 in size


class Completed(NamedTuple):
    """The result of a search.

    image    (H, W, C): x with its hole filled, (Completion.2)
    made     (H, W, C): G(z), from which the hole was filled
    z        (latent_dim,): what was found
    errors   (steps + 1, starts): the first term of (Completion.1) before each step and after the last
    """

    image: np.ndarray
    made: np.ndarray
    z: np.ndarray
    errors: np.ndarray


class Completion:
    """The objective (Completion.1) of latent vectors, for one image.

    gan      a GAN of images; its averaged weights are used if there are any.  It does not change
    x        (H, W, C) in [-1, 1]; what is in the hole plays no part
    hole     (H, W) bool: True where x is missing
    weight   lambda
    label    for a conditional GAN: the class

    Raises ValueError (ShapeError) if the image, the hole or the label does not fit the GAN.
    """

    def __init__(self, gan: GAN, x: np.ndarray, hole: np.ndarray, *, weight: float = 0.1, label: int | None = None):
        if gan.kind != "samples" or len(gan.data_shape) != 3:
            raise ValueError("Completion: expected a GAN that makes images from noise")
        if np.shape(x) != gan.data_shape or np.shape(hole) != gan.data_shape[:2]:
            raise ShapeError(
                f"Completion: expected an image {gan.data_shape} and a hole {gan.data_shape[:2]}, got {np.shape(x)} and "
                f"{np.shape(hole)}"
            )
        hole = np.asarray(hole, bool)
        if not hole.any() or hole.all():
            raise ValueError("Completion: expected a hole with known pixels around it")
        if gan.conditional and label is None:
            raise ValueError(f"Completion: this GAN is conditional; expected a label in 0..{gan.classes - 1}")
        if label is not None and not gan.conditional:
            raise ValueError("Completion: this GAN is not conditional, and takes no label")
        self.gan, self.label = gan, label
        self.G: Layer = gan.G if gan.ema is None else gan.ema.net
        self.D: Layer = gan.D
        self.weight = real("Completion", "weight", weight, 0, math.inf, open_high=True)
        self.x, self.hole = np.asarray(x, self.G.dtype), hole
        self.known = np.broadcast_to(~hole[..., None], gan.data_shape)

    def gradients(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(L (N,), its first term (N,), dL/dZ (N, latent_dim)) for latent vectors Z (N, latent_dim)."""
        made, through_g = self.G.forward(self.inputs(Z), train=False)
        apart, M = made - self.x, self.known.sum()
        error = np.where(self.known, np.abs(apart), 0).sum(axis=(1, 2, 3), dtype=np.float64) / M
        d_made = np.where(self.known, np.sign(apart), 0) / made.dtype.type(M)
        value = error
        if self.weight:
            dislike, d_dislike = self._dislike(made)
            value, d_made = error + self.weight * dislike, d_made + made.dtype.type(self.weight) * d_dislike
        dZ = self.G.backward(np.ascontiguousarray(d_made), through_g, param_grads=False)
        return value, error, dZ[:, : self.gan.latent_dim]

    def made(self, Z: np.ndarray) -> np.ndarray:
        """G(Z), (N, H, W, C), in evaluation mode."""
        return self.G.forward(self.inputs(Z), train=False)[0]

    def pasted(self, made: np.ndarray) -> np.ndarray:
        """(Completion.2) for one image that G made, (H, W, C)."""
        return np.where(self.known, self.x, made)

    def _dislike(self, made: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(softplus(-C) (N,), its gradient by the images), through D."""
        N = len(made)
        out, through_d = self.D.forward(self.copies(made), train=False, **self.conditions(N))
        d_out, C = np.zeros_like(out), out[:, :1]
        d_out[:, :1] = -sigmoid(-C)
        d_copies = self.D.backward(d_out, through_d, param_grads=False)
        d_made = d_copies.reshape(N, self.gan.packing, *made.shape[1:]).sum(axis=1)
        return softplus(-C[:, 0].astype(np.float64)), d_made

    def copies(self, made: np.ndarray) -> np.ndarray:
        """What D judges: the images (N, ...), or with packing as many copies of each as are packed together."""
        m = self.gan.packing
        return np.repeat(made, m, axis=0) if m > 1 else made

    def inputs(self, Z: np.ndarray) -> np.ndarray:
        """G's input: Z (N, latent_dim), and the label if there is one (codes are 0)."""
        if not self.gan.conditional:
            return Z
        gan: Any = self.gan  # a ConditionalGAN
        labels = gan.checked_labels(np.full(len(Z), self.label), len(Z))
        return gan.with_codes(Z, labels, np.zeros((len(Z), gan.continuous)))

    def conditions(self, N: int) -> dict[str, Any]:
        """D's further input: the label (N,), if D takes one."""
        takes = self.gan.conditional and getattr(self.gan, "d_takes_labels", False)
        return {"labels": np.full(N, self.label, np.int64)} if takes else {}


class Latent(Layer):
    """The latent vectors, as the parameter "z" that Adam moves; it has no passes of its own."""

    def __init__(self, Z: np.ndarray):
        super().__init__()
        self.params, self.grads = {"z": Z}, {"z": np.zeros_like(Z)}


@on_one_blas_thread
def complete(
    gan: GAN,
    x: np.ndarray,
    hole: np.ndarray,
    *,
    label: int | None = None,
    weight: float = 0.1,
    steps: int = 300,
    starts: int = 8,
    rate: float = RATE,
    seed: int = 1,
    done: Callable[[int], object] = lambda n: None,
) -> Completed:
    """Fill the hole of one image by the search above.

    gan, x, hole, weight, label   as for `Completion`
    steps, starts, rate           of Adam, how many searches run side by side, and its learning rate
    seed                          of the starts; the same seed gives the same bits
    done                          called with 1 after each step

    Raises ValueError as `Completion`, for less than 1 step or start, and if the search is not finite.
    """
    objective = Completion(gan, x, hole, weight=weight, label=label)
    steps, starts = positive_int("complete", "steps", steps), positive_int("complete", "starts", starts)
    rng = np.random.default_rng(positive_int("complete", "seed", seed, least=0))
    latent = Latent(rng.standard_normal((starts, gan.latent_dim)).astype(objective.G.dtype))
    adam, Z, errors = Adam(latent, rate, beta1=0.9, beta2=0.999), latent.params["z"], []
    for _ in range(steps):
        _, error, latent.grads["z"][...] = objective.gradients(Z)
        errors.append(error)
        adam.step()
        done(1)
    errors.append(objective.gradients(Z)[1])
    if not np.isfinite(errors[-1]).any():
        raise ValueError("complete: no search stayed finite; expected finite weights, or a smaller rate")
    best = int(np.nanargmin(errors[-1]))
    made = objective.made(Z)[best]
    return Completed(objective.pasted(made), made, Z[best].copy(), np.stack(errors))
